// An agency's client in Node: calls over gRPC, repeats what may be repeated, and verifies every record offline before it counts.
//
//     npm install --prefix examples/clients/node
//     node examples/clients/node/client.mjs fetch 127.0.0.1:50051 042090990001 anchor.json
//     lienthong check client -- node examples/clients/node/client.mjs check
//
// `fetch` prints a citizen's records. `check` answers the questions of `lienthong check client`, over stdin and stdout, or over gRPC where
// LIENTHONG_CHECK_ADDRESS names the checker. The verification is its own (the modules next to it), with node:crypto alone.
import { readFileSync } from 'node:fs';
import { argv, env, exit, stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import protobuf from 'protobufjs';

import { auditHead, auditLog } from './audit.mjs';
import { Refused, milliseconds } from './form.mjs';
import { Anchor, VALID } from './log.mjs';
import { verifyPresentation } from './presentation.mjs';
import { readStatusList, shownBy, verifyFile } from './verify.mjs';
import { judgeWitnesses } from './witness.mjs';

const PROTOS = env.PROTOS ?? fileURLToPath(new URL('../../../proto', import.meta.url));
const ATTEMPTS_MAX = 4;
const WATCH = 'lienthong.province.v1.ProvinceService/WatchChanges';
const STREAMS = ['lienthong.exchange.v1.ExchangeService/BulkFetchRecords'];
// Reasons with which the server ends a watch that may be resumed; one that the network broke has none.
const RESUMABLE = [null, 'SHUTTING_DOWN', 'WATCH_BEHIND'];
const CODES = Object.fromEntries(Object.entries(grpc.status).filter(([, code]) => typeof code === 'number').map(([name, code]) => [code, name]));
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// ---- Calling

// The protos of the services that this client calls.
const SERVICES = {
  'lienthong.exchange.v1.ExchangeService': 'lienthong/exchange/v1/exchange_service.proto',
  'lienthong.province.v1.ProvinceService': 'lienthong/province/v1/province_service.proto',
  'lienthong.registry.v1.RegistryService': 'lienthong/registry/v1/registry_service.proto',
  'lienthong.identity.v1.PresentationService': 'lienthong/identity/v1/presentation_service.proto',
  'lienthong.trust.v1.LedgerService': 'lienthong/trust/v1/ledger_service.proto',
  'lienthong.check.v1.CheckService': 'lienthong/check/v1/check_service.proto',
};
const stubs = new Map();

function stub(address, service) {
  const key = `${address} ${service}`;
  if (!stubs.has(key)) {
    // Names as in the protos, bytes in base64, and nothing that was not sent: the form in which answers are verified.
    const options = { includeDirs: [PROTOS], keepCase: true, enums: String, longs: String, bytes: String };
    const whole = grpc.loadPackageDefinition(loader.loadSync(SERVICES[service], options));
    stubs.set(key, new (service.split('.').reduce((at, name) => at[name], whole))(address, grpc.credentials.createInsecure()));
  }
  return stubs.get(key);
}

const { root: RPC } = protobuf.parse(`syntax = "proto3"; package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }`, { keepCase: true });

// The reason of a refusal, and the wait in milliseconds that it asks for: null if it names none.
function detailsOf(error) {
  const found = { reason: null, wait: null };
  const [encoded] = error.metadata?.get('grpc-status-details-bin') ?? [];
  for (const { type_url: url, value } of encoded ? RPC.lookupType('google.rpc.Status').decode(encoded).details : []) {
    if (url.endsWith('/google.rpc.ErrorInfo')) found.reason = RPC.lookupType('google.rpc.ErrorInfo').decode(value).reason;
    if (url.endsWith('/google.rpc.RetryInfo')) {
      const { retry_delay: delay } = RPC.lookupType('google.rpc.RetryInfo').decode(value);
      found.wait = Number(delay?.seconds ?? 0) * 1000 + (delay?.nanos ?? 0) / 1e6;
    }
  }
  return found;
}

class CallFailed extends Error {
  constructor(status, reason, attempts) {
    super(reason ? `${status} ${reason}` : status);
    Object.assign(this, { status, reason, attempts });
  }
}

function metadataOf(metadata) {
  const sent = new grpc.Metadata();
  Object.entries(metadata).forEach(([key, value]) => sent.set(key, value));
  return sent;
}

// One attempt at a call: its answer, of a stream the list of its messages, whole or not at all; or the error.
function attempt(address, method, request, sent, deadline) {
  const [service, name] = method.split('/');
  return new Promise((resolve) => {
    if (!STREAMS.includes(method)) {
      stub(address, service)[name](request, sent, { deadline }, (error, answer) => resolve({ error, answer }));
      return;
    }
    const answer = [];
    const messages = stub(address, service)[name](request, sent, { deadline });
    messages.on('data', (one) => answer.push(one)).on('error', (error) => resolve({ error })).on('end', () => resolve({ answer }));
  });
}

// The answer, and how often the call was made. It is made again only if the method's manual allows it, the server says when (RetryInfo), and the
// deadline lies behind that.
async function call(address, method, request, metadata, milliseconds, mayRepeat) {
  const until = Date.now() + milliseconds;
  const sent = metadataOf(metadata);
  for (let attempts = 1; ; attempts += 1) {
    const { error, answer } = await attempt(address, method, request, sent, until);
    if (!error) return { answer, attempts };
    const [status, { reason, wait }] = [CODES[error.code], detailsOf(error)];
    const passes = ['UNAVAILABLE', 'RESOURCE_EXHAUSTED'].includes(status) && wait !== null;
    if (!(mayRepeat && passes && attempts < ATTEMPTS_MAX && Date.now() + wait < until)) throw new CallFailed(status, reason, attempts);
    await pause(wait);
  }
}

// The ledger indices of a watch's changes up to the ledger's end, each once, and how often the call was made. A watch that breaks off is resumed with its
// last token, which brings what is still missing: nothing is lost, and nothing comes twice.
async function watch(address, request, metadata, milliseconds) {
  const [service, name] = WATCH.split('/');
  const [sent, deadline, changes] = [metadataOf(metadata), Date.now() + milliseconds, []];
  // protobuf.js does not know that protobuf's JSON has durations as texts: 1.5s.
  const heartbeat = request.heartbeat && { seconds: parseInt(request.heartbeat, 10), nanos: Math.round((parseFloat(request.heartbeat) % 1) * 1e9) };
  let [token, broken] = [request.resume_token, null];
  for (let attempts = 1; attempts <= ATTEMPTS_MAX; attempts += 1) {
    const messages = stub(address, service)[name]({ ...request, heartbeat, resume_token: token }, sent, { deadline });
    broken = await new Promise((resolve) => {
      messages.on('data', ({ resume_token: last, ledger_index: index, progress }) => {
        token = last;
        if (progress) {
          // What is 0 is not sent.
          if (Number(progress.ledger_index ?? 0) >= Number(progress.ledger_size ?? 0)) resolve(null);
        } else if (!changes.length || changes.at(-1) < Number(index ?? 0)) changes.push(Number(index ?? 0)); // a message that came twice is one change
      }).on('error', resolve).on('end', () => resolve({ code: grpc.status.INTERNAL }));
    });
    messages.cancel();
    if (!broken) return { changes, attempts };
    const { reason } = detailsOf(broken);
    if (attempts === ATTEMPTS_MAX || !RESUMABLE.includes(reason) || broken.code === grpc.status.DEADLINE_EXCEEDED) {
      throw new CallFailed(CODES[broken.code], reason, attempts);
    }
  }
}

// ---- Judging

const accepted = { conclusion: 'accepted' };
const refused = (code) => (code ? { conclusion: 'refused', code } : { conclusion: 'refused' });
const concluded = ([verdict, code]) => (verdict === 'VALID' ? accepted : refused(code));
const first = (verdicts) => verdicts.find((verdict) => verdict[0] !== 'VALID') ?? VALID;

// The personal IDs anywhere in a value.
function peopleIn(value) {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) || value.personal_id === undefined ? [] : [value.personal_id];
  return [...own, ...Object.values(value).flatMap(peopleIn)];
}

// An answer to a call of ours: every record verifies, is in force where there are lists, is about whom we asked for, and none is missing.
function judgeAnswer(answer, request, anchor, now, lists = null) {
  // Only a registry that answered "no record" leaves no gap; a reason that came later than this client is one.
  const gap = (answer.missing ?? []).find((missing) => missing.reason !== 'MISSING_REASON_NO_RECORD');
  if (gap) return { ...refused(gap.code), records: [] };
  const { verdicts, records } = verifyFile(JSON.stringify(answer), anchor, now, lists);
  const isOther = (record) => {
    const people = peopleIn(shownBy(record));
    return people.length > 0 && !people.includes(request.personal_id);
  };
  const conclusion = concluded(first(verdicts));
  if (conclusion === accepted && request.personal_id && records.some(isOther)) return { ...refused('RECORD_NOT_VERIFIED'), records: [] };
  return { ...conclusion, records };
}

// The answers of a bulk fetch: one for each citizen, in the order of the request, and each of them good.
function judgeCitizens(answers, request, anchor, now) {
  const asked = request.personal_ids;
  if (answers.length !== asked.length || answers.some((answer, at) => (answer.index ?? 0) !== at)) return refused();
  const judged = answers.map((answer, at) => (answer.refused
    ? refused(answer.refused.code) : judgeAnswer(answer.found, { ...request, personal_id: asked[at] }, anchor, now)));
  const { records: _, ...conclusion } = judged.find(({ conclusion: one }) => one !== 'accepted') ?? accepted;
  return conclusion;
}

// A list that is not accepted is ignored.
function acceptedLists(texts, anchor) {
  return texts.flatMap((text) => {
    try {
      return [readStatusList(text, anchor)];
    } catch (error) {
      if (error instanceof Refused) return [];
      throw error;
    }
  });
}

const listsOf = (question, anchor) => (question.status_lists ? acceptedLists(question.status_lists, anchor) : null);

// This client's verdict on an artefact.
function judge(question) {
  const now = question.at ? milliseconds(question.at) : Date.now();
  if (question.kind === 'witness') return concluded(judgeWitnesses(question.policy, question.checkpoint, now, question.age_max_ms));
  const anchor = new Anchor(JSON.stringify(question.trust_anchor));
  if (question.kind === 'log') return concluded(auditLog(question.log, question.served, question.before, anchor, now));
  if (question.kind === 'presentation') {
    const asked = question.nonce ? { nonce: question.nonce, audience: question.audience } : null;
    return concluded(verifyPresentation(question.presentation, anchor, now, asked));
  }
  return concluded(first(verifyFile(question.file, anchor, now, listsOf(question, anchor)).verdicts));
}

// ---- Being checked

async function called({ address, method, request, metadata, deadline_ms: deadline, may_repeat: mayRepeat, ...question }) {
  if (method === WATCH) {
    const { changes, attempts } = await watch(address, request, metadata, deadline);
    return { ...accepted, received: changes, retried: attempts > 1 };
  }
  const { answer, attempts } = await call(address, method, request, metadata, deadline, mayRepeat);
  const anchor = new Anchor(JSON.stringify(question.trust_anchor));
  const now = milliseconds(question.at);
  if (question.kind === 'stream') {
    return { ...judgeCitizens(answer, request, anchor, now), received: answer.map((one) => one.index ?? 0), retried: attempts > 1 };
  }
  // A log's head must not contradict the one that was seen before.
  const { records: _, ...conclusion } = question.log
    ? concluded(auditHead(question.log, answer, question.before, anchor, now))
    : judgeAnswer(answer, request, anchor, now, listsOf(question, anchor));
  return { ...conclusion, retried: attempts > 1 };
}

async function conclude(question) {
  try {
    return ['call', 'stream'].includes(question.kind) ? await called(question) : judge(question);
  } catch (error) {
    if (error instanceof Refused) return refused();
    if (!(error instanceof CallFailed)) throw error;
    const reason = error.reason ? { reason: error.reason } : {};
    return { conclusion: 'failed', status: error.status, retried: error.attempts > 1, ...reason };
  }
}

async function answer(line) {
  const question = JSON.parse(line);
  return JSON.stringify({ id: question.id, ...await conclude(question) });
}

async function check() {
  const address = env.LIENTHONG_CHECK_ADDRESS;
  if (!address) {
    for await (const line of createInterface({ input: stdin })) stdout.write(`${await answer(line)}\n`);
    return;
  }
  const checker = (method, request) => call(address, `lienthong.check.v1.CheckService/${method}`, request, {}, 20_000, false);
  // The next case, asked for again while there is none.
  const nextCase = async () => {
    try {
      return (await checker('NextCase', {})).answer;
    } catch (error) {
      if (error.status !== 'DEADLINE_EXCEEDED') throw error;
      return nextCase();
    }
  };
  for (;;) {
    const next = await nextCase();
    if (next.finished) return;
    await checker('ReportConclusion', { case_id: next.case_id, answer_json: await answer(next.question_json) });
  }
}

async function fetch([address, person, trust = 'anchor.json']) {
  const anchor = new Anchor(readFileSync(trust, 'utf8'));
  const request = { personal_id: person, record_types: ['resident.person.v1', 'driver_licence.licence.v1'], purpose: 'one_stop.verify_documents' };
  const metadata = { authorization: 'Bearer demo-one-stop' };
  const { answer: found } = await call(address, 'lienthong.exchange.v1.ExchangeService/FetchRecords', request, metadata, 10_000, true);
  const { conclusion, code, records } = judgeAnswer(found, request, anchor, Date.now());
  if (conclusion !== 'accepted') throw new Refused(`not accepted: ${code ?? 'the answer cannot be read'}`);
  records.forEach((record, at) => console.log(found.records[at].record_type, JSON.stringify(shownBy(record))));
}

const [command, ...rest] = argv.slice(2);
try {
  await ({ check, fetch: () => fetch(rest) }[command] ?? (() => Promise.reject(new Error('check or fetch ADDRESS PERSONAL_ID [ANCHOR]'))))();
  exit(0);
} catch (error) {
  console.error(error instanceof Refused || error instanceof CallFailed ? error.message : error);
  exit(1);
}

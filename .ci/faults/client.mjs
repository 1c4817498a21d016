// Meets every fault of cases.json with grpc-js: client.mjs ADDRESS CASES PROTOS.
import { readFileSync } from 'node:fs';
import { argv, exit } from 'node:process';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [address, casesFile, protos] = argv.slice(2);
const cases = JSON.parse(readFileSync(casesFile, 'utf8'));
const CITIZEN = '042090990001';
const names = Object.fromEntries(Object.entries(grpc.status).filter(([, code]) => typeof code === 'number').map(([name, code]) => [code, name]));

function service(file, path) {
  const options = { includeDirs: [protos], enums: String, longs: String, keepCase: true };
  const whole = grpc.loadPackageDefinition(loader.loadSync(file, options));
  return new (path.split('.').reduce((at, name) => at[name], whole))(address, grpc.credentials.createInsecure());
}

const sessions = service('lienthong/simulation/v1/session_service.proto', 'lienthong.simulation.v1.SessionService');
const faults = service('lienthong/simulation/v1/fault_service.proto', 'lienthong.simulation.v1.FaultService');
const worlds = service('lienthong/simulation/v1/simulation_service.proto', 'lienthong.simulation.v1.SimulationService');
const registries = service('lienthong/registry/v1/registry_service.proto', 'lienthong.registry.v1.RegistryService');
const provinces = service('lienthong/province/v1/province_service.proto', 'lienthong.province.v1.ProvinceService');
const ledgers = service('lienthong/trust/v1/ledger_service.proto', 'lienthong.trust.v1.LedgerService');
const exchange = service('lienthong/exchange/v1/exchange_service.proto', 'lienthong.exchange.v1.ExchangeService');

// One call: its code's name, its answer or refusal, and how long it took.
function ask(client, method, who, session, body, seconds = 30) {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer demo-${who}`);
  if (session) metadata.set('x-lienthong-session', session);
  const began = Date.now();
  return new Promise((resolve) => {
    client[method](body, metadata, { deadline: Date.now() + seconds * 1000 }, (error, answer) => {
      resolve({ code: error ? names[error.code] : 'OK', error, answer, took: Date.now() - began });
    });
  });
}

function expect(found, wanted, what) {
  if (found !== wanted) {
    console.error(`grpc-js: ${what}: ${found}, wanted ${wanted}`);
    exit(1);
  }
}

// proto-loader reads the messages, not their JSON: durations and enumerations have other forms there.
function message(fault) {
  return JSON.parse(JSON.stringify(fault), (_, value) => {
    const seconds = typeof value === 'string' && /^(\d+)(\.\d+)?s$/.exec(value);
    return seconds ? { seconds: seconds[1], nanos: Math.round(Number(seconds[2] ?? 0) * 1e9) } : value;
  });
}

async function session() {
  const made = await ask(sessions, 'CreateSession', 'operator', undefined, { ttl: { seconds: 600 } });
  expect(made.code, 'OK', 'CreateSession');
  return made.answer.session.session_id;
}

async function add(id, fault) {
  const added = await ask(faults, 'AddFaults', 'operator', id, { faults: [{ ...message(fault), fault_id: 'it' }] });
  expect(added.code, 'OK', JSON.stringify(fault));
}

for (const one of cases.calls) {
  const [id, what] = [await session(), JSON.stringify(one.fault)];
  await add(id, { ...one.fault, match: { methods: ['GetWorld'], agency: 'bank' }, turn: { nth: 2 } });
  const call = () => ask(worlds, 'GetWorld', 'bank', id, {}, 3);
  expect((await call()).code, 'OK', `${what}, first call`);
  const second = await call();
  expect(second.code, one.js, what);
  expect(second.took >= (one.takes_ms ?? 0), true, `${what}, in ${second.took} ms`);
  expect((await call()).code, 'OK', `${what}, third call`);
  expect((await ask(worlds, 'GetWorld', 'bank', undefined, {})).code, 'OK', `${what}, outside`);
  const listed = await ask(faults, 'ListFaults', 'operator', id, { page_size: 500 });
  expect(listed.answer.faults.find((fault) => fault.fault_id === 'it').counts.hits, '1', `${what}, hits`);
  await ask(sessions, 'DeleteSession', 'operator', undefined, { session_id: id });
}
console.log(`grpc-js met ${cases.calls.length} faults of calls`);

async function fetched(id, seconds) {
  const body = { personal_id: CITIZEN, record_types: ['driver_licence.licence.v1'], purpose: 'one_stop.verify_documents' };
  const { code, error, answer } = await ask(exchange, 'FetchRecords', 'one-stop', id, body, seconds);
  if (error) {
    const details = error.metadata?.get('grpc-status-details-bin')?.[0]?.toString('latin1') ?? '';
    return cases.reads.map((one) => one.outcome).find((outcome) => details.includes(outcome)) ?? code;
  }
  return answer.records[0]?.verdict ?? answer.missing[0].code;
}

for (const one of cases.reads) {
  const [id, what] = [await session(), JSON.stringify(one.fault)];
  expect(await fetched(id), 'VALID', `${what}, before`);
  const isRead = Object.keys(one.fault).some((name) => name.startsWith('read'));
  await add(id, { ...(isRead ? { match: { personal_id: CITIZEN } } : {}), ...one.fault });
  expect(await fetched(id, 2), one.outcome, what);
  expect(await fetched(undefined), 'VALID', `${what}, outside`);
  await ask(faults, 'Heal', 'operator', id, {});
  expect(await fetched(id), 'VALID', `${what}, healed`);
  await ask(sessions, 'DeleteSession', 'operator', undefined, { session_id: id });
}
console.log(`grpc-js met ${cases.reads.length} faults of registries and worlds`);

// proto-loader knows google.protobuf.Struct as the message that it is.
function struct(object) {
  const value = (of) => {
    if (of === null) return { nullValue: 'NULL_VALUE' };
    if (Array.isArray(of)) return { listValue: { values: of.map(value) } };
    if (typeof of === 'object') return { structValue: struct(of) };
    return { [`${typeof of === 'boolean' ? 'bool' : typeof of}Value`]: of };
  };
  return { fields: Object.fromEntries(Object.entries(object).map(([name, of]) => [name, value(of)])) };
}

// A new version of the person, whether or not the province takes it.
async function convert(id) {
  const query = { registry: 'resident', record_types: ['resident.person.v1'], personal_id: CITIZEN };
  const record = (await ask(registries, 'GetRecords', 'police', id, query)).answer.records[0];
  const payload = JSON.parse(record.record.whole.payload.toString());
  payload.religion = payload.religion === 'Phật giáo' ? 'Công giáo' : 'Phật giáo';
  const change = { record_type: 'resident.person.v1', operation: 'OPERATION_UPDATE', expected_version: record.version, payload: struct(payload) };
  const body = { registry: 'resident', request_id: `convert-${record.version}`, changes: [change] };
  const { code } = await ask(registries, 'SubmitChanges', 'police', id, body);
  expect(['OK', 'UNAVAILABLE'].includes(code), true, `a change that may not be waited for: ${code}`);
}

async function seen(id, what) {
  if (what.startsWith('feed')) {
    if (what !== 'feed') await convert(id);
    const { answer } = await ask(provinces, 'ListFeeds', 'operator', id, {});
    return answer.feeds.find((feed) => feed.registry === 'resident').reason;
  }
  const { answer } = await ask(ledgers, 'GetCheckpoint', 'bank', id, { log: 'records' });
  const [, size, root] = answer.checkpoint.toString().split('\n');
  return what === 'size' ? Number(size) : root;
}

for (const one of cases.states) {
  const [id, what] = [await session(), JSON.stringify(one.fault)];
  await convert(id);
  const before = await seen(id, one.see);
  await add(id, one.fault);
  const isSo = { smaller: (found) => found < before, other: (found) => found !== before }[one.is] ?? ((found) => found === one.is);
  const until = Date.now() + 5000;
  for (let found = await seen(id, one.see); !isSo(found); found = await seen(id, one.see)) {
    expect(Date.now() < until, true, `${what}: ${before} became ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await ask(sessions, 'DeleteSession', 'operator', undefined, { session_id: id });
}
console.log(`grpc-js met ${cases.states.length} faults of states`);
exit(0);

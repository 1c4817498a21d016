// Verifies signed records and answers offline: docs/format.md, sections 2, 3, 9, 10 and 11, in the order of its table of checks. What it does
// not do: compare the typed form with the signed bytes, and verify ML-DSA cosignatures.
import { createHmac } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { Fields, Refused, base64, base64url, hash, isName, list, oneObject, readJson, refuseUnless, scan, scanValue, sha256, text, utf8, whole } from './form.mjs';
import { OtherOwner, VALID, checkInclusion, hashLeaf, isStatementName, treeRoot } from './log.mjs';

const U64_MAX = 2n ** 64n - 1n;
const SKEW_MS = 300_000;
const ZEROS = Buffer.alloc(32);

// ---- Statements (section 3)

const LABEL = Buffer.from('lienthong/statement/v1\0');

export function readStatement(bytes) {
  let at = LABEL.length;
  const take = (count) => {
    refuseUnless(at + count <= bytes.length, 'not a statement: too short');
    at += count;
    return bytes.subarray(at - count, at);
  };
  const number = (count) => BigInt(`0x${take(count).toString('hex')}`);
  const name = () => {
    const found = take(Number(number(1))).toString('latin1');
    refuseUnless(isStatementName(found), 'not a statement: a name');
    return found;
  };
  refuseUnless(bytes.subarray(0, at).equals(LABEL), 'not a statement: another label');
  const statement = {
    issuer: name(), schema: name(), recordId: take(16).toString('hex'), version: number(8), previous: take(32), operation: number(1),
    issuedAt: BigInt.asIntN(64, number(8)), validFrom: number(8), validUntil: number(8), statusIndex: number(4), fieldCount: number(2),
    fieldsRoot: take(32),
  };
  const { version, operation, fieldCount } = statement;
  const isGood = at === bytes.length && version > 0n && operation >= 1n && operation <= 3n && fieldCount <= 64n;
  refuseUnless(isGood, 'not a statement: trailing bytes, or a number out of range');
  return statement;
}

// ---- Records (sections 2 and 10)

function message(fields) {
  return (value, what) => {
    const row = new Fields(value, what);
    const found = Object.fromEntries(Object.entries(fields).map(([name, [read, absent]]) => [name, row.take(name, read, absent)]));
    row.end();
    return found;
  };
}

const EMPTY = Buffer.alloc(0);
const INDEX = [whole(65535n), 0n];
const PROOF = message({ checkpoint: [text, ''], index: [whole(U64_MAX), 0n], path: [list(hash), []] });
const SIGNED = message({
  statement: [base64, EMPTY],
  whole: [message({ payload: [base64, EMPTY], salt: [hash, ZEROS] }), null],
  partial: [message({
    shown: [list(message({ index: INDEX, name: [text, ''], value: [base64, EMPTY], salt: [hash, ZEROS] })), []],
    hidden: [list(message({ index: INDEX, leaf: [hash, ZEROS] })), []],
  }), null],
  issuer_proof: [PROOF, null],
  ledger_proof: [PROOF, null],
});

// Ignored parts must still be JSON that every parser reads alike: readJson has checked that.
export function readRecord(value) {
  refuseUnless(value instanceof Map, 'a record is no object');
  const framed = ['signed', 'record'].filter((name) => value.has(name));
  let beside = null;
  if (framed.length > 0) {
    const row = new Fields(value, 'a record');
    value = row.need(framed[0], (inner) => inner);
    beside = {
      schema: row.take('record_type', text, ''), recordId: row.take('record_id', text, ''), version: row.take('version', whole(U64_MAX), 0n),
      verdict: row.take('verdict', text, null), typed: [...row.rest.keys()][0] ?? null,
    };
    const left = [...row.rest.values()];
    refuseUnless(framed.length === 1 && left.length < 2 && left.every((part) => part instanceof Map), 'a record: an unknown field');
  }
  const signed = SIGNED(value, 'a signed record');
  refuseUnless((signed.whole === null) !== (signed.partial === null), 'a record shows its payload or some fields');
  return { ...signed, beside };
}

const number = (value, bytes) => {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
};

export function fieldLeaf(salt, name, value) {
  return sha256(Buffer.of(0), 'lienthong/field/v1\0', salt, number(Buffer.byteLength(name), 2), name, number(value.length, 4), value);
}

const fieldSalt = (salt, name) => createHmac('sha256', salt).update('lienthong/field-salt/v1\0').update(name).digest();

// The commitments that a disclosure leads to; null when shown and hidden fields are not each field once, in order.
function leavesOf({ whole: all, partial }) {
  if (all) return scan(all.payload).map(([name, value]) => fieldLeaf(fieldSalt(all.salt, name), name, value));
  const { shown, hidden } = partial;
  if (shown.length + hidden.length > 64) return null;
  const committed = [];
  let previous = '';
  for (const { index, name, value, salt } of shown) {
    refuseUnless(isName(name), 'a shown name is not canonical');
    if (name <= previous) return null;
    scanValue(value);
    previous = name;
    committed.push({ index, leaf: fieldLeaf(salt, name, value) });
  }
  const [lists, leaves] = [[committed, [...hidden]], []];
  for (let at = 0n; at < BigInt(shown.length + hidden.length); at += 1n) {
    const next = lists.find((fields) => fields.length > 0 && fields[0].index === at);
    if (!next) return null;
    leaves.push(next.shift().leaf);
  }
  return leaves;
}

// The content of a record, as plain objects; only of verified records.
export function shownBy(record) {
  if (record.whole) return JSON.parse(record.whole.payload);
  return Object.fromEntries(record.partial.shown.map(({ name, value }) => [name, JSON.parse(value)]));
}

// ---- The checks of a record (section 9)

// Of several failures the first in this list gives the verdict: a cause before its consequences, and a proof that a record is wrong before
// a missing proof.
const RANKS = ['signature', 'other issuer', 'inclusion', 'unknown issuer', 'malformed', 'schema', 'key', 'canonical', 'payload', 'future',
  'expired anchor', 'indeterminate key', 'no proof'];
const WEIGHT = { VALID: 0, INDETERMINATE: 1, INVALID: 2 };

class Report {
  verdict = VALID;
  rank = RANKS.length;

  fail(rank, code, verdict = 'INVALID') {
    const at = RANKS.indexOf(rank);
    if (at < this.rank) [this.rank, this.verdict] = [at, [verdict, code]];
    return null;
  }

  // A check with a verdict of its own, which counts if it outweighs the earlier ones.
  judge(verdict) {
    if (WEIGHT[verdict[0]] > WEIGHT[this.verdict[0]]) this.verdict = verdict;
  }
}

// What `read` gives, or what `otherwise` makes of its refusal.
function attempt(read, otherwise) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused) return otherwise(error);
    throw error;
  }
}

const isIn = (report, leaf, proof, head) => attempt(
  () => checkInclusion(leaf, proof.index, head.size, proof.path, head.root) ?? true,
  () => report.fail('inclusion', 'INCLUSION') ?? false,
);

function checkIssuer(report, record, statement, anchor) {
  const head = attempt(() => {
    refuseUnless(record.issuer_proof, 'no proof from the issuer');
    return anchor.head(record.issuer_proof.checkpoint);
  }, (why) => (why instanceof OtherOwner ? report.fail('other issuer', 'ISSUER_MISMATCH') : report.fail('signature', 'NO_TRUSTED_SIGNATURE')));
  const issuer = statement && anchor.issuer(statement.issuer);
  if (statement && head && issuer !== head.owner) {
    report.fail(head.owner.name !== null && issuer === null ? 'unknown issuer' : 'other issuer', 'ISSUER_MISMATCH');
  } else if (statement && head && issuer === null) {
    report.fail('other issuer', 'ISSUER_MISMATCH');
  }
  if (statement && !issuer?.schemas.includes(statement.schema)) report.fail('schema', 'NOT_AUTHORISED');
  if (head) isIn(report, hashLeaf(record.statement), record.issuer_proof, head);
  return head;
}

// The record's index in the ledger when it is proved.
function checkLedger(report, record, anchor) {
  if (!record.ledger_proof) return report.fail('no proof', 'NO_POE', 'INDETERMINATE');
  const head = attempt(() => {
    const ledger = anchor.head(record.ledger_proof.checkpoint);
    refuseUnless(ledger.owner.purpose === 'records', 'the checkpoint is of another log');
    // The holder of the ledger's key decides the order, so that order cannot clear a compromised key.
    const last = (ledger.size || 1n) - 1n;
    const mayHave = ledger.keys.some((key) => key.state !== 'compromised' && key.judge(last) === VALID);
    return mayHave ? ledger : report.fail('key', 'KEY_NOT_VALID');
  }, () => report.fail('signature', 'NO_TRUSTED_SIGNATURE'));
  const leaf = hashLeaf(Buffer.concat([Buffer.of(1), record.statement]));
  return head && isIn(report, leaf, record.ledger_proof, head) ? record.ledger_proof.index : null;
}

// Where several keys signed, the one in the best state counts.
const best = (verdicts) => verdicts.reduce((one, other) => (WEIGHT[other[0]] < WEIGHT[one[0]] ? other : one), ['INVALID', 'KEY_NOT_VALID']);

function checkKey(report, head, at) {
  // A log outlives its keys: under a later key's checkpoint, the key at the record's index is judged.
  const former = () => best(head.owner.keys.filter((key) => key.fromIndex <= at).map((key) => key.judge(at)));
  const [verdict, code] = best(head.keys.map((key) => (at !== null && at < key.fromIndex ? former() : key.judge(at))));
  if (verdict !== 'VALID') report.fail(verdict === 'INVALID' ? 'key' : 'indeterminate key', code, verdict);
}

function checkDisclosure(report, record, statement) {
  const leaves = attempt(() => leavesOf(record), () => report.fail('canonical', 'NON_CANONICAL') ?? undefined);
  if (leaves === undefined) return;
  const isWhole = leaves && (!statement || (treeRoot(leaves).equals(statement.fieldsRoot) && BigInt(leaves.length) === statement.fieldCount));
  if (!isWhole) report.fail('payload', 'PAYLOAD_MISMATCH');
}

export function verifyRecord(record, anchor, now) {
  const report = new Report();
  if (now >= anchor.expiresAt) report.fail('expired anchor', 'TRY_LATER', 'INDETERMINATE');
  const statement = attempt(() => readStatement(record.statement), () => report.fail('malformed', 'MALFORMED'));
  const head = checkIssuer(report, record, statement, anchor);
  const at = checkLedger(report, record, anchor);
  if (head) checkKey(report, head, at);
  checkDisclosure(report, record, statement);
  if (statement && statement.issuedAt > BigInt(now + SKEW_MS)) report.fail('future', 'ISSUED_IN_FUTURE');
  return { report, statement };
}

// An answer's displayed form must agree with the signed bytes.
function checkBeside(report, { beside }, statement) {
  if (!beside || !statement) return;
  const said = beside.verdict;
  const agrees = said === null || {
    VALID: said === 'VALID', INDETERMINATE: said !== '', INVALID: /^(INVALID|INDETERMINATE) /.test(said),
  }[report.verdict[0]];
  const isSame = beside.schema === statement.schema && beside.recordId === statement.recordId && beside.version === statement.version;
  if (!(agrees && isSame)) report.judge(['INVALID', 'TYPED_FORM_MISMATCH']);
}

// ---- Tokens and status lists (section 11)

// Splits a compact token: header and claims as Maps, the signed bytes, and the signature.
export function readToken(token) {
  const [first, second, third, ...more] = token.split('.');
  refuseUnless(third !== undefined && more.length === 0 && first.length <= 4096 && third.length === 86, 'not a token');
  const part = (encoded) => oneObject(readJson(utf8(base64url(encoded, 'the token'))), 'the token');
  const header = part(first);
  refuseUnless(!header.has('crit') && !header.has('b64'), 'the header asks for an extension that is not supported');
  return { header, claims: () => part(second), signed: Buffer.from(`${first}.${second}`), signature: base64url(third, 'the signature') };
}

export const isType = (header, type) => String(header.get('typ')).toLowerCase().replace(/^application\//, '') === type;
export const isOfKey = (header, key) => (key.algorithm === 'ed25519' ? ['EdDSA', 'Ed25519'] : ['ES256']).includes(header.get('alg'));

export function readStatusList(source, anchor) {
  let token = source.replace(/^[ \t\r\n\f]+|[ \t\r\n\f]+$/g, '');
  if (token.startsWith('{')) token = text(oneObject(readJson(token), 'the answer').get('token'), 'the token');
  const { header, claims: read, signed, signature } = readToken(token);
  const owned = anchor.issuers.flatMap((issuer) => issuer.keys.map((key) => ({ issuer, key })))
    .find(({ key }) => key.id === header.get('kid') && key.state === 'active');
  refuseUnless(owned, 'signed by no key that the trust anchor has in use');
  const { issuer, key } = owned;
  refuseUnless(isType(header, 'statuslist+jwt') && isOfKey(header, key) && key.verifiesFixed(signed, signature), 'not signed so');
  const claims = read();
  const need = (map, name) => {
    refuseUnless(typeof map.get(name) === 'number' && map.get(name) >= 0, `${name} is no number`);
    return map.get(name);
  };
  const [listed, own] = [claims.get('status_list'), claims.get('lienthong')];
  refuseUnless(listed instanceof Map && own instanceof Map, 'no status list');
  const count = need(own, 'count');
  text(claims.get('sub'), 'sub');
  refuseUnless(need(claims, 'ttl') < 2 ** 32 && listed.get('bits') === 2 && count <= 2 ** 25, 'a number is out of range');
  const isOwn = claims.get('iss') === issuer.origin && own.get('issuer') === issuer.name && issuer.schemas.includes(own.get('schema'));
  refuseUnless(isOwn, 'about records that its signer may not issue');
  const bytes = inflated(base64url(text(listed.get('lst'), 'lst'), 'lst'), Math.ceil(count / 4));
  refuseUnless(count % 4 === 0 || bytes.at(-1) >> (count % 4) * 2 === 0, 'bits behind the last status are set');
  return {
    issuer: issuer.name, schema: own.get('schema'), count, bytes, ledgerSize: BigInt(need(own, 'ledger_size')),
    issuedAt: need(claims, 'iat') * 1000, expiresAt: need(claims, 'exp') * 1000,
  };
}

// A zlib stream of exactly this many bytes, with nothing after it.
function inflated(stream, length) {
  let found;
  try {
    found = inflateSync(stream, { maxOutputLength: length + 1, info: true });
  } catch {
    throw new Refused('no zlib stream');
  }
  refuseUnless(found.buffer.length === length && found.engine.bytesWritten === stream.length, 'the list is not as long as it says');
  return found.buffer;
}

const STATUSES = [VALID, ['INVALID', 'STATUS_INVALID'], ['INVALID', 'STATUS_SUSPENDED'], ['INVALID', 'SUPERSEDED']];

function judgeStatus(statement, at, lists, now) {
  const about = lists.filter((one) => one.issuer === statement.issuer && one.schema === statement.schema);
  if (about.length === 0) return ['INDETERMINATE', 'UNAVAILABLE'];
  const isNewer = (one, other) => one.issuedAt - other.issuedAt || Number(one.ledgerSize - other.ledgerSize);
  const newest = about.reduce((one, other) => (isNewer(other, one) >= 0 ? other : one));
  const place = Number(statement.statusIndex);
  const isCovered = place < newest.count && (at === undefined || at < newest.ledgerSize);
  if (now >= newest.expiresAt || newest.issuedAt > now + SKEW_MS || !isCovered) return ['INDETERMINATE', 'STALE'];
  return STATUSES[(newest.bytes[place >> 2] >> (place % 4) * 2) & 3];
}

// ---- Evidence and files (section 10)

const EVIDENCE = message({ checkpoint: [text, ''], index: [whole(U64_MAX), 0n] });

function judgeEvidence(value, anchor) {
  const { checkpoint, index } = EVIDENCE(value, 'evidence');
  return attempt(() => {
    const head = anchor.head(checkpoint);
    refuseUnless(head.owner.purpose === 'evidence', 'the checkpoint is not of the evidence ledger');
    return index < head.size ? VALID : ['INVALID', 'INCLUSION'];
  }, () => ['INVALID', 'NO_TRUSTED_SIGNATURE']);
}

const ANSWER = new Set(['records', 'found', 'evidence', 'requestId', 'request_id', 'index', 'missing', 'presentation', 'refused',
  'nextPageToken', 'next_page_token']);

// The records and the evidence of an answer, of a list of answers, or of a record alone, in order.
function* partsOf(value, depth = 2) {
  for (const item of Array.isArray(value) ? value : [value]) {
    refuseUnless(item instanceof Map, 'an answer is no object');
    if (![...item.keys()].every((name) => ANSWER.has(name))) {
      yield ['record', item];
      continue;
    }
    refuseUnless(depth > 0, 'answers nest too deeply');
    for (const [camel, name] of [['requestId', 'request_id'], ['nextPageToken', 'next_page_token']]) {
      refuseUnless(!(item.has(camel) && item.has(name)), `${name} occurs twice`);
    }
    for (const [name, part] of item) {
      if (name === 'records') for (const record of list((one) => one)(part, name)) yield ['record', record];
      else if (name === 'found') yield* partsOf(part, depth - 1);
      else if (name === 'evidence') yield ['evidence', part];
    }
  }
}

// Everything in a file: the verdict of each record and of evidence, and the records themselves. `lists` are status lists, where they count.
export function verifyFile(source, anchor, now, lists = null) {
  const [verdicts, records] = [[], []];
  for (const value of readJson(source)) {
    for (const [kind, part] of partsOf(value)) {
      if (kind === 'evidence') {
        verdicts.push(judgeEvidence(part, anchor));
        continue;
      }
      const record = readRecord(part);
      const { report, statement } = verifyRecord(record, anchor, now);
      checkBeside(report, record, statement);
      if (lists && statement) report.judge(judgeStatus(statement, record.ledger_proof?.index, lists, now));
      verdicts.push(report.verdict);
      records.push(record);
    }
  }
  refuseUnless(records.length > 0, 'no records');
  return { verdicts, records };
}

// Keys, trees, signed notes and the trust anchor: docs/format.md, sections 4 to 8.
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { Fields, Refused, base64, hash, index, list, milliseconds, oneObject, readJson, refuseUnless, sha256, text, whole, writeCanonical } from './form.mjs';

const U64_MAX = 2n ** 64n - 1n;
const NOTE_BYTES_MAX = 96 * 1024;
const ANCHOR_BYTES_MAX = 1 << 20;

// ---- Keys

export const SPKI_HEADS = {
  ed25519: Buffer.from('302a300506032b6570032100', 'hex'),
  'ecdsa-p256-sha256': Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
};
const P = 2n ** 255n - 19n;
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const littleEndian = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
const yOf = (point) => littleEndian(point) & (2n ** 255n - 1n);
// The y of all points whose order is 8 or less.
const SMALL_ORDER = new Set([0n, 1n, P - 1n, ...[
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map((point) => littleEndian(Buffer.from(point, 'hex')))]);

const spkiKey = (spki) => createPublicKey({ key: spki, format: 'der', type: 'spki' });

function ed25519Verifies(spki, message, signature) {
  if (signature.length !== 64 || SMALL_ORDER.has(yOf(signature.subarray(0, 32)) % P)) return false;
  return verifySignature(null, message, spkiKey(spki), signature);
}

// r and s of a signature in minimal DER with s in the lower half: only one form, or anybody could change a signature.
function isOneDer(der) {
  const number = (at) => {
    const length = der[at + 1];
    const bytes = der.subarray(at + 2, at + 2 + length);
    const isMinimal = der[at] === 2 && length > 0 && length < 34 && bytes.length === length && !(bytes[0] & 0x80) &&
      !(bytes[0] === 0 && (length === 1 || !(bytes[1] & 0x80)));
    return isMinimal ? [BigInt(`0x${bytes.toString('hex')}`), at + 2 + length] : [0n, -1];
  };
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return false;
  const [r, next] = number(2);
  const [s, end] = next < 0 ? [0n, -1] : number(next);
  return end === der.length && r > 0n && s > 0n && s <= P256_ORDER / 2n;
}

function p256Verifies(spki, message, signature) {
  return isOneDer(signature) && verifySignature('sha256', message, spkiKey(spki), signature);
}

export function isGoodKey(algorithm, raw) {
  if (algorithm !== 'ed25519') return raw.length === 65 && raw[0] === 4;
  return raw.length === 32 && yOf(raw) < P && !SMALL_ORDER.has(yOf(raw));
}

// A public key without a state. The algorithm is the key's: nothing in a message can name one.
export class PublicKey {
  constructor(algorithm, spki) {
    const head = SPKI_HEADS[algorithm];
    refuseUnless(head && spki.subarray(0, head.length).equals(head), 'a key of unknown algorithm, or not in its one encoding');
    [this.algorithm, this.spki, this.raw] = [algorithm, spki, spki.subarray(head.length)];
    refuseUnless(isGoodKey(algorithm, this.raw), 'a key that is none, or of small order');
  }

  static ofRaw(algorithm, raw) {
    return new PublicKey(algorithm, Buffer.concat([SPKI_HEADS[algorithm], raw]));
  }

  // Four bytes, by which a note's signature line names the key.
  noteId(name) {
    const whole = this.algorithm === 'ed25519' ? sha256(name, '\n\x01', this.raw) : sha256(this.spki);
    return whole.subarray(0, 4).toString('hex');
  }

  verifies(message, signature) {
    return (this.algorithm === 'ed25519' ? ed25519Verifies : p256Verifies)(this.spki, message, signature);
  }

  // A signature in the form of tokens: ECDSA as r followed by s, s in either half.
  verifiesFixed(message, signature) {
    if (this.algorithm === 'ed25519') return ed25519Verifies(this.spki, message, signature);
    return verifySignature('sha256', message, { key: spkiKey(this.spki), dsaEncoding: 'ieee-p1363' }, signature);
  }
}

export const VALID = ['VALID', null];
const KEY_NOT_VALID = ['INVALID', 'KEY_NOT_VALID'];
const STATES = { active: [], rotated: ['event_index'], compromised: ['suspect_from', 'event_index'], withdrawn: ['event_index'] };

// A key of the anchor, with its state; a root key has none.
class Key extends PublicKey {
  constructor(value, isRoot = false) {
    const row = new Fields(value, 'a key');
    const [id, algorithm] = [row.need('id', text), row.need('algorithm', text)];
    super(algorithm, row.need('public_key', base64));
    this.id = id;
    refuseUnless(sha256(this.spki).toString('hex') === id, "the id is not the key's");
    if (!isRoot) {
      this.fromIndex = row.need('from_index', index);
      this.reattested = row.optional('reattested', list(list(index)), []);
      const state = row.need('state', (state) => new Fields(state, 'state'));
      this.state = state.need('kind', text);
      refuseUnless(Object.hasOwn(STATES, this.state), 'a key of unknown state');
      this.when = Object.fromEntries(STATES[this.state].map((name) => [name, state.need(name, index)]));
      state.end();
      refuseUnless(this.reattested.every((pair) => pair.length === 2 && pair[0] < pair[1]), 'a re-attested range is none');
    }
    row.end();
  }

  // The key's verdict on a record at this index of the record ledger; null is a record without ledger proof.
  judge(at) {
    if (at === null) return { active: VALID, rotated: ['INDETERMINATE', 'NO_POE'] }[this.state] ?? KEY_NOT_VALID;
    const { suspect_from: suspectFrom = U64_MAX + 1n, event_index: event = U64_MAX + 1n } = this.when;
    if (at < this.fromIndex || at >= event) return KEY_NOT_VALID;
    const isCleared = this.reattested.some(([from, to]) => from <= at && at < to);
    return at >= suspectFrom && !isCleared ? ['INDETERMINATE', 'REVOKED_NO_POE'] : VALID;
  }
}

// ---- The trust anchor

const STATEMENT_NAME = /^[a-z0-9_./-]{1,64}$/;
export const isStatementName = (name) => STATEMENT_NAME.test(name);

function continued(value) {
  const row = new Fields(value, 'continues');
  const [origin, size, root] = [row.need('origin', text), row.need('size', index), row.need('root', text)];
  row.end();
  refuseUnless(/^[0-9a-f]{64}$/.test(root), 'continues: no root');
  return { origin, size, root: Buffer.from(root, 'hex') };
}

// The owner of a log: an issuer with a name, or the province, with a purpose.
function owner(value, isIssuer) {
  const row = new Fields(value, 'an owner');
  const found = {
    origin: row.need('origin', text),
    keys: row.need('keys', list((key) => new Key(key))),
    name: isIssuer ? row.need('name', text) : null,
    schemas: isIssuer ? row.need('schemas', list(text)) : [],
    purpose: isIssuer ? null : row.need('purpose', text),
    continues: row.optional('continues', list(continued), []),
  };
  row.end();
  const grows = found.continues.every((one, at) => {
    const other = found.continues[at + 1] ?? { size: U64_MAX + 1n };
    return one.size < other.size || (one.size === other.size && one.root.equals(other.root));
  });
  refuseUnless(grows, 'what a log continues becomes smaller, or another tree');
  refuseUnless([null, 'records', 'evidence'].includes(found.purpose), 'a log of unknown purpose');
  refuseUnless((isIssuer ? [found.name, ...found.schemas] : []).every(isStatementName), 'a name that cannot stand in a statement');
  return found;
}

function rootSignature(value) {
  const row = new Fields(value, 'a signature');
  const found = [row.need('key_id', text), row.need('signature', base64)];
  row.end();
  refuseUnless(/^[0-9a-f]{64}$/.test(found[0]), 'no key id');
  return found;
}

export const once = (values) => new Set(values).size === values.length;

export class Anchor {
  constructor(source) {
    refuseUnless(Buffer.byteLength(source) <= ANCHOR_BYTES_MAX, 'the anchor is larger than 1 MiB');
    const value = oneObject(readJson(source), 'the anchor');
    const row = new Fields(value, 'the anchor');
    refuseUnless(row.need('format', text) === 'lienthong/anchor/v1', 'another format');
    row.need('province', text);
    row.need('version', index);
    this.expiresAt = row.need('expires_at', milliseconds);
    this.issuers = row.need('issuers', list((issuer) => owner(issuer, true)));
    this.owners = [...this.issuers, ...row.need('logs', list((log) => owner(log, false)))];
    row.optional('events_from', index);
    const root = row.optional('root', (root) => new Fields(root, 'root'), null);
    const signatures = row.optional('signatures', list(rootSignature), []);
    row.end();
    refuseUnless(root || signatures.length === 0, 'signatures, and no root keys');
    if (root) this.checkRoot(root, signatures, value);
    const origins = this.owners.flatMap((one) => [one.origin, ...one.continues.map((head) => head.origin)]);
    const ids = this.owners.flatMap((one) => one.keys.map((key) => key.id));
    refuseUnless([ids, origins, this.issuers.map((issuer) => issuer.name)].every(once), 'a key, an origin or an issuer occurs twice');
    this.heads = new Map();
  }

  // An anchor with root keys is signed by as many of them as it requires: over its signed form.
  checkRoot(root, signatures, value) {
    const [threshold, keys] = [Number(root.need('threshold', index)), root.need('keys', list((key) => new Key(key, true)))];
    root.end();
    refuseUnless(once(keys.map((key) => key.id)) && keys.length <= 16 && threshold >= 1 && threshold <= keys.length, 'root keys');
    const signed = Buffer.from(this.signedForm(value));
    const by = keys.map((key) => signatures.filter(([id]) => id === key.id).map(([, signature]) => key.verifies(signed, signature)));
    const isEnough = by.filter((good) => good.length > 0).length >= threshold;
    refuseUnless(isEnough && by.flat().every(Boolean), 'too few root keys signed it');
  }

  // Canonical JSON without the signatures and empty optional fields, the time in UTC and as short as can be.
  signedForm(value) {
    const isEmpty = (name, part) => (name === 'events_from' ? part === 0 : ['reattested', 'continues'].includes(name) && part.length === 0);
    const short = (part) => {
      if (Array.isArray(part)) return part.map(short);
      if (!(part instanceof Map)) return part;
      return Object.fromEntries([...part].filter(([name, inner]) => !isEmpty(name, inner)).map(([name, inner]) => [name, short(inner)]));
    };
    const { signatures: _, ...rest } = short(value);
    return writeCanonical({ ...rest, expires_at: new Date(this.expiresAt).toISOString().replace(/\.?0*Z$/, 'Z') });
  }

  issuer(name) {
    return this.issuers.find((issuer) => issuer.name === name) ?? null;
  }

  // The note's checkpoint, once its signatures verified.
  head(note) {
    if (!this.heads.has(note)) this.heads.set(note, headOf(note, this));
    return this.heads.get(note);
  }
}

// ---- Signed notes and checkpoints

export class OtherOwner extends Refused {}

export const isKeyName = (name) => name !== '' && !/[+\p{White_Space}\p{Cc}]/u.test(name);

// The signed text with its last newline, and the signatures as { name, id, signature }.
export function parseNote(note) {
  refuseUnless(note.isWellFormed() && Buffer.byteLength(note) <= NOTE_BYTES_MAX && !/[\x00-\x09\x0b-\x1f]/.test(note), 'no note');
  const split = note.lastIndexOf('\n\n');
  refuseUnless(split >= 0 && note.endsWith('\n'), 'no empty line before the signatures, or no newline at the end');
  const lines = note.slice(split + 2, -1).split('\n');
  refuseUnless(lines.length <= 16, 'too many signatures');
  const signatures = lines.map((line) => {
    const [dash, name, encoded, ...more] = line.split(' ');
    const raw = base64(encoded ?? '', 'a signature');
    refuseUnless(dash === '—' && isKeyName(name) && more.length === 0 && raw.length > 4, 'a malformed signature line');
    return { name, id: raw.subarray(0, 4).toString('hex'), signature: raw.subarray(4) };
  });
  return { text: note.slice(0, split + 1), signatures };
}

export function parseCheckpoint(signed) {
  const lines = signed.slice(0, -1).split('\n');
  refuseUnless(lines.length >= 3 && !lines.includes('') && /^(0|[1-9][0-9]{0,19})$/.test(lines[1]), 'no checkpoint');
  return { origin: lines[0], size: whole(U64_MAX)(lines[1], 'the size'), root: hash(lines[2], 'the root') };
}

function headOf(note, anchor) {
  const { text: signed, signatures } = parseNote(note);
  const checkpoint = parseCheckpoint(signed);
  const message = Buffer.from(signed);
  const claims = (of, name) => signatures.flatMap((line) =>
    line.name === name ? of.keys.filter((key) => key.noteId(name) === line.id).map((key) => ({ key, signature: line.signature })) : []);
  const verifies = ({ key, signature }) => key.verifies(message, signature);
  const owned = anchor.owners.find((one) => one.origin === checkpoint.origin);
  refuseUnless(owned, 'the trust anchor knows no log of this origin');
  const own = claims(owned, checkpoint.origin);
  // Signatures by unknown keys are ignored; one bad signature of a known key spoils the note.
  refuseUnless(own.every(verifies), 'the signature of a known key does not verify');
  if (own.length === 0) {
    const others = anchor.owners.filter((one) => one !== owned);
    if (others.some((one) => [...claims(one, one.origin), ...claims(one, checkpoint.origin)].some(verifies))) {
      throw new OtherOwner('a key of another owner signed the checkpoint of this log');
    }
    throw new Refused('no key that the trust anchor names for this log signed the checkpoint');
  }
  const from = owned.continues.at(-1);
  const isAfter = !from || checkpoint.size > from.size || (checkpoint.size === from.size && checkpoint.root.equals(from.root));
  refuseUnless(isAfter, 'from before its log took over from another, or of another tree of that size');
  return { ...checkpoint, owner: owned, keys: own.map(({ key }) => key) };
}

// ---- Trees (RFC 6962, section 2.1)

export const hashLeaf = (data) => sha256(Buffer.of(0), data);
export const hashNode = (left, right) => sha256(Buffer.of(1), left, right);
// The largest power of two below the count.
const split = (count) => 1n << BigInt((count - 1n).toString(2).length - 1);

export function treeRoot(leaves) {
  if (leaves.length < 2) return leaves[0] ?? sha256();
  const at = Number(split(BigInt(leaves.length)));
  return hashNode(treeRoot(leaves.slice(0, at)), treeRoot(leaves.slice(at)));
}

function pathLength(at, size) {
  if (size === 1n) return 0;
  const half = split(size);
  return 1 + (at < half ? pathLength(at, half) : pathLength(at - half, size - half));
}

// Climbs as the tree is cut: the last hash of the path is the sibling directly below the root.
function rootOfPath(leaf, at, size, path) {
  if (size === 1n) return leaf;
  const [half, rest, last] = [split(size), path.slice(0, -1), path.at(-1)];
  return at < half ? hashNode(rootOfPath(leaf, at, half, rest), last) : hashNode(last, rootOfPath(leaf, at - half, size - half, rest));
}

export function checkInclusion(leaf, at, size, path, root) {
  refuseUnless(at < size, 'the index lies outside the tree');
  refuseUnless(path.length === pathLength(at, size), 'the path has the wrong length');
  refuseUnless(rootOfPath(leaf, at, size, path).equals(root), 'the path leads to another root');
}

// Audits a registry's log as it is served over tiles (C2SP tlog-tiles): docs/verifying.md, "Watching the ledger".
import { Refused, refuseUnless, sha256 } from './form.mjs';
import { VALID, hashLeaf, treeRoot } from './log.mjs';
import { readStatement } from './verify.mjs';

const TILE = 256;
const ZEROS = Buffer.alloc(32);

class Finding extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

function need(condition, code) {
  if (!condition) throw new Finding(code);
}

// The path of a tile with this many of its 256 hashes.
function path(kind, number, width) {
  const groups = String(number).padStart(Math.ceil(String(number).length / 3) * 3, '0').match(/.{3}/g);
  const named = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${kind}/${named}${width < TILE ? `.p/${width}` : ''}`;
}

// The entries of a log, each compared with the hash in its tile.
function entriesOf(served, size) {
  const found = [];
  for (let first = 0; first < size; first += TILE) {
    const width = Math.min(TILE, size - first);
    const [bundle, tile] = ['entries', '0'].map((kind) => served.files[path(kind, first / TILE, width)]);
    need(bundle !== undefined && tile !== undefined, 'UNAVAILABLE');
    const [bytes, hashes] = [bundle, tile].map((encoded) => Buffer.from(encoded, 'base64'));
    need(hashes.length === 32 * width, 'TILE');
    let at = 0;
    for (let place = 0; place < width; place += 1) {
      need(at + 2 <= bytes.length, 'TILE');
      const end = at + 2 + bytes.readUInt16BE(at);
      const entry = bytes.subarray(at + 2, end);
      need(end <= bytes.length && hashLeaf(entry).equals(hashes.subarray(32 * place, 32 * place + 32)), 'TILE');
      found.push(entry);
      at = end;
    }
    need(at === bytes.length, 'TILE');
  }
  return found;
}

// Statements of one issuer, of its record types; the versions of a record follow each other, and only its newest may be repeated.
function checkStatements(entries, issuer) {
  const newest = new Map();
  for (const entry of entries) {
    const statement = readStatement(entry);
    need(statement.issuer === issuer.name, 'ISSUER_MISMATCH');
    need(issuer.schemas.includes(statement.schema), 'NOT_AUTHORISED');
    const id = `${statement.schema} ${statement.recordId}`;
    const before = newest.get(id);
    const [version, previous] = before ? [before.version, sha256(before.entry)] : [0n, ZEROS];
    const isAgain = before?.entry.equals(entry);
    need(isAgain || (statement.version === version + 1n && statement.previous.equals(previous)), 'LOG_RULE');
    newest.set(id, { version: statement.version, entry });
  }
}

// The head of a log that is served and the one that was seen last, which it must not contradict.
function headsOf(name, served, before, anchor, now) {
  const headOf = (note) => {
    const head = anchor.head(note);
    refuseUnless([head.owner.name, head.owner.purpose].includes(name), 'the checkpoint is of another log');
    return head;
  };
  need(now < anchor.expiresAt, 'TRY_LATER');
  const [head, old] = [headOf(served.checkpoint), before ? headOf(before.checkpoint) : null];
  need(!old || old.size <= head.size, 'LOG_ROLLBACK');
  need(!old || old.size < head.size || old.root.equals(head.root), 'SPLIT_VIEW');
  return [head, old];
}

// The verdict of a check that throws what it finds, and its code.
function found(check) {
  try {
    check();
    return VALID;
  } catch (error) {
    if (error instanceof Finding) return ['INVALID', error.code];
    if (error instanceof Refused) return ['INVALID', 'NO_TRUSTED_SIGNATURE'];
    throw error;
  }
}

// The verdict on the head of any log; `before` is the one that was served when it was seen last.
export const auditHead = (name, served, before, anchor, now) => found(() => headsOf(name, served, before, anchor, now));

// The verdict on a registry's log; `before` is what it served when it was seen last.
export function auditLog(name, served, before, anchor, now) {
  const issuer = anchor.issuer(name);
  refuseUnless(issuer, 'this client audits logs of registries');
  return found(() => {
    const [head, old] = headsOf(name, served, before, anchor, now);
    const entries = entriesOf(served, Number(head.size));
    const leaves = entries.map(hashLeaf);
    need(treeRoot(leaves).equals(head.root), 'TILE');
    need(!old || treeRoot(leaves.slice(0, Number(old.size))).equals(old.root), 'LOG_ROLLBACK');
    checkStatements(entries, issuer);
  });
}

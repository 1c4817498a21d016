// Checks a checkpoint against a policy of witnesses (C2SP tlog-policy and tlog-cosignature): docs/format.md, section 6. Cosignatures with ML-DSA keys are
// not verified, and so never count.
import { Refused, base64, refuseUnless, sha256 } from './form.mjs';
import { PublicKey, SPKI_HEADS, VALID, isKeyName, once, parseCheckpoint, parseNote } from './log.mjs';

const MEMBERS_MAX = 256;
const ML_DSA_KEY_BYTES = 1312;
const SKEW_MS = 300_000;

// A key in the notation of policies: <name>+<key id>+<base64 of type and key>. Types 1 and 2 sign notes, 4 and 6 cosign. Keys of other types never count.
function policyKey(line, types) {
  const [name, id = ''] = line.split('+', 2);
  const raw = base64(line.slice(name.length + id.length + 2), "a policy's key");
  refuseUnless(isKeyName(name) && /^[0-9a-f]{8}$/.test(id) && raw.length > 1, 'no key');
  const [kind, encoded] = [raw[0], raw.subarray(1)];
  const head = SPKI_HEADS['ecdsa-p256-sha256'];
  const isOtherCurve = kind === 2 && !encoded.subarray(0, head.length).equals(head);
  if (![1, 2, 4, 6].includes(kind) || isOtherCurve) return { name, id: null, encoded };
  const own = kind === 2 ? sha256(encoded) : sha256(name, '\n', raw);
  refuseUnless(types.includes(kind) && own.subarray(0, 4).toString('hex') === id, "a key of another use, or another key's id");
  refuseUnless(kind !== 6 || encoded.length === ML_DSA_KEY_BYTES, 'no good key of its type');
  if (kind === 6) return { name, id: null, encoded };
  return { name, id, encoded, key: kind === 2 ? new PublicKey('ecdsa-p256-sha256', encoded) : PublicKey.ofRaw('ed25519', encoded) };
}

// A policy's logs, witnesses and groups. Names are defined before they are used, and are members once at most.
function readPolicy(text) {
  const [logs, witnesses, groups, quorums, used] = [[], new Map(), new Map(), [], new Set()];
  const isKnown = (name) => witnesses.has(name) || groups.has(name);
  const isFree = (name) => name !== 'none' && !isKnown(name);
  for (const line of text.replace(/\n$/, '').split('\n').map((one) => one.replace(/\r$/, ''))) {
    refuseUnless(!/[\x00-\x08\x0a-\x1f\x7f]/.test(line), 'a control character');
    const [kind, ...words] = line.split(/[ \t]+/).filter(Boolean);
    if (!kind || kind.startsWith('#')) continue;
    if (kind === 'log' && [1, 2].includes(words.length)) {
      logs.push(policyKey(words[0], [1, 2]));
    } else if (kind === 'witness' && [2, 3].includes(words.length)) {
      refuseUnless(isFree(words[0]), 'a name that is taken');
      witnesses.set(words[0], policyKey(words[1], [4, 6]));
    } else if (kind === 'group' && words.length > 2) {
      const [name, said, ...members] = words;
      const needed = { all: members.length, any: 1 }[said] ?? (/^[1-9][0-9]{0,3}$/.test(said) ? Number(said) : 0);
      const isGood = isFree(name) && needed > 0 && needed <= members.length && once(members);
      refuseUnless(isGood && members.every((member) => isKnown(member) && !used.has(member)), 'no group');
      members.forEach((member) => used.add(member));
      groups.set(name, { needed, members });
    } else {
      refuseUnless(kind === 'quorum' && words.length === 1 && (words[0] === 'none' || isKnown(words[0])), 'no line of a policy');
      quorums.push(words[0]);
    }
  }
  const keys = [logs, [...witnesses.values()]].map((all) => all.map(({ encoded }) => encoded.toString('hex')));
  refuseUnless(quorums.length === 1 && keys.every((all) => once(all) && all.length <= MEMBERS_MAX) && groups.size <= MEMBERS_MAX, 'no policy');
  return { logs, witnesses, groups, quorum: quorums[0] };
}

// The verdict of a policy on a checkpoint.
export function judgeWitnesses(policy, note, now, ageMax) {
  const { logs, witnesses, groups, quorum } = readPolicy(policy);
  const tooFew = ['INDETERMINATE', 'QUORUM'];
  const isBy = (line, { name, id }) => line.name === name && line.id === id;
  const timesIn = () => {
    const { text, signatures } = parseNote(note);
    const { origin } = parseCheckpoint(text);
    const isOfLog = (line, log) => log.name === origin && isBy(line, log) && log.key.verifies(Buffer.from(text), line.signature);
    refuseUnless(logs.length === 0 || signatures.some((line) => logs.some((log) => isOfLog(line, log))), 'the policy is for another log');
    return signatures.flatMap((line) => [...witnesses].filter(([, witness]) => isBy(line, witness)).map(([name, { key }]) => {
      refuseUnless(line.signature.length === 72, 'no cosignature');
      const seconds = line.signature.readBigUInt64BE(0);
      refuseUnless(key.verifies(Buffer.from(`cosignature/v1\ntime ${seconds}\n${text}`), line.signature.subarray(8)), 'it does not verify');
      return [name, Number(seconds) * 1000];
    }));
  };
  let times;
  try {
    times = timesIn().filter(([, at]) => at <= now + SKEW_MS);
  } catch (error) {
    if (error instanceof Refused) return tooFew;
    throw error;
  }
  const by = new Set(times.map(([name]) => name));
  const isMet = (name) => {
    const group = groups.get(name);
    return group ? group.members.filter(isMet).length >= group.needed : name === 'none' || by.has(name);
  };
  if (!isMet(quorum)) return tooFew;
  const newest = Math.max(...times.map(([, at]) => at));
  return times.length > 0 && newest + ageMax < now ? ['INDETERMINATE', 'STALE'] : VALID;
}

// Verifies presentations of wallets (SD-JWT VC, RFC 9901): docs/format.md, section 12.
import { Refused, base64url, list, mapped, refuseUnless, sha256, text, writeCanonical } from './form.mjs';
import { PublicKey, VALID } from './log.mjs';
import { fieldLeaf, isOfKey, isType, readStatement, readToken, verifyRecord } from './verify.mjs';

const CHARS_MAX = 524_288;
const DISCLOSURES_MAX = 1_024;
const BINDING_AGE_MS_MAX = 600_000;
const SKEW_MS = 300_000;
// Names that no disclosure may have, at the top of the claims.
const OPEN = new Set(['iss', 'nbf', 'iat', 'exp', 'cnf', 'vct', 'status', 'sub_jwk']);
const RANKS = ['NO_TRUSTED_SIGNATURE', 'ISSUER_MISMATCH', 'MALFORMED', 'PAYLOAD_MISMATCH', 'KEY_BINDING', 'EXPIRED'];

const attempt = (read, otherwise) => {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refused) return otherwise;
    throw error;
  }
};

function readDisclosure(encoded) {
  const parts = mapped(JSON.parse(attempt(() => new TextDecoder('utf-8', { fatal: true }).decode(base64url(encoded, 'a disclosure')), 'null')));
  refuseUnless(Array.isArray(parts) && [2, 3].includes(parts.length) && typeof parts[0] === 'string', 'a disclosure of another form');
  const [salt, name] = parts;
  refuseUnless(parts.length === 2 || (typeof name === 'string' && name !== '_sd' && name !== '...'), 'a name that a disclosure cannot have');
  return { salt, name: parts.length === 3 ? name : null, value: parts.at(-1), digest: sha256(encoded).toString('base64url'), isUsed: false };
}

// The claims with what is disclosed in its place; `shown` gets the disclosures of the members of `record`.
function disclosed(claims, encoded) {
  const disclosures = new Map();
  for (const one of encoded) {
    let read;
    try {
      read = readDisclosure(one);
    } catch (error) {
      if (error instanceof SyntaxError) throw new Refused('a disclosure is not JSON');
      throw error;
    }
    refuseUnless(!disclosures.has(read.digest), 'a disclosure is sent twice');
    disclosures.set(read.digest, read);
  }
  const [seen, shown] = [new Set(), []];
  const find = (digest, isElement) => {
    refuseUnless(typeof digest === 'string' && !seen.has(digest), 'a digest that is none, or stands twice');
    seen.add(digest);
    const found = disclosures.get(digest);
    refuseUnless(!found || (found.name === null) === isElement, 'a disclosure in the wrong place');
    if (found) found.isUsed = true;
    return found;
  };
  const walk = (value, depth, path) => {
    refuseUnless(depth <= 32, 'it nests too deeply');
    if (Array.isArray(value)) {
      return value.flatMap((item) => {
        if (!(item instanceof Map && item.has('...'))) return [walk(item, depth + 1, null)];
        refuseUnless(item.size === 1, "an element has a member in addition to its digest");
        const found = find(item.get('...'), true);
        return found ? [walk(found.value, depth + 1, null)] : [];
      });
    }
    if (!(value instanceof Map)) return value;
    const object = new Map();
    for (const [name, inner] of value) {
      refuseUnless(name !== '...', 'a member that is none');
      if (name !== '_sd') object.set(name, walk(inner, depth + 1, path === '' ? name : null));
    }
    for (const digest of value.has('_sd') ? list((one) => one)(value.get('_sd'), '_sd') : []) {
      const found = find(digest, false);
      if (!found) continue;
      refuseUnless(!object.has(found.name) && !(path === '' && OPEN.has(found.name)), 'a name that is taken');
      if (path === 'record') shown.push(found);
      object.set(found.name, walk(found.value, depth + 1, path === '' ? found.name : null));
    }
    return object;
  };
  const { _sd_alg: algorithm = 'sha-256' } = Object.fromEntries(claims);
  refuseUnless(algorithm === 'sha-256', 'digests of another algorithm');
  const whole = walk(claims, 0, '');
  refuseUnless([...disclosures.values()].every((one) => one.isUsed), 'a disclosure that no digest refers to');
  return { claims: whole, shown };
}

const plain = (value) => {
  if (Array.isArray(value)) return value.map(plain);
  return value instanceof Map ? Object.fromEntries([...value].map(([name, inner]) => [name, plain(inner)])) : value;
};

const isNamedBy = (name, { origin }) => name === origin ||
  (typeof name === 'string' && /^https:\/\/[^/]+\//.test(name) && name.endsWith(`/${origin}`) && name.length > `https:///${origin}`.length);

const seconds = (claims, name) => {
  refuseUnless(!claims.has(name) || typeof claims.get(name) === 'number', `${name} is no number`);
  return claims.has(name) ? claims.get(name) * 1000 : null;
};

function isCurrent(claims, now) {
  const [expires, begins, issued] = ['exp', 'nbf', 'iat'].map((name) => seconds(claims, name));
  return expires !== null && now < expires && [begins, issued].every((at) => at === null || at <= now + SKEW_MS);
}

function holderKey(claims) {
  const jwk = claims.get('cnf')?.get?.('jwk');
  refuseUnless(jwk instanceof Map && !jwk.has('d'), "no holder's key");
  const part = (name) => base64url(text(jwk.get(name), name), name);
  if (jwk.get('kty') === 'OKP' && jwk.get('crv') === 'Ed25519') return PublicKey.ofRaw('ed25519', part('x'));
  refuseUnless(jwk.get('kty') === 'EC' && jwk.get('crv') === 'P-256', 'a key of another kind');
  return PublicKey.ofRaw('ecdsa-p256-sha256', Buffer.concat([Buffer.of(4), part('x'), part('y')]));
}

function isBound(binding, claims, asked, now, presented) {
  const key = holderKey(claims);
  refuseUnless(binding && isType(binding.header, 'kb+jwt') && isOfKey(binding.header, key), 'no key binding');
  refuseUnless(key.verifiesFixed(binding.signed, binding.signature), 'the binding is not signed by the holder');
  const said = binding.claims();
  const [issued, expires, begins] = ['iat', 'exp', 'nbf'].map((name) => seconds(said, name));
  const isOfNow = issued !== null && issued <= now + SKEW_MS && issued >= now - BINDING_AGE_MS_MAX &&
    (expires === null || now < expires) && (begins === null || begins <= now + SKEW_MS);
  return isOfNow && said.get('nonce') === asked.nonce && said.get('aud') === asked.audience &&
    said.get('sd_hash') === sha256(presented).toString('base64url');
}

// The record in a credential, as a partial disclosure.
function recordIn(claims, shown, issuer) {
  const own = claims.get('lienthong');
  refuseUnless(own instanceof Map && claims.get('record') instanceof Map, 'there is no record in it');
  const bytes = (value, what) => base64url(text(value, what), what);
  const leaves = list(bytes)(own.get('leaves'), 'leaves');
  const proof = (name) => {
    const found = own.get(name);
    if (!found) return null;
    refuseUnless(found instanceof Map && typeof found.get('index') === 'number', 'a proof is none');
    return { checkpoint: text(found.get('checkpoint'), 'checkpoint'), index: BigInt(found.get('index')), path: list(bytes)(found.get('path'), 'path') };
  };
  const fields = shown.map(({ salt, name, value }) => {
    const field = { name, value: Buffer.from(writeCanonical(plain(value))), salt: base64url(salt, 'a salt') };
    refuseUnless(field.salt.length === 32, 'a salt of another length');
    const index = leaves.findIndex((leaf) => leaf.equals(fieldLeaf(field.salt, name, field.value)));
    refuseUnless(index >= 0, 'a field whose commitment is not among the leaves');
    return { index: BigInt(index), ...field };
  });
  refuseUnless(fields.length === claims.get('record').size, 'a member of the record that is no disclosure');
  fields.sort((one, other) => Number(one.index - other.index));
  const hidden = leaves.map((leaf, index) => ({ index: BigInt(index), leaf })).filter(({ index }) => !fields.some((field) => field.index === index));
  const statement = bytes(own.get('statement'), 'the statement');
  const { issuer: name, schema, statusIndex } = readStatement(statement);
  const status = claims.get('status')?.get?.('status_list')?.get?.('idx');
  const agrees = name === issuer.name && claims.get('vct') === `urn:lienthong:vct:${schema}` && BigInt(status ?? -1) === statusIndex;
  refuseUnless(agrees, 'the record is of another issuer, type or place than the credential says');
  return { statement, whole: null, partial: { shown: fields, hidden }, issuer_proof: proof('issuer_proof'), ledger_proof: proof('ledger_proof'), beside: null };
}

// The verdict on a presentation; `asked` is the nonce and the audience that it must be bound to, if the verifier asked for a binding.
export function verifyPresentation(presentation, anchor, now, asked) {
  const failed = new Set();
  const holds = (code, check) => {
    if (attempt(check, false) === false) failed.add(code);
  };
  const verdict = () => ['INVALID', RANKS.find((code) => failed.has(code))];
  const form = attempt(() => {
    const parts = presentation.split('~');
    refuseUnless(parts.length > 1 && presentation.length <= CHARS_MAX && parts.length - 2 <= DISCLOSURES_MAX, 'no credential');
    return { token: readToken(parts[0]), disclosures: parts.slice(1, -1), binding: parts.at(-1) ? readToken(parts.at(-1)) : null };
  }, null);
  if (!form) return ['INVALID', 'MALFORMED'];
  const { token, disclosures, binding } = form;
  const owned = anchor.issuers.flatMap((issuer) => issuer.keys.map((key) => ({ issuer, key }))).find(({ key }) => key.id === token.header.get('kid'));
  const claims = attempt(() => {
    refuseUnless(owned && isType(token.header, 'dc+sd-jwt') && isOfKey(token.header, owned.key), 'no key of the anchor');
    refuseUnless(owned.key.verifiesFixed(token.signed, token.signature), 'it does not verify');
    return token.claims();
  }, null);
  if (!claims) return ['INVALID', 'NO_TRUSTED_SIGNATURE'];
  holds('ISSUER_MISMATCH', () => isNamedBy(claims.get('iss'), owned.issuer));
  const revealed = attempt(() => disclosed(claims, disclosures), null);
  if (!revealed) {
    failed.add('PAYLOAD_MISMATCH');
    return verdict();
  }
  holds('EXPIRED', () => isCurrent(revealed.claims, now));
  if (asked) holds('KEY_BINDING', () => isBound(binding, revealed.claims, asked, now, presentation.slice(0, presentation.lastIndexOf('~') + 1)));
  const record = attempt(() => recordIn(revealed.claims, revealed.shown, owned.issuer), null);
  if (!record) failed.add('PAYLOAD_MISMATCH');
  if (failed.size > 0) return verdict();
  const ofKey = owned.key.judge(null);
  const ofRecord = verifyRecord(record, anchor, now).report.verdict;
  return ofKey === VALID || (ofKey[0] === 'INDETERMINATE' && ofRecord[0] === 'INVALID') ? ofRecord : ofKey;
}

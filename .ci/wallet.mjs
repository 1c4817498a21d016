// Verifies our presentations with @sd-jwt/core: wallet.mjs PRESENTATIONS ANCHOR NONCE AUDIENCE.

import assert from 'node:assert';
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SDJwtInstance } from '@sd-jwt/core';

const [presentations, anchor, nonce, audience] = process.argv.slice(2);
const issuers = JSON.parse(readFileSync(anchor, 'utf8')).issuers;
const keys = new Map(issuers.flatMap((issuer) => issuer.keys).map((key) => [key.id, key]));

const headerOf = (data) => JSON.parse(Buffer.from(data.split('.')[0], 'base64url').toString('utf8'));

// The anchor's key that the header names; only Ed25519 here, as a new world has it.
const issuerVerifier = (data, signature) => {
  const header = headerOf(data);
  const key = keys.get(header.kid);
  assert.strictEqual(header.alg, 'EdDSA');
  assert.strictEqual(key.algorithm, 'ed25519');
  const x = Buffer.from(key.public_key, 'base64').subarray(-32).toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, Buffer.from(data), publicKey, Buffer.from(signature, 'base64url'));
};

const holderVerifier = (data, signature, payload) => {
  assert.strictEqual(headerOf(data).alg, 'ES256');
  const key = createPublicKey({ key: payload.cnf.jwk, format: 'jwk' });
  return verify('sha256', Buffer.from(data), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
};

const instance = new SDJwtInstance({
  hashAlg: 'sha-256',
  hasher: (data, alg) => new Uint8Array(createHash(alg.replace('-', '')).update(Buffer.from(data)).digest()),
  verifier: issuerVerifier,
  kbVerifier: holderVerifier,
});

const lines = readFileSync(presentations, 'ascii').trim().split('\n');
assert.strictEqual(lines.length, 3);
for (const line of lines) {
  const { payload, kb } = await instance.verify(line, { keyBindingNonce: nonce });
  assert.strictEqual(kb.payload.aud, audience);
  assert.ok(payload.vct.startsWith('urn:lienthong:vct:') && !('_sd' in payload.record));
  console.log(`@sd-jwt/core accepts ${payload.vct} with ${Object.keys(payload.record).length} fields`);
}
await assert.rejects(instance.verify(lines[0], { keyBindingNonce: 'other' }));

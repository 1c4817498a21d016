"""Verifies our presentations with Python's sd-jwt: wallet.py PRESENTATIONS ANCHOR NONCE AUDIENCE."""

import base64
import json
import sys

from jwcrypto.jwk import JWK
from sd_jwt.verifier import SDJWTVerifier

presentations, anchor, nonce, audience = sys.argv[1:]
keys = {
    key["id"]: key
    for issuer in json.load(open(anchor, encoding="utf-8"))["issuers"]
    for key in issuer["keys"]
}


def issuer_key(_issuer, header):
    """The key of the anchor that the header names; only Ed25519 here, as a new world has it."""
    key = keys[header["kid"]]
    assert key["algorithm"] == "ed25519", key["algorithm"]
    raw = base64.b64decode(key["public_key"])[-32:]
    return JWK(kty="OKP", crv="Ed25519", x=base64.urlsafe_b64encode(raw).decode().rstrip("="))


count = 0
for line in open(presentations, encoding="ascii"):
    claims = SDJWTVerifier(line.strip(), issuer_key, audience, nonce).get_verified_payload()
    assert claims["vct"].startswith("urn:lienthong:vct:"), claims["vct"]
    assert "_sd" not in claims["record"]
    count += 1
    print(f"sd-jwt (Python) accepts {claims['vct']} with {len(claims['record'])} fields")
assert count == 3, count
for bad in [("other", audience), (nonce, "https://other.example.vn")]:
    try:
        SDJWTVerifier(line.strip(), issuer_key, bad[1], bad[0])
    except ValueError:
        continue
    sys.exit(f"accepted with {bad}")

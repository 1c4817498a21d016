"""Verifies presentations of wallets (SD-JWT VC, RFC 9901): docs/format.md, section 12. The record in it is verified by tools/verify.py."""

import verify
from verify import Refused, base64url, refuse_unless, sha256

CHARS_MAX, DISCLOSURES_MAX, SKEW_MS, BINDING_AGE_MS_MAX = 524_288, 1_024, 300_000, 600_000
# Names that no disclosure may have, at the top of the claims.
OPEN = {"iss", "nbf", "iat", "exp", "cnf", "vct", "status", "sub_jwk"}
RANKS = ["NO_TRUSTED_SIGNATURE", "ISSUER_MISMATCH", "MALFORMED", "PAYLOAD_MISMATCH", "KEY_BINDING", "EXPIRED"]


def encoded(raw):
    return verify.base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Token:
    """A split compact token; nothing in it is verified yet."""

    def __init__(self, text):
        parts = text.split(".")
        refuse_unless(len(parts) == 3 and len(parts[0]) <= 4096 and len(parts[2]) == 86, "not a token")
        self.header = verify.one_of(verify.read_json(base64url(parts[0], "the token")))
        refuse_unless(not {"crit", "b64"} & self.header.keys(), "the header asks for an extension that is not supported")
        self.signed, self.claims_part = text.rpartition(".")[0].encode(), parts[1]
        self.signature = base64url(parts[2], "the signature")

    def claims(self, kind, algorithm, verifies):
        """The claims, once type, algorithm and signature are those of a key."""
        typ = verify.text_of(self.header.get("typ"), "typ").lower().removeprefix("application/")
        names = {"ed25519": ("EdDSA", "Ed25519")}.get(algorithm, ("ES256",))
        refuse_unless(typ == kind and self.header.get("alg") in names, "a token of another type or algorithm")
        refuse_unless(verifies(self.signed, self.signature), "the signature does not verify")
        return verify.one_of(verify.read_json(base64url(self.claims_part, "the token")))


class Disclosures:
    """The disclosures of a credential, inserted into its claims."""

    def __init__(self, texts):
        self.by_digest, self.seen, self.used, self.of_record = {}, set(), set(), []
        for text in texts:
            values = verify.read_json(base64url(text, "a disclosure"))
            refuse_unless(len(values) == 1 and type(values[0]) is list and len(values[0]) in (2, 3), "a disclosure of another form")
            salt, *name, value = values[0]
            refuse_unless(type(salt) is str and all(type(one) is str and one not in ("_sd", "...") for one in name), "a salt or name that is none")
            digest = encoded(sha256(text.encode()))
            refuse_unless(digest not in self.by_digest, "a disclosure is sent twice")
            self.by_digest[digest] = (salt, name[0] if name else None, value)

    def find(self, digest, is_element):
        refuse_unless(type(digest) is str and digest not in self.seen, "a digest that is none, or stands twice")
        self.seen.add(digest)
        found = self.by_digest.get(digest)
        refuse_unless(found is None or (found[1] is None) == is_element, "a disclosure in the wrong place")
        if found:
            self.used.add(digest)
        return found

    def walk(self, value, depth=0, path=""):
        """A value with what is disclosed in its place. The path is empty at the top, and None below the first names."""
        refuse_unless(depth <= 32, "it nests too deeply")
        if type(value) is list:
            return [inner for item in value for inner in self.element(item, depth)]
        if type(value) is not dict:
            return value
        refuse_unless("..." not in value, "a member that is none")
        whole = {name: self.walk(inner, depth + 1, None if path else name if path == "" else None)
                 for name, inner in value.items() if name != "_sd"}
        for digest in verify.of_type(value.get("_sd", []), list, "_sd"):
            found = self.find(digest, False)
            if found:
                salt, name, inner = found
                refuse_unless(name not in whole and not (path == "" and name in OPEN), "a name that is taken")
                if path == "record":
                    self.of_record.append(found)
                whole[name] = self.walk(inner, depth + 1, name if path == "" else None)
        return whole

    def element(self, item, depth):
        if not (type(item) is dict and "..." in item):
            return [self.walk(item, depth + 1, None)]
        refuse_unless(len(item) == 1, "an element has a member in addition to its digest")
        found = self.find(item["..."], True)
        return [self.walk(found[2], depth + 1, None)] if found else []


def seconds(claims, name):
    """A time of the claims in milliseconds; None where there is none."""
    return verify.index_of(claims[name], name) * 1000 if name in claims else None


def is_current(claims, now):
    expires, *begun = (seconds(claims, name) for name in ("exp", "nbf", "iat"))
    return expires is not None and now < expires and all(at is None or at <= now + SKEW_MS for at in begun)


def is_named_by(name, origin):
    return name == origin or type(name) is str and verify.re.fullmatch(r"https://[^/]+/(.*/)?" + verify.re.escape(origin), name) is not None


def is_bound(token, claims, asked, now, presented):
    """Whether the holder bound it to this nonce and audience, just now."""
    jwk = verify.of_type(verify.of_type(claims.get("cnf"), dict, "cnf").get("jwk"), dict, "jwk")
    part = lambda name: base64url(verify.text_of(jwk.get(name), name), name)  # noqa: E731
    kind = (jwk.get("kty"), jwk.get("crv"))
    refuse_unless(token and "d" not in jwk and kind in (("OKP", "Ed25519"), ("EC", "P-256")), "no binding, or no holder's key")
    algorithm, raw = ("ed25519", part("x")) if kind[0] == "OKP" else ("ecdsa-p256-sha256", b"\4" + part("x") + part("y"))
    spki = verify.SPKI_HEADS[algorithm] + raw
    key = verify.Key({"id": sha256(spki).hex(), "algorithm": algorithm, "public_key": verify.base64.b64encode(spki).decode()}, "the holder's key", True)
    said = token.claims("kb+jwt", algorithm, key.verifies_fixed)
    issued, expires, begins = (seconds(said, name) for name in ("iat", "exp", "nbf"))
    is_of_now = (issued is not None and now - BINDING_AGE_MS_MAX <= issued <= now + SKEW_MS
                 and (expires is None or now < expires) and (begins is None or begins <= now + SKEW_MS))
    return is_of_now and (said.get("nonce"), said.get("aud"), said.get("sd_hash")) == (*asked, encoded(sha256(presented.encode())))


def record_in(claims, fields, issuer):
    """The record in a credential as a partial disclosure, in protobuf JSON."""
    own, record = (verify.of_type(claims.get(name), dict, name) for name in ("lienthong", "record"))
    standard = lambda text: verify.base64.b64encode(base64url(verify.text_of(text, "bytes"), "bytes")).decode()  # noqa: E731
    leaves = [base64url(verify.text_of(leaf, "a leaf"), "a leaf") for leaf in verify.of_type(own.get("leaves"), list, "leaves")]
    shown = []
    for salt, name, value in fields:
        salt, value = base64url(salt, "a salt"), verify.write_canonical(value)
        leaf = verify.field_leaf(salt, name.encode(), value)
        refuse_unless(len(salt) == 32 and leaf in leaves, "a field whose commitment is not among the leaves")
        shown.append({"index": leaves.index(leaf), "name": name, "value": verify.base64.b64encode(value).decode(),
                      "salt": verify.base64.b64encode(salt).decode()})
    refuse_unless(len(shown) == len(record), "a member of the record that is no disclosure")
    shown.sort(key=lambda field: field["index"])
    places = {field["index"] for field in shown}
    hidden = [{"index": at, "leaf": verify.base64.b64encode(leaf).decode()} for at, leaf in enumerate(leaves) if at not in places]
    proofs = {name: {**proof, "path": [standard(step) for step in verify.of_type(proof.get("path"), list, "path")]}
              for name, proof in ((name, own[name]) for name in ("issuer_proof", "ledger_proof") if name in own)}
    found = verify.Record({"statement": standard(own.get("statement")), "partial": {"shown": shown, "hidden": hidden}, **proofs})
    statement, status = verify.Statement(found.statement), claims.get("status", {}).get("status_list", {}).get("idx")
    agrees = (statement.issuer, claims.get("vct"), status) == (issuer.name, f"urn:lienthong:vct:{statement.schema}", statement.status_index)
    refuse_unless(agrees, "the record is of another issuer, type or place than the credential says")
    return found


def holds(failed, code, check, *arguments):
    """What a check gives; where it refuses or does not hold, its code is among those that failed."""
    try:
        found = check(*arguments)
    except (Refused, AttributeError):  # also of a claim that is no object
        found = None
    if not found:
        failed.add(code)
    return found


def judge(text, anchor, now, asked):
    """The verdict and its code; `asked` is nonce and audience, if the verifier asked for them."""
    failed = set()
    parts = text.split("~")
    good = len(parts) > 1 and len(text) <= CHARS_MAX and len(parts) - 2 <= DISCLOSURES_MAX
    token = holds(failed, "MALFORMED", lambda: good and Token(parts[0]))
    binding = parts[-1] and holds(failed, "MALFORMED", Token, parts[-1])
    if failed:
        return "INVALID", "MALFORMED"
    owners = [(issuer, key) for issuer in anchor.issuers for key in issuer.keys if key.id == token.header.get("kid")]
    claims = owners and holds(failed, "NO_TRUSTED_SIGNATURE", token.claims, "dc+sd-jwt", owners[0][1].algorithm, owners[0][1].verifies_fixed)
    if not claims:
        return "INVALID", "NO_TRUSTED_SIGNATURE"
    issuer, key = owners[0]
    holds(failed, "ISSUER_MISMATCH", is_named_by, claims.get("iss"), issuer.origin)

    def disclosed():
        refuse_unless(claims.get("_sd_alg", "sha-256") == "sha-256", "digests of another algorithm")
        found = Disclosures(parts[1:-1])
        whole = found.walk(claims)
        refuse_unless(len(found.used) == len(found.by_digest), "a disclosure that no digest refers to")
        return whole, found.of_record

    found = holds(failed, "PAYLOAD_MISMATCH", disclosed)
    record = None
    if found:
        claims, fields = found
        holds(failed, "EXPIRED", is_current, claims, now)
        if asked:
            holds(failed, "KEY_BINDING", is_bound, binding, claims, asked, now, text[:text.rindex("~") + 1])
        record = holds(failed, "PAYLOAD_MISMATCH", record_in, claims, fields, issuer)
    if failed:
        return "INVALID", min(failed, key=RANKS.index)
    of_key, of_record = key.judge(None), verify.verify(record, anchor, now).verdict
    return of_record if of_key == verify.VALID or (of_key[0], of_record[0]) == ("INDETERMINATE", "INVALID") else of_key

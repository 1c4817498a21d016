#!/usr/bin/env python3
"""Verifies Lienthong's signed records offline: docs/format.md, read a second time in another language.

    python3 tools/verify.py answer.json --trust anchor.json

reads what grpcurl prints, and gives the checks, verdicts and exit codes of `lienthong verify`, with which it shares no
code. It needs Python 3.11 and the package `cryptography`. What it does not do: compare the typed form that stands beside the
signed bytes, which would take the record types' protos (that check is skipped, and says so); read wallets' credentials and
presentations, the answers of typed services, whole logs, or successions of anchors; ask for anything over a network.
"""

import argparse
import base64
import codecs
import datetime
import hashlib
import hmac
import json
import math
import pathlib
import re
import stringprep
import sys
import time
import unicodedata
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256

EXIT_FILE, EXIT_NO_RECORDS, EXIT_ANCHOR = 3, 4, 5
EXIT_CODES = {
    "PAYLOAD_MISMATCH": 10, "INCLUSION": 11, "ISSUER_MISMATCH": 12, "NOT_AUTHORISED": 13, "NO_TRUSTED_SIGNATURE": 14,
    "NON_CANONICAL": 15, "MALFORMED": 16, "KEY_NOT_VALID": 17, "ISSUED_IN_FUTURE": 18, "TYPED_FORM_MISMATCH": 19,
    "STATUS_INVALID": 24, "STATUS_SUSPENDED": 25, "SUPERSEDED": 26,
    "REVOKED_NO_POE": 30, "NO_POE": 31, "TRY_LATER": 32, "QUORUM": 33, "STALE": 34,
    "UNAVAILABLE": 35,
}
INTEGER_MAX, U64_MAX = 2**53 - 1, 2**64 - 1
PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX, PAYLOAD_FIELDS_MAX = 48 * 1024, 8, 64
NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, ANCHOR_BYTES_MAX = 96 * 1024, 16, 1 << 20
CLOCK_SKEW_MS_MAX = 5 * 60_000

class Refused(Exception):
    """Bytes that are not what they should be. The text says why, and never holds payload values."""

def refuse_unless(condition, why):
    if not condition:
        raise Refused(why)

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

# ---- JSON files: read strictly, so that they cannot show a reader content that is not verified

class Fraction:
    """A number that is not whole, or -0: nothing that is read here is one."""

def read_json(data):
    """JSON values in a row, with no name twice."""
    def once(pairs):
        refuse_unless(len(dict(pairs)) == len(pairs), "a name occurs twice")
        return dict(pairs)

    def number(text):
        refuse_unless(math.isfinite(float(text)), "a number is too large")
        return Fraction() if text == "-0" or not text.lstrip("-").isdigit() else int(text)

    def constant(_):
        raise Refused("a constant that is no JSON")

    decoder = json.JSONDecoder(object_pairs_hook=once, parse_int=number, parse_float=number, parse_constant=constant)
    space, at, found = re.compile(r"[ \t\r\n]*"), 0, []
    try:
        text = data.decode("utf-8")
        while (at := space.match(text, at).end()) < len(text):
            value, at = decoder.raw_decode(text, at)
            found.append(value)
    except (ValueError, RecursionError) as error:
        raise Refused(f"broken JSON: {error}") from error
    return found

class Fields:
    """The fields of a JSON object, each taken once; fields that are not taken are refused."""

    def __init__(self, value, what):
        self.rest, self.what = dict(of_type(value, dict, what)), what

    def need(self, name, read):
        refuse_unless(name in self.rest, f"{self.what}: {name} is missing")
        return read(self.rest.pop(name), name)

    def optional(self, name, read, default):
        return read(self.rest.pop(name), name) if name in self.rest else default

    def take(self, name, read, default):
        """A field of protobuf JSON: lowerCamelCase or as in the proto; absent, it has its default."""
        camel = re.sub("_(.)", lambda match: match[1].upper(), name)
        spellings = [spelling for spelling in {camel, name} if spelling in self.rest]
        refuse_unless(len(spellings) < 2, f"{self.what}: {name} occurs twice")
        return read(self.rest.pop(spellings[0]), name) if spellings else default

    def end(self):
        refuse_unless(not self.rest, f"{self.what}: unknown field `{next(iter(self.rest), '')}`")

def pass_over(value, depth=16):
    """A value that is not looked at further must still be JSON that everybody reads alike."""
    if type(value) is str:
        text_of(value, "a part that is passed over")
    elif type(value) in (dict, list):
        refuse_unless(depth > 0, "a part that is passed over nests too deeply")
        for inner in [*value, *value.values()] if type(value) is dict else value:
            pass_over(inner, depth - 1)

def of_type(value, kind, what):
    refuse_unless(type(value) is kind, f"{what} is not {kind.__name__}")
    return value

def text_of(value, what):
    refuse_unless(not re.search("[\ud800-\udfff]", of_type(value, str, what)), f"{what} holds half a letter")
    return value

def bytes_of(value, what):
    """Base64 in its one form: standard alphabet, padded, no stray bits."""
    try:
        raw = base64.b64decode(of_type(value, str, what), validate=True)
    except ValueError:
        raw = None
    refuse_unless(raw is not None and base64.b64encode(raw).decode() == value, f"{what} is not base64")
    return raw

def hash_of(value, what):
    refuse_unless(len(raw := bytes_of(value, what)) == 32, f"{what} is not 32 bytes")
    return raw

def whole_number(value, what, largest=U64_MAX):
    """A number, or the text that protobuf JSON makes of 64-bit ones."""
    if type(value) is str and re.fullmatch(r"0|[1-9][0-9]{0,19}", value):
        value = int(value)
    refuse_unless(0 <= of_type(value, int, what) <= largest, f"{what} is out of range")
    return value

def index_of(value, what):
    refuse_unless(0 <= of_type(value, int, what) <= INTEGER_MAX, f"{what} is out of range")
    return value

def list_of(read):
    return lambda value, what: [read(item, what) for item in of_type(value, list, what)]

def message(**fields):
    """A reader of a protobuf message: its fields in order, each with its reader and default."""
    def read(value, what):
        row = Fields(value, what)
        found = [row.take(name, reader, default) for name, (reader, default) in fields.items()]
        row.end()
        return found
    return read

def small(value, what):
    return whole_number(value, what, 65535)

BLOB, HASH, TEXT, INDEX = (bytes_of, b""), (hash_of, bytes(32)), (text_of, ""), (small, 0)

def base64url(text, what):
    """Base64url in its one form, without padding."""
    refuse_unless(not set("+/=") & set(text), f"{what} is not base64url")
    return bytes_of(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), what)

def milliseconds(text, what="the time"):
    """RFC 3339 to milliseconds since 1970-01-01T00:00:00Z."""
    form = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)"
    refuse_unless(re.fullmatch(form, text_of(text, what), re.ASCII), f"{what} is no time of RFC 3339")
    try:
        at = datetime.datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise Refused(f"{what} is no time of RFC 3339") from error
    at = (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)
    refuse_unless(-62_135_596_800_000 <= at < 253_402_300_800_000, f"{what} lies beyond the years 1 to 9999")
    return at

def instant(text):
    try:
        return milliseconds(text)
    except Refused as why:
        raise argparse.ArgumentTypeError(str(why)) from why

def hours(text):
    refuse = argparse.ArgumentTypeError("a number of hours")
    if not re.fullmatch("[0-9]{1,10}", text, re.ASCII) or int(text) >= 2**32:
        raise refuse
    return int(text)

# ---- Keys and the trust anchor

SPKI_HEADS = {"ed25519": bytes.fromhex("302a300506032b6570032100"),
              "ecdsa-p256-sha256": bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")}
ED25519_P = 2**255 - 19
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# The y of all points whose order is 8 or less.
SMALL_ORDER = {0, 1, ED25519_P - 1, *(int.from_bytes(bytes.fromhex(y), "little") for y in (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))}
STATES = {"active": [], "rotated": ["event_index"], "compromised": ["suspect_from", "event_index"], "withdrawn": ["event_index"]}
VALID, KEY_NOT_VALID = ("VALID", None), ("INVALID", "KEY_NOT_VALID")
STATEMENT_NAME = re.compile(rb"[a-z0-9_./-]{1,64}")

def y_of(point):
    return int.from_bytes(point, "little") & (2**255 - 1)

def is_ed25519_key(raw):
    return len(raw) == 32 and y_of(raw) < ED25519_P and y_of(raw) not in SMALL_ORDER

def ed25519_verifies(raw, message, signature):
    if len(signature) != 64 or y_of(signature[:32]) % ED25519_P in SMALL_ORDER:
        return False
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
        return True
    except (InvalidSignature, ValueError):
        return False

def is_p256_key(raw):
    return len(raw) == 65 and raw[0] == 4

def p256_verifies(raw, message, signature):
    try:
        r, s = utils.decode_dss_signature(signature)
        if utils.encode_dss_signature(r, s) != signature or s > P256_ORDER // 2:
            return False  # one form only, or anyone could change a signature
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw).verify(signature, message, ec.ECDSA(SHA256()))
        return True
    except (InvalidSignature, ValueError):
        return False

# ML-DSA-44 (FIPS 204), to verify: polynomials over Z_q of degree below 256, in the number-theoretic transform (NTT) for products
MLDSA_Q, MLDSA_TAU, MLDSA_GAMMA1, MLDSA_GAMMA2, MLDSA_BETA, MLDSA_OMEGA = 8380417, 39, 1 << 17, 95232, 78, 80
MLDSA_ZETAS = [pow(1753, int(f"{at:08b}"[::-1], 2), MLDSA_Q) for at in range(256)]

def unpacked(data, bits, count=256):
    whole, mask = int.from_bytes(data, "little"), (1 << bits) - 1
    return [whole >> bits * at & mask for at in range(count)]

def ntt(w):
    w, m, length = list(w), 0, 128
    while length:
        for start in range(0, 256, 2 * length):
            m += 1
            for j in range(start, start + length):
                t = MLDSA_ZETAS[m] * w[j + length] % MLDSA_Q
                w[j], w[j + length] = (w[j] + t) % MLDSA_Q, (w[j] - t) % MLDSA_Q
        length //= 2
    return w

def ntt_inverse(w):
    w, m, length = list(w), 256, 1
    while length < 256:
        for start in range(0, 256, 2 * length):
            m -= 1
            for j in range(start, start + length):
                t, u = w[j], w[j + length]
                w[j], w[j + length] = (t + u) % MLDSA_Q, -MLDSA_ZETAS[m] * (t - u) % MLDSA_Q
        length *= 2
    return [value * 8347681 % MLDSA_Q for value in w]

def mldsa_sampled(seed):
    """256 numbers below q out of SHAKE128, three bytes at a time (algorithm 30); 1,344 bytes are more than enough by far."""
    stream = hashlib.shake_128(seed).digest(1344)
    found = [int.from_bytes(stream[at:at + 3], "little") & 0x7FFFFF for at in range(0, 1344, 3)]
    return [value for value in found if value < MLDSA_Q][:256]

def mldsa_challenge(seed):
    """A polynomial of 39 ones and minus ones (algorithm 29)."""
    stream, c = hashlib.shake_256(seed).digest(8 + 1024), [0] * 256
    signs, rest = int.from_bytes(stream[:8], "little"), iter(stream[8:])
    for i in range(256 - MLDSA_TAU, 256):
        j = next(byte for byte in rest if byte <= i)
        c[i], c[j] = c[j], 1 - 2 * (signs >> i + MLDSA_TAU - 256 & 1)
    return c

def mldsa_hints(data):
    """Four sets of places (algorithm 21), in the one form that they have; None otherwise."""
    ends, hints, at = data[MLDSA_OMEGA:], [], 0
    for end in ends:
        places = list(data[at:end])
        if not at <= end <= MLDSA_OMEGA or places != sorted(set(places)):
            return None
        hints.append(set(places))
        at = end
    return None if any(data[at:MLDSA_OMEGA]) else hints

def mldsa_high(value, is_hinted):
    """The high part of a number, corrected by its hint (algorithms 36 and 40)."""
    low = value % (2 * MLDSA_GAMMA2)
    low -= 2 * MLDSA_GAMMA2 if low > MLDSA_GAMMA2 else 0
    high, low = (0, low - 1) if value - low == MLDSA_Q - 1 else ((value - low) // (2 * MLDSA_GAMMA2), low)
    return (high + (1 if low > 0 else -1)) % 44 if is_hinted else high

def mldsa_verifies(raw, message, signature):
    """With an empty context (algorithms 3 and 8)."""
    if (len(raw), len(signature)) != (1312, 2420):
        return False
    seed, hints = signature[:32], mldsa_hints(signature[2336:])
    z = [[MLDSA_GAMMA1 - value for value in unpacked(signature[at:at + 576], 18)] for at in range(32, 2336, 576)]
    if hints is None or any(abs(value) >= MLDSA_GAMMA1 - MLDSA_BETA for row in z for value in row):
        return False
    z, c = [ntt(row) for row in z], ntt(mldsa_challenge(seed))
    mu = hashlib.shake_256(hashlib.shake_256(raw).digest(64) + b"\0\0" + message).digest(64)
    high = b""
    for r in range(4):
        t = ntt([value << 13 for value in unpacked(raw[32 + 320 * r:352 + 320 * r], 10)])
        row = [mldsa_sampled(raw[:32] + bytes([s, r])) for s in range(4)]
        w = ntt_inverse([sum(row[s][j] * z[s][j] for s in range(4)) - c[j] * t[j] for j in range(256)])
        packed = sum(mldsa_high(value, j in hints[r]) << 6 * j for j, value in enumerate(w))
        high += packed.to_bytes(192, "little")
    return hashlib.shake_256(mu + high).digest(32) == seed

def is_key_name(name):
    return name != "" and not any(c == "+" or c.isspace() or unicodedata.category(c) == "Cc" for c in name)

class Key:
    """A public key and its state. The algorithm is the key's: nothing in a message can name one."""

    def __init__(self, value, what, is_root=False):
        row = Fields(value, what)
        self.id, self.algorithm, spki = row.need("id", text_of), row.need("algorithm", text_of), row.need("public_key", bytes_of)
        if not is_root:  # a root key has no state: it signs anchors
            self.from_index, self.reattested = row.need("from_index", index_of), row.optional("reattested", list_of(list_of(index_of)), [])
            state = Fields(row.need("state", lambda value, _: value), "state")
            self.state = state.need("kind", text_of)
            refuse_unless(self.state in STATES, "a key of unknown state")
            self.when = {name: state.need(name, index_of) for name in STATES[self.state]}
            state.end()
            refuse_unless(all(len(pair) == 2 and pair[0] < pair[1] for pair in self.reattested), "a re-attested range is none")
        row.end()
        refuse_unless(self.algorithm in SPKI_HEADS, "a key of unknown algorithm")
        head = SPKI_HEADS[self.algorithm]
        self.spki, self.raw = spki, spki[len(head):]
        if self.algorithm == "ed25519":
            good = is_ed25519_key(self.raw)
        else:
            good = is_p256_key(self.raw)
        refuse_unless(good and spki.startswith(head), f"key {self.id}: not in its one encoding, or of small order")
        refuse_unless(sha256(spki).hex() == self.id, f"key {self.id}: the id is not the key's")

    def note_id(self, name):
        """Four bytes, by which a note's signature line names the key."""
        return (sha256(name.encode(), b"\n\x01", self.raw) if self.algorithm == "ed25519" else sha256(self.spki))[:4]

    def verifies(self, message, signature):
        return (ed25519_verifies if self.algorithm == "ed25519" else p256_verifies)(self.raw, message, signature)

    def verifies_fixed(self, message, signature):
        """A signature as tokens have it: ECDSA as r and s side by side, s in either half."""
        if self.algorithm == "ed25519":
            return ed25519_verifies(self.raw, message, signature)
        try:
            der = utils.encode_dss_signature(*(int.from_bytes(part, "big") for part in (signature[:32], signature[32:])))
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.raw).verify(der, message, ec.ECDSA(SHA256()))
            return True
        except (InvalidSignature, ValueError):
            return False

    def judge(self, index):
        """The key's verdict on a record at this index of the record ledger; None is a record without ledger proof."""
        if index is None:
            return {"active": VALID, "rotated": ("INDETERMINATE", "NO_POE")}.get(self.state, KEY_NOT_VALID)
        if index < self.from_index or index >= self.when.get("event_index", U64_MAX + 1):
            return KEY_NOT_VALID
        suspect = index >= self.when.get("suspect_from", U64_MAX + 1) and not any(a <= index < b for a, b in self.reattested)
        return ("INDETERMINATE", "REVOKED_NO_POE") if suspect else VALID

def continued(value, what):
    """The head of another log with which this one began: its origin, size and root."""
    row = Fields(value, what)
    origin, size, root = row.need("origin", text_of), row.need("size", index_of), row.need("root", text_of)
    row.end()
    refuse_unless(re.fullmatch("[0-9a-f]{64}", root), f"{what}: the root is not 64 lower-case hexadecimal digits")
    return origin, size, bytes.fromhex(root)

class Owner:
    """Who a log belongs to: an issuer with a name, or the province, with a purpose."""

    def __init__(self, value, what):
        row = Fields(value, what)
        self.origin, self.keys = row.need("origin", text_of), row.need("keys", list_of(Key))
        self.name = row.need("name", text_of) if what == "issuers" else None
        self.schemas = row.need("schemas", list_of(text_of)) if what == "issuers" else []
        self.purpose = row.need("purpose", text_of) if what == "logs" else None
        self.continues = row.optional("continues", list_of(continued), [])
        row.end()
        heads = [(size, root) for _, size, root in self.continues]
        good = all(one[0] < other[0] or one == other for one, other in zip(heads, heads[1:]))
        refuse_unless(good, f"what {self.origin} continues becomes smaller, or another tree")
        refuse_unless(self.purpose in (None, "records", "evidence"), "a log of unknown purpose")
        names = self.schemas if self.name is None else [self.name, *self.schemas]
        good = all(STATEMENT_NAME.fullmatch(name.encode()) for name in names)
        refuse_unless(good, "an issuer or record type that cannot stand in a statement")

def root_signature(value, what):
    row = Fields(value, what)
    key_id, signature = row.need("key_id", text_of), row.need("signature", bytes_of)
    row.end()
    refuse_unless(re.fullmatch("[0-9a-f]{64}", key_id), f"{what}: {key_id} is no key id")
    return key_id, signature

class Anchor:
    """The trust anchor of the verifier."""

    def __init__(self, data):
        refuse_unless(len(data) <= ANCHOR_BYTES_MAX, "larger than 1 MiB")
        values = read_json(data)
        row = Fields(values[0] if len(values) == 1 else None, "the anchor")
        refuse_unless(row.need("format", text_of) == "lienthong/anchor/v1", "the format is not lienthong/anchor/v1")
        row.need("province", text_of), row.need("version", index_of)
        self.expires_at = row.need("expires_at", milliseconds)
        self.issuers = row.need("issuers", list_of(Owner))
        self.owners = self.issuers + row.need("logs", list_of(Owner))
        self.heads = {}
        row.optional("events_from", index_of, 0)
        root, signatures = row.optional("root", Fields, None), row.optional("signatures", list_of(root_signature), [])
        row.end()
        refuse_unless(root or not signatures, "signatures, and no root keys")
        if root:
            self.check_root(root, signatures, values[0])
        origins = [origin for owner in self.owners for origin in (owner.origin, *(of[0] for of in owner.continues))]
        for names in ([key.id for owner in self.owners for key in owner.keys], origins,
                      [issuer.name for issuer in self.issuers]):
            refuse_unless(len(set(names)) == len(names), "a key, an origin or an issuer occurs twice")

    def check_root(self, root, signatures, value):
        """An anchor with root keys is signed by as many of them as it says: over its signed form."""
        threshold, keys = root.need("threshold", index_of), root.need("keys", list_of(lambda value, what: Key(value, what, True)))
        root.end()
        refuse_unless(len({key.id for key in keys}) == len(keys) <= 16 and 1 <= threshold <= len(keys), "root keys, or their threshold")
        signed = self.signed_form(value)
        by = {key.id: [key.verifies(signed, signature) for key_id, signature in signatures if key_id == key.id] for key in keys}
        refuse_unless(all(all(good) for good in by.values()) and sum(map(bool, by.values())) >= threshold, "too few root keys signed it")

    def signed_form(self, value):
        """Canonical JSON without the signatures and empty optional fields, the time in UTC and as short as can be."""
        def short(value):
            left_out = {"reattested": [], "events_from": 0, "continues": []}
            if type(value) is dict:
                return {name: short(part) for name, part in value.items() if part != left_out.get(name, value)}
            return [short(part) for part in value] if type(value) is list else value

        at = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=self.expires_at)
        expiry = at.isoformat(timespec="milliseconds").rstrip("0").removesuffix(".") if at.microsecond else at.isoformat()
        rest = {name: part for name, part in value.items() if name != "signatures"}
        return write_canonical({**short(rest), "expires_at": expiry + "Z"})

    def issuer(self, name):
        return next((issuer for issuer in self.issuers if issuer.name == name), None)

    def head(self, note):
        """The note's checkpoint, once its signatures verified."""
        if note not in self.heads:
            self.heads[note] = Head(note, self)
        return self.heads[note]

# ---- Canonical JSON: read, checked, written again, and compared

NAME = re.compile(r"[a-z][a-z0-9_]*")

def write_canonical(value):
    """RFC 8785 for what the format allows: Python escapes strings as RFC 8785 does."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8")

def is_settled(letter):
    """Whether the normalisation of a character can never change."""
    return letter < "\u0300" or "\u1e00" <= letter <= "\u1eff" or not stringprep.in_table_a1(letter)

def check_value(value, depth):
    """That a value, at this depth, holds nothing that the format does not allow."""
    if type(value) is str:
        good = "\0" not in value and "\ufeff" not in value and all(map(is_settled, value)) and unicodedata.is_normalized("NFC", value)
        refuse_unless(good, "not canonical: strings are in NFC, of characters of Unicode 3.2, without U+0000 and U+FEFF")
    elif type(value) is int:
        refuse_unless(abs(value) <= INTEGER_MAX, "not canonical: numbers are within 2^53-1")
    elif type(value) in (list, dict):
        refuse_unless(depth <= PAYLOAD_DEPTH_MAX, "not canonical: nesting is at most 8 deep")
        refuse_unless(all(NAME.fullmatch(name) for name in value if type(value) is dict), "not canonical: names are snake_case ASCII")
        for item in value.values() if type(value) is dict else value:
            check_value(item, depth + 1)
    else:
        refuse_unless(type(value) is bool, "not canonical: no null, no fraction")

def scan_value(data, depth=2):
    """Reads a value and refuses every form of it but one. A shown field's value is at depth 2."""
    refuse_unless(len(data) <= PAYLOAD_BYTES_MAX, "not canonical: at most 48 KiB")
    try:
        value = json.loads(data.decode("utf-8"))
        check_value(value, depth)
        same = write_canonical(value) == data
    except (ValueError, RecursionError) as error:
        raise Refused("not canonical: no JSON in UTF-8") from error
    refuse_unless(same, "not canonical: white space, order, a name twice, an escape, or another spelling of a number")
    return value

def scan(payload):
    """A payload's fields as (name, value's bytes), in order."""
    fields = of_type(scan_value(payload, 1), dict, "not canonical: a payload")
    refuse_unless(len(fields) <= PAYLOAD_FIELDS_MAX, "not canonical: at most 64 top-level fields")
    return [(name.encode(), write_canonical(value)) for name, value in fields.items()]

# ---- Trees (RFC 6962, section 2.1)

def hash_leaf(data):
    return sha256(b"\x00", data)

def hash_node(left, right):
    return sha256(b"\x01", left, right)

def split(count):
    """The largest power of two below count."""
    return 1 << (count - 1).bit_length() - 1

def tree_root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    return hash_node(tree_root(leaves[:split(len(leaves))]), tree_root(leaves[split(len(leaves)):]))

def path_length(index, size):
    if size == 1:
        return 0
    at = split(size)
    return 1 + (path_length(index, at) if index < at else path_length(index - at, size - at))

def root_of_path(leaf, index, size, path):
    """Climbs as the tree is cut: the last hash of the path is the sibling directly below the root."""
    if size == 1:
        return leaf
    at = split(size)
    if index < at:
        return hash_node(root_of_path(leaf, index, at, path[:-1]), path[-1])
    return hash_node(path[-1], root_of_path(leaf, index - at, size - at, path[:-1]))

def check_inclusion(leaf, index, size, path, root):
    refuse_unless(index < size, "the index lies outside the tree")
    refuse_unless(len(path) == path_length(index, size), "the path has the wrong length")
    refuse_unless(root_of_path(leaf, index, size, path) == root, "the path leads to another root")

def check_consistency(old_size, old_root, new_size, new_root, path):
    """That the older tree is a beginning of the newer one; the path is taken from its end, as the tree is cut from its root."""
    refuse_unless(old_size <= new_size, "the older tree is the larger one")
    rest = list(path)

    def take():
        refuse_unless(rest, "the path has the wrong length")
        return rest.pop()

    def roots(old, size, begins):
        """The root of a subtree's first `old` leaves and that of all its leaves; `begins`: it begins with the log's first leaf."""
        if old == size:
            root = old_root if begins else take()
            return root, root
        at, sibling = split(size), take()
        if old <= at:
            before, left = roots(old, at, begins)
            return before, hash_node(left, sibling)
        before, right = roots(old - at, size - at, False)
        return hash_node(sibling, before), hash_node(sibling, right)

    found = roots(old_size, new_size, True) if old_size else (old_root, new_root)
    refuse_unless(not rest, "the path has the wrong length")
    refuse_unless(found == (old_root, new_root), "the path leads to another root")

# ---- Signed notes and checkpoints

class OtherOwner(Refused):
    """Signed, but by another party's key."""

class Head:
    """A checkpoint whose signatures verified: whose log, its size and root, and the keys that signed."""

    def __init__(self, note, anchor):
        self.text, self.signatures = parse_note(note)
        self.origin, self.size, self.root = parse_checkpoint(self.text)
        self.owner = next((owner for owner in anchor.owners if owner.origin == self.origin), None)
        refuse_unless(self.owner, "the trust anchor knows no log of this origin")
        claims = self.claims(self.owner, self.origin)
        self.keys = [key for key, _ in claims]
        # signatures of unknown keys are passed over; one bad signature of a known key spoils the note
        refuse_unless(all(key.verifies(self.text, signature) for key, signature in claims),
                      "the signature of a known key does not verify")
        if not claims:
            others = [claim for other in anchor.owners if other is not self.owner
                      for name in (other.origin, self.origin) for claim in self.claims(other, name)]
            if any(key.verifies(self.text, signature) for key, signature in others):
                raise OtherOwner("a key of another owner signed the checkpoint of this log")
            raise Refused("no key that the trust anchor names for this log signed the checkpoint")
        for _, size, root in self.owner.continues[-1:]:
            refuse_unless(self.size > size or (self.size, self.root) == (size, root),
                          "the checkpoint is from before its log took over from another, or is of another tree of that size")

    def claims(self, owner, name):
        """The signatures that say that they are by the owner's keys, under this name."""
        return [(key, signature) for line, note_id, signature in self.signatures if line == name
                for key in owner.keys if key.note_id(name) == note_id]

def parse_note(note):
    """The signed text with its last newline, and the signatures as (name, key id, signature)."""
    bad = "not a signed checkpoint: "
    refuse_unless(len(note) <= NOTE_BYTES_MAX and not re.search(rb"[\x00-\x09\x0b-\x1f]", note), bad + "too long, or a control character")
    try:
        text, gap, lines = note.decode("utf-8").rpartition("\n\n")
    except UnicodeDecodeError as error:
        raise Refused(bad + "not UTF-8") from error
    refuse_unless(gap and lines.endswith("\n"), bad + "no empty line before the signatures, or no newline at the end")
    lines, signatures = lines[:-1].split("\n"), []
    refuse_unless(len(lines) <= NOTE_SIGNATURES_MAX, bad + "too many signatures")
    for line in lines:
        name, _, encoded = line.removeprefix("— ").partition(" ")
        raw = bytes_of(encoded, "a signature")
        refuse_unless(line.startswith("— ") and is_key_name(name) and len(raw) > 4, bad + "a malformed signature line")
        signatures.append((name, raw[:4], raw[4:]))
    return (text + "\n").encode(), signatures

def parse_checkpoint(text):
    lines = text.decode().removesuffix("\n").split("\n")
    good = len(lines) >= 3 and "" not in lines and re.fullmatch(r"0|[1-9][0-9]{0,19}", lines[1])
    refuse_unless(good, "not a signed checkpoint: a line is missing, or the size is no number")
    return lines[0], whole_number(lines[1], "the size"), hash_of(lines[2], "the root")

# ---- Witnesses (C2SP tlog-cosignature and tlog-policy)

class PolicyKey:
    """A key as a policy has it: <name>+<key id>+<base64 of type and key>. Types 1 and 2 sign notes, 4 and 6 cosign. A policy may name keys
    of types that are not known here; nothing is found to be signed by those."""

    def __init__(self, text, types):
        self.name, note_id, encoded = (*text.split("+", 2), "", "")[:3]
        raw = bytes_of(encoded, "a policy's key")
        good = is_key_name(self.name) and re.fullmatch("[0-9a-f]{8}", note_id) and len(raw) > 1
        refuse_unless(good, "a key of a name that is none, without a key id, or empty")
        kind, self.encoded, self.note_id = raw[0], raw[1:], None
        if kind not in (1, 2, 4, 6) or kind == 2 and not self.encoded.startswith(SPKI_HEADS["ecdsa-p256-sha256"]):
            return  # of another type, or of another curve
        if kind == 2:
            self.raw, self.verifies = self.encoded[len(SPKI_HEADS["ecdsa-p256-sha256"]):], p256_verifies
            good, expected = is_p256_key(self.raw), sha256(self.encoded)
        else:
            self.raw, self.verifies = self.encoded, mldsa_verifies if kind == 6 else ed25519_verifies
            good, expected = len(self.raw) == 1312 if kind == 6 else is_ed25519_key(self.raw), sha256(self.name.encode(), b"\n", raw)
        refuse_unless(good and kind in types, "a key of another use, or no good key of its type")
        self.note_id = expected[:4]
        refuse_unless(self.note_id.hex() == note_id, "the key's id is not that of name and key")

    def claims(self, line, note_id):
        return (line, note_id) == (self.name, self.note_id)

    def time_of(self, text, signature):
        """The cosignature's time in milliseconds; refused if it does not verify."""
        seconds = int.from_bytes(signature[:8], "big")
        message = b"cosignature/v1\ntime %d\n%s" % (seconds, text)
        if self.verifies == mldsa_verifies:
            (origin, size, root), name = parse_checkpoint(text), self.name.encode()
            origin = origin.encode()
            refuse_unless(len(name) < 256 and len(origin) < 256, "a name that does not fit into an ML-DSA cosignature")
            message = b"".join([b"subtree/v1\n\0", bytes([len(name)]), name, seconds.to_bytes(8, "big"), bytes([len(origin)]), origin,
                                bytes(8), size.to_bytes(8, "big"), root])
        refuse_unless(seconds * 1000 < 2**63 and self.verifies(self.raw, message, signature[8:]), "a witness's cosignature does not verify")
        return seconds * 1000

class Policy:
    """Which witnesses must have cosigned a checkpoint. Names are defined before they are used, and are members once at most."""

    def __init__(self, data):
        refuse_unless(len(data) <= 256 * 1024, "larger than 256 KiB")
        try:
            lines = data.decode("utf-8").removesuffix("\n").split("\n")
        except UnicodeDecodeError as error:
            raise Refused("not UTF-8") from error
        self.logs, self.witnesses, self.groups, quorums, used = [], {}, {}, [], set()
        for number, line in enumerate(lines, 1):
            line = line.removesuffix("\r")
            words = re.findall(r"[^ \t]+", line)
            bad = f"line {number} is no line of a policy"
            refuse_unless(not re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line), bad)
            if not words or words[0].startswith("#"):
                continue
            kind, *words = words
            known = [*self.witnesses, *self.groups]
            if kind == "log" and len(words) in (1, 2):
                self.logs.append(PolicyKey(words[0], (1, 2)))
            elif kind == "witness" and len(words) in (2, 3):
                refuse_unless(words[0] not in ("none", *known), bad)
                self.witnesses[words[0]] = PolicyKey(words[1], (4, 6))
            elif kind == "group" and len(words) > 2:
                name, needed, *members = words
                needed = {"all": len(members), "any": 1}.get(needed) or (int(needed) if re.fullmatch("[1-9][0-9]{0,3}", needed) else 0)
                good = name not in ("none", *known) and 0 < needed <= len(members) == len(set(members))
                refuse_unless(good and set(members) <= set(known) and not used & set(members), bad)
                used |= set(members)
                self.groups[name] = (needed, members)
            else:
                refuse_unless(kind == "quorum" and len(words) == 1 and words[0] in ("none", *known) and not quorums, bad)
                quorums.append(words[0])
        refuse_unless(quorums, "there is no quorum line")
        for keys in ([log.encoded for log in self.logs], [witness.encoded for witness in self.witnesses.values()]):
            refuse_unless(len(set(keys)) == len(keys) <= 256 and len(self.groups) <= 256, "a key occurs twice, or too many")
        self.quorum = quorums[0]

    def is_met(self, name, by):
        if name in self.groups:
            needed, members = self.groups[name]
            return sum(self.is_met(member, by) for member in members) >= needed
        return name == "none" or name in by

    def judge(self, note, now, age_max_ms):
        """The verdict on a checkpoint, and why."""
        try:
            text, signatures = parse_note(note)
            origin = parse_checkpoint(text)[0]
            by_log = any(log.name == origin and log.claims(line, note_id) and log.verifies(log.raw, text, signature)
                         for line, note_id, signature in signatures for log in self.logs)
            refuse_unless(by_log or not self.logs, "no key that the policy names for the log signed")
            times = [(name, witness.time_of(text, signature)) for line, note_id, signature in signatures
                     for name, witness in self.witnesses.items() if witness.claims(line, note_id)]
        except Refused as why:
            return ("INDETERMINATE", "QUORUM"), str(why)
        times = [(name, at) for name, at in times if at <= now + CLOCK_SKEW_MS_MAX]
        if not self.is_met(self.quorum, {name for name, _ in times}):
            return ("INDETERMINATE", "QUORUM"), "too few of the policy's witnesses cosigned"
        if times and max(at for _, at in times) + age_max_ms < now:
            return ("INDETERMINATE", "STALE"), "the newest cosignature is too old"
        return VALID, ""

# ---- Status lists (IETF Token Status List)

STATUSES = [VALID, ("INVALID", "STATUS_INVALID"), ("INVALID", "STATUS_SUSPENDED"), ("INVALID", "SUPERSEDED")]
STATUSES_MAX = 1 << 25

class StatusList:
    """Which of an issuer's versions of one record type are the latest and in force: a token that the issuer signed."""

    def __init__(self, text, anchor):
        text = text.strip(" \t\r\n\f")
        if text.startswith("{"):  # an answer of GetStatusList
            text = text_of(one_of(read_json(text.encode())).get("token"), "the token")
        parts = text.split(".")
        refuse_unless(len(parts) == 3 and len(parts[0]) <= 4096 and len(parts[2]) == 86, "not a token")
        header, claims = (one_of(read_json(base64url(part, "the token"))) for part in parts[:2])
        pass_over(header), pass_over(claims)
        refuse_unless(not {"crit", "b64"} & header.keys(), "the header asks for an extension that is not supported")
        owners = [(issuer, key) for issuer in anchor.issuers for key in issuer.keys if (key.id, key.state) == (header.get("kid"), "active")]
        refuse_unless(owners, "signed by no key that the trust anchor has in use")
        issuer, key = owners[0]
        kind = text_of(header.get("typ"), "typ").lower().removeprefix("application/")
        refuse_unless(kind == "statuslist+jwt", "a token of another type")
        names = {"ed25519": ("EdDSA", "Ed25519")}.get(key.algorithm, ("ES256",))
        refuse_unless(header.get("alg") in names, "the algorithm is not the key's")
        signed = text.rpartition(".")[0].encode()
        refuse_unless(key.verifies_fixed(signed, base64url(parts[2], "the signature")), "the signature does not verify")
        self.issued_at, self.expires_at = (1000 * index_of(claims.get(name), name) for name in ("iat", "exp"))
        refuse_unless(index_of(claims.get("ttl"), "ttl") < 2**32, "ttl is out of range"), text_of(claims.get("sub"), "sub")
        listed, own = (of_type(claims.get(name), dict, name) for name in ("status_list", "lienthong"))
        self.issuer, self.schema, self.ledger_size = own.get("issuer"), own.get("schema"), index_of(own.get("ledger_size"), "ledger_size")
        self.count = index_of(own.get("count"), "count")
        refuse_unless(listed.get("bits") == 2 and self.count <= STATUSES_MAX, "bits is not 2, or too many statuses")
        good = (claims.get("iss"), self.issuer) == (issuer.origin, issuer.name) and self.schema in issuer.schemas
        refuse_unless(good, "about records that its signer may not issue")
        self.list = inflate(base64url(text_of(listed.get("lst"), "lst"), "lst"), -(-self.count // 4))
        refuse_unless(self.count % 4 == 0 or self.list[-1] >> self.count % 4 * 2 == 0, "bits behind the last status are set")

    def judge(self, statement, index, now):
        """The verdict on a version, and why. The first status is in the two lowest bits of the first byte."""
        at = statement.status_index
        if now >= self.expires_at or self.issued_at > now + CLOCK_SKEW_MS_MAX:
            return ("INDETERMINATE", "STALE"), "the status list is not of this time"
        if at >= self.count or (index is not None and index >= self.ledger_size):
            return ("INDETERMINATE", "STALE"), "the record is younger than the status list"
        verdict = STATUSES[self.list[at // 4] >> at % 4 * 2 & 3]
        return verdict, "latest and valid" if verdict == VALID else "not the latest version in force"

def one_of(values):
    return of_type(values[0] if len(values) == 1 else None, dict, "the JSON")

def inflate(stream, length):
    """A zlib stream of just so many bytes, and nothing behind it; never makes more than one too many."""
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(stream, length + 1)
    except zlib.error as error:
        raise Refused("no zlib stream") from error
    refuse_unless(len(data) == length and inflater.eof and not inflater.unused_data, "the list is not as long as it says")
    return data

# ---- Statements and records

class Statement:
    LABEL = b"lienthong/statement/v1\x00"

    def __init__(self, data):
        refuse_unless(data.startswith(self.LABEL), "not a statement: another label")
        self.rest = data[len(self.LABEL):]
        self.issuer, self.schema = self.name(), self.name()
        self.record_id, self.version = self.take(16).hex(), self.number(8)
        self.previous, self.operation = self.take(32), self.number(1)
        self.issued_at, self.valid_from, self.valid_until = (self.number(8, signed=True) for _ in range(3))
        self.status_index, self.field_count, self.fields_root = self.number(4), self.number(2), self.take(32)
        good = not self.rest and self.version > 0 and self.operation in (1, 2, 3) and self.field_count <= PAYLOAD_FIELDS_MAX
        refuse_unless(good, "not a statement: trailing bytes, or a number out of range")

    def take(self, count):
        part, self.rest = self.rest[:count], self.rest[count:]
        refuse_unless(len(part) == count, "not a statement: too short")
        return part

    def number(self, count, signed=False):
        return int.from_bytes(self.take(count), "big", signed=signed)

    def name(self):
        name = self.take(self.number(1))
        refuse_unless(STATEMENT_NAME.fullmatch(name), "not a statement: a name is 1 to 64 of a-z, 0-9, _, -, ., /")
        return name.decode()

SIGNED = message(
    statement=BLOB,
    whole=(message(payload=BLOB, salt=HASH), None),
    partial=(message(shown=(list_of(message(index=INDEX, name=TEXT, value=BLOB, salt=HASH)), []),
                     hidden=(list_of(message(index=INDEX, leaf=HASH)), [])), None),
    issuer_proof=(proof := message(checkpoint=TEXT, index=(whole_number, 0), path=(list_of(hash_of), [])), None),
    ledger_proof=(proof, None))

class Record:
    """A signed record, and the displayed form in its answer."""

    def __init__(self, value):
        framed, self.beside, self.typed = [name for name in ("signed", "record") if name in of_type(value, dict, "a record")], None, None
        if framed:
            row = Fields(value, "a record")
            value = row.need(framed[0], lambda value, _: value)
            self.beside = [row.take("record_type", *TEXT), row.take("record_id", *TEXT), row.take("version", whole_number, 0)]
            self.verdict = row.take("verdict", text_of, None)
            # the typed form is the one field that is left
            self.typed = next(iter(row.rest), None)
            left = list(row.rest.values())
            refuse_unless(len(framed) == 1 and all(type(value) is dict for value in left) and len(left) < 2, "a record: unknown field")
            pass_over(left)
        self.statement, self.whole, self.partial, self.issuer_proof, self.ledger_proof = SIGNED(value, "a signed record")
        refuse_unless((self.whole is None) != (self.partial is None), "a signed record shows its payload or some fields")

    def leaves(self):
        """The commitments that the disclosure leads to; None when shown and hidden fields are not each field once, in order."""
        if self.whole:
            payload, salt = self.whole
            return [field_leaf(hmac.digest(salt, b"lienthong/field-salt/v1\x00" + name, "sha256"), name, value)
                    for name, value in scan(payload)]
        (shown, hidden), committed, leaves, previous = self.partial, [], [], ""
        if len(shown) + len(hidden) > PAYLOAD_FIELDS_MAX:
            return None
        for index, name, value, salt in shown:
            refuse_unless(NAME.fullmatch(name), f"field {index} has no snake_case name")
            if name <= previous:
                return None
            scan_value(value)
            previous = name
            committed.append((index, field_leaf(salt, name.encode(), value)))
        lists = [committed, list(map(tuple, hidden))]
        for index in range(len(shown) + len(hidden)):
            found = next((fields for fields in lists if fields and fields[0][0] == index), None)
            if found is None:
                return None
            leaves.append(found.pop(0)[1])
        return leaves

def field_leaf(salt, name, value):
    return sha256(b"\x00lienthong/field/v1\x00", salt, len(name).to_bytes(2, "big"), name, len(value).to_bytes(4, "big"), value)

# ---- Verifying

# Of several failures the first in this list gives the verdict: a cause before its consequences, and a proof that a record
# is wrong before a missing proof.
RANKS = ["signature", "other issuer", "inclusion", "unknown issuer", "malformed", "schema", "key", "canonical", "payload",
         "future", "expired anchor", "indeterminate key", "no proof"]

class Report:
    def __init__(self):
        self.checks, self.worst, self.verdict, self.statement = [], len(RANKS), VALID, None

    def note(self, name, outcome, why=""):
        self.checks.append((name, outcome, str(why)))

    def fail(self, name, rank, code, why, verdict="INVALID"):
        self.note(name, "fail", why)
        if RANKS.index(rank) < self.worst:
            self.worst, self.verdict = RANKS.index(rank), (verdict, code)

    def expect(self, name, holds, rank, code, why):
        self.note(name, "pass") if holds else self.fail(name, rank, code, why)

    def inclusion(self, name, leaf, proof, head):
        """Whether the leaf is in the log at the proof's index."""
        if head is None:
            self.note(name, "skipped", "there is no accepted checkpoint")
            return False
        try:
            check_inclusion(leaf, proof[1], head.size, proof[2], head.root)
            self.note(name, "pass")
            return True
        except Refused as why:
            self.fail(name, "inclusion", "INCLUSION", why)
            return False

def verify(record, anchor, now):
    report = Report()
    if now < anchor.expires_at:
        report.note("anchor_current", "pass")
    else:
        report.fail("anchor_current", "expired anchor", "TRY_LATER", "the trust anchor has expired", "INDETERMINATE")
    try:
        report.statement = Statement(record.statement)
        report.note("statement_decodes", "pass")
    except Refused as why:
        report.fail("statement_decodes", "malformed", "MALFORMED", why)
    head = verify_issuer(report, record, anchor)
    index = verify_ledger(report, record, anchor)
    if head is None:
        report.note("key_state", "skipped", "no key is known to have signed")
    else:
        # where several keys signed, the one in the best state counts
        best = lambda judged: min(judged, key=lambda one: ["VALID", "INDETERMINATE", "INVALID"].index(one[0]), default=KEY_NOT_VALID)
        # a log outlives its keys: under a later key's checkpoint, the key of the record's place is judged
        former = lambda: best(key.judge(index) for key in head.owner.keys if key.from_index <= index)
        verdict, code = best(former() if index is not None and index < key.from_index else key.judge(index) for key in head.keys)
        if verdict == "VALID":
            report.note("key_state", "pass")
        else:
            rank = "key" if verdict == "INVALID" else "indeterminate key"
            report.fail("key_state", rank, code, "the key was not in use at the record's place in the ledger", verdict)
    verify_disclosure(report, record)
    if report.statement is None:
        report.note("issued_not_in_future", "skipped", "the statement does not decode")
        report.note("validity_window", "skipped", "the statement does not decode")
    else:
        report.expect("issued_not_in_future", report.statement.issued_at <= now + CLOCK_SKEW_MS_MAX,
                      "future", "ISSUED_IN_FUTURE", "issued more than five minutes ahead")
        if report.statement.valid_from <= now < report.statement.valid_until:
            report.note("validity_window", "pass")
        else:
            report.note("validity_window", "skipped", "information: now lies outside the record's validity")
    verify_beside(report, record)
    return report

def verify_issuer(report, record, anchor):
    """issuer_signature, issuer_agreement, schema_allowed, issuer_inclusion."""
    head, statement = None, report.statement
    try:
        refuse_unless(record.issuer_proof, "there is no proof from the issuer's log")
        head = anchor.head(record.issuer_proof[0].encode())
        report.note("issuer_signature", "pass")
    except OtherOwner as why:
        report.fail("issuer_signature", "other issuer", "ISSUER_MISMATCH", why)
    except Refused as why:
        report.fail("issuer_signature", "signature", "NO_TRUSTED_SIGNATURE", why)
    issuer = statement and anchor.issuer(statement.issuer)
    if statement is None or head is None:
        report.note("issuer_agreement", "skipped", "there is no statement, or no accepted checkpoint")
    else:
        rank = "unknown issuer" if head.owner.name and issuer is None else "other issuer"
        report.expect("issuer_agreement", issuer and issuer is head.owner, rank, "ISSUER_MISMATCH",
                      "the statement's issuer is not the owner of the checkpoint's log")
    if statement is None:
        report.note("schema_allowed", "skipped", "the statement does not decode")
    else:
        report.expect("schema_allowed", issuer and statement.schema in issuer.schemas, "schema", "NOT_AUTHORISED",
                      f"{statement.issuer} may not issue {statement.schema}")
    report.inclusion("issuer_inclusion", hash_leaf(record.statement), record.issuer_proof, head)
    return head

def verify_ledger(report, record, anchor):
    """ledger_signature, ledger_inclusion; gives the record's index in the ledger when it is proved."""
    why = "there is no proof from the record ledger"
    if record.ledger_proof is None:
        report.note("ledger_signature", "skipped", why)
        report.fail("ledger_inclusion", "no proof", "NO_POE", why, "INDETERMINATE")
        return None
    head = None
    try:
        ledger = anchor.head(record.ledger_proof[0].encode())
        refuse_unless(ledger.owner.purpose == "records", "the checkpoint is of another log")
        # the holder of the ledger's key decides the order, so that order cannot clear a compromised key
        if any(key.state != "compromised" and key.judge(max(ledger.size, 1) - 1) == VALID for key in ledger.keys):
            head = ledger
            report.note("ledger_signature", "pass")
        else:
            report.fail("ledger_signature", "key", "KEY_NOT_VALID", "the ledger's key may not sign this checkpoint")
    except Refused as why:
        report.fail("ledger_signature", "signature", "NO_TRUSTED_SIGNATURE", why)
    stands = report.inclusion("ledger_inclusion", hash_leaf(b"\x01" + record.statement), record.ledger_proof, head)
    return record.ledger_proof[1] if stands else None

def verify_disclosure(report, record):
    """canonical, payload, field_count."""
    try:
        leaves = record.leaves()
    except Refused as why:
        report.fail("canonical", "canonical", "NON_CANONICAL", why)
        report.note("payload", "skipped", "not canonical")
        return report.note("field_count", "skipped", "not canonical")
    report.note("canonical", "pass")
    if leaves is None:
        report.fail("payload", "payload", "PAYLOAD_MISMATCH", "shown and hidden fields are not each field once, in order")
        return report.note("field_count", "skipped", "the fields are not each there once")
    if report.statement is None:
        report.note("payload", "skipped", "the statement does not decode")
        return report.note("field_count", "skipped", "the statement does not decode")
    report.expect("payload", tree_root(leaves) == report.statement.fields_root, "payload", "PAYLOAD_MISMATCH",
                  "the commitments lead to another root than the statement's")
    report.expect("field_count", len(leaves) == report.statement.field_count, "payload", "PAYLOAD_MISMATCH",
                  f"{len(leaves)} fields, the statement says {report.statement.field_count}")

# The names of the typed forms of record types in an answer (proto/lienthong/exchange/v1/record.proto).
TYPED_FORMS = {schema: (name, re.sub("_(.)", lambda match: match[1].upper(), name)) for schema, name in {
    "resident.person.v1": "person", "resident.household.v1": "household", "land.parcel.v1": "parcel",
    "land.certificate.v1": "land_certificate", "social_insurance.membership.v1": "social_insurance_membership",
    "judicial.record.v1": "judicial_record", "judicial.certificate.v1": "judicial_certificate",
    "business.enterprise.v1": "enterprise", "business.household.v1": "household_business",
    "health_insurance.card.v1": "health_insurance_card", "driver_licence.licence.v1": "driver_licence",
    "vehicle.registration.v1": "vehicle_registration",
}.items()}

def verify_beside(report, record):
    """frame: an answer's displayed form must agree with the signed bytes. typed_form is not compared here."""
    if record.beside is None:
        return
    statement, verdict = report.statement, report.verdict[0]
    said = record.verdict
    if statement is None:
        report.note("frame", "skipped", "the statement does not decode")
    else:
        agrees = said is None or {"VALID": said == "VALID", "INDETERMINATE": said != "",
                                  "INVALID": said.startswith(("INVALID ", "INDETERMINATE "))}[verdict]
        if agrees and record.beside == [statement.schema, statement.record_id, statement.version]:
            report.note("frame", "pass")
        else:
            report.note("frame", "fail", "type, id, version or verdict beside the statement is not what it says")
            if verdict != "INVALID":
                report.verdict = ("INVALID", "TYPED_FORM_MISMATCH")
    names = TYPED_FORMS.get(statement.schema if statement else "", ("fields",))
    if record.typed is None or record.typed in names or statement is None:
        return report.note("typed_form", "skipped", "not compared by this program" if record.typed else "there is none")
    report.note("typed_form", "fail", f"{record.typed} is not the typed form of {statement.schema}")
    if report.verdict[0] != "INVALID":
        report.verdict = ("INVALID", "TYPED_FORM_MISMATCH")

def judge(report, name, verdict, why):
    """A check with a verdict of its own, which counts if it outweighs the earlier ones."""
    report.note(name, "pass" if verdict == VALID else "fail", why)
    weight = ["VALID", "INDETERMINATE", "INVALID"].index
    if weight(verdict[0]) > weight(report.verdict[0]):
        report.verdict = verdict

def verify_witnesses(report, record, policy, now, age_max_ms):
    """witnesses: whether enough of the policy's cosigned the ledger's checkpoint, if that is accepted at all."""
    if ("ledger_signature", "pass", "") in report.checks:
        judge(report, "witnesses", *policy.judge(record.ledger_proof[0].encode(), now, age_max_ms))

def verify_status(report, record, lists, now):
    """status: what the newest list about such records says of this version."""
    statement = report.statement
    if statement is None:
        return
    about = [found for found in lists if (found.issuer, found.schema) == (statement.issuer, statement.schema)]
    if not about:
        return judge(report, "status", ("INDETERMINATE", "UNAVAILABLE"), "there is no status list of this record type that is accepted")
    newest = max(reversed(about), key=lambda found: (found.issued_at, found.ledger_size))  # of equal ones the last
    judge(report, "status", *newest.judge(statement, record.ledger_proof and record.ledger_proof[1], now))

def verify_evidence(value, anchor):
    """An answer's evidence: a checkpoint of the evidence ledger that reaches beyond the entry. Gives a check and a code."""
    note, index = message(checkpoint=TEXT, index=(whole_number, 0))(value, "evidence")
    try:
        head = anchor.head(note.encode())
        refuse_unless(head.owner.purpose == "evidence", "the checkpoint is not of the evidence ledger")
    except Refused as why:
        return ("evidence_signature", "fail", str(why)), "NO_TRUSTED_SIGNATURE"
    if index >= head.size:
        return ("evidence_signature", "fail", "the entry lies behind the checkpoint's last"), "INCLUSION"
    return ("evidence_signature", "pass", ""), None

# ---- Files and output

ANSWER = {"records", "found", "evidence", "requestId", "request_id", "index", "missing", "presentation", "refused",
          "nextPageToken", "next_page_token"}

def parts_of(value, depth=2):
    """The records and the evidence of an answer, of a list of answers, or of a record alone, in order."""
    for item in value if type(value) is list else [value]:
        if of_type(item, dict, "an answer").keys() - ANSWER:
            yield "record", item
            continue
        refuse_unless(depth > 0, "answers nest too deeply")
        for camel, name in (("requestId", "request_id"), ("nextPageToken", "next_page_token")):
            refuse_unless(not {camel, name} <= item.keys(), f"{name} occurs twice")
        for name, part in item.items():
            if name == "records":
                yield from (("record", record) for record in of_type(part, list, name))
            elif name == "found":
                yield from parts_of(of_type(part, dict, name), depth - 1)
            elif name == "evidence":
                yield name, part
            else:
                pass_over(part)

def as_json(check):
    return dict(zip(("name", "outcome", "detail"), check if check[2] else check[:2]))

class Printer:
    """Prints reports as they come, and their sum."""

    def __init__(self, output, quiet):
        self.output, self.quiet, self.items, self.exit_code = output, quiet, [], 0
        self.sum = dict(records=0, valid=0, invalid=0, indeterminate=0, evidence_failed=0)

    def record(self, file, number, report):
        (verdict, code), statement = report.verdict, report.statement
        self.sum["records"] += 1
        self.sum[verdict.lower()] += 1
        about = f" {statement.schema} {statement.record_id} version {statement.version}" if statement else ""
        self.say(f"{file} #{number}{about}: {verdict} {code or ''}", code, report.checks, {
            "file": file, "number": number, "record_type": statement and statement.schema,
            "record_id": statement and statement.record_id, "version": statement and statement.version,
            "verdict": verdict, "code": code, "checks": [as_json(check) for check in report.checks]})

    def evidence(self, file, check, code):
        self.sum["evidence_failed"] += code is not None
        open_one = ("evidence_inclusion", "skipped", "the answer has no proof that the entry is in the tree")
        self.say(f"{file} evidence: {'INVALID ' + code if code else 'VALID'}", code, [check, open_one],
                 {"file": file, "evidence": as_json(check), "evidence_inclusion": as_json(open_one)})

    def say(self, title, code, checks, item):
        self.exit_code = self.exit_code or EXIT_CODES.get(code, 0)  # that of the first that is not VALID
        if self.quiet and code is None:
            return
        self.items.append(item)
        if self.output == "text":
            print(title.rstrip())
            for name, outcome, why in checks:
                print(f"  {'FAIL' if outcome == 'fail' else outcome:<9}{name:<24} {why}".rstrip())

    def finish(self):
        if self.output == "json":
            print(json.dumps({"records": self.items, "summary": {**self.sum, "exit_code": self.exit_code}}, ensure_ascii=False))
        elif self.output == "text":
            print("{records} records: {valid} VALID, {invalid} INVALID, {indeterminate} INDETERMINATE".format(**self.sum))
        return self.exit_code

def verify_file(file, data, anchor, now, printer, further=lambda report, record: None):
    number = 0
    for value in read_json(data):
        for kind, part in parts_of(value):
            if kind == "evidence":
                printer.evidence(file, *verify_evidence(part, anchor))
            else:
                number += 1
                report = verify(record := Record(part), anchor, now)
                further(report, record)
                printer.record(file, number, report)

def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="answers or records in protobuf JSON; - is stdin")
    parser.add_argument("--trust", default="anchor.json", metavar="FILE", help="the trust anchor")
    parser.add_argument("--at", type=instant, metavar="TIME", help="judge as of this time (RFC 3339) instead of now")
    parser.add_argument("--status", action="append", default=[], metavar="FILE", help="a status list to hold records against; again for another")
    parser.add_argument("--policy", metavar="FILE", help="a witness policy: who must have cosigned the ledger's checkpoint")
    parser.add_argument("--max-witness-age", type=hours, default=24, metavar="HOURS", help="how old the newest cosignature may be")
    parser.add_argument("--output", choices=["text", "json"], default="text")
    parser.add_argument("--quiet", "-q", action="store_true", help="say only what is not VALID, and the sum")
    options = parser.parse_args()
    now = time.time_ns() // 1_000_000 if options.at is None else options.at
    printer, file, code = Printer(options.output, options.quiet), options.trust, EXIT_ANCHOR
    try:
        anchor = Anchor(pathlib.Path(file).read_bytes())
        file, code = options.policy, 1
        policy = Policy(pathlib.Path(file).read_bytes()) if file else None
        code, lists = EXIT_FILE, []
        for file in options.status:
            text = pathlib.Path(file).read_text(encoding="utf-8")
            try:
                lists.append(StatusList(text, anchor))
            except Refused as why:  # as good as none
                print(f"verify.py: {file}: {why}", file=sys.stderr)
    except (OSError, UnicodeDecodeError, Refused) as why:
        print(f"verify.py: {file}: {why}", file=sys.stderr)
        return code

    def further(report, record):
        if options.status:
            verify_status(report, record, lists, now)
        if policy:
            verify_witnesses(report, record, policy, now, options.max_witness_age * 3_600_000)

    unread, empty = False, False  # what verifies in one file makes up for nothing in another
    for file in options.files:
        before = printer.sum["records"]
        try:
            data = sys.stdin.buffer.read() if file == "-" else pathlib.Path(file).read_bytes()
            verify_file(file, data.removeprefix(codecs.BOM_UTF8), anchor, now, printer, further)
        except (OSError, Refused) as why:
            unread = True
            print(f"verify.py: {file}: {why}", file=sys.stderr)
        else:
            empty = empty or printer.sum["records"] == before
    code = printer.finish()
    return EXIT_FILE if unread else code or (EXIT_NO_RECORDS if empty else 0)

if __name__ == "__main__":
    sys.exit(main())

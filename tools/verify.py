#!/usr/bin/env python3
"""Verifies Lienthong's signed records offline: a second reading of docs/format.md, in another language.

    python3 tools/verify.py answer.json --trust anchor.json        what grpcurl printed, as `lienthong verify` reads it
    python3 tools/verify.py --checkpoint new.txt --trust anchor.json [--older old.txt --proof path.json]
    python3 tools/verify.py --vectors tests/vectors                the published test vectors

It prints the same checks, verdicts and exit codes as `lienthong verify`, and shares no code with it. It needs Python 3.11
and the package `cryptography` (45 or newer). It does not compare the typed form beside the signed bytes, which needs the record types' protos:
that check is skipped, and says so. It holds a file in memory; `lienthong verify` reads files of any size.
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import pathlib
import re
import sys
import time
import unicodedata

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256

EXIT_FILE, EXIT_NO_RECORDS, EXIT_ANCHOR = 3, 4, 5
EXIT_CODES = {
    "PAYLOAD_MISMATCH": 10, "INCLUSION": 11, "ISSUER_MISMATCH": 12, "NOT_AUTHORISED": 13, "NO_TRUSTED_SIGNATURE": 14,
    "NON_CANONICAL": 15, "MALFORMED": 16, "KEY_NOT_VALID": 17, "ISSUED_IN_FUTURE": 18, "TYPED_FORM_MISMATCH": 19,
    "LOG_ROLLBACK": 20, "SPLIT_VIEW": 21, "REVOKED_NO_POE": 30, "NO_POE": 31, "TRY_LATER": 32,
}
INTEGER_MAX, U64_MAX = 2**53 - 1, 2**64 - 1
PAYLOAD_BYTES_MAX, PAYLOAD_DEPTH_MAX, PAYLOAD_FIELDS_MAX = 48 * 1024, 8, 64
NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, ANCHOR_BYTES_MAX = 96 * 1024, 16, 1 << 20
CLOCK_SKEW_MS_MAX = 5 * 60_000


class Refused(Exception):
    """Bytes that are not what they should be; the text says why and never holds payload values."""


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# ---- JSON of files: read strictly, so that no reader can see what is not verified


def read_json(text):
    """Reads JSON values in a row; no name twice, whole numbers only."""

    def once(pairs):
        names = dict(pairs)
        if len(names) != len(pairs):
            raise Refused("a name occurs twice")
        return names

    def no(_):
        raise Refused("a number is not whole")

    decoder, at, found = json.JSONDecoder(object_pairs_hook=once, parse_float=no, parse_constant=no), 0, []
    try:
        text = text.decode("utf-8")
        while (at := re.compile(r"[ \t\r\n]*").match(text, at).end()) < len(text):
            value, at = decoder.raw_decode(text, at)
            found.append(value)
    except (ValueError, RecursionError) as error:
        raise Refused(f"broken JSON ({error})") from error
    return found


def of_type(value, kind, what):
    if type(value) is not kind:
        raise Refused(f"{what} is not {kind.__name__}")
    return value


class Fields:
    """An object's fields, each taken by either spelling of its name; what nobody takes is refused."""

    def __init__(self, value, what):
        self.rest, self.what = dict(of_type(value, dict, what)), what

    def take(self, name, read, default):
        """Reads a field named snake_case or lowerCamelCase; absent it has protobuf's default."""
        camel = re.sub("_(.)", lambda match: match[1].upper(), name)
        spellings = [spelling for spelling in dict.fromkeys([camel, name]) if spelling in self.rest]
        if len(spellings) > 1:
            raise Refused(f"{self.what}: {name} occurs twice")
        return read(self.rest.pop(spellings[0]), name) if spellings else default

    def need(self, name, read):
        """Reads a field of an anchor: exact name, always there."""
        if name not in self.rest:
            raise Refused(f"{self.what}: {name} is missing")
        return read(self.rest.pop(name), name)

    def end(self):
        if self.rest:
            raise Refused(f"{self.what}: unknown field `{next(iter(self.rest))}`")


def text_of(value, what):
    of_type(value, str, what)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(f"{what} holds half a character") from error
    return value


def bytes_of(value, what):
    """Base64 in its one form: standard alphabet, padded, no stray bits."""
    try:
        raw = base64.b64decode(text_of(value, what).encode("ascii"), validate=True)
    except ValueError as error:
        raise Refused(f"{what} is not base64") from error
    if base64.b64encode(raw).decode() != value:
        raise Refused(f"{what} is not base64")
    return raw


def hash_of(value, what):
    raw = bytes_of(value, what)
    if len(raw) != 32:
        raise Refused(f"{what} is not 32 bytes")
    return raw


def whole_number(value, what, largest=U64_MAX):
    """A JSON number, or the text that protobuf JSON makes of 64-bit numbers."""
    if type(value) is str and re.fullmatch(r"0|[1-9][0-9]{0,19}", value, re.ASCII):
        value = int(value)
    if not 0 <= of_type(value, int, what) <= largest:
        raise Refused(f"{what} is out of range")
    return value


def list_of(read):
    return lambda value, what: [read(item, what) for item in of_type(value, list, what)]


# ---- Keys


ED25519_HEAD = bytes.fromhex("302a300506032b6570032100")
P256_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
ED25519_P = 2**255 - 19
# The y coordinates of the points whose order is 8 or less.
ED25519_SMALL = {0, 1, ED25519_P - 1, *(int.from_bytes(bytes.fromhex(y), "little") for y in (
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"))}
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def y_of(point):
    return int.from_bytes(point, "little") & (2**255 - 1)


class Key:
    """A public key with its state. It decides the algorithm; nothing in a message can."""

    def __init__(self, value, what):
        row = Fields(value, what)
        self.id, self.algorithm = row.need("id", text_of), row.need("algorithm", text_of)
        self.spki = row.need("public_key", bytes_of)
        self.from_index = row.need("from_index", index_of)
        state = Fields(row.need("state", lambda value, _: value), "state")
        self.state = state.need("kind", text_of)
        numbers = {"active": (), "rotated": ("event_index",), "withdrawn": ("event_index",),
                   "compromised": ("suspect_from", "event_index")}.get(self.state)
        if numbers is None:
            raise Refused(f"key {self.id}: unknown state")
        self.when = {name: state.need(name, index_of) for name in numbers}
        state.end(), row.end()
        head = {"ed25519": ED25519_HEAD, "ecdsa-p256-sha256": P256_HEAD}.get(self.algorithm)
        if head is None:
            raise Refused(f"key {self.id}: unknown algorithm")
        self.raw = self.spki.removeprefix(head)
        form = (len(self.raw) == 32 and y_of(self.raw) < ED25519_P and y_of(self.raw) not in ED25519_SMALL
                if self.algorithm == "ed25519" else len(self.raw) == 65 and self.raw[0] == 4)
        if not self.spki.startswith(head) or not form:
            raise Refused(f"key {self.id}: of small order, or not in its canonical encoding")
        if sha256(self.spki).hex() != self.id:
            raise Refused(f"key {self.id}: the id is not that of the key")

    def note_id(self, name):
        """The four bytes by which a signature line of a note names the key."""
        return (sha256(name.encode(), b"\n\x01", self.raw) if self.algorithm == "ed25519" else sha256(self.spki))[:4]

    def verify(self, message, signature):
        try:
            if self.algorithm == "ed25519":
                if len(signature) != 64 or y_of(signature[:32]) % ED25519_P in ED25519_SMALL:
                    return False
                ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
                return True
            r, s = utils.decode_dss_signature(signature)
            if utils.encode_dss_signature(r, s) != signature or s > P256_ORDER // 2:
                return False  # more than one form would let anyone change a signature
            key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.raw)
            key.verify(signature, message, ec.ECDSA(SHA256()))
            return True
        except (InvalidSignature, ValueError):
            return False

    def judge(self, index):
        """The key's verdict on a record at this index of the record ledger; None stands for no ledger proof."""
        invalid = ("INVALID", "KEY_NOT_VALID")
        if index is None:
            return {"active": ("VALID", None), "rotated": ("INDETERMINATE", "NO_POE")}.get(self.state, invalid)
        if index < self.from_index:
            return invalid
        if self.state == "active":
            return ("VALID", None)
        if index >= self.when["event_index"]:
            return invalid
        if self.state == "compromised" and index >= self.when["suspect_from"]:
            return ("INDETERMINATE", "REVOKED_NO_POE")
        return ("VALID", None)


def index_of(value, what):
    if type(value) is not int or not 0 <= value <= INTEGER_MAX:
        raise Refused(f"{what} is no number up to 2^53-1")
    return value


# ---- The trust anchor


STATEMENT_NAME = re.compile(rb"[a-z0-9_./-]{1,64}\Z")


class Owner:
    """Who a log belongs to: an issuer (`name`), or the province (`purpose`)."""

    def __init__(self, value, what):
        row = Fields(value, what)
        self.is_issuer = what == "issuers"
        self.origin = row.need("origin", text_of)
        self.name = row.need("name", text_of) if self.is_issuer else None
        self.schemas = row.need("schemas", list_of(text_of)) if self.is_issuer else []
        self.purpose = None if self.is_issuer else row.need("purpose", text_of)
        if self.purpose not in (None, "records", "evidence"):
            raise Refused("a log's purpose is records or evidence")
        self.keys = row.need("keys", list_of(Key))
        row.end()


class Anchor:
    """What the verifier believes."""

    def __init__(self, text):
        if len(text) > ANCHOR_BYTES_MAX:
            raise Refused("it is larger than 1 MiB")
        values = read_json(text)
        row = Fields(values[0] if len(values) == 1 else None, "the anchor")
        if row.need("format", text_of) != "lienthong/anchor/v1":
            raise Refused("the format is not lienthong/anchor/v1")
        row.need("province", text_of), row.need("version", index_of)
        self.expires_at = milliseconds(row.need("expires_at", text_of))
        logs = row.need("logs", list_of(Owner))
        self.issuers = row.need("issuers", list_of(Owner))
        row.end()
        self.owners = self.issuers + logs
        keys = [key.id for owner in self.owners for key in owner.keys]
        for names in [keys, [owner.origin for owner in self.owners], [issuer.name for issuer in self.issuers]]:
            if len(set(names)) != len(names):
                raise Refused("a key, an origin or an issuer occurs twice")
        for name in (name for issuer in self.issuers for name in [issuer.name, *issuer.schemas]):
            if not STATEMENT_NAME.match(name.encode()):
                raise Refused(f"{name!r} cannot stand in a statement")

    def issuer(self, name):
        return next((issuer for issuer in self.issuers if issuer.name == name), None)


def milliseconds(text):
    """RFC 3339 to milliseconds since 1970-01-01T00:00:00Z."""
    shape = r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)"
    try:
        if not re.fullmatch(shape, text, re.ASCII):
            raise ValueError(text)
        at = datetime.datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise Refused("no time of RFC 3339") from error
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(milliseconds=1)


# ---- Canonical JSON: accepts exactly one form, and repairs nothing


NAME = re.compile(rb"[a-z][a-z0-9_]*")
NUMBER = re.compile(rb"(0|-?[1-9][0-9]*)(?![0-9.eE+])")
# Plain bytes, or one of the escapes of RFC 8785 in its shortest form; U+0000 is never allowed.
STRING = re.compile(rb'"((?:[^"\\\x00-\x1f]|\\["\\btnfr]|\\u00(?:0[1-7be-f]|1[0-9a-f]))*)"')


class Scanner:
    def __init__(self, data):
        if len(data) > PAYLOAD_BYTES_MAX:
            raise Refused("a payload is at most 48 KiB")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Refused("text is UTF-8") from error
        self.data, self.at = data, 0

    def take(self, pattern, why):
        match = pattern.match(self.data, self.at)
        if not match:
            raise Refused(f"not canonical at byte {self.at}: {why}")
        self.at = match.end()
        return match

    def step(self, byte):
        """Whether this byte comes next; passes it."""
        here = self.data[self.at:self.at + 1] == byte
        self.at += here
        return here

    def need(self, byte):
        if not self.step(byte):
            raise Refused(f"not canonical at byte {self.at}: JSON without white space and without null")

    def value(self, depth):
        first = self.data[self.at:self.at + 1]
        if first == b"{":
            self.object(depth)
        elif first == b"[":
            self.deep(depth)
            self.need(b"[")
            if not self.step(b"]"):
                self.value(depth + 1)
                while self.step(b","):
                    self.value(depth + 1)
                self.need(b"]")
        elif first == b'"':
            text = self.take(STRING, "a string with another escape, or without its end")[1].decode("utf-8")
            if "\ufeff" in text or not unicodedata.is_normalized("NFC", text):
                raise Refused(f"not canonical before byte {self.at}: strings are in normalisation form C, without U+FEFF")
        elif first in (b"t", b"f"):
            self.take(re.compile(b"true|false"), "neither true nor false")
        else:
            number = self.take(NUMBER, "neither a value nor a whole number in its shortest form")[0]
            if len(number) > 17 or abs(int(number)) > INTEGER_MAX:
                raise Refused(f"not canonical before byte {self.at}: a number beyond 2^53-1")

    def deep(self, depth):
        if depth > PAYLOAD_DEPTH_MAX:
            raise Refused(f"not canonical at byte {self.at}: nesting is at most 8 deep")

    def object(self, depth):
        """Gives the fields as (name, value's bytes)."""
        self.deep(depth)
        self.need(b"{")
        fields, previous = [], b""
        if self.step(b"}"):
            return fields
        while True:
            self.need(b'"')
            name = self.take(NAME, "names are snake_case ASCII")[0]
            self.need(b'"'), self.need(b":")
            if name <= previous:
                raise Refused(f"not canonical at byte {self.at}: names are sorted and occur once")
            previous, start = name, self.at
            self.value(depth + 1)
            fields.append((name, self.data[start:self.at]))
            if not self.step(b","):
                self.need(b"}")
                return fields

    def end(self):
        if self.at != len(self.data):
            raise Refused(f"not canonical at byte {self.at}: nothing follows")


def scan(payload):
    scanner = Scanner(payload)
    fields = scanner.object(1)
    scanner.end()
    if len(fields) > PAYLOAD_FIELDS_MAX:
        raise Refused("at most 64 top-level fields")
    return fields


def scan_value(value):
    scanner = Scanner(value)
    scanner.value(2)
    scanner.end()


# ---- Trees and commitments


def hash_leaf(data):
    return sha256(b"\x00", data)


def hash_node(left, right):
    return sha256(b"\x01", left, right)


def split(count):
    """The largest power of two below count."""
    return 1 << (count - 1).bit_length() - 1


def tree_root(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return leaves[0]
    at = split(len(leaves))
    return hash_node(tree_root(leaves[:at]), tree_root(leaves[at:]))


def inclusion_length(index, size):
    return 0 if size == 1 else 1 + (inclusion_length(index, split(size)) if index < split(size)
                                    else inclusion_length(index - split(size), size - split(size)))


def root_from_inclusion(leaf, index, size, path):
    """Climbs as the tree was cut: the last hash of the path is the sibling below the root."""
    if size == 1:
        return leaf
    at = split(size)
    if index < at:
        return hash_node(root_from_inclusion(leaf, index, at, path[:-1]), path[-1])
    return hash_node(path[-1], root_from_inclusion(leaf, index - at, size - at, path[:-1]))


def check_inclusion(leaf, index, size, path, root):
    if index >= size:
        raise Refused("the index lies outside the tree")
    if len(path) != inclusion_length(index, size):
        raise Refused("the path has the wrong length")
    if root_from_inclusion(leaf, index, size, path) != root:
        raise Refused("the path leads to another root")


def check_consistency(old_size, old_root, new_size, new_root, path):
    """RFC 6962, section 2.1.2, cut as it is written there; the path is taken from its end, as the tree is cut from its top."""
    if old_size > new_size:
        raise Refused("the older tree is the larger one")
    rest = list(path)

    def take():
        if not rest:
            raise Refused("the path has the wrong length")
        return rest.pop()

    def subtree(old, size, is_whole):
        """The roots of the first `old` leaves of a subtree, and of all its leaves."""
        if old == size:
            root = old_root if is_whole else take()
            return root, root
        at = split(size)
        if old <= at:
            right = take()
            before, left = subtree(old, at, is_whole)
            return before, hash_node(left, right)
        left = take()
        before, right = subtree(old - at, size - at, False)
        return hash_node(left, before), hash_node(left, right)

    roots = (old_root, new_root) if old_size == 0 else subtree(old_size, new_size, True)
    if rest:
        raise Refused("the path has the wrong length")
    if roots != (old_root, new_root):
        raise Refused("the path leads to another root")


def field_leaf(salt, name, value):
    return sha256(b"\x00lienthong/field/v1\x00", salt, len(name).to_bytes(2), name, len(value).to_bytes(4), value)


def disclosed_leaves(record):
    """The commitments that a disclosure leads to; None when shown and hidden fields are not each field once, in order."""
    if record.whole is not None:
        payload, salt = record.whole
        return [field_leaf(hmac.digest(salt, b"lienthong/field-salt/v1\x00" + name, "sha256"), name, value)
                for name, value in scan(payload)]
    shown, hidden = list(record.partial[0]), list(record.partial[1])
    count, leaves, previous = len(shown) + len(hidden), [], b""
    if count > PAYLOAD_FIELDS_MAX:
        return None
    for index in range(count):
        if shown and shown[0][0] == index:
            _, name, value, salt = shown.pop(0)
            if not NAME.fullmatch(name):
                raise Refused(f"field {index} has no snake_case name")
            if name <= previous:
                return None
            scan_value(value)
            previous = name
            leaves.append(field_leaf(salt, name, value))
        elif hidden and hidden[0][0] == index:
            leaves.append(hidden.pop(0)[1])
        else:
            return None
    return leaves


# ---- Statements


class Statement:
    LABEL = b"lienthong/statement/v1\x00"

    def __init__(self, data):
        self.rest = data.removeprefix(self.LABEL)
        if not data.startswith(self.LABEL):
            raise Refused("not a statement: another label")
        self.issuer, self.schema = self.name(), self.name()
        self.record_id = self.take(16).hex()
        self.version = self.number(8)
        self.previous = self.take(32)
        self.operation = self.number(1)
        self.issued_at, self.valid_from, self.valid_until = (self.number(8, signed=True) for _ in range(3))
        self.status_index = self.number(4)
        self.field_count = self.number(2)
        self.fields_root = self.take(32)
        if self.rest or self.version == 0 or self.operation not in (1, 2, 3) or self.field_count > PAYLOAD_FIELDS_MAX:
            raise Refused("not a statement: trailing bytes, or a number out of range")

    def take(self, count):
        part, self.rest = self.rest[:count], self.rest[count:]
        if len(part) != count:
            raise Refused("not a statement: too short")
        return part

    def number(self, count, signed=False):
        return int.from_bytes(self.take(count), signed=signed)

    def name(self):
        name = self.take(self.number(1))
        if not STATEMENT_NAME.match(name):
            raise Refused("not a statement: a name is 1 to 64 of a-z, 0-9, _, -, ., /")
        return name.decode()


# ---- Signed notes and checkpoints


class Head:
    """A checkpoint whose signatures verified: whose log it is, its size and root, and the keys that signed it."""

    def __init__(self, note, anchor):
        self.text, self.signatures = parse_note(note)
        self.origin, self.size, self.root = parse_checkpoint(self.text)
        self.owner = next((owner for owner in anchor.owners if owner.origin == self.origin), None)
        if self.owner is None:
            raise Refused("the trust anchor knows no log of this origin")
        self.keys = []
        for key, signature in self.claims(self.owner, self.origin):
            if not key.verify(self.text, signature):
                raise Refused("the signature of a known key does not verify")
            self.keys.append(key)
        if not self.keys:
            # tells a checkpoint that another owner's key signed from one that nobody known signed
            for other in (other for other in anchor.owners if other is not self.owner):
                claims = self.claims(other, other.origin) + self.claims(other, self.origin)
                if any(key.verify(self.text, signature) for key, signature in claims):
                    raise OtherOwner("a key of another owner signed the checkpoint of this log")
            raise Refused("no key that the trust anchor names for this log signed the checkpoint")

    def claims(self, owner, name):
        return [(key, signature) for line, note_id, signature in self.signatures if line == name
                for key in owner.keys if key.note_id(name) == note_id]


class OtherOwner(Refused):
    """Signed, but by somebody else's key."""


def parse_note(note):
    """The signed text with its last newline, and the signatures as (name, key id, signature)."""
    if len(note) > NOTE_BYTES_MAX or any(byte < 0x20 and byte != 0x0A for byte in note):
        raise Refused("not a signed checkpoint: too long, or a control character")
    try:
        note = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("not a signed checkpoint: not UTF-8") from error
    text, gap, lines = note.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise Refused("not a signed checkpoint: no empty line before the signatures, or no last newline")
    lines = lines[:-1].split("\n")
    if len(lines) > NOTE_SIGNATURES_MAX:
        raise Refused("not a signed checkpoint: too many signatures")
    signatures = []
    for line in lines:
        name, _, encoded = line.removeprefix("— ").partition(" ")
        raw = bytes_of(encoded, "a signature")
        is_name = name and not any(c == "+" or c.isspace() or unicodedata.category(c) == "Cc" for c in name)
        if not line.startswith("— ") or not is_name or len(raw) < 5:
            raise Refused("not a signed checkpoint: a malformed signature line")
        signatures.append((name, raw[:4], raw[4:]))
    return (text + "\n").encode(), signatures


def parse_checkpoint(text):
    lines = text.decode().removesuffix("\n").split("\n")
    if len(lines) < 3 or "" in lines or not re.fullmatch(r"0|[1-9][0-9]{0,19}", lines[1], re.ASCII):
        raise Refused("not a signed checkpoint: a line is missing, or the size is no number")
    return lines[0], whole_number(lines[1], "the size"), hash_of(lines[2], "the root")


# ---- Records


class Proof:
    def __init__(self, value, what):
        row = Fields(value, what)
        self.checkpoint = row.take("checkpoint", text_of, "").encode()
        self.index = row.take("index", whole_number, 0)
        self.path = row.take("path", list_of(hash_of), [])
        row.end()


def read_whole(value, what):
    row = Fields(value, what)
    whole = row.take("payload", bytes_of, b""), row.take("salt", hash_of, bytes(32))
    row.end()
    return whole


def read_partial(value, what):
    def field(value, what):
        row = Fields(value, what)
        index = row.take("index", lambda value, name: whole_number(value, name, 65535), 0)
        if what == "hidden":
            found = index, row.take("leaf", hash_of, bytes(32))
        else:
            found = (index, row.take("name", text_of, "").encode(), row.take("value", bytes_of, b""),
                     row.take("salt", hash_of, bytes(32)))
        row.end()
        return found

    row = Fields(value, what)
    partial = row.take("shown", list_of(field), []), row.take("hidden", list_of(field), [])
    row.end()
    return partial


class Record:
    """A signed record, and what an answer says beside it."""

    def __init__(self, value):
        row, signed = Fields(value, "a record"), "signed" if "signed" in value else "record"
        self.beside, self.typed = None, False
        if signed in value:
            inner = row.take(signed, lambda value, what: Fields(value, what), None)
            self.beside = (row.take("record_type", text_of, ""), row.take("record_id", text_of, ""),
                           row.take("version", whole_number, 0), row.take("verdict", text_of, None))
            for name in [name for name in row.rest if type(row.rest[name]) is dict][:1]:
                self.typed = bool(row.rest.pop(name)) or True
            row.end()
            row = inner
        self.statement = row.take("statement", bytes_of, b"")
        self.whole = row.take("whole", read_whole, None)
        self.partial = row.take("partial", read_partial, None)
        self.issuer_proof = row.take("issuer_proof", Proof, None)
        self.ledger_proof = row.take("ledger_proof", Proof, None)
        row.end()
        if (self.whole is None) == (self.partial is None):
            raise Refused("a signed record shows either its payload or some fields")


# Of several failures the one that stands first here gives the verdict: a cause before its consequences, and what proves
# a record wrong before what is only missing.
RANKS = ["signature", "other issuer", "inclusion", "unknown issuer", "malformed", "schema", "key", "canonical", "payload",
         "future", "expired anchor", "indeterminate key", "no proof"]


class Report:
    def __init__(self):
        self.checks, self.worst, self.statement = [], None, None

    def passed(self, name):
        self.checks.append((name, "pass", ""))

    def skipped(self, name, why):
        self.checks.append((name, "skipped", why))

    def failed(self, name, rank, code, why, verdict="INVALID"):
        self.checks.append((name, "fail", str(why)))
        if self.worst is None or RANKS.index(rank) < RANKS.index(self.worst[0]):
            self.worst = (rank, verdict, code)

    def beside(self, name, why):
        """A check outside the signed bytes: what it finds matters unless the bytes are proved wrong already."""
        if not why:
            return self.passed(name)
        self.checks.append((name, "fail", why))
        if self.verdict[0] != "INVALID":
            self.worst = ("signature", "INVALID", "TYPED_FORM_MISMATCH")

    @property
    def verdict(self):
        return ("VALID", None) if self.worst is None else self.worst[1:]


def verify(record, anchor, now):
    report, no_head, no_statement = Report(), "there is no checkpoint to believe", "the statement does not decode"
    if now < anchor.expires_at:
        report.passed("anchor_current")
    else:
        report.failed("anchor_current", "expired anchor", "TRY_LATER", "the trust anchor has expired", "INDETERMINATE")
    try:
        statement = report.statement = Statement(record.statement)
        report.passed("statement_decodes")
    except Refused as why:
        statement = None
        report.failed("statement_decodes", "malformed", "MALFORMED", why)

    # the issuer's log
    head, proof = None, record.issuer_proof
    try:
        if proof is None:
            raise Refused("there is no proof from the issuer's log")
        head = Head(proof.checkpoint, anchor)
        report.passed("issuer_signature")
    except OtherOwner as why:
        report.failed("issuer_signature", "other issuer", "ISSUER_MISMATCH", why)
    except Refused as why:
        report.failed("issuer_signature", "signature", "NO_TRUSTED_SIGNATURE", why)
    issuer = statement and anchor.issuer(statement.issuer)
    if not statement or not head:
        report.skipped("issuer_agreement", no_head if statement else no_statement)
    elif not head.owner.is_issuer:
        report.failed("issuer_agreement", "other issuer", "ISSUER_MISMATCH", "the checkpoint is of no issuer's log")
    elif issuer is None:
        report.failed("issuer_agreement", "unknown issuer", "ISSUER_MISMATCH", "the trust anchor knows no such issuer")
    elif issuer is not head.owner:
        report.failed("issuer_agreement", "other issuer", "ISSUER_MISMATCH", "statement and checkpoint name two issuers")
    else:
        report.passed("issuer_agreement")
    if not statement:
        report.skipped("schema_allowed", no_statement)
    elif issuer and statement.schema in issuer.schemas:
        report.passed("schema_allowed")
    else:
        report.failed("schema_allowed", "schema", "NOT_AUTHORISED", f"{statement.issuer} may not issue {statement.schema}")
    inclusion(report, "issuer_inclusion", hash_leaf(record.statement), proof, head)

    # the province's record ledger
    index, ledger, proof = None, None, record.ledger_proof
    if proof is None:
        report.skipped("ledger_signature", "there is no proof from the record ledger")
        report.failed("ledger_inclusion", "no proof", "NO_POE", "there is no proof from the record ledger", "INDETERMINATE")
    else:
        try:
            ledger = Head(proof.checkpoint, anchor)
            if ledger.owner.purpose != "records":
                raise Refused("the checkpoint is of another log")
            # whoever has the ledger's key decides the order, so that order cannot clear a compromised one
            good = [key for key in ledger.keys
                    if key.state != "compromised" and key.judge(max(ledger.size, 1) - 1)[0] == "VALID"]
            if good:
                report.passed("ledger_signature")
            else:
                ledger = None
                report.failed("ledger_signature", "key", "KEY_NOT_VALID", "the ledger's key may not sign this checkpoint")
        except Refused as why:
            ledger = None
            report.failed("ledger_signature", "signature", "NO_TRUSTED_SIGNATURE", why)
        if inclusion(report, "ledger_inclusion", hash_leaf(b"\x01" + record.statement), proof, ledger):
            index = proof.index

    # the key's state at the record's place in the ledger; where several keys signed, the one in the best state counts
    if head is None:
        report.skipped("key_state", "no key is known to have signed")
    else:
        order = ["VALID", "INDETERMINATE", "INVALID"]
        verdict, code = min((key.judge(index) for key in head.keys), key=lambda judged: order.index(judged[0]))
        if verdict == "VALID":
            report.passed("key_state")
        else:
            rank = "key" if verdict == "INVALID" else "indeterminate key"
            report.failed("key_state", rank, code, "the key was not in use at the record's place in the ledger", verdict)

    disclosure(report, record, statement, no_statement)

    # times
    if not statement:
        report.skipped("issued_not_in_future", no_statement)
        report.skipped("validity_window", no_statement)
    else:
        if statement.issued_at <= now + CLOCK_SKEW_MS_MAX:
            report.passed("issued_not_in_future")
        else:
            report.failed("issued_not_in_future", "future", "ISSUED_IN_FUTURE", "issued more than five minutes ahead")
        if statement.valid_from <= now < statement.valid_until:
            report.passed("validity_window")
        else:
            report.skipped("validity_window", "information: now lies outside the record's validity")
    beside(report, record, statement)
    return report


def inclusion(report, name, leaf, proof, head):
    if proof is None:
        if name == "issuer_inclusion":
            report.skipped(name, "there is no checkpoint to believe")
        return False
    if head is None:
        report.skipped(name, "there is no checkpoint to believe")
        return False
    try:
        check_inclusion(leaf, proof.index, head.size, proof.path, head.root)
        report.passed(name)
        return True
    except Refused as why:
        report.failed(name, "inclusion", "INCLUSION", why)
        return False


def disclosure(report, record, statement, no_statement):
    """canonical, payload, field_count."""
    try:
        leaves = disclosed_leaves(record)
    except Refused as why:
        report.failed("canonical", "canonical", "NON_CANONICAL", why)
        report.skipped("payload", "not canonical")
        return report.skipped("field_count", "not canonical")
    report.passed("canonical")
    if leaves is None:
        why = "shown and hidden fields are not each field once, in order"
        report.failed("payload", "payload", "PAYLOAD_MISMATCH", why)
        return report.skipped("field_count", "the fields are not each there once")
    if not statement:
        report.skipped("payload", no_statement)
        return report.skipped("field_count", no_statement)
    for name, holds, why in [
        ("payload", tree_root(leaves) == statement.fields_root, "the commitments lead to another root than the statement's"),
        ("field_count", len(leaves) == statement.field_count, f"{len(leaves)} fields, the statement says {statement.field_count}"),
    ]:
        report.passed(name) if holds else report.failed(name, "payload", "PAYLOAD_MISMATCH", why)


def beside(report, record, statement):
    """What an answer says beside the signed bytes must say the same."""
    if record.beside is None:
        return
    if not statement:
        report.skipped("frame", "the statement does not decode")
    else:
        schema, record_id, version, said = record.beside
        ours = report.verdict[0]
        agrees = said is None or (said == "VALID" if ours == "VALID" else
                                  said != "" if ours == "INDETERMINATE" else said.startswith(("INVALID ", "INDETERMINATE ")))
        same = (schema, record_id, version) == (statement.schema, statement.record_id, statement.version)
        report.beside("frame", "" if same and agrees else "what stands beside the statement is not what it says")
    report.skipped("typed_form", "not compared by this program" if record.typed else "there is none")


def verify_evidence(value, anchor):
    """An answer's evidence: a checkpoint of the evidence ledger, large enough for the entry."""
    row = Fields(value, "evidence")
    index, note = row.take("index", whole_number, 0), row.take("checkpoint", text_of, "")
    row.end()
    try:
        head = Head(note.encode(), anchor)
        if head.owner.purpose != "evidence":
            raise Refused("the checkpoint is not of the evidence ledger")
    except Refused as why:
        return ("evidence_signature", "fail", str(why)), "NO_TRUSTED_SIGNATURE"
    if index >= head.size:
        return ("evidence_signature", "fail", f"entry {index} lies behind the checkpoint's {head.size} entries"), "INCLUSION"
    return ("evidence_signature", "pass", ""), None


# ---- Files, and what is printed


ANSWER = {"records", "found", "evidence", "requestId", "request_id", "index", "missing", "presentation", "refused",
          "nextPageToken", "next_page_token"}


def found_in(value):
    """The records and evidences of an answer, of a list of answers, or of a record alone, in order."""
    for item in value if type(value) is list else [of_type(value, dict, "an answer")]:
        if of_type(item, dict, "an answer").keys() - ANSWER:
            yield "record", item
            continue
        for name, part in item.items():
            if name == "records":
                yield from (("record", record) for record in of_type(part, list, name))
            elif name == "found":
                yield from found_in(of_type(part, dict, name))
            elif name == "evidence":
                yield "evidence", part


class Printer:
    def __init__(self, output, quiet):
        self.output, self.quiet, self.exit_code, self.items = output, quiet, 0, []
        self.sum = dict(records=0, valid=0, invalid=0, indeterminate=0, evidence_failed=0)

    def record(self, file, number, report):
        verdict, code = report.verdict
        self.sum["records"] += 1
        self.sum[verdict.lower()] += 1
        self.exit_code = self.exit_code or EXIT_CODES.get(code, 0)
        statement = report.statement
        about = f" {statement.schema} {statement.record_id} version {statement.version}" if statement else ""
        self.say(verdict == "VALID", f"{file} #{number}{about}: {verdict}{' ' + code if code else ''}", report.checks, {
            "file": file, "number": number, "record_type": statement and statement.schema,
            "record_id": statement and statement.record_id, "version": statement and statement.version,
            "verdict": verdict, "code": code, "checks": [check_json(check) for check in report.checks]})

    def evidence(self, file, check, code):
        self.sum["evidence_failed"] += code is not None
        self.exit_code = self.exit_code or EXIT_CODES.get(code, 0)
        text = f"{file} evidence: {'INVALID ' + code if code else 'VALID'}"
        self.say(code is None, text, [check], {"file": file, "evidence": check_json(check)})

    def say(self, is_good, text, checks, item):
        if self.quiet and is_good:
            return
        if self.output == "json":
            self.items.append(item)
            return
        print(text)
        for name, outcome, why in checks:
            print(f"  {'FAIL' if outcome == 'fail' else outcome:<9}{name:<24} {why}".rstrip())

    def finish(self):
        if self.output == "json":
            print(json.dumps({"records": self.items, "summary": {**self.sum, "exit_code": self.exit_code}}, ensure_ascii=False))
        else:
            print("{records} records: {valid} VALID, {invalid} INVALID, {indeterminate} INDETERMINATE".format(**self.sum))
        return self.exit_code


def check_json(check):
    return dict(zip(("name", "outcome", "detail") if check[2] else ("name", "outcome"), check))


def verify_files(files, anchor, now, printer):
    for file in files:
        try:
            text, number = sys.stdin.buffer.read() if file == "-" else pathlib.Path(file).read_bytes(), 0
            for value in read_json(text):
                for kind, part in found_in(value):
                    if kind == "record":
                        number += 1
                        printer.record(file, number, verify(Record(part), anchor, now))
                    else:
                        printer.evidence(file, *verify_evidence(part, anchor))
        except (OSError, Refused) as why:
            printer.finish()
            print(f"verify.py: {file}: {why}", file=sys.stderr)
            return EXIT_FILE
    code = printer.finish()
    return code if printer.sum["records"] else EXIT_NO_RECORDS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help="answers or records in protobuf JSON; - is stdin")
    parser.add_argument("--trust", default="anchor.json", metavar="FILE", help="the trust anchor")
    parser.add_argument("--at", metavar="TIME", help="judge as of this time (RFC 3339) instead of now")
    parser.add_argument("--output", choices=["text", "json"], default="text")
    parser.add_argument("--quiet", "-q", action="store_true", help="say only what is not VALID, and the sum")
    options = parser.parse_args()
    try:
        anchor = Anchor(pathlib.Path(options.trust).read_bytes())
    except (OSError, Refused) as why:
        print(f"verify.py: {options.trust}: {why}", file=sys.stderr)
        return EXIT_ANCHOR
    now = milliseconds(options.at) if options.at else time.time_ns() // 1_000_000
    return verify_files(options.files, anchor, now, Printer(options.output, options.quiet))


if __name__ == "__main__":
    sys.exit(main())

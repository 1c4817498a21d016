"""Signed records, as docs/format.md defines them: canonical JSON, salted commitments, statements, trees, checkpoints, the trust anchor's file.

Pure but for the key's randomness: what is stored and served is registry.py's business.
"""

import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SPKI_HEAD = bytes.fromhex("302a300506032b6570032100")  # RFC 8410: a SubjectPublicKeyInfo of Ed25519, before the key
OPEN = 2**63 - 1  # valid until somebody ends it
OPERATIONS = {"create": 1, "update": 2, "revoke": 3}


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def now_ms():
    return time.time_ns() // 1_000_000


# ---- Sections 1 and 2: payloads and commitments


def canonical(value):
    """RFC 8785 for what the format allows: whole numbers, texts, booleans, lists and objects."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def field_leaf(record_salt, name, value):
    name, value = name.encode(), canonical(value)
    salt = hmac.digest(record_salt, b"lienthong/field-salt/v1\0" + name, "sha256")
    return sha256(b"\0lienthong/field/v1\0", salt, len(name).to_bytes(2, "big"), name, len(value).to_bytes(4, "big"), value)


def fields_root(payload, record_salt):
    return tree_root([field_leaf(record_salt, name, payload[name]) for name in sorted(payload)])


# ---- Section 3: statements


def name_bytes(name):
    return bytes([len(name)]) + name.encode()


def statement(issuer, schema, record_id, version, previous, operation, issued_at, status_index, payload, salt, valid_from=None, valid_until=None):
    return b"".join([
        b"lienthong/statement/v1\0", name_bytes(issuer), name_bytes(schema), record_id,
        version.to_bytes(8, "big"), previous, bytes([OPERATIONS[operation]]),
        issued_at.to_bytes(8, "big"), (valid_from or issued_at).to_bytes(8, "big"), (valid_until or OPEN).to_bytes(8, "big"),
        status_index.to_bytes(4, "big"), len(payload).to_bytes(2, "big"), fields_root(payload, salt),
    ])


# ---- Section 4: trees (RFC 6962, section 2.1)


def leaf_hash(data):
    return sha256(b"\0", data)


def split(count):
    """The largest power of two below the count."""
    return 1 << (count - 1).bit_length() - 1


def tree_root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256()
    at = split(len(leaves))
    return sha256(b"\1", tree_root(leaves[:at]), tree_root(leaves[at:]))


def inclusion_path(index, leaves):
    """The roots of the sibling subtrees from the leaf up."""
    if len(leaves) < 2:
        return []
    at = split(len(leaves))
    if index < at:
        return [*inclusion_path(index, leaves[:at]), tree_root(leaves[at:])]
    return [*inclusion_path(index - at, leaves[at:]), tree_root(leaves[:at])]


# ---- Sections 6 and 7: checkpoints and the trust anchor


class Key:
    """The registry's key; it signs only the heads of its log."""

    def __init__(self, origin, private=None):
        self.origin, self.private = origin, private or Ed25519PrivateKey.generate()
        self.raw = self.private.public_key().public_bytes_raw()

    @classmethod
    def kept(cls, origin, path):
        """The key in a file; a new file, readable by its owner alone, if there is none."""
        if not path.exists():
            form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            path.touch(mode=0o600)
            path.write_bytes(cls(origin).private.private_bytes(*form))
        return cls(origin, serialization.load_pem_private_key(path.read_bytes(), None))

    def checkpoint(self, leaves):
        """The signed note of the tree over these leaves (C2SP tlog-checkpoint, signed-note)."""
        text = f"{self.origin}\n{len(leaves)}\n{base64.b64encode(tree_root(leaves)).decode()}\n"
        key_id = sha256(self.origin.encode(), b"\n\x01", self.raw)[:4]
        signature = base64.b64encode(key_id + self.private.sign(text.encode())).decode()
        return f"{text}\n— {self.origin} {signature}\n"

    def anchor(self, issuer, schemas):
        """A trust anchor with this registry alone, which verifies its records. The province's names it among others."""
        spki = SPKI_HEAD + self.raw
        key = {"id": sha256(spki).hex(), "algorithm": "ed25519", "public_key": base64.b64encode(spki).decode(),
               "from_index": 0, "state": {"kind": "active"}}
        issuers = [{"name": issuer, "origin": self.origin, "schemas": schemas, "keys": [key]}]
        expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 365 * 86_400))
        return {"format": "lienthong/anchor/v1", "province": "H27", "version": 1, "expires_at": expiry, "logs": [], "issuers": issuers}

"""Audits a registry's log as it is served over tiles (C2SP tlog-tiles): docs/verifying.md, "Watching the ledger"."""

import base64

import verify
from verify import Refused, refuse_unless, sha256

TILE = 256


class Finding(Exception):
    """The problem of a log: its code."""


def need(condition, code):
    if not condition:
        raise Finding(code)


def path(kind, number, width):
    """The path of a tile with this many of its 256 hashes."""
    digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
    groups = [digits[at:at + 3] for at in range(0, len(digits), 3)]
    named = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{named}" + (f".p/{width}" if width < TILE else "")


def entries_of(served, size):
    """The entries, each compared with the hash in its tile."""
    for first in range(0, size, TILE):
        width = min(TILE, size - first)
        parts = [served["files"].get(path(kind, first // TILE, width)) for kind in ("entries", "0")]
        need(None not in parts, "UNAVAILABLE")
        bundle, hashes = map(base64.b64decode, parts)
        need(len(hashes) == 32 * width, "TILE")
        for place in range(width):
            length = int.from_bytes(bundle[:2], "big")
            entry, bundle, is_whole = bundle[2:2 + length], bundle[2 + length:], len(bundle) >= 2 + length
            need(is_whole and verify.hash_leaf(entry) == hashes[32 * place:32 * place + 32], "TILE")
            yield entry
        need(not bundle, "TILE")


def check_statements(entries, issuer):
    """Statements of one issuer, of its record types; the versions of a record follow each other, and only its newest may be repeated."""
    newest = {}
    for entry in entries:
        statement = verify.Statement(entry)
        need(statement.issuer == issuer.name, "ISSUER_MISMATCH")
        need(statement.schema in issuer.schemas, "NOT_AUTHORISED")
        key = (statement.schema, statement.record_id)
        version, before = newest.get(key, (0, None))
        follows = (statement.version, statement.previous) == (version + 1, sha256(before) if before else bytes(32))
        need(entry == before or follows, "LOG_RULE")
        newest[key] = (statement.version, entry)


def heads(name, served, before, anchor, now):
    """The head of a log that is served and the one that was seen last, which it must not contradict."""
    def head_of(seen):
        head = anchor.head(seen["checkpoint"].encode())
        refuse_unless(name in (head.owner.name, head.owner.purpose), "the checkpoint is of another log")
        return head

    need(now < anchor.expires_at, "TRY_LATER")
    head = head_of(served)
    old = head_of(before) if before else None
    need(not old or old.size <= head.size, "LOG_ROLLBACK")
    need(not old or old.size < head.size or old.root == head.root, "SPLIT_VIEW")
    return head, old


def found(check):
    """The verdict of a check that raises what it finds."""
    try:
        check()
    except Finding as finding:
        return "INVALID", str(finding)
    except Refused:
        return "INVALID", "NO_TRUSTED_SIGNATURE"
    return verify.VALID


def judge_head(name, served, before, anchor, now):
    """The verdict on the head of any log; `before` is the one that was served when it was seen last."""
    return found(lambda: heads(name, served, before, anchor, now))


def judge(name, served, before, anchor, now):
    """The verdict on a registry's log; `before` is the head that it served when it was last seen."""
    issuer = anchor.issuer(name)
    refuse_unless(issuer, "this client audits logs of registries")

    def check():
        head, old = heads(name, served, before, anchor, now)
        entries = list(entries_of(served, head.size))
        leaves = [verify.hash_leaf(entry) for entry in entries]
        need(verify.tree_root(leaves) == head.root, "TILE")
        need(not old or verify.tree_root(leaves[:old.size]) == old.root, "LOG_ROLLBACK")
        check_statements(entries, issuer)

    return found(check)

#!/usr/bin/env python3
"""A registry that somebody else wrote: a library's cards, served by the contract that all registries share (lienthong.registry.v1.RegistryService).

    pip install grpcio grpcio-status grpcio-tools cryptography
    python3 -m grpc_tools.protoc -I proto --python_out=gen --grpc_python_out=gen $(find proto -name '*.proto')
    PYTHONPATH=gen python3 examples/registry-in-python/registry.py --data library
    lienthong check registry 127.0.0.1:50061 --credential demo-library --trust library/anchor.json

It keeps its records in SQLite, signs them with a key of its own, and logs them in a tree that only grows. What it leaves out: code lists, status lists,
credentials, and speed (every proof hashes the whole tree). docs/guides/registry-in-python.md explains it.
"""

import argparse
import base64
import hashlib
import hmac
import json
import pathlib
import re
import secrets
import sqlite3
import threading
from concurrent import futures

import grpc
from google.protobuf import any_pb2, json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

import records
from lienthong.registry.v1 import description_pb2
from lienthong.registry.v1 import registry_service_pb2 as api
from lienthong.registry.v1 import registry_service_pb2_grpc as service
from lienthong.trust.v1 import record_pb2
from schema import AGENCY, KEY_FIELD, RECORD_TYPE, REGISTRY, SCHEMA, violations

CHANGES_MAX, IDS_MAX, PAGE_MAX, PAGE_DEFAULT = 4_096, 500, 500, 50
OPERATIONS = {api.OPERATION_CREATE: "create", api.OPERATION_UPDATE: "update", api.OPERATION_REVOKE: "revoke"}
TABLES = """
CREATE TABLE IF NOT EXISTS version (
  log_index INTEGER PRIMARY KEY, record_id TEXT, version INTEGER, operation TEXT, person TEXT, statement BLOB, payload BLOB, salt BLOB,
  UNIQUE (record_id, version));
CREATE INDEX IF NOT EXISTS of_person ON version (person);
CREATE TABLE IF NOT EXISTS batch (size INTEGER PRIMARY KEY, checkpoint TEXT);
CREATE TABLE IF NOT EXISTS request (id TEXT PRIMARY KEY, content BLOB, receipts TEXT);
"""


class Refusal(Exception):
    """A refusal with a code, a reason for programs, and the fields that are wrong."""

    def __init__(self, code, reason, message, fields=()):
        super().__init__(message)
        self.code, self.reason, self.message, self.fields = code, reason, message, fields

    def status(self):
        details = [error_details_pb2.ErrorInfo(reason=self.reason, domain="lienthong")]
        if self.fields:
            one = error_details_pb2.BadRequest.FieldViolation
            details.append(error_details_pb2.BadRequest(
                field_violations=[one(field=field, reason=rule, description=message) for field, rule, message in self.fields[:20]]))
        packed = []
        for detail in details:
            packed.append(any_pb2.Any())
            packed[-1].Pack(detail)
        return rpc_status.to_status(status_pb2.Status(code=self.code, message=self.message, details=packed))


def invalid(*fields):
    return Refusal(code_pb2.INVALID_ARGUMENT, "INVALID_REQUEST", "the request is invalid", fields)


def token_refused():
    return Refusal(code_pb2.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID", "the token is none, or another query's")


def plain(payload):
    """A payload as the schema knows it: JSON's whole numbers come as floats."""
    def whole(value):
        if isinstance(value, dict):
            return {name: whole(part) for name, part in value.items()}
        if isinstance(value, list):
            return [whole(part) for part in value]
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
    return whole(json_format.MessageToDict(payload))


def validity(change):
    """The start and end of a change's validity, in milliseconds; None if it names none."""
    return [getattr(change, name).ToMilliseconds() if change.HasField(name) else None for name in ("valid_from", "valid_until")]


class Library:
    """The records and their log."""

    def __init__(self, folder, origin):
        self.origin, self.lock, self.grown = origin, threading.RLock(), threading.Condition()
        self.key = records.Key.kept(origin, folder / "key.pem")
        self.secret = self.kept_secret(folder / "pseudonyms")
        self.store = sqlite3.connect(folder / "library.sqlite", check_same_thread=False, isolation_level=None)
        self.store.execute("PRAGMA synchronous = FULL")
        self.store.executescript(TABLES)
        self.leaves = [records.leaf_hash(row[0]) for row in self.store.execute("SELECT statement FROM version ORDER BY log_index")]
        if not self.store.execute("SELECT 1 FROM batch").fetchone():
            self.store.execute("INSERT INTO batch VALUES (0, ?)", (self.key.checkpoint([]),))
        (folder / "anchor.json").write_text(json.dumps(self.key.anchor(REGISTRY, [RECORD_TYPE]), indent=2))

    @staticmethod
    def kept_secret(path):
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(secrets.token_bytes(32))
        return path.read_bytes()

    def record_id(self, key):
        """A keyed pseudonym: a reader of the log cannot tell which cards exist."""
        return hmac.digest(self.secret, f"{RECORD_TYPE}\0{key}".encode(), "sha256")[:16]

    def token(self, *what, position):
        """A position in an answer, valid for the same query only."""
        sealed = hmac.digest(self.secret, repr((what, position)).encode(), "sha256")[:16]
        return base64.urlsafe_b64encode(position.to_bytes(8, "big") + sealed).decode()

    def position(self, *what, token):
        # 24 bytes are exactly 32 characters.
        if not re.fullmatch(r"[A-Za-z0-9_-]{32}", token):
            raise token_refused()
        raw = base64.urlsafe_b64decode(token)
        position = int.from_bytes(raw[:8], "big")
        if not hmac.compare_digest(self.token(*what, position=position), token):
            raise token_refused()
        return position

    # -- Changes

    def submit(self, request_id, changes):
        """All or nothing; the same request again gets the same receipts."""
        content = hashlib.sha256(b"".join(change.SerializeToString(deterministic=True) for change in changes)).digest()
        with self.lock:
            known = self.store.execute("SELECT content, receipts FROM request WHERE id = ?", (request_id,)).fetchone()
            if known:
                return self.repeated(known, content)
            fields = [flaw for at, change in enumerate(changes) for flaw in self.flaws(f"changes[{at}]", change)]
            if fields:
                raise invalid(*fields)
            rows = self.planned([(OPERATIONS[change.operation], change.expected_version, plain(change.payload), validity(change)) for change in changes])
            receipts = json.dumps([row[:3] for row in rows])
            self.write(rows, ("INSERT INTO request VALUES (?, ?, ?)", (request_id, content, receipts)))
            return self.receipts(json.loads(receipts))

    def repeated(self, known, content):
        if known[0] != content:
            raise Refusal(code_pb2.ALREADY_EXISTS, "REQUEST_ID_REUSED", "the request_id was used for other content")
        return self.receipts(json.loads(known[1]))

    @staticmethod
    def receipts(rows):
        return [api.Receipt(log_index=index, record_id=record_id, version=version) for index, record_id, version in rows]

    @staticmethod
    def flaws(path, change):
        if change.record_type != RECORD_TYPE:
            yield f"{path}.record_type", "UNKNOWN_VALUE", f"there is no such record type; there is {RECORD_TYPE}"
        if change.operation not in OPERATIONS:
            yield f"{path}.operation", "REQUIRED", "must be create, update or revoke"
        yield from violations(plain(change.payload), SCHEMA, f"{path}.payload")

    def newest(self, record_id):
        return self.store.execute(
            "SELECT version, operation, statement, payload, log_index FROM version WHERE record_id = ? ORDER BY version DESC", (record_id,)).fetchone()

    def check(self, operation, expected, newest):
        """Whether a change may follow the stored version."""
        version, before = newest[:2] if newest else (0, None)
        if operation != "create" and version == 0:
            raise Refusal(code_pb2.NOT_FOUND, "RECORD_NOT_FOUND", "there is no such record")
        if before == "revoke":
            raise Refusal(code_pb2.FAILED_PRECONDITION, "RECORD_REVOKED", "the record was revoked")
        if expected != version or (operation == "create") != (version == 0):
            raise Refusal(code_pb2.ABORTED, "VERSION_CONFLICT", "the record has another version: read it again")

    def planned(self, changes):
        """The rows of a batch."""
        rows, fresh, at = [], {}, records.now_ms()
        for operation, expected, payload, (valid_from, valid_until) in changes:
            record_id = self.record_id(payload[KEY_FIELD])
            newest = fresh.get(record_id) or self.newest(record_id.hex())
            self.check(operation, expected, newest)
            version, previous = (newest[0] + 1, records.sha256(newest[2])) if newest else (1, bytes(32))
            salt, index = secrets.token_bytes(32), len(self.leaves) + len(rows)
            statement = records.statement(
                REGISTRY, RECORD_TYPE, record_id, version, previous, operation, at, index, payload, salt, valid_from, valid_until)
            person = payload["holder"]["personal_id"]
            rows.append((index, record_id.hex(), version, operation, person, statement, records.canonical(payload), salt))
            fresh[record_id] = (version, operation, statement)
        return rows

    def write(self, rows, *also):
        """Durable before its head is shown: the rows and the checkpoint over them are one transaction."""
        leaves = self.leaves + [records.leaf_hash(row[5]) for row in rows]
        self.store.execute("BEGIN IMMEDIATE")
        try:
            self.store.executemany("INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            if rows:
                self.store.execute("INSERT INTO batch VALUES (?, ?)", (len(leaves), self.key.checkpoint(leaves)))
            for statement, values in also:
                self.store.execute(statement, values)
            self.store.execute("COMMIT")
        except BaseException:
            self.store.execute("ROLLBACK")
            raise
        self.leaves = leaves
        with self.grown:
            self.grown.notify_all()

    def put(self, payload, validate_only):
        """Gives a record this content."""
        flaws = violations(payload, SCHEMA, "payload")
        if flaws:
            broken = [api.Violation(field=field.removeprefix("payload."), rule=rule, message=says) for field, rule, says in flaws]
            return api.PutOutcome(effect=api.PUT_EFFECT_REFUSED, violations=broken[:20], violations_total=len(broken))
        newest = self.newest(self.record_id(payload[KEY_FIELD]).hex())
        if newest and newest[1] == "revoke":
            revoked = api.Violation(rule="RECORD_REVOKED", message="the record was revoked")
            return api.PutOutcome(effect=api.PUT_EFFECT_REFUSED, violations=[revoked], violations_total=1)
        if newest and newest[3] == records.canonical(payload):
            receipt = [(newest[4], self.record_id(payload[KEY_FIELD]).hex(), newest[0])]
            return api.PutOutcome(effect=api.PUT_EFFECT_UNCHANGED, receipt=self.receipts(receipt)[0])
        effect = api.PUT_EFFECT_UPDATED if newest else api.PUT_EFFECT_CREATED
        rows = self.planned([("update" if newest else "create", newest[0] if newest else 0, payload, (None, None))])
        if not validate_only:
            self.write(rows)
        return api.PutOutcome(effect=effect, receipt=self.receipts([row[:3] for row in rows])[0])

    # -- Reads

    def signed(self, row):
        index, record_id, version, statement, payload, salt = row
        path = records.inclusion_path(index, self.leaves)
        note = self.store.execute("SELECT checkpoint FROM batch ORDER BY size DESC").fetchone()[0]
        return api.RegistryRecord(record_type=RECORD_TYPE, record_id=record_id, version=version, record=record_pb2.SignedRecord(
            statement=statement, whole=record_pb2.WholeDisclosure(payload=payload, salt=salt),
            issuer_proof=record_pb2.LogProof(checkpoint=note, index=index, path=path)))

    def find(self, ids, version):
        """The requested version of each existing record, in the order of the ids."""
        query = ("SELECT log_index, record_id, version, statement, payload, salt FROM version WHERE record_id = ? "
                 + ("AND version = ?" if version else "ORDER BY version DESC"))
        for record_id in dict.fromkeys(ids):
            row = self.store.execute(query, (record_id, version) if version else (record_id,)).fetchone()
            if row:
                yield row

    def batches(self, cursor):
        """The signed batches after a cursor, which must be the end of one."""
        with self.lock:
            sizes = [row[0] for row in self.store.execute("SELECT size FROM batch ORDER BY size")]
            if cursor not in sizes:
                raise Refusal(code_pb2.FAILED_PRECONDITION, "CURSOR_GONE", "the cursor is beyond the end, or ends no batch")
            rows = self.store.execute("SELECT size, checkpoint FROM batch WHERE size > ? ORDER BY size", (cursor,)).fetchall()
            for size, note in rows:
                found = self.store.execute(
                    "SELECT statement, payload, salt FROM version WHERE log_index >= ? AND log_index < ? ORDER BY log_index", (cursor, size))
                changes = [record_pb2.SignedRecord(statement=statement, whole=record_pb2.WholeDisclosure(payload=payload, salt=salt))
                           for statement, payload, salt in found.fetchall()]
                yield api.StreamChangesResponse(first_index=cursor, records=changes, checkpoint=note, next_cursor=size)
                cursor = size


class Registry(service.RegistryServiceServicer):
    """The contract over gRPC: callers, requests and refusals."""

    def __init__(self, library):
        self.library = library

    def admitted(self, context, name, owner=True):
        """Credentials of a demonstration: `Bearer demo-<agency>`. Put yours here."""
        bearer = dict(context.invocation_metadata()).get("authorization", "")
        if not bearer:
            raise Refusal(code_pb2.UNAUTHENTICATED, "CREDENTIAL_MISSING", "send a credential")
        agency = bearer.removeprefix("Bearer demo-")
        if agency == bearer:
            raise Refusal(code_pb2.UNAUTHENTICATED, "CREDENTIAL_INVALID", "the credential is none")
        if name not in (REGISTRY, ""):
            raise invalid(("registry", "UNKNOWN_VALUE", f"there is no such registry; there is {REGISTRY}"))
        if owner and agency not in (AGENCY, "operator", "gateway"):
            raise Refusal(code_pb2.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", "only the agency that owns the registry may do this")

    def Describe(self, request, context):
        self.admitted(context, request.registry, owner=False)
        described = description_pb2.RecordTypeDescription(
            record_type=RECORD_TYPE, natural_key=[KEY_FIELD], label_vi="Thẻ thư viện", label_en="Library card", json_schema=json.dumps(SCHEMA))
        described.fields.extend(
            description_pb2.FieldDescription(name=name, rule=json.dumps(rule), required=name in SCHEMA["required"], label_en=rule["title"])
            for name, rule in sorted(SCHEMA["properties"].items()))
        return description_pb2.DescribeResponse(registries=[description_pb2.RegistryDescription(
            registry=REGISTRY, agency=AGENCY, log_origin=self.library.origin, log_size=len(self.library.leaves), record_types=[described])])

    def ListCodes(self, request, context):
        self.admitted(context, "", owner=False)
        if request.list:
            raise invalid(("list", "UNKNOWN_VALUE", "this registry has no code lists"))
        return description_pb2.ListCodesResponse()

    def ids_of(self, request):
        """The ids that a selector chooses."""
        chosen = request.WhichOneof("selector")
        if chosen is None:
            raise invalid(("selector", "REQUIRED", "one of personal_id, natural_key, record_ids is required"))
        if chosen == "record_ids":
            ids = request.record_ids.ids
            bad = [(f"record_ids.ids[{at}]", "FORMAT", "must be 32 hexadecimal characters") for at, one in enumerate(ids)
                   if not re.fullmatch("[0-9a-f]{32}", one)]
            if bad or not 0 < len(ids) <= IDS_MAX:
                raise invalid(*(bad or [("record_ids.ids", "COUNT", "1 to 500 record ids")]))
            return list(ids)
        if chosen == "natural_key":
            key = request.natural_key
            if key.record_type != RECORD_TYPE or len(key.values) != 1:
                raise invalid(("natural_key", "UNKNOWN_VALUE", "a record type of this registry, and one value"))
            return [self.library.record_id(key.values[0]).hex()]
        if chosen == "personal_id":
            if not re.fullmatch("[0-9]{12}", request.personal_id):
                raise invalid(("personal_id", "FORMAT", "must have 12 digits"))
            query = "SELECT DISTINCT record_id FROM version WHERE person = ? ORDER BY record_id"
            return [row[0] for row in self.library.store.execute(query, (request.personal_id,))]
        return []  # no record names an organisation

    def GetRecords(self, request, context):
        self.admitted(context, request.registry)
        if any(name != RECORD_TYPE for name in request.record_types):
            raise invalid(("record_types", "UNKNOWN_VALUE", f"there is no such record type; there is {RECORD_TYPE}"))
        if request.page_size > PAGE_MAX:
            raise invalid(("page_size", "OUT_OF_RANGE", "at most 500"))
        with self.library.lock:
            query = api.GetRecordsRequest()
            query.CopyFrom(request)
            query.page_size, query.page_token = 0, ""
            query = query.SerializeToString(deterministic=True)
            begins = self.library.position(query, token=request.page_token) if request.page_token else 0
            found = list(self.library.find(self.ids_of(request), request.version))
            ends = begins + (request.page_size or PAGE_DEFAULT)
            token = self.library.token(query, position=ends) if ends < len(found) else ""
            return api.GetRecordsResponse(records=[self.library.signed(row) for row in found[begins:ends]], next_page_token=token)

    def SubmitChanges(self, request, context):
        self.admitted(context, request.registry)
        if not re.fullmatch(r"[A-Za-z0-9._-]{8,64}", request.request_id):
            raise invalid(("request_id", "FORMAT", "8 to 64 characters of [A-Za-z0-9._-]"))
        if not 0 < len(request.changes) <= CHANGES_MAX:
            raise invalid(("changes", "COUNT", "1 to 4,096 changes"))
        return api.SubmitChangesResponse(receipts=self.library.submit(request.request_id, request.changes))

    def PutRecords(self, request, context):
        self.admitted(context, request.registry)
        if not 0 < len(request.records) <= CHANGES_MAX or any(one.record_type != RECORD_TYPE for one in request.records):
            raise invalid(("records", "COUNT", f"1 to 4,096 records of {RECORD_TYPE}"))
        with self.library.lock:
            return api.PutRecordsResponse(outcomes=[self.library.put(plain(one.payload), request.validate_only) for one in request.records])

    def StreamChanges(self, request, context):
        self.admitted(context, request.registry)
        cursor = request.cursor
        if request.resume_token:
            cursor = self.library.position("changes", token=request.resume_token)
        while True:
            for message in list(self.library.batches(cursor)):
                cursor = message.next_cursor
                message.resume_token = self.library.token("changes", position=cursor)
                yield message
            if not request.follow or not context.is_active():
                return
            with self.library.grown:
                self.library.grown.wait_for(lambda: len(self.library.leaves) > cursor, timeout=1)


class Refusals(grpc.ServerInterceptor):
    """A Refusal becomes a status with its details."""

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler and handler.unary_unary:
            return handler._replace(unary_unary=lambda request, context: self.answered(handler.unary_unary, request, context))
        if handler and handler.unary_stream:
            return handler._replace(unary_stream=lambda request, context: self.streamed(handler.unary_stream, request, context))
        return handler

    def answered(self, method, request, context):
        try:
            return method(request, context)
        except Refusal as refusal:
            context.abort_with_status(refusal.status())

    def streamed(self, method, request, context):
        try:
            yield from method(request, context)
        except Refusal as refusal:
            context.abort_with_status(refusal.status())


def serve(library, listen):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), interceptors=[Refusals()])
    service.add_RegistryServiceServicer_to_server(Registry(library), server)
    port = server.add_insecure_port(listen)
    server.start()
    print(f"the registry {REGISTRY} listens on {listen.rpartition(':')[0]}:{port}", flush=True)
    server.wait_for_termination()


def main(library=Library):
    parser = argparse.ArgumentParser(description="A library's registry.")
    parser.add_argument("--listen", default="127.0.0.1:50061")
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("library"), help="the folder of its records and keys")
    parser.add_argument("--origin", default=f"lienthong/H27/{REGISTRY}", help="the origin of its log")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    serve(library(options.data, options.origin), options.listen)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""An agency's client in Python: calls over gRPC, repeats what may be repeated, and verifies every record offline before it counts.

    pip install grpcio grpcio-status grpcio-tools cryptography
    python3 -m grpc_tools.protoc -I proto --python_out=gen --grpc_python_out=gen $(find proto -name '*.proto')
    PYTHONPATH=gen python3 examples/clients/python/client.py fetch 127.0.0.1:50051 042090990001 --trust anchor.json
    lienthong check client -- env PYTHONPATH=gen python3 examples/clients/python/client.py check

`fetch` prints a citizen's records. `check` answers the questions of `lienthong check client`, over stdin and stdout, or over gRPC where
LIENTHONG_CHECK_ADDRESS names the checker. Records are verified by tools/verify.py, the second verifier of docs/format.md; what that does not do, presentation.py and audit.py do.
"""

import argparse
import json
import os
import pathlib
import sys
import time

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from lienthong.check.v1 import check_service_pb2, check_service_pb2_grpc
from lienthong.exchange.v1 import exchange_service_pb2, exchange_service_pb2_grpc
from lienthong.identity.v1 import presentation_service_pb2, presentation_service_pb2_grpc
from lienthong.province.v1 import province_service_pb2_grpc, watch_pb2
from lienthong.registry.v1 import registry_service_pb2, registry_service_pb2_grpc
from lienthong.trust.v1 import ledger_service_pb2, ledger_service_pb2_grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools"))
import verify  # noqa: E402

import audit  # noqa: E402
import presentation  # noqa: E402

# The methods that this client calls: stub, request.
METHODS = {
    "lienthong.exchange.v1.ExchangeService/FetchRecords":
        (exchange_service_pb2_grpc.ExchangeServiceStub, exchange_service_pb2.FetchRecordsRequest),
    "lienthong.exchange.v1.ExchangeService/BulkFetchRecords":
        (exchange_service_pb2_grpc.ExchangeServiceStub, exchange_service_pb2.BulkFetchRecordsRequest),
    "lienthong.province.v1.ProvinceService/WatchChanges":
        (province_service_pb2_grpc.ProvinceServiceStub, watch_pb2.WatchChangesRequest),
    "lienthong.registry.v1.RegistryService/GetRecords":
        (registry_service_pb2_grpc.RegistryServiceStub, registry_service_pb2.GetRecordsRequest),
    "lienthong.identity.v1.PresentationService/CreatePresentation":
        (presentation_service_pb2_grpc.PresentationServiceStub, presentation_service_pb2.CreatePresentationRequest),
    "lienthong.trust.v1.LedgerService/GetCheckpoint":
        (ledger_service_pb2_grpc.LedgerServiceStub, ledger_service_pb2.GetCheckpointRequest),
}
WATCH = "lienthong.province.v1.ProvinceService/WatchChanges"
STREAMS = ("lienthong.exchange.v1.ExchangeService/BulkFetchRecords",)
ATTEMPTS_MAX = 4
NO_RECORD = "MISSING_REASON_NO_RECORD"
# Reasons with which the server ends a watch that may be resumed; one that the network broke has none.
RESUMABLE = (None, "SHUTTING_DOWN", "WATCH_BEHIND")

# ---- Calling


def details_of(error):
    """The reason of a refusal, and the wait that it asks for: None if it names none."""
    status, reason, wait = rpc_status.from_call(error), None, None
    for detail in status.details if status else []:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            wait = retry.retry_delay.ToTimedelta().total_seconds()
    return reason, wait


class CallFailed(Exception):
    """A call that had no answer: the gRPC status, the reason where there is one, and how often it was made."""

    def __init__(self, status, reason, attempts):
        super().__init__(f"{status} {reason or ''}".rstrip())
        self.status, self.reason, self.attempts = status, reason, attempts


def call(channel, method, request, metadata, seconds, may_repeat):
    """The answer as protobuf JSON, and how often the call was made. It is made again only if the method's manual allows it, the server says
    when (RetryInfo), and the deadline lies behind that."""
    make, request = prepared(channel, method, request)
    until, attempts = time.monotonic() + seconds, 0
    while True:
        attempts += 1
        try:
            answer = make(request, metadata=metadata, timeout=until - time.monotonic())
            if method in STREAMS:  # whole, or not at all
                answer = list(answer)
        except grpc.RpcError as error:
            status, (reason, wait) = error.code().name, details_of(error)
            passes = status in ("UNAVAILABLE", "RESOURCE_EXHAUSTED") and wait is not None
            if not (may_repeat and passes and attempts < ATTEMPTS_MAX and time.monotonic() + wait < until):
                raise CallFailed(status, reason, attempts) from error
            time.sleep(wait)
            continue
        if answer is None:  # the status was OK, and no message came
            raise CallFailed("INTERNAL", None, attempts)
        return [json_format.MessageToDict(one) for one in answer] if method in STREAMS else json_format.MessageToDict(answer), attempts


def prepared(channel, method, request):
    """The method of a stub, and its request as a message."""
    stub, message = METHODS[method]
    return getattr(stub(channel), method.rpartition("/")[2]), json_format.ParseDict(request, message())


def watch(channel, request, metadata, seconds):
    """The ledger indices of a watch's changes up to the ledger's end, each once, and how often the call was made. A watch that breaks off is resumed
    with its last token, which brings what is still missing: nothing is lost, and nothing comes twice."""
    make, request = prepared(channel, WATCH, request)
    until, changes = time.monotonic() + seconds, []
    for attempts in range(1, ATTEMPTS_MAX + 1):
        messages = make(request, metadata=metadata, timeout=until - time.monotonic())
        try:
            for one in messages:
                request.resume_token = one.resume_token
                if not one.HasField("progress"):
                    if not changes or changes[-1] < one.ledger_index:  # the ledger's order; a message that came twice is one change
                        changes.append(one.ledger_index)
                elif one.progress.ledger_index >= one.progress.ledger_size:
                    messages.cancel()
                    return changes, attempts
            status, reason = "OK", None  # it ended, without an end of the ledger
        except grpc.RpcError as error:
            status, (reason, _) = error.code().name, details_of(error)
            if reason not in RESUMABLE or status == "DEADLINE_EXCEEDED":
                break
    raise CallFailed("INTERNAL" if status == "OK" else status, reason, attempts)


# ---- Judging


def people_in(value):
    """The personal IDs anywhere in a value."""
    if isinstance(value, dict):
        yield from (part for name, part in value.items() if name == "personal_id")
        yield from (person for part in value.values() for person in people_in(part))
    elif isinstance(value, list):
        yield from (person for part in value for person in people_in(part))


def payload_of(record):
    """The content of a record of an answer; only of verified records."""
    signed = verify.Record(record)
    if signed.whole:
        return json.loads(signed.whole[0])
    return {name: json.loads(value) for _, name, value, _ in signed.partial[0]}


def accepted():
    return {"conclusion": "accepted"}


def refused(code=None):
    return {"conclusion": "refused", "code": code} if code else {"conclusion": "refused"}


def concluded(verdict, code):
    return accepted() if verdict == "VALID" else refused(code)


def judge_file(text, anchor, now, lists=None):
    """A file of answers or records: accepted if all are VALID, otherwise refused with the code of the first that is not."""
    printer = verify.Printer("none", True)

    def further(report, record):
        if lists is not None:
            verify.verify_status(report, record, lists, now)

    verify.verify_file("answer", text.encode(), anchor, now, printer, further)
    if printer.exit_code:
        return refused(next(code for code, number in verify.EXIT_CODES.items() if number == printer.exit_code))
    return accepted() if printer.sum["records"] else refused()


def judge_answer(answer, request, anchor, now, lists=None):
    """An answer to a call of ours: every record verifies, is in force where there are lists, is about whom we asked for, and none is missing."""
    # Only a registry that answered "no record" leaves no gap; a reason that came later than this client is one.
    gaps = [missing for missing in answer.get("missing", []) if missing.get("reason") != NO_RECORD]
    if gaps:
        return refused(gaps[0]["code"])
    judged = judge_file(json.dumps(answer), anchor, now, lists)
    if judged == accepted() and "personal_id" in request:
        for record in answer["records"]:
            people = set(people_in(payload_of(record)))
            if people and request["personal_id"] not in people:
                return refused("RECORD_NOT_VERIFIED")
    return judged


def judge_citizens(answers, request, anchor, now):
    """The answers of a bulk fetch: one for each citizen, in the order of the request, and each of them good."""
    asked = request["personal_ids"]
    if [answer.get("index", 0) for answer in answers] != list(range(len(asked))):
        return refused()
    for person, answer in zip(asked, answers):
        if "refused" in answer:
            return refused(answer["refused"].get("code"))
        judged = judge_answer(answer["found"], {**request, "personal_id": person}, anchor, now)
        if judged != accepted():
            return judged
    return accepted()


def accepted_lists(texts, anchor):
    for text in texts:
        try:
            yield verify.StatusList(text, anchor)
        except verify.Refused:
            pass  # a list that is not accepted is as good as none


def lists_of(question, anchor):
    return list(accepted_lists(question["status_lists"], anchor)) if "status_lists" in question else None


def judge(question):
    """This client's verdict on an artefact."""
    now = verify.milliseconds(question["at"]) if "at" in question else time.time_ns() // 1_000_000
    if question["kind"] == "witness":
        policy = verify.Policy(question["policy"].encode())
        return concluded(*policy.judge(question["checkpoint"].encode(), now, question["age_max_ms"])[0])
    anchor = verify.Anchor(json.dumps(question["trust_anchor"]).encode())
    if question["kind"] == "log":
        return concluded(*audit.judge(question["log"], question["served"], question.get("before"), anchor, now))
    if question["kind"] == "presentation":
        asked = (question["nonce"], question["audience"]) if "nonce" in question else None
        return concluded(*presentation.judge(question["presentation"], anchor, now, asked))
    return judge_file(question["file"], anchor, now, lists_of(question, anchor))


# ---- Being checked


class Checked:
    """Answers the questions of `lienthong check client`."""

    def __init__(self):
        self.channels = {}

    def conclude(self, question):
        try:
            return self.called(question) if question["kind"] in ("call", "stream") else judge(question)
        except CallFailed as failed:
            reason = {"reason": failed.reason} if failed.reason else {}
            return {"conclusion": "failed", "status": failed.status, "retried": failed.attempts > 1, **reason}
        except verify.Refused:
            return refused()

    def called(self, question):
        address = question["address"]
        if address not in self.channels:
            self.channels[address] = grpc.insecure_channel(address)
        anchor, now = verify.Anchor(json.dumps(question["trust_anchor"]).encode()), verify.milliseconds(question["at"])
        metadata, seconds = list(question["metadata"].items()), question["deadline_ms"] / 1000
        if question["method"] == WATCH:
            changes, attempts = watch(self.channels[address], question["request"], metadata, seconds)
            return {**accepted(), "received": changes, "retried": attempts > 1}
        answer, attempts = call(
            self.channels[address], question["method"], question["request"], metadata, seconds, question["may_repeat"])
        if question["kind"] == "stream":
            judged = judge_citizens(answer, question["request"], anchor, now)
            judged = {**judged, "received": [one.get("index", 0) for one in answer]}
        elif "log" in question:  # its head, which must not contradict the one that was seen before
            judged = concluded(*audit.judge_head(question["log"], answer, question["before"], anchor, now))
        else:
            judged = judge_answer(answer, question["request"], anchor, now, lists_of(question, anchor))
        return {**judged, "retried": attempts > 1}

    def answer(self, line):
        question = json.loads(line)
        return json.dumps({"id": question["id"], **self.conclude(question)})


def check():
    checked, address = Checked(), os.environ.get("LIENTHONG_CHECK_ADDRESS")
    if not address:
        for line in sys.stdin:
            print(checked.answer(line), flush=True)
        return
    with grpc.insecure_channel(address) as channel:
        checker = check_service_pb2_grpc.CheckServiceStub(channel)
        while not (case := next_case(checker)).finished:
            answer = checked.answer(case.question_json)
            checker.ReportConclusion(check_service_pb2.ReportConclusionRequest(case_id=case.case_id, answer_json=answer))


def next_case(checker):
    """The next case, asked for again while there is none."""
    while True:
        try:
            return checker.NextCase(check_service_pb2.NextCaseRequest(), wait_for_ready=True, timeout=20)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                raise


def fetch(options):
    anchor = verify.Anchor(pathlib.Path(options.trust).read_bytes())
    request = {"personal_id": options.personal_id, "record_types": options.types, "purpose": "one_stop.verify_documents"}
    with grpc.insecure_channel(options.address) as channel:
        method, metadata = "lienthong.exchange.v1.ExchangeService/FetchRecords", [("authorization", "Bearer demo-one-stop")]
        try:
            answer, _ = call(channel, method, request, metadata, 10, True)
        except CallFailed as failed:
            sys.exit(f"refused: {failed}")
    judged = judge_answer(answer, request, anchor, time.time_ns() // 1_000_000)
    if judged != accepted():
        sys.exit(f"not accepted: {judged.get('code', 'the answer cannot be read')}")
    for record in answer["records"]:
        print(record["recordType"], json.dumps(payload_of(record), ensure_ascii=False))


def main():
    parser = argparse.ArgumentParser(description="An agency's client.")
    commands = parser.add_subparsers(required=True)
    commands.add_parser("check").set_defaults(run=lambda _: check())
    fetching = commands.add_parser("fetch")
    fetching.add_argument("address")
    fetching.add_argument("personal_id")
    fetching.add_argument("--trust", default="anchor.json")
    fetching.add_argument("--types", nargs="+", default=["resident.person.v1", "driver_licence.licence.v1"])
    fetching.set_defaults(run=fetch)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()

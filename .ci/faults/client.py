"""Meets every fault of cases.json with grpc-python: client.py ADDRESS CASES. The calls are those of examples/testing/python/conftest.py."""

import base64
import json
import pathlib
import sys
import time

import grpc
from google.protobuf import descriptor_pool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples/testing/python"))
from conftest import World  # noqa: E402

CITIZEN = "042090990001"
WORLD = "simulation.v1.SimulationService/GetWorld"
FETCH = "exchange.v1.ExchangeService/FetchRecords"
OPERATOR = "demo-operator"


def code(error):
    return error.code().name


def reason(error, known):
    """The reason in a refusal's ErrorInfo, of those that are known; the code's name where there is none."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return next((word for word in known if word.encode() in value), code(error))
    return code(error)


def expect(found, wanted, what):
    if found != wanted:
        sys.exit(f"grpc-python: {what}: {found}, wanted {wanted}")


def timed(call):
    began = time.monotonic()
    try:
        call()
        outcome = "OK"
    except grpc.RpcError as error:
        outcome = code(error)
    except RuntimeError:
        outcome = "NO_MESSAGE"
    return outcome, (time.monotonic() - began) * 1000


class Checks:
    def __init__(self, outside, outcomes):
        self.outside, self.outcomes = outside, outcomes

    def session(self, fault):
        body = {"ttl": "600s"}
        made = self.outside.call(OPERATOR, "simulation.v1.SessionService/CreateSession", body)
        world = self.outside.within(made["session"]["sessionId"])
        if fault:
            self.add(world, fault)
        return world

    def add(self, world, fault):
        world.call(OPERATOR, "simulation.v1.FaultService/AddFaults", {"faults": [{**fault, "fault_id": "it"}]})

    def end(self, world):
        self.outside.call(OPERATOR, "simulation.v1.SessionService/DeleteSession", {"session_id": world.session})

    def hits(self, world):
        faults = world.call(OPERATOR, "simulation.v1.FaultService/ListFaults", {"page_size": 500})["faults"]
        return next(fault for fault in faults if fault["faultId"] == "it")["counts"].get("hits", "0")

    def call(self, case):
        fault = {**case["fault"], "match": {"methods": ["GetWorld"], "agency": "bank"}, "turn": {"nth": 2}}
        world, what = self.session(fault), json.dumps(case["fault"])
        ask = lambda: world.call("demo-bank", WORLD, None, 3)  # noqa: E731
        expect(timed(ask)[0], "OK", f"{what}, first call")
        found, took = timed(ask)
        expect(found, case["python"], what)
        if took < case.get("takes_ms", 0):
            sys.exit(f"grpc-python: {what}: took only {took:.0f} ms")
        expect(timed(ask)[0], "OK", f"{what}, third call")
        expect(timed(lambda: self.outside.call("demo-bank", WORLD))[0], "OK", f"{what}, outside")
        expect(self.hits(world), "1", f"{what}, hits")
        self.end(world)

    def fetch(self, world, seconds=5):
        body = {"personal_id": CITIZEN, "record_types": ["driver_licence.licence.v1"], "purpose": "one_stop.verify_documents"}
        try:
            answer = world.call("demo-one-stop", FETCH, body, seconds)
        except grpc.RpcError as error:
            return reason(error, self.outcomes)
        if answer.get("records"):
            return answer["records"][0]["verdict"]
        return answer["missing"][0]["code"]

    def read(self, case):
        world, what = self.session(None), json.dumps(case["fault"])
        expect(self.fetch(world), "VALID", f"{what}, before")
        about = {"match": {"personal_id": CITIZEN}} if any(name.startswith("read") for name in case["fault"]) else {}
        self.add(world, {**about, **case["fault"]})
        began = time.monotonic()
        expect(self.fetch(world, 2), case["outcome"], what)
        took = (time.monotonic() - began) * 1000
        if took < case.get("takes_ms", 0):
            sys.exit(f"grpc-python: {what}: took only {took:.0f} ms")
        expect(self.fetch(self.outside), "VALID", f"{what}, outside")
        world.call(OPERATOR, "simulation.v1.FaultService/Heal")
        expect(self.fetch(world), "VALID", f"{what}, healed")
        self.end(world)

    def convert(self, world):
        """A new version of the person; whether the province accepted it."""
        query = {"registry": "resident", "record_types": ["resident.person.v1"], "personal_id": CITIZEN}
        record = world.call("demo-police", "registry.v1.RegistryService/GetRecords", query)["records"][0]
        payload = json.loads(base64.b64decode(record["record"]["whole"]["payload"]))
        payload["religion"] = "Phật giáo" if payload.get("religion") != "Phật giáo" else "Công giáo"
        change = {"record_type": "resident.person.v1", "operation": "OPERATION_UPDATE", "expected_version": record["version"], "payload": payload}
        body = {"registry": "resident", "request_id": f"convert-{record['version']}", "changes": [change]}
        try:
            world.call("demo-police", "registry.v1.RegistryService/SubmitChanges", body)
        except grpc.RpcError as error:
            expect(code(error), "UNAVAILABLE", "a change that cannot be waited for")

    def see(self, world, what):
        if what in ("feed", "feed after a change"):
            if what != "feed":
                self.convert(world)
            feeds = world.call(OPERATOR, "province.v1.ProvinceService/ListFeeds")["feeds"]
            return next(feed for feed in feeds if feed["registry"] == "resident").get("reason", "")
        note = world.call("demo-bank", "trust.v1.LedgerService/GetCheckpoint", {"log": "records"})["checkpoint"].split("\n")
        return int(note[1]) if what == "size" else note[2]

    def state(self, case):
        world, what = self.session(None), json.dumps(case["fault"])
        self.convert(world)
        before = self.see(world, case["see"])
        self.add(world, case["fault"])
        is_so = {
            "smaller": lambda found: found < before,
            "other": lambda found: found != before,
        }.get(case["is"], lambda found: found == case["is"])
        until = time.monotonic() + 5
        while not is_so(found := self.see(world, case["see"])):
            if time.monotonic() > until:
                sys.exit(f"grpc-python: {what}: {before} became {found}")
            time.sleep(0.05)
        self.end(world)


def main():
    address, cases = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text())
    with grpc.insecure_channel(address) as channel:
        outside = World(channel, descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel)))
        checks = Checks(outside, [case["outcome"] for case in cases["reads"]])
        for kind, check in (("calls", checks.call), ("reads", checks.read), ("states", checks.state)):
            for case in cases[kind]:
                check(case)
            print(f"grpc-python met {len(cases[kind])} faults of {kind}")


main()

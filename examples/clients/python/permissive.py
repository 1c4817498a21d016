#!/usr/bin/env python3
"""A client that should not exist: it verifies nothing, accepts a part as the whole, repeats every failed call at once, and adds what comes then to what
came before. `lienthong check client` names every case in which that is wrong; the gate holds the checker to it.

It is started as client.py is: `env PYTHONPATH=gen python3 examples/clients/python/permissive.py`.
"""

import json
import sys

import grpc
from google.protobuf import json_format

from client import METHODS

ATTEMPTS = 3


def called(question):
    """Whatever the third attempt brings."""
    stub, message = METHODS[question["method"]]
    request, status = json_format.ParseDict(question["request"], message()), None
    with grpc.insecure_channel(question["address"]) as channel:
        make, received = getattr(stub(channel), question["method"].rpartition("/")[2]), []
        for _ in range(ATTEMPTS):
            try:
                answer = make(request, metadata=list(question["metadata"].items()), timeout=question["deadline_ms"] / 1000)
                if question["kind"] != "stream":
                    return {"conclusion": "accepted"}
                for one in answer:
                    if "WatchChanges" not in question["method"]:
                        received.append(one.index)
                    elif not one.HasField("progress"):
                        received.append(one.ledger_index)
                    elif one.progress.ledger_index == one.progress.ledger_size:
                        break
                return {"conclusion": "accepted", "received": received}
            except grpc.RpcError as error:
                status = error.code().name
    return {"conclusion": "failed", "status": status}


for line in sys.stdin:
    question = json.loads(line)
    conclusion = called(question) if question["kind"] in ("call", "stream") else {"conclusion": "accepted"}
    print(json.dumps({"id": question["id"], **conclusion}), flush=True)

#!/usr/bin/env python3
"""A client that should not exist: it verifies nothing, accepts a part as the whole, and repeats every failed call at once. `lienthong check client`
names every case in which that is wrong; the gate holds the checker to it.

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
        unary = getattr(stub(channel), question["method"].rpartition("/")[2])
        for _ in range(ATTEMPTS):
            try:
                unary(request, metadata=list(question["metadata"].items()), timeout=question["deadline_ms"] / 1000)
                return {"conclusion": "accepted"}
            except grpc.RpcError as error:
                status = error.code().name
    return {"conclusion": "failed", "status": status}


for line in sys.stdin:
    question = json.loads(line)
    conclusion = called(question) if question["kind"] == "call" else {"conclusion": "accepted"}
    print(json.dumps({"id": question["id"], **conclusion}), flush=True)

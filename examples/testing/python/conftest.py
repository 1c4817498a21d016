"""A session for each test: a world of its own on a Lienthong server that all tests share.

    pip install grpcio grpcio-reflection pytest
    lienthong serve &
    pytest examples/testing/python

LIENTHONG_ADDRESS names another server than 127.0.0.1:50051. Calls are made by what the server's reflection describes, so that no code is
generated; with generated code, pass `world.metadata(who)` to the stubs instead.
"""

import os

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SESSIONS = "simulation.v1.SessionService"
CLOCK = "simulation.v1.SimulationService"


class World:
    """The province of a server, or a session of it."""

    def __init__(self, channel, pool, session=None):
        self.channel, self.pool, self.session = channel, pool, session

    def within(self, session):
        """A session of the same server."""
        return World(self.channel, self.pool, session)

    def metadata(self, who):
        """The metadata of a call: the credential, and the session."""
        session = [("x-lienthong-session", self.session)] if self.session else []
        return [("authorization", f"Bearer {who}"), *session]

    def call(self, who, method, body=None, seconds=30):
        """Calls `exchange.v1.ExchangeService/FetchRecords` and the like with JSON, and returns JSON. A refusal is a grpc.RpcError."""
        service, name = method.split("/")
        described = self.pool.FindServiceByName(f"lienthong.{service}").FindMethodByName(name)
        request = json_format.ParseDict(body or {}, message_factory.GetMessageClass(described.input_type)())
        unary = self.channel.unary_unary(
            f"/lienthong.{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(described.output_type).FromString,
        )
        answer = unary(request, metadata=self.metadata(who), timeout=seconds)
        if answer is None:
            raise RuntimeError("the call ended with OK and without a message")
        return json_format.MessageToDict(answer)

    def advance(self, days):
        """Moves this world's clock forward, and no other's."""
        body = {"request_id": os.urandom(8).hex(), "by": f"{days * 86_400}s"}
        return self.call("demo-operator", f"{CLOCK}/AdvanceClock", body)


@pytest.fixture(scope="session")
def server():
    """The province itself, which these tests only read."""
    with grpc.insecure_channel(os.environ.get("LIENTHONG_ADDRESS", "127.0.0.1:50051")) as channel:
        grpc.channel_ready_future(channel).result(timeout=30)
        yield World(channel, descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel)))


@pytest.fixture
def world(server, request):
    """A session of its own for each test, deleted afterwards."""
    body = {"ttl": "600s", "label": request.node.name[:100]}
    session = server.call("demo-operator", f"{SESSIONS}/CreateSession", body)["session"]["sessionId"]
    yield server.within(session)
    server.call("demo-operator", f"{SESSIONS}/DeleteSession", {"session_id": session})

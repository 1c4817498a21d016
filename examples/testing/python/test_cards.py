"""A suite that moves time: a card that lapses in it stays valid outside."""

import grpc
import pytest

CITIZEN = "042090990001"
FETCH = {
    "personal_id": CITIZEN,
    "record_types": ["health_insurance.card.v1"],
    "purpose": "one_stop.verify_documents",
}


def now(world):
    return world.call("demo-operator", "simulation.v1.SimulationService/GetClock")["clock"]["now"]


def links(world):
    body = {"personal_id": CITIZEN}
    return world.call(f"demo-citizen-{CITIZEN}", "identity.v1.LinkService/ListLinks", body)["links"]


def test_a_linked_card_lapses(world, server):
    before = {link["linkId"]: link["state"] for link in links(world)}
    world.advance(days=3_000)
    after = {link["linkId"]: link["state"] for link in links(world)}
    assert before != after
    assert before == {link["linkId"]: link["state"] for link in links(server)}, "outside nothing lapsed"


@pytest.mark.parametrize("days", [30, 365, 3_000])
def test_each_test_has_a_time_of_its_own(world, server, days):
    jump = world.advance(days)
    assert jump["after"] > jump["before"]
    assert now(world) > now(server)


def test_a_deleted_session_is_refused_by_name(server):
    session = server.call("demo-operator", "simulation.v1.SessionService/CreateSession")["session"]["sessionId"]
    gone = server.within(session)
    assert gone.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", FETCH)["records"]
    server.call("demo-operator", "simulation.v1.SessionService/DeleteSession", {"session_id": session})
    with pytest.raises(grpc.RpcError) as refused:
        gone.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", FETCH)
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND

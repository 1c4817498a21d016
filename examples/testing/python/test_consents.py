"""A suite that changes consents, parallel to one that reads under them."""

import grpc
import pytest

CITIZEN = "042090990001"
PURPOSE = "one_stop.verify_documents"
CONSENT = {
    "personal_id": CITIZEN,
    "agency": "one-stop",
    "purpose": PURPOSE,
    "record_types": ["vehicle.registration.v1"],
    "ttl_seconds": 86_400,
}


def fetch(world):
    body = {"personal_id": CITIZEN, "record_types": ["health_insurance.card.v1"], "purpose": PURPOSE}
    return world.call("demo-one-stop", "exchange.v1.ExchangeService/FetchRecords", body)


def consents(world):
    listed = world.call(f"demo-citizen-{CITIZEN}", "access.v1.ConsentService/ListConsents", {"personal_id": CITIZEN})
    return listed.get("consents", [])


def test_a_consent_is_given_in_its_own_world_alone(world, server):
    world.call(f"demo-citizen-{CITIZEN}", "access.v1.ConsentService/GrantConsent", CONSENT)
    assert len(consents(world)) == len(consents(server)) + 1
    assert fetch(server)["records"]


def test_what_another_test_did_is_not_there(world, server):
    assert consents(world) == consents(server)
    assert fetch(world)["records"]


@pytest.mark.parametrize("attempt", range(3))
def test_sessions_are_cheap_enough_for_each_case(world, attempt):
    assert fetch(world)["records"][0]["verdict"] == "VALID", attempt
    with pytest.raises(grpc.RpcError):
        world.call("demo-nobody", "exchange.v1.ExchangeService/FetchRecords")

"""Links and fetches a library card through a gateway that asks the registry in Python: library.py ADDRESS ANSWER."""

import json
import sys
import time

import grpc
from google.protobuf import json_format

from lienthong.exchange.v1 import exchange_service_pb2 as exchange
from lienthong.exchange.v1 import exchange_service_pb2_grpc as exchange_service
from lienthong.identity.v1 import link_service_pb2 as identity
from lienthong.identity.v1 import link_service_pb2_grpc as identity_service
from lienthong.registry.v1 import registry_service_pb2 as registry
from lienthong.registry.v1 import registry_service_pb2_grpc as registry_service
from lienthong.simulation.v1 import simulation_service_pb2 as simulation
from lienthong.simulation.v1 import simulation_service_pb2_grpc as simulation_service

CARD, PERSON, DOCUMENT = "library.card.v1", "042185990002", 150


def as_(who):
    return [("authorization", f"Bearer demo-{who}")]


channel = grpc.insecure_channel(sys.argv[1])
world = simulation_service.SimulationServiceStub(channel)
personas = world.ListPersonas(simulation.ListPersonasRequest(), metadata=as_("operator")).personas
name = next(one.full_name for one in personas if one.personal_id == PERSON)
payload = {"card_number": f"LB{int(time.time()) % 10**8:08d}", "holder": {"personal_id": PERSON, "full_name": name},
           "branch": "Thư viện tỉnh", "issued_on": "2025-03-01", "level": "borrower", "status": "valid"}
change = registry.Change(record_type=CARD, operation=registry.OPERATION_CREATE)
json_format.ParseDict(payload, change.payload)
asked = registry.SubmitChangesRequest(registry="library", request_id=f"card-{time.time_ns()}", changes=[change])
receipt = registry_service.RegistryServiceStub(channel).SubmitChanges(asked, metadata=as_("library"), timeout=20).receipts[0]
assert receipt.ledger_index > 0, receipt

links = identity_service.LinkServiceStub(channel)
linked = links.LinkDocument(identity.LinkDocumentRequest(personal_id=PERSON, document_type=DOCUMENT), metadata=as_(f"citizen-{PERSON}"), timeout=20)
assert linked.link.state == identity.LINK_STATE_LINKED, linked

asked = exchange.FetchRecordsRequest(personal_id=PERSON, record_types=[CARD], purpose="library.lend_books")
fetched = exchange_service.ExchangeServiceStub(channel).FetchRecords(asked, metadata=as_("library"), timeout=20)
assert len(fetched.records) == 1 and not fetched.missing, fetched
with open(sys.argv[2], "w", encoding="utf-8") as answer:
    json.dump(json_format.MessageToDict(fetched, preserving_proto_field_name=False), answer)
print(payload["card_number"])

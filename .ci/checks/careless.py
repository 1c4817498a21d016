"""A registry that is careless in three ways, which `lienthong check registry` must name: an update overwrites whatever version there is, a used request id
passes for a repetition whatever it asks for, and every record is proved by its neighbour's path. careless.txt lists the cases."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "examples/registry-in-python"))
import registry  # noqa: E402


class Careless(registry.Library):
    def check(self, operation, expected, newest):
        seen = newest[0] if newest and operation == "update" else expected
        super().check(operation, seen, newest)

    def repeated(self, known, content):
        return self.receipts(registry.json.loads(known[1]))

    def signed(self, row):
        found = super().signed(row)
        del found.record.issuer_proof.path[:]
        found.record.issuer_proof.path.extend(registry.records.inclusion_path(row[0] ^ 1, [*self.leaves, bytes(32)]))
        return found


registry.main(Careless)

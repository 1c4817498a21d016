#!/usr/bin/env bash
# The scenarios of examples/scenarios, all at the same time on one server; and each of their expectations the other way round, which must fail by name.
#
#   bash .ci/scenarios.sh PROGRAM        PROGRAM is the built lienthong

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PYYAML=6.0.3

program=$(readlink -f "${1:?the built program}")
venv=$CACHE/scenarios-python
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import yaml' 2>/dev/null; then
  have python3 || need_debian python3
  rm -rf "$venv"
  python3 -m venv "$venv" 2>/dev/null || { need_debian python3-venv && python3 -m venv "$venv"; }
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "PyYAML==$PYYAML" >&2 || fail 'pip could not install PyYAML'
fi
work=$(mktemp -d)
cd "$work"
"$program" serve --population 200 --listen 127.0.0.1:0 --console 127.0.0.1:0 --anchor anchor.json --ready-file ready.json >serve.txt 2>&1 &
serving=$!
trap 'kill $serving 2>/dev/null || true; wait $serving 2>/dev/null || true; rm -rf "$work"' EXIT
await_gateway $serving
mkdir flipped
"$program" scenario check "$ROOT"/examples/scenarios/*.yaml
"$program" scenario run --address "$address" --junit report.xml "$ROOT"/examples/scenarios/first-link.yaml
python3 -c 'import xml.etree.ElementTree as x; s = x.parse("report.xml").getroot(); assert s.tag == "testsuite" and s.get("failures") == "0", s.attrib'
"$venv/bin/python" "$ROOT/.ci/scenarios.py" "$program" "$address" "$ROOT/examples/scenarios" flipped
left=$("$program" session list --address "$address" --output json)
[ "$left" = '[]' ] || fail "sessions are left over: $left"

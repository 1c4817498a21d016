#!/usr/bin/env bash
# Suites in another language run side by side on one server, each test in a session: the pytest example, twice at once.
#
#   bash .ci/suites.sh PROGRAM        PROGRAM is the built lienthong

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

GRPCIO=1.76.0
PYTEST=9.0.1

program=$(readlink -f "${1:?the built program}")
suites=$ROOT/examples/testing/python
venv=$CACHE/suites-python
if [ ! -x "$venv/bin/pytest" ]; then
  have python3 || need_debian python3
  rm -rf "$venv"
  python3 -m venv "$venv" 2>/dev/null || { need_debian python3-venv && python3 -m venv "$venv"; }
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    "grpcio==$GRPCIO" "grpcio-reflection==$GRPCIO" "pytest==$PYTEST" >&2 || fail 'pip could not install grpcio and pytest'
fi
work=$(mktemp -d)
cd "$work"
"$program" serve --population 100 --listen 127.0.0.1:0 --console 127.0.0.1:0 --anchor anchor.json --ready-file ready.json >serve.txt 2>&1 &
serving=$!
trap 'kill $serving 2>/dev/null || true; wait $serving 2>/dev/null || true; rm -rf "$work"' EXIT
await_gateway $serving

export LIENTHONG_ADDRESS=$address PYTHONDONTWRITEBYTECODE=1
began=()
for suite in test_cards.py test_consents.py test_cards.py; do
  "$venv/bin/pytest" -q -p no:cacheprovider "$suites/$suite" >"suite-${#began[@]}.txt" 2>&1 &
  began+=($!)
done
for at in "${!began[@]}"; do
  wait "${began[$at]}" || { cat "suite-$at.txt" >&2; fail 'a suite failed beside the others'; }
  tail -n 1 "suite-$at.txt"
done
left=$("$program" session list --address "$address" --output json)
[ "$left" = '[]' ] || fail "sessions are left over: $left"
say 'three suites ran side by side, and no session is left'

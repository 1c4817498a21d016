#!/usr/bin/env bash
# Faults as real clients meet them: grpc-python and grpc-js, each action at its call and nowhere else.
#
#   bash .ci/faults.sh PROGRAM        PROGRAM is the built lienthong

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

GRPCIO=1.76.0
GRPC_JS=1.14.7
PROTO_LOADER=0.8.1

program=$(readlink -f "${1:?the built program}")
cases=$ROOT/.ci/faults/cases.json
work=$(mktemp -d)
cd "$work"
"$program" serve --population 100 --listen 127.0.0.1:0 --console 127.0.0.1:0 --anchor anchor.json --ready-file ready.json \
  --faults "$ROOT/examples/faults/busy-morning.yaml" >serve.txt 2>&1 &
serving=$!
trap 'kill $serving 2>/dev/null || true; wait $serving 2>/dev/null || true; rm -rf "$work"' EXIT
await_gateway $serving

# The rules of the file are added, and end.
[ "$("$program" fault list --address "$address" | grep -cE '^(land|answers)-')" = 3 ] || fail 'the rules of serve --faults do not stand'
"$program" fault heal --address "$address"
"$program" fault add --address "$address" status=UNAVAILABLE --method GetWorld --agency bank --nth 1 --ttl 1m
"$program" fault list --address "$address" | grep -F 'matched 0, acted 0' >/dev/null || fail 'fault list shows no rule'
"$program" fault heal --address "$address"

venv=$CACHE/suites-python
if [ ! -x "$venv/bin/pytest" ]; then
  have python3 || need_debian python3
  rm -rf "$venv"
  python3 -m venv "$venv" 2>/dev/null || { need_debian python3-venv && python3 -m venv "$venv"; }
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    "grpcio==$GRPCIO" "grpcio-reflection==$GRPCIO" pytest >&2 || fail 'pip could not install grpcio'
fi
PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" "$ROOT/.ci/faults/client.py" "$address" "$cases"

have npm || { [ "$(id -u)" = 0 ] && need_debian nodejs npm; }
if ! have npm; then
  say 'NOT RUN: grpc-js, for want of node and npm'
  exit 0
fi
modules=$CACHE/faults-node
mkdir -p "$modules"
cp "$ROOT/.ci/faults/client.mjs" "$modules/"
npm install --prefix "$modules" --no-audit --no-fund --ignore-scripts "@grpc/grpc-js@$GRPC_JS" "@grpc/proto-loader@$PROTO_LOADER" >npm.txt 2>&1 \
  || { tail -n 3 npm.txt >&2; fail 'npm could not install grpc-js'; }
node "$modules/client.mjs" "$address" "$cases" "$ROOT/proto"
left=$("$program" session list --address "$address" --output json)
[ "$left" = '[]' ] || fail "sessions are left over: $left"

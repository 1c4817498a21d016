#!/usr/bin/env bash
# The checkers: reference clients pass, a permissive one is named in every case; registries pass, a careless one is named; statements verify offline.
#
#   bash .ci/checks.sh PROGRAM        PROGRAM is the built lienthong

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

GRPCIO=1.76.0

program=$(readlink -f "${1:?the built program}")
checks=$ROOT/.ci/checks
work=$(mktemp -d)
cd "$work"
started=()
trap 'for one in "${started[@]}"; do kill $one 2>/dev/null || true; wait $one 2>/dev/null || true; done; rm -rf "$work"' EXIT
"$program" serve --population 100 --listen 127.0.0.1:0 --console 127.0.0.1:0 --anchor anchor.json --ready-file ready.json \
  --registry-schema "$ROOT/examples/registries/education.yaml" >serve.txt 2>&1 &
started+=($!)

venv=$CACHE/checks-python
if ! "$venv/bin/python" -c 'import grpc_tools, grpc_status, cryptography' 2>/dev/null; then
  have python3 || need_debian python3
  rm -rf "$venv"
  python3 -m venv "$venv" 2>/dev/null || { need_debian python3-venv && python3 -m venv "$venv"; }
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
    "grpcio==$GRPCIO" "grpcio-status==$GRPCIO" "grpcio-tools==$GRPCIO" "cryptography==$CRYPTOGRAPHY_VERSION" >&2 || fail 'pip could not install grpcio'
fi
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$work/gen
mkdir gen
(cd "$ROOT/proto" && find . -name '*.proto' -print0 | xargs -0 "$venv/bin/python" -m grpc_tools.protoc -I . --python_out="$work/gen" --grpc_python_out="$work/gen")
python=("$venv/bin/python" "$ROOT/examples/clients/python/client.py" check)
permissive=("$venv/bin/python" "$ROOT/examples/clients/python/permissive.py")
await_gateway "${started[0]}"

# The ids of the cases of a report that have this result, in order.
ids() { python3 -c 'import json, sys; print(*sorted(case["id"] for case in json.load(open(sys.argv[1]))["cases"] if case["result"] == sys.argv[2]), sep="\n")' "$1" "$2"; }
# Runs a check that must end with this code.
ends() {
  local code=$1 found=0
  shift
  "$program" check "$@" >out.txt 2>err.txt || found=$?
  [ "$found" = "$code" ] || { grep -vE '^PASS' out.txt >&2; cat err.txt >&2; fail "check $1 ended with $found, wanted $code: ${*: -2}"; }
}

# -- clients

ends 0 client --address "$address" --report python.json --junit python.xml -- "${python[@]}"
say "python: $(tail -n 1 out.txt)"
grep -F '<testsuite name="check client"' python.xml >/dev/null || fail 'no JUnit report'
have npm || { [ "$(id -u)" = 0 ] && need_debian nodejs npm; }
if have npm; then
  modules=$CACHE/checks-node
  mkdir -p "$modules"
  cp "$ROOT"/examples/clients/node/*.mjs "$ROOT/examples/clients/node/package.json" "$modules/"
  npm install --prefix "$modules" --no-audit --no-fund --ignore-scripts >npm.txt 2>&1 || { tail -n 3 npm.txt >&2; fail 'npm could not install grpc-js'; }
  node=(env "PROTOS=$ROOT/proto" node "$modules/client.mjs")
  ends 0 client --address "$address" -- "${node[@]}" check
  say "node: $(tail -n 1 out.txt)"
  ends 0 client --address "$address" --callback 127.0.0.1:0 --without record,log -- "${node[@]}" check
  say "node, calling: $(tail -n 2 out.txt | head -n 1)"
  "${node[@]}" fetch "$address" 042090990001 anchor.json | grep -F '"full_name"' >/dev/null || fail 'the client in Node fetches nothing'
else
  say 'NOT RUN: the client in Node, for want of node and npm'
fi
ends 0 client --address "$address" --callback 127.0.0.1:0 --case record-whole,payload-changed,call-good-1 -- "${python[@]}"
"${python[@]:0:2}" fetch "$address" 042090990001 --trust anchor.json | grep -F '"full_name"' >/dev/null || fail 'the client in Python fetches nothing'

# Every case that has no right ending but a refusal or a failure; and six in which a right ending was reached in a wrong way: without the wait that was
# asked for, or with messages of a stream counted twice. Where an honest failure is
# the right ending and any number of calls may be made, even this client is right.
ends 1 client --address "$address" --report permissive.json -- "${permissive[@]}"
python3 - "$checks/permissive-is-right.txt" <(PYTHONPATH='' "$program" check client --list --output json) >expected.txt <<'PYTHON'
import json, pathlib, sys
right = set(pathlib.Path(sys.argv[1]).read_text().split())
bad = {case["id"] for case in json.load(open(sys.argv[2])) if "accepted" not in case["expected"]}
assert right <= bad, right - bad
hasty = {"call-unavailable-once", "call-rate-limited-once", "call-overloaded-once"}
twice = {"stream-messages-twice", "stream-resumed", "stream-changes-twice"}
print(*sorted(bad - right | hasty | twice), sep="\n")
PYTHON
ids permissive.json failed >found.txt
diff expected.txt found.txt >&2 || fail 'the permissive client is not named in just the cases in which it is wrong'
say "permissive: named in $(wc -l <found.txt) cases"

# Known failures run and may fail; one that passes is an error.
sed 's/$/  # takes everything/' found.txt >known.txt
ends 0 client --address "$address" --known known.txt -- "${permissive[@]}"
echo record-whole >unexpected.txt
ends 1 client --known unexpected.txt --case record-whole,payload-changed -- "${python[@]}"
grep -F 'FAIL   record-whole: it passes, and is listed as a known failure' out.txt >/dev/null || fail 'an unexpected pass is not named'
# A client that is not one.
ends 1 client --case record-whole --limit 1s -- cat
grep -F 'its line is no answer' out.txt >/dev/null || fail 'a client that answers with the question is not told so'

# -- statements

(umask 077 && echo 'a passphrase for one run' >secret)
ends 0 client --case record-whole,payload-changed --report report.json --statement check.note --sign-key check.key --sign-name ci.example.vn/check \
  --passphrase-file secret -- "${python[@]}"
key=$(sed -n 's/.*signed with //p' err.txt)
ends 0 statement check.note --key "$key" --report report.json
grep -F 'passed the check of lienthong' out.txt >/dev/null || fail 'the statement does not say what it states'
sed 's/"passed":true/"passed":talse/; s/"passed":2/"passed":3/' check.note >changed.note
ends 14 statement changed.note --key "$key"
echo >>report.json
ends 10 statement check.note --key "$key" --report report.json
say 'statement: verifies offline; a changed byte and another report do not'

# -- registries

session=$("$program" session create --address "$address")
ends 0 registry "$address" --registry education --record-type education.diploma.v1 --session "$session"
say "ours, from a schema file: $(tail -n 1 out.txt)"
ends 0 registry "$address" --registry vehicle --session "$session" --samples "$checks/vehicles.json"
say "ours, built in: $(tail -n 1 out.txt)"
"$program" session delete "$session" --address "$address"

# Starts a registry in Python; gives its address in `elsewhere`.
registry() {
  "$venv/bin/python" "$1" --listen 127.0.0.1:0 --data "$2" >"$2.txt" 2>&1 &
  started+=($!)
  for _ in $(seq 100); do
    elsewhere=$(sed -n 's/.* listens on //p' "$2.txt")
    [ -n "$elsewhere" ] && return
    sleep 0.1
  done
  cat "$2.txt" >&2
  fail "the registry $1 does not listen"
}
registry "$ROOT/examples/registry-in-python/registry.py" library
# Twice: the second time it has a log already.
for _ in 1 2; do
  ends 0 registry "$elsewhere" --credential demo-library --trust library/anchor.json
done
say "in Python: $(tail -n 1 out.txt)"
registry "$checks/careless.py" careless
ends 1 registry "$elsewhere" --credential demo-library --trust careless/anchor.json --report careless.json
ids careless.json failed >found.txt
diff "$checks/careless.txt" found.txt >&2 || fail 'the careless registry is not named in just the cases in which it is wrong'
say "careless: named in $(wc -l <found.txt) cases"
left=$("$program" session list --address "$address" --output json)
[ "$left" = '[]' ] || fail "sessions are left over: $left"

# -- the registry in Python, behind a gateway

registry "$ROOT/examples/registry-in-python/registry.py" lending
"$program" serve --population 50 --listen 127.0.0.1:0 --console off --anchor province.json --ready-file province-ready.json \
  --registry-schema "$ROOT/examples/registry-in-python/library.yaml" --registry "library=$elsewhere" --registry-anchor lending/anchor.json \
  >province.txt 2>&1 &
started+=($!)
for _ in $(seq 300); do
  [ -s province-ready.json ] && break
  kill -0 "${started[-1]}" 2>/dev/null || { cat province.txt >&2; fail 'the gateway does not start with the registry in Python'; }
  sleep 0.1
done
province=$(python3 -c 'import json; print(json.load(open("province-ready.json"))["grpc"])')
"$venv/bin/python" "$checks/library.py" "$province" card.json >card.txt 2>&1 || { cat card.txt province.txt >&2; fail 'no card is linked through the registry in Python'; }
"$program" verify card.json --trust province.json >verified.txt || { cat verified.txt >&2; fail 'the card does not verify offline'; }
say 'in Python, behind a gateway: a card is submitted, linked, fetched, and verified offline'

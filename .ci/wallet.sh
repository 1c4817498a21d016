#!/usr/bin/env bash
# Other people's verifiers accept our credentials: Python's sd-jwt (PyPI) and @sd-jwt/core (npm) read presentations that
# `lienthong wallet` made of a credential which a gateway has just issued. Where a registry or node is not to be had, the part says NOT RUN.
#
#   bash .ci/wallet.sh PROGRAM        PROGRAM is the built lienthong

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PYTHON_SD_JWT=0.10.4
NPM_SD_JWT=0.17.0 # later ones need a pre-release of another package that the registry does not always have
NONCE=n-5a1e
AUDIENCE=https://bank.example.vn
CITIZEN=042185990002

program=$(readlink -f "${1:?the built program}")
need_grpcurl >/dev/null
work=$(mktemp -d)
cd "$work"

"$program" serve --population 0 --listen 127.0.0.1:0 --console 127.0.0.1:0 --anchor anchor.json --ready-file ready.json >serve.txt 2>&1 &
serving=$!
trap 'kill $serving 2>/dev/null || true; wait $serving 2>/dev/null || true; rm -rf "$work"' EXIT
await_gateway $serving

# one field of an answer: field NAME <JSON
field() { python3 -c 'import functools, json, sys; print(functools.reduce(lambda value, name: value[name], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"; }
ask() { grpcurl -plaintext -H "authorization: Bearer demo-citizen-$CITIZEN" -d "$2" "$address" "lienthong.identity.v1.$1"; }

link=$(ask LinkService/LinkDocument "{\"personal_id\":\"$CITIZEN\",\"document_type\":\"DOCUMENT_TYPE_HEALTH_INSURANCE_CARD\"}" | field link.linkId)
ask CredentialService/CreateNonce "{\"personal_id\":\"$CITIZEN\"}" >nonce.json
"$program" wallet key wallet.pem >jwk.json
proof=$("$program" wallet prove --key wallet.pem --nonce "$(field nonce <nonce.json)" --audience "$(field audience <nonce.json)")
ask CredentialService/IssueCredential "{\"personal_id\":\"$CITIZEN\",\"link_id\":\"$link\",\"proof\":\"$proof\"}" >credential.json
for show in card_number,holder,valid_until status ''; do
  "$program" wallet present credential.json --key wallet.pem --show "$show" --nonce $NONCE --audience $AUDIENCE >>presentations.txt
done
"$program" verify presentations.txt --trust anchor.json --nonce $NONCE --audience $AUDIENCE --quiet

venv=$CACHE/wallet-python
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv" 2>/dev/null || { need_debian python3-venv; python3 -m venv "$venv"; }
fi
if "$venv/bin/python" -m pip install --quiet "sd-jwt==$PYTHON_SD_JWT" >pip.txt 2>&1; then
  "$venv/bin/python" "$ROOT/.ci/wallet.py" presentations.txt anchor.json $NONCE $AUDIENCE
else
  tail -n 3 pip.txt
  say "NOT RUN: Python's sd-jwt $PYTHON_SD_JWT could not be installed"
fi

have npm || { [ "$(id -u)" = 0 ] && need_debian nodejs npm; }
if ! have npm; then
  say 'NOT RUN: @sd-jwt/core, for want of node and npm'
  exit 0
fi
modules=$CACHE/wallet-node
mkdir -p "$modules"
cp "$ROOT/.ci/wallet.mjs" "$modules/"
if npm install --prefix "$modules" --no-audit --no-fund --ignore-scripts "@sd-jwt/core@$NPM_SD_JWT" >npm.txt 2>&1; then
  node "$modules/wallet.mjs" presentations.txt anchor.json $NONCE $AUDIENCE
else
  tail -n 3 npm.txt
  say "NOT RUN: @sd-jwt/core $NPM_SD_JWT could not be installed"
fi

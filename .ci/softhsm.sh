#!/usr/bin/env bash
# Private keys in a token, through PKCS#11: SoftHSM takes the place of the hardware. Every key of a province, root keys included, is
# made in the token; a gateway signs with them; a record that it gives verifies; a key changes under it; both verify again.
#
#   bash .ci/softhsm.sh PROGRAM        PROGRAM is the built lienthong

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

CITIZEN=042185990002
AGENCY=demo-one-stop

program=$(readlink -f "${1:?the built program}")
need_debian softhsm2
need_grpcurl >/dev/null
module=$(find /usr/lib -name libsofthsm2.so -print -quit)
[ -n "$module" ] || fail "softhsm2 is installed, but its module is not under /usr/lib"
work=$(mktemp -d)
cd "$work"
serving=
stop() {
  [ -z "$serving" ] || { kill "$serving" 2>/dev/null || true; wait "$serving" 2>/dev/null || true; }
  serving=
}
trap 'stop; rm -rf "$work"' EXIT

export SOFTHSM2_CONF=$work/softhsm2.conf
mkdir tokens
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$work" >softhsm2.conf
softhsm2-util --init-token --free --label province --pin 31415926 --so-pin 27182818 >/dev/null
(umask 077 && echo 31415926 >pin && echo 00000000 >wrong-pin)
token=(--pkcs11-module "$module" --pkcs11-token province --pkcs11-pin-file pin)

# refused WORDS COMMAND…: the command fails, and says so in these words
refused() {
  local words=$1
  shift
  if "$@" >refused.txt 2>&1; then fail "accepted: $*"; fi
  grep -F -- "$words" refused.txt >/dev/null || { cat refused.txt >&2; fail "not refused with '$words': $*"; }
}

serve() {
  rm -f ready.json
  "$program" serve --population 0 --listen 127.0.0.1:0 --console off --data-dir data --keys "$1" "${token[@]}" \
    --anchor anchor.json --ready-file ready.json >serve.txt 2>&1 &
  serving=$!
  await_gateway $serving
}

fetch() {
  grpcurl -plaintext -H "authorization: Bearer $AGENCY" -d "{\"personal_id\":\"$CITIZEN\",
    \"record_types\":[\"resident.person.v1\"],\"purpose\":\"one_stop.verify_documents\"}" \
    "$address" lienthong.exchange.v1.ExchangeService/FetchRecords >"$1"
}

life() {
  local algorithm=$1 keys=keys-$1
  rm -rf data anchor.json
  "$program" keys init --keys "$keys" --algorithm "$algorithm" --root-keys 2 --threshold 2 "${token[@]}" >/dev/null
  if grep -rl ciphertext "$keys/private"; then fail "a private key is in a file"; fi
  serve "$keys"
  fetch "first-$algorithm.json"
  "$program" verify "first-$algorithm.json" --trust anchor.json --quiet
  for log in resident records evidence; do
    "$program" keys rotate --keys "$keys" --log $log --algorithm "$algorithm" "${token[@]}" >/dev/null
  done
  "$program" keys export-anchor --keys "$keys" >anchor.json
  fetch "second-$algorithm.json"
  "$program" verify "first-$algorithm.json" "second-$algorithm.json" --trust anchor.json --quiet
  stop
  # a second start finds the rotated keys in the token
  serve "$keys"
  "$program" keys export-anchor --keys "$keys" >anchor.json
  fetch "third-$algorithm.json"
  "$program" verify "first-$algorithm.json" "second-$algorithm.json" "third-$algorithm.json" --trust anchor.json --quiet
  stop
  # nobody applies this change, and its key does not stay in the token
  local made
  made=$(find tokens -name '*.object' | wc -l)
  refused 'no gateway answers' "$program" keys rotate --keys "$keys" --log resident --algorithm "$algorithm" "${token[@]}"
  [ "$(find tokens -name '*.object' | wc -l)" = "$made" ] || fail "a key that nobody uses is left in the token"
  say "$algorithm: keys in the token sign, rotate, and are found again"
}

refused 'no PKCS#11 module' "$program" keys init --keys none --pkcs11-module /nowhere.so --pkcs11-token province --pkcs11-pin-file pin
refused 'has no token another: there are: province' "$program" keys init --keys none --pkcs11-module "$module" --pkcs11-token another --pkcs11-pin-file pin
refused 'the PIN of token province is wrong' "$program" keys init --keys none --pkcs11-module "$module" --pkcs11-token province --pkcs11-pin-file wrong-pin
chmod 644 wrong-pin
refused 'chmod 600' "$program" keys init --keys none --pkcs11-module "$module" --pkcs11-token province --pkcs11-pin-file wrong-pin

life p256
if grep -a -q CKM_EC_EDWARDS_KEY_PAIR_GEN "$module"; then
  life ed25519
else
  say 'NOT RUN: this SoftHSM was built without Ed25519'
fi

# the folder without its token's keys: another token of the same name
softhsm2-util --delete-token --token province >/dev/null
softhsm2-util --init-token --free --label province --pin 31415926 --so-pin 27182818 >/dev/null
refused 'does not have the private half of key' "$program" serve --population 0 --listen 127.0.0.1:0 --console off --data-dir data --keys keys-p256 "${token[@]}"
say 'what is wrong is said: no module, no token, a wrong PIN, a PIN file that others read, no key'

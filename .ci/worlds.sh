#!/usr/bin/env bash
# Seeds worlds with the release build: large ones for several seeds, and smaller ones on days of the past and the future.
# Every record goes through the registries' rules, as any submission does, so that a refusal fails the section.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

SEEDS=(42 7 20261)
CITIZENS=20000
DAYS=(2025-09-14 2025-12-31 2026-02-28 2026-06-30 2026-12-22 2027-02-01 2027-07-01 2028-02-29)
CITIZENS_A_DAY=3000

need_debian faketime
lienthong="${CARGO_TARGET_DIR:-target}/release/lienthong"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

generate() {
  local name=$1
  shift
  "$@" --data-dir "$folder/world" >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; fail "$name is refused by its own rules"; }
  rm -rf "$folder/world"
  say "$name"
}

for seed in "${SEEDS[@]}"; do
  generate "$CITIZENS citizens of seed $seed" "$lienthong" population generate --population "$CITIZENS" --seed "$seed"
done
for day in "${DAYS[@]}"; do
  generate "$CITIZENS_A_DAY citizens on $day" faketime "$day 10:00:00" "$lienthong" population generate --population "$CITIZENS_A_DAY"
done

#!/usr/bin/env bash
# Faults of old, brought back one by one: each patch in tests/simulation/regressions takes a mend away, and the simulation has to find that within the
# seeds that the patch states.
#
#   bash .ci/regressions.sh check          every patch still applies (a part of the gate)
#   bash .ci/regressions.sh run [NAME…]    builds and runs each, some minutes apiece (a part of the campaign)

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

PATCHES=tests/simulation/regressions

# The value of a line `key: value` above a patch.
stated() { sed -n "s/^$2: //p; /^diff /q" "$1"; }

check() {
  local patch key
  for patch in "$PATCHES"/*.patch; do
    git apply --check "$patch" || fail "$patch does not apply any more: write it again for the code as it is"
    for key in fault test seeds; do
      [ -n "$(stated "$patch" "$key")" ] || fail "$patch does not state its $key"
    done
  done
  say "$(find "$PATCHES" -name '*.patch' | wc -l) faults of old can be brought back"
}

# In a copy of the sources, so that nothing of a patch stays here, however this ends.
run() {
  local copy patch name fault seeds output ran=0
  copy=$(mktemp -d)
  # shellcheck disable=SC2064 # the folder of now
  trap "rm -rf '$copy'" EXIT
  git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- | tar -x -C "$copy"
  export CARGO_TARGET_DIR=${LIENTHONG_REGRESSIONS_TARGET:-$CACHE/regressions}
  for patch in "$PATCHES"/*.patch; do
    name=$(basename "$patch" .patch)
    [ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
    ran=$((ran + 1))
    fault=$(stated "$patch" fault) seeds=$(stated "$patch" seeds)
    (cd "$copy" && git apply "$ROOT/$patch")
    output=$(cd "$copy" && LIENTHONG_SIMULATION_SEEDS=0..$seeds cargo test --locked --test simulation "$(stated "$patch" test)" 2>&1) \
      && fail "$name: $fault, and $seeds seeds did not find it"
    grep -qE '^seed [0-9]+, step' <<<"$output" || { tail -n 40 <<<"$output" >&2; fail "$name: the build failed, or the test did for another reason"; }
    say "$name: found by $(grep -m 1 -E '^seed [0-9]+, step' <<<"$output")"
    (cd "$copy" && git apply --reverse "$ROOT/$patch")
  done
  [ "$ran" -gt 0 ] || fail "there is no patch of these names: $*"
}

case "${1:-}" in
  check) check ;;
  run)
    shift
    run "$@"
    ;;
  *) fail "say check, or run and the names of patches" ;;
esac

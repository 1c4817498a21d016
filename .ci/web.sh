#!/usr/bin/env bash
# A real browser calls the gateway by gRPC-Web: Debian's Chromium, without a window, drives the console's page and pages of other origins.
# Where Chromium is not there and cannot be installed, it says NOT RUN.
#
#   bash .ci/web.sh PROGRAM        PROGRAM is the built lienthong

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

program=$(readlink -f "${1:?the built program}")
have chromium || { [ "$(id -u)" = 0 ] && have apt-get && need_debian chromium; }
if ! have chromium; then
  say 'NOT RUN: a browser against the gateway, for want of chromium, which only root can install'
  exit 0
fi
have python3 || need_debian python3
chromium --version 2>/dev/null
work=$(mktemp -d)
cd "$work"
"$program" serve --population 0 --listen 127.0.0.1:0 --console 127.0.0.1:0 --anchor anchor.json --ready-file ready.json >serve.txt 2>&1 &
serving=$!
trap 'kill $serving 2>/dev/null || true; wait $serving 2>/dev/null || true; rm -rf "$work"' EXIT
await_gateway $serving
console=$(python3 -c 'import json; print(json.load(open("ready.json"))["console"])')
timeout 180 python3 "$ROOT/.ci/web.py" "$console"

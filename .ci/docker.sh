#!/usr/bin/env bash
# The gate's docker section: the ordinary Dockerfile and docker-compose.yml, as a user runs them. Up and healthy; the README's
# tour against it; the integration suite from a container, over the network; down, up again, and the data is still there.
#
# Uses the machine's Docker engine if one answers; else starts one of its own, with its own data folder, and ends it.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

HEALTHY_SECONDS_MAX=60
export COMPOSE_PROJECT_NAME=lienthong-ci
ENGINE=$CACHE/docker
DOCKERD=

compose() {
  if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi
}

# Starts an engine with the given options; succeeds once it answers.
try_engine() {
  mkdir -p "$ENGINE"
  dockerd --host "unix://$ENGINE/docker.sock" --data-root "$ENGINE/data" --exec-root "$ENGINE/exec" \
    --pidfile "$ENGINE/dockerd.pid" "$@" >"$ENGINE/dockerd.log" 2>&1 &
  DOCKERD=$!
  for _ in $(seq 1 60); do
    docker info >/dev/null 2>&1 && return
    kill -0 "$DOCKERD" 2>/dev/null || break
    sleep 0.5
  done
  stop_engine
  return 1
}

stop_engine() {
  [ -n "$DOCKERD" ] || return 0
  kill "$DOCKERD" 2>/dev/null || true
  wait "$DOCKERD" 2>/dev/null || true
  DOCKERD=
}

need_engine() {
  if docker info >/dev/null 2>&1; then
    say 'using the Docker engine that is running'
    return
  fi
  need_debian docker.io iptables
  export DOCKER_HOST="unix://$ENGINE/docker.sock"
  # Kernels differ in what they allow: the ordinary way first, then without packet filters (ports still go through
  # docker-proxy), then with the plainest storage.
  try_engine || try_engine --iptables=false || try_engine --iptables=false --storage-driver=vfs \
    || { tail -n 20 "$ENGINE/dockerd.log" >&2; fail 'no Docker engine could be started'; }
  say "started a Docker engine: $(docker info --format '{{.ServerVersion}}, storage {{.Driver}}')"
}

need_compose() {
  docker compose version >/dev/null 2>&1 || have docker-compose || need_debian docker-compose
  say "compose $(compose version --short)"
}

finish() {
  local code=$?
  [ $code -eq 0 ] || compose logs --tail 50 2>/dev/null || true
  compose --profile test down --volumes --remove-orphans >/dev/null 2>&1 || true
  stop_engine
  exit $code
}

state() { docker inspect --format '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$(compose ps -q gateway)" 2>/dev/null || echo gone; }

# `docker compose up --wait`, for docker-compose 1.29 too, which doesn't know the flag.
up() {
  local began=$SECONDS
  if compose up --help 2>&1 | grep -e --wait >/dev/null; then
    compose up --wait --wait-timeout "$HEALTHY_SECONDS_MAX"
  else
    compose up -d
    until [ "$(state)" = healthy ]; do
      [ $((SECONDS - began)) -lt "$HEALTHY_SECONDS_MAX" ] || fail "the gateway is $(state) after $HEALTHY_SECONDS_MAX s"
      sleep 0.5
    done
  fi
  say "healthy after $((SECONDS - began)) s"
}

# What must hold of the running container whatever the compose file says.
check_container() {
  local id
  id=$(compose ps -q gateway)
  [ "$(docker inspect --format '{{.HostConfig.ReadonlyRootfs}}' "$id")" = true ] || fail 'the root file system is writable'
  [ "$(compose exec -T gateway id -u)" != 0 ] || fail 'the gateway runs as root'
  docker inspect --format '{{range $p, $b := .NetworkSettings.Ports}}{{range $b}}{{.HostIp}}:{{.HostPort}} {{end}}{{end}}' "$id" \
    | tr ' ' '\n' | grep -v '^$' | grep -v '^127\.0\.0\.1:' && fail 'a port is published off loopback'
  say 'read-only root, not root, ports on 127.0.0.1 only'
}

anchor() { compose exec -T gateway cat /data/anchor.json; }

trap finish EXIT
trap 'exit 130' INT TERM
need_engine
need_compose
need_grpcurl
bash .ci/base-images.sh

# Built ahead with the host's network, so that a machine whose containers have no way out builds too.
docker build --network host --target gateway --tag lienthong:local .
docker build --network host --target test --tag lienthong-test:local .
compose --profile test down --volumes --remove-orphans >/dev/null 2>&1 || true

up
check_container
anchor >anchor.json
say '-- the tour, against the container'
python3 .ci/tour.py README.md
say '-- the integration suite, from a container'
compose --profile test run --rm test
say '-- down, up again'
citizen=042185990002
links() {
  grpcurl -plaintext -H "authorization: Bearer demo-citizen-$citizen" -d "{\"personal_id\":\"$citizen\"}" \
    127.0.0.1:50051 lienthong.identity.v1.LinkService/ListLinks
}
before=$(links)
compose --profile test down
up
[ "$(links)" = "$before" ] || fail "the links differ after a restart: $before, then $(links)"
grep -q DOCUMENT_TYPE_HEALTH_INSURANCE_CARD <<<"$before" || fail "the tour's link is not there: $before"
anchor | cmp - anchor.json || fail 'the trust anchor differs after a restart'
say 'the data is there again, under the same trust anchor'

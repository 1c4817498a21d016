#!/usr/bin/env bash
# Builds the Dockerfile's two base images on this machine, for a CI that reaches Debian's packages but no image registry:
# `debian:bookworm-slim` by debootstrap, `rust:1-bookworm` as that plus a C compiler and this machine's own Rust toolchain.
# Whoever reaches an image registry never needs this: the Dockerfile names the ordinary images, and they are pulled.
#
# The machine's configuration comes along into the Rust image, because builds inside must reach the same registries: its own
# certificate authorities, cargo's configuration file, and proxies from the environment (docker passes those as build
# arguments by itself). Nothing of it ends up in the gateway's image, which copies one program out of the build.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SLIM=debian:bookworm-slim
RUST=rust:1-bookworm
SUITE=bookworm

built_here() { docker image inspect "$1" >/dev/null 2>&1; }

# The mirror and proxy that this machine's own apt uses.
mirror() {
  # shellcheck disable=SC2016 # apt expands these
  apt-get indextargets --format '$(SITE)|$(RELEASE)|$(COMPONENT)' | awk -F'|' -v s="$SUITE" '$2==s && $3=="main" && !found++ {print $1}'
}
apt_proxy() { local P=; eval "$(apt-config shell P Acquire::http::Proxy)"; printf '%s' "$P"; }

# A minimal Debian tree in $1; packages after it are added.
debian_tree() {
  local tree=$1 site proxy
  shift
  site=$(mirror)
  [ -n "$site" ] || { apt-get update >/dev/null; site=$(mirror); }
  [ -n "$site" ] || fail "apt knows no mirror of $SUITE"
  proxy=$(apt_proxy)
  [ -z "$proxy" ] || export http_proxy=$proxy
  debootstrap --variant=minbase ${1:+--include="$(IFS=,; echo "$*")"} "$SUITE" "$tree" "$site" >"$tree.log" 2>&1 \
    || { tail -n 20 "$tree.log" >&2; fail "debootstrap failed"; }
  rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/lib/apt/lists/* "$tree"/usr/share/doc/* "$tree"/usr/share/man/* "$tree"/usr/share/locale/*
}

slim_image() {
  say "building $SLIM"
  debian_tree "$WORK/slim"
  tar -C "$WORK/slim" -c . | docker import --change 'CMD ["bash"]' - "$SLIM" >/dev/null
}

rust_image() {
  local tree=$WORK/rust sysroot version home=${CARGO_HOME:-$HOME/.cargo}
  say "building $RUST"
  debian_tree "$tree" ca-certificates gcc libc6-dev
  sysroot=$(rustc --print sysroot)
  version=$(rustc --version | cut -d' ' -f2)
  # The same places as in the image of that name, so that a Dockerfile sees no difference.
  mkdir -p "$tree/usr/local/rustup/toolchains/$version" "$tree/usr/local/cargo/bin"
  tar -C "$sysroot" --exclude=./share/doc --exclude=./share/man -c . | tar -C "$tree/usr/local/rustup/toolchains/$version" -x
  local program
  for program in "$tree/usr/local/rustup/toolchains/$version"/bin/*; do
    ln -s "/usr/local/rustup/toolchains/$version/bin/${program##*/}" "$tree/usr/local/cargo/bin/${program##*/}"
  done
  [ ! -f "$home/config.toml" ] || cp "$home/config.toml" "$tree/usr/local/cargo/config.toml"
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$tree/usr/local/share/ca-certificates/"
    chroot "$tree" update-ca-certificates >/dev/null 2>&1
  fi
  tar -C "$tree" -c . | docker import \
    --change 'CMD ["bash"]' \
    --change 'ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change "ENV RUST_VERSION=$version" - "$RUST" >/dev/null
}

if built_here "$SLIM" && built_here "$RUST"; then
  say "base images are there already"
  exit 0
fi
need_debian debootstrap ca-certificates
# debootstrap makes device nodes and runs programs inside its tree: a folder on a disk, mounted neither nodev nor noexec.
mkdir -p "$CACHE"
WORK=$(mktemp -d "$CACHE/base.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
built_here "$SLIM" || slim_image
built_here "$RUST" || rust_image
docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}'

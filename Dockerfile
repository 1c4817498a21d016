# The gateway's image. `docker compose up` builds it; see docker-compose.yml for how it is meant to run.
#
#   docker build --target gateway -t lienthong:local .      the gateway
#   docker build --target test -t lienthong-test:local .    the integration suite, which calls a gateway over the network
#
# Only classic Dockerfile syntax, so that it builds with and without BuildKit.

# -- dependencies and program -------------------------------------------------------------------------------------------------
FROM rust:1-bookworm AS build
WORKDIR /build

# Dependencies are a layer of their own: an empty package with our manifest compiles them, and the layer stays valid until the
# manifest or the lock file changes. The benches that the manifest names must be there, though nothing builds them.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches \
 && for bench in $(sed -n '/^\[\[bench\]\]/{n;s/^name = "\(.*\)"$/\1/p}' Cargo.toml); do touch benches/$bench.rs; done \
 && echo 'fn main() {}' | tee build.rs > src/main.rs \
 && touch src/lib.rs \
 && cargo build --profile dist --locked \
 && rm -r src build.rs

COPY build.rs ./
COPY proto proto
COPY examples/registries examples/registries
COPY tests/vectors tests/vectors
COPY src src
# Copied files can be older than the empty ones compiled above, which cargo would take for unchanged.
RUN touch build.rs src/lib.rs src/main.rs && cargo build --profile dist --locked

# -- the integration suite, compiled ------------------------------------------------------------------------------------------
# Its own build, unoptimised: the suite only sends calls, and development dependencies change features of the others, so
# that little of the build above could be used anyway.
FROM rust:1-bookworm AS test-build
WORKDIR /build
ENV CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=none
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches tests/network \
 && for bench in $(sed -n '/^\[\[bench\]\]/{n;s/^name = "\(.*\)"$/\1/p}' Cargo.toml); do touch benches/$bench.rs; done \
 && echo 'fn main() {}' | tee build.rs tests/network/main.rs > src/main.rs \
 && touch src/lib.rs \
 && cargo test --release --locked --no-run --test network \
 && rm -r src tests build.rs target/release/deps/network-*

COPY build.rs ./
COPY proto proto
COPY examples/registries examples/registries
COPY src src
COPY tests tests
RUN touch build.rs src/lib.rs src/main.rs tests/network/main.rs \
 && cargo test --release --locked --no-run --test network \
 && cp "$(find target/release/deps -maxdepth 1 -type f -name 'network-*' -executable)" network-suite

FROM debian:bookworm-slim AS test
COPY --from=test-build /build/network-suite /usr/local/bin/network-suite
USER 10001:10001
# LIENTHONG_TEST_ENDPOINT says which gateway; the exit code is the suite's.
ENTRYPOINT ["network-suite"]

# -- the gateway --------------------------------------------------------------------------------------------------------------
FROM debian:bookworm-slim AS gateway
RUN groupadd --gid 10001 lienthong \
 && useradd --uid 10001 --gid lienthong --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin lienthong \
 && install --directory --owner lienthong --group lienthong --mode 0700 /data
COPY --from=build /build/target/dist/lienthong /usr/local/bin/lienthong

# Everything that is kept is in /data; nothing else is written but /tmp, so the root file system may be read-only.
ENV LIENTHONG_LISTEN=0.0.0.0:50051 \
    LIENTHONG_CONSOLE=0.0.0.0:50052 \
    LIENTHONG_DATA_DIR=/data
VOLUME /data
EXPOSE 50051 50052
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["lienthong", "health"]
ENTRYPOINT ["lienthong"]
CMD ["serve"]

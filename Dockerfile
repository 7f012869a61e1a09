# The image: one binary on distroless, no shell, not root.
#   docker build -t ghcr.io/example/heal:0.1.0 .
# Pin both base images by digest where you build for production.

# --- build --------------------------------------------------------------------------------------------------------------
# Debian 12 here and below: the binary meets the glibc it was linked against. The image brings the C compiler that ring and
# the bundled SQLite need.
FROM rust:1.95-bookworm AS build
WORKDIR /heal

# The dependencies alone, around an empty program: this layer is reused until Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && cargo build --locked --release --bin heal \
    && rm -r src

COPY src src
# touch: COPY keeps the files' times, and cargo takes a source that is older than the empty program's build for unchanged.
# The help text proves that what ships is Heal, and that it starts.
RUN touch src/main.rs src/lib.rs \
    && cargo build --locked --release --bin heal \
    && ./target/release/heal --help | grep -q run

# --- ship ---------------------------------------------------------------------------------------------------------------
# glibc, libgcc, CA certificates, time zones; neither shell nor package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
LABEL org.opencontainers.image.title="heal" \
      org.opencontainers.image.description="Kubernetes incidents in Slack: a cause, one safe fix, and proof that it worked" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /heal/target/release/heal /heal
COPY LICENSE /LICENSE
# By number, so that runAsNonRoot can check it.
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/heal"]

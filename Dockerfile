# syntax=docker/dockerfile:1

# The binary is linked statically against this image's C library.
FROM golang:1.26 AS build
WORKDIR /src
# HAVE_FDATASYNC: SQLite flushes the data and the size without the times of the file.
ENV CGO_ENABLED=1 CGO_CFLAGS="-O2 -g -DHAVE_FDATASYNC=1" GOTOOLCHAIN=local GOFLAGS="-mod=readonly -buildvcs=false"
COPY go.mod go.sum ./
RUN go mod download && go mod verify
COPY . .
ARG VERSION=unknown
RUN go build -trimpath -tags netgo,osusergo,sqlite_omit_load_extension,timetzdata \
        -ldflags "-s -w -linkmode external -extldflags '-static' -X main.release=${VERSION}" \
        -o /out/bot ./cmd/bot \
    && ! ldd /out/bot \
    && install -d -m 0700 /out/data

# No shell, no package, no user but a number. Works with --read-only and
# --cap-drop=ALL; only /data is written to. Time zones are in the binary.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/bot /bot
USER 65532:65532
WORKDIR /data
ENV TMPDIR=/data SQLITE_TMPDIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/bot", "healthcheck", "--listen", "127.0.0.1:8080"]
ENTRYPOINT ["/bot"]
CMD ["serve", "--config", "/etc/jitbot/config.yaml"]

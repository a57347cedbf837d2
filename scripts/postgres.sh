# A private PostgreSQL under the data directory, for ./run --postgres: a Unix socket, no port, ended with ./run. Sourced.

# postgres_start DATA: sets TELOS_STORE. PostgreSQL refuses to run as root; then it runs as the user that Debian's package made.
postgres_start() {
  local folder
  folder=$(cd "$1" && pwd)/postgres || return 1
  POSTGRES_BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  POSTGRES_DATA=$folder/data
  POSTGRES_AS=""
  mkdir -p "$folder" || return 1
  if [ "$(id -u)" = 0 ]; then
    POSTGRES_AS="runuser -u postgres --"
    chmod o+x "$1" && chown postgres "$folder" || return 1
  fi
  if ! (cd / && $POSTGRES_AS test -w "$folder"); then
    say "The user postgres cannot reach $folder; choose another directory with --data, or start as another user than root."
    return 1
  fi
  if [ ! -f "$POSTGRES_DATA/PG_VERSION" ]; then
    (cd / && $POSTGRES_AS "$POSTGRES_BIN/initdb" -D "$POSTGRES_DATA" -U telos --auth=trust -E UTF8 --locale=C.UTF-8 >/dev/null) || return 1
  fi
  POSTGRES_SOCKET=$(mktemp -d /tmp/telos-run-XXXXXX) # a socket's path must be short
  [ -z "$POSTGRES_AS" ] || chown postgres "$POSTGRES_SOCKET"
  if ! (cd / && $POSTGRES_AS "$POSTGRES_BIN/pg_ctl" -D "$POSTGRES_DATA" -w -t 60 -l "$folder/log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$POSTGRES_SOCKET' -c unix_socket_permissions=0700" start >/dev/null); then
    say "PostgreSQL did not start; see $folder/log"
    return 1
  fi
  if [ "$(cd / && $POSTGRES_AS "$POSTGRES_BIN/psql" -X -A -t -h "$POSTGRES_SOCKET" -U telos -d postgres -c "SELECT count(*) FROM pg_database WHERE datname = 'telos'")" = 0 ]; then
    (cd / && $POSTGRES_AS "$POSTGRES_BIN/createdb" -h "$POSTGRES_SOCKET" -U telos telos) || return 1
  fi
  export TELOS_STORE="postgres://telos@/telos?host=$POSTGRES_SOCKET"
}

postgres_stop() {
  [ -n "${POSTGRES_DATA:-}" ] || return 0
  (cd / && $POSTGRES_AS "$POSTGRES_BIN/pg_ctl" -D "$POSTGRES_DATA" -w -t 60 -m fast stop >/dev/null 2>&1)
  rm -rf "$POSTGRES_SOCKET"
}

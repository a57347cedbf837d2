# Which Debian packages Telos needs, how they get onto the machine, and how a build folder is made. Sourced by ./run and ./test.
# Only what is missing is installed; where that needs a password or another user, the command to type is shown instead.

BUILD_PACKAGES="gcc g++ libc6-dev meson ninja-build pkg-config ca-certificates
  libsqlite3-dev libpq-dev libmicrohttpd-dev libcurl4-openssl-dev libcjose-dev libjansson-dev libssl-dev libsodium-dev libyaml-dev zlib1g-dev libzstd-dev liblz4-dev libarchive-dev libunistring-dev
  libsimdjson-dev librdkafka-dev"
TEST_PACKAGES="libcmocka-dev clang libclang-rt-14-dev python3 python3-rdflib openssl sqlite3"
KAFKA_PACKAGES="default-jre-headless maven kcat openssl"
BROWSER_PACKAGES="chromium nodejs npm"
CONSOLE=console/app
POSTGRES_PACKAGES="postgresql-15 pgbouncer"

say() { printf '%s\n' "$*" >&2; }

missing_packages() {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null)" = "install ok installed" ] || printf '%s ' "$name"
  done
}

# install_packages NAME…
install_packages() {
  local missing root=""
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "Telos is built on Debian 12; this system has no apt-get. Install by hand what these packages hold: $missing"
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      say "These packages are missing. Install them, then start again:"
      say "  sudo apt-get install --no-install-recommends $missing"
      return 1
    fi
    root=sudo
  fi
  say "Installing: $missing"
  local log
  log=$(mktemp)
  # The lists may be old or empty on a new machine; a failed update is no reason to stop if they suffice.
  $root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >"$log" 2>&1 || say "(the package lists could not be renewed)"
  # shellcheck disable=SC2086
  if ! $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    say "Installing failed; the whole log is in $log"
    return 1
  fi
  rm -f "$log"
}

# configure FOLDER OPTION…: a build folder with these options, made once. What was made with others is made anew.
configure() {
  local folder=$1 wanted
  shift
  wanted="$* CC=${CC:-} CXX=${CXX:-}"
  if [ -f "$folder/build.ninja" ] && [ "$(cat "$folder/options" 2>/dev/null)" = "$wanted" ]; then
    return 0
  fi
  rm -rf "$folder"
  mkdir -p "$(dirname "$folder")"
  if ! meson setup "$folder" "$@" >"$folder.log" 2>&1; then
    tail -n 20 "$folder.log" >&2
    return 1
  fi
  rm -f "$folder.log"
  printf '%s' "$wanted" >"$folder/options"
}

# build FOLDER [TARGET…]: one line that moves on a terminal; the compiler's words only when something is wrong.
build() {
  local folder=$1 log status
  shift
  log=$(mktemp)
  if [ -t 2 ]; then
    NINJA_STATUS="[%f/%t] " ninja -C "$folder" "$@" | tee "$log" | while IFS= read -r line; do
      printf '\r\033[K%.78s' "$line" >&2
    done
    status=${PIPESTATUS[0]}
    printf '\r\033[K' >&2
  else
    ninja -C "$folder" "$@" >"$log" 2>&1
    status=$?
  fi
  [ "$status" = 0 ] || grep -vE '^\[[0-9]+/[0-9]+\] (Compiling|Linking|Generating)' "$log" | head -n 60 >&2
  rm -f "$log"
  return "$status"
}

# The web console: TypeScript into console/app/dist/, made anew only when its sources changed. Its parts come from npm, as the lock file says.
build_console() {
  local made wanted log
  wanted=$(cd "$CONSOLE" && find src index.html package-lock.json tsconfig.json vite.config.ts -type f | LC_ALL=C sort | xargs cat | cksum)
  made=$CONSOLE/node_modules/.made
  [ -f "$CONSOLE/dist/index.html" ] && [ "$(cat "$made" 2>/dev/null)" = "$wanted" ] && return 0
  command -v npm >/dev/null || install_packages nodejs npm || return 1
  say "Building the console …"
  log=$(mktemp)
  if (cd "$CONSOLE" && { cmp -s package-lock.json node_modules/.lock || { npm ci --no-progress --no-audit --no-fund && cp package-lock.json node_modules/.lock; }; } && npm run -s build) >"$log" 2>&1; then
    printf '%s' "$wanted" >"$made"
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  rm -f "$log"
  return 1
}

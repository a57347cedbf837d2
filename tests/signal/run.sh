#!/usr/bin/env bash
# usage: run.sh DRIVER TELOS [COUNT] [SEED]: installs the reference encoders as the lock file says, compares COUNT random strings of each kind, then
# asks TELOS from outside. Ends with "N passed, N failed".
set -eu
driver=$(realpath "$1") telos=$(realpath "$2")
shift 2
cd "$(dirname "$0")"
if [ ! -f node_modules/.lock ] || ! cmp -s package-lock.json node_modules/.lock; then
  npm ci --no-progress >npm.log 2>&1 || { tail -n 30 npm.log; exit 1; }
  cp package-lock.json node_modules/.lock
fi
passed=0 failed=0
count() { # OUTPUT of one of the two
  printf '%s\n' "$1" | grep -vE '^[0-9]+ passed, [0-9]+ failed$' || true
  local last
  last=$(printf '%s\n' "$1" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1)
  [ -n "$last" ] || last="0 passed, 1 failed"
  passed=$((passed + $(printf '%s' "$last" | cut -d' ' -f1)))
  failed=$((failed + $(printf '%s' "$last" | cut -d' ' -f3)))
}
count "$(node run.mjs "$driver" "$@" 2>&1 || true)"
count "$(python3 run.py "$telos" 2>&1 || true)"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

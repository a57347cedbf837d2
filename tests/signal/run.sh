#!/usr/bin/env bash
# usage: run.sh DRIVER [COUNT] [SEED]: installs the reference encoders as the lock file says, then compares COUNT random strings of each kind.
set -eu
driver=$(realpath "$1")
shift
cd "$(dirname "$0")"
if [ ! -f node_modules/.lock ] || ! cmp -s package-lock.json node_modules/.lock; then
  npm ci --no-progress >npm.log 2>&1 || { tail -n 30 npm.log; exit 1; }
  cp package-lock.json node_modules/.lock
fi
exec node run.mjs "$driver" "$@"

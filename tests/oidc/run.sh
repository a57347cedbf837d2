#!/usr/bin/env bash
# usage: run.sh PROGRAM [PART OF A CASE'S NAME]: installs what the cases need as the lock file says, then runs the cases.
set -eu
program=$(realpath "$1")
shift
cd "$(dirname "$0")"
if [ ! -f node_modules/.lock ] || ! cmp -s package-lock.json node_modules/.lock; then
  npm ci --no-progress >npm.log 2>&1 || { tail -n 30 npm.log; exit 1; }
  cp package-lock.json node_modules/.lock
fi
exec python3 run.py "$program" "$@"

#!/usr/bin/env bash
# usage: run.sh FOLDER OF A BUILD [PART OF A CASE'S NAME]: the console in Chromium. Needs console/app/dist and the browser suite's own parts.
set -eu
program=$(realpath "$1")
shift
cd "$(dirname "$0")/../browser"
if [ ! -f node_modules/.lock ] || ! cmp -s package-lock.json node_modules/.lock; then
  npm ci --no-progress >npm.log 2>&1 || { tail -n 30 npm.log; exit 1; }
  cp package-lock.json node_modules/.lock
fi
exec node ../console/run.mjs "$program" "$@"

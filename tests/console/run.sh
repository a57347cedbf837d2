#!/usr/bin/env bash
# usage: run.sh FOLDER OF A BUILD [PART OF A CASE'S NAME]: the console in Chromium. Needs console/app/dist, the browser suite's own parts and the provider of the sign-on suite.
set -eu
program=$(realpath "$1")
shift
cd "$(dirname "$0")"
for folder in ../browser ../oidc; do
  (
    cd "$folder"
    if [ ! -f node_modules/.lock ] || ! cmp -s package-lock.json node_modules/.lock; then
      npm ci --no-progress >npm.log 2>&1 || { tail -n 30 npm.log; exit 1; }
      cp package-lock.json node_modules/.lock
    fi
  )
done
exec node run.mjs "$program" "$@"

#!/usr/bin/env bash
# usage: run.sh TELOS [WORDS OF CASES]: fetches Apache Kafka as pom.xml says, then runs a real broker beside Telos. Ends with "N passed, N failed".
set -u
telos=$(realpath "$1")
shift
cd "$(dirname "$0")" || exit 1
if [ ! -f libs/.pom ] || ! cmp -s pom.xml libs/.pom; then
  rm -rf libs
  if ! mvn -B -q dependency:copy-dependencies -DoutputDirectory="$PWD/libs" >mvn.log 2>&1; then
    tail -n 30 mvn.log
    echo "Apache Kafka could not be fetched from the Maven repository, so nothing was tested."
    echo "0 passed, 1 failed"
    exit 1
  fi
  cp pom.xml libs/.pom
fi
for program in java kcat openssl; do
  if ! command -v "$program" >/dev/null; then
    echo "\`$program\` is missing, so nothing was tested."
    echo "0 passed, 1 failed"
    exit 1
  fi
done
exec python3 run.py "$telos" "$@"

#!/usr/bin/env bash
# clang-tidy over src/, or over the files named; ends with 1 when there is a finding. Some ten minutes for all of it on two cores, which is
# why ./test leaves it out: run it over what you changed.
#
#   scripts/lint.sh [FILE.c…]
set -u
cd "$(dirname "$0")/.." || exit 1
. scripts/build.sh

command -v clang-tidy >/dev/null || { say "clang-tidy is missing: apt-get install --no-install-recommends clang-tidy"; exit 2; }
[ -d build-lint ] || CC=clang CXX=clang++ meson setup build-lint -Ddefault_library=static >/dev/null || exit 1
ninja -C build-lint src/store/statements.h >/dev/null 2>&1 || # compiled in, so it has to be there
  ninja -C build-lint $(ninja -C build-lint -t targets all | sed -n 's|^\(src/[^:]*statements\.h\):.*|\1|p') >/dev/null || exit 1

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ $# -gt 0 ]; then printf '%s\0' "$@"; else git ls-files -z --cached --others --exclude-standard -- 'src/*.c'; fi |
  xargs -0 -n 2 -P "$(nproc)" clang-tidy -quiet -p build-lint >"$log" 2>/dev/null
grep -E '(warning|error): .*\[' "$log" | sort -u
found=$(grep -cE '(warning|error): .*\[' "$log")
say "$found findings"
[ "$found" = 0 ]

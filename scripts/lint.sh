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
headers=$(ninja -C build-lint -t targets all | sed -n 's|^\(src/.*\.h\): CUSTOM_COMMAND$|\1|p') # included, so they have to be there
# shellcheck disable=SC2086
ninja -C build-lint $headers >/dev/null || exit 1

# One file a process: with several, the analyzer mistakes a va_list for one that was never started (LLVM 14).
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ $# -gt 0 ]; then printf '%s\0' "$@"; else git ls-files -z --cached --others --exclude-standard -- 'src/*.c'; fi |
  xargs -0 -n 1 -P "$(nproc)" clang-tidy -quiet -p build-lint >"$log" 2>/dev/null
status=$?
found=$(grep -E '(warning|error): .*\[' "$log" | sort -u)
[ -z "$found" ] || printf '%s\n' "$found"
say "$(printf %s "$found" | grep -c .) findings"
[ "$status" = 0 ] || [ -n "$found" ] || say "but clang-tidy failed ($status)"
[ "$status" = 0 ] && [ -z "$found" ]

#!/usr/bin/env python3
"""tidy: the style of Telos as a test. Prints one line per finding and exits with 1 when there is any.

Checked in src/: includes that run upwards or sideways, headers that do not compile alone, banned functions, long functions and
files, sources that no meson.build lists, migrations that were changed, folders without a README. Checked everywhere in C, C++, SQL, Python, TypeScript and
shell files: markers of unfinished work. Only files that git knows or would add are looked at.

    tests/tidy/tidy.py [--root FOLDER] [--json] [--no-compile]
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

FLOORS = {"base": 0, "model": 1, "policy": 2, "signal": 2, "evidence": 2, "store": 2, "core": 3, "kafka": 3, "engine": 4,
          "server": 5, "deliver": 5, "receive": 5, "main": 6}
# Folders that a folder may not know although they lie below it: (folder, file or None for all) -> forbidden.
FORBIDDEN = {"core": {"store"}}
BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "gets", "strtok", "atoi", "atol", "atof", "system", "rand", "srand",
          "alloca"]
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
C_ENDINGS = {".c", ".h", ".cc"}
MARKED_ENDINGS = C_ENDINGS | {".sql", ".py", ".ts", ".tsx", ".svelte", ".js", ".mjs", ".css", ".sh"}
MARKERS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")


def known_files(root):
    """What git tracks or would track, so that build folders and downloads stay out."""
    run = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         capture_output=True)
    if run.returncode == 0:
        names = sorted(set(os.fsdecode(name) for name in run.stdout.split(b"\0") if name))
    else:
        skipped = {".git", "node_modules", "build"}
        names = []
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name not in skipped]
            names += [os.path.relpath(os.path.join(folder, name), root) for name in files]
        names.sort()
    return [name for name in names if (root / name).is_file()]


def blank_comments(text):
    """The text with comments, strings and character constants blanked, line by line the same length."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'//(?:\\\n|[^\n])*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_includes(name, text):
    parts = name.split("/")
    folder = parts[1]
    if folder not in FLOORS:
        if len(parts) > 2:
            yield name, 1, "floor", f"src/{folder}/ is on no floor"
        return
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', text, re.M):
        target = match.group(1)
        line = line_of(text, match.start())
        below = target.split("/")[0]
        if "/" not in target or target.startswith("."):
            yield name, line, "include", f'"{target}": write it as "folder/file.h"'
        elif below not in FLOORS:
            yield name, line, "include", f'"{target}" is on no floor'
        elif below != folder and FLOORS[below] >= FLOORS[folder]:
            yield name, line, "include", f"{folder} (floor {FLOORS[folder]}) may not know {below} (floor {FLOORS[below]})"
        elif below in FORBIDDEN.get(folder, ()):
            yield name, line, "include", f"{folder} may not know {below}"
        elif below != folder and target.endswith("_private.h"):
            yield name, line, "include", f'"{target}" is private to {below}'


def check_banned(name, code):
    for match in re.finditer(r"(?<![\w.>])(" + "|".join(BANNED) + r")[ \t]*\(", code):
        yield name, line_of(code, match.start()), "banned", f"{match.group(1)}() is banned"


def check_length(name, text, code):
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield name, 1, "long-file", f"{lines} lines, at most {FILE_LINES_MAX}"
    # Code is laid out by clang-format: what begins in the first column and opens a brace at a line's end is a function when
    # it has parentheses and no equals sign; it closes with a brace in the first column.
    begun, head, inside = 0, "", False
    for number, line in enumerate(code.split("\n"), 1):
        line = line.rstrip()
        if inside:
            if line.startswith("}"):
                if number - begun + 1 > FUNCTION_LINES_MAX:
                    yield name, begun, "long-function", f"{number - begun + 1} lines, at most {FUNCTION_LINES_MAX}"
                head, inside = "", False
        elif not line or line.startswith(("#", "}")) or line.endswith((";", "}", "\\")):
            head = ""
        else:
            begun = begun if head else number
            head += line + " "
            if line.endswith("{"):
                inside = "(" in head and not re.search(r"=\s*\{$", line)
                head = head if inside else ""


def check_markers(name, text):
    for match in MARKERS.finditer(text):
        yield name, line_of(text, match.start()), "unfinished", f"{match.group(1)} marks unfinished work"


def check_listed(root, names):
    listed = set()
    for name in names:
        if name.endswith("meson.build"):
            folder = os.path.dirname(name)
            text = re.sub(r"#[^\n]*", "", (root / name).read_text(errors="replace"))
            for match in re.finditer(r"'([^'\n]+\.(?:c|cc))'", text):
                listed.add(os.path.normpath(os.path.join(folder, match.group(1))))
    for name in names:
        if name.startswith(("src/", "tests/", "bench/")) and name.endswith((".c", ".cc")) and name not in listed:
            yield name, 1, "unlisted", "no meson.build lists it"


def check_migrations(root, names):
    """A migration that a store may have gone through is never changed: its bytes are those that SHA256SUMS beside it tells."""
    folders = sorted({os.path.dirname(name) for name in names if re.search(r"/migrations/\d+\.sql$", name)})
    for folder in folders:
        sums = root / folder / "SHA256SUMS"
        lines = sums.read_text().splitlines() if sums.is_file() else []
        told = {parts[1]: parts[0] for parts in map(str.split, lines) if len(parts) == 2}
        there = sorted(os.path.basename(name) for name in names if os.path.dirname(name) == folder and name.endswith(".sql"))
        for name in sorted(set(told) - set(there)):
            yield f"{folder}/{name}", 1, "migration", "SHA256SUMS tells of it, but it is gone"
        for name in there:
            path = f"{folder}/{name}"
            found = hashlib.sha256((root / path).read_bytes()).hexdigest()
            if name not in told:
                yield path, 1, "migration", "add it to SHA256SUMS when it is done: " + found
            elif told[name] != found:
                yield path, 1, "migration", "it was changed; stores have gone through it as it was: make a new one instead"


def check_readmes(names):
    folders = {os.path.dirname(name) for name in names if name.startswith("src/")}
    have = {os.path.dirname(name) for name in names if os.path.basename(name) == "README.md"}
    for folder in sorted({"/".join(folder.split("/")[:2]) for folder in folders} | {"src"}):
        if folder not in have:
            yield folder, 1, "readme", "the folder has no README.md"


def check_header_alone(root, name, flags):
    compiler = shlex.split(os.environ.get("CC", "cc"))
    run = subprocess.run(compiler + ["-std=gnu17", "-D_GNU_SOURCE", "-Isrc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                                     "-Wno-unused-function", "-x", "c", *flags, "-"],
                         input=f'#include "{name[len("src/"):]}"\n', cwd=root, capture_output=True, text=True)
    if run.returncode:
        first = next((line for line in run.stderr.split("\n") if "error" in line), run.stderr.strip()[:200])
        return [(name, 1, "header-alone", f"does not compile alone: {first.strip()}")]
    return []


def header_flags():
    """Where libraries that are not in the usual place have their headers; nothing when pkg-config does not know."""
    run = subprocess.run(["pkg-config", "--cflags", "--silence-errors", "libpq", "libcurl", "libsodium"],
                         capture_output=True, text=True)
    return shlex.split(run.stdout) if run.returncode == 0 else []


def tidy(root, compile_headers=True):
    names = known_files(root)
    findings = []
    headers = []
    for name in names:
        ending = os.path.splitext(name)[1]
        if ending not in MARKED_ENDINGS or "/corpus/" in name:
            continue
        text = (root / name).read_text(errors="replace")
        findings += check_markers(name, text)
        if ending not in C_ENDINGS or not name.startswith(("src/", "tests/", "bench/")):
            continue
        code = blank_comments(text)
        findings += check_banned(name, code)
        findings += check_length(name, text, code)
        if name.startswith("src/"):
            findings += check_includes(name, text)
            if ending == ".h":
                headers.append(name)
    findings += check_listed(root, names)
    findings += check_migrations(root, names)
    findings += check_readmes(names)
    if compile_headers and headers:
        flags = header_flags()
        with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
            for found in pool.map(lambda header: check_header_alone(root, header, flags), headers):
                findings += found
    return sorted(findings)


def main():
    parser = argparse.ArgumentParser(description="The style of Telos as a test.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the checkout")
    parser.add_argument("--json", action="store_true", help="write the findings as JSON")
    parser.add_argument("--no-compile", action="store_true", help="do not compile each header alone")
    options = parser.parse_args()
    findings = tidy(options.root.resolve(), not options.no_compile)
    if options.json:
        keys = ("file", "line", "rule", "text")
        json.dump({"findings": [dict(zip(keys, finding)) for finding in findings]}, sys.stdout, indent=2)
        print()
    else:
        for name, line, rule, text in findings:
            print(f"{name}:{line}: {rule}: {text}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

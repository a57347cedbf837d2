#!/usr/bin/env python3
"""docs/limits.md is made from the LIMITS list in src/base/limits.h, so that the two cannot drift. Fails where they do.

    tests/tidy/limits.py [--root FOLDER] [--write]
"""
import argparse
import math
import re
import sys
from pathlib import Path

ROW = re.compile(r'X\(LIMIT_(\w+), ([0-9 *()]+), "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\)')
HEAD = """# Limits

Everything in Telos is bounded. Each bound, why it is there, and what is seen at it; made from `src/base/limits.h` by `tests/tidy/limits.py`.
Those that name a setting can be changed by it ([the command line](cli.md)); the others are compiled in.

| limit | | why | what is seen at it |
|---|---|---|---|
"""
UNITS = {"BYTES": ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"), (1, "bytes")), "S": ((86400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))}


def value(name, text):
    number = math.prod(int(factor) for factor in text.strip("() ").split("*"))
    for size, unit in UNITS.get(name.rsplit("_", 1)[-1], ()):
        if number % size == 0 and number >= size:
            return f"{number // size:,} {unit[:-1] if number == size and unit.endswith('s') else unit}"
    return f"{number:,}"


def page(root):
    text = (root / "src/base/limits.h").read_text()
    rows = ROW.findall(text)
    if len(rows) != text.count("X(LIMIT_"):
        sys.exit("limits: the LIMITS list cannot be read")
    lines = []
    for name, number, why, seen in rows:
        words = re.sub(r"_(bytes|s)$", "", name.lower()).replace("_", " ")
        lines.append(f"| {words} | {value(name, number)} | {why} | {seen} |\n")
    return HEAD + "".join(lines)


def main():
    parser = argparse.ArgumentParser(description="The limits in docs/limits.md.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the checkout")
    parser.add_argument("--write", action="store_true", help="write the page anew")
    options = parser.parse_args()
    path = options.root / "docs/limits.md"
    wanted = page(options.root)
    if options.write:
        path.write_text(wanted)
    elif not path.exists() or path.read_text() != wanted:
        sys.exit(f"{path}: it is not what src/base/limits.h says; run tests/tidy/limits.py --write")


if __name__ == "__main__":
    main()

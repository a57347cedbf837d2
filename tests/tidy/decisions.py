#!/usr/bin/env python3
"""docs/decisions.md: the table of reason codes is made from the REASONS list in src/model/reason.h, so that the two cannot drift. Fails where they
do, and where a code is shown by no test of the core.

    tests/tidy/decisions.py [--root FOLDER] [--write]
"""
import argparse
import re
import sys
from pathlib import Path

BEGIN, END = "<!-- reasons: made by tests/tidy/decisions.py -->", "<!-- end of reasons -->"
ROW = re.compile(r'X\(REASON_(\w+), "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\)')


def reasons(root):
    found = [match.groups() for match in ROW.finditer((root / "src/model/reason.h").read_text())]
    if len(found) < 40:
        sys.exit("decisions: the REASONS list cannot be read")
    return found


def table(found):
    lines = ["| code | what it says | what would make it a yes |", "|---|---|---|"]
    lines += [f"| `{name}` | {text} | {remedy} |" for _, name, text, remedy in found]
    return "\n".join(lines) + "\n"


def untested(root, found):
    tests = "".join(path.read_text() for path in sorted((root / "tests/unit").glob("test_core_*.c")))
    return [name for code, name, _, _ in found if not re.search(rf"\b(?:{name}|REASON_{code})\b", tests)]


def main():
    parser = argparse.ArgumentParser(description="The reason codes in docs/decisions.md.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2], help="the checkout")
    parser.add_argument("--write", action="store_true", help="write the table anew")
    options = parser.parse_args()
    path = options.root / "docs/decisions.md"
    text = path.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"{path}: the marks of the table are missing")
    found = reasons(options.root)
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    wanted = f"{before}{BEGIN}\n{table(found)}{END}{after}"
    missing = untested(options.root, found)
    if options.write:
        path.write_text(wanted)
    elif wanted != text:
        sys.exit(f"{path}: the table is not what src/model/reason.h says; run tests/tidy/decisions.py --write")
    if missing:
        sys.exit("decisions: no test of the core shows " + ", ".join(missing))


if __name__ == "__main__":
    main()

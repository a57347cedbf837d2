#!/usr/bin/env python3
"""Makes a C header of SQL files: statements (`-- name: NAME` above each) as an enum and two tables, migrations (numbered files) as one table.

    embed.py OUTPUT STATEMENTS.sql… -- MIGRATION.sql…
"""
import re
import sys


def literal(text):
    """One C string of several lines, in parentheses: they say that no comma is missing between them."""
    lines = [line.rstrip() for line in text.strip().split("\n")]
    return "(" + "\n    ".join('"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"' for line in lines if line) + ")"


def main():
    output, rest = sys.argv[1], sys.argv[2:]
    statements, migrations = rest[:rest.index("--")], rest[rest.index("--") + 1:]
    named = []
    for path in statements:
        parts = re.split(r"^-- name: (\w+)\n", open(path, encoding="utf-8").read(), flags=re.M)
        named += list(zip(parts[1::2], parts[2::2]))
    names = [name for name, _ in named]
    double = {name for name in names if names.count(name) > 1}
    if double:
        sys.exit("embed.py: two statements are named " + ", ".join(sorted(double)))
    with open(output, "w", encoding="utf-8") as out:
        out.write("/* Made of the .sql files by embed.py. */\nenum sql {\n")
        out.writelines(f"    SQL_{name.upper()},\n" for name in names)
        out.write("    SQL_COUNT\n};\n__attribute__((unused)) static const char *const sql_texts[] = {\n")
        out.writelines(f"    {literal(text)},\n" for _, text in named)
        out.write("};\n__attribute__((unused)) static const char *const sql_names[] = {\n")
        out.writelines(f'    "{name}",\n' for name in names)
        out.write("};\n__attribute__((unused)) static const char *const sql_migrations[] = {\n")
        for number, path in enumerate(migrations, 1):
            if not re.search(rf"(^|/){number:04}\.sql$", path):
                sys.exit(f"embed.py: migration {number} is missing")
            out.write(f"    {literal(open(path, encoding='utf-8').read())},\n")
        out.write("};\n")


main()

#!/usr/bin/env python3
"""Makes a C file of the built console: each file of DIST packed with gzip, its path, media type and a tag of its content.

    embed_app.py DIST OUTPUT

Without DIST the table is empty: then the page at `/` says how to build the console. OUTPUT is written only when it changes, so that nothing is
compiled again for nothing.
"""
import gzip
import hashlib
import os
import sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
         ".svg": "image/svg+xml", ".png": "image/png", ".ico": "image/x-icon", ".webp": "image/webp", ".woff2": "font/woff2",
         ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json"}


def files(folder):
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(place, name)
            ending = os.path.splitext(name)[1]
            if ending not in TYPES:
                sys.exit("embed_app.py: %s: say in TYPES what an `%s` is" % (path, ending))
            with open(path, "rb") as f:
                yield "/" + os.path.relpath(path, folder).replace(os.sep, "/"), TYPES[ending], f.read()


def made(folder):
    lines = ["/* Made of the built console by embed_app.py. */", '#include "server/console_files.h"', ""]
    rows = []
    for number, (path, kind, content) in enumerate(sorted(files(folder)) if os.path.isdir(folder) else []):
        packed = gzip.compress(content, 9, mtime=0)
        lines.append("static const unsigned char file_%d[] = {%s};" % (number, ",".join(map(str, packed))))
        rows.append('    {"%s", "%s", "\\"%s\\"", file_%d, sizeof file_%d},' % (path, kind, hashlib.sha256(content).hexdigest()[:32], number, number))
    lines += ["", "const struct console_file console_files[] = {"] + rows + ["    {0},", "};", "const size_t console_file_count = %d;" % len(rows), ""]
    return "\n".join(lines)


def main():
    folder, target = sys.argv[1:]
    text = made(folder)
    try:
        with open(target, encoding="utf-8") as f:
            if f.read() == text:
                return
    except FileNotFoundError:
        pass
    with open(target, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes a C file of a file: the bytes as an array NAME, and their number as NAME_size; with --packed packed by gzip, and with an entity tag NAME_tag.

    embed.py NAME INPUT OUTPUT [--packed]
"""
import gzip
import hashlib
import sys


def main():
    name, source, target = sys.argv[1:4]
    data = open(source, "rb").read()
    tag = hashlib.sha256(data).hexdigest()[:16]
    packed = "--packed" in sys.argv[4:]
    if packed:
        data = gzip.compress(data, 9, mtime=0)
    with open(target, "w", encoding="utf-8") as out:
        out.write(f"/* Made by embed.py. */\nextern const unsigned char {name}[];\nextern const unsigned {name}_size;\n")
        out.write(f"const unsigned char {name}[] = {{" + ",".join(map(str, data)) + f"}};\nconst unsigned {name}_size = {len(data)};\n")
        if packed:
            out.write(f"extern const char {name}_tag[];\nconst char {name}_tag[] = \"\\\"{tag}\\\"\";\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes a C file of a file: the bytes as an array NAME, and their number as NAME_size.

    embed.py NAME INPUT OUTPUT
"""
import sys


def main():
    name, source, target = sys.argv[1:]
    data = open(source, "rb").read()
    with open(target, "w", encoding="utf-8") as out:
        out.write(f"/* Made by embed.py. */\nextern const unsigned char {name}[];\nextern const unsigned {name}_size;\n")
        out.write(f"const unsigned char {name}[] = {{" + ",".join(map(str, data)) + f"}};\nconst unsigned {name}_size = {len(data)};\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Makes a C file of schemas.json, after a check that it is JSON and that each reference in it leads somewhere.

    embed.py INPUT OUTPUT
"""
import json
import re
import sys


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    schemas = json.loads(text)
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        if name not in schemas:
            sys.exit("embed.py: there is no schema " + name)
    compact = json.dumps(schemas, ensure_ascii=False, separators=(",", ":")).encode()
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("/* Made of schemas.json by embed.py. */\n#include \"server/server_private.h\"\n\nconst char schemas_json[] = {")
        out.write(",".join(str(byte if byte < 128 else byte - 256) for byte in compact))
        out.write("};\nconst unsigned schemas_json_size = sizeof(schemas_json);\n")


if __name__ == "__main__":
    main()

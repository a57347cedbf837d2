"""The part of JSON Schema that /openapi.json uses, checked strictly: a keyword that is not known here fails the test that meets it."""
import re

ANNOTATIONS = {"description", "format", "title", "contentEncoding", "minimum", "maximum", "maxItems", "pattern"}
FORMATS = {"uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"), "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\Z")}
TYPES = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None), "number": (int, float), "integer": int}


def is_type(value, name):
    if name in ("integer", "number") and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])


def errors(schema, value, root, where="reply"):
    """What does not fit, as lines."""
    if "$ref" in schema:
        return errors(root["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], value, root, where)
    found = []
    for keyword, wanted in schema.items():
        if keyword == "type":
            names = wanted if isinstance(wanted, list) else [wanted]
            if not any(is_type(value, name) for name in names):
                return ["%s: %r is no %s" % (where, value, " or ".join(names))]
        elif keyword == "enum" and value not in wanted:
            found.append("%s: %r is none of %s" % (where, value, wanted))
        elif keyword == "const" and value != wanted:
            found.append("%s: %r is not %r" % (where, value, wanted))
        elif keyword == "required" and isinstance(value, dict):
            found += ["%s: `%s` is missing" % (where, name) for name in wanted if name not in value]
        elif keyword == "properties" and isinstance(value, dict):
            for name, inner in wanted.items():
                if name in value:
                    found += errors(inner, value[name], root, where + "." + name)
        elif keyword == "additionalProperties" and isinstance(value, dict):
            for name, inner in value.items():
                if name not in schema.get("properties", {}):
                    found += errors(wanted, inner, root, where + "." + name)
        elif keyword == "items" and isinstance(value, list):
            for i, inner in enumerate(value):
                found += errors(wanted, inner, root, "%s[%d]" % (where, i))
        elif keyword == "anyOf":
            tries = [errors(inner, value, root, where) for inner in wanted]
            if all(tries):
                found += min(tries, key=len)
        elif keyword == "format" and isinstance(value, str) and wanted in FORMATS and not FORMATS[wanted].match(value):
            found.append("%s: %r is no %s" % (where, value, wanted))
        elif keyword not in ANNOTATIONS | {"enum", "const", "required", "properties", "additionalProperties", "items", "format"}:
            raise AssertionError("%s: the checker does not know the keyword %s" % (where, keyword))
    return found

/* Looking things up in a JSON tree, and making small ones. The contract is in json.h. */
#include "base/json.h"

#include <math.h>

const struct json *json_get(const struct json *object, str name)
{
    if (!object || object->type != JSON_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < object->count; i++)
        if (str_equal(object->members[i].name, name))
            return &object->members[i].value;
    return NULL;
}

const struct json *json_path(const struct json *object, str path)
{
    str name;
    while (object && str_split(&path, '.', &name))
        object = json_get(object, name);
    return object;
}

bool json_is_string(const struct json *value) { return value && value->type == JSON_STRING; }

str json_string(const struct json *value) { return json_is_string(value) ? value->text : STR_NONE; }

/* Length of the blank or invisible character at the front (or, backwards, at the end) of `s`; 0 when there is none. */
static size_t invisible(str s, bool backwards)
{
    static const str many[] = {STR("\xc2\xa0"),     STR("\xe2\x80\x8b"), STR("\xe2\x80\x8c"), STR("\xe2\x80\x8d"),
                               STR("\xe2\x80\x8e"), STR("\xe2\x80\x8f"), STR("\xef\xbb\xbf")};
    if (!s.length)
        return 0;
    char c = backwards ? s.data[s.length - 1] : s.data[0];
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return 1;
    for (size_t i = 0; i < sizeof(many) / sizeof(*many); i++)
        if (backwards ? str_ends(s, many[i]) : str_starts(s, many[i]))
            return many[i].length;
    return 0;
}

str json_id_text(struct arena *arena, const struct json *value)
{
    (void)arena; /* for when trimming is no longer a slice */
    if (!value || (value->type != JSON_STRING && value->type != JSON_NUMBER))
        return STR_NONE;
    str text = value->text;
    for (size_t cut; (cut = invisible(text, false));)
        text = str_slice(text, cut, text.length);
    for (size_t cut; (cut = invisible(text, true));)
        text = str_slice(text, 0, text.length - cut);
    return text;
}

bool json_bool(const struct json *value, bool otherwise)
{
    if (value && value->type == JSON_TRUE)
        return true;
    return value && value->type == JSON_FALSE ? false : otherwise;
}

bool json_int(const struct json *value, int64_t *ret_value)
{
    double number;
    if (!value || value->type != JSON_NUMBER)
        return false;
    if (str_to_int64(value->text, ret_value))
        return true;
    /* 1.0 and 1e3 are whole numbers, too; past 2^53 they no longer say which. */
    if (!str_to_double(value->text, &number) || number != trunc(number) || fabs(number) > 9007199254740992.0)
        return false;
    *ret_value = (int64_t)number;
    return true;
}

bool json_double(const struct json *value, double *ret_value) { return value && value->type == JSON_NUMBER && str_to_double(value->text, ret_value); }

struct json json_make_string(str text)
{
    if (!text.data)
        text = STR("");
    return (struct json){.type = JSON_STRING, .raw_dirty = true, .text = text};
}

struct json json_make_raw(struct arena *arena, str raw)
{
    struct json value = {.type = JSON_NULL};
    const struct err *err = json_read(arena, raw, &value);
    ASSERT(!err);
    return value;
}

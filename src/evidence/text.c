/* Strict reading of small pieces of text. */
#include "evidence/text_private.h"

bool text_unbase64(struct arena *arena, str text, str *ret_data)
{
    str data;
    if (!str_unbase64(arena, text, &data) || !str_equal(str_base64(arena, data.data, data.length), text))
        return false;
    *ret_data = data;
    return true;
}

bool text_hash(struct arena *arena, str text, struct hash *ret)
{
    str data;
    if (text.length != 44 || !text_unbase64(arena, text, &data) || data.length != sizeof(ret->bytes))
        return false;
    memcpy(ret->bytes, data.data, sizeof(ret->bytes));
    return true;
}

bool text_uint64(str text, uint64_t *ret)
{
    if (text.length == 0 || (text.length > 1 && text.data[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text.data[i] - '0'), &value))
            return false;
    }
    *ret = value;
    return true;
}

bool text_line(str *rest, str *ret_line)
{
    ptrdiff_t end = str_find_char(*rest, '\n');
    if (end < 0)
        return false;
    *ret_line = str_slice(*rest, 0, (size_t)end);
    *rest = str_slice(*rest, (size_t)end + 1, rest->length);
    return true;
}

/* What a request brings: headers, query, body. All of it is untrusted; each bound is in limits.h.
 *
 * 1. Query and path are decoded by ourselves, from the text as it came: an encoded slash or NUL stays within its value.
 *    What is no UTF-8 in them is refused before a route sees it (call_address_fault).
 * 2. A body is JSON whatever its Content-Type says, and gzip when it says so or looks so.
 */
#include "server/server_private.h"

#include "base/gzip.h"
#include "base/json_strict.h"

str call_header(struct call *call, const char *name)
{
    const char *value = NULL;
    size_t length = 0;
    if (MHD_lookup_connection_value_n(call->connection, MHD_HEADER_KIND, name, strlen(name), &value, &length) != MHD_YES || !value)
        return STR_NONE;
    return str_bytes(value, length);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

str percent_decode(struct arena *arena, str text, bool plus)
{
    if (str_find_char(text, '%') < 0 && (!plus || str_find_char(text, '+') < 0))
        return text;
    char *out = arena_alloc_raw(arena, text.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '%' && i + 2 < text.length && digit(text.data[i + 1]) >= 0 && digit(text.data[i + 2]) >= 0) {
            c = (char)(digit(text.data[i + 1]) << 4 | digit(text.data[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[length++] = c;
    }
    return str_bytes(out, length);
}

/* Two addresses that name two people must not become one, and what is past a bound is not left out in silence: such a request is refused whole. What splits
 * an address (/ ? & =) is ASCII, so its parts are UTF-8 exactly when the whole is. */
const struct err *call_address_fault(struct call *call)
{
    size_t pairs = 1;
    if (!str_valid_utf8(percent_decode(&call->arena, call->path, false)) || !str_valid_utf8(percent_decode(&call->arena, call->query, true)))
        return err_new(&call->arena, ERR_MALFORMED, "the address is no UTF-8; send text as UTF-8, percent-encoded");
    for (size_t i = 0; i < call->query.length; i++)
        pairs += call->query.data[i] == '&';
    if (pairs > LIMIT_QUERY_PAIRS)
        return err_new(&call->arena, ERR_INVALID, "the address has more than %d parameters", LIMIT_QUERY_PAIRS);
    return NULL;
}

static void read_pairs(struct call *call)
{
    str rest = call->query, part;
    call->pairs_read = true;
    while (!str_empty(rest) && str_split(&rest, '&', &part)) {
        if (str_empty(part))
            continue;
        str name = part, value = STR("");
        ptrdiff_t equals = str_find_char(part, '=');
        if (equals >= 0) {
            name = str_slice(part, 0, (size_t)equals);
            value = str_slice(part, (size_t)equals + 1, part.length);
        }
        *(struct pair *)vec_push(&call->arena, &call->pairs) =
            (struct pair){percent_decode(&call->arena, name, true), percent_decode(&call->arena, value, true)};
    }
}

str call_query(struct call *call, const char *name)
{
    if (str_empty(call->query))
        return STR_NONE;
    if (!call->pairs_read)
        read_pairs(call);
    str wanted = str_of(name);
    vec_each (pair, &call->pairs)
        if (str_equal(pair->name, wanted))
            return pair->value;
    return STR_NONE;
}

const struct err *call_query_int(struct call *call, const char *name, int64_t low, int64_t high, int64_t *value)
{
    str text = call_query(call, name);
    int64_t number;
    if (str_empty(text))
        return NULL;
    if (!str_to_int64(text, &number) || number < low || number > high)
        return err_new(&call->arena, ERR_INVALID, "`%s` must be a whole number from %lld to %lld", name, (long long)low, (long long)high);
    *value = number;
    return NULL;
}

const struct err *call_query_time(struct call *call, const char *name, int64_t *value)
{
    str text = call_query(call, name);
    int64_t time_ms;
    if (str_empty(text))
        return NULL;
    if (!time_parse(text, &time_ms))
        return err_new(&call->arena, ERR_INVALID, "`%s` must be a time as in 2026-11-24T16:30:00Z or a day as in 2026-11-24", name);
    *value = time_ms;
    return NULL;
}

const struct err *call_limit(struct call *call, int64_t otherwise, size_t *ret_limit)
{
    int64_t limit = otherwise;
    TRY(call_query_int(call, "limit", 1, LIMIT_PAGE_ITEMS, &limit));
    *ret_limit = (size_t)limit;
    return NULL;
}

const struct err *call_unpacked(struct call *call, str *ret_text)
{
    str text = buf_str(&call->body);
    str encoding = call_header(call, MHD_HTTP_HEADER_CONTENT_ENCODING);
    bool packed = gzip_is(text) || (!str_empty(text) && (str_equal_nocase(encoding, STR("gzip")) || str_equal_nocase(encoding, STR("x-gzip")) ||
                                                         str_equal_nocase(encoding, STR("deflate"))));
    if (packed)
        TRY(gzip_unpack(&call->arena, text, call->body_bytes_max < LIMIT_GZIP_RATIO_BYTES ? call->body_bytes_max : LIMIT_GZIP_RATIO_BYTES, &text));
    *ret_text = text;
    return NULL;
}

const struct err *call_json(struct call *call, struct json *ret_body)
{
    str text;
    struct json body = {0};
    TRY(call_unpacked(call, &text));
    if (str_empty(str_trim(text)))
        return err_new(&call->arena, ERR_MALFORMED, "the body is empty; send a JSON object");
    TRY(json_read_strict(&call->arena, text, &body));
    if (body.type != JSON_OBJECT && body.type != JSON_ARRAY)
        return err_new(&call->arena, ERR_MALFORMED, "the body must be a JSON object");
    *ret_body = body;
    return NULL;
}

const struct err *call_object(struct call *call, bool may_be_empty, struct json *ret_body)
{
    struct json body;
    if (may_be_empty && str_empty(str_trim(buf_str(&call->body)))) {
        *ret_body = (struct json){.type = JSON_OBJECT, .raw_dirty = true};
        return NULL;
    }
    TRY(call_json(call, &body));
    if (body.type != JSON_OBJECT)
        return err_new(&call->arena, ERR_MALFORMED, "the body must be a JSON object, not an array");
    *ret_body = body;
    return NULL;
}

static bool absent(const struct json *member) { return !member || member->type == JSON_NULL; }

const struct err *body_string(struct call *call, const struct json *body, const char *name, str *value)
{
    const struct json *member = json_get(body, str_of(name));
    if (absent(member))
        return NULL;
    if (member->type != JSON_STRING)
        return err_new(&call->arena, ERR_INVALID, "`%s` must be a string", name);
    *value = member->text;
    return NULL;
}

const struct err *body_need(struct call *call, const struct json *body, const char *name, str *value)
{
    str text = STR_NONE;
    TRY(body_string(call, body, name, &text));
    if (str_empty(text))
        return err_new(&call->arena, ERR_INVALID, "`%s` is missing", name);
    *value = text;
    return NULL;
}

const struct err *body_time(struct call *call, const struct json *body, const char *name, int64_t *value)
{
    const struct json *member = json_get(body, str_of(name));
    int64_t time_ms;
    if (absent(member))
        return NULL;
    if (member->type != JSON_STRING || !time_parse(member->text, &time_ms))
        return err_new(&call->arena, ERR_INVALID, "`%s` must be a time as in \"2026-11-24T16:30:00Z\"", name);
    *value = time_ms;
    return NULL;
}

const struct err *body_bool(struct call *call, const struct json *body, const char *name, bool *value)
{
    const struct json *member = json_get(body, str_of(name));
    if (absent(member))
        return NULL;
    if (member->type != JSON_TRUE && member->type != JSON_FALSE)
        return err_new(&call->arena, ERR_INVALID, "`%s` must be true or false", name);
    *value = member->type == JSON_TRUE;
    return NULL;
}

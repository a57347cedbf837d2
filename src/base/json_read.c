/* The JSON reader: a walk over simdjson's structural index into a tree. The contract is in json.h; the index comes from
 * json_index.cc, looking things up in the tree is in json_tree.c.
 *
 * 1. Nothing is copied but strings with escapes: texts, names and `raw` point into the input.
 * 2. The index has checked UTF-8, closed strings and control characters; the walk checks all the rest of the grammar.
 * 3. Between two positions of the index there is only the token at the first one, and spaces. What follows a token
 *    without a space (12"a") has no position of its own, so each scalar is checked up to the next position.
 * 4. Children are collected on a stack and copied to the arena when their parent closes, so that they lie side by side.
 */
#include "base/json.h"
#include "base/json_index_private.h"
#include "base/json_strict.h"
#include "base/limits.h"
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>

enum { STACK_FIRST = 256, STACK_KEPT_MAX = 16 * 1024, NAMES_COMPARED_MAX = 48 };

/* One thread's stack of children; it grows to the largest usual text and is used again. */
struct stack {
    struct json_member *items;
    uint32_t count, capacity;
};
static _Thread_local struct stack thread_stack;
static pthread_key_t stack_key; /* frees the stack when its thread ends */
static pthread_once_t stack_key_once = PTHREAD_ONCE_INIT;

static void stack_key_create(void)
{
    int result = pthread_key_create(&stack_key, free);
    ASSERT(result == 0);
}

static void stack_resize(struct stack *stack, uint32_t capacity)
{
    struct json_member *items = NULL;
    if (capacity) {
        items = realloc(stack->items, capacity * sizeof(*items));
        ASSERT(items); /* out of memory ends the program */
    } else {
        free(stack->items);
    }
    stack->items = items;
    stack->capacity = capacity;
    (void)pthread_once(&stack_key_once, stack_key_create); /* fails for no valid argument */
    int result = pthread_setspecific(stack_key, items);
    ASSERT(result == 0);
}

struct reader {
    struct arena *arena;
    const char *text, *end;
    const uint32_t *positions, *positions_end;
    const char *escape; /* the first backslash not before the last string read, or `end` */
    struct stack *stack;
    uint32_t nodes;
    const char *wrong; /* what was wrong, for the user */
    size_t wrong_at;
    const char *twice; /* value of the last name that stood in its object before; NULL: none did */
};

static bool read_value(struct reader *r, struct json *ret_value, int depth);

static bool refuse(struct reader *r, const char *wrong, size_t at)
{
    r->wrong = wrong;
    r->wrong_at = at;
    return false;
}

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* The character at the next position, without taking it; 0 at the end. */
static char peek(const struct reader *r) { return r->positions < r->positions_end ? r->text[*r->positions] : 0; }

static size_t peek_at(const struct reader *r) { return r->positions < r->positions_end ? *r->positions : (size_t)(r->end - r->text); }

/* The end of the token before the next position: its spaces taken off. */
static const char *token_end(const struct reader *r, const char *from)
{
    const char *end = r->text + peek_at(r);
    while (end > from && is_space(end[-1]))
        end--;
    return end;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at `in`, or -1. */
static int32_t read_hex4(const char *in, const char *end)
{
    int32_t value = 0;
    if (end - in < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(in[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static char *write_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

/* One escape of the u kind after "\u"; a pair of surrogates is taken together, a lone one becomes U+FFFD. */
static const char *unescape_u(const char *in, const char *end, char **out, bool *ret_lone)
{
    int32_t c = read_hex4(in, end);
    if (c < 0)
        return NULL;
    in += 4;
    if (c >= 0xd800 && c <= 0xdbff && end - in >= 6 && in[0] == '\\' && in[1] == 'u') {
        int32_t low = read_hex4(in + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            in += 6;
        }
    }
    if (c >= 0xd800 && c <= 0xdfff) {
        c = 0xfffd;
        *ret_lone = true;
    }
    *out = write_utf8(*out, (uint32_t)c);
    return in;
}

/* An unescaped text is never longer than its escaped form. */
static bool unescape(struct reader *r, const char *in, const char *end, str *ret_text, bool *ret_lone)
{
    char *text = arena_alloc_raw(r->arena, (size_t)(end - in)), *out = text;
    while (in < end) {
        const char *stop = memchr(in, '\\', (size_t)(end - in));
        size_t plain = (size_t)((stop ? stop : end) - in);
        memcpy(out, in, plain);
        out += plain;
        in += plain;
        if (in == end)
            break;
        const char *escape = in;
        in += 2;
        switch (escape[1]) { /* a closed string does not end in a lone backslash */
        case '"': *out++ = '"'; break;
        case '\\': *out++ = '\\'; break;
        case '/': *out++ = '/'; break;
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'n': *out++ = '\n'; break;
        case 'r': *out++ = '\r'; break;
        case 't': *out++ = '\t'; break;
        case 'u':
            in = unescape_u(in, end, &out, ret_lone);
            if (in)
                break;
            return refuse(r, "an escape in a string is broken", (size_t)(escape - r->text));
        default: return refuse(r, "an escape in a string is unknown", (size_t)(escape - r->text));
        }
    }
    *ret_text = (str){text, (size_t)(out - text)};
    return true;
}

/* The string whose opening quote is at `from`, which has been taken. Its closing quote is the last thing before the
 * next position. */
static bool read_string(struct reader *r, size_t from, str *ret_text, str *ret_raw, bool *ret_lone)
{
    const char *open = r->text + from, *end = token_end(r, open);
    if (end - open < 2 || end[-1] != '"')
        return refuse(r, "a string is not closed", from);
    *ret_raw = (str){open, (size_t)(end - open)};
    if (r->escape < open) {
        const char *next = memchr(open, '\\', (size_t)(r->end - open));
        r->escape = next ? next : r->end;
    }
    if (r->escape < end)
        return unescape(r, open + 1, end - 1, ret_text, ret_lone);
    *ret_text = (str){open + 1, (size_t)(end - open) - 2};
    return true;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

static bool read_number(struct reader *r, size_t from, struct json *ret_value)
{
    const char *start = r->text + from, *end = token_end(r, start), *p = start;
    if (p < end && *p == '-')
        p++;
    const char *digits = p;
    p = skip_digits(p, end);
    if (p == digits || (*digits == '0' && p - digits > 1))
        return refuse(r, "a number is malformed", from);
    if (p < end && *p == '.') {
        const char *fraction = ++p;
        p = skip_digits(p, end);
        if (p == fraction)
            return refuse(r, "a number is malformed", from);
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        const char *exponent = p;
        p = skip_digits(p, end);
        if (p == exponent)
            return refuse(r, "a number is malformed", from);
    }
    if (p != end)
        return refuse(r, "a number is malformed", from);
    ret_value->type = JSON_NUMBER;
    ret_value->raw = ret_value->text = (str){start, (size_t)(end - start)};
    return true;
}

static bool read_word(struct reader *r, size_t from, str word, enum json_type type, struct json *ret_value)
{
    const char *start = r->text + from;
    ret_value->raw = (str){start, (size_t)(token_end(r, start) - start)};
    ret_value->type = (uint8_t)type;
    return str_equal(ret_value->raw, word) || refuse(r, "a value is expected", from);
}

static struct json_member *push(struct reader *r)
{
    struct stack *stack = r->stack;
    if (stack->count == stack->capacity)
        stack_resize(stack, stack->capacity ? stack->capacity * 2 : STACK_FIRST);
    return &stack->items[stack->count++];
}

/* Of members with the same name the last wins, at the place of the first. True when there were such; few names are
 * compared one with another, many by a keyed hash, so that no text makes this slow. */
static bool merge_same_names(struct reader *r, struct json_member *members, uint32_t *count)
{
    struct map places;
    uint64_t seen = 0; /* a bit for each length and last character: mostly tells at once that a name is new */
    uint32_t kept = 0;
    bool many = *count > NAMES_COMPARED_MAX;
    map_init(&places, r->arena);
    for (uint32_t i = 0; i < *count; i++) {
        str name = members[i].name;
        uint32_t last = name.length ? (uint8_t)name.data[name.length - 1] : 0;
        uint64_t bit = UINT64_C(1) << ((name.length * 11 + last) & 63);
        struct json_member *same = NULL;
        if (many) {
            same = map_get(&places, name);
        } else if (seen & bit) {
            for (uint32_t j = 0; j < kept && !same; j++)
                if (str_equal(members[j].name, name))
                    same = &members[j];
        }
        seen |= bit;
        if (same) {
            same->value = members[i].value;
            r->twice = members[i].value.raw.data;
            continue;
        }
        if (kept != i)
            members[kept] = members[i];
        if (many)
            map_set(&places, name, &members[kept]);
        kept++;
    }
    bool merged = kept != *count;
    *count = kept;
    return merged;
}

static bool read_object(struct reader *r, size_t from, struct json *ret_value, int depth)
{
    uint32_t base = r->stack->count;
    bool dirty = false;
    if (peek(r) == '}') {
        r->positions++;
    } else {
        for (;;) {
            struct json_member member;
            str raw;
            size_t at = peek_at(r);
            if (peek(r) != '"')
                return refuse(r, "a name in quotes is expected", at);
            r->positions++;
            if (!read_string(r, at, &member.name, &raw, &dirty))
                return false;
            if (peek(r) != ':')
                return refuse(r, "a colon is expected", peek_at(r));
            r->positions++;
            if (!read_value(r, &member.value, depth))
                return false;
            dirty |= member.value.raw_dirty;
            *push(r) = member;
            char next = peek(r);
            if (next != ',' && next != '}')
                return refuse(r, "a comma or } is expected", peek_at(r));
            r->positions++;
            if (next == '}')
                break;
        }
    }
    uint32_t count = r->stack->count - base;
    struct json_member *members = count ? &r->stack->items[base] : NULL;
    if (count > 1 && merge_same_names(r, members, &count))
        dirty = true; /* the raw text still has what lost */
    ret_value->type = JSON_OBJECT;
    ret_value->raw_dirty = dirty;
    ret_value->count = count;
    ret_value->members = NULL;
    if (count) {
        ret_value->members = arena_alloc_raw(r->arena, count * sizeof(*members));
        memcpy(ret_value->members, members, count * sizeof(*members));
    }
    ret_value->raw = (str){r->text + from, r->positions[-1] + 1 - from};
    r->stack->count = base;
    return true;
}

static bool read_array(struct reader *r, size_t from, struct json *ret_value, int depth)
{
    uint32_t base = r->stack->count;
    bool dirty = false;
    if (peek(r) == ']') {
        r->positions++;
    } else {
        for (;;) {
            struct json item;
            if (!read_value(r, &item, depth))
                return false;
            dirty |= item.raw_dirty;
            push(r)->value = item;
            char next = peek(r);
            if (next != ',' && next != ']')
                return refuse(r, "a comma or ] is expected", peek_at(r));
            r->positions++;
            if (next == ']')
                break;
        }
    }
    uint32_t count = r->stack->count - base;
    ret_value->type = JSON_ARRAY;
    ret_value->raw_dirty = dirty;
    ret_value->count = count;
    ret_value->items = NULL;
    if (count) {
        ret_value->items = arena_alloc_raw(r->arena, count * sizeof(struct json));
        for (uint32_t i = 0; i < count; i++)
            ret_value->items[i] = r->stack->items[base + i].value;
    }
    ret_value->raw = (str){r->text + from, r->positions[-1] + 1 - from};
    r->stack->count = base;
    return true;
}

static bool read_value(struct reader *r, struct json *ret_value, int depth)
{
    size_t at = peek_at(r);
    char first = peek(r);
    if (++r->nodes > LIMIT_JSON_NODES)
        return refuse(r, "too many values", at);
    ret_value->raw_dirty = false;
    ret_value->count = 0;
    ret_value->text = STR_NONE;
    if (r->positions < r->positions_end)
        r->positions++;
    switch (first) {
    case '"': ret_value->type = JSON_STRING; return read_string(r, at, &ret_value->text, &ret_value->raw, &ret_value->raw_dirty);
    case '{':
    case '[':
        if (depth >= LIMIT_JSON_DEPTH)
            return refuse(r, "nested too deeply", at);
        return first == '{' ? read_object(r, at, ret_value, depth + 1) : read_array(r, at, ret_value, depth + 1);
    case 't': return read_word(r, at, STR("true"), JSON_TRUE, ret_value);
    case 'f': return read_word(r, at, STR("false"), JSON_FALSE, ret_value);
    case 'n': return read_word(r, at, STR("null"), JSON_NULL, ret_value);
    default:
        if (first == '-' || is_digit(first))
            return read_number(r, at, ret_value);
        return refuse(r, "a value is expected", at);
    }
}

/* After a large text the thread gives its memory back. */
static void stack_trim(struct stack *stack)
{
    stack->count = 0;
    if (stack->capacity > STACK_KEPT_MAX)
        stack_resize(stack, 0);
}

/* "properties.items[3].name" of the value that holds the byte at `place`; empty: the whole text. */
static void path_of(const struct json *value, const char *place, struct buf *out)
{
    for (bool deeper = true; deeper;) {
        deeper = false;
        bool object = value->type == JSON_OBJECT, list = value->type == JSON_ARRAY;
        for (uint32_t i = 0; (object || list) && i < value->count && !deeper; i++) {
            const struct json *inner = object ? &value->members[i].value : &value->items[i];
            if (place < inner->raw.data || place >= inner->raw.data + inner->raw.length)
                continue;
            if (object)
                buf_printf(out, "%s%.*s", out->length ? "." : "", STR_FMT(value->members[i].name));
            else
                buf_printf(out, "[%u]", i);
            value = inner;
            deeper = true;
        }
    }
}

/* " (`properties.name`)"; nothing where it is the whole text. */
static str path_text(struct arena *arena, const struct json *value, const char *place)
{
    struct buf path;
    buf_init(&path, arena, 1024); /* a longer one ends there */
    path_of(value, place, &path);
    str text = str_repair_utf8(arena, buf_str(&path));
    return text.length ? str_printf(arena, " (`%.*s`)", STR_FMT(text)) : STR("");
}

static const struct err *read_text(struct arena *arena, str text, bool strict, struct json *ret_value);

static const struct err *utf8_error(struct arena *arena, str text, str repaired)
{
    struct json value;
    size_t at = 0;
    while (at < text.length && text.data[at] == repaired.data[at])
        at++;
    const struct err *error = read_text(arena, repaired, false, &value);
    return err_new(arena, ERR_MALFORMED, "the text is not UTF-8 at byte %zu%.*s; send all text as UTF-8", at,
                   STR_FMT(error ? STR("") : path_text(arena, &value, repaired.data + at)));
}

const struct err *json_read(struct arena *arena, str text, struct json *ret_value) { return read_text(arena, text, false, ret_value); }

const struct err *json_read_strict(struct arena *arena, str text, struct json *ret_value) { return read_text(arena, text, true, ret_value); }

static const struct err *read_text(struct arena *arena, str text, bool strict, struct json *ret_value)
{
    const uint32_t *positions;
    size_t count;
    if (str_starts(text, STR("\xef\xbb\xbf"))) /* a byte order mark says nothing */
        text = str_slice(text, 3, text.length);
    if (text.length >= UINT32_MAX / 2)
        return err_new(arena, ERR_TOO_LARGE, "the JSON text is too large");
    if (text.length == 0)
        return err_new(arena, ERR_MALFORMED, "JSON is expected, but the text is empty");
    enum json_index_result result = json_index(text.data, text.length, &positions, &count);
    if (result == JSON_INDEX_UTF8) {
        str repaired = str_repair_utf8(arena, text);
        if (strict)
            return utf8_error(arena, text, repaired);
        text = repaired;
        result = json_index(text.data, text.length, &positions, &count);
    }
    if (result == JSON_INDEX_MEMORY)
        return err_new(arena, ERR_UNAVAILABLE, "no memory to read the JSON text");
    if (result != JSON_INDEX_FINE)
        return err_new(arena, ERR_MALFORMED, "not JSON: a string is not closed or holds a control character");
    struct reader r = {.arena = arena,
                       .text = text.data,
                       .end = text.data + text.length,
                       .positions = positions,
                       .positions_end = positions + count,
                       .escape = text.data - 1,
                       .stack = &thread_stack};
    struct json value;
    bool fine = read_value(&r, &value, 0);
    if (fine && r.positions != r.positions_end)
        fine = refuse(&r, "the text goes on after its end", peek_at(&r));
    stack_trim(&thread_stack);
    json_index_trim();
    if (!fine)
        return err_new(arena, ERR_MALFORMED, "not JSON that Telos takes: %s, at byte %zu", r.wrong, r.wrong_at);
    if (strict && r.twice)
        return err_new(arena, ERR_MALFORMED, "a name stands twice in one object%.*s, at byte %zu; send each name once",
                       STR_FMT(path_text(arena, &value, r.twice)), (size_t)(r.twice - text.data));
    *ret_value = value;
    return NULL;
}

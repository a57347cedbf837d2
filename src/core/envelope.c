/* Finding the messages in a collect body. The contract is in envelope.h. */
#include "core/envelope.h"

#include "base/json_strict.h"
#include "base/limits.h"

struct cursor {
    const char *at, *end;
};

static bool space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void skip_space(struct cursor *cursor)
{
    while (cursor->at < cursor->end && space(*cursor->at))
        cursor->at++;
}

static bool take(struct cursor *cursor, char c)
{
    skip_space(cursor);
    if (cursor->at >= cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

/* At the opening quote; ends behind the closing one. */
static bool skip_string(struct cursor *cursor)
{
    const char *from = cursor->at + 1;
    for (;;) {
        const char *quote = memchr(from, '"', (size_t)(cursor->end - from));
        if (!quote)
            return false;
        size_t slashes = 0;
        while (quote - 1 - slashes > cursor->at && quote[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        from = quote + 1;
        if (slashes % 2 == 0)
            break;
    }
    cursor->at = from;
    return true;
}

/* At '{' or '['; ends behind the bracket that closes it. */
static bool skip_brackets(struct cursor *cursor)
{
    size_t depth = 0;
    while (cursor->at < cursor->end) {
        char c = *cursor->at;
        if (c == '"') {
            if (!skip_string(cursor))
                return false;
            continue;
        }
        cursor->at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return true;
    }
    return false;
}

/* One value, whatever it is; its text comes back without spaces around it. */
static bool take_value(struct cursor *cursor, str *ret_text)
{
    skip_space(cursor);
    const char *from = cursor->at;
    if (from >= cursor->end)
        return false;
    if (*from == '"') {
        if (!skip_string(cursor))
            return false;
    } else if (*from == '{' || *from == '[') {
        if (!skip_brackets(cursor))
            return false;
    } else {
        while (cursor->at < cursor->end && !space(*cursor->at) && *cursor->at != ',' && *cursor->at != '}' && *cursor->at != ']')
            cursor->at++;
        if (cursor->at == from)
            return false;
    }
    *ret_text = str_bytes(from, (size_t)(cursor->at - from));
    return true;
}

static const struct err *malformed(struct arena *arena, const char *what)
{
    return err_new(arena, ERR_MALFORMED, "the body is not JSON: %s", what);
}

/* At the '[' of a list of messages. */
static const struct err *read_list(struct arena *arena, str list, size_t messages_max, struct envelope *envelope)
{
    struct cursor cursor = {list.data, list.data + list.length};
    envelope->batch = true;
    envelope->messages.count = 0;
    (void)take(&cursor, '['); /* the caller saw it */
    if (take(&cursor, ']'))
        return NULL;
    for (;;) {
        str text;
        if (!take_value(&cursor, &text))
            return malformed(arena, "the list of messages is broken");
        if (envelope->messages.count >= messages_max)
            return err_new(arena, ERR_TOO_LARGE, "a batch takes %zu messages; send the rest in another", messages_max);
        *(str *)vec_push(arena, &envelope->messages) = text;
        if (take(&cursor, ']'))
            return NULL;
        if (!take(&cursor, ','))
            return malformed(arena, "a comma is missing in the list of messages");
    }
}

static str string_of(struct arena *arena, str raw)
{
    struct json value;
    if (raw.data[0] != '"' || raw.length > LIMIT_STRING_BYTES)
        return STR_NONE;
    return json_read(arena, raw, &value) ? STR_NONE : value.text;
}

static bool name_is(struct arena *arena, str raw, str name)
{
    str inside = str_slice(raw, 1, raw.length - 1);
    if (str_find_char(inside, '\\') >= 0)
        inside = string_of(arena, raw);
    return str_equal(inside, name);
}

enum outer_name { OUTER_BATCH, OUTER_TYPE, OUTER_WRITE_KEY, OUTER_SENT_AT, OUTER_CONTEXT, OUTER_INTEGRATIONS, OUTER_NAMES };
static const char *const outer_names[] = {"batch", "type", "writeKey", "sentAt", "context", "integrations"};

struct outer {
    str batch, type;
    unsigned seen; /* bits of outer_name */
    const char *twice; /* one that stands there twice */
};

static void take_member(struct arena *arena, struct envelope *envelope, struct outer *outer, str name, str value)
{
    unsigned which = 0;
    while (which < OUTER_NAMES && !name_is(arena, name, str_of(outer_names[which])))
        which++;
    switch ((enum outer_name)which) {
    case OUTER_BATCH: outer->batch = value; break;
    case OUTER_TYPE: outer->type = value; break;
    case OUTER_WRITE_KEY: envelope->write_key = string_of(arena, value); break;
    case OUTER_SENT_AT: envelope->sent_at = string_of(arena, value); break;
    case OUTER_CONTEXT: envelope->context = value; break;
    case OUTER_INTEGRATIONS: envelope->integrations = value; break;
    case OUTER_NAMES: return;
    }
    if (outer->seen >> which & 1)
        outer->twice = outer_names[which];
    outer->seen |= 1u << which;
}

static const struct err *read_object(struct arena *arena, struct cursor *cursor, struct envelope *envelope, struct outer *outer)
{
    (void)take(cursor, '{'); /* the caller saw it */
    if (take(cursor, '}'))
        return NULL;
    for (;;) {
        str name, value;
        skip_space(cursor);
        const char *from = cursor->at;
        if (from >= cursor->end || *from != '"' || !skip_string(cursor))
            return malformed(arena, "a name in quotes is missing");
        name = str_bytes(from, (size_t)(cursor->at - from));
        if (!take(cursor, ':') || !take_value(cursor, &value))
            return malformed(arena, "a value is missing or does not end");
        take_member(arena, envelope, outer, name, value);
        if (take(cursor, '}'))
            return NULL;
        if (!take(cursor, ','))
            return malformed(arena, "a comma or the closing brace is missing");
    }
}

const struct err *envelope_read(struct arena *arena, str text, size_t messages_max, struct envelope *ret_envelope)
{
    struct envelope envelope = {0};
    struct outer outer = {0};
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_slice(text, 3, text.length);
    text = str_trim(text);
    struct cursor cursor = {text.data, text.data + text.length};
    if (str_empty(text))
        return err_new(arena, ERR_MALFORMED, "the body is empty; send a JSON object");
    if (text.data[0] == '[') {
        if (!take_value(&cursor, &outer.batch))
            return malformed(arena, "the list does not end");
    } else if (text.data[0] == '{') {
        TRY(read_object(arena, &cursor, &envelope, &outer));
    } else {
        return malformed(arena, "it begins neither with { nor with [");
    }
    skip_space(&cursor);
    if (cursor.at != cursor.end)
        return malformed(arena, "something follows after its end");
    if (!str_empty(outer.batch) && outer.batch.data[0] == '[' && str_empty(outer.type)) {
        if (outer.twice) /* in a message that stands alone it is found when that is read */
            return err_new(arena, ERR_MALFORMED, "the name `%s` stands twice in the body; send each name once", outer.twice);
        TRY(read_list(arena, outer.batch, messages_max, &envelope));
        if (!envelope.messages.count && text.data[0] == '[')
            return malformed(arena, "the list is empty");
    } else {
        *(str *)vec_push(arena, &envelope.messages) = text;
        envelope.context = envelope.integrations = STR_NONE; /* they are the message's own */
    }
    *ret_envelope = envelope;
    return NULL;
}

const char *envelope_message(struct arena *arena, str text, struct json *ret_message)
{
    static const char *const too_large = "the message is over 32 KB";
    struct json message;
    const char *problem = NULL;
    if (text.length > LIMIT_MESSAGE_BYTES) {
        problem = too_large;
    } else {
        const struct err *error = json_read_strict(arena, text, &message);
        if (error)
            problem = error->text;
        else if (message.type != JSON_OBJECT)
            problem = "a message must be a JSON object";
    }
    *ret_message = problem ? (struct json){.type = JSON_NULL, .raw = STR("null")} : message;
    return problem;
}

const struct err *envelope_defaults(struct arena *arena, const struct envelope *envelope, struct json *ret_defaults, bool *ret_any)
{
    struct json_member *members = arena_array(arena, struct json_member, 2);
    const str texts[2] = {envelope->context, envelope->integrations};
    static const str names[2] = {STR("context"), STR("integrations")};
    uint32_t count = 0;
    if ((texts[0].length + texts[1].length) * envelope->messages.count > LIMIT_IMPORT_BYTES)
        return err_new(arena, ERR_TOO_LARGE, "the outer `context` is too large for so many messages; send fewer at a time");
    for (size_t i = 0; i < 2; i++) {
        if (str_empty(texts[i]) || str_equal(texts[i], STR("null")))
            continue;
        members[count].name = names[i];
        TRY(json_read_strict(arena, texts[i], &members[count].value));
        if (members[count].value.type == JSON_OBJECT)
            count++;
    }
    *ret_defaults = (struct json){.type = JSON_OBJECT, .raw_dirty = true, .count = count, .members = members};
    *ret_any = count > 0;
    return NULL;
}

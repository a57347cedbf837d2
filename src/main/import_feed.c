/* A file as a sequence of messages; the contract is in import_feed.h. */
#include "main/import_feed.h"

#include "base/json_strict.h"
#include "base/limits.h"
#include "main/import_input.h"
#include "main/import_record.h"

#include <sodium.h>

enum { ID_BYTES = 18 };

struct feed {
    struct arena *arena; /* for as long as the feed is open */
    struct arena scratch; /* of one record */
    const char *path, *source;
    enum import_format format;
    struct input *input;
    struct records records;
    struct import_map *map; /* CSV */
    str *fields;
    char delimiter;
    bool first_waits; /* without a header, the first record is data, too */
    str unused;
};

static const char *const format_names[] = {[IMPORT_UNKNOWN] = "?", [IMPORT_NDJSON] = "ndjson", [IMPORT_CSV] = "csv", [IMPORT_SEGMENT] = "segment"};

const char *import_format_name(enum import_format format) { return format_names[format]; }

bool import_format_parse(str text, enum import_format *ret_format)
{
    for (enum import_format format = IMPORT_NDJSON; format <= IMPORT_SEGMENT; format++) {
        if (!str_equal(text, str_of(format_names[format])))
            continue;
        *ret_format = format;
        return true;
    }
    return false;
}

static const struct err *source_read(void *context, char *to, size_t room, size_t *ret_got) { return input_read(context, to, room, ret_got); }

/* ---- what the file is ---- */

static enum import_format format_by_name(const char *path)
{
    static const struct {
        const char *ending;
        enum import_format format;
    } endings[] = {{".csv", IMPORT_CSV}, {".tsv", IMPORT_CSV}, {".ndjson", IMPORT_NDJSON}, {".jsonl", IMPORT_NDJSON}};
    str name = str_of(path);
    static const str packed[] = {STR(".gz"), STR(".zst")};
    for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++)
        if (str_ends(name, packed[i]))
            name.length -= packed[i].length;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        if (str_ends(name, str_of(endings[i].ending)))
            return endings[i].format;
    return IMPORT_UNKNOWN;
}

static const struct err *find_format(struct feed *feed)
{
    str head;
    TRY(records_peek(&feed->records, &head));
    if (str_starts(head, STR("\xff\xfe")) || str_starts(head, STR("\xfe\xff")))
        return err_new(feed->arena, ERR_INVALID, "%s is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8", feed->path);
    str text = str_trim(head);
    if (feed->format == IMPORT_UNKNOWN)
        feed->format = format_by_name(feed->path);
    if (feed->format == IMPORT_UNKNOWN)
        feed->format = str_starts(text, STR("{")) || str_starts(text, STR("[")) ? IMPORT_NDJSON : IMPORT_CSV;
    if (feed->format != IMPORT_CSV && str_starts(text, STR("[")))
        return err_new(feed->arena, ERR_INVALID, "%s is one JSON list; a message a line is wanted: jq -c '.[]' %s > lines.ndjson", feed->path, feed->path);
    if (feed->format == IMPORT_CSV) {
        feed->delimiter = import_map_delimiter(feed->map) ? import_map_delimiter(feed->map) : csv_delimiter(head);
        feed->records.csv = true;
        feed->records.delimiter = feed->delimiter;
    }
    return NULL;
}

static const struct err *bind_columns(struct feed *feed, const struct feed_options *options)
{
    struct record record;
    bool found;
    feed->fields = arena_array(feed->arena, str, LIMIT_IMPORT_COLUMNS);
    TRY(records_next(&feed->records, &record, &found));
    if (!found)
        return NULL;
    if (record.state != RECORD_FINE)
        return err_new(feed->arena, ERR_INVALID, "%s: line %llu: the header cannot be read: a quote is not closed", feed->path,
                       (unsigned long long)record.line);
    str text = str_copy(feed->arena, record.text);
    size_t count = csv_fields(feed->arena, text, feed->delimiter, feed->fields, LIMIT_IMPORT_COLUMNS);
    const struct err *error = import_map_bind(feed->arena, feed->map, feed->fields, count, &feed->unused);
    if (error && !options->mapping.data && count <= LIMIT_IMPORT_COLUMNS)
        return err_new(feed->arena, ERR_INVALID, "%s: %s. A mapping to begin with:\n%.*s", feed->path, error->text,
                       STR_FMT(import_map_suggest(feed->arena, feed->fields, count)));
    if (error)
        return err_wrap(feed->arena, error, "%s", options->mapping.data ? options->mapping_path : feed->path);
    feed->first_waits = !import_map_has_header(feed->map);
    return NULL;
}

static const struct err *mapping_read(struct feed *feed, const struct feed_options *options)
{
    policy_problems problems = {0};
    if (!options->mapping.data) {
        feed->map = import_map_plain(feed->arena);
        return NULL;
    }
    const struct err *error = import_map_read(feed->arena, options->mapping, &problems, &feed->map);
    if (error)
        return err_new(feed->arena, ERR_INVALID, "%s\n%.*s", error->text,
                       STR_FMT(str_trim(policy_problems_text(feed->arena, options->mapping_path, &problems))));
    return NULL;
}

/* Opens the file at its start. */
static const struct err *open_input(struct feed *feed)
{
    TRY(input_open(feed->arena, feed->path, &feed->input));
    feed->records.source = source_read;
    feed->records.context = feed->input;
    return NULL;
}

/* Goes to a place further on, by a second look at the file (the first one read the header). */
static const struct err *go_to(struct feed *feed, struct place from)
{
    input_close(feed->input);
    feed->input = NULL;
    TRY(open_input(feed));
    TRY(input_skip(feed->input, from.offset));
    feed->records.at = feed->records.end = 0;
    feed->records.offset = from.offset;
    feed->records.line = from.line;
    feed->records.ended = false;
    return NULL;
}

static const struct err *feed_begin(struct feed *feed, const struct feed_options *options)
{
    TRY(mapping_read(feed, options));
    records_init(&feed->records, feed->arena, source_read, NULL, 0);
    TRY(open_input(feed));
    TRY(find_format(feed));
    if (feed->format != IMPORT_CSV && options->mapping.data)
        return err_new(feed->arena, ERR_INVALID, "--map is for CSV files, and %s is taken for %s; say --format csv if it is one", feed->path,
                       import_format_name(feed->format));
    if (feed->format == IMPORT_CSV)
        TRY(bind_columns(feed, options));
    if (options->from.offset || feed->first_waits)
        TRY(go_to(feed, options->from.offset ? options->from : (struct place){0, 1}));
    return NULL;
}

const struct err *feed_open(struct arena *arena, const struct feed_options *options, struct feed **ret_feed)
{
    struct feed *feed = arena_new(arena, struct feed);
    *feed = (struct feed){.arena = arena, .path = options->path, .source = options->source, .format = options->format, .unused = STR("")};
    arena_init(&feed->scratch);
    const struct err *error = feed_begin(feed, options);
    if (error) {
        feed_close(feed);
        return error;
    }
    *ret_feed = feed;
    return NULL;
}

void feed_close(struct feed *feed)
{
    if (!feed)
        return;
    input_close(feed->input);
    arena_release(&feed->scratch);
}

enum import_format feed_format(const struct feed *feed) { return feed->format; }
str feed_unused(const struct feed *feed) { return feed->unused; }
bool feed_traits_astray(const struct feed *feed) { return feed->map && import_map_traits_astray(feed->map); }
struct place feed_place(const struct feed *feed) { return (struct place){feed->records.offset, feed->records.line}; }
uint64_t feed_size_bytes(const struct feed *feed) { return input_size_bytes(feed->input); }

uint64_t feed_done_bytes(const struct feed *feed)
{
    uint64_t done = input_done_bytes(feed->input), waiting = feed->records.end - feed->records.at;
    return done > waiting ? done - waiting : 0; /* of a packed file only about right */
}

/* ---- messages ---- */

static str derived_id(struct feed *feed, const struct record *record)
{
    crypto_generichash_state state;
    uint8_t hash[32], offset[8];
    for (int i = 0; i < 8; i++)
        offset[i] = (uint8_t)(record->offset >> (8 * i));
    (void)crypto_generichash_init(&state, NULL, 0, sizeof(hash)); /* these cannot fail with a good size */
    (void)crypto_generichash_update(&state, (const uint8_t *)feed->source, strlen(feed->source) + 1);
    (void)crypto_generichash_update(&state, offset, sizeof(offset));
    (void)crypto_generichash_update(&state, (const uint8_t *)record->text.data, record->text.length);
    (void)crypto_generichash_final(&state, hash, sizeof(hash));
    return str_printf(&feed->scratch, "import-%.*s", STR_FMT(str_base64url(&feed->scratch, hash, ID_BYTES)));
}

/* What Segment writes into its exports beside the message; its timestamps are corrected already, so `sentAt` must not
 * move them again. */
static bool segment_extra(str name)
{
    static const str names[] = {STR("_metadata"), STR("projectId"), STR("receivedAt"), STR("sentAt"), STR("version"), STR("writeKey")};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (str_equal(name, names[i]))
            return true;
    return false;
}

/* Without what is extra in an export of Segment, and without a `messageId` that says nothing, beside which ours would be the second. */
static void write_members(const struct json *message, bool segment, bool id, struct buf *out)
{
    struct jsonw w;
    jsonw_init(&w, out);
    jsonw_object(&w);
    for (uint32_t i = 0; i < message->count; i++) {
        const struct json_member *member = &message->members[i];
        if (!id && str_equal(member->name, STR("messageId")))
            continue;
        if (segment && (segment_extra(member->name) || (str_equal(member->name, STR("originalTimestamp")) && json_get(message, STR("timestamp")))))
            continue;
        jsonw_key(&w, member->name);
        jsonw_value(&w, &member->value);
    }
    jsonw_object_end(&w);
}

static str json_message(struct feed *feed, const struct record *record, struct buf *out)
{
    struct json message;
    str text = str_trim(record->text);
    size_t before = out->length;
    if (text.length > LIMIT_MESSAGE_BYTES)
        return str_printf(&feed->scratch, "over %d bytes, the limit of one message", LIMIT_MESSAGE_BYTES);
    const struct err *error = json_read_strict(&feed->scratch, text, &message);
    if (error)
        return str_printf(&feed->scratch, "%s", error->text);
    if (message.type != JSON_OBJECT)
        return STR("not a JSON object");
    const struct json *said = json_get(&message, STR("messageId"));
    bool id = !str_empty(json_id_text(&feed->scratch, said));
    if (feed->format == IMPORT_SEGMENT || (said && !id))
        write_members(&message, feed->format == IMPORT_SEGMENT, id, out);
    else
        buf_add(out, text);
    if (id)
        return STR_NONE;
    out->length--; /* the closing brace */
    bool empty = out->length == before + 1 || message.count == 0;
    buf_printf(out, "%s\"messageId\":\"%.*s\"}", empty ? "" : ",", STR_FMT(derived_id(feed, record)));
    return STR_NONE;
}

static str csv_message(struct feed *feed, const struct record *record, struct buf *out)
{
    str why = STR_NONE;
    size_t before = out->length;
    size_t count = csv_fields(&feed->scratch, record->text, feed->delimiter, feed->fields, LIMIT_IMPORT_COLUMNS);
    if (count > LIMIT_IMPORT_COLUMNS)
        return str_printf(&feed->scratch, "%zu columns; at most %d", count, LIMIT_IMPORT_COLUMNS);
    if (!import_map_message(&feed->scratch, feed->map, feed->fields, count, derived_id(feed, record), out, &why))
        return why;
    if (out->length - before > LIMIT_MESSAGE_BYTES) {
        out->length = before;
        return str_printf(&feed->scratch, "over %d bytes, the limit of one message", LIMIT_MESSAGE_BYTES);
    }
    return STR_NONE;
}

const struct err *feed_next(struct feed *feed, struct buf *out, struct feed_item *ret_item, bool *ret_found)
{
    struct record record;
    arena_clear(&feed->scratch);
    TRY(records_next(&feed->records, &record, ret_found));
    if (!*ret_found)
        return NULL;
    *ret_item = (struct feed_item){.line = record.line};
    if (record.state == RECORD_TOO_LONG)
        ret_item->why =
            str_printf(&feed->scratch, "over %d bytes without an end%s", LIMIT_IMPORT_RECORD_BYTES, feed->records.csv ? "; is a quote not closed?" : "");
    else if (record.state == RECORD_UNCLOSED)
        ret_item->why = STR("a quote is not closed");
    else
        ret_item->why = feed->format == IMPORT_CSV ? csv_message(feed, &record, out) : json_message(feed, &record, out);
    return NULL;
}

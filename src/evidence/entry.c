/* The ledger's entries as canonical JSON. See entry.h for the forms. */
#include "evidence/entry.h"

#include "base/time.h"
#include "evidence/canonical.h"
#include "evidence/seal.h"
#include "evidence/text_private.h"

#define KIND_LENGTH_MAX 64
#define COUNT_MAX (UINT64_C(1) << 53) /* what a JSON number holds exactly */

static bool kind_allowed(str kind)
{
    bool fine = kind.length > 0 && kind.length <= KIND_LENGTH_MAX;
    for (size_t i = 0; fine && i < kind.length; i++) {
        char c = kind.data[i];
        fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    }
    return fine;
}

/* Members come in the order of their names, so each form is written as it stands: `at`, then what is the form's. */
static void entry_begin(struct arena *arena, struct buf *out, struct jsonw *w, const char *kind, int64_t at_ms)
{
    ASSERT(kind_allowed(str_of(kind)));
    buf_init(out, arena, SIZE_MAX / 4);
    jsonw_init(w, out);
    jsonw_object(w);
    jsonw_field_time(w, "at", at_ms);
}

str entry_personal(struct arena *arena, const char *kind, const uint8_t salt[32], str record, int64_t at_ms)
{
    struct buf out;
    struct jsonw w;
    struct hash hash;
    commitment(salt, record, &hash);
    entry_begin(arena, &out, &w, kind, at_ms);
    jsonw_field(&w, "commitment", str_base64(arena, hash.bytes, sizeof(hash.bytes)));
    jsonw_field(&w, "kind", str_of(kind));
    jsonw_object_end(&w);
    return buf_str(&out);
}

const struct err *entry_clear(struct arena *arena, const char *kind, str record, int64_t at_ms, str *ret)
{
    str canonical;
    TRY(json_canonical_text(arena, record, &canonical));
    if (!str_starts(canonical, STR("{")))
        return err_new(arena, ERR_INVALID, "the record of a ledger entry must be a JSON object");
    struct buf out;
    struct jsonw w;
    entry_begin(arena, &out, &w, kind, at_ms);
    jsonw_field(&w, "kind", str_of(kind));
    jsonw_key(&w, STR("record"));
    jsonw_raw(&w, canonical);
    jsonw_object_end(&w);
    *ret = buf_str(&out);
    return NULL;
}

str entry_batch(struct arena *arena, const char *kind, const struct hash *root, uint64_t count, int64_t at_ms)
{
    struct buf out;
    struct jsonw w;
    ASSERT(count <= COUNT_MAX);
    entry_begin(arena, &out, &w, kind, at_ms);
    jsonw_field_int(&w, "count", (int64_t)count);
    jsonw_field(&w, "kind", str_of(kind));
    jsonw_field(&w, "root", str_base64(arena, root->bytes, sizeof(root->bytes)));
    jsonw_object_end(&w);
    return buf_str(&out);
}

static bool read_time(const struct json *value, int64_t *ret_ms)
{
    char text[TIME_TEXT_SIZE];
    str given = json_string(value);
    return given.data && time_parse(given, ret_ms) && str_equal(time_text(*ret_ms, text), given);
}

/* What is wrong, or NULL. */
static const char *entry_read(struct arena *arena, const struct json *value, struct entry *entry)
{
    const struct json *hash = json_get(value, STR("commitment")), *root = json_get(value, STR("root"));
    const struct json *record = json_get(value, STR("record")), *count = json_get(value, STR("count"));
    if (value->type != JSON_OBJECT)
        return "it is not an object";
    entry->kind = json_string(json_get(value, STR("kind")));
    if (!kind_allowed(entry->kind))
        return "its kind is missing or not allowed";
    if (!read_time(json_get(value, STR("at")), &entry->at_ms))
        return "its time is missing or not in canonical form";
    if (value->count == 3 && hash) {
        entry->form = ENTRY_PERSONAL;
        return text_hash(arena, json_string(hash), &entry->hash) ? NULL : "its commitment is not 32 bytes of base64";
    }
    if (value->count == 3 && record && record->type == JSON_OBJECT) {
        entry->form = ENTRY_CLEAR;
        entry->record = record->raw; /* the whole text is canonical, so this is, too */
        return NULL;
    }
    if (value->count == 4 && root && count && count->type == JSON_NUMBER) {
        entry->form = ENTRY_BATCH;
        if (!text_uint64(count->text, &entry->count) || entry->count > COUNT_MAX)
            return "its count is not a number of records";
        return text_hash(arena, json_string(root), &entry->hash) ? NULL : "its root is not 32 bytes of base64";
    }
    return "its members are of no form that there is";
}

const struct err *entry_parse(struct arena *arena, str text, struct entry *ret)
{
    str canonical;
    struct json value;
    struct entry entry = {0};
    TRY(json_canonical_text(arena, text, &canonical));
    if (!str_equal(canonical, text))
        return err_new(arena, ERR_INVALID, "the ledger entry is not canonical JSON");
    TRY(json_read(arena, canonical, &value));
    const char *wrong = entry_read(arena, &value, &entry);
    if (wrong)
        return err_new(arena, ERR_INVALID, "not a ledger entry: %s", wrong);
    *ret = entry;
    return NULL;
}

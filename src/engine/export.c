/* The evidence as files that `telos verify` checks with the public key alone (evidence/verify.h names them). Beside what is verified there lie
 * the policies in force (`policies/<version>/`), whose digests are in the ledger, and `export.json`, which says what was asked. Where the files go
 * is the caller's: a folder (export_folder.c), an archive that is sent.
 *
 * 1. The tree is exported whole, so that its root can be computed; entries and records only of the time asked for.
 * 2. Opened records are in clear, with the salt that opens their one commitment: the export is personal data then, and each record is a read of its
 *    person. Of persons whose keys are destroyed, and where records stay closed, there are only the entries, which still verify.
 * 3. `checkpoint` comes last: an export without it is unfinished.
 */
#include "engine/engine_private.h"
#include "engine/proof_series_private.h"
#include "evidence/tiles.h"

#include <sodium.h>
#include <time.h>

#define LIST_BYTES_MAX ((size_t)16 * 1024 * 1024) /* paths and names of a policy's notices */
#define MANIFEST_BYTES_MAX ((size_t)64 * 1024 * 1024) /* what `telos verify` reads of one file: some 500,000 files, a hundred million entries */

#define READ_PERSONS 4096
#define READ_WAITS 1000 /* of 20 ms, until a read can be written down */

struct export {
    struct engine *engine;
    struct reader *reader;
    struct arena *arena; /* of the call */
    struct arena slice;
    struct export_wish wish;
    const struct export_sink *sink;
    profile_no read[READ_PERSONS]; /* recorded as read, as far as they do not push each other out */
    uint64_t size; /* of the tree that is exported */
    uint64_t entries, records, policies, done;
    struct ledger_tiles source;
    struct merkle_tiles tiles;
    struct proof_series *series;
    struct buf bundle, bundle_before; /* of 256 entries, and the one before it */
    bool bundle_wanted, before_put, after_seen;
    struct buf lines; /* records that go into one file */
    uint64_t lines_first; /* the index of the first */
    struct buf manifest; /* a line a file: evidence/verify_manifest.c */
    const struct err *error;
    void (*progress)(void *, uint64_t done, uint64_t all);
    void *context;
};

static void manifest_add(struct export *export, const char *name, str content)
{
    struct hash digest;
    hash_sha256(content, &digest);
    buf_add(&export->manifest, str_hex(&export->slice, digest.bytes, sizeof digest.bytes));
    buf_printf(&export->manifest, "  %s\n", name);
}

static const struct err *put(struct export *export, const char *name, str content)
{
    manifest_add(export, name, content);
    return export->sink->put(export->sink->context, &export->slice, name, content);
}

/* --- tiles */

static const struct err *tiles_put(struct export *export)
{
    char name[TILE_PATH_SIZE];
    for (unsigned level = 0; level <= TILE_LEVEL_MAX && tile_width_at(export->size, level, 0); level++)
        for (uint64_t index = 0;; index++) {
            unsigned width = tile_width_at(export->size, level, index);
            if (!width)
                break;
            struct hash hashes[MERKLE_TILE_WIDTH];
            TRY(export->source.ops->tile(export->source.session, &export->slice, level, index, width, (uint8_t *)hashes));
            str path = tile_path((struct tile_address){.level = level, .index = index, .width = width}, name);
            TRY(put(export, str_z(&export->slice, path), str_bytes(hashes, width * sizeof *hashes)));
            arena_clear(&export->slice);
        }
    return NULL;
}

/* --- entries and records */

#define LINES_BYTES (8u * 1024 * 1024)

static const struct err *lines_put(struct export *export)
{
    if (export->lines.overflow)
        return err_new(&export->slice, ERR_INTERNAL, "the records from ledger entry %llu on are too long", (unsigned long long)export->lines_first);
    if (!export->lines.length)
        return NULL;
    TRY(put(export, arena_printf(&export->slice, "records/%012llu.ndjson", (unsigned long long)export->lines_first), buf_str(&export->lines)));
    buf_clear(&export->lines);
    return NULL;
}

/* Written down before the record is. The log of reads empties with the next commits; an export may be faster than that, and waits. */
static const struct err *read_recorded(struct export *export, profile_no profile)
{
    const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    profile_no *place = &export->read[profile.value % READ_PERSONS];
    if (profile_no_equal(*place, profile))
        return NULL;
    for (int i = 0; !read_log_ready(export->engine); i++) {
        if (i == READ_WAITS)
            return err_new(&export->slice, ERR_UNAVAILABLE, "reads cannot be recorded at the moment, so none is made");
        nanosleep(&moment, NULL);
    }
    engine_record_read(export->engine, export->wish.reader, profile, STR_NONE, "evidence");
    *place = profile;
    return NULL;
}

static const struct err *record_put(struct export *export, const struct ledger_row *row, const struct entry *entry)
{
    struct arena *arena = &export->slice;
    struct merkle_path path = {0};
    struct jsonw w;
    uint8_t key[32], salt[32];
    str record = STR_NONE;
    const struct err *error = NULL;
    if (!export->wish.closed && entry->form == ENTRY_PERSONAL && row->profile.value && row->record_sealed.length &&
        vault_key(export->engine->vault, row->profile, KEY_EVIDENCE, key) == VAULT_LIVE) {
        if (!ledger_record_open(arena, key, row->index, row->record_sealed, &record))
            return err_new(arena, ERR_INTERNAL, "the record of ledger entry %llu does not open; `telos audit check` tells more",
                           (unsigned long long)row->index);
        ledger_salt(key, row->index, LEDGER_PLACE_ALONE, salt);
        error = read_recorded(export, row->profile);
    }
    sodium_memzero(key, sizeof key);
    TRY(error);
    if (!proof_series_path(export->series, arena, row->index, &path))
        return export->source.error ? export->source.error : err_new(arena, ERR_IO, "a tile of the ledger cannot be read");
    if (!export->lines.length)
        export->lines_first = row->index;
    jsonw_init(&w, &export->lines);
    jsonw_object(&w);
    jsonw_field(&w, "entry", row->entry);
    jsonw_field_int(&w, "index", (int64_t)row->index);
    jsonw_key(&w, STR("path"));
    jsonw_array(&w);
    vec_each (hash, &path)
        jsonw_string(&w, str_base64(arena, hash->bytes, sizeof hash->bytes));
    jsonw_array_end(&w);
    if (record.data) {
        jsonw_field(&w, "record", record);
        jsonw_field(&w, "salt", str_base64(arena, salt, sizeof salt));
    }
    jsonw_object_end(&w);
    sodium_memzero(salt, sizeof salt);
    buf_add_char(&export->lines, '\n');
    export->records++;
    return export->lines.length >= LINES_BYTES ? lines_put(export) : NULL;
}

static const struct err *bundle_put(struct export *export, uint64_t last_index)
{
    char name[TILE_PATH_SIZE];
    uint64_t index = last_index / MERKLE_TILE_WIDTH;
    unsigned width = (unsigned)(last_index % MERKLE_TILE_WIDTH) + 1;
    const struct err *error = NULL;
    if (export->bundle_wanted && index && !export->before_put) { /* its last entry shows where the time asked for begins */
        str path = tile_path((struct tile_address){.entries = true, .index = index - 1, .width = MERKLE_TILE_WIDTH}, name);
        error = put(export, str_z(&export->slice, path), buf_str(&export->bundle_before));
    }
    if (!error && export->bundle_wanted) {
        str path = tile_path((struct tile_address){.entries = true, .index = index, .width = width}, name);
        error = put(export, str_z(&export->slice, path), buf_str(&export->bundle));
    }
    struct buf before = export->bundle_before;
    export->bundle_before = export->bundle;
    export->bundle = before;
    export->before_put = export->bundle_wanted;
    export->bundle_wanted = false;
    buf_clear(&export->bundle);
    return error ? error : lines_put(export);
}

/* What is exported although it is of another time, for `telos verify`: entries say nothing about anybody. The policies' entries; the first entry
 * after the time asked for, and the log's last, so that it is seen where that time ends; and all within a day of it, so that no bundle is
 * missing between two that are there when the clock was set back. */
static bool bundle_shows(struct export *export, uint64_t index, const struct entry *entry)
{
    const int64_t day_ms = (int64_t)24 * 3600 * 1000;
    int64_t at_ms = entry->at_ms;
    bool near = (at_ms > INT64_MAX - day_ms || export->wish.from_ms <= at_ms + day_ms) && (at_ms < INT64_MIN + day_ms || at_ms - day_ms <= export->wish.to_ms);
    bool first_after = at_ms > export->wish.to_ms && !export->after_seen;
    export->after_seen |= first_after;
    return near || first_after || index == export->size - 1 || (at_ms <= export->wish.to_ms && str_equal(entry->kind, STR("policy")));
}

static const struct err *row_export(struct export *export, const struct ledger_row *row)
{
    struct entry entry;
    TRY(entry_parse(&export->slice, row->entry, &entry));
    if (row->index != export->done)
        return err_new(&export->slice, ERR_INTERNAL, "ledger entry %llu is missing", (unsigned long long)export->done);
    bundle_add(&export->bundle, row->entry);
    bool wanted = export->wish.from_ms <= entry.at_ms && entry.at_ms <= export->wish.to_ms;
    export->bundle_wanted |= wanted || bundle_shows(export, row->index, &entry);
    if (wanted) {
        export->entries++;
        if (entry.form != ENTRY_BATCH)
            TRY(record_put(export, row, &entry));
    }
    if (row->index % MERKLE_TILE_WIDTH == MERKLE_TILE_WIDTH - 1 || row->index == export->size - 1)
        TRY(bundle_put(export, row->index));
    return NULL;
}

static bool row_take(void *context, const void *row)
{
    struct export *export = context;
    const struct ledger_row *from = row;
    if (from->index >= export->size)
        return false;
    export->error = row_export(export, from);
    if (export->error)
        return false;
    export->done++;
    return true;
}

#define ROWS_AT_ONCE MERKLE_TILE_WIDTH

static const struct err *rows_put(struct export *export)
{
    buf_init(&export->bundle, export->arena, (size_t)MERKLE_TILE_WIDTH * (TILE_ENTRY_BYTES_MAX + 2));
    buf_init(&export->bundle_before, export->arena, (size_t)MERKLE_TILE_WIDTH * (TILE_ENTRY_BYTES_MAX + 2));
    buf_init(&export->lines, export->arena, (size_t)LINES_BYTES * 4);
    while (export->done < export->size) {
        uint64_t from = export->done, to = from + ROWS_AT_ONCE - 1;
        TRY(export->source.ops->ledger(export->source.session, &export->slice, from, to, row_take, export));
        if (export->error)
            return export->error;
        if (export->done == from)
            return err_new(&export->slice, ERR_INTERNAL, "ledger entry %llu is missing", (unsigned long long)from);
        arena_clear(&export->slice);
        if (export->progress)
            export->progress(export->context, export->done, export->size);
    }
    return NULL;
}

/* --- policies */

/* "notices/newsletter.hu.md" stays; anything that would climb out of the folder, go there by a detour or hide the policy becomes flat. */
static char *notice_file(struct arena *arena, str path)
{
    char *name = str_z(arena, path);
    str rest = path, part;
    bool plain = str_find(path, STR("..")) < 0 && !str_equal(path, STR("policy.yaml")) && !str_ends(path, STR("/"));
    while (rest.length > 0 && str_split(&rest, '/', &part))
        plain &= !str_empty(part) && !str_equal(part, STR("."));
    for (char *at = name; !plain && *at; at++)
        if (*at == '/' || *at == '.')
            *at = '_';
    return name;
}

/* The notices, and in `policies/V.json` their order, in which the digest in the ledger was made (evidence/verify_content.c). */
static const struct err *notices_put(struct export *export, const struct policy *policy)
{
    struct arena *arena = &export->slice;
    struct map written;
    struct buf buf;
    struct jsonw w;
    map_init(&written, arena);
    buf_init(&buf, arena, LIST_BYTES_MAX);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_key(&w, STR("notices"));
    jsonw_array(&w);
    vec_each (notice, &policy->notices)
        vec_each (text, &notice->texts) {
            char *file = notice_file(arena, text->path);
            jsonw_object(&w);
            jsonw_field(&w, "file", str_of(file));
            jsonw_field(&w, "language", text->language);
            jsonw_field(&w, "notice", notice->name);
            jsonw_field(&w, "path", text->path);
            jsonw_object_end(&w);
            if (map_get(&written, text->path))
                continue; /* one file may serve two notices */
            map_set(&written, text->path, text);
            TRY(put(export, arena_printf(arena, "policies/%u/%s", policy->version, file), text->content));
        }
    jsonw_array_end(&w);
    jsonw_field(&w, "sha256", str_hex(arena, policy->sha256, sizeof policy->sha256));
    jsonw_field_int(&w, "version", policy->version);
    jsonw_object_end(&w);
    if (buf.overflow)
        return err_new(arena, ERR_INTERNAL, "the list of the notices of policy version %u is too long", policy->version);
    return put(export, arena_printf(arena, "policies/%u.json", policy->version), buf_str(&buf));
}

static const struct err *policy_put(struct export *export, uint32_t version)
{
    struct arena *arena = &export->slice;
    struct policy_row row = {0};
    struct policy *policy = NULL;
    bool found = false;
    TRY(export->source.ops->policy(export->source.session, arena, version, &row, &found));
    if (!found)
        return err_new(arena, ERR_INTERNAL, "policy version %u is missing in the store", version);
    TRY(put(export, arena_printf(arena, "policies/%u/policy.yaml", version), row.text));
    TRY(policy_from_row(arena, &row, &policy));
    const struct err *error = notices_put(export, policy);
    policy_free(policy);
    export->policies++;
    return error;
}

static const struct err *policies_put(struct export *export)
{
    struct policy_row *rows = NULL;
    size_t count = 0;
    TRY(export->source.ops->policies(export->source.session, export->arena, false, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        bool ended = i + 1 < count && rows[i + 1].activated_ms < export->wish.from_ms;
        if (ended || rows[i].activated_ms > export->wish.to_ms)
            continue;
        TRY(policy_put(export, rows[i].version));
        arena_clear(&export->slice);
    }
    return NULL;
}

/* --- the whole */

static const struct err *summary_put(struct export *export)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, &export->slice, 4096);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field(&w, "origin", ledger_origin(export->engine->ledger));
    jsonw_field_time(&w, "from", export->wish.from_ms == INT64_MIN ? TIME_NONE : export->wish.from_ms);
    jsonw_field_time(&w, "to", export->wish.to_ms);
    jsonw_field_time(&w, "made", clock_now_ms());
    jsonw_field_int(&w, "size", (int64_t)export->size);
    jsonw_field_int(&w, "entries", (int64_t)export->entries);
    jsonw_field_int(&w, "records", (int64_t)export->records);
    jsonw_field_bool(&w, "records_closed", export->wish.closed);
    jsonw_field_int(&w, "policies", (int64_t)export->policies);
    jsonw_object_end(&w);
    return put(export, "export.json", buf_str(&buf));
}

const struct err *engine_manifest_sign(struct engine *engine, struct arena *arena, str manifest, str *ret_note)
{
    struct hash digest;
    hash_sha256(manifest, &digest);
    str text = str_printf(arena, "telos export manifest v1\n%.*s\n", STR_FMT(str_hex(arena, digest.bytes, sizeof digest.bytes)));
    return note_sign(arena, text, ledger_key(engine->ledger), ret_note);
}

static const struct err *manifest_put(struct export *export)
{
    str note = STR_NONE, list = buf_str(&export->manifest);
    TRY(engine_manifest_sign(export->engine, &export->slice, list, &note));
    TRY(export->sink->put(export->sink->context, &export->slice, "manifest", list));
    return export->sink->put(export->sink->context, &export->slice, "manifest.sig", note);
}

static const struct err *all_put(struct export *export)
{
    str note = STR_NONE;
    struct checkpoint head;
    buf_init(&export->manifest, export->arena, MANIFEST_BYTES_MAX);
    TRY(ledger_checkpoint(export->engine->ledger, export->arena, &note));
    TRY(checkpoint_parse(export->arena, note, &head));
    export->size = head.size;
    export->series = proof_series_new(export->arena, &export->tiles, export->size);
    TRY(tiles_put(export));
    TRY(rows_put(export));
    TRY(policies_put(export));
    TRY(summary_put(export));
    TRY(put(export, "key.pub", str_printf(&export->slice, "%.*s\n", STR_FMT(ledger_verifier(export->engine->ledger)))));
    manifest_add(export, "checkpoint", note);
    TRY(manifest_put(export));
    return export->sink->put(export->sink->context, &export->slice, "checkpoint", note);
}

const struct err *engine_export(struct engine *engine, struct reader *reader, struct arena *arena, const struct export_wish *wish,
                                const struct export_sink *sink, void (*progress)(void *, uint64_t done, uint64_t all), void *context)
{
    if (wish->from_ms > wish->to_ms)
        return err_new(arena, ERR_INVALID, "`from` must not be later than `to`");
    struct export *export = arena_new(arena, struct export);
    *export = (struct export){.engine = engine, .reader = reader, .arena = arena, .wish = *wish, .sink = sink, .progress = progress, .context = context};
    if (wish->to_ms == TIME_NONE)
        export->wish.to_ms = TIME_FOREVER;
    export->source = (struct ledger_tiles){.ops = engine_store(engine), .session = reader->session, .arena = &export->slice};
    export->tiles = ledger_tiles(&export->source);
    arena_init(&export->slice);
    const struct err *error = all_put(export);
    if (error)
        error = err_new(arena, error->code, "%s", error->text);
    arena_release(&export->slice);
    return error;
}

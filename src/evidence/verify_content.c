/* Whether an export tells all, and whether its policies are those that the log speaks of. The manifest finds what was changed after it was
 * signed; this finds what somebody left out or changed who can sign: everything here is held against the entries under the signed root.
 *
 * 1. A policy: SHA-256 over `policies/V/policy.yaml`, then of each notice the path and the text, in the order of `policies/V.json`, each with
 *    its length before it (8 bytes, little end first), is the digest in entry `policy` of version V. So the list need not be trusted.
 * 2. Each entry of the time asked for that stands for itself (not for a batch) has a line in records/.
 * 3. A line without its record is honest where the person was erased. Nobody can tell from here whether it was: how many there are is told.
 * 4. The entries of the time asked for are here without a gap, with the one before and the one after: entries stand in the log in the order of
 *    their times, so none can be missing at its edges either.
 */
#include "base/json.h"
#include "base/map.h"
#include "base/time.h"
#include "evidence/entry.h"
#include "evidence/text_private.h"
#include "evidence/verify_private.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32

enum { ENTRY_WANTED = 1, ENTRY_NEEDS_LINE = 2, ENTRY_OF_PERSON = 4, LINE_HAS_RECORD = 8, ENTRY_BEFORE = 16, ENTRY_AFTER = 32 };
struct seen {
    uint64_t index;
    unsigned flags;
};
typedef VEC(struct seen) seen_list;

struct policy_entry {
    uint64_t index;
    int64_t version, at_ms;
    str sha256;
};

struct content {
    struct verifier *verifier;
    const char *directory;
    bool manifest, told; /* `told`: export.json is there and was read */
    struct json summary;
    int64_t from_ms, to_ms;
    seen_list entries, lines;
    VEC(struct policy_entry) policies;
    uint64_t erasures;
};

static const char *path_in(const struct content *content, const char *name)
{
    return arena_printf(content->verifier->arena, "%s/%s", content->directory, name);
}

static bool is_folder(const struct content *content, const char *name)
{
    struct stat status;
    return lstat(path_in(content, name), &status) == 0 && S_ISDIR(status.st_mode);
}

/* ---- what the export says of itself ---- */

/* null: without a bound. */
static bool bound_read(const struct content *content, const char *name, int64_t otherwise, int64_t *ret_ms)
{
    const struct json *value = json_get(&content->summary, str_of(name));
    *ret_ms = otherwise;
    return value && (value->type == JSON_NULL || (json_is_string(value) && time_parse(json_string(value), ret_ms)));
}

void content_begin(struct verifier *verifier, const char *directory, bool manifest)
{
    struct content *content = arena_new(verifier->arena, struct content);
    str text, name = STR("export.json");
    *content = (struct content){.verifier = verifier, .directory = directory, .manifest = manifest, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
    verifier->content = content;
    if (access(path_in(content, "export.json"), F_OK) != 0 || !verifier_file(verifier, verifier->arena, path_in(content, "export.json"), name, &text))
        return;
    if (json_read(verifier->arena, text, &content->summary))
        verifier_finding(verifier, false, name, "JSON", "it cannot be read");
    else if (!bound_read(content, "from", INT64_MIN, &content->from_ms) || !bound_read(content, "to", INT64_MAX, &content->to_ms))
        verifier_finding(verifier, false, name, "time", "it does not say which time was asked for");
    else
        content->told = true;
}

static void count_check(struct content *content, const char *name, uint64_t here)
{
    int64_t said = 0;
    bool same = json_int(json_get(&content->summary, str_of(name)), &said) && said >= 0 && (uint64_t)said == here;
    if (same)
        verifier_finding(content->verifier, true, STR("export.json"), name, "%llu, as it says", (unsigned long long)here);
    else
        verifier_finding(content->verifier, false, STR("export.json"), name, "it says another number, but there are %llu", (unsigned long long)here);
}

/* ---- what is met on the way ---- */

void content_entry(struct verifier *verifier, uint64_t index, str text)
{
    struct content *content = verifier->content;
    struct entry entry;
    struct json record;
    if (!content || entry_parse(&verifier->work, text, &entry))
        return; /* a log may hold what this program does not know */
    struct seen *seen = vec_push(verifier->arena, &content->entries);
    seen->index = index;
    if (content->from_ms <= entry.at_ms && entry.at_ms <= content->to_ms)
        seen->flags |= ENTRY_WANTED | (entry.form != ENTRY_BATCH ? ENTRY_NEEDS_LINE : 0) | (entry.form == ENTRY_PERSONAL ? ENTRY_OF_PERSON : 0);
    else
        seen->flags |= entry.at_ms < content->from_ms ? ENTRY_BEFORE : ENTRY_AFTER;
    content->erasures += str_equal(entry.kind, STR("erasure"));
    if (entry.form != ENTRY_CLEAR || !str_equal(entry.kind, STR("policy")) || json_read(&verifier->work, entry.record, &record))
        return;
    struct policy_entry *policy = vec_push(verifier->arena, &content->policies);
    *policy = (struct policy_entry){.index = index, .at_ms = entry.at_ms, .sha256 = str_copy(verifier->arena, json_string(json_get(&record, STR("sha256"))))};
    (void)json_int(json_get(&record, STR("version")), &policy->version); /* 0: no folder has that name */
}

void content_line(struct verifier *verifier, uint64_t index, bool record)
{
    if (verifier->content)
        *(struct seen *)vec_push(verifier->arena, &verifier->content->lines) = (struct seen){.index = index, .flags = record ? LINE_HAS_RECORD : 0};
}

/* ---- policies ---- */

static void hash_text(crypto_hash_sha256_state *state, str text)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)text.length >> (8 * i));
    (void)crypto_hash_sha256_update(state, length, sizeof(length)); /* cannot fail */
    (void)crypto_hash_sha256_update(state, (const uint8_t *)(text.data ? text.data : ""), text.length);
}

/* The digest of what lies in `folder`, and which files it was made of; false with a bad finding. */
static bool policy_digest(struct content *content, const char *folder, struct map *listed, str *ret_hex)
{
    struct verifier *verifier = content->verifier;
    struct arena *arena = &verifier->work;
    crypto_hash_sha256_state state;
    struct json list;
    uint8_t digest[crypto_hash_sha256_BYTES];
    const char *list_name = arena_printf(arena, "%s.json", folder), *yaml = arena_printf(arena, "%s/policy.yaml", folder);
    str text;
    if (!verifier_file(verifier, arena, path_in(content, list_name), str_of(list_name), &text))
        return false;
    if (json_read(arena, text, &list)) {
        verifier_finding(verifier, false, str_of(list_name), "JSON", "it cannot be read");
        return false;
    }
    if (!verifier_file(verifier, arena, path_in(content, yaml), str_of(yaml), &text))
        return false;
    (void)crypto_hash_sha256_init(&state); /* cannot fail */
    hash_text(&state, text);
    map_set(listed, str_of(yaml), listed);
    const struct json *notices = json_get(&list, STR("notices"));
    for (uint32_t i = 0; notices && notices->type == JSON_ARRAY && i < notices->count; i++) {
        str file = json_string(json_get(&notices->items[i], STR("file")));
        const char *name = arena_printf(arena, "%s/%.*s", folder, STR_FMT(file));
        if (!verifier_path_inside(file)) {
            verifier_finding(verifier, false, str_of(list_name), "policy", "it names no file of the folder");
            return false;
        }
        if (!verifier_file(verifier, arena, path_in(content, name), str_of(name), &text))
            return false;
        hash_text(&state, json_string(json_get(&notices->items[i], STR("path"))));
        hash_text(&state, text);
        map_set(listed, str_of(name), listed);
    }
    (void)crypto_hash_sha256_final(&state, digest);
    *ret_hex = str_hex(arena, digest, sizeof(digest));
    return true;
}

/* What lies beside a policy would be taken for a part of it. */
static void policy_strangers(struct content *content, const char *folder, const struct map *listed, int depth)
{
    struct verifier *verifier = content->verifier;
    verifier_names found = verifier_folder(verifier, path_in(content, folder), str_of(folder));
    vec_each (entry, &found) {
        const char *name = arena_printf(verifier->arena, "%s/%s", folder, *entry);
        if (is_folder(content, name) && depth < DEPTH_MAX)
            policy_strangers(content, name, listed, depth + 1);
        else if (!map_get(listed, str_of(name)))
            verifier_finding(verifier, false, str_of(name), "policy", "it is none of the files that the policy is made of");
    }
}

static const struct policy_entry *policy_find(const struct content *content, int64_t version)
{
    const struct policy_entry *found = NULL;
    vec_each (policy, &content->policies)
        if (policy->version == version)
            found = policy;
    return found;
}

static void policy_check(struct content *content, int64_t version)
{
    struct verifier *verifier = content->verifier;
    const char *folder = arena_printf(verifier->arena, "policies/%lld", (long long)version);
    const struct policy_entry *entry = policy_find(content, version);
    struct map listed;
    str hex = STR_NONE;
    map_init(&listed, &verifier->work);
    if (!entry)
        verifier_finding(verifier, false, str_of(folder), "policy", "no entry of the log that is here speaks of it");
    else if (policy_digest(content, folder, &listed, &hex)) {
        bool same = str_equal(hex, entry->sha256);
        verifier_finding(verifier, same, str_of(folder), "policy",
                         same ? "with its notices it is what entry %llu of the log speaks of" : "it is not the policy that entry %llu of the log speaks of",
                         (unsigned long long)entry->index);
        policy_strangers(content, folder, &listed, 0);
    }
    arena_clear(&verifier->work);
}

/* The folders that there are, then those that should be. */
static uint64_t policies_check(struct content *content)
{
    struct verifier *verifier = content->verifier;
    uint64_t count = 0, version;
    verifier_names found = verifier_folder(verifier, path_in(content, "policies"), STR("policies"));
    vec_each (name, &found) {
        const char *path = arena_printf(verifier->arena, "policies/%s", *name);
        str stem = str_of(*name);
        bool folder = is_folder(content, path), list = !folder && str_ends(stem, STR(".json"));
        if (list)
            stem = str_slice(stem, 0, stem.length - 5);
        if ((!folder && !list) || !text_uint64(stem, &version) || version > INT64_MAX ||
            (list && !is_folder(content, arena_printf(verifier->arena, "policies/%llu", (unsigned long long)version)))) {
            verifier_finding(verifier, false, str_of(path), "policy", "it belongs to no policy version that is here");
        } else if (folder) {
            count++;
            policy_check(content, (int64_t)version);
        }
    }
    vec_each (policy, &content->policies) {
        const struct policy_entry *next = policy_find(content, policy->version + 1);
        const char *folder = arena_printf(verifier->arena, "policies/%lld", (long long)policy->version);
        if (content->told && policy->at_ms <= content->to_ms && (!next || next->at_ms >= content->from_ms) && !is_folder(content, folder))
            verifier_finding(verifier, false, str_of(folder), "policy", "it is missing, although it was in force in the time asked for");
    }
    return count;
}

/* ---- entries and their lines ---- */

static int seen_compare(const void *left, const void *right)
{
    uint64_t a = ((const struct seen *)left)->index, b = ((const struct seen *)right)->index;
    return a < b ? -1 : a > b;
}

/* By index, each once (two bundles may hold the same entry). */
static void seen_sort(seen_list *list)
{
    size_t kept = 0;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), seen_compare);
    for (size_t i = 0; i < list->count; i++) {
        if (kept && list->items[kept - 1].index == list->items[i].index)
            list->items[kept - 1].flags |= list->items[i].flags;
        else
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

/* None is of the time asked for: two neighbours show it, or the log's first or last entry. */
static bool time_is_empty(const struct content *content)
{
    uint64_t size = content->verifier->checkpoint.size;
    for (size_t i = 0; i < content->entries.count; i++) {
        const struct seen *entry = &content->entries.items[i], *next = i + 1 < content->entries.count ? entry + 1 : NULL;
        if ((entry->index == 0 && (entry->flags & ENTRY_AFTER)) || (entry->index == size - 1 && (entry->flags & ENTRY_BEFORE)) ||
            (next && next->index == entry->index + 1 && (entry->flags & ENTRY_BEFORE) && (next->flags & ENTRY_AFTER)))
            return true;
    }
    return size == 0;
}

/* From the entry before the first one of the time asked for to the one after its last each must be here. */
static void entries_check(struct content *content)
{
    struct verifier *verifier = content->verifier;
    uint64_t size = verifier->checkpoint.size, first = UINT64_MAX, last = 0, here = 0;
    str name = STR("tile/entries");
    vec_each (entry, &content->entries)
        if (entry->flags & ENTRY_WANTED) {
            first = entry->index < first ? entry->index : first;
            last = entry->index;
        }
    if (first == UINT64_MAX) {
        bool empty = time_is_empty(content);
        verifier_finding(verifier, empty, name, "entries", empty ? "the log has none of the time asked for" : "those of the time asked for are not here");
        return;
    }
    first -= first > 0;
    last += last + 1 < size;
    vec_each (entry, &content->entries)
        here += first <= entry->index && entry->index <= last;
    uint64_t missing = last - first + 1 - here;
    if (missing)
        verifier_finding(verifier, false, name, "entries", "of the time asked for, with the one before and the one after, %llu or more are not here",
                         (unsigned long long)missing);
    else
        verifier_finding(verifier, true, name, "entries", "those of the time asked for are here without a gap");
}

struct tally {
    uint64_t wanted, lined, missing, missing_first, persons, hidden;
};

static struct tally tally_make(const struct content *content)
{
    struct tally tally = {0};
    size_t at = 0;
    vec_each (entry, &content->entries) {
        while (at < content->lines.count && content->lines.items[at].index < entry->index)
            at++;
        const struct seen *line = at < content->lines.count && content->lines.items[at].index == entry->index ? &content->lines.items[at] : NULL;
        tally.wanted += (entry->flags & ENTRY_WANTED) != 0;
        if (!(entry->flags & ENTRY_NEEDS_LINE))
            continue;
        bool person = entry->flags & ENTRY_OF_PERSON;
        tally.lined += line != NULL;
        tally.persons += person;
        tally.hidden += line && person && !(line->flags & LINE_HAS_RECORD);
        if (!line && !tally.missing++)
            tally.missing_first = entry->index;
    }
    return tally;
}

static void lines_check(struct content *content, const struct tally *tally)
{
    struct verifier *verifier = content->verifier;
    str name = STR("records");
    unsigned long long missing = tally->missing, first = tally->missing_first;
    if (!content->told && missing)
        verifier_note(verifier, name, "entries", "%llu of %llu entries that are here have no line, so what they are about is not told", missing,
                      missing + tally->lined);
    else if (missing == 1)
        verifier_finding(verifier, false, name, "entries", "1 entry of the time asked for has no line: entry %llu", first);
    else if (missing)
        verifier_finding(verifier, false, name, "entries", "%llu entries of the time asked for have no line; the first is entry %llu", missing, first);
    else if (tally->lined)
        verifier_finding(verifier, true, name, "entries", "each of %llu has its line", (unsigned long long)tally->lined);
    if (tally->hidden)
        verifier_note(verifier, name, "not shown",
                      "of %llu of %llu entries about persons the record is not here: the person was erased, or it was left out; "
                      "the entries that are here tell of %llu erasures",
                      (unsigned long long)tally->hidden, (unsigned long long)tally->persons, (unsigned long long)content->erasures);
}

void content_end(struct verifier *verifier, bool root_holds)
{
    struct content *content = verifier->content;
    if (!content->told && content->manifest && (content->entries.count || content->lines.count || is_folder(content, "policies")))
        verifier_finding(verifier, false, STR("export.json"), "file", "it is missing, so it is not known which time was asked for");
    if (!root_holds)
        return; /* a finding says why */
    uint64_t policies = policies_check(content);
    seen_sort(&content->entries);
    seen_sort(&content->lines);
    struct tally tally = tally_make(content);
    lines_check(content, &tally);
    if (!content->told)
        return;
    entries_check(content);
    count_check(content, "size", verifier->checkpoint.size);
    count_check(content, "entries", tally.wanted);
    count_check(content, "records", content->lines.count);
    count_check(content, "policies", policies);
    bool same = str_equal(json_string(json_get(&content->summary, STR("origin"))), verifier->checkpoint.origin);
    verifier_finding(verifier, same, STR("export.json"), "origin", same ? "the checkpoint's" : "it is of another ledger, but the checkpoint is not");
}

/* Verification of single texts: what a text is, and whether it holds. Directories are in verify_export.c. */
#include "evidence/verify_private.h"

#include "base/time.h"
#include "evidence/canonical.h"
#include "evidence/entry.h"
#include "evidence/receipt.h"
#include "evidence/seal.h"
#include "evidence/text_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROOF_FIRST_LINE "c2sp.org/tlog-proof@v1"
#define EVIDENCE_MEMBER "telos:evidence" /* of a receipt: its record with its proof */

/* Findings end on a terminal: what names files and keys have in them must not steer it. */
static str printable(struct arena *arena, str text)
{
    char *copy = arena_alloc_raw(arena, text.length + 1);
    for (size_t i = 0; i < text.length; i++)
        copy[i] = (uint8_t)text.data[i] < 0x20 || text.data[i] == 0x7f ? '?' : text.data[i];
    return str_repair_utf8(arena, str_bytes(copy, text.length));
}

static __attribute__((format(printf, 5, 0))) struct verify_finding *finding_add(struct verifier *verifier, bool ok, str name, const char *check,
                                                                                const char *format, va_list arguments)
{
    char why[512];
    int length = vsnprintf(why, sizeof(why), format, arguments);
    ASSERT(length >= 0);
    size_t size = (size_t)length < sizeof(why) ? (size_t)length : sizeof(why) - 1;
    struct verify_finding *finding = vec_push(verifier->arena, &verifier->report.findings);
    finding->ok = ok;
    finding->what = printable(verifier->arena, str_printf(verifier->arena, "%.*s: %s", STR_FMT(name), check));
    finding->why = printable(verifier->arena, str_bytes(why, size));
    verifier->report.bad_count += !ok;
    return finding;
}

void verifier_finding(struct verifier *verifier, bool ok, str name, const char *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)finding_add(verifier, ok, name, check, format, arguments);
    va_end(arguments);
}

void verifier_note(struct verifier *verifier, str name, const char *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    finding_add(verifier, true, name, check, format, arguments)->note = true;
    va_end(arguments);
}

/* Names that stand in a text under check are shown, so they are kept short. */
static int shown(str name) { return name.length < 80 ? (int)name.length : 80; }

bool verifier_checkpoint(struct verifier *verifier, str name, str text, struct checkpoint *ret)
{
    const struct err *err = checkpoint_verify(&verifier->work, text, verifier->keys, verifier->key_count, ret);
    if (err) {
        verifier_finding(verifier, false, name, "checkpoint", "%s", err->text);
        return false;
    }
    verifier_finding(verifier, true, name, "checkpoint", "signed by %.*s: %llu entries", shown(ret->origin), ret->origin.data, (unsigned long long)ret->size);
    return true;
}

void verifier_keys(struct verifier *verifier, str name, str text)
{
    VEC(struct note_key) keys = {0};
    str line;
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        if (line.length == 0)
            continue;
        struct note_key key;
        const struct err *err = note_verifier_parse(verifier->arena, line, &key);
        if (err)
            verifier_finding(verifier, false, name, "key", "%s", err->text);
        else
            *vec_push(verifier->arena, &keys) = key;
    }
    verifier->keys = keys.items;
    verifier->key_count = keys.count;
    if (keys.count > 0)
        verifier_finding(verifier, true, name, "key", "taken from here and checked against nothing: compare it with the key that you have from the controller");
    else
        verifier_finding(verifier, false, name, "key", "there is no key in it");
}

/* ---- records ---- */

/* The leaf that the record's entry or batch holds of it: its commitment. */
static bool record_commitment(struct verifier *verifier, str name, const struct json *value, str record, struct hash *ret)
{
    str salt;
    if (!text_unbase64(&verifier->work, json_string(json_get(value, STR("salt"))), &salt) || salt.length != 32) {
        verifier_finding(verifier, false, name, "record", "the salt is missing or is not 32 bytes of base64");
        return false;
    }
    commitment((const uint8_t *)salt.data, record, ret);
    return true;
}

static bool path_read(struct verifier *verifier, const struct json *path, struct merkle_path *ret)
{
    if (!path || path->type != JSON_ARRAY || path->count > MERKLE_PATH_MAX)
        return false;
    for (uint32_t i = 0; i < path->count; i++)
        if (!text_hash(&verifier->work, json_string(&path->items[i]), vec_push(&verifier->work, ret)))
            return false;
    return true;
}

static bool number_read(const struct json *value, uint64_t *ret) { return value && value->type == JSON_NUMBER && text_uint64(value->text, ret); }

/* The record stands in the batch whose root the entry is. */
static void verify_batch(struct verifier *verifier, str name, const struct json *value, const struct entry *entry, str record)
{
    const struct json *batch = json_get(value, STR("batch"));
    struct merkle_path path = {0};
    struct hash hash, leaf;
    uint64_t index, size;
    if (!number_read(json_get(batch, STR("index")), &index) || !number_read(json_get(batch, STR("size")), &size) ||
        !path_read(verifier, json_get(batch, STR("path")), &path)) {
        verifier_finding(verifier, false, name, "record", "its place in the batch is missing or cannot be read");
        return;
    }
    if (!record_commitment(verifier, name, value, record, &hash))
        return;
    merkle_leaf(str_bytes(hash.bytes, sizeof(hash.bytes)), &leaf);
    if (size != entry->count || !merkle_verify_inclusion(&leaf, index, size, path.items, path.count, &entry->hash))
        verifier_finding(verifier, false, name, "record", "it is not in the batch of %llu records that the entry commits to", (unsigned long long)entry->count);
    else
        verifier_finding(verifier, true, name, "record", "record %llu of a batch of %llu", (unsigned long long)index, (unsigned long long)size);
}

/* The record is what the entry commits to. */
static void verify_commitment(struct verifier *verifier, str name, const struct json *value, const struct entry *entry)
{
    const struct json *given = json_get(value, STR("record"));
    str record = json_string(given), canonical;
    struct hash hash;
    if (!given)
        return;
    if (!record.data) {
        verifier_finding(verifier, false, name, "record", "it must stand as a text, exactly as it was committed to");
        return;
    }
    switch (entry->form) {
    case ENTRY_BATCH: verify_batch(verifier, name, value, entry, record); return;
    case ENTRY_CLEAR:
        if (json_canonical_text(&verifier->work, record, &canonical) || !str_equal(canonical, entry->record))
            verifier_finding(verifier, false, name, "record", "it is not the one in the entry");
        else
            verifier_finding(verifier, true, name, "record", "it is the one in the entry");
        return;
    case ENTRY_PERSONAL:
        if (!record_commitment(verifier, name, value, record, &hash))
            return;
        if (!hash_equal(&hash, &entry->hash))
            verifier_finding(verifier, false, name, "record", "the entry commits to another record, or the salt is another");
        else
            verifier_finding(verifier, true, name, "record", "it is what the entry commits to");
        return;
    }
}

/* By a tlog-proof with its own checkpoint. */
static void verify_tlog_proof(struct verifier *verifier, str name, str proof, const struct hash *leaf)
{
    struct checkpoint checkpoint;
    const struct err *err = tlog_proof_verify(&verifier->work, proof, leaf, verifier->keys, verifier->key_count, &checkpoint);
    if (err)
        verifier_finding(verifier, false, name, "inclusion", "%s", err->text);
    else
        verifier_finding(verifier, true, name, "inclusion", "it stands in the ledger of %.*s with %llu entries", shown(checkpoint.origin),
                         checkpoint.origin.data, (unsigned long long)checkpoint.size);
}

/* By index and path, in the tree of the directory's checkpoint. */
static void verify_path_in_tree(struct verifier *verifier, str name, const struct json *value, const struct hash *leaf)
{
    struct merkle_path path = {0};
    uint64_t index;
    if (!number_read(json_get(value, STR("index")), &index) || !path_read(verifier, json_get(value, STR("path")), &path))
        verifier_finding(verifier, false, name, "inclusion", "neither a proof nor index and path are there");
    else if (!verifier->checkpoint_known)
        verifier_finding(verifier, false, name, "inclusion", "there is no checkpoint that holds, so its path leads nowhere");
    else if (!merkle_verify_inclusion(leaf, index, verifier->checkpoint.size, path.items, path.count, &verifier->checkpoint.root))
        verifier_finding(verifier, false, name, "inclusion", "the path does not lead from the entry to the checkpoint's root");
    else {
        verifier_finding(verifier, true, name, "inclusion", "entry %llu of %llu", (unsigned long long)index, (unsigned long long)verifier->checkpoint.size);
        content_line(verifier, index, json_is_string(json_get(value, STR("record"))));
    }
}

/* A misspelt member must not look like an absent one. */
static bool members_known(const struct json *value)
{
    static const str known[] = {STR("entry"), STR("index"), STR("path"), STR("proof"), STR("record"), STR("salt"), STR("batch")};
    for (uint32_t i = 0; i < value->count; i++) {
        size_t k = 0;
        while (k < sizeof(known) / sizeof(*known) && !str_equal(value->members[i].name, known[k]))
            k++;
        if (k == sizeof(known) / sizeof(*known))
            return false;
    }
    return true;
}

static void verify_record(struct verifier *verifier, str name, const struct json *value)
{
    str text = json_string(json_get(value, STR("entry"))), proof = json_string(json_get(value, STR("proof")));
    struct entry entry;
    struct hash leaf;
    const struct err *err = entry_parse(&verifier->work, text, &entry);
    if (err) {
        verifier_finding(verifier, false, name, "entry", "%s", err->text);
        return;
    }
    if (!members_known(value))
        verifier_finding(verifier, false, name, "entry", "there is a member beside it that a record with its proofs does not have");
    merkle_leaf(text, &leaf);
    if (proof.data)
        verify_tlog_proof(verifier, name, proof, &leaf);
    else
        verify_path_in_tree(verifier, name, value, &leaf);
    verify_commitment(verifier, name, value, &entry);
}

/* ---- the other kinds ---- */

static void verify_document(struct verifier *verifier, str name, str text, const struct json *value)
{
    struct receipt_check check;
    const struct err *err = receipt_verify(&verifier->work, text, verifier->keys, verifier->key_count, &check);
    if (err)
        verifier_finding(verifier, false, name, "signature", "%s", err->text);
    else
        verifier_finding(verifier, check.valid, name, "signature", "%s", check.why);
    const struct json *evidence = json_get(value, STR(EVIDENCE_MEMBER));
    if (json_is_string(json_get(evidence, STR("entry"))))
        verify_record(verifier, name, evidence);
}

static void verify_json(struct verifier *verifier, str name, str text)
{
    struct json value;
    const struct json *receipt;
    str canonical;
    const struct err *err = json_canonical_text(&verifier->work, text, &canonical);
    if (!err)
        err = json_read(&verifier->work, text, &value);
    if (err)
        verifier_finding(verifier, false, name, "JSON", "%s", err->text);
    else if (json_is_string(json_get(&value, STR("entry"))))
        verify_record(verifier, name, &value);
    else if (json_get(&value, STR("proof")))
        verify_document(verifier, name, text, &value);
    else if ((receipt = json_get(&value, STR("receipt"))) && json_get(receipt, STR("proof")))
        verify_document(verifier, name, receipt->raw, receipt); /* the reply to a statement, which carries it */
    else
        verifier_finding(verifier, false, name, "JSON", "it is neither signed (\"proof\") nor a record with its proofs (\"entry\")");
}

/* How long the path of a leaf is in a tree of `size` leaves. */
static size_t path_length(uint64_t index, uint64_t size)
{
    size_t length = 0;
    for (uint64_t last = size - 1; last > 0; index >>= 1, last >>= 1)
        length += (index & 1) || index < last; /* the last node of a level has a sibling only on its left */
    return length;
}

/* Alone it says that its checkpoint holds; which entry it is about, it does not say. */
static void verify_proof_alone(struct verifier *verifier, str name, str text)
{
    struct tlog_proof proof;
    struct checkpoint checkpoint;
    const struct err *err = tlog_proof_parse(&verifier->work, text, &proof);
    if (err)
        verifier_finding(verifier, false, name, "proof", "%s", err->text);
    else if (!verifier_checkpoint(verifier, name, proof.checkpoint, &checkpoint))
        return;
    else if (proof.index >= checkpoint.size || proof.path.count != path_length(proof.index, checkpoint.size))
        verifier_finding(verifier, false, name, "proof", "index and path do not fit a tree of %llu entries", (unsigned long long)checkpoint.size);
    else
        verifier_finding(verifier, true, name, "proof", "of entry %llu, which is not in this file, so only its checkpoint was checked",
                         (unsigned long long)proof.index);
}

void verifier_text(struct verifier *verifier, str name, str text)
{
    struct checkpoint checkpoint;
    if (str_starts(text, STR(PROOF_FIRST_LINE)))
        verify_proof_alone(verifier, name, text);
    else if (str_starts(str_trim(text), STR("{")))
        verify_json(verifier, name, text);
    else if (text.length == 0)
        verifier_finding(verifier, false, name, "content", "it is empty");
    else
        (void)verifier_checkpoint(verifier, name, text, &checkpoint); /* the finding says it */
    arena_clear(&verifier->work);
}

/* ---- the doors ---- */

static void verifier_init(struct verifier *verifier, struct arena *arena, const struct note_key *keys, size_t key_count)
{
    *verifier = (struct verifier){.arena = arena, .keys = keys, .key_count = key_count};
    arena_init(&verifier->work);
}

void verify_text(struct arena *arena, str name, str text, const struct note_key *keys, size_t key_count, struct verify_report *ret)
{
    struct verifier verifier;
    verifier_init(&verifier, arena, keys, key_count);
    verifier_text(&verifier, name, text);
    *ret = verifier.report;
    arena_release(&verifier.work);
}

bool verifier_file(struct verifier *verifier, struct arena *arena, const char *path, str name, str *ret_text)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool fine = fd >= 0 && fstat(fd, &stat) == 0;
    if (!fine) {
        verifier_finding(verifier, false, name, "file", errno == ENOENT ? "it is missing" : "it cannot be read");
    } else if (!S_ISREG(stat.st_mode)) {
        fine = false;
        verifier_finding(verifier, false, name, "file", "it is no regular file");
    } else if ((uint64_t)stat.st_size > VERIFY_FILE_BYTES_MAX) {
        fine = false;
        verifier_finding(verifier, false, name, "file", "it is over %zu bytes", VERIFY_FILE_BYTES_MAX);
    }
    char *data = fine ? arena_alloc_raw(arena, (size_t)stat.st_size + 1) : NULL;
    size_t length = 0;
    while (fine && length < (size_t)stat.st_size) {
        ssize_t got = read(fd, data + length, (size_t)stat.st_size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    if (fine && length < (size_t)stat.st_size) {
        fine = false;
        verifier_finding(verifier, false, name, "file", "it cannot be read to its end");
    }
    if (fd >= 0)
        (void)close(fd); /* only read */
    if (fine)
        *ret_text = str_bytes(data, length);
    return fine;
}

/* `name` in the file's own folder or in the one above it, where an export has it. */
static const char *beside(struct arena *arena, const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    str folder = slash ? str_bytes(path, (size_t)(slash - path) + 1) : STR("./");
    const char *here = arena_printf(arena, "%.*s%s", STR_FMT(folder), name), *above = arena_printf(arena, "%.*s../%s", STR_FMT(folder), name);
    return access(here, R_OK) == 0 ? here : access(above, R_OK) == 0 ? above : NULL;
}

static void verify_file(struct verifier *verifier, const char *path)
{
    const char *key = beside(verifier->arena, path, "key.pub"), *checkpoint = beside(verifier->arena, path, "checkpoint");
    str text;
    if (verifier->key_count == 0 && key && verifier_file(verifier, verifier->arena, key, STR("key.pub"), &text))
        verifier_keys(verifier, STR("key.pub"), text);
    else if (verifier->key_count == 0)
        verifier_finding(verifier, false, STR("key.pub"), "key", "no key was given, and none lies beside the file");
    if (checkpoint && verifier_file(verifier, verifier->arena, checkpoint, STR("checkpoint"), &text))
        verifier->checkpoint_known = !checkpoint_verify(verifier->arena, text, verifier->keys, verifier->key_count, &verifier->checkpoint);
    const char *slash = strrchr(path, '/');
    str name = str_of(slash ? slash + 1 : path);
    if (verifier_file(verifier, verifier->arena, path, name, &text))
        verifier_text(verifier, name, text);
}

const struct err *verify_path(struct arena *arena, const char *path, const struct note_key *keys, size_t key_count, struct verify_report *ret)
{
    struct stat stat_now;
    if (stat(path, &stat_now) != 0)
        return err_new(arena, errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO, "%s cannot be opened", path);
    if (access(path, R_OK) != 0)
        return err_new(arena, ERR_IO, "%s cannot be opened", path);
    struct verifier verifier;
    verifier_init(&verifier, arena, keys, key_count);
    if (S_ISDIR(stat_now.st_mode))
        verify_export(&verifier, path);
    else
        verify_file(&verifier, path);
    *ret = verifier.report;
    arena_release(&verifier.work);
    return NULL;
}

/* Writing what persons say no to; the contract is in refusal_log_private.h, reading it again is refusal_again.c. */
#include "engine/refusal_log_private.h"
#include "engine/files_private.h"
#include "engine/seal_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define CONTENT_BYTES_MAX ((size_t)512 * 1024)

struct refusal_log {
    const char *path;
    int fd;
    uint64_t size; /* up to where it is whole */
    bool torn; /* what is behind `size` must go before the next line */
};

static const struct err *log_error(struct arena *arena, const struct refusal_log *log, const char *what)
{
    int code = errno;
    return err_new(arena, code == ENOSPC || code == EDQUOT ? ERR_UNAVAILABLE : ERR_IO, "%s cannot be %s: %s", log->path, what, strerror(code));
}

/* ---- opening ---- */

/* A last line without its end was never synced, so its commit was never answered. */
static const struct err *torn_cut(struct arena *arena, struct refusal_log *log)
{
    char tail[4096];
    while (log->size > 0) {
        size_t length = log->size < sizeof tail ? (size_t)log->size : sizeof tail;
        if (pread(log->fd, tail, length, (off_t)(log->size - length)) != (ssize_t)length)
            return log_error(arena, log, "read");
        while (length > 0 && tail[length - 1] != '\n') {
            length--;
            log->size--;
        }
        if (length > 0)
            break;
    }
    return ftruncate(log->fd, (off_t)log->size) == 0 ? NULL : log_error(arena, log, "shortened");
}

const struct err *refusal_log_open(struct engine *engine, struct arena *arena)
{
    struct refusal_log *log = calloc(1, sizeof *log);
    struct stat status;
    ASSERT(log);
    engine->refusal_log = log;
    log->path = files_join(&engine->arena, engine->data, REFUSALS);
    log->fd = open(log->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (log->fd < 0 || fstat(log->fd, &status) != 0)
        return log_error(arena, log, "opened");
    log->size = (uint64_t)status.st_size;
    TRY(torn_cut(arena, log));
    return files_sync_folder(arena, engine->data); /* so that its name outlives what it says */
}

void refusal_log_close(struct engine *engine)
{
    if (engine->refusal_log && engine->refusal_log->fd >= 0)
        (void)close(engine->refusal_log->fd); /* every line was synced */
    free(engine->refusal_log);
    engine->refusal_log = NULL;
}

/* ---- lines ---- */

static bool takes_away(enum consent_status status)
{
    switch (status) {
    case CONSENT_REFUSED: case CONSENT_WITHDRAWN: case CONSENT_OBJECTED: case CONSENT_ENDED: case CONSENT_OPTED_OUT: case CONSENT_RESTRICTED: case CONSENT_VENDOR_DENIED:
        return true;
    default:
        return false;
    }
}

struct lines {
    struct commit *commit;
    struct keyring ring;
    struct buf out;
    char vault[33], day[11];
};

static void identifiers_write(struct jsonw *w, struct arena *arena, const struct person *person, const struct identifier *first)
{
    jsonw_field(w, "type", first ? first->type : STR(""));
    jsonw_key(w, STR("on"));
    jsonw_array(w);
    if (first)
        jsonw_string(w, str_hex(arena, first->hash.bytes, sizeof first->hash.bytes));
    vec_each (identifier, &person->identifiers)
        if (identifier != first && identifier->change != CHANGE_GONE)
            jsonw_string(w, str_hex(arena, identifier->hash.bytes, sizeof identifier->hash.bytes));
    jsonw_array_end(w);
}

static str consent_content(struct arena *arena, const struct person *person, const struct consent *record)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, CONTENT_BYTES_MAX);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, record->id);
    jsonw_field(&w, "status", str_of(consent_status_name(record->status)));
    jsonw_field(&w, "purpose", record->purpose);
    jsonw_field_int(&w, "at", record->at_ms);
    jsonw_field(&w, "by", str_of(said_by_name(record->by)));
    jsonw_field_bool(&w, "verified", record->verified);
    jsonw_field(&w, "source", record->source);
    jsonw_field(&w, "method", record->method);
    jsonw_field(&w, "reference", record->reference);
    jsonw_field(&w, "signal", record->signal);
    identifiers_write(&w, arena, person, person_identifier(person, record->profile, record->identifier));
    jsonw_object_end(&w);
    return out.overflow ? STR_NONE : buf_str(&out);
}

static str preferences_content(struct arena *arena, const struct person *person, const struct preferences *row)
{
    struct buf out;
    struct jsonw w;
    const struct identifier *first = NULL;
    vec_each (identifier, &person->identifiers)
        if (!first && profile_no_equal(identifier->profile, row->profile) && identifier->change != CHANGE_GONE)
            first = identifier;
    buf_init(&out, arena, CONTENT_BYTES_MAX);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "preferences", row->value);
    jsonw_field_int(&w, "at", row->at_ms);
    identifiers_write(&w, arena, person, first);
    jsonw_object_end(&w);
    return out.overflow ? STR_NONE : buf_str(&out);
}

static const struct err *line_add(struct lines *lines, profile_no profile, str content)
{
    struct arena *arena = lines->commit->arena;
    str sealed = STR_NONE;
    if (!content.data)
        return err_new(arena, ERR_TOO_LARGE, "a statement is too large to be kept apart");
    TRY(value_seal(&lines->ring, profile, KEY_EVIDENCE, aad_make(SEALED_REFUSAL, profile, "", 0), content, &sealed));
    buf_printf(&lines->out, "telos1 %s refusal %llu %s ", lines->vault, (unsigned long long)profile.value, lines->day);
    buf_add(&lines->out, str_base64(arena, sealed.data, sealed.length));
    buf_add_char(&lines->out, '\n');
    return NULL;
}

/* Under the oldest profile's key; and under the record's own, should the two be taken apart again and the oldest be erased. */
static const struct err *lines_add(struct lines *lines, const struct person *person, profile_no own, str content)
{
    TRY(line_add(lines, person->root, content));
    return profile_no_equal(person->root, own) ? NULL : line_add(lines, own, content);
}

static const struct err *person_lines(struct lines *lines, const struct person *person)
{
    struct arena *arena = lines->commit->arena;
    vec_each (profile, &person->profiles)
        if (profile_no_equal(profile->number, person->root) && profile->erased_ms != TIME_NONE)
            return NULL; /* its keys are going: what is said of it is the tombstone's */
    vec_each (record, &person->consents)
        if (record->change == CHANGE_NEW && takes_away(record->status))
            TRY(lines_add(lines, person, record->profile, consent_content(arena, person, record)));
    vec_each (row, &person->preferences)
        if ((row->change == CHANGE_NEW || row->change == CHANGE_SET) && row->value.length)
            TRY(lines_add(lines, person, row->profile, preferences_content(arena, person, row)));
    return NULL;
}

static const struct err *lines_store(struct refusal_log *log, struct arena *arena, str text)
{
    if (log->torn && ftruncate(log->fd, (off_t)log->size) != 0)
        return log_error(arena, log, "shortened");
    log->torn = true;
    for (size_t done = 0; done < text.length;) {
        ssize_t wrote = pwrite(log->fd, text.data + done, text.length - done, (off_t)(log->size + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return log_error(arena, log, "written");
        done += (size_t)wrote;
    }
    if (fdatasync(log->fd) != 0)
        return log_error(arena, log, "written");
    log->size += text.length;
    log->torn = false;
    return NULL;
}

const struct err *refusal_log_write(struct commit *commit)
{
    struct engine *engine = commit->engine;
    struct lines lines = {.commit = commit};
    uint8_t vault[16];
    char time[TIME_TEXT_SIZE];
    const struct err *error = NULL;
    if (engine->refusals_quiet)
        return NULL;
    buf_init(&lines.out, commit->arena, LINES_BYTES_MAX);
    vault_id(engine->vault, vault);
    (void)snprintf(lines.vault, sizeof lines.vault, "%.*s", STR_FMT(str_hex(commit->arena, vault, sizeof vault)));
    (void)time_text(commit->now_ms, time); /* the text is in `time` */
    (void)snprintf(lines.day, sizeof lines.day, "%.10s", time);
    keyring_init(&lines.ring, engine, commit->arena);
    for (size_t i = 0; i < commit->batch.persons.count && !error; i++)
        if (!commit->batch.persons.items[i]->merged_into)
            error = person_lines(&lines, commit->batch.persons.items[i]);
    keyring_clear(&lines.ring);
    if (!error && lines.out.overflow)
        error = err_new(commit->arena, ERR_TOO_LARGE, "too many statements at once");
    if (error || !lines.out.length)
        return error;
    return lines_store(engine->refusal_log, commit->arena, buf_str(&lines.out));
}

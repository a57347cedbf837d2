/* How far an import has come; the contract is in import_state.h. */
#include "main/import_state.h"

#include "base/json.h"
#include "base/time.h"
#include "main/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 64 * 1024, HASH_BYTES = 32, STATE_BYTES_MAX = 64 * 1024 };
#define SAVE_EACH_US (250 * 1000)

static str hash_text(struct arena *arena, str text)
{
    uint8_t hash[HASH_BYTES];
    (void)crypto_generichash(hash, sizeof(hash), (const uint8_t *)text.data, text.length, NULL, 0); /* cannot fail with a good size */
    return str_hex(arena, hash, sizeof(hash));
}

/* Hash of the first bytes, at most `bytes`. */
static const struct err *head_hash(struct arena *arena, const char *path, uint64_t bytes, str *ret_hash, uint64_t *ret_size)
{
    struct stat found;
    int fd FILE_CLOSED = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &found) < 0)
        return file_error(arena, path, errno);
    size_t wanted = bytes < HEAD_BYTES ? (size_t)bytes : HEAD_BYTES, length = 0;
    char *head = arena_alloc_raw(arena, HEAD_BYTES);
    while (length < wanted) {
        ssize_t got = pread(fd, head + length, wanted - length, (off_t)length);
        if (got < 0 && errno != EINTR)
            return file_error(arena, path, errno);
        if (got == 0)
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    *ret_hash = hash_text(arena, str_bytes(head, length));
    *ret_size = (uint64_t)found.st_size;
    return NULL;
}

static const char *state_path(struct arena *arena, const struct import_identity *identity)
{
    char *real = realpath(identity->file, NULL);
    str key = str_printf(arena, "%s%c%s%c%s%c%s%c%.*s", real ? real : identity->file, 0, identity->source, 0, identity->server, 0,
                         import_format_name(identity->format), 0, STR_FMT(identity->mapping));
    free(real);
    return arena_printf(arena, "%s/%.16s.json", identity->directory, hash_text(arena, key).data);
}

static uint64_t number(const struct json *object, const char *name)
{
    int64_t value = 0;
    return json_int(json_get(object, str_of(name)), &value) && value > 0 ? (uint64_t)value : 0;
}

/* What the state file says, if it is about this very file; otherwise the state stays new. */
static void state_read(struct arena *arena, const char *file, struct import_state *state)
{
    str text, head;
    struct json json;
    uint64_t size = 0;
    const struct err *error = file_read(arena, state->path, STATE_BYTES_MAX, &text);
    if (!error)
        error = json_read(arena, text, &json);
    if (error)
        return; /* none yet, or a broken one: from the start, and the ids keep out what is there already */
    uint64_t old_size = number(&json, "size");
    error = head_hash(arena, file, old_size, &head, &size);
    if (error || size < old_size || !str_equal(head, json_string(json_get(&json, STR("head")))))
        return;
    state->place = (struct place){number(&json, "offset"), number(&json, "line")};
    state->done = json_bool(json_get(&json, STR("done")), false) && size == old_size;
    state->rejects_bytes = number(&json, "rejects_bytes");
    state->counts.read = number(&json, "read");
    state->counts.rejected = number(&json, "rejected");
    for (int i = 0; i < OUTCOME_COUNT; i++)
        state->counts.outcomes[i] = number(&json, outcome_name((enum outcome)i));
    if (state->place.line == 0)
        state->place = (struct place){0, 0};
}

const struct err *import_state_open(struct arena *arena, const struct import_identity *identity, bool again, struct import_state *ret_state)
{
    struct import_state state = {.rejects_fd = -1};
    bool file = strcmp(identity->file, "-") != 0;
    state.rejects_path = identity->rejects ? identity->rejects : file ? arena_printf(arena, "%s.rejects.ndjson", identity->file) : "import.rejects.ndjson";
    if (file) {
        struct stat found;
        TRY(head_hash(arena, identity->file, HEAD_BYTES, &state.head, &state.size));
        if (stat(identity->file, &found) == 0 && S_ISREG(found.st_mode)) {
            TRY(file_make_directory(arena, identity->directory));
            state.path = state_path(arena, identity);
            if (!again)
                state_read(arena, identity->file, &state);
        }
    }
    if (state.place.offset == 0 && unlink(state.rejects_path) < 0 && errno != ENOENT)
        return file_error(arena, state.rejects_path, errno);
    *ret_state = state;
    return NULL;
}

static const struct err *rejects_open(struct arena *arena, struct import_state *state)
{
    state->rejects_fd = open(state->rejects_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (state->rejects_fd < 0 || ftruncate(state->rejects_fd, (off_t)state->rejects_bytes) < 0 || lseek(state->rejects_fd, 0, SEEK_END) < 0) {
        const struct err *error = file_error(arena, state->rejects_path, errno);
        return err_new(arena, error->code, "%s; say with --rejects where the rejects may be written", error->text);
    }
    return NULL;
}

const struct err *import_state_reject(struct arena *arena, struct import_state *state, str line)
{
    if (state->rejects_fd < 0)
        TRY(rejects_open(arena, state));
    while (line.length) {
        ssize_t wrote = write(state->rejects_fd, line.data, line.length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return file_error(arena, state->rejects_path, errno);
        state->rejects_bytes += (uint64_t)wrote;
        line = str_slice(line, (size_t)wrote, line.length);
    }
    state->counts.rejected++;
    return NULL;
}

const struct err *import_state_save(struct arena *arena, struct import_state *state, bool now)
{
    struct buf text;
    struct jsonw w;
    int64_t now_us = clock_monotonic_us();
    if (!state->path || (!now && now_us - state->saved_us < SAVE_EACH_US))
        return NULL;
    if (state->rejects_fd >= 0 && fsync(state->rejects_fd) < 0)
        return file_error(arena, state->rejects_path, errno);
    buf_init(&text, arena, STATE_BYTES_MAX);
    jsonw_init(&w, &text);
    jsonw_object(&w);
    jsonw_field(&w, "head", state->head);
    jsonw_field_int(&w, "size", (int64_t)state->size);
    jsonw_field_int(&w, "offset", (int64_t)state->place.offset);
    jsonw_field_int(&w, "line", (int64_t)state->place.line);
    jsonw_field_bool(&w, "done", state->done);
    jsonw_field_int(&w, "rejects_bytes", (int64_t)state->rejects_bytes);
    jsonw_field_int(&w, "read", (int64_t)state->counts.read);
    jsonw_field_int(&w, "rejected", (int64_t)state->counts.rejected);
    for (int i = 0; i < OUTCOME_COUNT; i++)
        jsonw_field_int(&w, outcome_name((enum outcome)i), (int64_t)state->counts.outcomes[i]);
    jsonw_object_end(&w);
    TRY(file_replace(arena, state->path, buf_str(&text)));
    state->saved_us = now_us;
    return NULL;
}

void import_state_close(struct import_state *state) { file_close(&state->rejects_fd); }

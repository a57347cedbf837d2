/* The tombstones: one line for each person of whom keys were destroyed, written and synced before the slots change. Without any key in
 * it, the log can be copied anywhere; put beside an older vault, it destroys again what that one still has.
 *
 *     telos1 VAULT-ID destroy 4711 evidence+consent - 2026-11-24T16:30:00.000Z CRC
 *     telos1 VAULT-ID renew 4711 hold FINGERPRINT 2026-11-24T16:30:00.000Z CRC
 *
 * A renewed slot lives on with another key, so its line names the key that died. */
#include "evidence/vault_private.h"

#include "base/time.h"
#include "evidence/text_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#define LINE_WORD "telos1"
#define LINE_MAX_SIZE 512
#define APPEND_MAX ((size_t)256 * 1024 * 1024)

static uint32_t line_crc(str text) { return (uint32_t)crc32_z(crc32(0, NULL, 0), (const uint8_t *)text.data, text.length); }

static void line_write(struct buf *out, const uint8_t vault_id[16], const struct key_change *change)
{
    char id[33], fingerprint[17], time[TIME_TEXT_SIZE], crc[16];
    uint8_t mask = change->destroy ? change->destroy : change->renew;
    size_t from = out->length;
    str at = time_text(change->at_ms, time);
    bool first = true;
    sodium_bin2hex(id, sizeof(id), vault_id, 16);
    buf_printf(out, LINE_WORD " %s %s %llu ", id, change->destroy ? "destroy" : "renew", (unsigned long long)change->profile);
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
        if (!(mask & KEY_CLASS_BIT(class)))
            continue;
        buf_printf(out, "%s%s", first ? "" : "+", key_class_name((enum key_class) class));
        first = false;
    }
    sodium_bin2hex(fingerprint, sizeof(fingerprint), change->fingerprint, sizeof(change->fingerprint));
    if (at.length == 0)
        at = STR("-");
    buf_printf(out, " %s %.*s", change->fingerprinted ? fingerprint : "-", STR_FMT(at));
    (void)snprintf(crc, sizeof(crc), " %08x\n", line_crc(str_slice(buf_str(out), from, out->length)));
    buf_add(out, str_of(crc));
}

static bool classes_parse(str text, uint8_t *ret_mask)
{
    str name;
    uint8_t mask = 0;
    while (str_split(&text, '+', &name)) {
        unsigned class = 0;
        while (class < KEY_CLASS_COUNT && !str_equal(name, str_of(key_class_name((enum key_class) class))))
            class ++;
        if (class == KEY_CLASS_COUNT)
            return false;
        mask |= KEY_CLASS_BIT(class);
    }
    *ret_mask = mask;
    return mask != 0;
}

/* False when the line is damaged; *ret_own: it is of this vault. */
static bool line_parse(str line, const uint8_t vault_id[16], struct key_change *ret, bool *ret_own)
{
    struct key_change change = {0};
    str word, id, verb, profile, classes, fingerprint, time, crc, rest = line;
    uint8_t id_bytes[16], crc_bytes[4], mask;
    bool fine = str_split(&rest, ' ', &word) && str_split(&rest, ' ', &id) && str_split(&rest, ' ', &verb) && str_split(&rest, ' ', &profile) &&
                str_split(&rest, ' ', &classes) && str_split(&rest, ' ', &fingerprint) && str_split(&rest, ' ', &time) && str_split(&rest, ' ', &crc) &&
                rest.data == NULL;
    if (!fine || !str_equal(word, STR(LINE_WORD)) || !str_unhex(id, id_bytes, sizeof(id_bytes)) || !str_unhex(crc, crc_bytes, sizeof(crc_bytes)) ||
        !text_uint64(profile, &change.profile) || change.profile == 0 || change.profile > PROFILE_NO_MAX || !classes_parse(classes, &mask))
        return false;
    uint32_t given = (uint32_t)crc_bytes[0] << 24 | (uint32_t)crc_bytes[1] << 16 | (uint32_t)crc_bytes[2] << 8 | crc_bytes[3];
    if (given != line_crc(str_slice(line, 0, line.length - crc.length - 1)))
        return false;
    if (!time_parse(time, &change.at_ms))
        change.at_ms = TIME_NONE;
    if (str_equal(verb, STR("destroy"))) {
        change.destroy = mask;
    } else if (str_equal(verb, STR("renew")) && str_unhex(fingerprint, change.fingerprint, sizeof(change.fingerprint))) {
        change.renew = mask;
        change.fingerprinted = true;
    } else {
        return false;
    }
    *ret_own = memcmp(id_bytes, vault_id, sizeof(id_bytes)) == 0;
    *ret = change;
    return true;
}

void tombstones_reader_init(struct tombstones_reader *reader, int fd, uint64_t offset)
{
    reader->fd = fd;
    reader->offset = offset;
    reader->used = reader->filled = 0;
}

/* The next whole line, borrowed from the reader. An over-long one comes back in pieces, each of which is damaged. */
static enum tombstone_result line_next(struct tombstones_reader *reader, str *ret_line)
{
    for (;;) {
        str rest = str_bytes(reader->buffer + reader->used, reader->filled - reader->used);
        ptrdiff_t end = str_find_char(rest, '\n');
        if (end >= 0 || rest.length >= LINE_MAX_SIZE) {
            size_t length = end >= 0 ? (size_t)end : LINE_MAX_SIZE;
            *ret_line = str_slice(rest, 0, length);
            reader->used += length + (end >= 0);
            reader->offset += length + (end >= 0);
            return TOMBSTONE_LINE;
        }
        memmove(reader->buffer, rest.data, rest.length);
        reader->used = 0;
        reader->filled = rest.length;
        ssize_t got = pread(reader->fd, reader->buffer + reader->filled, sizeof(reader->buffer) - reader->filled, (off_t)(reader->offset + reader->filled));
        if (got < 0)
            return TOMBSTONE_FAILED;
        if (got == 0)
            return TOMBSTONE_END; /* what is left is a torn line */
        reader->filled += (size_t)got;
    }
}

enum tombstone_result tombstones_next(struct tombstones_reader *reader, const uint8_t vault_id[16], struct key_change *ret)
{
    for (;;) {
        str line;
        bool own = false;
        enum tombstone_result result = line_next(reader, &line);
        if (result != TOMBSTONE_LINE)
            return result;
        if (!line_parse(line, vault_id, ret, &own))
            return TOMBSTONE_DAMAGED;
        if (own)
            return TOMBSTONE_LINE;
    }
}

/* Cuts the log off at `size`, where its last good line ends. */
static const struct err *log_cut(struct arena *arena, struct vault *vault, uint64_t size)
{
    vault->tombstones_torn = true;
    if (!io_truncate(&vault->faults, vault->fd_tombstones, (off_t)size) || !io_sync(&vault->faults, vault->fd_tombstones))
        return io_error(arena, "cannot write", vault->path_tombstones);
    vault->tombstones_size = size;
    vault->tombstones_torn = false;
    return NULL;
}

/* A line begins at `offset`. */
bool tombstones_line_at(const struct vault *vault, uint64_t offset)
{
    char before;
    return offset == 0 || (offset <= vault->tombstones_size && io_read(vault->fd_tombstones, &before, 1, (off_t)offset - 1) && before == '\n');
}

const struct err *tombstones_open(struct arena *arena, struct vault *vault)
{
    struct stat stat;
    struct tombstones_reader *reader = arena_new(arena, struct tombstones_reader);
    struct key_change change;
    enum tombstone_result result;
    vault->fd_tombstones = open(vault->path_tombstones, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (vault->fd_tombstones < 0 || fstat(vault->fd_tombstones, &stat) != 0)
        return io_error(arena, "cannot open", vault->path_tombstones);
    vault->tombstones_size = (uint64_t)stat.st_size;
    uint64_t from = vault->header.tombstones_applied, good;
    if (!tombstones_line_at(vault, from))
        from = 0; /* another log has taken this one's place */
    /* what is not whole at the end was never synced, so nobody was told that it is destroyed */
    tombstones_reader_init(reader, vault->fd_tombstones, from);
    good = from;
    bool damaged = false;
    while ((result = tombstones_next(reader, vault->header.vault_id, &change)) != TOMBSTONE_END) {
        if (result == TOMBSTONE_FAILED)
            return io_error(arena, "cannot read", vault->path_tombstones);
        damaged = result == TOMBSTONE_DAMAGED;
        good = damaged ? good : reader->offset;
    }
    if (!damaged)
        good = reader->offset; /* lines of other vaults may stand at the end */
    if (good < vault->tombstones_size)
        TRY(log_cut(arena, vault, good));
    return tombstones_catch_up(arena, vault);
}

const struct err *tombstones_read(struct arena *arena, struct vault *vault, uint64_t offset, struct key_changes *ret)
{
    struct tombstones_reader *reader = arena_new(arena, struct tombstones_reader);
    struct key_change change;
    enum tombstone_result result;
    struct key_changes changes = {0};
    tombstones_reader_init(reader, vault->fd_tombstones, offset);
    while ((result = tombstones_next(reader, vault->header.vault_id, &change)) != TOMBSTONE_END) {
        if (result == TOMBSTONE_FAILED)
            return io_error(arena, "cannot read", vault->path_tombstones);
        if (result == TOMBSTONE_LINE)
            *vec_push(arena, &changes) = change;
    }
    *ret = changes;
    return NULL;
}

const struct err *tombstones_catch_up(struct arena *arena, struct vault *vault)
{
    struct key_changes changes = {0};
    if (vault->remote) /* lines and slots change together */
        return NULL;
    uint64_t from = vault->header.tombstones_applied;
    if (vault->tombstones_torn)
        TRY(log_cut(arena, vault, vault->tombstones_size));
    if (from == vault->tombstones_size)
        return NULL;
    TRY(tombstones_read(arena, vault, tombstones_line_at(vault, from) ? from : 0, &changes));
    return keys_apply(arena, vault, &changes, vault->tombstones_size);
}

const struct err *tombstones_append(struct arena *arena, struct vault *vault, const struct key_changes *changes)
{
    struct buf out;
    ASSERT(!vault->tombstones_torn); /* tombstones_catch_up came first */
    buf_init(&out, arena, APPEND_MAX);
    vec_each (change, changes) {
        if (change->destroy || change->fingerprinted) /* else nothing dies: an empty slot gets its first key */
            line_write(&out, vault->header.vault_id, change);
    }
    if (out.overflow)
        return err_new(arena, ERR_TOO_LARGE, "too many persons to destroy the keys of at once");
    if (out.length == 0)
        return NULL;
    if (vault->remote)
        return remote_lines(arena, vault, buf_str(&out));
    vault->tombstones_torn = true; /* until it is durable */
    if (!io_write(&vault->faults, vault->fd_tombstones, out.data, out.length, (off_t)vault->tombstones_size) || !io_sync(&vault->faults, vault->fd_tombstones))
        return io_error(arena, "cannot write", vault->path_tombstones);
    vault->tombstones_torn = false;
    vault->tombstones_size += out.length;
    return NULL;
}

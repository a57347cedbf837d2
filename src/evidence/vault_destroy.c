/* Erasing for good: tombstones first, then the slots, then the mirrors. */
#include "evidence/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>

#define CHANGES_AT_ONCE 100000 /* of a log of tombstones that is applied */

/* Leaves out what would change nothing, so that the log does not grow by repetition. */
static const struct err *changes_filter(struct arena *arena, struct vault *vault, struct key_changes *changes)
{
    uint8_t page[VAULT_PAGE];
    uint64_t number = 0;
    bool fine = false;
    size_t kept = 0;
    for (size_t i = 0; i < changes->count; i++) {
        struct key_change change = changes->items[i];
        if (page_of(change.profile) != number) {
            number = page_of(change.profile);
            TRY(page_load(arena, vault, number, page, &fine));
        }
        if (!fine || page_wants(vault, page, &change))
            changes->items[kept++] = change;
    }
    changes->count = kept;
    return NULL;
}

/* The part before the mirrors; *ret_count: how many changes there were to make. */
static const struct err *destroy(struct arena *arena, struct vault *vault, struct key_changes *changes, size_t *ret_count)
{
    TRY(change_begin(arena, vault));
    TRY(tombstones_catch_up(arena, vault));
    TRY(changes_filter(arena, vault, changes));
    *ret_count = changes->count;
    if (changes->count == 0)
        return NULL;
    TRY(tombstones_append(arena, vault, changes));
    return keys_apply(arena, vault, changes, vault->tombstones_size);
}

static const struct err *profile_check(struct arena *arena, uint64_t profile)
{
    if (profile != 0 && profile <= PROFILE_NO_MAX)
        return NULL;
    return err_new(arena, ERR_INVALID, "%llu is no profile number", (unsigned long long)profile);
}

const struct err *keys_destroy(struct arena *arena, struct vault *vault, const profile_no *profiles, const uint8_t *class_masks, size_t count, int64_t now_ms)
{
    struct key_changes changes = {0};
    size_t done;
    for (size_t i = 0; i < count; i++) {
        TRY(profile_check(arena, profiles[i].value));
        *vec_push(arena, &changes) = (struct key_change){.profile = profiles[i].value, .destroy = class_masks[i] & KEY_CLASS_ALL, .at_ms = now_ms};
    }
    TRY(destroy(arena, vault, &changes, &done));
    return mirrors_bring(arena, vault);
}

const struct err *vault_destroy(struct arena *arena, struct vault *vault, const profile_no *profiles, const uint8_t *class_masks, size_t count, int64_t now_ms)
{
    vault_lock(vault);
    return vault_unlock_after(arena, vault, keys_destroy(arena, vault, profiles, class_masks, count, now_ms));
}

/* What renewing means for each slot as it is now. */
static const struct err *renewals(struct arena *arena, struct vault *vault, const profile_no *profiles, size_t count, enum key_class class, int64_t now_ms,
                                  struct key_changes *ret, size_t *ret_destroyed)
{
    for (size_t i = 0; i < count; i++) {
        struct key_change change = {.profile = profiles[i].value, .renew = KEY_CLASS_BIT(class), .at_ms = now_ms};
        unsigned place = page_place(change.profile);
        uint8_t page[VAULT_PAGE], key[32];
        bool fine;
        TRY(page_load(arena, vault, page_of(change.profile), page, &fine));
        if (!fine)
            return page_damaged(arena, vault, page_of(change.profile));
        enum slot_state state = page_state(page, place, class);
        if (state == SLOT_DESTROYED) {
            ++*ret_destroyed;
            continue;
        }
        change.fingerprinted = state == SLOT_LIVE;
        if (state == SLOT_LIVE && !page_unwrap(vault, page, place, class, key))
            return page_damaged(arena, vault, page_of(change.profile));
        if (state == SLOT_LIVE)
            key_fingerprint(key, change.fingerprint);
        sodium_memzero(key, sizeof(key));
        *vec_push(arena, ret) = change;
    }
    return NULL;
}

const struct err *keys_renew(struct arena *arena, struct vault *vault, const profile_no *profiles, size_t count, enum key_class class, int64_t now_ms,
                             size_t *ret_destroyed)
{
    struct key_changes changes = {0};
    size_t done;
    for (size_t i = 0; i < count; i++)
        TRY(profile_check(arena, profiles[i].value));
    TRY(change_begin(arena, vault));
    TRY(tombstones_catch_up(arena, vault));
    TRY(renewals(arena, vault, profiles, count, class, now_ms, &changes, ret_destroyed));
    TRY(destroy(arena, vault, &changes, &done));
    return mirrors_bring(arena, vault);
}

const struct err *vault_renew_all(struct arena *arena, struct vault *vault, const profile_no *profiles, size_t count, enum key_class class, int64_t now_ms,
                                  size_t *ret_destroyed)
{
    size_t destroyed = 0;
    vault_lock(vault);
    const struct err *err = vault_unlock_after(arena, vault, keys_renew(arena, vault, profiles, count, class, now_ms, &destroyed));
    if (!err && ret_destroyed)
        *ret_destroyed = destroyed;
    return err;
}

const struct err *vault_renew(struct arena *arena, struct vault *vault, profile_no profile, enum key_class class, int64_t now_ms)
{
    size_t destroyed = 0;
    TRY(vault_renew_all(arena, vault, &profile, 1, class, now_ms, &destroyed));
    if (destroyed)
        return err_new(arena, ERR_CONFLICT, "the %s key of profile %llu is destroyed", key_class_name(class), (unsigned long long)profile.value);
    return NULL;
}

static const struct err *tombstones_apply(struct arena *arena, struct vault *vault, int fd, const char *path, uint64_t *ret_applied, size_t *ret_damaged)
{
    struct tombstones_reader *reader = arena_new(arena, struct tombstones_reader);
    enum tombstone_result result = TOMBSTONE_LINE;
    tombstones_reader_init(reader, fd, 0);
    while (result != TOMBSTONE_END) {
        struct key_changes changes = {0};
        struct key_change change;
        size_t done = 0;
        while (changes.count < CHANGES_AT_ONCE && (result = tombstones_next(reader, vault->header.vault_id, &change)) != TOMBSTONE_END) {
            if (result == TOMBSTONE_FAILED)
                return io_error(arena, "cannot read", path);
            if (result == TOMBSTONE_DAMAGED)
                ++*ret_damaged;
            else
                *vec_push(arena, &changes) = change;
        }
        TRY(destroy(arena, vault, &changes, &done));
        *ret_applied += done;
    }
    return mirrors_bring(arena, vault);
}

const struct err *vault_tombstones_apply(struct arena *arena, struct vault *vault, const char *path, uint64_t *ret_applied)
{
    uint64_t applied = 0;
    size_t damaged = 0;
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_new(arena, ERR_NOT_FOUND, "there are no tombstones at %s", path);
    if (fd < 0)
        return io_error(arena, "cannot open", path);
    vault_lock(vault);
    const struct err *err = vault_unlock_after(arena, vault, tombstones_apply(arena, vault, fd, path, &applied, &damaged));
    if (err)
        return err;
    if (damaged)
        return err_new(arena, ERR_INVALID, "%zu lines of %s are damaged; the others were applied (%llu anew)", damaged, path, (unsigned long long)applied);
    *ret_applied = applied;
    return NULL;
}

/* Keys that a commit of some node owes: ended once, whichever node comes to it. */
#include "evidence/vault_private.h"

static const struct err *renew_all(struct arena *arena, struct vault *vault, const struct vault_end *ends, size_t count, enum key_class class, int64_t now_ms)
{
    profile_no *profiles = arena_array(arena, profile_no, count + 1);
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        if (ends[i].renew && (ends[i].class_mask & KEY_CLASS_BIT(class)))
            profiles[wanted++] = ends[i].profile;
    size_t destroyed = 0; /* slots that are destroyed stay so */
    return wanted ? keys_renew(arena, vault, profiles, wanted, class, now_ms, &destroyed) : NULL;
}

static const struct err *end_all(struct arena *arena, struct vault *vault, const struct vault_end *ends, size_t count, int64_t now_ms)
{
    profile_no *profiles = arena_array(arena, profile_no, count + 1);
    uint8_t *masks = arena_array(arena, uint8_t, count + 1);
    size_t wanted = 0;
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++)
        TRY(renew_all(arena, vault, ends, count, (enum key_class) class, now_ms));
    for (size_t i = 0; i < count; i++)
        if (!ends[i].renew) {
            profiles[wanted] = ends[i].profile;
            masks[wanted++] = ends[i].class_mask;
        }
    return wanted ? keys_destroy(arena, vault, profiles, masks, wanted, now_ms) : NULL;
}

/* Under the lock, and in one transaction where the vault is remote: so the number says what was done. */
static const struct err *end_once(struct arena *arena, struct vault *vault, uint64_t number, const struct vault_end *ends, size_t count, int64_t now_ms)
{
    uint64_t done = vault->ends_done;
    TRY(change_begin(arena, vault));
    if (vault->remote)
        TRY(remote_ended(arena, vault, &done));
    if (number <= done)
        return NULL;
    TRY(end_all(arena, vault, ends, count, now_ms));
    return vault->remote ? remote_ended_set(arena, vault, number) : NULL;
}

const struct err *vault_end_keys(struct arena *arena, struct vault *vault, uint64_t number, const struct vault_end *ends, size_t count, int64_t now_ms)
{
    vault_lock(vault);
    const struct err *err = end_once(arena, vault, number, ends, count, now_ms);
    if (!err && number > vault->ends_done)
        vault->ends_done = number; /* where a remote one does not commit, what it keeps says so */
    return vault_unlock_after(arena, vault, err);
}

/* A vault of files is one process's: nobody else changes it. */
const struct err *vault_follow(struct arena *arena, struct vault *vault) { return vault->remote ? remote_follow(arena, vault) : NULL; }

/* Keys that a commit of some node owes: ended once, whichever node comes to it. */
#include "evidence/vault_private.h"

static const struct err *renew_all(struct arena *arena, struct vault *vault, const struct vault_end *ends, size_t count, enum key_class class,
                                   int64_t now_ms) {
    profile_no *profiles = arena_array(arena, profile_no, count + 1);
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        if (ends[i].renew && (ends[i].class_mask & KEY_CLASS_BIT(class)))
            profiles[wanted++] = ends[i].profile;
    return wanted ? vault_renew_all(arena, vault, profiles, wanted, class, now_ms, NULL) : NULL;
}

static const struct err *end_all(struct arena *arena, struct vault *vault, const struct vault_end *ends, size_t count, int64_t now_ms) {
    profile_no *profiles = arena_array(arena, profile_no, count + 1);
    uint8_t *masks = arena_array(arena, uint8_t, count + 1);
    size_t wanted = 0;
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class++)
        TRY(renew_all(arena, vault, ends, count, (enum key_class)class, now_ms));
    for (size_t i = 0; i < count; i++)
        if (!ends[i].renew) {
            profiles[wanted] = ends[i].profile;
            masks[wanted++] = ends[i].class_mask;
        }
    return wanted ? vault_destroy(arena, vault, profiles, masks, wanted, now_ms) : NULL;
}

const struct err *vault_end_keys(struct arena *arena, struct vault *vault, uint64_t number, const struct vault_end *ends, size_t count,
                                 int64_t now_ms) {
    const struct err *err = NULL;
    ASSERT(pthread_mutex_lock(&vault->ending) == 0);
    if (number > vault->ends_done)
        err = end_all(arena, vault, ends, count, now_ms);
    if (!err && number > vault->ends_done)
        vault->ends_done = number;
    ASSERT(pthread_mutex_unlock(&vault->ending) == 0);
    return err;
}

/* A vault of files is one process's: nobody else changes it. */
const struct err *vault_follow(struct arena *arena, struct vault *vault) {
    (void)arena, (void)vault;
    return NULL;
}

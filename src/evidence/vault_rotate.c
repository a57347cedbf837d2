/* A new master key, page by page, while everyone works on.
 *
 *     at rest ──begin──▶ rotating ──step…──▶ rotating ──switch──▶ replacing ──finish──▶ at rest
 *
 *     begin    FILE.next is made; the header names both keys (one change)
 *     step     some pages are wrapped anew (one change each); what is new is wrapped under the new key from `begin` on
 *     switch   the header names the new key alone (one change); each mirror is marked to be copied whole just before
 *     finish   mirrors that can be reached are copied; FILE is overwritten, FILE.next takes its place
 *
 * A crash in `rotating` leaves both keys in place, and the next rotation goes on; one in `replacing` is finished when the vault opens.
 *
 * Where the vault is remote, each turn is a transaction, and several nodes have a FILE of their own. FILE.next is brought to them by a person before `begin`:
 * a new key that went by the database, wrapped under the old one, would be no better than the old one. A node learns what another did from the header, when it
 * changes something itself or meets a page under a key that it does not know (rotation_follow); `finish` is done by each node for its own FILE, and only when
 * the header that it read says that the switch is durable. */
#include "evidence/vault_private.h"

#include <sodium.h>

#define SCAN_PAGES 1024 /* looked at while others wait */

uint32_t newest_generation(const struct vault *vault) { return vault->header.generation + (vault->header.rotating ? 1 : 0); }

static const struct err *begin(struct arena *arena, struct vault *vault)
{
    uint8_t master[32], kek[32];
    struct vault_header header = vault->header;
    if (vault->remote)
        TRY(master_next(arena, vault, master));
    else
        TRY(master_create(arena, &vault->faults, vault->path_master_next, master));
    master_kek(master, header.vault_id, kek);
    master_key_id(master, header.next_key_id);
    sodium_memzero(master, sizeof(master));
    crypto_wrap(kek, vault->secrets->root, header.next_root);
    header.rotating = true;
    /* the key is known before the header names it, for a change that fails may turn out to have been made */
    stripes_lock_all(vault);
    memcpy(vault->secrets->kek[1], kek, sizeof(kek));
    vault->kek_generation[1] = header.generation + 1;
    stripes_unlock_all(vault);
    sodium_memzero(kek, sizeof(kek));
    return change_commit(arena, vault, &header);
}

/* Wraps the next pages anew, as many as make one change; *page is moved past them. */
static const struct err *step(struct arena *arena, struct vault *vault, uint64_t *page)
{
    uint64_t end = *page + SCAN_PAGES < vault->pages ? *page + SCAN_PAGES : vault->pages;
    uint32_t newest = newest_generation(vault);
    while (*page < end && vault->record_pages < RECORD_PAGES) {
        uint8_t *image;
        TRY(change_page(arena, vault, *page, &image));
        if (!image)
            return page_damaged(arena, vault, *page);
        if (page_generation(image) == 0 || page_generation(image) == newest)
            vault->record_pages--;
        else if (!page_rewrap(vault, image, newest))
            return page_damaged(arena, vault, *page);
        ++*page;
    }
    return vault->record_pages > 0 ? change_commit(arena, vault, &vault->header) : NULL;
}

/* From now on the vault knows only the new key. */
static void kek_switch(struct vault *vault)
{
    stripes_lock_all(vault);
    ASSERT(vault->kek_generation[1] == vault->header.generation && !vault->header.rotating);
    memcpy(vault->secrets->kek[0], vault->secrets->kek[1], 32);
    sodium_memzero(vault->secrets->kek[1], 32);
    vault->kek_generation[0] = vault->kek_generation[1];
    vault->kek_generation[1] = 0;
    stripes_unlock_all(vault);
    vault->replacing = true;
}

static const struct err *finish(struct arena *arena, struct vault *vault)
{
    TRY(mirrors_bring(arena, vault));
    TRY(master_settle(arena, vault));
    vault->replacing = false;
    return NULL;
}

/* ---- what another node did ---- */

static bool keys_known(const struct vault *vault, const struct vault_header *header)
{
    bool same_next = !header->rotating || memcmp(vault->header.next_key_id, header->next_key_id, sizeof(header->next_key_id)) == 0;
    return same_next && vault->kek_generation[0] == header->generation && vault->kek_generation[1] == (header->rotating ? header->generation + 1 : 0);
}

/* What wraps in this generation: from memory, else from a file. What is in memory may be of a rotation that was never stored: then it does not open the root. */
static const struct err *kek_get(struct arena *arena, struct vault *vault, uint32_t generation, const uint8_t id[8], const uint8_t wrapped_root[WRAPPED_SIZE],
                                 uint8_t ret_kek[32])
{
    uint8_t root[32];
    int known = kek_index(vault, generation);
    bool right = known >= 0 && crypto_unwrap(vault->secrets->kek[known], wrapped_root, root);
    sodium_memzero(root, sizeof(root));
    if (!right)
        return master_find(arena, vault, id, ret_kek);
    memcpy(ret_kek, vault->secrets->kek[known], 32);
    return NULL;
}

const struct err *rotation_follow(struct arena *arena, struct vault *vault, const struct vault_header *header)
{
    uint8_t keks[2][32] = {{0}};
    const struct err *err = NULL;
    if (!keys_known(vault, header)) {
        err = kek_get(arena, vault, header->generation, header->key_id, header->root, keks[0]);
        if (!err && header->rotating)
            err = kek_get(arena, vault, header->generation + 1, header->next_key_id, header->next_root, keks[1]);
        if (!err) {
            stripes_lock_all(vault);
            vault->replacing |= vault->kek_generation[0] != header->generation;
            memcpy(vault->secrets->kek, keks, sizeof(keks));
            vault->kek_generation[0] = header->generation;
            vault->kek_generation[1] = header->rotating ? header->generation + 1 : 0;
            cache_forget_all(vault); /* what lies there wrapped may be under a key that is forgotten */
            stripes_unlock_all(vault);
        }
        sodium_memzero(keks, sizeof(keks));
    }
    if (err)
        return err;
    vault->header = *header;
    if (vault->replacing)
        (void)finish(arena, vault); /* where FILE cannot be written (a key service hands it out) whoever keeps it puts the new one there */
    return NULL;
}

bool rotation_catch_up(struct vault *vault)
{
    struct arena arena;
    arena_init(&arena);
    vault_lock(vault);
    bool fine = !vault_unlock_after(&arena, vault, change_begin(&arena, vault));
    arena_release(&arena);
    return fine;
}

static const struct err *switch_over(struct arena *arena, struct vault *vault, bool *ret_done)
{
    struct vault_header header = vault->header;
    vec_each (mirror, &vault->mirrors)
        mirror->all = true;
    if (vault->mirrors.count > 0)
        TRY(mirrors_save(arena, vault));
    header.generation++;
    header.rotating = false;
    memcpy(header.key_id, header.next_key_id, sizeof(header.key_id));
    memcpy(header.root, header.next_root, sizeof(header.root));
    TRY(change_commit(arena, vault, &header));
    if (vault->remote)
        return NULL; /* the old key goes when this is durable: in the next turn */
    TRY(change_settle(arena, vault));
    kek_switch(vault);
    *ret_done = true;
    return finish(arena, vault);
}

/* One turn under the lock. *page 0: nothing was done yet; *ret_done: the rotation is over. */
static const struct err *turn(struct arena *arena, struct vault *vault, uint64_t *page, bool *ret_done)
{
    TRY(change_begin(arena, vault));
    if (!vault->header.rotating && vault->kek_generation[0] != vault->header.generation)
        kek_switch(vault); /* the last change was made, though it seemed to have failed */
    if (vault->replacing) {
        *ret_done = true;
        return finish(arena, vault);
    }
    if (*page == 0) {
        *page = 1;
        return vault->header.rotating ? NULL : begin(arena, vault);
    }
    if (!vault->header.rotating) { /* remote: switched, by this node or by another */
        *ret_done = true;
        return NULL;
    }
    if (vault->remote)
        TRY(remote_pages(arena, vault, &vault->pages));
    TRY(step(arena, vault, page));
    return *page < vault->pages ? NULL : switch_over(arena, vault, ret_done);
}

const struct err *vault_rotate(struct arena *arena, struct vault *vault, vault_progress *progress, void *context)
{
    if (atomic_exchange(&vault->rotating_now, true))
        return err_new(arena, ERR_CONFLICT, "a rotation of the master key is under way");
    const struct err *err = NULL;
    uint64_t page = 0, done = 0, all = 0;
    bool finished = false, paused = false;
    while (!err && !finished && !paused) {
        vault_lock(vault);
        err = turn(arena, vault, &page, &finished);
        all = vault->pages > 0 ? vault->pages - 1 : 0;
        done = finished ? all : page > 0 ? page - 1 : 0;
        err = vault_unlock_after(arena, vault, err);
        if (!err && progress)
            paused = !progress(context, done, all) && !finished;
    }
    atomic_store(&vault->rotating_now, false);
    return err;
}

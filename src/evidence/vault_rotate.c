/* A new master key, page by page, while everyone works on.
 *
 *     at rest ──begin──▶ rotating ──step…──▶ rotating ──switch──▶ replacing ──finish──▶ at rest
 *
 *     begin    FILE.next is made; the header names both keys (one change)
 *     step     some pages are wrapped anew (one change each); what is new is wrapped under the new key from `begin` on
 *     switch   the header names the new key alone (one change); each mirror is marked to be copied whole just before
 *     finish   mirrors that can be reached are copied; FILE is overwritten, FILE.next takes its place
 *
 * A crash in `rotating` leaves both keys in place, and the next rotation goes on; one in `replacing` is finished when the vault opens. */
#include "evidence/vault_private.h"

#include <sodium.h>

#define SCAN_PAGES 1024 /* looked at while others wait */

uint32_t newest_generation(const struct vault *vault) {
    return vault->header.generation + (vault->header.rotating ? 1 : 0);
}

static const struct err *begin(struct arena *arena, struct vault *vault) {
    uint8_t master[32], kek[32];
    struct vault_header header = vault->header;
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
static const struct err *step(struct arena *arena, struct vault *vault, uint64_t *page) {
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
static void kek_switch(struct vault *vault) {
    stripes_lock_all(vault);
    ASSERT(vault->kek_generation[1] == vault->header.generation && !vault->header.rotating);
    memcpy(vault->secrets->kek[0], vault->secrets->kek[1], 32);
    sodium_memzero(vault->secrets->kek[1], 32);
    vault->kek_generation[0] = vault->kek_generation[1];
    vault->kek_generation[1] = 0;
    stripes_unlock_all(vault);
    vault->replacing = true;
}

static const struct err *finish(struct arena *arena, struct vault *vault) {
    TRY(mirrors_bring(arena, vault));
    TRY(master_replace(arena, vault));
    vault->replacing = false;
    return NULL;
}

static const struct err *switch_over(struct arena *arena, struct vault *vault) {
    struct vault_header header = vault->header;
    vec_each(mirror, &vault->mirrors)
        mirror->all = true;
    if (vault->mirrors.count > 0)
        TRY(mirrors_save(arena, vault));
    header.generation++;
    header.rotating = false;
    memcpy(header.key_id, header.next_key_id, sizeof(header.key_id));
    memcpy(header.root, header.next_root, sizeof(header.root));
    TRY(change_commit(arena, vault, &header));
    TRY(change_settle(arena, vault));
    kek_switch(vault);
    return finish(arena, vault);
}

/* One turn under the lock. *page 0: nothing was done yet; *ret_done: the rotation is over. */
static const struct err *turn(struct arena *arena, struct vault *vault, uint64_t *page, bool *ret_done) {
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
    TRY(step(arena, vault, page));
    if (*page < vault->pages)
        return NULL;
    TRY(switch_over(arena, vault));
    *ret_done = true;
    return NULL;
}

const struct err *vault_rotate(struct arena *arena, struct vault *vault, vault_progress *progress, void *context) {
    TRY(remote_refuses(arena, vault, "is not rotated yet: its nodes would need the new master key at the same instant"));
    if (atomic_exchange(&vault->rotating_now, true))
        return err_new(arena, ERR_CONFLICT, "a rotation of the master key is under way");
    const struct err *err = NULL;
    uint64_t page = 0, done = 0, all = 0;
    bool finished = false, paused = false;
    while (!err && !finished && !paused) {
        vault_lock(vault);
        err = turn(arena, vault, &page, &finished);
        all = vault->pages - 1;
        done = finished ? all : page > 0 ? page - 1 : 0;
        vault_unlock(vault);
        if (!err && progress)
            paused = !progress(context, done, all) && !finished;
    }
    atomic_store(&vault->rotating_now, false);
    return err;
}

/* What the whole vault amounts to. */
#include "evidence/vault_private.h"

#include <stdlib.h>

#define PART_PAGES 256

static void page_count(const struct vault *vault, const uint8_t *page, uint64_t number, struct vault_status *status)
{
    status->pages_total++;
    if (!page_check(page, number) || (page_generation(page) != 0 && kek_index(vault, page_generation(page)) < 0)) {
        status->pages_damaged++;
        return;
    }
    uint32_t generation = page_generation(page);
    status->pages_rewrapped += generation == 0 || generation == newest_generation(vault);
    if (generation == 0)
        return;
    for (unsigned place = 0; place < PAGE_PROFILES; place++) {
        for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
            enum slot_state state = page_state(page, place, class);
            status->live[class] += state == SLOT_LIVE;
            status->destroyed[class] += state == SLOT_DESTROYED;
            if (state != SLOT_EMPTY)
                status->profile_no_max = (number - 1) * PAGE_PROFILES + place + 1;
        }
    }
}

/* Some pages from *page on, under the lock; others change things between two parts. */
static const struct err *part_count(struct arena *arena, struct vault *vault, uint8_t *part, uint64_t *page, struct vault_status *status)
{
    if (vault->remote)
        TRY(remote_pages(arena, vault, &vault->pages));
    uint64_t count = vault->pages - *page < PART_PAGES ? vault->pages - *page : PART_PAGES;
    for (uint64_t i = 0; vault->remote && i < count; i++)
        TRY(remote_page(arena, vault, *page + i, part + i * VAULT_PAGE));
    if (!vault->remote && !io_read(vault->fd, part, count * VAULT_PAGE, (off_t)(*page * VAULT_PAGE)))
        return io_error(arena, "cannot read", vault->path);
    for (uint64_t i = 0; i < count; i++, ++*page)
        page_count(vault, part + i * VAULT_PAGE, *page, status);
    return NULL;
}

const struct err *vault_status(struct arena *arena, struct vault *vault, struct vault_status *ret)
{
    struct vault_status status = {0};
    uint8_t *part = malloc((size_t)PART_PAGES * VAULT_PAGE);
    uint64_t page = 1;
    bool more = true;
    ASSERT(part);
    const struct err *err = NULL;
    while (!err && more) {
        vault_lock(vault);
        err = change_begin(arena, vault);
        if (!err)
            err = part_count(arena, vault, part, &page, &status);
        more = page < vault->pages;
        memcpy(status.vault_id, vault->header.vault_id, sizeof(status.vault_id));
        memcpy(status.master_key_id, vault->header.key_id, sizeof(status.master_key_id));
        status.generation = vault->header.generation;
        status.rotating = vault->header.rotating;
        err = vault_unlock_after(arena, vault, err);
    }
    free(part);
    if (err)
        return err;
    struct vault_mirrors mirrors = vault_mirrors(arena, vault);
    status.mirrors = mirrors.count;
    vec_each (mirror, &mirrors)
        status.mirrors_pending += mirror->pending > 0 || mirror->pending_all;
    *ret = status;
    return NULL;
}

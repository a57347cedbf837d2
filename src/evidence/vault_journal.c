/* Changes to the vault file by way of the redo journal: see vault_private.h, invariants 2, 4 and 5.
 *
 *     record   magic (8) | vault id (16) | change (8) | pages (4) | crc (4) | zeroes to 64 bytes | pages × (number (8) | image (4,096))
 *
 * Records stand one after the other, each one change higher; the chain ends where one is broken or out of order. */
#include "evidence/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

#define RECORD_MAGIC "TELOSJNL"
#define AT_CHANGE 24
#define AT_PAGES 32
#define AT_CRC 36

static uint8_t *record_item(struct vault *vault, uint32_t item)
{ /* 0 is the header */
    return vault->record + RECORD_HEAD_SIZE + (size_t)item * RECORD_ITEM_SIZE;
}

static uint32_t record_crc(uint8_t *record, size_t size)
{
    le32_write(record + AT_CRC, 0);
    return (uint32_t)crc32_z(crc32(0, NULL, 0), record, size);
}

const struct err *page_load(struct arena *arena, struct vault *vault, uint64_t number, uint8_t page[VAULT_PAGE], bool *ret_fine)
{
    if (vault->remote) {
        TRY(remote_page(arena, vault, number, page));
        *ret_fine = page_check(page, number);
        return NULL;
    }
    if (number >= vault->pages) {
        memset(page, 0, VAULT_PAGE);
        *ret_fine = true;
        return NULL;
    }
    if (!io_read(vault->fd, page, VAULT_PAGE, (off_t)(number * VAULT_PAGE)))
        return io_error(arena, "cannot read", vault->path);
    *ret_fine = page_check(page, number);
    return NULL;
}

const struct err *change_begin(struct arena *arena, struct vault *vault)
{
    if (vault->remote)
        TRY(remote_begin(arena, vault));
    else if (vault->broken)
        TRY(journal_replay(arena, vault));
    vault->record_pages = 0;
    return NULL;
}

const struct err *change_page(struct arena *arena, struct vault *vault, uint64_t number, uint8_t **ret_page)
{
    bool fine = false;
    ASSERT(number > 0 && number <= PAGE_NUMBER_MAX && vault->record_pages < RECORD_PAGES);
    uint8_t *item = record_item(vault, vault->record_pages + 1);
    TRY(page_load(arena, vault, number, item + 8, &fine));
    if (!fine || (page_generation(item + 8) != 0 && kek_index(vault, page_generation(item + 8)) < 0)) {
        *ret_page = NULL;
        return NULL;
    }
    le64_write(item, number);
    vault->record_pages++;
    *ret_page = item + 8;
    return NULL;
}

/* Room in the file for the pages that are new, so that a full disk is noticed before anything is changed. */
static bool room_make(struct vault *vault)
{
    for (uint32_t item = 1; item <= vault->record_pages; item++) {
        uint64_t from = le64_read(record_item(vault, item)), to = from + 1;
        if (from < vault->pages)
            continue;
        while (item < vault->record_pages && le64_read(record_item(vault, item + 1)) == to) {
            item++;
            to++;
        }
        int number = posix_fallocate(vault->fd, (off_t)(from * VAULT_PAGE), (off_t)((to - from) * VAULT_PAGE));
        if (number != 0) {
            errno = number;
            return false;
        }
        if (to > vault->pages) /* what lies between is a hole: pages never written */
            vault->pages = to;
    }
    return true;
}

/* Under the stripe's lock a page changes in the file and leaves the cache. */
static bool page_store(struct vault *vault, uint64_t number, const uint8_t *page)
{
    if (number == 0)
        return io_write(&vault->faults, vault->fd, page, VAULT_PAGE, 0);
    struct stripe *stripe = stripe_of(vault, number);
    ASSERT(pthread_mutex_lock(&stripe->lock) == 0);
    bool fine = io_write(&vault->faults, vault->fd, page, VAULT_PAGE, (off_t)(number * VAULT_PAGE));
    cache_forget_page(vault, number);
    ASSERT(pthread_mutex_unlock(&stripe->lock) == 0);
    return fine;
}

const struct err *change_settle(struct arena *arena, struct vault *vault)
{
    if (vault->remote)
        return NULL;
    ASSERT(!vault->broken);
    if (vault->unsynced && !io_sync(&vault->faults, vault->fd)) {
        vault->broken = true; /* what the system did with the pages is unknown: the journal has them */
        return io_error(arena, "cannot sync", vault->path);
    }
    vault->unsynced = false;
    if (!io_wipe(&vault->faults, vault->fd_journal, (off_t)vault->journal_size)) {
        vault->broken = true;
        return io_error(arena, "cannot write", vault->path_journal);
    }
    vault->journal_size = 0;
    return NULL;
}

/* The pages go into the transaction; it is committed when the lock is given back. */
static const struct err *change_send(struct arena *arena, struct vault *vault, const struct vault_header *header)
{
    struct vault_header next = *header;
    uint8_t *head = record_item(vault, 0) + 8;
    next.change = ++vault->header.change;
    header_write(&next, head);
    TRY(remote_store(arena, vault, 0, head));
    for (uint32_t item = 1; item <= vault->record_pages; item++) {
        uint64_t number = le64_read(record_item(vault, item));
        page_change_set(record_item(vault, item) + 8, next.change);
        page_finish(record_item(vault, item) + 8, number);
        TRY(remote_store(arena, vault, number, record_item(vault, item) + 8));
    }
    vault->header = next;
    vault->record_pages = 0;
    return NULL;
}

const struct err *change_commit(struct arena *arena, struct vault *vault, const struct vault_header *header)
{
    if (vault->remote)
        return change_send(arena, vault, header);
    struct vault_header next = *header;
    size_t size = RECORD_HEAD_SIZE + (size_t)(vault->record_pages + 1) * RECORD_ITEM_SIZE;
    ASSERT(!vault->broken);
    if (vault->journal_size + size > JOURNAL_SIZE_MAX)
        TRY(change_settle(arena, vault));
    if (!room_make(vault))
        return io_error(arena, "no room in", vault->path);
    next.change = ++vault->header.change; /* counts even where it fails: its record may be in the journal */
    le64_write(record_item(vault, 0), 0);
    header_write(&next, record_item(vault, 0) + 8);
    for (uint32_t item = 1; item <= vault->record_pages; item++) {
        page_change_set(record_item(vault, item) + 8, next.change);
        page_finish(record_item(vault, item) + 8, le64_read(record_item(vault, item)));
    }
    uint8_t *head = vault->record;
    memset(head, 0, RECORD_HEAD_SIZE);
    memcpy(head, RECORD_MAGIC, 8);
    memcpy(head + 8, next.vault_id, 16);
    le64_write(head + AT_CHANGE, next.change);
    le32_write(head + AT_PAGES, vault->record_pages + 1);
    le32_write(head + AT_CRC, record_crc(head, size));

    vault->broken = true; /* until all of it is done */
    if (!io_write(&vault->faults, vault->fd_journal, head, size, (off_t)vault->journal_size) || !io_sync(&vault->faults, vault->fd_journal))
        return io_error(arena, "cannot write", vault->path_journal);
    vault->journal_size += size;
    vault->unsynced = true;
    for (uint32_t item = 0; item <= vault->record_pages; item++)
        if (!page_store(vault, le64_read(record_item(vault, item)), record_item(vault, item) + 8))
            return io_error(arena, "cannot write", vault->path);
    vault->header = next;
    vault->record_pages = 0;
    vault->broken = false;
    return NULL;
}

/* The size of the record at `offset`, which is now in vault->record; 0 at the end of the chain. */
static size_t record_read(struct vault *vault, off_t offset)
{
    uint8_t *head = vault->record;
    if (!io_read(vault->fd_journal, head, RECORD_HEAD_SIZE, offset) || memcmp(head, RECORD_MAGIC, 8) != 0)
        return 0;
    uint32_t pages = le32_read(head + AT_PAGES), crc = le32_read(head + AT_CRC);
    if (pages == 0 || pages > RECORD_PAGES + 1)
        return 0;
    size_t size = RECORD_HEAD_SIZE + (size_t)pages * RECORD_ITEM_SIZE;
    if (!io_read(vault->fd_journal, head + RECORD_HEAD_SIZE, size - RECORD_HEAD_SIZE, offset + RECORD_HEAD_SIZE))
        return 0;
    return record_crc(head, size) == crc ? size : 0;
}

static const struct err *record_replay(struct arena *arena, struct vault *vault)
{
    uint32_t pages = le32_read(vault->record + AT_PAGES);
    for (uint32_t item = 0; item < pages; item++) {
        uint64_t number = le64_read(record_item(vault, item));
        const uint8_t *image = record_item(vault, item) + 8;
        uint8_t page[VAULT_PAGE];
        bool fine = false;
        if (number > PAGE_NUMBER_MAX || !page_check(image, number))
            return err_new(arena, ERR_IO, "%s holds a page that cannot be", vault->path_journal);
        TRY(page_load(arena, vault, number, page, &fine));
        if (fine && page_change(image) < page_change(page))
            continue;
        if (!page_store(vault, number, image))
            return io_error(arena, "cannot write", vault->path);
        if (number >= vault->pages)
            vault->pages = number + 1;
    }
    return NULL;
}

const struct err *journal_replay(struct arena *arena, struct vault *vault)
{
    struct stat journal, file;
    uint8_t page[VAULT_PAGE];
    struct vault_header header;
    bool fine = false;
    if (fstat(vault->fd_journal, &journal) != 0 || fstat(vault->fd, &file) != 0)
        return io_error(arena, "cannot read", vault->path_journal);
    vault->broken = true;
    vault->pages = (uint64_t)file.st_size / VAULT_PAGE; /* a page that is not whole yet is in the journal */
    TRY(page_load(arena, vault, 0, page, &fine));
    bool known = fine && header_read(page, &header);
    uint64_t last = 0;
    off_t offset = 0;
    for (size_t size; (size = record_read(vault, offset)) > 0; offset += (off_t)size) {
        uint64_t change = le64_read(vault->record + AT_CHANGE);
        if ((last != 0 && change != last + 1) || (known && memcmp(vault->record + 8, header.vault_id, 16) != 0))
            break;
        TRY(record_replay(arena, vault));
        last = change;
    }
    TRY(page_load(arena, vault, 0, page, &fine));
    if (!fine || !header_read(page, &header))
        return err_new(arena, ERR_IO, "%s is damaged or of another version: its header cannot be read", vault->path);
    if (!io_sync(&vault->faults, vault->fd))
        return io_error(arena, "cannot sync", vault->path);
    if (!io_wipe(&vault->faults, vault->fd_journal, journal.st_size) || !io_truncate(&vault->faults, vault->fd_journal, 0))
        return io_error(arena, "cannot write", vault->path_journal);
    if (header.change < vault->header.change) /* a number that was used and failed is not used again */
        header.change = vault->header.change;
    vault->header = header;
    vault->journal_size = 0;
    vault->record_pages = 0;
    vault->unsynced = false;
    vault->broken = false;
    return NULL;
}

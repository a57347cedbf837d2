/* Pages of the vault file as bytes: slots, states, check sums, the header. No I/O, no keys in clear. */
#include "evidence/vault_private.h"

#include <zlib.h>

#define MAGIC "TELOSVLT"
#define FORMAT 1

_Static_assert(PAGE_HEAD + PAGE_PROFILES * SLOTS_SIZE <= VAULT_PAGE, "slots fit a page");
_Static_assert(KEY_CLASS_COUNT <= 16, "states fit four bytes");

uint32_t le32_read(const uint8_t *in) { return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24; }

uint64_t le64_read(const uint8_t *in) { return le32_read(in) | (uint64_t)le32_read(in + 4) << 32; }

void le32_write(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

void le64_write(uint8_t *out, uint64_t value)
{
    le32_write(out, (uint32_t)value);
    le32_write(out + 4, (uint32_t)(value >> 32));
}

static uint32_t page_crc(const uint8_t *page, uint64_t number)
{
    uint8_t begin[8];
    le64_write(begin, number);
    uLong crc = crc32(crc32(0, NULL, 0), begin, sizeof(begin));
    return (uint32_t)crc32(crc, page + 4, VAULT_PAGE - 4);
}

static bool page_empty(const uint8_t *page) { return page[0] == 0 && memcmp(page, page + 1, VAULT_PAGE - 1) == 0; }

bool page_check(const uint8_t *page, uint64_t number) { return le32_read(page) == page_crc(page, number) || page_empty(page); }

void page_finish(uint8_t *page, uint64_t number) { le32_write(page, page_crc(page, number)); }

uint8_t *page_key(uint8_t *page, unsigned place, unsigned class) { return page + PAGE_HEAD + place * SLOTS_SIZE + class * WRAPPED_SIZE; }

enum slot_state slots_state(const uint8_t slots[SLOTS_SIZE], unsigned class)
{
    return (enum slot_state)(le32_read(slots + KEY_CLASS_COUNT * WRAPPED_SIZE) >> (2 * class) & 3);
}

enum slot_state page_state(const uint8_t *page, unsigned place, unsigned class) { return slots_state(page + PAGE_HEAD + place * SLOTS_SIZE, class); }

void page_state_set(uint8_t *page, unsigned place, unsigned class, enum slot_state state)
{
    uint8_t *states = page + PAGE_HEAD + place * SLOTS_SIZE + KEY_CLASS_COUNT * WRAPPED_SIZE;
    uint32_t bits = le32_read(states);
    le32_write(states, (bits & ~(UINT32_C(3) << (2 * class))) | (uint32_t)state << (2 * class));
    memset(page_key(page, place, class), 0, WRAPPED_SIZE);
}

/* Offsets in the header page. */
enum {
    AT_MAGIC = PAGE_HEAD,
    AT_FORMAT = AT_MAGIC + 8,
    AT_CLASSES = AT_FORMAT + 4,
    AT_VAULT_ID = AT_CLASSES + 4,
    AT_KEY_ID = AT_VAULT_ID + 16,
    AT_ROOT = AT_KEY_ID + 8,
    AT_ROTATING = AT_ROOT + WRAPPED_SIZE,
    AT_NEXT_KEY_ID = AT_ROTATING + 8,
    AT_NEXT_ROOT = AT_NEXT_KEY_ID + 8,
    AT_TOMBSTONES = AT_NEXT_ROOT + WRAPPED_SIZE,
};

void header_write(const struct vault_header *header, uint8_t page[VAULT_PAGE])
{
    memset(page, 0, VAULT_PAGE);
    page_generation_set(page, header->generation);
    page_change_set(page, header->change);
    memcpy(page + AT_MAGIC, MAGIC, 8);
    le32_write(page + AT_FORMAT, FORMAT);
    le32_write(page + AT_CLASSES, KEY_CLASS_COUNT);
    memcpy(page + AT_VAULT_ID, header->vault_id, sizeof(header->vault_id));
    memcpy(page + AT_KEY_ID, header->key_id, sizeof(header->key_id));
    memcpy(page + AT_ROOT, header->root, sizeof(header->root));
    if (header->rotating) {
        le32_write(page + AT_ROTATING, 1);
        memcpy(page + AT_NEXT_KEY_ID, header->next_key_id, sizeof(header->next_key_id));
        memcpy(page + AT_NEXT_ROOT, header->next_root, sizeof(header->next_root));
    }
    le64_write(page + AT_TOMBSTONES, header->tombstones_applied);
    page_finish(page, 0);
}

bool header_read(const uint8_t page[VAULT_PAGE], struct vault_header *ret)
{
    if (!page_check(page, 0) || memcmp(page + AT_MAGIC, MAGIC, 8) != 0 || le32_read(page + AT_FORMAT) != FORMAT ||
        le32_read(page + AT_CLASSES) != KEY_CLASS_COUNT)
        return false;
    struct vault_header header = {.generation = page_generation(page), .change = page_change(page)};
    memcpy(header.vault_id, page + AT_VAULT_ID, sizeof(header.vault_id));
    memcpy(header.key_id, page + AT_KEY_ID, sizeof(header.key_id));
    memcpy(header.root, page + AT_ROOT, sizeof(header.root));
    header.rotating = le32_read(page + AT_ROTATING) != 0;
    memcpy(header.next_key_id, page + AT_NEXT_KEY_ID, sizeof(header.next_key_id));
    memcpy(header.next_root, page + AT_NEXT_ROOT, sizeof(header.next_root));
    header.tombstones_applied = le64_read(page + AT_TOMBSTONES);
    *ret = header;
    return true;
}

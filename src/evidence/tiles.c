/* Addresses and entry bundles of C2SP tlog-tiles. */
#include "evidence/tiles.h"

#include <stdio.h>

str tile_path(struct tile_address address, char ret_text[TILE_PATH_SIZE])
{
    ASSERT(address.level <= TILE_LEVEL_MAX && address.width >= 1 && address.width <= TILE_WIDTH_FULL);
    unsigned groups[7]; /* 2^64 has 20 digits */
    int count = 0;
    uint64_t index = address.index;
    do {
        groups[count++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    int length = address.entries ? snprintf(ret_text, TILE_PATH_SIZE, "tile/entries") : snprintf(ret_text, TILE_PATH_SIZE, "tile/%u", address.level);
    while (count-- > 0)
        length += snprintf(ret_text + length, TILE_PATH_SIZE - (size_t)length, "/%s%03u", count > 0 ? "x" : "", groups[count]);
    if (address.width < TILE_WIDTH_FULL)
        length += snprintf(ret_text + length, TILE_PATH_SIZE - (size_t)length, ".p/%u", address.width);
    ASSERT(length < TILE_PATH_SIZE);
    return str_bytes(ret_text, (size_t)length);
}

/* A decimal number without leading zeroes. */
static bool number_parse(str text, uint64_t max, uint64_t *ret)
{
    if (text.length == 0 || text.length > 3 || (text.length > 1 && text.data[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret = value;
    return value <= max;
}

/* Three digits more of the index; false past 64 bits. */
static bool group_parse(str digits, uint64_t *index)
{
    if (digits.length != 3)
        return false;
    unsigned group = 0;
    for (size_t i = 0; i < 3; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
        group = group * 10 + (unsigned)(digits.data[i] - '0');
    }
    return !__builtin_mul_overflow(*index, UINT64_C(1000), index) && !__builtin_add_overflow(*index, group, index);
}

bool tile_path_parse(str path, struct tile_address *ret)
{
    struct tile_address address = {.width = TILE_WIDTH_FULL};
    if (str_starts(path, STR("/")))
        path = str_slice(path, 1, path.length);
    str rest = path, part;
    if (!str_split(&rest, '/', &part) || !str_equal(part, STR("tile")) || !str_split(&rest, '/', &part))
        return false;
    uint64_t number;
    if (str_equal(part, STR("entries")))
        address.entries = true;
    else if (number_parse(part, TILE_LEVEL_MAX, &number))
        address.level = (unsigned)number;
    else
        return false;
    bool more = true;
    while (more) {
        if (!str_split(&rest, '/', &part))
            return false;
        more = str_starts(part, STR("x"));
        if (more)
            part = str_slice(part, 1, part.length);
        else if (str_ends(part, STR(".p"))) {
            part = str_slice(part, 0, part.length - 2);
            str width;
            if (!str_split(&rest, '/', &width) || !number_parse(width, TILE_WIDTH_FULL - 1, &number) || number == 0)
                return false;
            address.width = (unsigned)number;
        }
        if (!group_parse(part, &address.index))
            return false;
    }
    if (rest.data != NULL)
        return false;
    /* one index has one address: no needless zero groups, nothing after it */
    char exact[TILE_PATH_SIZE];
    if (!str_equal(tile_path(address, exact), path))
        return false;
    *ret = address;
    return true;
}

unsigned tile_width_at(uint64_t size, unsigned level, uint64_t index)
{
    uint64_t hashes = level < 8 ? size >> (8 * level) : 0;
    if (hashes / TILE_WIDTH_FULL < index)
        return 0;
    uint64_t width = hashes - index * TILE_WIDTH_FULL;
    return width < TILE_WIDTH_FULL ? (unsigned)width : TILE_WIDTH_FULL;
}

void bundle_add(struct buf *bundle, str entry)
{
    ASSERT(entry.length <= TILE_ENTRY_BYTES_MAX);
    const char length[2] = {(char)(entry.length >> 8), (char)(entry.length & 0xff)};
    buf_add(bundle, str_bytes(length, 2));
    buf_add(bundle, entry);
}

bool bundle_next(str *rest, str *ret_entry)
{
    if (rest->length < 2)
        return false;
    size_t length = (size_t)(uint8_t)rest->data[0] << 8 | (uint8_t)rest->data[1];
    if (rest->length - 2 < length)
        return false;
    *ret_entry = str_slice(*rest, 2, 2 + length);
    *rest = str_slice(*rest, 2 + length, rest->length);
    return true;
}

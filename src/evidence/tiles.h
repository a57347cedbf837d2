/* C2SP tlog-tiles: the addresses of tiles and entry bundles, and the bundles' encoding. Pure text and bytes; who keeps
 * the tiles is another's business. */
#ifndef TELOS_EVIDENCE_TILES_H
#define TELOS_EVIDENCE_TILES_H

#include "base/err.h"
#include "base/str.h"

#define TILE_LEVEL_MAX 63
#define TILE_WIDTH_FULL 256
#define TILE_ENTRY_BYTES_MAX 65535
#define TILE_PATH_SIZE 64

struct tile_address {
    bool entries; /* an entry bundle; level is 0 then */
    unsigned level;
    uint64_t index;
    unsigned width; /* 1…256; below 256 it is partial */
};

/* "tile/0/x001/x234/067" or "tile/entries/000.p/17" over `ret_text`. */
str tile_path(struct tile_address address, char ret_text[TILE_PATH_SIZE]);
/* Exactly that form, with or without a slash before it; false otherwise. */
bool tile_path_parse(str path, struct tile_address *ret);
/* How many hashes tile `index` of `level` has in a tree of `size` leaves: 0 (there is none) to 256. */
unsigned tile_width_at(uint64_t size, unsigned level, uint64_t index);

/* Adds one entry (at most 65,535 bytes, asserted) with its big-endian uint16 length. */
void bundle_add(struct buf *bundle, str entry);
/* Takes the next entry off `*rest`; false at the end and when broken: then *rest is not empty. */
bool bundle_next(str *rest, str *ret_entry);

#endif

/* Inclusion proofs of many leaves of one tree, in order: what merkle_inclusion_proof gives, at the cost of one hash a leaf instead of
 * hashing whole tiles anew for each. For export.c.
 *
 * 1. Of each level the tile under way is kept with its inner nodes; the few nodes at the tree's right edge are made once.
 * 2. Asking in another order is right, too, only slower.
 */
#ifndef TELOS_ENGINE_PROOF_SERIES_PRIVATE_H
#define TELOS_ENGINE_PROOF_SERIES_PRIVATE_H

#include "evidence/merkle.h"

struct proof_series;
/* `tiles` must outlive it. `size`: of the tree. */
struct proof_series *proof_series_new(struct arena *arena, const struct merkle_tiles *tiles, uint64_t size);
/* The path of leaf `index` < size, in `arena`; false when a tile cannot be read. */
bool proof_series_path(struct proof_series *series, struct arena *arena, uint64_t index, struct merkle_path *ret_path);

#endif

/* What merkle.c and merkle_proof.c share. */
#ifndef TELOS_EVIDENCE_MERKLE_PRIVATE_H
#define TELOS_EVIDENCE_MERKLE_PRIVATE_H

#include "base/vec.h"
#include "evidence/merkle.h"

/* The largest power of two below `size` (> 1): where RFC 9162 splits a tree. */
static inline uint64_t merkle_split(uint64_t size) { return UINT64_C(1) << (63 - __builtin_clzll(size - 1)); }
void merkle_fold(const struct hash *nodes, size_t count, struct hash *ret);
void merkle_path_reverse(struct merkle_path *path);

#endif

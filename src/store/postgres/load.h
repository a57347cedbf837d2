/* What load.c and load_citus.c share: a load on its way. Not for others. */
#ifndef TELOS_STORE_POSTGRES_LOAD_H
#define TELOS_STORE_POSTGRES_LOAD_H

#include "store/postgres/postgres_private.h"

#include "base/map.h"

struct member {
    profile_no number;
    unsigned round; /* in which its rows came */
    struct person rows; /* of this profile alone */
    VEC(profile_no) links;
    struct person *person; /* once it is put together */
};

struct loading {
    struct postgres_session *session;
    struct load *load;
    struct arena *arena;
    struct map members; /* by profile number */
    unsigned round;
    bool stay; /* the snapshot is kept for further rounds: they are seldom needed, and then the load begins again with this set */
    struct member *last; /* whom the last row was of */
    VEC(profile_no) wanted; /* of the next round */
    VEC(profile_no) by_hash; /* whom the hashes name; 0: nobody */
};

struct part {
    unsigned part, sql; /* part 0: always */
    void (*take)(struct loading *loading, const PGresult *result);
};
enum { PARTS = 11 };
extern const struct part parts[PARTS]; /* profiles first: they make the members */

struct member *member_get(struct loading *loading, profile_no number); /* NULL: not among them */
void link_add(struct loading *loading, struct member *member, profile_no other);
void hashes_take(struct loading *loading, const PGresult *result); /* whom the hashes name, in their order */
const struct err *citus_round_run(struct loading *loading) MUST_CHECK;

#endif

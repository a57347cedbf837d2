/* Several nodes on one store (store.h, invariant 9): how this one learns what the others committed, and how its own commits take their turn.
 *
 *            ┌──────────── somebody of it was touched meanwhile, a message is a duplicate, a policy was switched: once more ─────────┐
 *            ▼                                                                                                                       │
 *     load, core_apply ──▶ turn ──▶ follow: batches, tokens, settings, key ends, frontier ──▶ still true? ──▶ joins, numbers, seal, ledger ──▶ save
 *
 * 1. The head (head.c's text in the store) says how far all nodes have come. What a node has followed is in `seen`.
 * 2. What lies in memory (heads, views, tokens, policy, pauses) is used by readers only after engine_catch_up, so what was answered on any node
 *    before a request came is known to it.
 * 3. Batch, event, outbox and held numbers and ledger indexes are given in the turn, so they are dense. Profile numbers come out of a block that
 *    this node reserved; those of a block that a killed node had are never used.
 * 4. Keys that a commit ends are destroyed before anybody is answered, and before any later turn seals: whoever comes first does it, once.
 * 5. ROUNDS_OPTIMISTIC rounds are tried before the turn; then the turn is taken first, so that nobody starves.
 * NULL in engine->nodes: the store is this process's alone, and nothing of this happens.
 */
#ifndef TELOS_ENGINE_NODES_PRIVATE_H
#define TELOS_ENGINE_NODES_PRIVATE_H

#include "engine/engine_private.h"
#include "engine/foreign.h"

#define HEAD_REST_MAX 1023
struct node_head {
    uint64_t saves; /* of all nodes */
    uint64_t batch_last;
    int64_t at_ms; /* of the newest save: times in the ledger never fall */
    uint64_t profile_next; /* all below are reserved by somebody */
    uint64_t event_next, outbox_next, held_next;
    uint32_t policy_version; /* 0: none yet */
    uint64_t tokens_at, access_at, settings_at; /* the saves that changed them last */
    uint64_t ends_at; /* the save that ended keys last */
    char rest[HEAD_REST_MAX + 1]; /* members that only a newer program knows, as text: a save of this one leaves them as they are */
    struct merkle_frontier frontier;
};
str node_head_write(struct arena *arena, const struct node_head *head);
bool node_head_read(struct arena *arena, str text, struct node_head *ret_head);

struct nodes {
    char id[17]; /* this node's, in DIR/node */
    struct foreign foreign;
    struct store_session *session; /* for looks without a turn */

    pthread_mutex_t follow_lock; /* over what follows; whoever follows calls the store with it */
    struct node_head seen;
    uint64_t ends_done;
    struct { uint64_t id; int64_t at_ms; } *ids; /* of messages, for the duplicate window; malloc'ed, the writer takes them */
    size_t id_count, id_capacity;

    pthread_mutex_t check_lock; /* over the next four */
    pthread_cond_t checked;
    uint64_t started, finished; /* checks, counted */
    bool running;
    const struct err *failed; /* of the last one that finished; static */

    /* the writer's own */
    uint64_t block_until; /* its numbers for profiles end there */
    struct node_head next; /* the head that the commit under way will leave */
    bool has_turn, block_new;
};

/* Follows up to the head that was read; the text of a head. Any thread. */
const struct err *nodes_follow(struct engine *engine, struct store_session *session, struct arena *arena, str text) MUST_CHECK;
uint64_t nodes_seen(struct engine *engine); /* the newest batch that was followed */
/* After a save of this node, on the writer thread: what a shared setting said is done. Stays set where another node's newer word was followed meanwhile. */
void nodes_flag_clear(struct engine *engine, _Atomic bool *flag);
bool nodes_policy_waits(struct engine *engine); /* a newer policy is in force than here; the writer switches */

/* ---- for commit.c, on the writer thread ---- */
/* Load, apply and the turn: when it returns, the commit has the turn, and what it worked out is true. */
const struct err *nodes_apply(struct commit *commit) MUST_CHECK;
void nodes_save_prepare(struct commit *commit); /* fills save.head */
void nodes_saved(struct commit *commit); /* it is durable */
void nodes_turn_end(struct engine *engine); /* gives the turn back, where it has it */
uint64_t nodes_save_number(struct engine *engine); /* of the save under way */
void nodes_failed(struct commit *commit);
void nodes_idle(struct commit *commit); /* while nothing waits: follows, so that the stream and what waits here are not late */
/* commit.c's, for another round */
void commit_begin(struct commit *commit);
void commit_again(struct commit *commit);

/* snapshot.c: the newest stored version comes into force here, too */
const struct err *snapshot_follow(struct engine *engine, struct arena *arena) MUST_CHECK;
uint32_t snapshot_version(struct engine *engine);
const struct err *tokens_reload(struct engine *engine, struct store_session *session, struct arena *arena) MUST_CHECK;
const struct err *access_reload(struct engine *engine, struct store_session *session, struct arena *arena) MUST_CHECK;
const struct err *paused_reload(struct engine *engine, struct store_session *session, struct arena *arena) MUST_CHECK;
/* Batches of others are told to listeners as our own are. */
void commit_tell(struct engine *engine, const struct commit_note *note);

#endif

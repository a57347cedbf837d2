/* What the files of the engine share among themselves.
 *
 * 1. The writing session, the numbers (profile, event, outbox, held, batch) and the ledger's frontier belong to the writer thread; they move on
 *    only when a commit has succeeded.
 * 2. Whatever is to be saved goes through one commit: a work (messages, requests), or a `commit_join` (everything else).
 * 3. Lock order: `submit_lock` → `policy_lock` → `sets` inside; none is held while the store is called.
 *
 * Who makes what: engine.c open, close, lock · snapshot.c policies in force · writer.c queue and commits · working_set.c load and its rounds ·
 * dedupe.c · seal_person.c, facts.c · reader.c, stream.c · outbox.c · token.c · read_log.c · link.c · sweeper.c · debug.c — ledger.c, proof.c,
 * receipt.c, export.c, audit.c, backup.c, keys.c, plan.c, effect.c build on them.
 */
#ifndef TELOS_ENGINE_PRIVATE_H
#define TELOS_ENGINE_PRIVATE_H

#include "base/vec.h"
#include "engine/engine.h"
#include "engine/ledger.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct commit;
struct snapshot;
struct nodes; /* nodes_private.h */

/* ---- the commit under way (writer.c); lives from taking tickets until everybody was answered ---- */
/* What waits in the queue: a work, people to sweep, or a join. It lives in its submitter's arena. */
struct ticket {
    struct ticket *next;
    struct arena *arena;
    size_t bytes;
    const struct err *error;
    struct work *work;
    const struct policy *policy; /* work: its messages were read under this one; held */
    uint8_t *needs; /* work: core_needs of each request */
    size_t skip; /* work: so many of its requests were stored before (position.c) */
    const profile_no *sweeps;
    size_t sweep_count;
    int64_t sweep_now_ms; /* the commit's time; TIME_NONE: the clock's */
    const struct err *(*join)(void *context, struct commit *commit);
    void (*after)(void *context, struct engine *engine);
    void *context;
    bool alone; /* in a commit of its own */
    uint8_t stale; /* how often somebody of its commit was found changed while it was saved */
    bool waits; /* `finished` is posted; else work->done is called */
    sem_t finished;
    struct commit *commit; /* held from the commit to engine_work_release */
};
typedef VEC(struct key_end) key_end_list;
struct origin {
    struct request *request;
    unsigned needs; /* by core_needs */
};
struct setting {
    str key, value;
};
struct commit {
    struct engine *engine;
    struct arena *arena; /* its own; kept until every work of it was released */
    struct store_session *session; /* the writing one: for reading what a join needs */
    int64_t now_ms;
    const struct policy *policy; /* NULL before the first policy was applied; then there are only joins */
    struct purpose_sets *sets;
    struct batch batch; /* after core_apply: persons, leaves, key_ends. Joins may push leaves */
    struct batch_row row; /* number, at_ms and policy_version are filled from the start; ledger_decisions fills the rest */
    struct save save; /* joins add to it: tokens, results, disclosures, reads, policy, and settings by commit_setting */
    VEC(struct setting) settings;
    bool outbox, follow; /* note: deliveries were added; a policy was switched */
    uint64_t event_next, outbox_next, held_next; /* as they will be after it */
    struct ledger_draft draft; /* begun before joins run: they may call ledger_clear */

    /* the writer's own */
    struct arena own_arena;
    _Atomic uint32_t references; /* works that still look at its results, and the writer while it is under way */
    struct commit *next_free;
    struct snapshot *snapshot;
    struct ticket *tickets; /* in order */
    size_t message_count, dedupe_added;
    int64_t now_forced_ms; /* TIME_NONE: the clock's */
    VEC(struct origin) origins; /* batch.requests[i] is a copy of *origins.items[i].request */
    VEC(profile_no) sweeps; /* people to load by number */
    VEC(uint64_t) dedupe_ids;
    VEC(profile_no) touched; /* roots */
    VEC(profile_no) concerned; /* shared stores: profiles that other nodes must read anew, besides */
    VEC(identifier_hash) unknown; /* shared stores: nobody was known by these */
    size_t setting_first; /* how many settings there were before it was worked out */
    key_end_list key_ends; /* this commit's, and those that earlier ones still owe */
    bool made_recall_keys;
    bool probe; /* saved even though it is empty: can the store store again? */
    bool reads_all; /* all recorded reads, even few */
    size_t reads_taken, denial_first, denial_count;
    struct person **loaded; /* as they came from the store; joined ones leave batch.persons */
    size_t loaded_count;
    struct map pages; /* facts.c's: profile number → its fact pages */
};
/* position.c: what of a work from a queue is new, and how far the queue is taken in with this commit. An error refuses this one alone. */
const struct err *position_take(struct commit *commit, struct ticket *ticket) MUST_CHECK;
bool commit_has_positions(const struct commit *commit);
void positions_count(struct commit *commit); /* what of the queues could not be taken, into batch.counters */
void commit_setting(struct commit *commit, str key, str value); /* value STR_NONE: removed */
/* As it will be after this commit, as far as is known yet. */
const struct err *commit_setting_now(struct commit *commit, str key, str *ret_value) MUST_CHECK;

/* Runs `join` on the writer thread inside the next commit, after core_apply, and waits: batch.leaves pushed and save.reads added by a join go
 * into the ledger after it. An error of `join` refuses this one alone (it must then have added nothing); else the commit's error comes back.
 * `after` (may be NULL) runs on the writer thread when the commit has succeeded, before anybody is answered. What `join` adds must live in
 * commit->arena or in `arena`, which the writer uses meanwhile. Not to be called on the writer thread. */
typedef const struct err *(*commit_join)(void *context, struct commit *commit);
typedef void (*commit_after)(void *context, struct engine *engine);
const struct err *engine_commit(struct engine *engine, struct arena *arena, commit_join join, commit_after after, void *context) MUST_CHECK;
/* The same with nothing else in that commit: so what `join` finds in the store is all that there is. */
const struct err *engine_commit_alone(struct engine *engine, struct arena *arena, commit_join join, commit_after after, void *context) MUST_CHECK;

/* ---- policies in force (snapshot.c) ---- */
/* Gives a loaded policy its version, puts it into the ledger (leaf "policy") and the store, and switches to it; takes it over when it succeeds.
 * `check` runs on the writer thread just before, when nothing can be stored in between; its error refuses.
 * Then the sweeper walks all people (setting "policy_follow"). `notices`: JSON object path → text. For plan.c. */
const struct err *policy_activate(struct engine *engine, struct arena *arena, struct policy *policy, str notices, struct uuid by,
                                  commit_join check, void *check_context, uint32_t *ret_version) MUST_CHECK;
/* All people are to be looked at under that version from now on (sweeper.c). */
const struct err *follow_begin(struct commit *commit, uint32_t version) MUST_CHECK;
/* Loads a stored version; the caller frees it. */
const struct err *policy_from_row(struct arena *arena, const struct policy_row *row, struct policy **ret_policy) MUST_CHECK;
/* The purpose sets bound to this policy: the snapshot's own, or (for a policy that is not in force: a plan, a past version) a temporary one, to
 * be given back by sets_release. Every load and every events call must use the sets of the policy that judges. */
struct snapshot *snapshot_take(struct engine *engine); /* NULL before the first; given back by engine_policy_release(engine, snapshot->policy) */
const struct err *snapshot_open(struct engine *engine) MUST_CHECK; /* the newest stored version */
void snapshot_close(struct engine *engine);
str snapshot_source_by_key(struct engine *engine, const struct policy *policy, const struct hash *digest); /* SHA-256 of a write key */
struct sets_use {
    struct purpose_sets *sets;
    bool temporary;
};
struct sets_use sets_of(struct engine *engine, const struct policy *policy);
void sets_release(struct sets_use use);

/* ---- opening and sealing (seal_person.c) ---- */
/* Everything `sealed` in the person becomes clear. What has no key any more (destroyed) has an empty value and no purposes. ERR_IO when the
 * vault fails, ERR_INTERNAL when a seal is broken (moved or changed). */
const struct err *open_person(struct engine *engine, struct arena *arena, struct person *person) MUST_CHECK;
/* All but the values of identifiers and the texts of consent records, which become VALUE_UNOPENED (person_cache.h): for people whom only
 * messages name. */
const struct err *open_person_data(struct engine *engine, struct arena *arena, struct person *person) MUST_CHECK;
const struct err *open_events(struct engine *engine, struct arena *arena, struct event *events, size_t count) MUST_CHECK;
const struct err *open_delivery(struct engine *engine, struct arena *arena, struct delivery *delivery) MUST_CHECK;
/* Seals the years of birth that an older Telos left in clear; nothing where there are none (seal_years.c). */
const struct err *years_seal(struct engine *engine) MUST_CHECK;
/* Sets aside what was decided about the events that go in this commit, and lets go what was set aside of persons that do (decision.c). For seal_commit. */
const struct err *decisions_keep(struct commit *commit) MUST_CHECK;
struct decision_known;
struct decision_memo;
struct keyring;
/* What of decisions the audit reads, too (decision.c). A row that was set aside, opened: STR_NONE where its key is gone. */
const struct err *decisions_open(struct keyring *ring, const struct kept_decisions *row, str *ret_plain) MUST_CHECK;
/* The next entry of such a row; what an entry leaves out stays as it was in *known. False where the row is damaged. */
bool decision_read(struct arena *arena, str *rest, struct decision_known *known);
const struct err *decision_memo_fill(struct reader *reader, struct arena *arena, uint32_t version, struct decision_memo *memo) MUST_CHECK;
/* The text that hashes to `leaf`, in the arena; `search`: also with more purposes of its source. False where none does: something was changed. */
bool decision_text(struct arena *arena, const struct decision_memo *memo, const struct decision_known *known, int64_t at_ms, const uint8_t salt[32],
                   const struct hash *leaf, bool search, str *ret_text);
/* Seals what is marked as NEW or SET in all persons of the commit, and makes fact pages of facts (facts.c). */
const struct err *seal_commit(struct commit *commit) MUST_CHECK;
void keys_warm(struct commit *commit); /* the keys of everybody in the batch come into memory together, where they are far away */
/* The retention class that data with these purposes is sealed under. */
enum key_class key_class_of(const struct policy *policy, purpose_mask purposes, str jurisdiction);
/* Loads whole persons by profile number with the sets of `policy`, and opens them; rows NULL where nobody. */
const struct err *load_persons(struct engine *engine, struct store_session *session, struct arena *arena, const struct policy *policy,
                               const profile_no *numbers, size_t count, unsigned parts, struct person ***ret_by_number) MUST_CHECK;
/* Hash of an identifier: keyed_hash(index key, type, value). */
identifier_hash identifier_hash_of(const struct engine *engine, str type, str value);

/* ---- duplicates (dedupe.c): ids of the last 24 h, at most LIMIT_DEDUPE_IDS ---- */
struct dedupe;
struct dedupe *dedupe_new(void);
void dedupe_free(struct dedupe *dedupe);
bool dedupe_has(const struct dedupe *dedupe, uint64_t id);
void dedupe_add(struct dedupe *dedupe, uint64_t id, int64_t at_ms);
void dedupe_remove_newest(struct dedupe *dedupe, size_t count); /* the commit failed */
void dedupe_expire(struct dedupe *dedupe, int64_t before_ms);
size_t dedupe_count(const struct dedupe *dedupe);

/* ---- reads (read_log.c): a mapped file that survives kill -9, moved into the store in batches ---- */
struct read_log;
const struct err *read_log_open(struct engine *engine, struct arena *arena) MUST_CHECK;
void read_log_close(struct engine *engine);
bool read_log_waits(struct engine *engine); /* something is to be taken */
bool read_log_presses(struct engine *engine); /* so much that it is not put off */
bool read_log_ready(struct engine *engine); /* false: no room to record a read; then nothing may be read */
/* Adds what waits to the commit's save.reads; `all`: even if little. Returns how many. */
size_t read_log_take(struct commit *commit, bool all);
void read_log_taken(struct engine *engine, bool committed);

/* ---- denials, counted (denial.c) ---- */
void denials_open(struct engine *engine);
void denials_close(struct engine *engine);
bool denials_wait(struct engine *engine); /* something is to be taken */
size_t denials_take(struct commit *commit); /* into batch.counters; how many */
void denials_back(struct commit *commit); /* it failed: they are counted again */

/* ---- statements, counted by day, source, purpose, status and notice (said.c) ---- */
void said_count(struct commit *commit);

/* ---- the queue and the writer (writer.c) ---- */
const struct err *writer_start(struct engine *engine, struct arena *arena) MUST_CHECK;
void writer_wake(struct engine *engine); /* for what is no ticket */
void writer_stop(struct engine *engine); /* everything queued is done first */
void sweeper_start(struct engine *engine);
void sweeper_stop(struct engine *engine);
void sweeper_wake(struct engine *engine);
/* Rows of the outbox whose time is over; `all`: until there are no more, else a step when it is time again (outbox_sweep.c). */
const struct err *sweep_outbox(struct engine *engine, struct store_session *session, struct arena *arena, int64_t now_ms, bool all) MUST_CHECK;
/* Until all people were looked at under the policy in force. */
const struct err *sweep_follow(struct engine *engine, struct store_session *session, struct arena *arena, uint64_t *ret_count) MUST_CHECK;
/* Looks at these people again, through the core (REQUEST_SWEEP). `now_ms`: as if it were that time, then in a commit of its own; TIME_NONE. */
const struct err *engine_sweep_profiles(struct engine *engine, struct arena *arena, const profile_no *profiles, size_t count,
                                        int64_t now_ms) MUST_CHECK;
/* submit.c: reads the work's messages, and hashes its identifiers, under this policy. */
void ticket_read(struct engine *engine, struct ticket *ticket, const struct policy *policy);
const struct err *ticket_submit(struct engine *engine, struct ticket *ticket) MUST_CHECK;
/* commit.c: all of one commit but answering. */
struct commit *commit_new(struct engine *engine);
void commit_release(struct commit *commit);
void commits_free(struct engine *engine); /* those kept for the next time */
/* Keys for profiles below `profile_next` exist when it returns. */
const struct err *keys_ahead(struct engine *engine, struct arena *arena, uint64_t profile_next) MUST_CHECK;
const struct err *commit_run(struct commit *commit, bool *ret_saving) MUST_CHECK; /* *ret_saving: it was the store's save that failed */
/* working_set.c: load → open → core_apply, again with more where the core asks for it. */
const struct err *working_set_apply(struct commit *commit) MUST_CHECK;

#define KEYS_AHEAD 2048 /* persons whose keys are made ahead of need */
#define KEYS_STEP 512 /* as many at once */
/* ---- keys to destroy (key_end.c): the setting "key_ends" names those that a committed change still owes ---- */
/* *ret_number: of the save that owes them; 0 where the store is not shared. */
const struct err *key_ends_parse(struct arena *arena, str text, uint64_t *ret_number, key_end_list *ret_ends) MUST_CHECK;
const struct err *key_ends_read(struct engine *engine, str text) MUST_CHECK;
/* Shared stores: destroys them, unless some node did it already. */
const struct err *key_ends_do(struct engine *engine, struct arena *arena, uint64_t number, const key_end_list *ends) MUST_CHECK;
/* Puts this commit's ends, with those still owed, into the setting; takes the setting away when there are none. */
void key_ends_plan(struct commit *commit);
/* Destroys what engine->key_ends names. After an error it is tried again with the next commit, and at start. */
const struct err *key_ends_destroy(struct engine *engine, struct arena *arena) MUST_CHECK;

/* ---- other nodes (nodes.c, turn.c; the picture is in nodes_private.h); all of them need a shared store but those that say so ---- */
#define BATCH_TOUCHED 'p' /* kind in batch_row.profiles: the root of a person that changed */
#define BATCH_CONCERNED 'c' /* shared stores: a profile whose cached persons other nodes must forget */
const struct err *nodes_open(struct engine *engine, struct arena *arena) MUST_CHECK; /* does nothing where the store is not shared */
const struct err *nodes_begin(struct engine *engine, struct arena *arena) MUST_CHECK; /* the same; when all else is open */
void nodes_close(struct engine *engine);
str nodes_setting(struct engine *engine, struct arena *arena, const char *key); /* a setting of this node's own; `key` where the store is not shared */
/* The next free number for a profile that the engine makes itself; any store. */
profile_no commit_profile_next(struct commit *commit);
/* Other nodes must read this profile anew, though no person of the commit changes: its deliveries or disclosures do. Any store. */
void commit_concerns(struct commit *commit, profile_no profile);

/* ---- tokens (token.c) ---- */
struct tokens;
const struct err *tokens_open(struct engine *engine, struct arena *arena) MUST_CHECK;
void tokens_close(struct engine *engine);

/* What role and purposes give; `purposes` is kept for as long as the principal. */
void principal_grant(struct principal *principal, const struct policy *policy, str purposes);

/* ---- users and sessions (access.c, access_change.c) ---- */
struct access;
const struct err *access_open(struct engine *engine, struct arena *arena) MUST_CHECK;
void access_close(struct engine *engine);

/* ---- the data directory (engine.c) ---- */
/* Takes DIR/lock and writes the pid into it. ERR_CONFLICT where another process has it. Closing the descriptor gives it back. For
 * backup.c's restore, too. */
const struct err *data_lock(struct arena *arena, const char *data, int *ret_fd) MUST_CHECK;
/* engine_open with the lock held already; the engine takes it over, also when it fails. */
const struct err *engine_open_locked(struct arena *arena, const struct engine_options *options, int lock_fd, struct engine **ret_engine) MUST_CHECK;
/* ERR_CONFLICT when a restore into this directory was interrupted (restore.c): it must be run again first. */
const struct err *restore_unfinished(struct arena *arena, const char *data) MUST_CHECK;

struct snapshot {
    struct policy *policy;
    struct purpose_sets *sets;
    struct map write_keys; /* SHA-256 of a source's write key → source */
    struct snapshot *next;
};

struct listener {
    commit_listener call;
    void *context;
};

struct reader {
    struct engine *engine;
    struct store_session *session;
    struct arena arena; /* the session's */
};

struct engine {
    struct arena arena; /* process lifetime; only at open */
    struct engine_options options;
    const char *data, *master_key_file;
    int lock_fd;
    struct store *store;
    struct vault *vault;
    struct campaigns *_Atomic campaigns; /* campaign.c; NULL before the first question */
    struct people *_Atomic people; /* people.c; the same */
    uint8_t index_key[32], message_key[32], ticket_key[32]; /* keyed hashes of identifiers, of message ids; links (link.c) */
    struct ledger *ledger;
    struct x509_signer *signer; /* of OpenDSR; NULL: the ledger's key signs */
    struct nodes *nodes; /* NULL: the store is this process's alone */
    struct tokens *tokens;
    struct access *access;
    struct read_log *read_log;
    struct dedupe *dedupe;
    struct person_cache *person_cache;
    struct view_cache *view_cache;
    struct refusal_log *refusal_log;
    struct denials *denials;
    _Atomic bool refusals_quiet; /* what is being said again stands in the log already (refusal_again.c) */

    pthread_mutex_t policy_lock; /* guards the list, `current` and policy->references */
    struct snapshot *snapshots, *current;
    int64_t *policy_times; /* when each version was activated, version 1 first; malloc'ed, under policy_lock */
    uint32_t policy_times_count;

    /* the queue */
    pthread_mutex_t submit_lock;
    pthread_cond_t submitted;
    struct ticket *first, **last;
    size_t queue_bytes, queue_works;
    bool stopping, writer_waits;
    size_t writer_wants; /* so many in the queue wake it */

    /* the writer's own */
    pthread_t writer_thread;
    bool writer_running;
    struct store_session *session;
    struct id_source ids;
    uint64_t profile_next, event_next, outbox_next, held_next;
    _Atomic uint64_t keys_until, profile_next_seen; /* keys exist below; profile_next of the last commit */
    _Atomic uint64_t batch_last;
    VEC(struct key_end) key_ends; /* committed, and not yet destroyed in the vault */
    struct arena key_ends_arena;
    bool key_ends_stored; /* the setting "key_ends" is not empty */
    _Atomic bool storing, paused;

    pthread_t sweeper_thread;
    bool sweeper_running;
    pthread_mutex_t sweep_lock;
    pthread_cond_t sweep_wake;
    bool sweep_stop, sweep_now;
    _Atomic uint64_t outbox_sweep_after; /* how far the outbox was looked through for what is over (outbox_sweep.c) */
    _Atomic int64_t outbox_sweep_ms; /* when it begins anew */
    _Atomic bool late; /* data went out although its delivery was cancelled meanwhile: its people are to be looked at (outbox.c) */
    _Atomic bool follow; /* all people are to be looked at under the new policy */

    pthread_mutex_t arena_lock; /* guards the list of commits that can be used again */
    struct commit *commits_free;
    size_t commits_free_count;

    pthread_mutex_t listen_lock;
    VEC(struct listener) listeners;
    message_listener message_listener;
    void *message_context;
    struct arena listen_arena;

    pthread_rwlock_t pause_lock; /* guards the names of paused destinations */
    VEC(str) paused_destinations;
    struct arena pause_arena;

    struct {
        _Atomic uint64_t commits, messages, outcomes[OUTCOME_COUNT], statements, retries, failures, commit_us_last, commit_us_max, dedupe_ids, views_found,
            reads, swept, tidy_runs, deliveries_removed;
    } metrics;
};

#endif

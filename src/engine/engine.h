/* The engine: load → core_apply → save, with group commit; and everything that reads.
 *
 * 1. One writer thread owns the writing session. Work comes to it by one bounded queue; all that waits is taken into one
 *    commit, and everyone waiting is answered after the commit (P5).
 * 2. Readers have a session of their own (struct reader), one a thread.
 * 3. A policy snapshot is reference-counted; a batch runs under one snapshot. A policy is switched between commits.
 * 4. No personal value leaves this floor towards the store unsealed (seal_person), and none comes up sealed (open_person).
 * 5. One process owns a data directory (a lock on DIR/lock). Local commands talk to a running server by DIR/telos.sock.
 */
#ifndef TELOS_ENGINE_ENGINE_H
#define TELOS_ENGINE_ENGINE_H

#include "core/apply.h"
#include "core/gate.h"
#include "core/identity.h"
#include "core/profile.h"
#include "evidence/merkle.h"
#include "evidence/note.h"
#include "evidence/vault.h"
#include "store/store.h"

struct engine;
struct reader;
struct campaigns;

struct engine_options {
    const char *data; /* directory */
    const char *master_key_file; /* NULL: TELOS_MASTER_KEY_FILE, else DIR/keys/master.key */
    const char *store; /* NULL or "sqlite" */
    const char *vault; /* postgres://USER@HOST/DATABASE, the keys of people for several nodes; NULL: a file of `data` */
    const char *opendsr_certificate, *opendsr_key; /* PEM files; NULL, both: replies of OpenDSR are signed by the key of receipts */
    bool background; /* sweeper and tidier run (serve); a local command leaves them out */
    bool debug_door;
    struct store *opened; /* a store that is open already; the engine closes it. NULL: `store` is opened */
    struct vault *shared_vault; /* open already, used by other engines of this process, too, and not closed; NULL: the vault of `data` */
};
/* Opens or makes a data directory. ERR_CONFLICT where another process has it ("… is in use by process 123"). */
const struct err *engine_open(struct arena *arena, const struct engine_options *options, struct engine **ret_engine) MUST_CHECK;
/* Finishes what is queued, then closes. */
void engine_close(struct engine *engine);
const char *engine_data(const struct engine *engine);

/* ---- policy ---- */
/* The active snapshot, or NULL before the first `apply`; give it back with engine_policy_release. */
const struct policy *engine_policy(struct engine *engine);
void engine_policy_release(struct engine *engine, const struct policy *policy);
struct policy_effect { /* what applying a policy would do, or did, to stored data */
    policy_changes changes; /* in words, worst first */
    bool counted; /* else the five numbers are unknown */
    uint64_t people_reconsent, people_lost, facts_erased, events_erased, deliveries_cancelled;
    VEC(str) flows_stopped; /* "newsletter → mailer" */
    bool refused;
};
/* Loads the text and says what would happen. `notices`: path → text (map of str *), or `directory` for files. `count_effects` walks all
 * people (with progress by callback, may be NULL). */
const struct err *engine_policy_plan(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy_input *input,
                                     bool count_effects, void (*progress)(void *, uint64_t done, uint64_t all), void *context,
                                     struct policy_effect *ret_effect, policy_problems *ret_problems) MUST_CHECK;
/* Activates it: version, ledger leaf, switch; then stored data follows in the background. ERR_CONFLICT when the diff refuses. */
const struct err *engine_policy_apply(struct engine *engine, struct arena *arena, const struct policy_input *input, struct uuid by,
                                      struct policy_effect *ret_effect, policy_problems *ret_problems, uint32_t *ret_version) MUST_CHECK;
/* The policy that was active at a time (loaded from the store); the caller frees it with policy_free. NULL when none was. */
const struct err *engine_policy_at(struct engine *engine, struct reader *reader, struct arena *arena, int64_t at_ms, struct policy **ret_policy) MUST_CHECK;

/* ---- collecting and stating: work for the writer ---- */
struct collected { /* one message as it came */
    const struct json *body, *defaults; /* defaults: outer context and integrations of a batch; may be NULL */
    str text; /* its raw JSON */
    enum event_type path_type; /* EVENT_TYPE_COUNT: from the body */
    int64_t sent_ms; /* TIME_NONE */
    int64_t queued_ms; /* when it came into the queue that it was read from; 0: it came by itself */
    bool gpc, historical;
};
struct position_refusal {
    int64_t offset;
    const char *reason; /* a fixed word */
};
/* Where in a queue outside the messages of a work come from: taken in and remembered in one commit, so that each is stored once however often it
 * is read. */
struct work_position {
    str key; /* names the queue: a setting of the store */
    int64_t from, until; /* from the first position not yet taken to behind the last; what the queue itself left out lies within */
    const int64_t *offsets; /* of each message, ascending */
    const struct position_refusal *refused; /* what lies between and is no message: counted in the same commit, by day, source and reason */
    size_t refused_count;
    bool strict; /* nothing is stored while there is a message that cannot be used: the queue's owner deals with those first */
    /* out */
    enum { POSITION_TAKEN, POSITION_GAP, POSITION_INVALID } answer; /* GAP: `from` lies behind what is stored (ERR_CONFLICT); INVALID: ERR_INVALID */
    int64_t stored; /* before this work; -1: nothing yet */
    size_t skipped; /* messages that were stored before: the first ones */
};
struct work {
    struct arena *arena; /* of the submitter; the writer uses it until `done` */
    str source; /* name: for messages */
    struct collected *messages; /* either messages… */
    size_t message_count;
    struct request *requests; /* …or other requests, whose identifiers the engine hashes. Results of messages are here too. */
    size_t request_count;
    struct rights_act *rights; /* done in the same commit (rights.h); NULL: none */
    struct work_position *position; /* of messages out of a queue; NULL: none */
    bool explain;
    size_t bytes; /* for the queue's bound */
    void (*done)(struct work *work); /* called on the writer thread after the commit; must be quick */
    void *context;
    /* out */
    const struct err *error; /* NULL: committed */
    const struct policy *policy; /* the snapshot it was done under; valid until engine_work_release */
    uint64_t batch; /* commit number */
    int64_t received_ms; /* in: when it came */
    struct ticket *ticket; /* the engine's own */
};
/* ERR_TOO_MANY when the queue is full, ERR_UNAVAILABLE while nothing can be stored, ERR_CONFLICT without a policy. On NULL, `done` will be called;
 * then call engine_work_release once, when the results (`policy`, persons and records in `requests`) are no longer looked at. */
const struct err *engine_submit(struct engine *engine, struct work *work) MUST_CHECK;
/* Submits and waits for the commit; returns work->error. When it comes back NULL, the results are there until engine_work_release. */
const struct err *engine_do(struct engine *engine, struct work *work) MUST_CHECK;
/* To be called once for every work that was accepted, also when it failed afterwards; harmless for others. */
void engine_work_release(struct engine *engine, struct work *work);

/* How far the queue was taken in: the first position that was not; -1: nothing was. */
const struct err *engine_position(struct reader *reader, struct arena *arena, str key, int64_t *ret_stored) MUST_CHECK;

/* ---- reading ---- */
const struct err *engine_reader(struct engine *engine, struct reader **ret_reader) MUST_CHECK;
void engine_reader_close(struct reader *reader);
/* With the parts of engine_person: only questions to the gate follow. Values of identifiers and texts of records stay unopened (they are there or
 * not, but cannot be read), and the person may come from memory. Heads only: with other parts it does nothing. */
#define ENGINE_GATE_ONLY 0x100u
/* Loads and opens the person known by "type:value", or by "profile:ID"; NULL where nobody is. */
const struct err *engine_person(struct reader *reader, struct arena *arena, const struct policy *policy, str subject, unsigned parts,
                                struct person **ret_person) MUST_CHECK;
const struct err *engine_person_by_no(struct reader *reader, struct arena *arena, const struct policy *policy, profile_no number, unsigned parts,
                                      struct person **ret_person) MUST_CHECK;
/* The newest events of a person, opened; numbers below `before` (0: from the end). */
const struct err *engine_events(struct reader *reader, struct arena *arena, const struct policy *policy, const struct person *person,
                                uint64_t before, size_t max, struct event **ret_events, size_t *ret_count) MUST_CHECK;
/* Views: texts made of a person for one purpose, which engine keeps in memory as long as making them anew would give the same (view_cache.h). */
struct view_place {
    uint16_t purpose, variant; /* the caller's, for engine_view_find; `variant`: what else the text depends on */
    purpose_mask told; /* the caller's: all purposes that the text tells of, beside its own */
    identifier_hash hash; /* filled by engine_view_find */
    bool never; /* filled by it: there is nothing to keep it under */
    uint32_t mark;
    uint64_t seen;
};
/* Adds the kept view of the person known by "type:value" to `out`; whoever gives it out records the read of `ret_root`.
 * Not found: make it from what is read after this call, then engine_view_keep. */
const struct err *engine_view_find(struct engine *engine, struct arena *arena, const struct policy *policy, str subject,
                                   struct view_place *place, struct buf *out, profile_no *ret_root, bool *ret_found) MUST_CHECK;
/* The same where the hash is known already (place->hash). */
const struct err *engine_view_of(struct engine *engine, struct arena *arena, const struct policy *policy, struct view_place *place, struct buf *out,
                                 profile_no *ret_root, bool *ret_found) MUST_CHECK;
/* `text` is what the view of this person is at any time from `from_ms` to before `until_ms`, unless something is said or collected. */
void engine_view_keep(struct engine *engine, const struct policy *policy, const struct view_place *place, const struct person *person, int64_t from_ms,
                      int64_t until_ms, str text);
/* Counts a no by its reasons, for the register of denials: `what` is "decide_denied", "read_denied" or "delivery_denied"; `destination` empty but for
 * deliveries. Never a person. */
void engine_count_denial(struct engine *engine, const struct policy *policy, const char *what, str destination, str purpose, reason_mask reasons);
/* Writes down that a person's data was read: durable against kill -9 before it returns, in the ledger soon after. */
void engine_record_read(struct engine *engine, struct uuid token, profile_no profile, str purpose, const char *what);
/* Before each few hundred people of a list: waits while more reads are on their way into the store than single readers could do with. */
const struct err *engine_reads_room(struct engine *engine, struct arena *arena) MUST_CHECK;
bool engine_reads_recorded(struct engine *engine); /* false: there is no place to write one down, so nobody may be read */
struct store_session *reader_session(struct reader *reader);
struct purpose_sets *engine_purpose_sets(struct engine *engine);
const struct store_ops *engine_store(const struct engine *engine);
const struct err *engine_totals(struct reader *reader, struct arena *arena, struct store_totals *ret_totals) MUST_CHECK;

/* ---- links that persons open (evidence/ticket.h): who holds one acts for the person it names, until it expires ---- */
/* For the person that `subject` names, and to the identifier that it is: STR_NONE where nobody is known by it, or the person was erased. `audience`:
 * what it opens: "preferences", "rights". */
const struct err *engine_link_make(struct reader *reader, struct arena *arena, const struct policy *policy, str audience, str subject,
                                   int64_t expires_ms, str *ret_ticket, struct person **ret_person) MUST_CHECK;
enum link_state { LINK_GOOD, LINK_BAD, LINK_EXPIRED }; /* bad: changed, of another audience, or of somebody who was erased or forgotten */
struct link_holder {
    enum link_state state;
    struct person *person; /* whoever the profile belongs to now: it follows merges, and their undoing */
    const struct identifier *identifier; /* that the link was sent to, or the strongest of its profile where that one is gone */
    int64_t expires_ms;
};
/* With `parts` of the person. Only LINK_GOOD fills the rest. */
const struct err *engine_link_open(struct reader *reader, struct arena *arena, const struct policy *policy, str audience, str ticket, int64_t now_ms,
                                   unsigned parts, struct link_holder *ret_holder) MUST_CHECK;
/* As the subject of a request, also where its value is not kept any more. */
struct message_identifier engine_link_identifier(const struct policy *policy, const struct identifier *identifier);

/* ---- other nodes on the same store ---- */
/* When it returns, what any node answered before the call is known here: consents, tokens, policy, pauses. To be called before policy, token or person
 * are asked for. At once where the store is not shared. ERR_UNAVAILABLE where the store does not answer: then nothing may be read from memory. Not on the
 * writer thread. */
const struct err *engine_catch_up(struct engine *engine, struct arena *arena) MUST_CHECK;
/* While engine_lease is true this node may do `what`, which only one node should do at a time: a lease of some seconds, taken and renewed by asking. Always true
 * where the store is not shared. Not on the writer thread. */
bool engine_is_shared(const struct engine *engine);
bool engine_lease(struct reader *reader, struct arena *arena, const char *what);

/* ---- the stream ---- */
struct commit_note { /* told after each commit */
    uint64_t batch;
    int64_t at_ms;
    const profile_no *profiles; /* roots touched */
    size_t profile_count;
    bool outbox; /* deliveries were added */
    bool policy; /* the policy was switched */
};
typedef void (*commit_listener)(void *context, const struct commit_note *note); /* on the writer thread; must be quick */
void engine_listen(struct engine *engine, commit_listener listener, void *context);
void engine_unlisten(struct engine *engine, commit_listener listener, void *context);
/* One listener, on the writer thread after each commit that had requests; what is passed lives for the call only. NULL: none. */
typedef void (*message_listener)(void *context, int64_t at_ms, const struct policy *policy, const struct request *requests, size_t count);
void engine_listen_messages(struct engine *engine, message_listener listener, void *context);
uint64_t engine_batch_last(const struct engine *engine);
/* Profiles touched by commits after `batch`, up to `max`: (batch, profile) pairs in order. */
struct change_item { uint64_t batch; uint32_t offset; profile_no profile; int64_t at_ms; };
const struct err *engine_changes(struct reader *reader, struct arena *arena, uint64_t batch, uint32_t offset, size_t max,
                                 struct change_item **ret_items, size_t *ret_count) MUST_CHECK;

/* ---- sending ---- */
/* Due deliveries of a destination, in order, only the first pending one of each person. */
const struct err *engine_outbox(struct reader *reader, struct arena *arena, str destination, uint64_t after, size_t max,
                                struct delivery **ret_rows, size_t *ret_count) MUST_CHECK;
/* Due rows that this node is about to try: on a shared store no other node takes them for CLAIM_MS (longer than any attempt may last), and after that any
 * may, should this one have died. `ret_mine[i]` false: another was faster, or it is not due any more. */
#define CLAIM_MS ((int64_t)(LIMIT_DELIVERY_TIMEOUT_S + 30) * SECOND_MS)
const struct err *engine_claim(struct engine *engine, struct arena *arena, const struct delivery *rows, size_t count, bool *ret_mine) MUST_CHECK;
/* The body for this attempt, made through the gate now. `ret_body` empty: it must not go; `ret_reason` says why (a reason code), and
 * `ret_allowed_from_ms` when it may (quiet hours, frequency), or TIME_NONE: cancel it. Records the read. */
const struct err *engine_delivery_body(struct reader *reader, struct arena *arena, const struct policy *policy, const struct delivery *delivery,
                                       str *ret_body, str *ret_reason, int64_t *ret_allowed_from_ms) MUST_CHECK;
struct delivery_outcome {
    struct delivery_result result;
    bool disclosed; /* data went out: remember for Art. 19 */
    const struct delivery *delivery;
};
/* Commits outcomes of attempts; returns after the commit. */
const struct err *engine_delivered(struct engine *engine, struct arena *arena, const struct delivery_outcome *outcomes, size_t count) MUST_CHECK;
/* Back to pending: one dead letter, or all dead ones of a destination since a time; number of rows. */
const struct err *engine_replay(struct engine *engine, struct reader *reader, struct arena *arena, str destination, struct uuid delivery, int64_t since_ms, uint64_t *ret_count) MUST_CHECK;
bool engine_destination_paused(struct engine *engine, str destination);
const struct err *engine_destination_pause(struct engine *engine, struct arena *arena, str destination, bool paused) MUST_CHECK;

/* ---- evidence ---- */
const struct err *engine_checkpoint(struct engine *engine, struct arena *arena, str *ret_note) MUST_CHECK;
/* The public verifier key (C2SP text), also in DIR/keys/verifier.pub. */
str engine_verifier_key(struct engine *engine);
const struct err *engine_inclusion(struct reader *reader, struct arena *arena, uint64_t index, uint64_t size, str *ret_json) MUST_CHECK; /* size 0: now */
const struct err *engine_consistency(struct reader *reader, struct arena *arena, uint64_t from, uint64_t to, str *ret_json) MUST_CHECK;
const struct err *engine_tile(struct reader *reader, struct arena *arena, unsigned level, uint64_t index, unsigned width, str *ret_bytes, bool *ret_found) MUST_CHECK;
const struct err *engine_entries(struct reader *reader, struct arena *arena, uint64_t index, unsigned width, str *ret_bytes, bool *ret_found) MUST_CHECK;
/* ISO/IEC TS 27560 receipt of a consent record, signed, with its tlog-proof; and the record's purpose (may be NULL), empty: of the whole person. */
const struct err *engine_receipt(struct reader *reader, struct arena *arena, const struct policy *policy, struct uuid consent, str *ret_json,
                                 str *ret_purpose, bool *ret_found) MUST_CHECK;
/* Of a record just made (no store lookup). */
const struct err *engine_receipt_of(struct engine *engine, struct arena *arena, const struct policy *policy, const struct person *person, const struct consent *consent, str *ret_json) MUST_CHECK;
/* Writes files that `telos verify` can check alone: checkpoint, key, tiles, entries, policies, and the records of the time asked for. */
struct export_wish {
    int64_t from_ms, to_ms; /* to_ms: TIME_NONE: all */
    bool closed; /* records stay closed: no personal data is in it */
    struct uuid reader; /* who is recorded as having read the persons of opened records; zero: a command of the machine itself */
};
struct export_sink {
    const struct err *(*put)(void *context, struct arena *arena, const char *name, str content); /* a whole file; each name once */
    void *context;
};
const struct err *engine_export(struct engine *engine, struct reader *reader, struct arena *arena, const struct export_wish *wish, const struct export_sink *sink,
                                void (*progress)(void *, uint64_t done, uint64_t all), void *context) MUST_CHECK;
/* Into a folder that must not exist yet, or be empty. */
const struct err *engine_export_folder(struct engine *engine, struct reader *reader, struct arena *arena, const struct export_wish *wish, const char *directory,
                                       void (*progress)(void *, uint64_t done, uint64_t all), void *context) MUST_CHECK;
/* Into the ledger: `who` took an export of the evidence. */
const struct err *engine_export_enter(struct engine *engine, struct arena *arena, struct uuid who, bool closed) MUST_CHECK;
/* The signature of a manifest, a line a file ("SHA-256  path"), as evidence/verify_manifest.c checks it. */
const struct err *engine_manifest_sign(struct engine *engine, struct arena *arena, str manifest, str *ret_note) MUST_CHECK;
/* P1–P7 over the whole store. Each violation is told; returns their number. */
struct audit_finding { const char *promise; str where, what; };
const struct err *engine_audit(struct engine *engine, struct reader *reader, struct arena *arena, void (*found)(void *, const struct audit_finding *),
                               void (*progress)(void *, uint64_t done, uint64_t all), void *context, uint64_t *ret_violations) MUST_CHECK;

/* ---- who may do what ---- */
enum role { ROLE_NONE, ROLE_SOURCE, ROLE_AUDITOR, ROLE_AGENT, ROLE_MARKETER, ROLE_PRIVACY, ROLE_ADMIN };
const char *role_name(enum role role);
bool role_parse(str text, enum role *ret_role);
struct principal {
    enum role role;
    struct uuid token; /* zero: the local command line, which is admin for all purposes */
    str source; /* ROLE_SOURCE: its name */
    bool all_purposes;
    purpose_mask purposes; /* of the policy it was checked against */
    str label;
};
/* By API token. False when unknown, expired or revoked. */
bool engine_authenticate(struct engine *engine, struct arena *arena, const struct policy *policy, str token, struct principal *ret_principal);
/* By write key (from the policy's key_env, or a source token). */
bool engine_write_key(struct engine *engine, struct arena *arena, const struct policy *policy, str key, str *ret_source);
/* `purposes`: names or "*". For ROLE_SOURCE `purposes` holds the source's name. The token is shown once. */
const struct err *engine_token_create(struct engine *engine, struct arena *arena, enum role role, str purposes, str label, int64_t expires_ms,
                                      struct uuid *ret_id, str *ret_token) MUST_CHECK;
const struct err *engine_token_revoke(struct engine *engine, struct arena *arena, struct uuid id, bool *ret_found) MUST_CHECK;

/* ---- care ---- */
const struct err *engine_sweep(struct engine *engine, int64_t now_ms, uint64_t *ret_profiles) MUST_CHECK; /* what is due now; also run by itself */
const struct err *engine_backup(struct engine *engine, struct arena *arena, const char *directory,
                                void (*progress)(void *context, uint64_t done, uint64_t all), void *context) MUST_CHECK; /* bytes; may be NULL */
/* Into a data directory that is empty or not in use: data, vault copy, and every tombstone known here or there. No engine is open. */
const struct err *engine_restore(struct arena *arena, const char *backup, const char *data, const char *master_key_file) MUST_CHECK;
const struct err *engine_keys_rotate(struct engine *engine, struct arena *arena, void (*progress)(void *, uint64_t done, uint64_t all), void *context) MUST_CHECK;
struct vault *engine_vault(struct engine *engine);

/* ---- the debug door (style.md); ERR_FORBIDDEN unless engine_options.debug_door ---- */
/* Of all people, independent of row numbers and order: rebuild, then the same digest, proves that profiles are derived (P6). */
const struct err *engine_debug_digest(struct reader *reader, struct arena *arena, uint8_t ret_digest[32], uint64_t *ret_people) MUST_CHECK;
/* Works out anew, for all people, whatever is derived from what is stored. */
const struct err *engine_debug_rebuild(struct engine *engine, struct arena *arena, uint64_t *ret_people) MUST_CHECK;
/* The writer takes nothing from the queue while it is paused. */
const struct err *engine_debug_pause(struct engine *engine, struct arena *arena, bool paused) MUST_CHECK;
/* The n-th call from now of this fault point of the store fails; n 0: none any more. ERR_NOT_FOUND for an unknown point. */
const struct err *engine_debug_fail(struct engine *engine, struct arena *arena, str point, uint64_t nth) MUST_CHECK;

/* Counters for /metrics and `telos show`: name, help, value. */
struct engine_metrics {
    uint64_t commits, messages, outcomes[OUTCOME_COUNT], statements, retries, failures, queue_bytes, queue_works, commit_us_last, commit_us_max, dedupe_ids, reads, swept, tidy_runs,
        deliveries_removed; /* rows of the outbox whose time was over */
    uint64_t views, views_found; /* views of people in memory; reads that they answered */
    bool storing; /* false after a failed commit until one succeeds */
};
void engine_metrics(struct engine *engine, struct engine_metrics *ret_metrics);

#endif

/* What the files of the simulation share. A *world* is a small Telos without disk and network: a policy, a clock, a dozen people; a *spec* is
 * the policy as the oracle knows it; the *oracle* answers from the spec and the records alone, in the words of the design, slowly.
 *
 * 1. All is decided by (seed, step): each step has its own random numbers, so that steps can be left out and the others stay what they were.
 * 2. The oracle never calls the gate, nor looks into struct policy.
 */
#ifndef TELOS_TESTS_SIM_H
#define TELOS_TESTS_SIM_H

#include "core/apply.h"
#include "core/gate.h"
#include "core/identity.h"
#include "core/profile.h"
#include "model/key_class.h"
#include "unit/person_rows.h"

#define VENDOR 755

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* --- random.c: numbers from (seed, step) */
struct random {
    uint64_t state;
};
struct random random_of(uint64_t seed, uint64_t step);
uint64_t random_next(struct random *random);
unsigned below(struct random *random, unsigned limit); /* 0 … limit-1 */
bool chance(struct random *random, unsigned percent);

/* --- spec.c: a policy of the family, as values and as a file */
#define SPEC_PURPOSES(X)                                                                                               \
    X(NEWSLETTER, "newsletter") X(ANALYTICS, "analytics") X(KIDS, "kids") X(CARE, "care") X(ORDERS, "orders") X(BOOKS, "books")             \
    X(RESCUE, "rescue") X(SAFETY, "safety") X(FRAUD, "fraud") X(TIPS, "tips") X(LETTERS, "letters") X(VAULT, "vault")              \
    X(DEALS, "deals") X(MATCHING, "matching") X(JUDGE, "judge")
enum spec_name {
#define X(code, name) P_##code,
    SPEC_PURPOSES(X)
#undef X
        PURPOSES
};
typedef uint32_t purpose_bits; /* of spec_name: the same in every version of a world's policy */
#define GPP_PURPOSES (1u << P_DEALS | 1u << P_TIPS) /* what a GPP string opts out of, in worlds where they are sent */

enum { CAT_EMAIL, CAT_PHONE, CAT_BIRTH, CAT_PURCHASE, CAT_BEHAVIOUR, CAT_DEVICE, CAT_HEALTH, CATEGORIES, CAT_RIDES, CAT_UNKNOWN, CAT_VARY /* spec->vary */ };
enum { SOURCE_WEB, SOURCE_TILL, SOURCE_KIOSK, SOURCE_APP, SOURCE_CALIFORNIA, SOURCES };
enum { DEST_MAILER, DEST_DESK, DEST_FAR, DEST_SMS, DEST_TIPS, DESTINATIONS };
enum { NOTICE_NEWS, NOTICE_PRIVACY, NOTICES };
enum { KEY_USER, KEY_EMAIL, KEY_PHONE, KEY_DEVICE, KEY_ANONYMOUS, KEYS };
enum { SIGNAL_ADVERTISING, SIGNAL_ANALYTICS, SIGNAL_FUNCTIONAL, SIGNALS };

struct spec_purpose {
    bool present;
    enum basis basis, basis_us; /* basis_us: in US-CA */
    unsigned categories; /* a bit a category */
    purpose_bits compatible;
    bool direct_marketing, gpc, storage_only, guardian, explicit_consent, automated, reviewer;
    char special; /* letter of Art. 9(2); 0: none */
    int notice; /* -1: none */
    unsigned notice_min, terms, terms_min, age_threshold; /* 0: the country's */
    enum anchor anchor;
    int64_t retention_ms, expires_ms, lapse_ms; /* expires: life of a consent */
    int64_t starts_ms, ends_ms, review_ms; /* TIME_NONE, TIME_FOREVER, TIME_NONE */
};
struct spec_notice {
    unsigned version, renew_older_than;
    int64_t effective_ms, grace_ms;
};
struct spec_source {
    purpose_bits purposes;
    enum when_denied when_denied;
    int64_t hold_ms;
    const char *jurisdiction; /* "" or "US-CA" */
    bool trusted, open; /* open: everybody has its write key */
    unsigned informs; /* a bit a notice */
    unsigned trust;
};
struct spec_destination {
    bool present;
    bool vendor; /* what it is sent, a TC string must let the vendor have */
    unsigned purpose, categories;
    const char *channel;
    bool transfer_ok, events, profiles;
    const char *wanted; /* one event name, or NULL: all */
};
struct spec {
    struct spec_purpose purposes[PURPOSES];
    struct spec_notice notices[NOTICES];
    struct spec_source sources[SOURCES];
    struct spec_destination destinations[DESTINATIONS];
    purpose_bits signals[SIGNALS];
    int identity_purpose; /* -1: none */
    bool tcf; /* TC strings are sent: they speak of newsletter and tips, and of the vendor of two destinations */
    bool gpp; /* GPP strings are sent: their opt-out of sale speaks of GPP_PURPOSES */
    unsigned key_limits[KEYS];
    int vary; /* category of properties.vary, traits.vary */
    bool gpc_in_eu, law_under_restriction, overriders, guardian_stands;
    unsigned order; /* of the purposes in the file: slots move from version to version */
    int64_t activated_ms;
};
extern const char *const spec_purpose_names[PURPOSES], *const spec_source_names[SOURCES], *const spec_destination_names[DESTINATIONS],
    *const spec_notice_names[NOTICES], *const spec_key_names[KEYS], *const spec_signal_names[SIGNALS], *const spec_category_names[CATEGORIES];
void spec_make(struct random *random, uint64_t seed, int64_t now_ms, struct spec *ret_spec);
/* The next version: a few things differ. */
void spec_change(struct random *random, int64_t now_ms, struct spec *spec);
struct policy *spec_policy(struct arena *arena, const struct spec *spec, uint32_t version);
int spec_purpose_find(str name); /* -1: none */
int spec_source_find(str name);
/* Category of a path such as "properties.products[].sku" under `fields`. */
int spec_category(const struct spec *spec, str path);
int spec_trait_category(const struct spec *spec, str name);
enum fold_rule spec_rule(str trait);

/* --- world.c: the engine's part */
struct marker { /* one value that a message brought; no two messages bring the same */
    uint32_t message; /* 0: not used */
    uint8_t category;
    bool seen, again; /* it was stored once; its message was sent more than once */
    uint16_t source;
    purpose_bits narrowed; /* left out by the message itself */
    purpose_bits allowed; /* what it may be stored for: only ever less */
    uint32_t step; /* of its last arrival */
    uint64_t scan; /* the last look at a person that found it, and what it was stored for there */
    purpose_bits now;
    int64_t received_ms;
};
struct profile_note { /* what the world itself remembers of a profile */
    profile_no number;
    uint32_t records; /* consent records ever made on it */
    uint8_t keys_ended; /* classes destroyed for good */
    bool alive, erased;
};
struct commitment {
    struct uuid id; /* of the consent record */
    uint64_t hash;
};
struct cell { /* one person as it is stored */
    struct arena arena;
    bool fresh; /* stored since the world was cloned */
    struct person person;
};
struct sending { /* one message on its way */
    unsigned source;
    uint32_t message;
    uint32_t marker_first, marker_count;
    bool gpc, odd_consent, duplicate;
    int born; /* the year of birth that it says first; 0: none */
    bool kept_id; /* it names somebody by an identifier that any purpose may keep */
    bool released; /* other messages came out of hold with it, which may have joined people */
    signed char signal[SIGNALS]; /* 0: not said; 1: yes; -1: no */
    purpose_bits tcf_no; /* what its TC string refuses, or objects to */
    bool gpp_out, gpp_in, gpp_gpc; /* its GPP string opts out of sale; does not; says that Sec-GPC was set */
    purpose_bits narrowed;
    str json;
};
struct world {
    uint64_t seed;
    uint32_t step;
    struct arena arena; /* as long as the world */
    struct arena scratch; /* one step */
    struct spec spec;
    struct policy *policy;
    struct id_source ids;
    int64_t now_ms;
    uint64_t profile_next;
    struct row_numbers numbers;
    VEC(struct cell *) cells;
    VEC(struct marker) markers;
    uint32_t marker_offset; /* of a clone: its numbers go on from here */
    VEC(struct profile_note) profiles; /* by number - 1 */
    VEC(struct commitment) commitments;
    VEC(struct sending) sent;
    VEC(struct uuid) aliases; /* ids of all alias messages */
    uint64_t messages[SOURCES], outcomes[SOURCES][OUTCOME_COUNT], counted[SOURCES][OUTCOME_COUNT];
    uint8_t slot_names[LIMIT_PURPOSES]; /* slot of the policy → spec_name */
    uint64_t scans;
    uint64_t held_in, held_out; /* messages held; ends of holds counted */
    /* of the last apply */
    struct batch batch;
    bool late_join; /* what came out of hold, or was tried, joined people after others of the batch were judged */
    VEC(struct cell *) touched; /* stored by it */
    VEC(struct cell *) before; /* what they replaced; until the step's end */
    bool clone; /* an experiment: nothing is noted but in itself */
    const char *fault; /* planted: NULL, or its name */
    uint32_t fault_arg;
    /* the first failure; `looking`: of this property alone, NULL: of any */
    const char *looking;
    const char *property;
    char detail[2048];
    VEC(str) trace;
    bool tracing, dumping;
};

void world_begin(struct world *world, uint64_t seed, const char *fault);
void world_end(struct world *world);
/* A copy for an experiment; ends with world_end. */
void world_clone(struct world *world, const struct world *from);
bool world_fault(const struct world *world, const char *name);
enum load_mode { LOAD_NEEDS, LOAD_HEADS, LOAD_ALL };
void world_apply(struct world *world, struct request *requests, size_t count, enum load_mode mode);
void world_switch_policy(struct world *world, struct random *random);
void world_sweep(struct world *world, bool everybody);
struct message_identifier world_identifier(struct world *world, unsigned key, str value);
identifier_hash world_hash(str key, str value);
struct cell *world_cell(const struct world *world, const identifier_hash *hash); /* NULL: nobody */
struct cell *world_cell_of(const struct world *world, profile_no number);
/* Of everybody, in an order that does not depend on numbers. */
void world_digest_all(struct world *world, bool fresh, uint8_t ret_digest[32]); /* fresh: only of those stored since it was cloned */
purpose_bits bits_of(const struct world *world, purpose_mask mask);
struct profile_note *world_note(struct world *world, profile_no number);
/* Notes the first failure only. */
void fail_at(struct world *world, const char *property, const char *format, ...) __attribute__((format(printf, 3, 4)));
void trace_add(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- dump.c: everybody, in plain text; only those who are not the same in `other`, where it is given */
void world_dump(struct world *world, struct world *other, const char *title);

/* --- cell.c: a person with an arena of its own */
struct cell *cell_new(const struct person *person);
void cell_free(struct cell *cell);

/* --- steps.c, send.c */
void step_run(struct world *world);
/* `person`: whose identifiers are used; `plain`: no signals, no contract events, no odd fields, no births, the same strongest identifier. */
void message_make(struct world *world, struct random *random, unsigned person, bool plain, struct sending *ret_sending);
bool message_read(struct world *world, const struct sending *sending, struct request *ret_request);
#define PEOPLE 12
struct spoken { /* one statement by API */
    bool said, explicit_given;
    unsigned person, key, purpose; /* purpose: PURPOSES for none */
    enum consent_status status;
    enum said_by by;
    unsigned notice; /* its version; 0: not said */
    int64_t at_ms, expires_ms; /* 0: not said */
};
void statement_make(struct world *world, struct random *random, unsigned person, struct spoken *ret_spoken);
struct request statement_request(struct world *world, const struct spoken *spoken);
str person_value(struct world *world, unsigned person, unsigned key, unsigned which);

/* --- oracle.c */
struct verdict { /* of one purpose for one person at one instant */
    reason_mask use, collect, store;
    bool special; /* its condition of Art. 9 holds */
    bool expired_record; /* a system's record says so: other reasons may be missing */
};
struct verdicts {
    struct verdict of[PURPOSES];
    purpose_bits uses, collects, stores, specials;
    bool erased, us;
};
void oracle_judge(const struct spec *spec, const struct person *person, const char *source_jurisdiction, int64_t at_ms, int64_t known_ms,
                  struct verdicts *ret_verdicts);
/* Purposes that cover the category, special ones only where their condition holds. */
purpose_bits oracle_cover(const struct spec *spec, const struct verdicts *verdicts, int category);
bool oracle_fits(const struct spec *spec, purpose_bits collected, unsigned purpose);
int64_t oracle_kept_until(const struct spec_purpose *purpose, int64_t received_ms);
/* Was a vendor spoken of, and may it be sent what is processed for the purpose? */
bool oracle_vendor_named(const struct person *person, unsigned purpose);
bool oracle_vendor_may(const struct person *person, unsigned purpose, int64_t now_ms);
enum key_class oracle_class(const struct spec *spec, purpose_bits purposes, bool us);
bool oracle_overdue(const struct person *person, int64_t now_ms);
/* What may be kept of a year of birth that no fact says any more: only what Art. 8 needs. */
bool oracle_year_needed(const struct spec *spec, const struct person *person, int year, int64_t now_ms);
purpose_bits oracle_informable(const struct spec *spec, const struct verdicts *verdicts, unsigned source);

/* --- check.c, check_body.c, check_step.c, read.c, relate.c */
/* Every leaf of a stored or shown event body, with its path under `fields`; false stops. */
typedef bool (*leaf_each)(void *context, str path, const struct json *value);
bool body_walk(struct arena *arena, str body, leaf_each each, void *context);
/* The next marker in a text from *at on; 0: none. */
uint32_t marker_next(const struct world *world, str text, size_t *at);
purpose_bits marker_may(struct world *world, const struct verdicts *verdicts, const struct marker *marker, bool late);
void check_person(struct world *world, struct cell *cell);
void check_decide(struct world *world, struct random *random, const struct cell *cell);
/* The last apply before it is stored: what was, and what is marked. */
void check_marks(struct world *world, const struct person *const *before, size_t count);
void check_keys(struct world *world, const struct person *const *before, size_t count);
void check_counters(struct world *world);
void check_sureness(struct world *world);
void check_touched(struct world *world); /* check_person for all of world->touched */
void check_everybody(struct world *world);
/* Was it kept for exactly what was allowed? After check_touched. */
void check_message(struct world *world, const struct sending *sending, const struct request *request);
void read_person(struct world *world, struct random *random, const struct cell *cell);
void deliver_some(struct world *world, struct random *random);
void experiment(struct world *world, struct random *random);

/* --- properties: counted one by one */
#define PROPERTIES(X)                                                                                                  \
    X(STORED, "what_is_stored_may_be_stored") X(COVERED, "each_field_is_kept_only_for_purposes_that_cover_it")           \
    X(SHRINKS, "a_value_never_gains_a_purpose") X(EXACT, "a_message_is_kept_for_exactly_what_was_allowed")            \
    X(READ, "no_read_contains_what_would_be_denied") X(DELIVERY, "no_delivery_contains_what_would_be_denied") X(DECIDE, "the_gate_gives_the_oracles_answer")           \
    X(SIGNAL, "a_no_by_signal_holds_at_once") X(AGE, "who_is_told_to_be_a_child_is_judged_as_one") X(REPLAY, "order_and_duplicates_do_not_matter") X(BATCH, "a_batch_is_its_messages_one_by_one")         \
    X(LOADING, "what_is_loaded_first_does_not_matter") X(FOLD, "the_profile_is_the_fold_of_its_facts") X(UNDO, "merge_then_undo_is_never_merged")                 \
    X(EVIDENCE, "each_commitment_is_found_again") X(COUNTERS, "each_message_is_accounted_for") X(KEYS, "keys_go_with_what_they_seal")                 \
    X(HOLDS, "nothing_is_held_too_long_or_in_vain") X(IDENTITY, "one_identifier_one_person_one_root") X(LIMITS, "identity_limits_are_kept")                   \
    X(RECORDS, "what_was_said_stands_for_the_joined_person") X(MARKS, "what_is_not_marked_is_not_changed") X(OUTBOX, "recalls_follow_what_was_sent")             \
    X(PURPOSES, "no_purpose_outside_the_policy") X(SAME, "the_same_seed_gives_the_same_world")
enum property_code {
#define X(code, name) PROPERTY_##code,
    PROPERTIES(X)
#undef X
        PROPERTY_COUNT
};
extern const char *const property_names[PROPERTY_COUNT];
extern uint64_t property_checks[PROPERTY_COUNT];
#define CHECK(world, code, expression, ...)                                                                            \
    do {                                                                                                               \
        property_checks[PROPERTY_##code]++;                                                                            \
        if (!(expression))                                                                                             \
            fail_at((world), property_names[PROPERTY_##code], __VA_ARGS__);                                            \
    } while (0)

#endif

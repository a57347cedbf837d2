/* P1–P7 over the whole store. Nothing is mended here: each violation is told with its place, in words without personal values.
 *
 * P1 is judged by the core itself: each person is swept in memory, at the present time, under the policy in force; whatever that would take off
 * should not have been there. What has fallen due within GRACE_MS is the sweeper's, which is on its way.
 */
#include "engine/audit_private.h"
#include "evidence/seal.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define SLICE_PROFILES 64
#define GRACE_MS (2 * MINUTE_MS)
enum { SETTLE_STEPS = 1000, SETTLE_STEP_US = 2000 };

void audit_report(struct audit *audit, const char *promise, str where, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0)
        length = 0;
    struct audit_finding finding = {.promise = promise, .where = where, .what = str_bytes(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1)};
    audit->violations++;
    if (audit->found)
        audit->found(audit->context, &finding);
}

void audit_step(struct audit *audit, uint64_t count)
{
    audit->done += count;
    if (audit->all < audit->done)
        audit->all = audit->done;
    if (audit->progress)
        audit->progress(audit->context, audit->done, audit->all);
}

const struct policy_row *audit_policy(const struct audit *audit, uint32_t version)
{
    size_t low = 0, high = audit->policy_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (audit->policies[middle].version < version)
            low = middle + 1;
        else
            high = middle;
    }
    return low < audit->policy_count && audit->policies[low].version == version ? &audit->policies[low] : NULL;
}

/* --- places */

static str at_profile(struct audit *audit, profile_no number) { return str_printf(&audit->slice, "profile %llu", (unsigned long long)number.value); }
static str at_row(struct audit *audit, profile_no number, const char *what, uint64_t row)
{
    return str_printf(&audit->slice, "profile %llu, %s %llu", (unsigned long long)number.value, what, (unsigned long long)row);
}
static str at_id(struct audit *audit, profile_no number, const char *what, struct uuid id)
{
    char text[UUID_TEXT_SIZE];
    return str_printf(&audit->slice, "profile %llu, %s %.*s", (unsigned long long)number.value, what, STR_FMT(uuid_text(id, text)));
}

/* --- P7: is it sealed, is there a key, does it open? */

static void sealed_check(struct audit *audit, profile_no profile, enum key_class class, str sealed, str where)
{
    uint8_t key[32];
    if (str_empty(sealed))
        return;
    if (sealed.length < SEAL_OVERHEAD || sealed.data[0] != 1)
        audit_report(audit, "P7", where, "it is not sealed");
    enum vault_result result = vault_key(audit->engine->vault, profile, class, key);
    explicit_bzero(key, sizeof key);
    if (result == VAULT_DESTROYED)
        audit_report(audit, "P7", where, "its %s key is destroyed, so it opens nothing, but the row is left over", key_class_name(class));
    else if (result == VAULT_ABSENT)
        audit_report(audit, "P7", where, "it never had a %s key", key_class_name(class));
    else if (result == VAULT_FAILED)
        audit_report(audit, "P7", where, "the vault cannot be read for its %s key", key_class_name(class));
}

static void person_sealed(struct audit *audit, const struct person *person)
{
    vec_each (row, &person->profiles) {
        sealed_check(audit, row->number, KEY_EVIDENCE, row->sealed, at_profile(audit, row->number));
        if (row->birth_year) /* nothing was opened yet */
            audit_report(audit, "P7", at_profile(audit, row->number), "its year of birth lies in clear");
    }
    vec_each (row, &person->identifiers)
        sealed_check(audit, row->profile, KEY_EVIDENCE, row->sealed, at_row(audit, row->profile, "identifier", row->number));
    vec_each (row, &person->consents)
        sealed_check(audit, row->profile, KEY_EVIDENCE, row->sealed, at_id(audit, row->profile, "consent record", row->id));
    vec_each (row, &person->preferences)
        sealed_check(audit, row->profile, KEY_EVIDENCE, row->sealed, at_row(audit, row->profile, "preferences", 0));
    vec_each (page, &person->fact_pages)
        sealed_check(audit, page->profile, (enum key_class)page->key_class, page->sealed, at_row(audit, page->profile, "page of facts", page->number));
    vec_each (event, &person->events)
        for (unsigned i = 0; i < event->part_count; i++)
            sealed_check(audit, event->profile, (enum key_class)event->parts[i].key_class, event->parts[i].sealed,
                         at_id(audit, event->profile, "event", event->id));
    vec_each (row, &person->held)
        sealed_check(audit, row->profile, KEY_HOLD, row->sealed, at_row(audit, row->profile, "held message", row->number));
}

/* Opens each row on its own, to find which one does not. */
#define rows_try(audit, person, rows, where)                                                                           \
    vec_each (row, &(person)->rows) {                                                                                  \
        struct person one = {.root = (person)->root};                                                                  \
        *(__typeof__(row))vec_push(&(audit)->slice, &one.rows) = *row;                                                 \
        const struct err *error = open_person((audit)->engine, &(audit)->slice, &one);                                 \
        if (error)                                                                                                     \
            audit_report((audit), "P7", (where), "it does not open: it was changed or moved (%s)", err_name(error->code)); \
    }

static void broken_find(struct audit *audit, const struct person *person)
{
    rows_try(audit, person, profiles, at_profile(audit, row->number))
    rows_try(audit, person, identifiers, at_row(audit, row->profile, "identifier", row->number))
    rows_try(audit, person, consents, at_id(audit, row->profile, "consent record", row->id))
    rows_try(audit, person, preferences, at_row(audit, row->profile, "preferences", 0))
    rows_try(audit, person, fact_pages, at_row(audit, row->profile, "page of facts", row->number))
    rows_try(audit, person, events, at_id(audit, row->profile, "event", row->id))
    rows_try(audit, person, held, at_row(audit, row->profile, "held message", row->number))
    rows_try(audit, person, deliveries, at_id(audit, row->profile, "delivery", row->id))
}

static void profiles_check(struct audit *audit, const struct person *person)
{
    static const enum key_class erased[] = {KEY_CONSENT, KEY_CONTRACT, KEY_HOLD};
    vec_each (profile, &person->profiles) {
        uint8_t key[32];
        if (profile->erased_ms == TIME_NONE) {
            if (vault_key(audit->engine->vault, profile->number, KEY_EVIDENCE, key) != VAULT_LIVE)
                audit_report(audit, "P7", at_profile(audit, profile->number), "it has no evidence key, though nobody erased it");
        } else
            for (size_t i = 0; i < sizeof erased / sizeof *erased; i++)
                if (vault_key(audit->engine->vault, profile->number, erased[i], key) == VAULT_LIVE)
                    audit_report(audit, "P7", at_profile(audit, profile->number), "it was erased, but its %s key lives", key_class_name(erased[i]));
        explicit_bzero(key, sizeof key);
        if (!person_profile(person, profile->root))
            audit_report(audit, "P6", at_profile(audit, profile->number), "its root %llu is none of its group", (unsigned long long)profile->root.value);
    }
}

/* --- rows that point at others */

static void owner_check(struct audit *audit, const struct person *person, profile_no profile, uint32_t identifier, str where)
{
    if (!person_profile(person, profile))
        audit_report(audit, "P6", where, "its profile is none of the person");
    else if (!person_identifier(person, profile, identifier))
        audit_report(audit, "P6", where, "the identifier %u that it was observed on is missing", identifier);
}

static void references_check(struct audit *audit, const struct person *person)
{
    vec_each (page, &person->fact_pages)
        owner_check(audit, person, page->profile, page->identifier, at_row(audit, page->profile, "page of facts", page->number));
    vec_each (event, &person->events)
        owner_check(audit, person, event->profile, event->identifier, at_id(audit, event->profile, "event", event->id));
    vec_each (record, &person->consents)
        owner_check(audit, person, record->profile, record->identifier, at_id(audit, record->profile, "consent record", record->id));
    vec_each (held, &person->held)
        owner_check(audit, person, held->profile, held->identifier, at_row(audit, held->profile, "held message", held->number));
    vec_each (merge, &person->merges)
        if (merge->undone_ms == TIME_NONE && (!person_profile(person, merge->left) || !person_profile(person, merge->right)))
            audit_report(audit, "P6", at_id(audit, merge->left, "merge", merge->id), "it joins a profile that is none of the person");
    vec_each (identifier, &person->identifiers) {
        if (str_empty(identifier->value))
            continue;
        identifier_hash hash = identifier_hash_of(audit->engine, identifier->type, identifier->value);
        if (memcmp(hash.bytes, identifier->hash.bytes, sizeof hash.bytes) != 0)
            audit_report(audit, "P7", at_row(audit, identifier->profile, "identifier", identifier->number), "its value does not have the hash that it is found by");
    }
    vec_each (delivery, &person->deliveries) {
        bool there = delivery->kind != DELIVERY_EVENT || delivery->state != DELIVERY_PENDING;
        for (size_t i = 0; !there && i < person->events.count; i++)
            there = person->events.items[i].number.value == delivery->event.value;
        if (!there)
            audit_report(audit, "P3", at_id(audit, delivery->profile, "delivery", delivery->id), "its event is gone, but it is still to be sent");
    }
}

/* --- P2: events and the policy that allowed them */

static const struct err *events_check(struct audit *audit, const struct person *person)
{
    vec_each (event, &person->events) {
        const struct batch_known *batch = NULL;
        const struct policy_row *policy = audit_policy(audit, event->policy_version);
        str where = at_id(audit, event->profile, "event", event->id);
        TRY(audit_batch_of(audit, event->batch, &batch));
        if (!policy)
            audit_report(audit, "P2", where, "it was stored under policy version %u, which there is not", event->policy_version);
        if (batch->at_ms == TIME_NONE)
            audit_report(audit, "P5", where, "its batch %llu is missing", (unsigned long long)event->batch);
        else if (policy && batch->at_ms < policy->activated_ms)
            audit_report(audit, "P2", where, "it was stored before policy version %u was activated", event->policy_version);
        else if (batch->policy_version != event->policy_version)
            audit_report(audit, "P2", where, "its batch ran under policy version %u, not %u", batch->policy_version, event->policy_version);
        else if (event->batch_index >= batch->decision_count)
            audit_report(audit, "P4", where, "its decision is not among those of batch %llu", (unsigned long long)event->batch);
    }
    return NULL;
}

/* --- P1: purposes, as the core sees them */

struct before { /* purposes of one row before it was swept in memory */
    purpose_mask purposes;
    uint8_t part_count;
};
struct befores {
    struct before *facts, *events, *identifiers;
    size_t fact_count, event_count, identifier_count;
};

static purpose_mask event_purposes(const struct event *event)
{
    purpose_mask all = 0;
    for (unsigned i = 0; i < event->part_count; i++)
        all |= event->parts[i].purposes;
    return all;
}

static struct befores befores_take(struct arena *arena, const struct person *person)
{
    struct befores befores = {.fact_count = person->facts.count, .event_count = person->events.count, .identifier_count = person->identifiers.count};
    befores.facts = arena_array(arena, struct before, befores.fact_count + 1);
    befores.events = arena_array(arena, struct before, befores.event_count + 1);
    befores.identifiers = arena_array(arena, struct before, befores.identifier_count + 1);
    for (size_t i = 0; i < befores.fact_count; i++)
        befores.facts[i].purposes = person->facts.items[i].purposes;
    for (size_t i = 0; i < befores.event_count; i++)
        befores.events[i] = (struct before){event_purposes(&person->events.items[i]), person->events.items[i].part_count};
    for (size_t i = 0; i < befores.identifier_count; i++)
        befores.identifiers[i].purposes = person->identifiers.items[i].purposes;
    return befores;
}

/* "newsletter (consent_withdrawn)" for each purpose that had to go. */
static str lost_text(struct audit *audit, const struct standing *standing, purpose_mask lost)
{
    struct buf buf;
    buf_init(&buf, &audit->slice, 64 * 1024);
    for (purpose_mask rest = lost; rest; rest &= rest - 1) {
        unsigned slot = (unsigned)__builtin_ctzll(rest);
        buf_printf(&buf, "%s`%.*s`", buf.length ? ", " : "", STR_FMT(audit->policy->purposes.items[slot].name));
        for (reason_mask reasons = standing->purposes[slot].store_reasons; reasons; reasons &= reasons - 1)
            buf_printf(&buf, " %s", reason_name((enum reason)__builtin_ctzll(reasons)));
    }
    return buf_str(&buf);
}

static void purposes_judge(struct audit *audit, const struct standing *standing, purpose_mask had, bool gone, purpose_mask has, str where)
{
    purpose_mask lost = gone ? had : had & ~has;
    if (!had)
        audit_report(audit, "P1", where, "it has no purpose that the policy knows");
    else if (lost)
        audit_report(audit, "P1", where, "it may not be stored any more for %.*s", STR_FMT(lost_text(audit, standing, lost)));
}

static void purposes_check(struct audit *audit, struct person *person)
{
    struct arena *arena = &audit->slice;
    const struct profile *root = person_profile(person, person->root);
    if (!root || (root->due_ms <= audit->now_ms && root->due_ms > audit->now_ms - GRACE_MS))
        return; /* the sweeper is on its way */
    struct befores befores = befores_take(arena, person);
    const struct standing *standing = gate_standing_at(arena, audit->policy, person, root->jurisdiction, audit->now_ms, audit->now_ms);
    profile_no number = root->number;
    int64_t due_ms = root->due_ms; /* as it was stored */
    struct request request = {.kind = REQUEST_SWEEP, .person = person};
    struct batch batch = {.arena = arena, .policy = audit->policy, .ids = &audit->ids, .now_ms = audit->now_ms, .profile_next = UINT64_MAX / 2,
                          .requests = &request, .request_count = 1};
    map_init(&batch.counter_index, arena);
    *(struct person **)vec_push(arena, &batch.persons) = person;
    core_apply(&batch);
    for (size_t i = 0; i < befores.fact_count; i++) {
        const struct fact *fact = &person->facts.items[i];
        purposes_judge(audit, standing, befores.facts[i].purposes, fact->change >= CHANGE_GONE, fact->purposes,
                       str_printf(arena, "profile %llu, fact `%.*s` in page %u", (unsigned long long)fact->profile.value, STR_FMT(fact->name), fact->page));
    }
    for (size_t i = 0; i < befores.event_count; i++) {
        const struct event *event = &person->events.items[i];
        if (befores.events[i].part_count == 0)
            continue; /* nothing of it opens: told already */
        purposes_judge(audit, standing, befores.events[i].purposes, event->change >= CHANGE_GONE, event_purposes(event), at_id(audit, event->profile, "event", event->id));
    }
    for (size_t i = 0; i < befores.identifier_count; i++) {
        const struct identifier *identifier = &person->identifiers.items[i];
        if (befores.identifiers[i].purposes)
            purposes_judge(audit, standing, befores.identifiers[i].purposes, identifier->change >= CHANGE_GONE, identifier->purposes,
                           at_row(audit, identifier->profile, "identifier", identifier->number));
    }
    if (due_ms <= audit->now_ms - GRACE_MS)
        audit_report(audit, "P1", at_profile(audit, number), "it was due for the sweeper and was not looked at");
}

/* --- P6: the profile is a fold: the order of its facts does not matter */

#define rows_turn(rows)                                                                                                \
    for (size_t low = 0, high = (rows)->count; high > low + 1; low++) {                                                \
        __typeof__(*(rows)->items) kept = (rows)->items[low];                                                          \
        (rows)->items[low] = (rows)->items[--high];                                                                    \
        (rows)->items[high] = kept;                                                                                    \
    }

static void digest_check(struct audit *audit, struct person *person)
{
    uint8_t stored[32], turned[32];
    profile_digest(&audit->slice, audit->policy, person, stored);
    rows_turn(&person->facts)
    rows_turn(&person->events)
    rows_turn(&person->identifiers)
    profile_digest(&audit->slice, audit->policy, person, turned);
    if (memcmp(stored, turned, sizeof stored) != 0)
        audit_report(audit, "P6", at_profile(audit, person->root), "folded in another order it gives another profile");
}

/* --- people */

static const struct err *person_check(struct audit *audit, struct person *person)
{
    audit->persons++;
    vec_each (profile, &person->profiles)
        audit->profiles += profile->erased_ms == TIME_NONE;
    audit->identifiers += person->identifiers.count;
    audit->events += person->events.count;
    audit->consents += person->consents.count;
    audit->held += person->held.count;
    vec_each (page, &person->fact_pages)
        audit->facts += page->fact_count;
    person_sealed(audit, person);
    profiles_check(audit, person);
    TRY(events_check(audit, person)); /* before opening: parts that do not open are left out then */
    TRY(audit_decisions(audit, person));
    struct person opened = *person;
    const struct err *error = open_person(audit->engine, &audit->slice, &opened);
    if (error) {
        broken_find(audit, person);
        return NULL;
    }
    references_check(audit, &opened);
    vec_each (record, &opened.consents) {
        const struct profile *profile = person_profile(&opened, record->profile);
        if (!audit->policy_count || record->known_ms < audit->policies[0].activated_ms)
            audit_report(audit, "P2", at_id(audit, record->profile, "consent record", record->id), "it was recorded before there was any policy");
        if (profile)
            TRY(audit_consent(audit, record, profile->id, at_id(audit, record->profile, "consent record", record->id)));
    }
    profile_no *numbers = arena_array(&audit->slice, profile_no, opened.profiles.count + 1);
    for (size_t i = 0; i < opened.profiles.count; i++)
        numbers[i] = opened.profiles.items[i].number;
    TRY(audit_reads(audit, numbers, opened.profiles.count));
    digest_check(audit, &opened);
    purposes_check(audit, &opened);
    return NULL;
}

static const struct err *load(struct audit *audit, const profile_no *roots, size_t count, struct person ***ret_persons)
{
    struct load load = {.arena = &audit->slice, .sets = audit->sets, .profiles = roots, .profile_count = count, .parts = PERSON_ALL,
                        .events_from_ms = INT64_MIN};
    TRY(audit->ops->load(audit->session, &load));
    *ret_persons = load.by_profile;
    return NULL;
}

/* All at once, or one by one where somebody's rows do not hang together. False when nobody can be loaded. */
static bool roots_load(struct audit *audit, const profile_no *roots, size_t count, struct person ***ret_persons)
{
    if (!load(audit, roots, count, ret_persons))
        return true;
    struct person **persons = arena_array(&audit->slice, struct person *, count);
    size_t loaded = 0;
    for (size_t i = 0; i < count; i++) {
        struct person **one = NULL;
        const struct err *error = load(audit, &roots[i], 1, &one);
        if (error)
            audit_report(audit, "P5", at_profile(audit, roots[i]), "it cannot be loaded: %s", error->text);
        else {
            persons[i] = one[0];
            loaded++;
        }
    }
    *ret_persons = persons;
    return loaded > 0;
}

static const struct err *slice_check(struct audit *audit, const struct profile *rows, size_t count)
{
    profile_no roots[SLICE_PROFILES];
    size_t root_count = 0;
    for (size_t i = 0; i < count; i++)
        if (profile_no_equal(rows[i].root, rows[i].number))
            roots[root_count++] = rows[i].number;
    if (!root_count)
        return NULL;
    struct person **persons = NULL;
    if (!roots_load(audit, roots, root_count, &persons))
        return NULL;
    for (size_t i = 0; i < root_count; i++) {
        if (!persons[i])
            continue; /* erased since the list was read */
        bool first = true;
        for (size_t j = 0; j < i && first; j++)
            first = persons[j] != persons[i]; /* joined since */
        if (first)
            TRY(person_check(audit, persons[i]));
    }
    return NULL;
}

static const struct err *people_check(struct audit *audit)
{
    for (uint64_t from = 1;;) {
        struct profile *rows = NULL;
        size_t count = 0;
        TRY(audit->ops->profiles(audit->session, &audit->slice, from, SLICE_PROFILES, &rows, &count));
        if (!count)
            return NULL;
        uint64_t next = rows[count - 1].number.value + 1;
        TRY(slice_check(audit, rows, count));
        arena_clear(&audit->slice);
        audit_step(audit, next - from);
        from = next;
    }
}

/* --- totals, vault */

static void total_check(struct audit *audit, const char *what, uint64_t told, uint64_t counted)
{
    if (told != counted)
        audit_report(audit, "P5", STR("totals"), "the store says %llu %s, there are %llu", (unsigned long long)told, what, (unsigned long long)counted);
}

static bool still(const struct audit *audit)
{
    return engine_batch_last(audit->engine) == audit->batch_last && ledger_size(audit->engine->ledger) == audit->ledger_size;
}

/* Was nothing stored since the audit began? What is in the store a moment before the engine knows of it is waited for: only a difference that
 * stays is one. */
static bool comparable(const struct audit *audit, const struct store_totals *totals)
{
    bool same = totals->batches == audit->batch_last && totals->ledger == audit->ledger_size;
    for (unsigned i = 0; i < SETTLE_STEPS && !same && still(audit); i++)
        usleep(SETTLE_STEP_US);
    return still(audit);
}

static const struct err *totals_check(struct audit *audit)
{
    struct store_totals totals = {0};
    TRY(audit->ops->totals(audit->session, &audit->slice, false, &totals));
    if (!comparable(audit, &totals))
        return NULL;
    total_check(audit, "profiles", totals.profiles, audit->profiles);
    total_check(audit, "identifiers", totals.identifiers, audit->identifiers);
    total_check(audit, "facts", totals.facts, audit->facts);
    total_check(audit, "events", totals.events, audit->events);
    total_check(audit, "consent records", totals.consents, audit->consents);
    total_check(audit, "held messages", totals.held, audit->held);
    total_check(audit, "ledger entries", totals.ledger, audit->ledger_size);
    return NULL;
}

static const struct err *vault_check(struct audit *audit)
{
    struct vault_status status;
    TRY(vault_status(&audit->slice, audit->engine->vault, &status));
    if (status.pages_damaged)
        audit_report(audit, "P7", STR("vault"), "%llu of its pages are damaged", (unsigned long long)status.pages_damaged);
    if (status.mirrors_pending)
        audit_report(audit, "P7", STR("vault"), "%zu backups could not be reached: keys destroyed here may live on there", status.mirrors_pending);
    return NULL;
}

static const struct err *audit_all(struct audit *audit)
{
    struct store_totals totals = {0};
    uint64_t swept = 0;
    if (audit->engine->follow) /* a policy was switched: stored data is still following it; that is brought to its end first */
        TRY(sweep_follow(audit->engine, audit->session, &audit->slice, &swept));
    TRY(audit->ops->policies(audit->session, audit->arena, false, &audit->policies, &audit->policy_count));
    audit->memos = arena_array(audit->arena, struct decision_memo, audit->policy_count + 1);
    TRY(audit->ops->totals(audit->session, &audit->slice, true, &totals));
    audit->batch_last = engine_batch_last(audit->engine);
    audit->ledger_size = ledger_size(audit->engine->ledger);
    audit->all = audit->ledger_size + audit->batch_last + totals.profile_next;
    TRY(audit_policies(audit));
    TRY(audit_ledger(audit));
    TRY(audit_batches(audit));
    TRY(audit_rights(audit));
    if (audit->policy)
        TRY(people_check(audit));
    TRY(totals_check(audit));
    return vault_check(audit);
}

const struct err *engine_audit(struct engine *engine, struct reader *reader, struct arena *arena, void (*found)(void *, const struct audit_finding *),
                               void (*progress)(void *, uint64_t done, uint64_t all), void *context, uint64_t *ret_violations)
{
    struct audit audit = {.engine = engine, .reader = reader, .ops = engine_store(engine), .session = reader->session, .arena = arena,
                          .now_ms = clock_now_ms(), .found = found, .progress = progress, .context = context};
    TRY(engine_catch_up(engine, arena));
    audit.batches = arena_array(arena, struct batch_known, BATCHES_KEPT);
    audit.policy = engine_policy(engine);
    struct sets_use use = audit.policy ? sets_of(engine, audit.policy) : (struct sets_use){0};
    audit.sets = use.sets;
    id_source_init_random(&audit.ids);
    arena_init(&audit.slice);
    arena_init(&audit.leaves);
    const struct err *error = audit_all(&audit);
    if (error)
        error = err_new(arena, error->code, "%s", error->text);
    arena_release(&audit.slice);
    arena_release(&audit.leaves);
    sets_release(use);
    engine_policy_release(engine, audit.policy);
    if (!error)
        *ret_violations = audit.violations;
    return error;
}

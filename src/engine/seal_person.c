/* Opening what was loaded, sealing what is to be saved: the only place where personal values change between clear and sealed (P7).
 *
 * Keys: identifiers, consents, preferences and the year of birth KEY_EVIDENCE · fact pages and event parts by their purposes (key_class_of) · held messages
 * KEY_HOLD · recalls a key of their own, whose number stands before the sealed bytes, because they outlive the person's keys.
 */
#include "base/log.h"
#include "engine/facts.h"
#include "engine/person_cache.h"
#include "engine/seal_private.h"

void keyring_init(struct keyring *ring, struct engine *engine, struct arena *arena)
{
    *ring = (struct keyring){.engine = engine, .arena = arena};
}

void keyring_clear(struct keyring *ring)
{
    explicit_bzero(ring->keys, sizeof ring->keys);
}

enum vault_result keyring_get(struct keyring *ring, profile_no profile, enum key_class class, const uint8_t **ret_key)
{
    ASSERT(profile.value && class < KEY_CLASS_COUNT);
    if (!profile_no_equal(ring->profile[class], profile)) {
        ring->results[class] = vault_key(ring->engine->vault, profile, class, ring->keys[class]);
        ring->profile[class] = profile;
    }
    *ret_key = ring->keys[class];
    return ring->results[class];
}

const struct err *value_seal(struct keyring *ring, profile_no profile, enum key_class class, struct aad aad, str plain, str *ret_sealed)
{
    const uint8_t *key;
    enum vault_result result = keyring_get(ring, profile, class, &key);
    if (result == VAULT_FAILED)
        return err_new(ring->arena, ERR_IO, "the key vault cannot be read");
    if (result != VAULT_LIVE)
        return err_new(ring->arena, ERR_INTERNAL, "there is no %s key to seal with", key_class_name(class));
    uint8_t *out = arena_alloc_raw(ring->arena, seal_size(plain.length));
    seal(key, aad_str(aad), plain, out);
    *ret_sealed = str_bytes(out, seal_size(plain.length));
    return NULL;
}

const struct err *value_open(struct keyring *ring, profile_no profile, enum key_class class, struct aad aad, str sealed, str *ret_plain)
{
    *ret_plain = STR_NONE;
    if (str_empty(sealed))
        return NULL;
    const uint8_t *key;
    enum vault_result result = keyring_get(ring, profile, class, &key);
    if (result == VAULT_FAILED)
        return err_new(ring->arena, ERR_IO, "the key vault cannot be read");
    if (result != VAULT_LIVE)
        return NULL;
    if (sealed.length < SEAL_OVERHEAD)
        return err_new(ring->arena, ERR_INTERNAL, "a sealed value is cut short");
    uint8_t *out = arena_alloc_raw(ring->arena, sealed.length - SEAL_OVERHEAD + 1);
    if (!seal_open(key, aad_str(aad), sealed, out))
        return err_new(ring->arena, ERR_INTERNAL, "a sealed value was changed or moved; `telos audit check` says where");
    *ret_plain = str_bytes(out, sealed.length - SEAL_OVERHEAD);
    return NULL;
}

enum key_class key_class_of(const struct policy *policy, purpose_mask purposes, str jurisdiction)
{
    enum key_class found = KEY_CONSENT;
    for (purpose_mask rest = purposes; rest; rest &= rest - 1) {
        enum basis basis = purpose_basis(&policy->purposes.items[__builtin_ctzll(rest)], jurisdiction);
        if (basis_outlives_erasure(basis))
            return KEY_LEGAL;
        if (basis != BASIS_CONSENT)
            found = KEY_CONTRACT;
    }
    return found;
}

/* ---- what is authenticated ---- */

static struct aad identifier_aad(const struct identifier *row)
{
    return aad_make(SEALED_IDENTIFIER, row->profile, row->hash.bytes, sizeof row->hash.bytes);
}
static struct aad consent_aad(const struct consent *row)
{
    return aad_make(SEALED_CONSENT, row->profile, row->id.bytes, sizeof row->id.bytes);
}
static struct aad event_aad(const struct event *row, enum key_class class)
{
    uint8_t rest[17];
    memcpy(rest, row->id.bytes, 16);
    rest[16] = (uint8_t)class;
    return aad_make(SEALED_EVENT, row->profile, rest, sizeof rest);
}
static struct aad held_aad(const struct held *row)
{
    return aad_make(SEALED_HELD, row->profile, &row->number, sizeof row->number);
}
static struct aad preferences_aad(const struct preferences *row)
{
    return aad_make(SEALED_PREFERENCES, row->profile, "", 0);
}
static struct aad birth_year_aad(const struct profile *row)
{
    return aad_make(SEALED_BIRTH_YEAR, row->number, "", 0);
}
static struct aad recall_aad(profile_no key, const struct delivery *row)
{
    return aad_make(SEALED_RECALL, key, row->id.bytes, sizeof row->id.bytes);
}

/* The sealed texts of a consent record: method, reference, signal, each after its length (4 bytes, little-endian). */
static str consent_pack(struct arena *arena, const struct consent *record)
{
    const str texts[] = {record->method, record->reference, record->signal};
    size_t length = 0;
    for (size_t i = 0; i < 3; i++)
        length += 4 + texts[i].length;
    char *out = arena_alloc_raw(arena, length), *next = out;
    for (size_t i = 0; i < 3; i++) {
        uint32_t size = (uint32_t)texts[i].length;
        memcpy(next, &size, 4);
        if (size)
            memcpy(next + 4, texts[i].data, size);
        next += 4 + size;
    }
    return str_bytes(out, length);
}

static bool consent_unpack(struct consent *record, str plain)
{
    str *texts[] = {&record->method, &record->reference, &record->signal};
    for (size_t i = 0; i < 3; i++) {
        uint32_t size;
        if (plain.length < 4)
            return false;
        memcpy(&size, plain.data, 4);
        if (plain.length - 4 < size)
            return false;
        *texts[i] = str_slice(plain, 4, 4 + (size_t)size);
        plain = str_slice(plain, 4 + (size_t)size, plain.length);
    }
    return plain.length == 0;
}

/* ---- opening ---- */

static const struct err *event_open(struct keyring *ring, struct event *event)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < event->part_count; i++) {
        struct event_part *part = &event->parts[i];
        TRY(value_open(ring, event->profile, (enum key_class)part->key_class, event_aad(event, (enum key_class)part->key_class), part->sealed,
                       &part->body));
        if (!str_empty(part->body)) /* else its key is gone, and with it whatever it was kept for */
            event->parts[kept++] = *part;
    }
    event->part_count = (uint8_t)kept;
    return NULL;
}

static const struct err *delivery_open(struct keyring *ring, struct delivery *delivery)
{
    profile_no key;
    if (delivery->sealed.length <= sizeof key.value)
        return NULL;
    memcpy(&key.value, delivery->sealed.data, sizeof key.value);
    if (!key.value)
        return err_new(ring->arena, ERR_INTERNAL, "a recall names no key");
    return value_open(ring, key, KEY_HOLD, recall_aad(key, delivery), str_slice(delivery->sealed, sizeof key.value, delivery->sealed.length),
                      &delivery->subject);
}

/* What the gate asks of a head, whoever is looked at. */
static const struct err *head_open(struct keyring *ring, struct person *person)
{
    vec_each (row, &person->preferences)
        TRY(value_open(ring, row->profile, KEY_EVIDENCE, preferences_aad(row), row->sealed, &row->value));
    vec_each (row, &person->profiles) {
        str plain;
        TRY(value_open(ring, row->number, KEY_EVIDENCE, birth_year_aad(row), row->sealed, &plain));
        if (plain.length == sizeof row->birth_year)
            memcpy(&row->birth_year, plain.data, sizeof row->birth_year);
        else if (!str_empty(plain))
            return err_new(ring->arena, ERR_INTERNAL, "a year of birth is damaged");
    }
    return NULL;
}

static const struct err *records_open(struct keyring *ring, struct person *person)
{
    vec_each (row, &person->identifiers) {
        TRY(value_open(ring, row->profile, KEY_EVIDENCE, identifier_aad(row), row->sealed, &row->value));
        if (str_empty(row->value))
            row->purposes = 0;
    }
    vec_each (row, &person->consents) {
        str plain;
        TRY(value_open(ring, row->profile, KEY_EVIDENCE, consent_aad(row), row->sealed, &plain));
        if (!str_empty(plain) && !consent_unpack(row, plain))
            return err_new(ring->arena, ERR_INTERNAL, "a consent record is damaged");
    }
    return head_open(ring, person);
}

static const struct err *data_open(struct keyring *ring, struct person *person)
{
    vec_each (page, &person->fact_pages) {
        str plain;
        TRY(value_open(ring, page->profile, (enum key_class)page->key_class, facts_aad(page), page->sealed, &plain));
        if (!str_empty(plain) && !facts_unpack(ring->arena, person, page, plain))
            return err_new(ring->arena, ERR_INTERNAL, "a page of facts is damaged");
    }
    vec_each (event, &person->events)
        TRY(event_open(ring, event));
    vec_each (row, &person->held)
        TRY(value_open(ring, row->profile, KEY_HOLD, held_aad(row), row->sealed, &row->message));
    vec_each (delivery, &person->deliveries)
        TRY(delivery_open(ring, delivery));
    return NULL;
}

const struct err *open_person_data(struct engine *engine, struct arena *arena, struct person *person)
{
    struct keyring ring;
    keyring_init(&ring, engine, arena);
    vec_each (row, &person->identifiers)
        row->value = str_empty(row->sealed) ? STR_NONE : VALUE_UNOPENED;
    const struct err *error = data_open(&ring, person);
    if (!error)
        error = head_open(&ring, person);
    keyring_clear(&ring);
    return error;
}

const struct err *open_person(struct engine *engine, struct arena *arena, struct person *person)
{
    struct keyring ring;
    keyring_init(&ring, engine, arena);
    const struct err *error = records_open(&ring, person);
    if (!error)
        error = data_open(&ring, person);
    keyring_clear(&ring);
    return error;
}

const struct err *open_events(struct engine *engine, struct arena *arena, struct event *events, size_t count)
{
    struct keyring ring;
    keyring_init(&ring, engine, arena);
    const struct err *error = NULL;
    for (size_t i = 0; i < count && !error; i++)
        error = event_open(&ring, &events[i]);
    keyring_clear(&ring);
    return error;
}

const struct err *open_delivery(struct engine *engine, struct arena *arena, struct delivery *delivery)
{
    struct keyring ring;
    keyring_init(&ring, engine, arena);
    const struct err *error = delivery_open(&ring, delivery);
    keyring_clear(&ring);
    return error;
}

/* ---- sealing ---- */

static bool to_seal(enum change change)
{
    return change == CHANGE_NEW || change == CHANGE_SET;
}

static const struct err *event_seal(struct keyring *ring, struct event *event)
{
    for (unsigned i = 0; i < event->part_count; i++) {
        struct event_part *part = &event->parts[i];
        enum key_class class = (enum key_class)part->key_class;
        TRY(value_seal(ring, event->profile, class, event_aad(event, class), part->body, &part->sealed));
    }
    return NULL;
}

static const struct err *recall_seal(struct commit *commit, struct keyring *ring, struct delivery *delivery)
{
    if (delivery->change != CHANGE_NEW || delivery->kind != DELIVERY_RECALL || str_empty(delivery->subject))
        return NULL;
    profile_no key = commit_profile_next(commit);
    commit->made_recall_keys = true;
    TRY(keys_ahead(commit->engine, commit->arena, commit->batch.profile_next));
    str sealed = STR_NONE;
    TRY(value_seal(ring, key, KEY_HOLD, recall_aad(key, delivery), delivery->subject, &sealed));
    char *out = arena_alloc_raw(ring->arena, sizeof key.value + sealed.length);
    memcpy(out, &key.value, sizeof key.value);
    memcpy(out + sizeof key.value, sealed.data, sealed.length);
    delivery->sealed = str_bytes(out, sizeof key.value + sealed.length);
    return NULL;
}

/* A profile that comes from memory has its year in clear alone, so it is sealed with each change of the row. */
static const struct err *birth_years_seal(struct keyring *ring, struct person *person)
{
    vec_each (row, &person->profiles) {
        if (!to_seal(row->change))
            continue;
        row->sealed = STR_NONE;
        if (row->birth_year)
            TRY(value_seal(ring, row->number, KEY_EVIDENCE, birth_year_aad(row), str_bytes(&row->birth_year, sizeof row->birth_year), &row->sealed));
    }
    return NULL;
}

static const struct err *records_seal(struct keyring *ring, struct person *person)
{
    TRY(birth_years_seal(ring, person));
    vec_each (row, &person->identifiers) {
        if (!to_seal(row->change))
            continue;
        if (value_is_unopened(row->value))
            ASSERT(!str_empty(row->sealed)); /* it stays as it is */
        else if (str_empty(row->value))
            row->sealed = STR_NONE;
        else
            TRY(value_seal(ring, row->profile, KEY_EVIDENCE, identifier_aad(row), row->value, &row->sealed));
    }
    vec_each (row, &person->consents)
        if (row->change == CHANGE_NEW)
            TRY(value_seal(ring, row->profile, KEY_EVIDENCE, consent_aad(row), consent_pack(ring->arena, row), &row->sealed));
    vec_each (row, &person->preferences)
        if (to_seal(row->change))
            TRY(value_seal(ring, row->profile, KEY_EVIDENCE, preferences_aad(row), row->value, &row->sealed));
    return NULL;
}

static const struct err *person_seal(struct commit *commit, struct keyring *ring, struct person *person)
{
    TRY(records_seal(ring, person));
    vec_each (event, &person->events)
        if (to_seal(event->change))
            TRY(event_seal(ring, event));
    vec_each (row, &person->held)
        if (to_seal(row->change))
            TRY(value_seal(ring, row->profile, KEY_HOLD, held_aad(row), row->message, &row->sealed));
    vec_each (delivery, &person->deliveries)
        TRY(recall_seal(commit, ring, delivery));
    return facts_seal(commit, ring, person);
}

void keys_warm(struct commit *commit)
{
    VEC(profile_no) numbers = {0};
    if (!vault_asks(commit->engine->vault))
        return;
    vec_each (person, &commit->batch.persons)
        vec_each (profile, &(*person)->profiles)
            *(profile_no *)vec_push(commit->arena, &numbers) = profile->number;
    vault_warm(commit->engine->vault, numbers.items, numbers.count);
}

const struct err *seal_commit(struct commit *commit)
{
    struct keyring ring;
    keyring_init(&ring, commit->engine, commit->arena);
    const struct err *error = NULL;
    facts_pages_gather(commit);
    keys_warm(commit); /* of those who are new */
    vec_each (person, &commit->batch.persons)
        if (!error && !(*person)->merged_into)
            error = person_seal(commit, &ring, *person);
    keyring_clear(&ring);
    return error ? error : decisions_keep(commit);
}

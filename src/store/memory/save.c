/* Saving into memory. Once it has begun it cannot fail, so it is one transaction by being one call. */
#include "store/memory/memory_private.h"

#include "model/key_class.h"

#include <stdlib.h>

struct saving {
    struct store_memory *store;
    struct save *save;
};

/* The place of the row that `same` knows, or list->count. */
static size_t place_of(const struct row_list *list, bool (*same)(const void *stored, const void *row), const void *row)
{
    size_t place = 0;
    while (place < list->count && !same(list->items[place], row))
        place++;
    return place;
}

static void list_change(struct row_list *list, const struct row_type *type, enum change change, bool (*same)(const void *, const void *), void *row)
{
    size_t place = place_of(list, same, row);
    if (change == CHANGE_GONE) {
        if (place < list->count)
            row_list_remove(list, place);
    } else {
        row_list_set(list, place, row_make(type, row));
    }
}

static bool same_identifier(const void *a, const void *b) { return ((const struct identifier *)a)->number == ((const struct identifier *)b)->number; }
static bool same_consent(const void *a, const void *b) { return uuid_equal(((const struct consent *)a)->id, ((const struct consent *)b)->id); }
static bool same_merge(const void *a, const void *b) { return uuid_equal(((const struct merge *)a)->id, ((const struct merge *)b)->id); }
static bool same_page(const void *a, const void *b) { return ((const struct fact_page *)a)->number == ((const struct fact_page *)b)->number; }
static bool same_held(const void *a, const void *b) { return ((const struct held *)a)->number == ((const struct held *)b)->number; }
static bool same_any(const void *a, const void *b)
{
    (void)a;
    (void)b;
    return true; /* one row a profile */
}
static bool same_refused(const void *a, const void *b)
{
    const struct refused_join *x = a, *y = b;
    return profile_no_equal(x->right, y->right) && str_equal(x->type, y->type) && str_equal(x->reason, y->reason);
}
static bool same_disclosure(const void *a, const void *b)
{
    const struct disclosure *x = a, *y = b;
    return str_equal(x->destination, y->destination) && str_equal(x->purpose, y->purpose);
}
static bool same_right(const void *a, const void *b)
{
    return uuid_equal(((const struct rights_request *)a)->id, ((const struct rights_request *)b)->id);
}
static bool same_token(const void *a, const void *b) { return uuid_equal(((const struct token_row *)a)->id, ((const struct token_row *)b)->id); }
static bool same_user(const void *a, const void *b) { return uuid_equal(((const struct user_row *)a)->id, ((const struct user_row *)b)->id); }
static bool same_session(const void *a, const void *b)
{
    return uuid_equal(((const struct session_row *)a)->id, ((const struct session_row *)b)->id);
}
static bool same_counter(const void *a, const void *b)
{
    const struct counter *x = a, *y = b;
    return x->day_ms == y->day_ms && str_equal(x->source, y->source) && str_equal(x->what, y->what) && str_equal(x->field, y->field) &&
           str_equal(x->reason, y->reason);
}

static struct memory_profile *profile_make(struct store_memory *store, profile_no number)
{
    struct memory_profile *profile = row_list_get(&store->profiles, number.value);
    ASSERT(number.value > 0 && number.value < (UINT64_C(1) << 32));
    if (!profile) {
        profile = calloc(1, sizeof *profile);
        ASSERT(profile);
        row_list_set(&store->profiles, number.value, profile);
    }
    return profile;
}

/* --- persons */

static void profile_save(struct saving *saving, const struct profile *row)
{
    struct memory_profile *profile = profile_make(saving->store, row->number);
    struct profile copy = *row;
    copy.version += row->change == CHANGE_SET; /* optimistic: a reader sees that it changed */
    copy.birth_year = 0; /* only the engine may have it in clear */
    if (row->number.value >= saving->store->profile_next)
        saving->store->profile_next = row->number.value + 1;
    free(profile->row);
    profile->row = row->change == CHANGE_GONE ? NULL : row_make(&type_profile, &copy);
}

static void identifier_save(struct saving *saving, const struct identifier *row)
{
    struct identifier copy = *row;
    copy.purposes = purpose_sets_id(saving->save->sets, row->purposes);
    list_change(&profile_make(saving->store, row->profile)->identifiers, &type_identifier, row->change, same_identifier, &copy);
    if (row->change == CHANGE_NEW)
        memory_hash_set(saving->store, &row->hash, row->profile.value);
}

static void merge_save(struct saving *saving, struct merge *row)
{
    struct memory_profile *right = profile_make(saving->store, row->right);
    list_change(&profile_make(saving->store, row->left)->merges, &type_merge, row->change, same_merge, row);
    number_list_remove(&right->merge_ends, row->left.value);
    bool stands = false;
    struct row_list *merges = &profile_make(saving->store, row->left)->merges;
    for (size_t i = 0; i < merges->count; i++) {
        const struct merge *merge = merges->items[i];
        stands = stands || (profile_no_equal(merge->right, row->right) && merge->undone_ms == TIME_NONE);
    }
    if (stands)
        number_list_add(&right->merge_ends, row->left.value);
}

static void fact_page_save(struct saving *saving, const struct fact_page *row)
{
    struct fact_page copy = *row;
    copy.purposes = purpose_sets_id(saving->save->sets, row->purposes);
    list_change(&profile_make(saving->store, row->profile)->fact_pages, &type_fact_page, row->change, same_page, &copy);
}

static void held_save(struct saving *saving, struct held *row)
{
    if (row->number >= saving->store->held_next)
        saving->store->held_next = row->number + 1;
    list_change(&profile_make(saving->store, row->profile)->held, &type_held, row->change, same_held, row);
}

static void event_save(struct saving *saving, const struct event *row)
{
    struct store_memory *store = saving->store;
    struct memory_profile *profile = profile_make(store, row->profile);
    struct event *old = row_list_get(&store->events, row->number.value);
    if (old)
        store->events.items[row->number.value] = NULL;
    if (row->change == CHANGE_GONE)
        number_list_remove(&profile->events, row->number.value);
    else
        row_list_set(&store->events, row->number.value, event_make(row, old ? old->decided : STR_NONE, saving->save->sets));
    event_free(old);
    if (row->change == CHANGE_GONE)
        return;
    if (row->number.value >= store->event_next)
        store->event_next = row->number.value + 1;
    if (row->change == CHANGE_NEW)
        number_list_add(&profile->events, row->number.value);
}

static void delivery_save(struct saving *saving, const struct delivery *row)
{
    struct store_memory *store = saving->store;
    struct delivery copy = *row;
    struct number_list *list = &profile_make(store, row->profile)->deliveries;
    if (row->change == CHANGE_GONE) {
        number_list_remove(list, row->number);
        if (row_list_get(&store->outbox, row->number))
            row_list_set(&store->outbox, row->number, NULL);
        return;
    }
    if (row->event_new)
        copy.event = row->event_new->number;
    copy.event_new = NULL;
    row_list_set(&store->outbox, row->number, row_make(&type_delivery, &copy));
    if (row->number >= store->outbox_next)
        store->outbox_next = row->number + 1;
    if (row->change == CHANGE_NEW)
        number_list_add(list, row->number);
}

/* A disclosure of the save adds to what is there; one of a person replaces it. */
static void disclosure_save(struct saving *saving, const struct disclosure *row, bool add)
{
    struct row_list *list = &profile_make(saving->store, row->profile)->disclosures;
    struct disclosure copy = *row;
    size_t place = place_of(list, same_disclosure, row);
    if (add && place < list->count) {
        const struct disclosure *old = list->items[place];
        copy.first_ms = old->first_ms;
        copy.count += old->count;
    }
    list_change(list, &type_disclosure, add ? CHANGE_SET : row->change, same_disclosure, &copy);
}

#define EACH_CHANGED(field, call)                                                                                      \
    vec_each (row, &person->field)                                                                                     \
        if (row->change)                                                                                               \
            call

static void person_save(struct saving *saving, struct person *person)
{
    struct store_memory *store = saving->store;
    EACH_CHANGED(profiles, profile_save(saving, row));
    EACH_CHANGED(identifiers, identifier_save(saving, row));
    EACH_CHANGED(consents, list_change(&profile_make(store, row->profile)->consents, &type_consent, row->change, same_consent, row));
    EACH_CHANGED(merges, merge_save(saving, row));
    EACH_CHANGED(preferences, list_change(&profile_make(store, row->profile)->preferences, &type_preferences, row->change, same_any, row));
    EACH_CHANGED(refused, list_change(&profile_make(store, row->left)->refused, &type_refused, row->change, same_refused, row));
    EACH_CHANGED(fact_pages, fact_page_save(saving, row));
    EACH_CHANGED(disclosures, disclosure_save(saving, row, false));
    EACH_CHANGED(held, held_save(saving, row));
    EACH_CHANGED(events, event_save(saving, row));
    EACH_CHANGED(deliveries, delivery_save(saving, row));
}

static int number_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Lists by profile go in order of number, whatever the order of persons and rows in the batch. */
static void lists_sort(struct store_memory *store, const struct person *person)
{
    vec_each (row, &person->profiles) {
        struct memory_profile *profile = memory_profile(store, row->number);
        if (profile && profile->events.count)
            qsort(profile->events.items, profile->events.count, sizeof *profile->events.items, number_order);
        if (profile && profile->deliveries.count)
            qsort(profile->deliveries.items, profile->deliveries.count, sizeof *profile->deliveries.items, number_order);
    }
}

static void evidence_forget(struct store_memory *store, profile_no number)
{
    struct memory_profile *profile = row_list_get(&store->profiles, number.value);
    for (size_t i = 0; profile && i < profile->leaves.count; i++) {
        struct ledger_row *leaf = store->ledger.items[profile->leaves.items[i]];
        leaf->record_sealed = STR_NONE;
    }
    for (size_t i = 0; i < store->rights.count; i++) {
        struct rights_request *row = store->rights.items[i];
        if (profile_no_equal(row->profile, number))
            row->sealed = STR_NONE;
    }
}

static void batch_save(struct saving *saving, struct batch *batch)
{
    struct store_memory *store = saving->store;
    vec_each (person, &batch->persons)
        vec_each (row, &(*person)->identifiers)
            if (row->change == CHANGE_GONE && memory_hash_get(store, &row->hash) == row->profile.value)
                memory_hash_set(store, &row->hash, 0);
    vec_each (person, &batch->persons)
        person_save(saving, *person);
    vec_each (person, &batch->persons)
        lists_sort(store, *person);
    vec_each (row, &batch->counters) {
        struct counter copy = *row;
        size_t place = place_of(&store->counters, same_counter, row);
        if (place < store->counters.count)
            copy.count += ((const struct counter *)store->counters.items[place])->count;
        row_list_set(&store->counters, place, row_make(&type_counter, &copy));
    }
}

/* --- the rest */

static void result_save(struct store_memory *store, const struct delivery_result *result)
{
    const struct delivery *old = row_list_get(&store->outbox, result->number);
    if (!old)
        return;
    struct delivery copy = *old;
    copy.state = result->state;
    copy.attempts = result->attempts;
    copy.next_ms = result->next_ms;
    copy.done_ms = result->done_ms;
    copy.reason = result->reason;
    row_list_set(&store->outbox, result->number, row_make(&type_delivery, &copy));
}

static void outbox_remove(struct store_memory *store, uint64_t number)
{
    const struct delivery *row = row_list_get(&store->outbox, number);
    if (!row || row->state == DELIVERY_PENDING)
        return;
    number_list_remove(&profile_make(store, row->profile)->deliveries, number);
    row_list_set(&store->outbox, number, NULL);
}

static void setting_save(struct store_memory *store, str key, str value)
{
    struct memory_setting **place = &store->settings;
    while (*place && !str_equal((*place)->key, key))
        place = &(*place)->next;
    if (!*place) {
        if (!value.data)
            return;
        *place = arena_new(&store->arena, struct memory_setting);
        (*place)->key = str_copy(&store->arena, key);
    } else {
        free((void *)(*place)->value.data);
        (*place)->value = STR_NONE;
    }
    if (value.data) {
        char *bytes = malloc(value.length + 1);
        ASSERT(bytes);
        if (value.length)
            memcpy(bytes, value.data, value.length);
        (*place)->value = (str){bytes, value.length};
    }
}

static void decisions_save(struct store_memory *store, const struct save *save)
{
    vec_each (number, &save->decisions_gone) {
        struct memory_profile *profile = profile_make(store, *number);
        row_list_release(&profile->decisions);
    }
    vec_each (row, &save->decisions)
        row_list_add(&profile_make(store, row->profile)->decisions, row_make(&type_decisions, row));
}

static void log_save(struct store_memory *store, struct save *save)
{
    decisions_save(store, save);
    vec_each (row, &save->ledger) {
        ASSERT(row->index == store->ledger.count);
        row_list_add(&store->ledger, row_make(&type_ledger, row));
        if (row->profile.value)
            number_list_add(&profile_make(store, row->profile)->leaves, row->index);
    }
    vec_each (row, &save->reads) {
        struct read_row copy = *row;
        copy.number = store->reads.count + 1;
        row_list_add(&store->reads, row_make(&type_read, &copy));
    }
    if (save->row) {
        row_list_set(&store->batches, save->row->number, row_make(&type_batch, save->row));
        if (save->row->number >= store->batch_next)
            store->batch_next = save->row->number + 1;
    }
}

static void users_save(struct store_memory *store, struct save *save)
{
    vec_each (row, &save->users)
        row_list_set(&store->users, place_of(&store->users, same_user, row), row_make(&type_user, row));
    vec_each (row, &save->sessions)
        row_list_set(&store->sessions, place_of(&store->sessions, same_session, row), row_make(&type_session, row));
    vec_each (id, &save->sessions_gone) {
        struct session_row gone = {.id = *id};
        size_t place = place_of(&store->sessions, same_session, &gone);
        if (place < store->sessions.count)
            row_list_remove(&store->sessions, place);
    }
}

/* Somebody is not as they were loaded. */
static bool batch_stale(const struct store_memory *store, const struct batch *batch)
{
    vec_each (person, &batch->persons)
        vec_each (row, &(*person)->profiles) {
            const struct memory_profile *there = row->change == CHANGE_SET ? row_list_get(&store->profiles, row->number.value) : NULL;
            if (row->change == CHANGE_SET && (!there || !there->row || there->row->version != row->version))
                return true;
        }
    return false;
}

const struct err *memory_save(struct store_session *session, struct arena *arena, struct save *save)
{
    struct saving saving = {memory_of(session), save};
    struct store_memory *store = saving.store;
    ASSERT(((struct memory_session *)session)->writes);
    save->stale = save->batch && batch_stale(store, save->batch);
    if (save->stale)
        return err_new(arena, ERR_UNAVAILABLE, "a profile was changed since it was loaded; nothing was saved");
    if (save->sets)
        memory_sets_sync(store, save->sets);
    if (save->batch)
        batch_save(&saving, save->batch);
    vec_each (result, &save->results)
        result_save(store, result);
    vec_each (number, &save->outbox_gone)
        outbox_remove(store, *number);
    log_save(store, save);
    vec_each (row, &save->rights)
        row_list_set(&store->rights, place_of(&store->rights, same_right, row), row_make(&type_rights, row));
    if (save->batch)
        vec_each (end, &save->batch->key_ends)
            if (!end->renew && (end->class_mask & KEY_CLASS_BIT(KEY_EVIDENCE)))
                evidence_forget(store, end->profile);
    vec_each (disclosure, &save->disclosures)
        disclosure_save(&saving, disclosure, true);
    vec_each (row, &save->tokens)
        row_list_set(&store->tokens, place_of(&store->tokens, same_token, row), row_make(&type_token, row));
    users_save(store, save);
    if (save->policy)
        row_list_add(&store->policies, row_make(&type_policy, save->policy));
    for (size_t i = 0; i < save->setting_count; i++)
        setting_save(store, save->settings[i].key, save->settings[i].value);
    if (save->numbers) {
#define RAISE(name) store->name = store->name < save->numbers->name ? save->numbers->name : store->name
        RAISE(profile_next);
        RAISE(event_next);
        RAISE(outbox_next);
        RAISE(held_next);
#undef RAISE
    }
    if (save->sets) {
        uint32_t position = (uint32_t)store->sets.count, id;
        str names;
        while (purpose_sets_next(save->sets, &position, &id, &names))
            *(str *)vec_push(&store->arena, &store->sets) = str_copy(&store->arena, names);
        purpose_sets_saved(save->sets);
    }
    return NULL;
}

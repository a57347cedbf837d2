/* Finding again what lies in memory. */
#include "store/memory/memory_private.h"

#include <openssl/sha.h>
#include <stdlib.h>

static const struct err *memory_totals(struct store_session *session, struct arena *arena, bool quick, struct store_totals *ret)
{
    struct store_memory *store = memory_of(session);
    struct store_totals totals = {.profile_next = store->profile_next, .event_next = store->event_next, .outbox_next = store->outbox_next,
                                  .held_next = store->held_next, .batch_next = store->batch_next, .batches = store->batch_next - 1,
                                  .ledger = store->ledger.count, .reads = store->reads.count};
    (void)arena;
    (void)quick; /* the simulator's stores are small */
    for (size_t i = 0; i < store->profiles.count; i++) {
        const struct memory_profile *profile = store->profiles.items[i];
        if (!profile)
            continue;
        if (profile->row && profile->row->erased_ms == TIME_NONE) {
            totals.profiles++;
            totals.persons += profile_no_equal(profile->row->root, profile->row->number);
        }
        totals.identifiers += profile->identifiers.count;
        totals.consents += profile->consents.count;
        totals.held += profile->held.count;
        totals.events += profile->events.count;
        for (size_t k = 0; k < profile->fact_pages.count; k++)
            totals.facts += ((const struct fact_page *)profile->fact_pages.items[k])->fact_count;
    }
    for (size_t i = 0; i < store->outbox.count; i++) {
        const struct delivery *row = store->outbox.items[i];
        totals.pending += row && row->state == DELIVERY_PENDING;
    }
    *ret = totals;
    return NULL;
}

/* --- events and reads, newest first */

static bool has_profile(const profile_no *profiles, size_t count, profile_no wanted)
{
    for (size_t i = 0; i < count; i++)
        if (profile_no_equal(profiles[i], wanted))
            return true;
    return false;
}

static int number_down(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static const struct err *memory_events(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no *profiles,
                                       size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t *ret_count)
{
    struct store_memory *store = memory_of(session);
    VEC(uint64_t) numbers = {0};
    memory_sets_sync(store, sets);
    for (size_t i = 0; i < profile_count; i++) {
        const struct memory_profile *profile = row_list_get(&store->profiles, profiles[i].value);
        for (size_t k = profile ? profile->events.count : 0, taken = 0; k-- > 0 && taken < max;)
            if (!before || profile->events.items[k] < before) {
                *(uint64_t *)vec_push(arena, &numbers) = profile->events.items[k];
                taken++;
            }
    }
    if (numbers.count)
        qsort(numbers.items, numbers.count, sizeof *numbers.items, number_down);
    size_t count = numbers.count < max ? numbers.count : max;
    struct event *events = arena_array(arena, struct event, count);
    for (size_t i = 0; i < count; i++)
        event_load(arena, sets, store->events.items[numbers.items[i]], &events[i]);
    *ret_events = events;
    *ret_count = count;
    return NULL;
}

static const struct err *memory_event(struct store_session *session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                                      struct event *ret_event, bool *ret_found)
{
    struct store_memory *store = memory_of(session);
    const struct event *row = row_list_get(&store->events, number);
    memory_sets_sync(store, sets);
    if (row)
        event_load(arena, sets, row, ret_event);
    *ret_found = row != NULL;
    return NULL;
}

static const struct err *memory_reads(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count, uint64_t before,
                                      size_t max, struct read_row **ret_rows, size_t *ret_count)
{
    struct store_memory *store = memory_of(session);
    VEC(struct read_row) rows = {0};
    for (size_t i = before && before - 1 < store->reads.count ? before - 1 : store->reads.count; i-- > 0 && rows.count < max;) {
        const struct read_row *row = store->reads.items[i];
        if (!count || has_profile(profiles, count, row->profile))
            row_load(&type_read, arena, row, vec_push(arena, &rows));
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

/* --- in order */

static const struct err *walk(const struct row_list *list, uint64_t from, uint64_t to, store_each each, void *context)
{
    for (uint64_t i = from; i < list->count && i <= to; i++)
        if (list->items[i] && !each(context, list->items[i]))
            break;
    return NULL;
}

static const struct err *memory_batches(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    (void)arena;
    return walk(&memory_of(session)->batches, from, to, each, context);
}

static const struct err *memory_ledger(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    (void)arena;
    return walk(&memory_of(session)->ledger, from, to, each, context);
}

static const struct err *memory_decisions(struct store_session *session, struct arena *arena, profile_no number, store_each each, void *context)
{
    const struct memory_profile *profile = row_list_get(&memory_of(session)->profiles, number.value);
    (void)arena;
    for (size_t i = profile ? profile->decisions.count : 0; i-- > 0;)
        if (!each(context, profile->decisions.items[i]))
            break;
    return NULL;
}

/* Hash `position` of a level: the leaf's own, or the root of the full tile below. */
static void tile_hash(const struct store_memory *store, unsigned level, uint64_t position, uint8_t ret[32])
{
    if (level == 0) {
        memcpy(ret, ((const struct ledger_row *)store->ledger.items[position])->leaf_hash, 32);
        return;
    }
    uint8_t(*hashes)[32] = malloc(256 * sizeof *hashes);
    ASSERT(hashes);
    for (size_t i = 0; i < 256; i++)
        tile_hash(store, level - 1, position * 256 + i, hashes[i]);
    for (size_t count = 256; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++) {
            uint8_t node[65];
            node[0] = 1;
            memcpy(node + 1, hashes[2 * i], 64);
            ASSERT(SHA256(node, sizeof node, hashes[i]));
        }
    memcpy(ret, hashes[0], 32);
    free(hashes);
}

static const struct err *memory_tile(struct store_session *session, struct arena *arena, unsigned level, uint64_t index, unsigned width,
                                     uint8_t *ret_hashes)
{
    struct store_memory *store = memory_of(session);
    uint64_t size = store->ledger.count;
    if (level > 6 || index >> 40 || width == 0 || width > 256)
        return err_new(arena, ERR_NOT_FOUND, "The ledger has no such tile.");
    for (unsigned i = 0; i < level; i++)
        size /= 256;
    if (index * 256 + width > size)
        return err_new(arena, ERR_NOT_FOUND, "The ledger has no such tile yet.");
    for (unsigned i = 0; i < width; i++)
        tile_hash(store, level, index * 256 + i, ret_hashes + 32 * i);
    return NULL;
}

/* --- the outbox */

static bool earlier_waits(const struct store_memory *store, const struct delivery *row)
{
    for (size_t i = 0; i < row->number && i < store->outbox.count; i++) {
        const struct delivery *other = store->outbox.items[i];
        if (other && other->state == DELIVERY_PENDING && profile_no_equal(other->profile, row->profile) &&
            str_equal(other->destination, row->destination))
            return true;
    }
    return false;
}

static const struct err *memory_deliveries(struct store_session *session, struct arena *arena, const struct delivery_query *query,
                                           struct delivery **ret_rows, size_t *ret_count)
{
    struct store_memory *store = memory_of(session);
    VEC(struct delivery) rows = {0};
    size_t count = store->outbox.count;
    for (size_t step = 0; step < count && rows.count < query->max; step++) {
        size_t number = query->newest_first ? count - 1 - step : step;
        const struct delivery *row = store->outbox.items[number];
        bool in_range = query->newest_first ? query->after == 0 || number < query->after : number > query->after;
        if (row && in_range && (str_empty(query->destination) || str_equal(query->destination, row->destination)) &&
            (query->state < 0 || query->state == (int)row->state) && row->next_ms <= query->due_ms &&
            !(query->firsts_only && earlier_waits(store, row)))
            row_load(&type_delivery, arena, row, vec_push(arena, &rows));
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

static const struct err *memory_delivery(struct store_session *session, struct arena *arena, struct uuid id, struct delivery *ret_row, bool *ret_found)
{
    struct store_memory *store = memory_of(session);
    *ret_found = false;
    for (size_t i = 0; i < store->outbox.count && !*ret_found; i++) {
        const struct delivery *row = store->outbox.items[i];
        if (!row || !uuid_equal(row->id, id))
            continue;
        row_load(&type_delivery, arena, row, ret_row);
        *ret_found = true;
    }
    return NULL;
}

static int destination_order(const void *a, const void *b)
{
    return str_compare(((const struct destination_count *)a)->destination, ((const struct destination_count *)b)->destination);
}

static const struct err *memory_destination_counts(struct store_session *session, struct arena *arena, struct destination_count **ret_rows,
                                                   size_t *ret_count)
{
    struct store_memory *store = memory_of(session);
    VEC(struct destination_count) rows = {0};
    for (size_t i = 0; i < store->outbox.count; i++) {
        const struct delivery *row = store->outbox.items[i];
        if (!row)
            continue;
        struct destination_count *count = NULL;
        vec_each (known, &rows)
            if (str_equal(known->destination, row->destination))
                count = known;
        if (!count) {
            count = vec_push(arena, &rows);
            *count = (struct destination_count){.destination = str_copy(arena, row->destination), .oldest_pending_ms = TIME_NONE};
        }
        switch (row->state) {
        case DELIVERY_PENDING:
            count->oldest_pending_ms = count->pending++ ? count->oldest_pending_ms : row->queued_ms;
            break;
        case DELIVERY_DELIVERED: count->delivered++; break;
        case DELIVERY_DEAD: count->dead++; break;
        case DELIVERY_CANCELLED: count->cancelled++; break;
        }
    }
    if (rows.count)
        qsort(rows.items, rows.count, sizeof *rows.items, destination_order);
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

/* --- profiles */

struct due {
    int64_t due_ms;
    profile_no number;
};
static int due_order(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    if (x->due_ms != y->due_ms)
        return x->due_ms < y->due_ms ? -1 : 1;
    return x->number.value < y->number.value ? -1 : x->number.value > y->number.value;
}

static const struct err *memory_due(struct store_session *session, struct arena *arena, int64_t now_ms, size_t max, profile_no **ret_profiles,
                                    size_t *ret_count)
{
    struct store_memory *store = memory_of(session);
    VEC(struct due) found = {0};
    for (size_t i = 0; i < store->profiles.count; i++) {
        const struct memory_profile *profile = store->profiles.items[i];
        if (profile && profile->row && profile->row->due_ms <= now_ms)
            *(struct due *)vec_push(arena, &found) = (struct due){profile->row->due_ms, profile->row->number};
    }
    if (found.count)
        qsort(found.items, found.count, sizeof *found.items, due_order);
    size_t count = found.count < max ? found.count : max;
    profile_no *profiles = arena_array(arena, profile_no, count);
    for (size_t i = 0; i < count; i++)
        profiles[i] = found.items[i].number;
    *ret_profiles = profiles;
    *ret_count = count;
    return NULL;
}

static const struct err *memory_profiles(struct store_session *session, struct arena *arena, uint64_t from, size_t max, struct profile **ret_rows,
                                         size_t *ret_count)
{
    struct store_memory *store = memory_of(session);
    VEC(struct profile) rows = {0};
    for (uint64_t i = from; i < store->profiles.count && rows.count < max; i++) {
        const struct memory_profile *profile = memory_profile(store, (profile_no){i});
        if (profile)
            row_load(&type_profile, arena, profile->row, vec_push(arena, &rows));
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

static const struct err *memory_profile_by_id(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number)
{
    struct store_memory *store = memory_of(session);
    (void)arena;
    *ret_number = PROFILE_NONE;
    for (size_t i = 0; i < store->profiles.count; i++) {
        const struct memory_profile *profile = memory_profile(store, (profile_no){i});
        if (profile && uuid_equal(profile->row->id, id))
            *ret_number = profile->row->number;
    }
    return NULL;
}

static const struct err *memory_consent(struct store_session *session, struct arena *arena, struct uuid id, struct consent *ret_row, bool *ret_found)
{
    struct store_memory *store = memory_of(session);
    *ret_found = false;
    for (size_t i = 0; i < store->profiles.count && !*ret_found; i++) {
        const struct memory_profile *profile = store->profiles.items[i];
        for (size_t k = 0; profile && k < profile->consents.count && !*ret_found; k++) {
            const struct consent *row = profile->consents.items[k];
            if (!uuid_equal(row->id, id))
                continue;
            row_load(&type_consent, arena, row, ret_row);
            *ret_found = true;
        }
    }
    return NULL;
}

/* --- small tables */

#define COPY_OUT(list, type, struct_name)                                                                              \
    struct struct_name *rows_ = arena_array(arena, struct struct_name, (list).count);                                  \
    for (size_t i_ = 0; i_ < (list).count; i_++)                                                                       \
        row_load(&(type), arena, (list).items[i_], &rows_[i_]);                                                        \
    *ret_rows = rows_;                                                                                                 \
    *ret_count = (list).count

static const struct err *memory_tokens(struct store_session *session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count)
{
    COPY_OUT(memory_of(session)->tokens, type_token, token_row);
    return NULL;
}

static const struct err *memory_users(struct store_session *session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count)
{
    COPY_OUT(memory_of(session)->users, type_user, user_row);
    return NULL;
}

static const struct err *memory_sessions(struct store_session *session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count)
{
    COPY_OUT(memory_of(session)->sessions, type_session, session_row);
    return NULL;
}

static const struct err *memory_policies(struct store_session *session, struct arena *arena, bool texts, struct policy_row **ret_rows, size_t *ret_count)
{
    COPY_OUT(memory_of(session)->policies, type_policy, policy_row);
    for (size_t i = 0; !texts && i < *ret_count; i++)
        (*ret_rows)[i].text = (*ret_rows)[i].notices = STR_NONE;
    return NULL;
}

static const struct err *memory_policy(struct store_session *session, struct arena *arena, uint32_t version, struct policy_row *ret_row, bool *ret_found)
{
    const struct row_list *list = &memory_of(session)->policies;
    *ret_found = false;
    for (size_t i = list->count; i-- > 0 && !*ret_found;)
        if (version == 0 || ((const struct policy_row *)list->items[i])->version == version) {
            row_load(&type_policy, arena, list->items[i], ret_row);
            *ret_found = true;
        }
    return NULL;
}

static int counter_order(const void *a, const void *b)
{
    const struct counter *x = a, *y = b;
    if (x->day_ms != y->day_ms)
        return x->day_ms < y->day_ms ? -1 : 1;
    int order = str_compare(x->source, y->source);
    order = order ? order : str_compare(x->what, y->what);
    order = order ? order : str_compare(x->field, y->field);
    return order ? order : str_compare(x->reason, y->reason);
}

static const struct err *memory_counters(struct store_session *session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter **ret_rows,
                                         size_t *ret_count)
{
    const struct row_list *list = &memory_of(session)->counters;
    VEC(struct counter) rows = {0};
    for (size_t i = 0; i < list->count; i++) {
        const struct counter *row = list->items[i];
        if (row->day_ms >= from_ms && row->day_ms <= to_ms)
            row_load(&type_counter, arena, row, vec_push(arena, &rows));
    }
    if (rows.count)
        qsort(rows.items, rows.count, sizeof *rows.items, counter_order);
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

static const struct err *memory_right(struct store_session *session, struct arena *arena, struct uuid id, struct rights_request *ret_row, bool *ret_found)
{
    const struct row_list *list = &memory_of(session)->rights;
    *ret_found = false;
    for (size_t i = 0; i < list->count && !*ret_found; i++)
        if (uuid_equal(((const struct rights_request *)list->items[i])->id, id)) {
            row_load(&type_rights, arena, list->items[i], ret_row);
            *ret_found = true;
        }
    return NULL;
}

static bool right_asked(const struct rights_query *query, const struct rights_request *row)
{
    if (query->watch_ms != TIME_NONE)
        return row->watch_ms <= query->watch_ms;
    if (!uuid_is_zero(query->before) && memcmp(row->id.bytes, query->before.bytes, 16) >= 0)
        return false;
    if (query->profile_count)
        return has_profile(query->profiles, query->profile_count, row->profile);
    if (query->only_open)
        return row->done_ms == TIME_NONE && row->due_ms <= query->due_ms;
    return query->state < 0 || query->state == (int)row->state;
}

static int right_newest_first(const void *a, const void *b)
{
    return memcmp(((const struct rights_request *)b)->id.bytes, ((const struct rights_request *)a)->id.bytes, 16);
}
static int right_watch_order(const void *a, const void *b)
{
    int64_t x = ((const struct rights_request *)a)->watch_ms, y = ((const struct rights_request *)b)->watch_ms;
    return x < y ? -1 : x > y;
}

static const struct err *memory_rights(struct store_session *session, struct arena *arena, const struct rights_query *query,
                                       struct rights_request **ret_rows, size_t *ret_count)
{
    const struct row_list *list = &memory_of(session)->rights;
    VEC(struct rights_request) rows = {0};
    for (size_t i = 0; i < list->count; i++)
        if (right_asked(query, list->items[i]))
            row_load(&type_rights, arena, list->items[i], vec_push(arena, &rows));
    if (rows.count > 1)
        qsort(rows.items, rows.count, sizeof *rows.items, query->watch_ms != TIME_NONE ? right_watch_order : right_newest_first);
    *ret_rows = rows.items;
    *ret_count = rows.count < query->max ? rows.count : query->max;
    return NULL;
}

static const struct err *memory_setting(struct store_session *session, struct arena *arena, str key, str *ret_value)
{
    *ret_value = STR_NONE;
    for (const struct memory_setting *setting = memory_of(session)->settings; setting; setting = setting->next)
        if (setting->value.data && str_equal(setting->key, key))
            *ret_value = setting->value.length ? str_copy(arena, setting->value) : STR("");
    return NULL;
}

static const struct err *memory_settings(struct store_session *session, struct arena *arena, store_each each, void *context)
{
    (void)arena;
    for (const struct memory_setting *setting = memory_of(session)->settings; setting; setting = setting->next) {
        struct setting_row row = {setting->key, setting->value};
        if (setting->value.data && !each(context, &row))
            break;
    }
    return NULL;
}

static const struct err *memory_purposes_in_use(struct store_session *session, struct arena *arena, struct purpose_sets *sets, purpose_mask *ret_mask)
{
    struct store_memory *store = memory_of(session);
    purpose_mask mask = 0;
    (void)arena;
    memory_sets_sync(store, sets);
    for (size_t i = 0; i < store->events.count; i++) {
        const struct event *event = store->events.items[i];
        for (size_t k = 0; event && k < event->part_count; k++)
            mask |= purpose_sets_mask(sets, (uint32_t)event->parts[k].purposes);
    }
    for (size_t i = 0; i < store->profiles.count; i++) {
        const struct memory_profile *profile = store->profiles.items[i];
        if (!profile)
            continue;
        for (size_t k = 0; k < profile->identifiers.count; k++)
            mask |= purpose_sets_mask(sets, (uint32_t)((const struct identifier *)profile->identifiers.items[k])->purposes);
        for (size_t k = 0; k < profile->fact_pages.count; k++)
            mask |= purpose_sets_mask(sets, (uint32_t)((const struct fact_page *)profile->fact_pages.items[k])->purposes);
        for (size_t k = 0; k < profile->consents.count; k++)
            mask |= purpose_sets_name_mask(sets, ((const struct consent *)profile->consents.items[k])->purpose);
    }
    *ret_mask = mask;
    return NULL;
}

const struct store_ops memory_reads_ops = {
    .totals = memory_totals, .events = memory_events, .event = memory_event, .batches = memory_batches, .ledger = memory_ledger, .tile = memory_tile,
    .deliveries = memory_deliveries, .delivery = memory_delivery, .destination_counts = memory_destination_counts, .due = memory_due,
    .profiles = memory_profiles, .profile_by_id = memory_profile_by_id, .reads = memory_reads, .decisions = memory_decisions, .tokens = memory_tokens, .users = memory_users, .sessions = memory_sessions,
    .policies = memory_policies, .policy = memory_policy, .counters = memory_counters, .consent = memory_consent, .right = memory_right, .rights = memory_rights, .setting = memory_setting, .settings = memory_settings,
    .purposes_in_use = memory_purposes_in_use,
};

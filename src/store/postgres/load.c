/* Filling a working set: set-based selects, pipelined, in one snapshot (in a turn: in the turn's transaction, in which nobody else saves).
 *
 * 1. The profiles of one person share their root, so the first round finds everybody. A person is nevertheless what roots and standing merges
 *    connect, as in every store: where those lead further, another round follows in the same snapshot.
 * 2. Rows lie by profile first (`member`), then by person, in order of the profiles.
 */
#include "store/postgres/load.h"
#include "store/postgres/statements.h"

#include "store/order.h"

#include <stdlib.h>

struct member *member_get(struct loading *loading, profile_no number)
{
    if (!loading->last || !profile_no_equal(loading->last->number, number)) {
        struct member *member = map_get(&loading->members, str_bytes(&number, sizeof number));
        if (!member)
            return NULL;
        loading->last = member;
    }
    return loading->last;
}

static struct member *member_make(struct loading *loading, profile_no number)
{
    struct member *member = member_get(loading, number);
    if (member)
        return member;
    member = arena_new(loading->arena, struct member);
    member->number = number;
    member->round = loading->round;
    map_set(&loading->members, str_bytes(&member->number, sizeof member->number), member);
    return loading->last = member;
}

/* Whose rows of this round these are; NULL: they came before, or belong to nobody. */
static struct person *rows_of(struct loading *loading, uint64_t profile)
{
    struct member *member = member_get(loading, (profile_no){profile});
    return member && member->round == loading->round ? &member->rows : NULL;
}

void link_add(struct loading *loading, struct member *member, profile_no other)
{
    if (!profile_no_equal(member->number, other))
        *(profile_no *)vec_push(loading->arena, &member->links) = other;
}

/* --- rows into structs */

static void profiles_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct member *member = member_make(loading, (profile_no){got_number(result, i, 0)});
        if (member->rows.profiles.count)
            continue;
        member->round = loading->round;
        struct profile *row = vec_push(loading->arena, &member->rows.profiles);
        profile_got(result, i, loading->arena, row);
        link_add(loading, member, row->root);
    }
}

static void identifiers_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 0));
        if (!rows)
            continue;
        struct identifier *row = vec_push(loading->arena, &rows->identifiers);
        row->profile.value = got_number(result, i, 0);
        row->number = (uint32_t)got_int(result, i, 1);
        row->type = got_str(result, i, 2, loading->arena);
        got_copy(result, i, 3, row->hash.bytes, sizeof row->hash.bytes);
        row->sealed = got_str(result, i, 4, loading->arena);
        row->purposes = purpose_sets_mask(loading->load->sets, (uint32_t)got_int(result, i, 5));
        row->verified = got_bool(result, i, 6);
        row->first_seen_ms = got_int(result, i, 7);
        row->last_seen_ms = got_int(result, i, 8);
        got_copy(result, i, 9, row->message.bytes, 16);
    }
}

static void consents_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 0));
        if (rows)
            consent_got(result, i, loading->arena, vec_push(loading->arena, &rows->consents));
    }
}

static void merges_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        profile_no left = {got_number(result, i, 0)}, right = {got_number(result, i, 2)};
        bool stands = got_null(result, i, 8);
        struct member *right_member = member_get(loading, right);
        if (right_member && stands)
            link_add(loading, right_member, left);
        struct member *left_member = member_get(loading, left);
        if (!left_member)
            continue;
        if (stands)
            link_add(loading, left_member, right);
        if (left_member->round != loading->round)
            continue;
        struct merge *row = vec_push(loading->arena, &left_member->rows.merges);
        *row = (struct merge){.left = left, .right = right, .reason = got_str(result, i, 3, loading->arena),
                              .source = got_str(result, i, 6, loading->arena), .at_ms = got_int(result, i, 7),
                              .undone_ms = got_time(result, i, 8, TIME_NONE)};
        got_copy(result, i, 1, row->id.bytes, 16);
        got_copy(result, i, 4, row->through_left.bytes, 16);
        got_copy(result, i, 5, row->through_right.bytes, 16);
    }
}

static void preferences_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 0));
        if (rows)
            *(struct preferences *)vec_push(loading->arena, &rows->preferences) = (struct preferences){
                .profile.value = got_number(result, i, 0), .at_ms = got_int(result, i, 1), .sealed = got_str(result, i, 2, loading->arena)};
    }
}

static void refused_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 0));
        if (rows)
            *(struct refused_join *)vec_push(loading->arena, &rows->refused) = (struct refused_join){
                .left.value = got_number(result, i, 0), .right.value = got_number(result, i, 1), .type = got_str(result, i, 2, loading->arena),
                .reason = got_str(result, i, 3, loading->arena), .count = got_number(result, i, 4), .first_ms = got_int(result, i, 5),
                .last_ms = got_int(result, i, 6)};
    }
}

static void fact_pages_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 0));
        if (rows)
            *(struct fact_page *)vec_push(loading->arena, &rows->fact_pages) = (struct fact_page){
                .profile.value = got_number(result, i, 0), .number = (uint32_t)got_int(result, i, 1), .identifier = (uint32_t)got_int(result, i, 2),
                .purposes = purpose_sets_mask(loading->load->sets, (uint32_t)got_int(result, i, 3)), .key_class = (uint8_t)got_int(result, i, 4),
                .fact_count = (uint32_t)got_int(result, i, 5), .observed_first_ms = got_int(result, i, 6),
                .observed_last_ms = got_int(result, i, 7), .sealed = got_str(result, i, 8, loading->arena)};
    }
}

static void disclosures_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 0));
        if (rows)
            *(struct disclosure *)vec_push(loading->arena, &rows->disclosures) = (struct disclosure){
                .profile.value = got_number(result, i, 0), .destination = got_str(result, i, 1, loading->arena),
                .purpose = got_str(result, i, 2, loading->arena), .first_ms = got_int(result, i, 3), .last_ms = got_int(result, i, 4),
                .count = got_number(result, i, 5)};
    }
}

static void held_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 1));
        if (rows)
            *(struct held *)vec_push(loading->arena, &rows->held) = (struct held){
                .number = got_number(result, i, 0), .profile.value = got_number(result, i, 1), .identifier = (uint32_t)got_int(result, i, 2),
                .source = got_str(result, i, 3, loading->arena), .received_ms = got_int(result, i, 4),
                .expires_ms = got_time(result, i, 5, TIME_FOREVER), .sealed = got_str(result, i, 6, loading->arena)};
    }
}

static void outbox_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 2));
        if (rows)
            delivery_got(result, i, loading->arena, vec_push(loading->arena, &rows->deliveries));
    }
}

static void events_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct person *rows = rows_of(loading, got_number(result, i, 1));
        if (rows)
            event_got(result, i, loading->arena, loading->load->sets, vec_push(loading->arena, &rows->events));
    }
}

/* --- a round */

const struct part parts[] = { /* profiles first: they make the members */
    {0, SQL_LOAD_PROFILES, profiles_take},           {0, SQL_LOAD_IDENTIFIERS, identifiers_take},
    {0, SQL_LOAD_CONSENTS, consents_take},           {0, SQL_LOAD_MERGES, merges_take},
    {0, SQL_LOAD_PREFERENCES, preferences_take},     {0, SQL_LOAD_REFUSED, refused_take},
    {PERSON_FACTS, SQL_LOAD_FACT_PAGES, fact_pages_take}, {PERSON_OUTBOX, SQL_LOAD_DISCLOSURES, disclosures_take},
    {PERSON_HELD, SQL_LOAD_HELD, held_take},         {PERSON_OUTBOX, SQL_LOAD_OUTBOX, outbox_take},
    {PERSON_EVENTS, SQL_LOAD_EVENTS, events_take},
};
_Static_assert(sizeof parts / sizeof *parts == PARTS, "each part of a load");

static struct params keys_make(struct loading *loading, const struct rows *hashes, const struct rows *profiles, bool events)
{
    struct params params = params_make(loading->arena);
    param_rows(&params, hashes);
    param_rows(&params, profiles);
    if (events) {
        param_int(&params, loading->load->events_from_ms);
        param_number(&params, loading->load->events_max ? loading->load->events_max : INT64_MAX);
    }
    return params;
}

void hashes_take(struct loading *loading, const PGresult *result)
{
    struct map found;
    map_init(&found, loading->arena);
    for (int i = 0; i < PQntuples(result); i++) {
        profile_no *number = arena_new(loading->arena, profile_no);
        number->value = got_number(result, i, 1);
        map_set(&found, got_borrow(result, i, 0), number);
    }
    for (size_t i = 0; i < loading->load->hash_count; i++) {
        const profile_no *number = map_get(&found, str_bytes(loading->load->hashes[i].bytes, 16));
        *(profile_no *)vec_push(loading->arena, &loading->by_hash) = number ? *number : PROFILE_NONE;
    }
}

static const struct err *round_run(struct loading *loading)
{
    if (loading->session->store->citus)
        return citus_round_run(loading);
    struct postgres_session *session = loading->session;
    const struct load *load = loading->load;
    struct rows hashes = rows_make(loading->arena, "b"), profiles = rows_make(loading->arena, "n");
    unsigned places[PARTS], sets, hash_place = 0;
    for (size_t i = 0; loading->round == 1 && i < load->hash_count; i++)
        put_bytes(&hashes, load->hashes[i].bytes, sizeof load->hashes[i].bytes);
    vec_each (number, &loading->wanted)
        put_number(&profiles, number->value);
    if (loading->round == 1)
        queue_read_begin(session);
    if (loading->round == 1 && !session->turn)
        (void)pipe_add(session, SQL_INDEX_PLANS, NULL);
    sets = sets_ask(session, loading->arena);
    if (loading->round == 1) {
        struct params params = params_make(loading->arena);
        param_rows(&params, &hashes);
        hash_place = pipe_add(session, SQL_LOAD_HASHES, &params);
    }
    for (unsigned i = 0; i < PARTS; i++)
        if (!parts[i].part || load->parts & parts[i].part) {
            struct params params = keys_make(loading, &hashes, &profiles, parts[i].part == PERSON_EVENTS);
            places[i] = pipe_add(session, parts[i].sql, &params);
        }
    if (!loading->stay)
        queue_read_end(session);
    TRY(pipe_run(session, loading->arena));
    TRY(sets_learn(session, loading->arena, sets));
    sets_tell(session->store, load->sets);
    if (loading->round == 1)
        hashes_take(loading, pipe_result(session, hash_place));
    for (unsigned i = 0; i < PARTS; i++)
        if (!parts[i].part || load->parts & parts[i].part) {
            loading->last = NULL;
            parts[i].take(loading, pipe_result(session, places[i]));
        }
    return NULL;
}

/* Whom the members are connected with and nobody has looked for: these are wanted next. */
static void wanted_find(struct loading *loading)
{
    size_t position = 0;
    struct map_slot slot;
    loading->wanted.count = 0;
    while (map_next(&loading->members, &position, &slot)) {
        struct member *member = slot.value;
        vec_each (link, &member->links)
            if (link->value && !map_get(&loading->members, str_bytes(link, sizeof *link)))
                *(profile_no *)vec_push(loading->arena, &loading->wanted) = *link;
    }
    loading->round++;
    vec_each (number, &loading->wanted)
        (void)member_make(loading, *number); /* there may be no such profile: then it stays empty */
}

/* --- persons */

#define JOIN(field)                                                                                                    \
    vec_each (row_, &rows->field)                                                                                      \
        *(__typeof__(row_))vec_push(arena, &person->field) = *row_

static void person_join(struct arena *arena, struct person *person, const struct person *rows)
{
    JOIN(profiles);
    JOIN(identifiers);
    JOIN(consents);
    JOIN(merges);
    JOIN(preferences);
    JOIN(refused);
    JOIN(fact_pages);
    JOIN(disclosures);
    JOIN(held);
    JOIN(deliveries);
    JOIN(events);
}

static void person_finish(const struct load *load, struct person *person)
{
    if (person->profiles.count > 1 && person->consents.count > 1)
        qsort(person->consents.items, person->consents.count, sizeof *person->consents.items, known_order);
    if (person->events.count > 1)
        qsort(person->events.items, person->events.count, sizeof *person->events.items, load->events_max ? event_newer_first : event_older_first);
    if (load->events_max && person->events.count > load->events_max)
        person->events.count = load->events_max;
    person->root = person->profiles.items[0].number;
    person->loaded = load->parts | PERSON_HEAD;
}

static struct person *person_of(struct loading *loading, profile_no number)
{
    struct arena *arena = loading->arena;
    struct member *first = number.value ? member_get(loading, number) : NULL;
    VEC(profile_no) group = {0};
    if (!first || !first->rows.profiles.count)
        return NULL;
    if (first->person)
        return first->person;
    struct map in_group;
    map_init(&in_group, arena);
    *(profile_no *)vec_push(arena, &group) = number;
    map_set(&in_group, str_bytes(&first->number, sizeof number), first);
    for (size_t i = 0; i < group.count; i++) {
        struct member *member = member_get(loading, group.items[i]);
        vec_each (link, &member->links) {
            if (!link->value || map_get(&in_group, str_bytes(link, sizeof *link)))
                continue;
            *(profile_no *)vec_push(arena, &group) = *link;
            map_set(&in_group, str_bytes(link, sizeof *link), member);
        }
    }
    qsort(group.items, group.count, sizeof *group.items, profile_no_order);
    struct person *person = &first->rows;
    if (group.count > 1) {
        person = arena_new(arena, struct person);
        for (size_t i = 0; i < group.count; i++)
            person_join(arena, person, &member_get(loading, group.items[i])->rows);
    }
    for (size_t i = 0; i < group.count; i++)
        member_get(loading, group.items[i])->person = person;
    person_finish(loading->load, person);
    *(struct person **)vec_push(arena, &loading->load->persons) = person;
    return person;
}

static const struct err *load_once(struct loading *loading)
{
    struct load *load = loading->load;
    TRY(session_ready(loading->session, loading->arena));
    map_init(&loading->members, loading->arena);
    loading->round = 1;
    loading->wanted.count = loading->by_hash.count = 0;
    for (size_t i = 0; i < load->profile_count; i++)
        if (load->profiles[i].value && load->profiles[i].value <= INT64_MAX)
            *(profile_no *)vec_push(loading->arena, &loading->wanted) = load->profiles[i];
    TRY(round_run(loading));
    wanted_find(loading);
    bool open = loading->stay && !loading->session->turn;
    if (!open && !loading->session->turn) /* the snapshot is gone */
        return NULL;
    for (; loading->wanted.count; wanted_find(loading))
        TRY(round_run(loading));
    if (open) {
        queue_read_end(loading->session);
        TRY(pipe_run(loading->session, loading->arena));
    }
    return NULL;
}

const struct err *postgres_load(struct store_session *store_session, struct load *load)
{
    struct postgres_session *session = session_of(store_session);
    bool in_turn = session->turn;
    const struct err *err;
    struct loading loading;
    bool stay = false;
    int tries = 0;
    do {
        loading = (struct loading){.session = session, .load = load, .arena = load->arena, .stay = stay || session->store->citus};
        err = load_once(&loading);
        stay = !err && loading.wanted.count;
        if (err)
            transaction_give_up(session);
    } while (stay || (err && try_again(session, in_turn, &tries)));
    TRY(err);
    load->by_hash = arena_array(load->arena, struct person *, load->hash_count);
    load->by_profile = arena_array(load->arena, struct person *, load->profile_count);
    load->persons.items = NULL;
    load->persons.count = load->persons.capacity = 0;
    for (size_t i = 0; i < load->hash_count; i++)
        load->by_hash[i] = person_of(&loading, loading.by_hash.items[i]);
    for (size_t i = 0; i < load->profile_count; i++)
        load->by_profile[i] = person_of(&loading, load->profiles[i]);
    return NULL;
}

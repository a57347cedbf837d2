/* Two profiles become one person, and become two again. Rows do not move between profiles: only the groups change.
 *
 * 1. A person is a component of the graph whose edges are the merges that stand; its root is its oldest profile.
 * 2. What was denied to either side is denied to the joined person: purposes that fell are taken off at once.
 */
#include "core/core_private.h"

#include <stdlib.h>

#define rows_move(arena, from, to)                                                                                     \
    do {                                                                                                               \
        vec_each (moving_, (from))                                                                                     \
            *(__typeof__((from)->items))vec_push((arena), (to)) = *moving_;                                            \
        (from)->count = 0;                                                                                             \
    } while (0)

static int profile_order(const void *a, const void *b)
{
    uint64_t x = ((const struct profile *)a)->number.value, y = ((const struct profile *)b)->number.value;
    return x < y ? -1 : x > y;
}

static int known_order(const void *a, const void *b)
{
    const struct consent *x = a, *y = b;
    if (x->known_ms != y->known_ms)
        return x->known_ms < y->known_ms ? -1 : 1;
    return memcmp(x->id.bytes, y->id.bytes, 16);
}

/* Sorts, and names the root in every profile. */
static void group_settle(struct apply *apply, struct person *person)
{
    ASSERT(person->profiles.count);
    qsort(person->profiles.items, person->profiles.count, sizeof *person->profiles.items, profile_order);
    if (person->consents.count)
        qsort(person->consents.items, person->consents.count, sizeof *person->consents.items, known_order);
    person->root = person->profiles.items[0].number;
    vec_each (profile, &person->profiles)
        if (!profile_no_equal(profile->root, person->root)) {
            profile->root = person->root;
            row_touch(profile);
        }
    gate_standing_reset(person);
    index_person(apply, person);
}

static void unite(struct apply *apply, struct person *into, struct person *from)
{
    struct arena *arena = apply->arena;
    rows_move(arena, &from->profiles, &into->profiles);
    rows_move(arena, &from->identifiers, &into->identifiers);
    rows_move(arena, &from->consents, &into->consents);
    rows_move(arena, &from->merges, &into->merges);
    rows_move(arena, &from->preferences, &into->preferences);
    rows_move(arena, &from->facts, &into->facts);
    rows_move(arena, &from->events, &into->events);
    rows_move(arena, &from->held, &into->held);
    rows_move(arena, &from->deliveries, &into->deliveries);
    rows_move(arena, &from->disclosures, &into->disclosures);
    rows_move(arena, &from->refused, &into->refused);
    into->loaded &= from->loaded;
    into->texts_unopened |= from->texts_unopened;
    from->merged_into = into;
    gate_standing_reset(from);
}

static str merge_record(struct apply *apply, const struct merge *merge, struct uuid left, struct uuid right, int64_t at_ms, const char *kind)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, apply->arena, 4096);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_time(&w, "at", at_ms);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, merge->id);
    jsonw_field(&w, "kind", str_of(kind));
    jsonw_key(&w, STR("left"));
    jsonw_uuid(&w, left);
    jsonw_field(&w, "reason", merge->reason);
    jsonw_key(&w, STR("right"));
    jsonw_uuid(&w, right);
    jsonw_field(&w, "source", merge->source);
    jsonw_object_end(&w);
    return buf_str(&buf);
}

struct person *person_join(struct apply *apply, struct known *left, struct known *right, str reason, str source, int64_t at_ms)
{
    struct person *a = left->person, *b = right->person;
    ASSERT(a != b);
    purpose_mask stored = standing_of(apply, a, NULL)->stores | standing_of(apply, b, NULL)->stores;
    purpose_mask collected = standing_of(apply, a, NULL)->collects & standing_of(apply, b, NULL)->collects;
    purpose_mask every = policy_purposes(apply->policy);
    purpose_mask hopes = held_hopes(apply->policy, standing_of(apply, a, NULL), every) | held_hopes(apply->policy, standing_of(apply, b, NULL), every);
    struct identifier *left_id = known_identifier(left), *right_id = known_identifier(right);
    struct merge merge = {.change = CHANGE_NEW, .id = id_next(apply->batch->ids, apply->now_ms), .left = left_id->profile,
                          .right = right_id->profile, .reason = reason, .through_left = left_id->hash, .through_right = right_id->hash,
                          .source = source, .at_ms = at_ms, .undone_ms = TIME_NONE};
    struct person *into = a->root.value < b->root.value ? a : b, *from = into == a ? b : a;
    unite(apply, into, from);
    *(struct merge *)vec_push(apply->arena, &into->merges) = merge;
    int64_t due_ms = TIME_FOREVER;
    vec_each (profile, &into->profiles)
        due_ms = profile->due_ms < due_ms ? profile->due_ms : due_ms;
    group_settle(apply, into);
    person_due(into, due_ms);
    leaf_push(apply, "merge", merge.left, at_ms,
              merge_record(apply, &merge, person_profile(into, merge.left)->id, person_profile(into, merge.right)->id, at_ms, "merge"));
    const struct standing *after = standing_of(apply, into, NULL);
    if ((stored & ~after->stores) && person_require(apply, into, PERSON_ALL))
        person_enforce(apply, into);
    outbox_take_vendors(apply, into);
    held_despair(apply, into, hopes);
    if ((after->collects & ~collected) && !apply->releasing && person_require(apply, into, PERSON_HELD))
        held_release(apply, into);
    return person_latest(into);
}

/* --- undoing */

static size_t component_find(const struct person *person, const size_t *parent, profile_no number)
{
    for (size_t i = 0; i < person->profiles.count; i++)
        if (profile_no_equal(person->profiles.items[i].number, number)) {
            while (parent[i] != i)
                i = parent[i];
            return i;
        }
    return SIZE_MAX;
}

/* parent[i]: the oldest profile of the component of profile i. */
static size_t *components(struct apply *apply, const struct person *person)
{
    size_t *parent = arena_array(apply->arena, size_t, person->profiles.count);
    for (size_t i = 0; i < person->profiles.count; i++)
        parent[i] = i;
    vec_each (merge, &person->merges) {
        if (row_dead(merge) || merge->undone_ms != TIME_NONE)
            continue;
        size_t a = component_find(person, parent, merge->left), b = component_find(person, parent, merge->right);
        if (a != SIZE_MAX && b != SIZE_MAX && a != b)
            parent[a > b ? a : b] = a < b ? a : b;
    }
    return parent;
}

#define rows_split(field, number)                                                                                      \
    do {                                                                                                               \
        size_t kept_ = 0;                                                                                              \
        for (size_t i_ = 0; i_ < whole->field.count; i_++) {                                                           \
            __typeof__(*whole->field.items) row_ = whole->field.items[i_];                                             \
            size_t place_ = component_find(shape, parent, row_.number);                                                \
            struct person *owner_ = place_ == SIZE_MAX ? whole : owners[place_];                                       \
            if (owner_ == whole)                                                                                       \
                whole->field.items[kept_++] = row_;                                                                    \
            else                                                                                                       \
                *(__typeof__(whole->field.items))vec_push(apply->arena, &owner_->field) = row_;                        \
        }                                                                                                              \
        whole->field.count = kept_;                                                                                    \
    } while (0)

static struct person **split(struct apply *apply, struct person *whole, size_t *ret_count)
{
    struct person copy = *whole; /* its profiles array stays as it is while rows are dealt out */
    const struct person *shape = &copy;
    copy.profiles.items = arena_array(apply->arena, struct profile, whole->profiles.count);
    memcpy(copy.profiles.items, whole->profiles.items, whole->profiles.count * sizeof *copy.profiles.items);
    size_t count = whole->profiles.count, *parent = components(apply, shape);
    struct person **owners = arena_array(apply->arena, struct person *, count), **made = arena_array(apply->arena, struct person *, count);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (parent[i] != i)
            continue;
        owners[i] = i == 0 ? whole : arena_new(apply->arena, struct person);
        if (i != 0) {
            owners[i]->loaded = whole->loaded;
            owners[i]->texts_unopened = whole->texts_unopened;
            *(struct person **)vec_push(apply->arena, &apply->batch->persons) = owners[i];
        }
        made[(*ret_count)++] = owners[i];
    }
    rows_split(profiles, number);
    rows_split(identifiers, profile);
    rows_split(consents, profile);
    rows_split(preferences, profile);
    rows_split(facts, profile);
    rows_split(events, profile);
    rows_split(held, profile);
    rows_split(deliveries, profile);
    rows_split(disclosures, profile);
    rows_split(merges, left);
    rows_split(refused, left);
    return made;
}

static struct merge *merge_find(const struct person *person, struct uuid id)
{
    vec_each (merge, &person->merges)
        if (!row_dead(merge) && uuid_equal(merge->id, id))
            return merge;
    return NULL;
}

static struct person *request_person(struct apply *apply, const struct request *request)
{
    struct known *known = request->subject.key ? index_find(apply, &request->subject.hash) : NULL;
    return request->person ? person_latest(request->person) : known ? known->person : NULL;
}

void undo_apply(struct apply *apply, struct request *request)
{
    struct person *person = request_person(apply, request);
    struct merge *merge = person ? merge_find(person, request->merge) : NULL;
    for (size_t i = 0; !merge && i < apply->batch->persons.count; i++) { /* an undo before it in this batch may have split them */
        person = apply->batch->persons.items[i];
        merge = merge_find(person, request->merge);
    }
    if (!merge || merge->undone_ms != TIME_NONE) {
        request->refusal = merge ? STR("this merge was undone already") : STR("there is no such merge");
        return;
    }
    if (person_erased(person)) {
        request->refusal = STR("the person was erased");
        return;
    }
    if (!person_require(apply, person, PERSON_ALL))
        return;
    merge->undone_ms = apply->now_ms;
    row_touch(merge);
    request->found = true;
    leaf_push(apply, "undo", merge->left, apply->now_ms,
              merge_record(apply, merge, person_profile(person, merge->left)->id, person_profile(person, merge->right)->id, apply->now_ms, "undo"));
    size_t count;
    struct person **parts = split(apply, person, &count);
    for (size_t i = 0; i < count; i++)
        group_settle(apply, parts[i]);
    for (size_t i = 0; i < count; i++) { /* each side stands on its own records again */
        person_enforce(apply, parts[i]);
        struct profile *root = person_root(parts[i]);
        root->due_ms = person_due_work_out(apply, parts[i]);
        row_touch(root);
    }
}

void join_apply(struct apply *apply, struct request *request)
{
    struct known *left = index_find(apply, &request->subject.hash), *right = index_find(apply, &request->other.hash);
    if (!left || !right) {
        request->refusal = STR("nobody is known by one of the two");
        return;
    }
    if (left->person == right->person)
        return;
    request->found = true;
    reason_mask reasons = join_refused(apply, left->person, right->person, NULL, NULL);
    if (reasons) {
        request->refusal = str_of(reason_text((enum reason)__builtin_ctzll(reasons)));
        refused_push(apply, left->person, known_identifier(left)->profile, known_identifier(right)->profile, request->other.key->name, reasons);
        return;
    }
    profile_no left_no = known_identifier(left)->profile, right_no = known_identifier(right)->profile;
    request->person = person_join(apply, left, right, STR("api"), STR("api"), apply->now_ms);
    vec_each (merge, &request->person->merges) /* what undoes it again */
        if (merge->change == CHANGE_NEW && profile_no_equal(merge->left, left_no) && profile_no_equal(merge->right, right_no))
            request->merge = merge->id;
}

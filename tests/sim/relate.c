/* Two ways to the same profile: experiments on copies of the world. Nothing of them is left behind but the copies' digests. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

enum { MANY = 6 };

struct pair { /* two copies of one world, and what they became */
    struct world a, b;
    uint8_t digest_a[32], digest_b[32];
};

static void pair_begin(struct pair *pair, const struct world *world)
{
    world_clone(&pair->a, world);
    world_clone(&pair->b, world);
}

static bool pair_end(struct pair *pair)
{
    bool same = false;
    for (int fresh = 1; fresh >= 0 && !same; fresh--) { /* most people were touched by neither */
        world_digest_all(&pair->a, fresh, pair->digest_a);
        world_digest_all(&pair->b, fresh, pair->digest_b);
        same = !memcmp(pair->digest_a, pair->digest_b, 32);
    }
    if (!same && pair->a.dumping) {
        world_dump(&pair->a, &pair->b, "one way");
        world_dump(&pair->b, &pair->a, "the other way");
    }
    world_end(&pair->a);
    world_end(&pair->b);
    return same;
}

static void deliveries_forget(struct pair *pair)
{
    vec_each (cell, &pair->a.cells)
        (*cell)->person.deliveries.count = 0;
    vec_each (cell, &pair->b.cells)
        (*cell)->person.deliveries.count = 0;
}

/* --- a batch of n gives what n batches of one give */

static size_t requests_make(struct world *world, const struct sending *sendings, const struct spoken *spoken, size_t count, struct request *requests)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++)
        if (spoken[i].said)
            requests[made++] = statement_request(world, &spoken[i]);
        else
            (void)message_read(world, &sendings[i], &requests[made++]); /* an invalid one is a request, too */
    return made;
}

static void batch_experiment(struct world *world, struct random *random)
{
    struct sending sendings[MANY];
    struct spoken spoken[MANY] = {{0}};
    struct request requests[MANY];
    struct pair pair;
    size_t count = 2 + below(random, MANY - 1);
    unsigned person = below(random, PEOPLE);
    pair_begin(&pair, world);
    for (size_t i = 0; i < count; i++) {
        message_make(&pair.a, random, chance(random, 70) ? person : below(random, PEOPLE), false, &sendings[i]);
        if (chance(random, 30))
            statement_make(&pair.a, random, person, &spoken[i]);
    }
    for (size_t i = 0; i < count && world->dumping; i++)
        if (spoken[i].said)
            printf("  %s of %u says %s to %s\n", spec_key_names[spoken[i].key], spoken[i].person, consent_status_name(spoken[i].status),
                   spoken[i].purpose < PURPOSES ? spec_purpose_names[spoken[i].purpose] : "everything");
        else
            printf("  %s%s: %.*s\n", spec_source_names[sendings[i].source], sendings[i].gpc ? " (Sec-GPC)" : "", STR_FMT(sendings[i].json));
    size_t made = requests_make(&pair.a, sendings, spoken, count, requests);
    if (world_fault(world, "batch-order"))
        for (size_t i = 0; i < made / 2; i++) {
            struct request other = requests[i];
            requests[i] = requests[made - 1 - i];
            requests[made - 1 - i] = other;
        }
    world_apply(&pair.a, requests, made, LOAD_NEEDS);
    made = requests_make(&pair.b, sendings, spoken, count, requests);
    for (size_t i = 0; i < made; i++)
        world_apply(&pair.b, &requests[i], 1, LOAD_NEEDS);
    CHECK(world, BATCH, pair_end(&pair), "a batch of %zu gave something else than its requests one by one", made);
}

/* --- what is loaded first does not matter */

static void loading_experiment(struct world *world, struct random *random)
{
    struct sending sending;
    struct spoken spoken = {0};
    struct request request;
    struct pair pair;
    unsigned person = below(random, PEOPLE);
    pair_begin(&pair, world);
    message_make(&pair.a, random, person, false, &sending);
    if (chance(random, 40))
        statement_make(&pair.a, random, person, &spoken);
    (void)requests_make(&pair.a, &sending, &spoken, 1, &request);
    world_apply(&pair.a, &request, 1, LOAD_ALL);
    (void)requests_make(&pair.b, &sending, &spoken, 1, &request);
    world_apply(&pair.b, &request, 1, LOAD_HEADS);
    CHECK(world, LOADING, pair_end(&pair), "the same request, with all parts loaded or only those asked for, gave two things");
}

/* --- any order, any duplicates; the profile is the fold */

static struct cell *person_cell(struct world *world, unsigned person, unsigned key)
{
    struct message_identifier id = world_identifier(world, key, person_value(world, person, key, 0));
    return world_cell(world, &id.hash);
}

/* All identifiers of its plain messages are this person's, or nobody's for good. */
static bool settled(struct world *world, unsigned person)
{
    struct cell *cell = person_cell(world, person, KEY_USER);
    if (!cell || person_cell(world, person, KEY_ANONYMOUS) != cell)
        return false;
    vec_each (profile, &cell->person.profiles)
        if (profile->erased_ms != TIME_NONE)
            return false;
    struct cell *mail = person_cell(world, person, KEY_EMAIL);
    unsigned mails = 0;
    vec_each (identifier, &cell->person.identifiers)
        mails += str_equal(identifier->type, STR("email"));
    return mail ? mail == cell : mails < world->spec.key_limits[KEY_EMAIL];
}

static void send_plain(struct world *world, const struct sending *sending, bool duplicate)
{
    struct request request;
    struct sending copy = *sending;
    copy.duplicate = duplicate;
    (void)message_read(world, &copy, &request);
    world_apply(world, &request, 1, LOAD_NEEDS);
}

/* The fold of all facts ever seen, by the rule's own words. */
struct seen_facts {
    VEC(struct fact) rows;
};

static void facts_collect(struct arena *arena, struct seen_facts *all, const struct person *person)
{
    vec_each (fact, &person->facts) {
        bool known = false;
        vec_each (old, &all->rows)
            known |= str_equal(old->name, fact->name) && str_equal(old->value, fact->value) && str_equal(old->source, fact->source) &&
                     old->observed_ms == fact->observed_ms && old->purposes == fact->purposes;
        if (known)
            continue;
        struct fact *copy = vec_push(arena, &all->rows);
        *copy = *fact;
        copy->name = str_copy(arena, fact->name);
        copy->value = str_copy(arena, fact->value);
        copy->source = str_copy(arena, fact->source);
    }
}

static bool later_fact(const struct fact *a, const struct fact *b)
{
    if (a->observed_ms != b->observed_ms)
        return a->observed_ms > b->observed_ms;
    int sources = str_compare(a->source, b->source);
    return sources ? sources > 0 : str_compare(a->value, b->value) > 0;
}

static bool beats(const struct world *world, enum fold_rule rule, const struct fact *a, const struct fact *b)
{
    int64_t x = 0, y = 0;
    int sources[2] = {spec_source_find(a->source), spec_source_find(b->source)};
    (void)str_to_int64(a->value, &x); /* 0 for what is no number */
    (void)str_to_int64(b->value, &y);
    switch (rule) {
    case FOLD_FIRST: return later_fact(b, a);
    case FOLD_MAX: return x != y ? x > y : later_fact(a, b);
    case FOLD_MIN: return x != y ? x < y : later_fact(a, b);
    case FOLD_MOST_TRUSTED:
        if (world->spec.sources[sources[0]].trust != world->spec.sources[sources[1]].trust)
            return world->spec.sources[sources[0]].trust > world->spec.sources[sources[1]].trust;
        return later_fact(a, b);
    default: return later_fact(a, b);
    }
}

static str fold_expected(const struct world *world, const struct seen_facts *all, str name, purpose_mask purpose)
{
    enum fold_rule rule = spec_rule(name);
    const struct fact *best = NULL;
    vec_each (fact, &all->rows)
        if (str_equal(fact->name, name) && (fact->purposes & purpose) && (rule == FOLD_LATEST || !str_equal(fact->value, STR("null"))) &&
            (!best || beats(world, rule, fact, best)))
            best = fact;
    return best ? best->value : STR("null");
}

static bool has_purpose(void *context, const struct fact *fact) { return (fact->purposes & *(purpose_mask *)context) != 0; }

/* Every element that any fact named, and nothing else. */
static bool union_right(const struct seen_facts *all, str name, purpose_mask purpose, str value)
{
    size_t expected = 0, quotes = 0;
    vec_each (fact, &all->rows) {
        if (!str_equal(fact->name, name) || !(fact->purposes & purpose))
            continue;
        str rest = str_slice(fact->value, 1, fact->value.length - 1), item;
        while (str_split(&rest, ',', &item)) {
            if (str_find(value, item) < 0)
                return false;
            expected++; /* markers: no two are alike */
        }
    }
    for (size_t i = 0; i < value.length; i++)
        quotes += value.data[i] == '"';
    return quotes <= expected * 2;
}

static void fold_check(struct world *world, struct world *ended, const struct seen_facts *all, const struct person *person, struct random *random)
{
    purpose_mask purpose = UINT64_C(1) << below(random, (unsigned)world->policy->purposes.count);
    traits folded;
    profile_fold(&ended->scratch, ended->policy, person, has_purpose, &purpose, &folded);
    vec_each (fact, &all->rows) {
        if (!(fact->purposes & purpose))
            continue;
        str value = STR("null");
        vec_each (trait, &folded)
            value = str_equal(trait->name, fact->name) ? trait->value : value;
        bool right = spec_rule(fact->name) == FOLD_UNION ? union_right(all, fact->name, purpose, value)
                                                         : str_equal(value, fold_expected(world, all, fact->name, purpose));
        CHECK(world, FOLD, right, "trait %.*s is %.*s", STR_FMT(fact->name), STR_FMT(value));
    }
}

static void alone(struct world *base, const struct sending *sending, unsigned person, struct seen_facts *all)
{
    struct world world;
    world_clone(&world, base);
    send_plain(&world, sending, false);
    struct cell *cell = person_cell(&world, person, KEY_USER);
    if (cell)
        facts_collect(&base->arena, all, &cell->person);
    world_end(&world);
}

static void replay_experiment(struct world *world, struct random *random)
{
    struct sending sendings[MANY], first;
    struct world base;
    struct pair pair;
    struct seen_facts all = {{0}};
    unsigned person = below(random, PEOPLE), order[MANY];
    for (int tries = 0; tries < 6 && !person_cell(world, person, KEY_USER); tries++)
        person = below(random, PEOPLE);
    size_t count = 3 + below(random, MANY - 2);
    world_clone(&base, world);
    world_sweep(&base, false);
    message_make(&base, random, person, true, &first);
    send_plain(&base, &first, false);
    if (!settled(&base, person)) {
        world_end(&base);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        message_make(&base, random, person, true, &sendings[i]);
        order[i] = (unsigned)i;
        alone(&base, &sendings[i], person, &all);
    }
    facts_collect(&base.arena, &all, &person_cell(&base, person, KEY_USER)->person);
    pair_begin(&pair, &base);
    for (size_t i = 0; i < count; i++)
        send_plain(&pair.a, &sendings[i], false);
    for (size_t i = count; i > 1; i--) {
        unsigned j = below(random, (unsigned)i), other = order[i - 1];
        order[i - 1] = order[j];
        order[j] = other;
    }
    for (size_t i = 0; i < count; i++) {
        send_plain(&pair.b, &sendings[order[i]], false);
        if (chance(random, 30))
            send_plain(&pair.b, &sendings[order[below(random, (unsigned)i + 1)]], true);
    }
    struct cell *ended = person_cell(&pair.b, person, KEY_USER);
    if (ended)
        fold_check(world, &pair.b, &all, &ended->person, random);
    deliveries_forget(&pair); /* what is sent on depends on what holds when it comes; the profile does not */
    CHECK(world, REPLAY, pair_end(&pair), "%zu messages in another order gave another profile", count);
    world_end(&base);
}

/* --- merge, then undo */

static uint64_t mass_of(const struct world *world)
{
    uint64_t mass = 0;
    vec_each (cell, &world->cells) {
        const struct person *person = &(*cell)->person;
        mass += person->held.count * UINT64_C(0x1000000000000) + person->consents.count * UINT64_C(0x100000000);
        vec_each (fact, &person->facts)
            mass += fact->purposes * 31 + 1;
        vec_each (event, &person->events)
            for (unsigned i = 0; i < event->part_count; i++)
                mass += event->parts[i].purposes * 7 + event->parts[i].body.length;
        vec_each (identifier, &person->identifiers) /* a held message that was tried in vain is a sign of life, too */
            mass += identifier->purposes * 3 + (uint64_t)identifier->last_seen_ms;
    }
    return mass;
}

static bool alike(const struct world *world, const struct person *a, const struct person *b, const struct person *both)
{
    struct verdicts left, right, joined;
    oracle_judge(&world->spec, a, "", world->now_ms, TIME_FOREVER, &left);
    oracle_judge(&world->spec, b, "", world->now_ms, TIME_FOREVER, &right);
    oracle_judge(&world->spec, both, "", world->now_ms, TIME_FOREVER, &joined);
    bool same = left.collects == right.collects && right.collects == joined.collects && left.specials == joined.specials &&
                right.specials == joined.specials && left.us == joined.us && right.us == joined.us;
    return same && oracle_informable(&world->spec, &left, SOURCE_WEB) == oracle_informable(&world->spec, &joined, SOURCE_WEB) &&
           oracle_informable(&world->spec, &right, SOURCE_WEB) == oracle_informable(&world->spec, &joined, SOURCE_WEB);
}

static struct message_identifier some_identifier(const struct world *world, struct random *random, const struct cell *cell)
{
    const struct identifier *identifier = &cell->person.identifiers.items[below(random, (unsigned)cell->person.identifiers.count)];
    return (struct message_identifier){.key = policy_key(world->policy, identifier->type), .hash = identifier->hash};
}

/* Whose first user_id is it? PEOPLE: nobody's. */
static unsigned person_of(struct world *world, const struct cell *cell)
{
    unsigned person = 0;
    while (person < PEOPLE && person_cell(world, person, KEY_USER) != cell)
        person++;
    return person;
}

/* Messages to either side, while it makes no difference to what is allowed whether they are one. */
static void speak_between(struct pair *pair, struct random *random, const struct request *join)
{
    for (int n = 0; n < 2; n++) {
        struct cell *one = world_cell(&pair->b, &join->subject.hash), *two = world_cell(&pair->b, &join->other.hash);
        struct cell *both = world_cell(&pair->a, &join->subject.hash);
        struct sending sending;
        unsigned person = one && two && both ? person_of(&pair->b, n ? two : one) : PEOPLE;
        if (person == PEOPLE || !settled(&pair->b, person) || !settled(&pair->a, person) || !alike(&pair->b, &one->person, &two->person, &both->person))
            continue;
        message_make(&pair->a, random, person, true, &sending);
        if (pair->a.dumping)
            printf("  in between: %.*s\n", STR_FMT(sending.json));
        send_plain(&pair->a, &sending, false);
        send_plain(&pair->b, &sending, false);
    }
}

static void undo_experiment(struct world *world, struct random *random)
{
    struct pair pair;
    pair_begin(&pair, world);
    world_sweep(&pair.a, false);
    world_sweep(&pair.b, false);
    if (pair.a.cells.count < 2) {
        (void)pair_end(&pair); /* nobody to join */
        return;
    }
    unsigned people = (unsigned)pair.b.cells.count, left = below(random, people), right = (left + 1 + below(random, people - 1)) % people;
    if (!pair.b.cells.items[left]->person.identifiers.count || !pair.b.cells.items[right]->person.identifiers.count) {
        (void)pair_end(&pair); /* erased, and come anew under another name */
        return;
    }
    struct request join = {.kind = REQUEST_JOIN, .subject = some_identifier(world, random, pair.b.cells.items[left]),
                           .other = some_identifier(world, random, pair.b.cells.items[right])};
    struct cell *one = world_cell(&pair.b, &join.subject.hash), *two = world_cell(&pair.b, &join.other.hash);
    uint64_t mass = mass_of(&pair.a);
    world_apply(&pair.a, &join, 1, LOAD_ALL);
    struct cell *both = world_cell(&pair.a, &join.subject.hash);
    if (!one || !two || one == two || !str_empty(join.refusal) || mass_of(&pair.a) != mass) {
        (void)pair_end(&pair); /* not joined; or something was taken away, or let in: that cannot be undone */
        return;
    }
    if (both->person.merges.count != one->person.merges.count + two->person.merges.count + 1) {
        (void)pair_end(&pair); /* what it let out of hold named a third, who was joined, too */
        return;
    }
    struct uuid merge = join.merge;
    speak_between(&pair, random, &join);
    both = world_cell(&pair.a, &join.subject.hash);
    struct request undo = {.kind = REQUEST_UNDO_MERGE, .merge = merge, .person = both ? &both->person : NULL};
    world_apply(&pair.a, &undo, 1, LOAD_NEEDS);
    CHECK(world, UNDO, str_empty(undo.refusal), "a merge could not be undone: %.*s", STR_FMT(undo.refusal));
    deliveries_forget(&pair); /* what was queued while they were one goes on under the name of one */
    CHECK(world, UNDO, pair_end(&pair), "merged and undone is something else than never merged");
}

void experiment(struct world *world, struct random *random)
{
    switch (below(random, 4)) {
    case 0: batch_experiment(world, random); break;
    case 1: loading_experiment(world, random); break;
    case 2: replay_experiment(world, random); break;
    default: undo_experiment(world, random); break;
    }
}

/* The fold of facts into traits (P6): for each trait one rule, over all identifiers and sources of the person.
 *
 * 1. The result depends on the facts alone, not on the order in which they came.
 * 2. A null says that the trait was removed: under `latest` it removes, whatever source it came from; under the other rules it says nothing.
 */
#include "core/core_private.h"

#include <stdlib.h>

static int name_order(const void *left, const void *right)
{
    const struct fact *a = *(const struct fact *const *)left, *b = *(const struct fact *const *)right;
    int names = str_compare(a->name, b->name);
    return names ? names : fact_order(a, b);
}

static uint32_t trust_of(const struct policy *policy, const struct fact *fact)
{
    const struct source *source = policy_source(policy, fact->source);
    return source ? source->trust : 0;
}

/* Does `fact`, the later one of the two, take the place of `best`? */
static bool better(const struct policy *policy, enum fold_rule rule, const struct fact *best, const struct fact *fact)
{
    switch (rule) {
    case FOLD_FIRST: return false;
    case FOLD_MAX: return value_compare(fact->value, best->value) >= 0;
    case FOLD_MIN: return value_compare(fact->value, best->value) <= 0;
    case FOLD_MOST_TRUSTED: return trust_of(policy, fact) >= trust_of(policy, best);
    default: return true;
    }
}

/* --- union */

static int value_order(const void *left, const void *right) { return value_compare(*(const str *)left, *(const str *)right); }

static str value_text(struct arena *arena, const struct json *value)
{
    if (!value->raw_dirty && !str_empty(value->raw))
        return value->raw;
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, LIMIT_MESSAGE_BYTES * 8);
    jsonw_init(&w, &buf);
    jsonw_value(&w, value);
    return buf_str(&buf);
}

static str union_of(struct arena *arena, const struct fact *const *facts, size_t count)
{
    VEC(str) values = {0};
    struct buf buf;
    struct jsonw w;
    size_t bytes = 2;
    for (size_t i = 0; i < count; i++) {
        struct json tree;
        if (fact_is_null(facts[i]))
            continue;
        if (!str_starts(facts[i]->value, STR("[")) || json_read(arena, facts[i]->value, &tree)) {
            *(str *)vec_push(arena, &values) = facts[i]->value;
            continue;
        }
        for (uint32_t j = 0; j < tree.count; j++)
            *(str *)vec_push(arena, &values) = value_text(arena, &tree.items[j]);
    }
    if (values.count)
        qsort(values.items, values.count, sizeof *values.items, value_order);
    vec_each (value, &values)
        bytes += value->length + 1;
    buf_init(&buf, arena, bytes);
    jsonw_init(&w, &buf);
    jsonw_array(&w);
    vec_each (value, &values)
        if (value == values.items || !str_equal(*value, value[-1]))
            jsonw_raw(&w, *value);
    jsonw_array_end(&w);
    return buf_str(&buf);
}

static void trait_fold(struct arena *arena, const struct policy *policy, const struct fact *const *facts, size_t count, traits *ret_traits)
{
    enum fold_rule rule = policy_trait_rule(policy, facts[0]->name);
    const struct fact *best = NULL;
    for (size_t i = 0; i < count; i++)
        if ((!fact_is_null(facts[i]) || rule == FOLD_LATEST) && (!best || better(policy, rule, best, facts[i])))
            best = facts[i];
    if (!best || fact_is_null(best))
        return;
    *(struct trait *)vec_push(arena, ret_traits) =
        (struct trait){.name = best->name, .value = rule == FOLD_UNION ? union_of(arena, facts, count) : best->value, .fact = best};
}

void profile_fold(struct arena *arena, const struct policy *policy, const struct person *person,
                  bool (*allowed)(void *context, const struct fact *fact), void *context, traits *ret_traits)
{
    *ret_traits = (traits){0};
    const struct fact **facts = arena_array(arena, const struct fact *, person->facts.count + 1);
    size_t count = 0;
    vec_each (fact, &person->facts)
        if (!row_dead(fact) && (!allowed || allowed(context, fact)))
            facts[count++] = fact;
    if (count)
        qsort(facts, count, sizeof *facts, name_order);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && str_equal(facts[end]->name, facts[i]->name);)
            end++;
        trait_fold(arena, policy, facts + i, end - i, ret_traits);
    }
}

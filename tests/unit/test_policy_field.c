/* Where a category is found: rules against paths, by text and by walking beside a message. */
#include "policy_world.h"

#include <stdio.h>

static const struct policy *policy_with(const char *fields)
{
    return policy_of(arena_printf(&policy_arena, "categories: { a: , b: , c: , d: }\nfields: { %s }", fields));
}

static const char *category_text(const struct policy *policy, uint16_t slot, bool not_personal)
{
    if (not_personal)
        return "none";
    return slot == SLOT_NONE ? "-" : str_z(&policy_arena, policy->categories.items[slot].name);
}

static void the_most_exact_rule_wins(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *path, *category;
    } table[] = {
        /* a rule covers its path and what lies below */
        {"traits.email: a", "traits.email", "a"},
        {"traits.email: a", "traits.email.work", "a"},
        {"traits.email: a", "traits.emails", "-"},
        {"traits.email: a", "traits", "-"},
        {"traits.email: a", "email", "-"},
        {"traits: a, traits.address.city: b", "traits.address.city", "b"},
        {"traits: a, traits.address.city: b", "traits.address.zip", "a"},
        {"traits: a, traits.address.city: none", "traits.address.city", "none"},
        {"traits: none, traits.address.city: b", "traits.address.city", "b"},
        /* the default is for what no rule covers */
        {"traits.email: a, default: d", "traits.phone", "d"},
        {"traits.email: a, default: d", "anything", "d"},
        {"traits.email: a, default: refuse", "anything", "-"},
        {"default: d", "anything", "d"},
        {"default: d, event: none", "event", "none"},
        /* stars */
        {"context.location.*: a", "context.location.city", "a"},
        {"context.location.*: a", "context.location.point.lat", "a"},
        {"context.location.*: a", "context.location", "-"},
        {"traits.*: a, traits.email: b", "traits.email", "b"},
        {"traits.*: a, traits.email: b", "traits.phone", "a"},
        {"traits.*.city: a, traits.home: b", "traits.home.city", "a"},
        {"traits.*.city: a, traits.home: b", "traits.home.zip", "b"},
        {"traits.*.city: a, traits.home: b", "traits.work.city", "a"},
        {"traits.*.city: a, traits.home.*: b", "traits.home.city", "b"}, /* same depth: the name nearest to the root decides */
        {"\"*.email\": a", "traits.email", "a"},
        {"\"*\": a", "anything.at.all", "a"},
        {"a.*.c: a, a.b.*: b, a.b.d: c", "a.b.c", "b"},
        {"a.*.c: a, a.b.*: b, a.b.d: c", "a.x.c", "a"},
        {"a.*.c: a, a.b.*: b, a.b.d: c", "a.b.d", "c"},
        /* items */
        {"\"properties.products[*]\": a", "properties.products[0]", "a"},
        {"\"properties.products[*]\": a", "properties.products[7].name", "a"},
        {"\"properties.products[*]\": a", "properties.products", "-"},
        {"\"properties.products[*].price\": a, properties.products: b", "properties.products[1].price", "a"},
        {"\"properties.products[*].price\": a, properties.products: b", "properties.products[1].name", "b"},
        {"\"properties.products[].price\": a", "properties.products[].price", "a"},
        {"\"list[*][*]\": a", "list[0][1]", "a"},
        {"\"list[*][*]\": a", "list[0]", "-"},
        {"\"list.*\": a, \"list[*]\": b", "list[0]", "b"},
        {"\"list.*\": a, \"list[*]\": b", "list.x", "a"},
        /* the same person's traits, said in passing */
        {"traits.email: a", "context.traits.email", "a"},
        {"traits.email: a, context.traits.email: b", "context.traits.email", "b"},
        {"traits.email: a, context: b", "context.traits.email", "a"},
        {"context.traits.email: a", "traits.email", "-"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const struct policy *policy = policy_with(table[i].rules);
        bool not_personal;
        uint16_t slot = policy_field_category(policy, str_of(table[i].path), &not_personal);
        if (strcmp(category_text(policy, slot, not_personal), table[i].category) != 0)
            fail_msg("%s | %s: %s, wanted %s", table[i].rules, table[i].path, category_text(policy, slot, not_personal), table[i].category);
        policy_world_end(state);
        policy_world_begin(state);
    }
}

static void a_walk_says_when_nothing_below_can_differ(void **state)
{
    (void)state;
    const struct policy *policy = policy_with("traits.email: a, \"properties.products[*].price\": b, properties: c, context.*: d");
    struct field_walk root = field_walk_start(policy);
    assert_false(field_walk_uniform(root));
    struct field_walk traits = field_walk_key(policy, root, STR("traits"));
    assert_false(field_walk_uniform(traits));
    assert_true(field_walk_uniform(field_walk_key(policy, traits, STR("email"))));
    struct field_walk other = field_walk_key(policy, traits, STR("phone"));
    assert_true(field_walk_uniform(other) && other.category == SLOT_NONE && !other.exact);
    struct field_walk products = field_walk_key(policy, field_walk_key(policy, root, STR("properties")), STR("products"));
    assert_false(field_walk_uniform(products));
    check_str(policy->categories.items[products.category].name, "c");
    struct field_walk price = field_walk_key(policy, field_walk_item(policy, products), STR("price"));
    assert_true(field_walk_uniform(price));
    check_str(policy->categories.items[price.category].name, "b");
    assert_true(field_walk_uniform(field_walk_key(policy, field_walk_key(policy, root, STR("context")), STR("ip"))));
    /* a rule without an item node says nothing of items, but what covers the list covers them */
    check_str(policy->categories.items[field_walk_item(policy, field_walk_key(policy, root, STR("properties"))).category].name, "c");
}

static void many_names_on_one_level_are_found(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, &policy_arena, 1024 * 1024);
    buf_add(&text, STR("categories: { a: , b: }\nfields:\n"));
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "  traits.field_%d: %s\n", i, i % 2 ? "a" : "b");
    buf_add_char(&text, 0);
    const struct policy *policy = policy_of(text.data);
    bool not_personal;
    for (int i = 0; i < 1000; i++) {
        uint16_t slot = policy_field_category(policy, str_printf(&policy_arena, "traits.field_%d", i), &not_personal);
        check_str(policy->categories.items[slot].name, i % 2 ? "a" : "b");
    }
    assert_int_equal(policy_field_category(policy, STR("traits.field_1000"), &not_personal), SLOT_NONE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, policy_world_begin, policy_world_end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_most_exact_rule_wins),
        CASE(a_walk_says_when_nothing_below_can_differ),
        CASE(many_names_on_one_level_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The route table and how a path finds its route (server/route.c, input.c). */
#include "unit.h"

#include "server/server_private.h"

static struct arena arena;
static struct route_node *tree;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    tree = route_tree(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const char *found(const char *path, str parameters[PARAMETERS_MAX])
{
    const struct route_node *node = route_find(tree, &arena, str_of(path), parameters);
    return node && node->route_count ? node->routes[0]->path : "none";
}

static void each_route_is_named_once_and_found_by_its_own_path(void **state)
{
    (void)state;
    size_t count;
    const struct route *all = routes(&count);
    for (size_t i = 0; i < count; i++) {
        str parameters[PARAMETERS_MAX];
        assert_int_equal(all[i].path[0], '/');
        assert_non_null(all[i].handle);
        assert_true(all[i].may != 0 && all[i].status >= 200 && all[i].status < 400);
        for (size_t j = 0; j < i; j++)
            assert_false(!strcmp(all[i].path, all[j].path) && !strcmp(all[i].method, all[j].method));
        assert_string_equal(found(all[i].path, parameters), all[i].path);
    }
}

static void no_reader_of_persons_is_open_to_the_auditor_or_to_all(void **state)
{
    (void)state;
    static const char *const personal[] = {"/v1/profiles", "/v1/identities", "/v1/consents", "/v1/preferences", "/v1/rights", "/v1/decide", "/v1/stream", "/v1/deliveries"};
    size_t count;
    const struct route *all = routes(&count);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < COUNT_OF(personal); j++)
            if (str_starts(str_of(all[i].path), str_of(personal[j])) && strcmp(all[i].path, "/v1/consents/rates") != 0) /* counts of people */
                assert_false(all[i].may & (MAY_ANYONE | MAY(ROLE_AUDITOR) | MAY(ROLE_SOURCE)));
}

static void parameters_are_decoded_after_the_path_is_cut(void **state)
{
    (void)state;
    str parameters[PARAMETERS_MAX];
    assert_string_equal(found("/v1/profiles/user_id:a%2Fb%20c/timeline", parameters), "/v1/profiles/{subject}/timeline");
    check_str(parameters[0], "user_id:a/b c");
    assert_string_equal(found("/v1/identities/user_id:x/merges/7/undo/", parameters), "/v1/identities/{subject}/merges/{id}/undo");
    check_str(parameters[0], "user_id:x");
    check_str(parameters[1], "7");
    assert_string_equal(found("/tile/entries/x001/000.p/7", parameters), "/tile/{path...}");
    check_str(parameters[0], "entries/x001/000.p/7");
    assert_string_equal(found("/v1/evidence/proof/inclusion", parameters), "/v1/evidence/proof/inclusion");
    assert_string_equal(found("/v1/evidence/proof/12", parameters), "/v1/evidence/proof/{index}");
}

static void what_is_no_route_is_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v1", "/v1/nothing", "/v1/profiles//timeline", "/v1/profiles/a/b", "/V1/track", "/v1/track/x", "/tile", "x"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        str parameters[PARAMETERS_MAX];
        assert_string_equal(found(paths[i], parameters), "none");
    }
}

static void percent_signs_that_code_nothing_stay(void **state)
{
    (void)state;
    check_str(percent_decode(&arena, STR("a%2"), false), "a%2");
    check_str(percent_decode(&arena, STR("%zz%41%"), false), "%zzA%");
    check_str(percent_decode(&arena, STR("a+b"), false), "a+b");
    check_str(percent_decode(&arena, STR("a+b%2B"), true), "a b+");
    check_str(percent_decode(&arena, STR("%ff"), false), "\xff"); /* the address is refused before anybody sees it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_is_named_once_and_found_by_its_own_path),
        cmocka_unit_test(no_reader_of_persons_is_open_to_the_auditor_or_to_all),
        cmocka_unit_test(parameters_are_decoded_after_the_path_is_cut),
        cmocka_unit_test(what_is_no_route_is_not_found),
        cmocka_unit_test(percent_signs_that_code_nothing_stay),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

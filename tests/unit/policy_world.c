#include "policy_world.h"

struct arena policy_arena;
static struct map notices;
static struct policy *loaded[512];
static size_t loaded_count;

static const char *environment(const char *name) { return strcmp(name, "KEY_SET") == 0 || strcmp(name, "KEY_AGAIN") == 0 ? "the-key" : NULL; }

void policy_notice_set(const char *path, const char *content)
{
    str *kept = arena_new(&policy_arena, str);
    *kept = str_copy(&policy_arena, str_of(content));
    map_set(&notices, str_copy(&policy_arena, str_of(path)), kept);
}

int policy_world_begin(void **state)
{
    (void)state;
    arena_init(&policy_arena);
    map_init(&notices, &policy_arena);
    policy_notice_set("a.md", "We send offers.");
    policy_notice_set("b.md", "Ajánlatokat küldünk.");
    return 0;
}

int policy_world_end(void **state)
{
    (void)state;
    while (loaded_count)
        policy_free(loaded[--loaded_count]);
    arena_release(&policy_arena);
    return 0;
}

static bool has_section(str text, const char *section)
{
    str line;
    if (str_starts(text, STR("{")))
        return true; /* JSON comes whole */
    while (str_split(&text, '\n', &line))
        if (str_starts(line, str_of(section)))
            return true;
    return false;
}

const struct err *policy_try(const char *text, struct policy **ret_policy, policy_problems *ret_problems)
{
    str whole =
        str_printf(&policy_arena, "%s\n%s%s", text, has_section(str_of(text), "controller:") ? "" : "controller: { name: Teszt Kft., country: HU }\n",
                   has_section(str_of(text), "purposes:") ? "" : "purposes: { p: { title: P, basis: contract, contract: terms, categories: email } }\n");
    struct policy_input input = {.text = whole, .notices = &notices, .environment = environment};
    return policy_load(&policy_arena, &input, ret_policy, ret_problems);
}

struct policy *policy_of(const char *text)
{
    struct policy *policy = NULL;
    policy_problems problems;
    const struct err *err = policy_try(text, &policy, &problems);
    if (err)
        print_error("%.*s", STR_FMT(policy_problems_text(&policy_arena, "policy", &problems)));
    check_fine(err);
    assert_true(loaded_count < COUNT_OF(loaded));
    loaded[loaded_count++] = policy;
    return policy;
}

str policy_refusal(const char *text)
{
    struct policy *policy = NULL;
    policy_problems problems;
    check_code(policy_try(text, &policy, &problems), ERR_POLICY);
    assert_null(policy);
    struct buf lines;
    buf_init(&lines, &policy_arena, 1024 * 1024);
    vec_each (problem, &problems) {
        buf_printf(&lines, "%u:%u: %.*s", problem->line, problem->column, STR_FMT(problem->text));
        if (!str_empty(problem->suggestion))
            buf_printf(&lines, ": did you mean `%.*s`?", STR_FMT(problem->suggestion));
        buf_add_char(&lines, '\n');
    }
    return buf_str(&lines);
}

/* Loading a policy: names first, then contents, then what follows from both. See load_private.h for how its parts share the work. */
#include "policy/load_private.h"

#include <sodium.h>
#include <stdlib.h>

/* ---- names ---- */

static void push_category(struct loader *loader, str name)
{
    struct category *category = vec_push(loader->arena, &loader->policy->categories);
    category->name = name;
}

static void push_notice(struct loader *loader, str name)
{
    struct notice *notice = vec_push(loader->arena, &loader->policy->notices);
    notice->slot = (uint16_t)(loader->policy->notices.count - 1);
    notice->name = name;
    notice->effective_ms = TIME_NONE;
}

static void push_purpose(struct loader *loader, str name)
{
    struct purpose *purpose = vec_push(loader->arena, &loader->policy->purposes);
    purpose->slot = (uint16_t)(loader->policy->purposes.count - 1);
    purpose->self = UINT64_C(1) << purpose->slot;
    purpose->name = name;
    purpose->basis = BASIS_COUNT;
    purpose->notice = SLOT_NONE;
    purpose->terms_version = 1;
    purpose->assessment_at_ms = purpose->assessment_review_ms = purpose->starts_ms = TIME_NONE;
    purpose->ends_ms = TIME_FOREVER;
    purpose->vital_lapse.ms = 72 * HOUR_MS;
}

static void push_source(struct loader *loader, str name)
{
    struct source *source = vec_push(loader->arena, &loader->policy->sources);
    source->slot = (uint16_t)(loader->policy->sources.count - 1);
    source->name = name;
    source->signals = SIGNAL_KIND_ALL;
}

static void push_destination(struct loader *loader, str name)
{
    struct destination *destination = vec_push(loader->arena, &loader->policy->destinations);
    destination->slot = (uint16_t)(loader->policy->destinations.count - 1);
    destination->name = name;
    destination->purpose = SLOT_NONE;
    destination->sends_events = true;
    destination->safeguard_until_ms = TIME_FOREVER;
}

static void push_topic(struct loader *loader, str name)
{
    struct topic *topic = vec_push(loader->arena, &loader->policy->topics);
    topic->name = topic->title = name;
}

static void declare(struct loader *loader, const struct node *root, const char *section, size_t limit, void (*push)(struct loader *, str))
{
    const struct node *map = node_get(root, str_of(section));
    size_t count = 0;
    if (!map || map->kind != NODE_MAP)
        return; /* reported where the section is loaded */
    for (uint32_t i = 0; i < map->count; i++) {
        const struct node *key = &map->entries[i].key;
        if (!name_valid(key->text) || str_equal(key->text, STR("none"))) {
            problem_at(loader, key, STR_NONE,
                       "`%.*s` under `%s` is not a name; use at most %d letters, digits, `_`, `-` and `.`, a letter or digit first",
                       STR_FMT(shown(key->text)), section, (int)LIMIT_NAME_BYTES);
            continue;
        }
        if (count == limit) {
            problem_at(loader, key, STR_NONE, "more than %zu entries under `%s`; that is the limit", limit, section);
            return;
        }
        count++;
        push(loader, keep(loader, key));
    }
}

/* After everything is declared, when the arrays stand still. Of two of one name the first counts; yaml.c reported the other. */
#define INDEX(map, items)                                                                                              \
    do {                                                                                                               \
        map_init(&(map), loader->arena);                                                                               \
        vec_each (item, &(items))                                                                                      \
            if (!map_get(&(map), item->name))                                                                          \
                map_set(&(map), item->name, item);                                                                     \
    } while (0)

static uint32_t entry_count(const struct node *root, const char *section)
{
    const struct node *map = node_get(root, str_of(section));
    return map && map->kind == NODE_MAP ? map->count : 0;
}

static void declare_names(struct loader *loader, const struct node *root)
{
    struct policy *policy = loader->policy;
    size_t room = entry_count(root, "categories") + well_known_count();
    policy->categories.capacity = room < LIMIT_CATEGORIES ? room : LIMIT_CATEGORIES; /* so that it stands still when used ones join */
    policy->categories.items = arena_array(loader->arena, struct category, policy->categories.capacity);
    declare(loader, root, "categories", LIMIT_CATEGORIES, push_category);
    declare(loader, root, "notices", LIMIT_NOTICES, push_notice);
    declare(loader, root, "purposes", LIMIT_PURPOSES, push_purpose);
    declare(loader, root, "sources", LIMIT_SOURCES, push_source);
    declare(loader, root, "destinations", LIMIT_DESTINATIONS, push_destination);
    declare(loader, root, "topics", LIMIT_POLICY_LIST, push_topic);
    INDEX(policy->category_by_name, policy->categories);
    INDEX(policy->notice_by_name, policy->notices);
    INDEX(policy->purpose_by_name, policy->purposes);
    INDEX(policy->source_by_name, policy->sources);
    INDEX(policy->destination_by_name, policy->destinations);
    map_init(&policy->key_by_name, loader->arena);
    map_init(&policy->trait_by_name, loader->arena);
    map_init(&policy->signal_by_category, loader->arena);
}

void each_declared(struct loader *loader, const struct node *section, const char *what, const struct map *names,
                   void (*load)(struct loader *loader, const struct node *node, void *item))
{
    for (uint32_t i = 0; i < section->count; i++) {
        const struct entry *entry = &section->entries[i];
        void *item = map_get(names, entry->key.text);
        if (!item || (section->count <= LIMIT_PURPOSES && node_get(section, entry->key.text) != &entry->value))
            continue; /* not a name, over the limit, or here twice: reported before */
        where_set(loader, what, entry->key.text);
        struct node nothing = {.kind = NODE_MAP, .line = entry->value.line, .column = entry->value.column};
        if (entry->value.kind == NODE_NULL)
            load(loader, &nothing, item);
        else if (expect_map(loader, &entry->value, "this"))
            load(loader, &entry->value, item);
        where_set(loader, NULL, STR_NONE);
    }
}

/* ---- the whole ---- */

static const struct {
    const char *name;
    void (*load)(struct loader *loader, const struct node *section);
    const char *needed; /* why, where the policy cannot do without */
} sections[] = {
    /* in this order: what stands further down looks at what stands above */
    {"controller", load_controller, "who decides why data is processed: `controller: { name: …, country: HU }`"},
    {"settings", load_settings, NULL},
    {"transfers", load_transfers, NULL},
    {"categories", load_categories, NULL},
    {"notices", load_notices, NULL},
    {"purposes", load_purposes, "why data is processed; without one nothing may be stored"},
    {"signals", load_signals, NULL},
    {"fields", load_fields, NULL},
    {"sources", load_sources, NULL},
    {"destinations", load_destinations, NULL},
    {"traits", load_traits, NULL},
    {"topics", load_topics, NULL},
    {"identity", load_identity, NULL},
    {"rights", load_rights, NULL},
};
enum { SECTION_COUNT = sizeof(sections) / sizeof(sections[0]) };

static void load_sections(struct loader *loader, const struct node *root)
{
    static const struct node absent = {.kind = NODE_MAP, .line = 1, .column = 1};
    struct member members[SECTION_COUNT];
    for (size_t i = 0; i < SECTION_COUNT; i++)
        members[i] = (struct member){sections[i].name, read_nothing, 0};
    members_read(loader, root, members, SECTION_COUNT, loader->policy);
    declare_names(loader, root);
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        const struct node *section = node_get(root, str_of(sections[i].name));
        if (section && section->kind == NODE_MAP && (section->count || !sections[i].needed)) {
            sections[i].load(loader, section);
            continue;
        }
        if (section && section->kind != NODE_NULL && section->kind != NODE_MAP)
            problem_at(loader, section, STR_NONE, "`%s` must be a map of `key: value`", sections[i].name);
        else if (sections[i].needed)
            problem_at(loader, section ? section : root, STR_NONE, "`%s` is missing: %s", sections[i].name, sections[i].needed);
        sections[i].load(loader, &absent); /* its defaults */
    }
}

static void finish_masks(struct policy *policy)
{
    vec_each (purpose, &policy->purposes) {
        for (size_t slot = 0; slot < policy->categories.count; slot++)
            if (category_in(&purpose->categories, (unsigned)slot))
                policy->categories.items[slot].covered_by |= purpose->self;
        policy->direct_marketing |= purpose->direct_marketing ? purpose->self : 0;
        policy->gpc |= purpose->gpc_objects ? purpose->self : 0;
        policy->tcf |= purpose->tcf_purposes || purpose->tcf_custom || purpose->tcf_features ? purpose->self : 0;
        policy->gpp |= purpose->gpp_uses ? purpose->self : 0;
        policy->consent_mode |= purpose->consent_modes ? purpose->self : 0;
    }
}

static void hash_text(crypto_hash_sha256_state *state, str text)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)text.length >> (8 * i));
    (void)crypto_hash_sha256_update(state, length, sizeof(length)); /* cannot fail */
    (void)crypto_hash_sha256_update(state, (const uint8_t *)(text.data ? text.data : ""), text.length);
}

/* Over the file, then each notice's path and text in the order of the file; each with its length before it, so that nothing can
 * move from one to the next. */
static void finish_hash(struct policy *policy)
{
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state); /* cannot fail */
    hash_text(&state, policy->text);
    vec_each (notice, &policy->notices)
        vec_each (text, &notice->texts) {
            hash_text(&state, text->path);
            hash_text(&state, text->content);
        }
    (void)crypto_hash_sha256_final(&state, policy->sha256);
}

static struct policy *policy_new(void)
{
    struct arena arena;
    arena_init(&arena);
    struct policy *policy = arena_new(&arena, struct policy);
    policy->arena = arena; /* from here on only this copy is used */
    policy->identity_purpose = policy->field_default = SLOT_NONE;
    return policy;
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    struct arena arena = policy->arena; /* the policy itself lies in it */
    arena_release(&arena);
}

static bool before(const struct policy_problem *a, const struct policy_problem *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* As they stand in the file; of one place in the order in which they were found. There are few. */
static void problems_sort(policy_problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        struct policy_problem problem = problems->items[i];
        size_t at = i;
        for (; at > 0 && before(&problem, &problems->items[at - 1]); at--)
            problems->items[at] = problems->items[at - 1];
        problems->items[at] = problem;
    }
}

const struct err *policy_load(struct arena *arena, const struct policy_input *input, struct policy **ret_policy,
                              policy_problems *ret_problems)
{
    struct arena scratch;
    struct node root = {0};
    arena_init(&scratch);
    struct policy *policy = policy_new();
    struct loader loader = {.key = "this", .policy = policy, .arena = &policy->arena, .scratch = &scratch, .problem_arena = arena,
                            .problems = ret_problems, .input = input};
    memset(ret_problems, 0, sizeof(*ret_problems));
    policy->text = input->text.length <= LIMIT_POLICY_BYTES ? str_copy(&policy->arena, input->text) : STR_NONE;
    if (yaml_read(&scratch, input->text, arena, ret_problems, &root)) {
        if (expect_map(&loader, &root, "a policy"))
            load_sections(&loader, &root);
        finish_masks(policy);
        finish_hash(policy);
    }
    arena_release(&scratch);
    problems_sort(ret_problems);
    if (!ret_problems->count) {
        *ret_policy = policy;
        return NULL;
    }
    policy_free(policy);
    const struct policy_problem *first = &ret_problems->items[0];
    return err_new(arena, ERR_POLICY, "the policy is refused for %zu problem%s; line %u, column %u: %.*s", ret_problems->count,
                   ret_problems->count == 1 ? "" : "s", first->line, first->column, STR_FMT(first->text));
}

str policy_problems_text(struct arena *arena, const char *file, const policy_problems *problems)
{
    struct buf text;
    buf_init(&text, arena, LIMIT_POLICY_PROBLEMS * 8192);
    vec_each (problem, problems) {
        buf_printf(&text, "%s:%u:%u: %.*s", file, problem->line, problem->column, STR_FMT(problem->text));
        if (!str_empty(problem->suggestion))
            buf_printf(&text, ": did you mean `%.*s`?", STR_FMT(problem->suggestion));
        buf_add_char(&text, '\n');
    }
    if (problems->count >= LIMIT_POLICY_PROBLEMS)
        buf_printf(&text, "%s: there may be more; mend these first\n", file);
    return buf_str(&text);
}

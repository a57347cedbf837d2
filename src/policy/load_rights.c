/* The section `rights`: by which other protocols requests of persons may come in, and from whom. Without it they are closed. */
#include "policy/load_private.h"

#include "base/str.h"

static void read_key(struct loader *loader, const struct node *value, void *field)
{
    str bytes;
    if (!expect_text(loader, value, "the key"))
        return;
    if (str_unbase64(loader->scratch, value->text, &bytes) && bytes.length == 32)
        memcpy(field, bytes.data, 32);
    else
        problem_at(loader, value, STR_NONE, "the key is an Ed25519 public key: 32 bytes in base64");
}

static void push_exercise(struct loader *loader, const struct node *item, void *context)
{
#define X(code, name) name,
    static const char *const names[] = {AGENT_EXERCISES(X)};
#undef X
    int exercise = read_word(loader, item, "exercise", names, EXERCISE_COUNT);
    if (exercise >= 0)
        *(uint8_t *)context |= (uint8_t)(1u << exercise);
}

static void read_exercises(struct loader *loader, const struct node *value, void *field)
{
    each_text(loader, value, "the list of exercises", push_exercise, field);
}

static void read_agent(struct loader *loader, const struct node *key, const struct node *value, struct policy *policy)
{
    static const struct member members[] = {{"title", read_text, offsetof(struct rights_agent, title)},
                                            {"key", read_key, offsetof(struct rights_agent, key)},
                                            {"exercises", read_exercises, offsetof(struct rights_agent, exercises)}};
    struct rights_agent agent = {.name = keep(loader, key)};
    if (!name_valid(key->text)) {
        problem_at(loader, key, STR_NONE, "`%.*s` is no name for an agent", STR_FMT(shown(key->text)));
        return;
    }
    if (!expect_map(loader, value, "the agent"))
        return;
    members_read(loader, value, members, sizeof(members) / sizeof(members[0]), &agent);
    if (!node_get(value, STR("key")))
        problem_at(loader, value, STR_NONE, "agent `%.*s` has no `key`, so nothing of it could be verified", STR_FMT(shown(key->text)));
    if (!node_get(value, STR("exercises")))
        problem_at(loader, value, STR_NONE, "agent `%.*s` has no `exercises`: say what it may ask for", STR_FMT(shown(key->text)));
    *(struct rights_agent *)vec_push(loader->arena, &policy->rights_agents) = agent;
}

static void read_agents(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_map(loader, value, "the agents"))
        return;
    if (value->count > LIMIT_POLICY_LIST) {
        problem_at(loader, value, STR_NONE, "there are %u agents, the limit is %d", value->count, (int)LIMIT_POLICY_LIST);
        return;
    }
    for (uint32_t i = 0; i < value->count; i++)
        read_agent(loader, &value->entries[i].key, &value->entries[i].value, field);
}

/* In words, so that the diff of two policies sees every change. */
static str in_words(struct loader *loader, const struct policy *policy)
{
    struct buf text;
    buf_init(&text, loader->arena, 1u << 20);
    vec_each (agent, &policy->rights_agents)
        buf_printf(&text, "%.*s %.*s %u; ", STR_FMT(agent->name), STR_FMT(str_base64(loader->scratch, agent->key, sizeof agent->key)), agent->exercises);
    vec_each (host, &policy->callback_hosts)
        buf_printf(&text, "%.*s; ", STR_FMT(*host));
    return buf_str(&text);
}

void load_rights(struct loader *loader, const struct node *section)
{
    static const struct member members[] = {{"domain", read_text, offsetof(struct policy, rights_domain)},
                                            {"callback_hosts", read_texts, offsetof(struct policy, callback_hosts)},
                                            {"agents", read_agents, 0}};
    struct policy *policy = loader->policy;
    where_set(loader, "section", STR("rights"));
    members_read(loader, section, members, sizeof(members) / sizeof(members[0]), policy);
    if (section->count && str_empty(policy->rights_domain) && !node_get(section, STR("domain")))
        problem_at(loader, section, STR_NONE, "`domain` is missing: the name by which privacy tools know you, as privacy.shop.example");
    where_set(loader, NULL, STR_NONE);
    policy->rights_text = in_words(loader, policy);
}

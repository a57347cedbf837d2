/* The section `identity`: the keys that name a person, strongest first, and the purpose of joining. */
#include "policy/load_private.h"

/* What users of Segment and RudderStack expect of these without saying so. Not verified: anyone can send one. */
static const struct usual_key {
    const char *name, *from[3];
    enum normalise normalise;
    uint32_t limit;
    uint8_t strength;
    bool verified, always; /* always: exists in each policy */
} usual_keys[] = {
    {"user_id", {"userId"}, NORMALISE_TRIM, 1, 200, true, true},
    {"email", {"traits.email", "context.traits.email"}, NORMALISE_EMAIL, 10, 160, true, false},
    {"phone", {"traits.phone", "context.traits.phone"}, NORMALISE_E164, 10, 140, true, false},
    {"device_id", {"context.device.id"}, NORMALISE_TRIM, 50, 40, false, false},
    {"advertising_id", {"context.device.advertisingId"}, NORMALISE_LOWER, 50, 30, false, false},
    {"push_token", {"context.device.token"}, NORMALISE_TRIM, 50, 20, false, false},
    {"anonymous_id", {"anonymousId"}, NORMALISE_TRIM, 200, 10, false, true},
};
enum { USUAL_KEYS = sizeof(usual_keys) / sizeof(usual_keys[0]), OTHER_LIMIT = 10, OTHER_STRENGTH = 120 };

static const struct usual_key *usual_find(str name)
{
    for (size_t i = 0; i < USUAL_KEYS; i++)
        if (str_equal(name, str_of(usual_keys[i].name)))
            return &usual_keys[i];
    return NULL;
}

static struct identity_key *key_new(struct loader *loader, str name)
{
    const struct usual_key *usual = usual_find(name);
    struct identity_key *key = vec_push(loader->arena, &loader->policy->keys);
    *key = (struct identity_key){.name = name, .normalise = NORMALISE_TRIM, .limit_per_profile = OTHER_LIMIT, .verified = true,
                                 .strength = OTHER_STRENGTH, .category = SLOT_NONE, .default_region = loader->policy->country};
    if (usual) {
        key->normalise = usual->normalise;
        key->limit_per_profile = usual->limit;
        key->strength = usual->strength;
        key->verified = usual->verified;
    }
    return key;
}

static void push_path(struct loader *loader, struct identity_key *key, const char *prefix, str name)
{
    *(str *)vec_push(loader->arena, &key->from) = str_printf(loader->arena, "%s%.*s", prefix, STR_FMT(name));
}

/* "loyalty_id" as JavaScript writes it: "loyaltyId" */
static str camel(struct arena *arena, str name)
{
    char *text = arena_alloc(arena, name.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool joins = c == '_' && i + 1 < name.length;
        if (joins)
            c = name.data[++i];
        text[length++] = joins && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    return str_bytes(text, length);
}

static void key_paths_default(struct loader *loader, struct identity_key *key)
{
    const struct usual_key *usual = usual_find(key->name);
    for (size_t i = 0; usual && i < 3 && usual->from[i]; i++)
        push_path(loader, key, "", str_of(usual->from[i]));
    if (usual)
        return;
    str other = camel(loader->arena, key->name);
    push_path(loader, key, "traits.", key->name);
    push_path(loader, key, "context.traits.", key->name);
    if (!str_equal(other, key->name)) {
        push_path(loader, key, "traits.", other);
        push_path(loader, key, "context.traits.", other);
    }
}

/* ---- readers ---- */

static void read_normalise(struct loader *loader, const struct node *value, void *field)
{
#define X(code, name) name,
    static const char *const words[] = {NORMALISERS(X)};
#undef X
    int word = read_word(loader, value, "way to normalise", words, NORMALISE_COUNT);
    if (word >= 0)
        *(enum normalise *)field = (enum normalise)word;
}

static void read_limit(struct loader *loader, const struct node *value, void *field)
{
    uint32_t limit = 0;
    read_count(loader, value, &limit);
    if (limit > LIMIT_PROFILE_IDENTIFIERS)
        problem_at(loader, value, STR_NONE, "a person has at most %d identifiers in all; write less", (int)LIMIT_PROFILE_IDENTIFIERS);
    else if (limit)
        *(uint32_t *)field = limit;
}

static void read_strength(struct loader *loader, const struct node *value, void *field)
{
    uint32_t strength = 0;
    read_number(loader, value, &strength);
    if (strength > UINT8_MAX)
        problem_at(loader, value, STR_NONE, "strength is a number from 0 to 255; user_id has 200, anonymous_id 10");
    else
        *(uint8_t *)field = (uint8_t)strength;
}

static void read_key_category(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "`category`"))
        return;
    const struct category *category = find_category(loader, value);
    if (category)
        *(uint16_t *)field = (uint16_t)(category - loader->policy->categories.items);
}

static void push_from(struct loader *loader, const struct node *item, void *context)
{
    str path = str_starts(item->text, STR("$.")) ? str_slice(item->text, 2, item->text.length) : item->text;
    if (str_empty(path) || path.length > LIMIT_FIELD_NAME_BYTES || str_find_char(path, '*') >= 0 || str_find_char(path, '[') >= 0 ||
        str_find(path, STR("..")) >= 0 || path.data[0] == '.' || str_ends(path, STR(".")))
        problem_at(loader, item, STR_NONE, "`%.*s` is not a path to one value; write as traits.email", STR_FMT(shown(item->text)));
    else
        *(str *)vec_push(loader->arena, (str_vec *)context) = str_copy(loader->arena, path);
}

static void read_from(struct loader *loader, const struct node *value, void *field)
{
    each_text(loader, value, "`from`", push_from, field);
}

static void load_key(struct loader *loader, const struct node *node, struct identity_key *key)
{
    static const struct member members[] = {
        {"normalise", read_normalise, offsetof(struct identity_key, normalise)},
        {"default_region", read_country, offsetof(struct identity_key, default_region)},
        {"unique", read_flag, offsetof(struct identity_key, unique)},
        {"limit_per_profile", read_limit, offsetof(struct identity_key, limit_per_profile)},
        {"verified", read_flag, offsetof(struct identity_key, verified)},
        {"category", read_key_category, offsetof(struct identity_key, category)},
        {"strength", read_strength, offsetof(struct identity_key, strength)},
        {"from", read_from, offsetof(struct identity_key, from)},
        {"blocked", read_texts, offsetof(struct identity_key, blocked)},
    };
    const struct node *limit = node_get(node, STR("limit_per_profile"));
    members_read(loader, node, members, sizeof(members) / sizeof(members[0]), key);
    if (key->unique && limit && key->limit_per_profile > 1)
        problem_at(loader, limit, STR_NONE, "`unique` means one a person; take out one of the two");
    if (!node_get(node, STR("unique")) && limit)
        key->unique = false;
    else if (node_get(node, STR("unique")) && !key->unique && !limit && key->limit_per_profile == 1)
        key->limit_per_profile = OTHER_LIMIT;
    if (key->unique)
        key->limit_per_profile = 1;
}

/* ---- the section ---- */

static bool key_exists(const struct policy *policy, str name)
{
    vec_each (key, &policy->keys)
        if (str_equal(key->name, name))
            return true;
    return false;
}

/* Keys that exist in each policy and are not there yet. */
static size_t always_missing(const struct policy *policy)
{
    size_t count = 0;
    for (size_t i = 0; i < USUAL_KEYS; i++)
        count += usual_keys[i].always && !key_exists(policy, str_of(usual_keys[i].name));
    return count;
}

static void load_keys(struct loader *loader, const struct node *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct entry *entry = &map->entries[i];
        where_set(loader, "identity key", entry->key.text);
        const struct usual_key *usual = usual_find(entry->key.text);
        bool reserved = usual && usual->always;
        if (!reserved && loader->policy->keys.count == LIMIT_IDENTITY_KEYS - always_missing(loader->policy)) {
            problem_at(loader, &entry->key, STR_NONE, "more than %d identity keys, with user_id and anonymous_id; that is the limit",
                       (int)LIMIT_IDENTITY_KEYS);
            return;
        }
        if (!name_valid(entry->key.text)) {
            problem_at(loader, &entry->key, STR_NONE, "this is not a name; use letters, digits, `_`, `-` and `.`, a letter or digit first");
            continue;
        }
        if (key_exists(loader->policy, entry->key.text))
            continue; /* here twice: reported */
        struct identity_key *key = key_new(loader, keep(loader, &entry->key));
        if (entry->value.kind != NODE_NULL && expect_map(loader, &entry->value, "this"))
            load_key(loader, &entry->value, key);
    }
}

/* The category of what the key is read from: of a rule for exactly that field, a category of the key's own name, any rule. */
static uint16_t key_category(const struct policy *policy, const struct identity_key *key)
{
    uint16_t category = SLOT_NONE;
    for (size_t i = 0; i < key->from.count && category == SLOT_NONE; i++)
        category = field_rule_exact(policy, key->from.items[i]);
    const struct category *named = map_get(&policy->category_by_name, key->name);
    if (category == SLOT_NONE && named)
        category = (uint16_t)(named - policy->categories.items);
    for (size_t i = 0; i < key->from.count && category == SLOT_NONE; i++)
        category = field_rule_any(policy, key->from.items[i]);
    return category;
}

/* Strongest first; of equals the one that stands first in the file. */
static void keys_sort(struct policy *policy)
{
    for (size_t i = 1; i < policy->keys.count; i++) {
        struct identity_key key = policy->keys.items[i];
        size_t at = i;
        for (; at > 0 && policy->keys.items[at - 1].strength < key.strength; at--)
            policy->keys.items[at] = policy->keys.items[at - 1];
        policy->keys.items[at] = key;
    }
}

static void keys_finish(struct loader *loader, bool declared)
{
    struct policy *policy = loader->policy;
    static const char *const segment[] = {"email", "phone", "device_id"}; /* where a policy says nothing of keys */
    for (size_t i = 0; i < USUAL_KEYS; i++)
        if (usual_keys[i].always && !key_exists(policy, str_of(usual_keys[i].name)))
            (void)key_new(loader, str_of(usual_keys[i].name)); /* in the array already */
    for (size_t i = 0; !declared && i < sizeof(segment) / sizeof(segment[0]); i++)
        (void)key_new(loader, str_of(segment[i]));
    keys_sort(policy);
    vec_each (key, &policy->keys) {
        key->slot = (uint16_t)(key - policy->keys.items);
        key->unique = key->unique || key->limit_per_profile == 1;
        if (!key->from.count)
            key_paths_default(loader, key);
        if (key->category == SLOT_NONE)
            key->category = key_category(policy, key);
        map_set(&policy->key_by_name, key->name, key);
    }
}

void load_identity(struct loader *loader, const struct node *section)
{
    static const struct member members[] = {{"purpose", read_nothing, 0}, {"keys", read_nothing, 0}};
    const struct node *purpose = node_get(section, STR("purpose")), *keys = node_get(section, STR("keys"));
    where_set(loader, "section", STR("identity"));
    members_read(loader, section, members, sizeof(members) / sizeof(members[0]), loader->policy);
    if (purpose && expect_text(loader, purpose, "`purpose`")) {
        const struct purpose *found = find_purpose(loader, purpose);
        if (found)
            loader->policy->identity_purpose = found->slot;
    }
    if (keys && keys->kind != NODE_NULL && expect_map(loader, keys, "`keys`"))
        load_keys(loader, keys);
    where_set(loader, NULL, STR_NONE);
    keys_finish(loader, keys != NULL);
}

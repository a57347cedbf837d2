/* Which identifiers a message names: the keys' `from` paths, context.externalIds, alias's previousId. */
#include "core/core_private.h"

/* Where a key is read when the policy names no path. */
static const struct {
    const char *key, *paths[3];
} usual[] = {
    {"user_id", {"userId"}},
    {"anonymous_id", {"anonymousId"}},
    {"email", {"traits.email", "context.traits.email"}},
    {"phone", {"traits.phone", "context.traits.phone"}},
    {"device_id", {"context.device.id"}},
};

struct extraction {
    struct arena *arena;
    struct message *message;
    struct message_identifier found[LIMIT_MESSAGE_IDENTIFIERS];
    size_t count;
};

static void ignored_add(struct extraction *e, str field, enum reason reason)
{
    struct message *message = e->message;
    if (message->ignored_count == LIMIT_MESSAGE_IDENTIFIERS)
        return;
    if (!message->ignored)
        message->ignored = arena_array(e->arena, struct left_out, LIMIT_MESSAGE_IDENTIFIERS);
    message->ignored[message->ignored_count++] = (struct left_out){field, REASON_BIT(reason)};
}

static void found_add(struct extraction *e, const struct identity_key *key, const struct json *value, str field, bool previous)
{
    if (!value || (value->type != JSON_STRING && value->type != JSON_NUMBER))
        return;
    str text = json_id_text(e->arena, value), normal;
    enum reason reason;
    if (str_empty(text))
        return;
    if (!identity_normalise(e->arena, key, text, &normal, &reason)) {
        ignored_add(e, field, reason);
        return;
    }
    for (size_t i = 0; i < e->count; i++)
        if (e->found[i].key == key && str_equal(e->found[i].value, normal)) {
            e->found[i].previous &= previous;
            return;
        }
    if (e->count == LIMIT_MESSAGE_IDENTIFIERS) {
        ignored_add(e, field, REASON_IDENTIFIER_LIMIT);
        return;
    }
    size_t place = e->count++;
    for (; place > 0 && e->found[place - 1].key->slot > key->slot; place--)
        e->found[place] = e->found[place - 1];
    e->found[place] = (struct message_identifier){.key = key, .value = normal, .previous = previous};
}

static void path_read(struct extraction *e, const struct identity_key *key, str path)
{
    if (e->message->type == EVENT_GROUP && str_starts(path, STR("traits.")))
        return; /* a group's traits are no person's */
    const struct json *value = str_find_char(path, '.') < 0 ? json_get(&e->message->body, path) : json_path(&e->message->body, path);
    found_add(e, key, value, path, false);
}

static void external_ids(struct extraction *e, const struct policy *policy)
{
    const struct json *list = json_get(json_get(&e->message->body, STR("context")), STR("externalIds"));
    if (!list || list->type != JSON_ARRAY)
        return;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct json *item = &list->items[i];
        const struct identity_key *key = policy_key(policy, json_string(json_get(item, STR("type"))));
        if (key)
            found_add(e, key, json_get(item, STR("id")), STR("context.externalIds"), false);
    }
}

void identity_extract(struct arena *arena, const struct policy *policy, struct message *message)
{
    struct extraction e = {.arena = arena, .message = message};
    message->ignored_count = 0;
    vec_each (key, &policy->keys) {
        if (key->from.count) {
            vec_each (path, &key->from)
                path_read(&e, key, *path);
            continue;
        }
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            if (str_equal(key->name, str_of(usual[i].key)))
                for (int p = 0; p < 3 && usual[i].paths[p]; p++)
                    path_read(&e, key, str_of(usual[i].paths[p]));
    }
    external_ids(&e, policy);
    if (message->type == EVENT_ALIAS) { /* may be either kind; resolving keeps the one that is known */
        const struct json *previous = json_get(&message->body, STR("previousId"));
        const struct identity_key *user = policy_key(policy, STR("user_id")), *anonymous = policy_key(policy, STR("anonymous_id"));
        if (user)
            found_add(&e, user, previous, STR("previousId"), true);
        if (anonymous)
            found_add(&e, anonymous, previous, STR("previousId"), true);
    }
    message->identifier_count = e.count;
    message->identifiers = arena_array(arena, struct message_identifier, e.count ? e.count : 1);
    memcpy(message->identifiers, e.found, e.count * sizeof *e.found);
}

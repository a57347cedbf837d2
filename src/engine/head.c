/* The head of a shared store as text: a JSON object, so that whoever looks with psql can read it. No personal data.
 *
 * Nodes of an older and of a newer program write it in turns. So what is not known here is written again as
 * it was, and a member that is added later must be one that may be missing.
 */
#include "engine/nodes_private.h"

#define HEAD_BYTES_MAX 16384

/* code in struct node_head, name in the text */
#define HEAD_NUMBERS(X)                                                                                                \
    X(saves) X(batch_last) X(profile_next) X(event_next) X(outbox_next) X(held_next) X(tokens_at) X(access_at) X(settings_at) X(ends_at)

/* ---- what is not known here ---- */

static bool is_known(str name)
{
    static const char *const others[] = {"at_ms", "policy_version", "ledger_size", "ledger_frontier"};
#define X(known) \
    if (str_equal(name, STR(#known))) \
        return true;
    HEAD_NUMBERS(X)
#undef X
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_equal(name, str_of(others[i])))
            return true;
    return false;
}

/* As an object; false where it is too long to be kept. */
static bool rest_read(struct arena *arena, const struct json *tree, struct node_head *head)
{
    struct buf out;
    struct jsonw w;
    bool any = false;
    buf_init(&out, arena, HEAD_REST_MAX);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    for (uint32_t i = 0; i < tree->count; i++)
        if (!is_known(tree->members[i].name)) {
            jsonw_key(&w, tree->members[i].name);
            jsonw_value(&w, &tree->members[i].value);
            any = true;
        }
    jsonw_object_end(&w);
    if (out.overflow)
        return false;
    str text = buf_str(&out);
    if (any)
        memcpy(head->rest, text.data, text.length);
    head->rest[any ? text.length : 0] = 0;
    return true;
}

static void rest_write(struct arena *arena, struct jsonw *w, const struct node_head *head)
{
    struct json tree;
    if (!head->rest[0])
        return;
    const struct err *err = json_read(arena, str_of(head->rest), &tree);
    ASSERT(!err); /* rest_read wrote it */
    for (uint32_t i = 0; i < tree.count; i++) {
        jsonw_key(w, tree.members[i].name);
        jsonw_value(w, &tree.members[i].value);
    }
}

str node_head_write(struct arena *arena, const struct node_head *head)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, HEAD_BYTES_MAX);
    jsonw_init(&w, &out);
    jsonw_object(&w);
#define X(name) jsonw_field_int(&w, #name, (int64_t)head->name);
    HEAD_NUMBERS(X)
#undef X
    jsonw_field_int(&w, "at_ms", head->at_ms);
    jsonw_field_int(&w, "policy_version", head->policy_version);
    jsonw_field_int(&w, "ledger_size", (int64_t)head->frontier.size);
    jsonw_key(&w, STR("ledger_frontier"));
    jsonw_array(&w);
    for (unsigned i = 0; i < head->frontier.count; i++)
        jsonw_string(&w, str_hex(arena, head->frontier.nodes[i].bytes, sizeof head->frontier.nodes[i].bytes));
    jsonw_array_end(&w);
    rest_write(arena, &w, head);
    jsonw_object_end(&w);
    ASSERT(!out.overflow);
    return buf_str(&out);
}

static bool number_read(const struct json *tree, const char *name, uint64_t *ret_number)
{
    int64_t value = 0;
    if (!json_int(json_get(tree, str_of(name)), &value) || value < 0)
        return false;
    *ret_number = (uint64_t)value;
    return true;
}

static bool frontier_read(const struct json *tree, struct merkle_frontier *frontier)
{
    const struct json *nodes = json_get(tree, STR("ledger_frontier"));
    if (!number_read(tree, "ledger_size", &frontier->size) || !nodes || nodes->type != JSON_ARRAY ||
        nodes->count != (uint32_t)__builtin_popcountll(frontier->size))
        return false;
    frontier->count = (uint8_t)nodes->count;
    for (uint32_t i = 0; i < nodes->count; i++)
        if (!str_unhex(json_string(&nodes->items[i]), frontier->nodes[i].bytes, sizeof frontier->nodes[i].bytes))
            return false;
    return true;
}

bool node_head_read(struct arena *arena, str text, struct node_head *ret_head)
{
    struct node_head head = {0};
    struct json tree;
    uint64_t at_ms = 0, version = 0;
    if (json_read(arena, text, &tree) || tree.type != JSON_OBJECT || !rest_read(arena, &tree, &head))
        return false;
#define X(name) \
    if (!number_read(&tree, #name, &head.name)) \
        return false;
    HEAD_NUMBERS(X)
#undef X
    if (!number_read(&tree, "at_ms", &at_ms) || !number_read(&tree, "policy_version", &version) || version > UINT32_MAX ||
        !frontier_read(&tree, &head.frontier))
        return false;
    head.at_ms = (int64_t)at_ms;
    head.policy_version = (uint32_t)version;
    *ret_head = head;
    return true;
}

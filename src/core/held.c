/* Messages that wait for their consent (gate.md §4 `hold`): put away whole, and let in again by the front door when it comes.
 *
 * 1. What is put away is the message with its envelope: its times, and its identifiers with their hashes, for only the engine can hash.
 * 2. A released message brings no signals again: those became records when it came.
 * 3. Whoever is not looked up (batch->looked_up) is joined with nobody, since an identifier may have one owner only.
 */
#include "core/core_private.h"

static str held_text(struct arena *arena, const struct message *message)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, (size_t)LIMIT_MESSAGE_BYTES * 8 + (size_t)LIMIT_MESSAGE_IDENTIFIERS * LIMIT_IDENTIFIER_BYTES * 8);
    (void)buf_reserve(&buf, message->text.length + 512); /* one growth, not ten */
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_int(&w, "at", message->at_ms);
    jsonw_field_bool(&w, "gpc", message->gpc);
    jsonw_field_bool(&w, "historical", message->historical);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, message->id);
    jsonw_key(&w, STR("identifiers"));
    jsonw_array(&w);
    for (size_t i = 0; i < message->identifier_count; i++) {
        const struct message_identifier *id = &message->identifiers[i];
        jsonw_object(&w);
        jsonw_field(&w, "hash", str_hex(arena, id->hash.bytes, sizeof id->hash.bytes));
        jsonw_field(&w, "key", id->key->name);
        jsonw_field_bool(&w, "previous", id->previous);
        jsonw_field(&w, "value", id->value);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_key(&w, STR("message"));
    if (message->body.raw_dirty || str_empty(message->body.raw))
        jsonw_value(&w, &message->body);
    else
        jsonw_raw(&w, message->body.raw);
    jsonw_field(&w, "message_id", message->message_id);
    jsonw_field_int(&w, "received", message->received_ms);
    if (message->sent_ms != TIME_NONE)
        jsonw_field_int(&w, "sent", message->sent_ms);
    jsonw_field(&w, "type", str_of(event_type_name(message->type)));
    jsonw_object_end(&w);
    ASSERT(!buf.overflow);
    return buf_str(&buf);
}

bool held_push(struct apply *apply, struct person *person, const struct identifier *identifier, const struct message *message)
{
    size_t alive = 0;
    vec_each (held, &person->held)
        alive += !row_dead(held);
    if (alive >= LIMIT_PROFILE_HELD)
        return false;
    int64_t expires_ms = time_add(message->received_ms, message->source->hold);
    *(struct held *)vec_push(apply->arena, &person->held) =
        (struct held){.change = CHANGE_NEW, .profile = identifier->profile, .identifier = identifier->number, .source = message->source->name,
                      .received_ms = message->received_ms, .expires_ms = expires_ms, .message = held_text(apply->arena, message)};
    person_due(person, expires_ms);
    person_due(person, standing_of(apply, person, NULL)->stores_until_ms); /* a purpose may end before, and the hope with it */
    return true;
}

purpose_mask held_hopes(const struct policy *policy, const struct standing *standing, purpose_mask purposes)
{
    const reason_mask final = REASON_BIT(REASON_CONSENT_REFUSED) | REASON_BIT(REASON_CONSENT_WITHDRAWN) | REASON_BIT(REASON_OBJECTED) |
                              REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL) | REASON_BIT(REASON_PURPOSE_ENDED) | REASON_BIT(REASON_SUBJECT_ERASED);
    ASSERT(policy == standing->policy);
    mask_each (slot, purposes)
        if (standing->erased || (standing->purposes[slot].collect_reasons & final))
            purposes &= ~(UINT64_C(1) << slot);
    return purposes;
}

bool held_hopeful(const struct apply *apply, const struct standing *standing, const struct held *held)
{
    const struct source *source = policy_source(apply->policy, held->source);
    return source && held_hopes(apply->policy, standing, source->purposes);
}

void held_despair(struct apply *apply, struct person *person, purpose_mask hopes)
{
    const struct standing *standing = standing_of(apply, person, NULL);
    if ((hopes & ~held_hopes(apply->policy, standing, hopes)) && person_require(apply, person, PERSON_HELD))
        held_enforce(apply, person, standing);
}

/* --- letting in again */

static void wish(struct apply *apply, const identifier_hash *hash)
{
    apply->batch->more_needed = true;
    vec_each (wanted, &apply->batch->wanted)
        if (!memcmp(wanted->bytes, hash->bytes, sizeof hash->bytes))
            return;
    *(identifier_hash *)vec_push(apply->arena, &apply->batch->wanted) = *hash;
}

/* May the identifier take part? Only when it is known here who has it, or that nobody has. */
static bool identifier_settled(struct apply *apply, const identifier_hash *hash)
{
    if (index_find(apply, hash))
        return true;
    if (!apply->batch->looked_up.arena)
        return false;
    if (map_get(&apply->batch->looked_up, str_bytes(hash->bytes, sizeof hash->bytes)))
        return true;
    wish(apply, hash);
    return false;
}

static void identifiers_read(struct apply *apply, const struct json *list, struct message *message)
{
    uint32_t count = list && list->type == JSON_ARRAY ? list->count : 0;
    message->identifiers = arena_array(apply->arena, struct message_identifier, count + 1);
    for (uint32_t i = 0; i < count && message->identifier_count < LIMIT_MESSAGE_IDENTIFIERS; i++) {
        struct message_identifier *id = &message->identifiers[message->identifier_count];
        const struct json *item = &list->items[i];
        *id = (struct message_identifier){.key = policy_key(apply->policy, json_string(json_get(item, STR("key")))),
                                          .value = json_string(json_get(item, STR("value"))),
                                          .previous = json_bool(json_get(item, STR("previous")), false)};
        if (id->key && str_unhex(json_string(json_get(item, STR("hash"))), id->hash.bytes, sizeof id->hash.bytes) &&
            identifier_settled(apply, &id->hash))
            message->identifier_count++;
    }
}

/* False when it cannot be read: then it is of no use to anyone. */
static bool held_read(struct apply *apply, struct held *held, struct message *ret_message)
{
    struct json tree;
    int64_t number;
    *ret_message = (struct message){.source = policy_source(apply->policy, held->source), .received_ms = held->received_ms,
                                    .sent_ms = TIME_NONE, .released = true, .from_hold = held};
    if (!ret_message->source || json_read(apply->arena, held->message, &tree))
        return false;
    const struct json *body = json_get(&tree, STR("message"));
    if (!body || body->type != JSON_OBJECT || !event_type_parse(json_string(json_get(&tree, STR("type"))), &ret_message->type))
        return false;
    ret_message->body = *body;
    ret_message->text = body->raw;
    ret_message->message_id = json_string(json_get(&tree, STR("message_id")));
    (void)uuid_parse(json_string(json_get(&tree, STR("id"))), &ret_message->id); /* without one, a new one is made */
    ret_message->at_ms = json_int(json_get(&tree, STR("at")), &number) ? number : held->received_ms;
    ret_message->gpc = json_bool(json_get(&tree, STR("gpc")), false);
    ret_message->historical = json_bool(json_get(&tree, STR("historical")), false);
    identifiers_read(apply, json_get(&tree, STR("identifiers")), ret_message);
    return true;
}

static struct held *held_find(struct person *person, const char *message)
{
    vec_each (held, &person->held)
        if (!row_dead(held) && held->message.data == message)
            return held;
    return NULL;
}

/* Where its text lies names a row: rows move when persons join. */
static str place_name(const char **place) { return str_bytes(place, sizeof *place); }

/* The oldest one that was not tried yet; those of this batch have no number, and come last. */
static struct held *held_next(struct apply *apply, struct person *person, struct map *tried)
{
    struct held *oldest = NULL;
    vec_each (held, &person->held)
        if (!row_dead(held) && !str_empty(held->message) && held->expires_ms > apply->now_ms &&
            (!oldest || held->received_ms < oldest->received_ms ||
             (held->received_ms == oldest->received_ms && held->number - 1 < oldest->number - 1)) &&
            !map_get(tried, place_name(&held->message.data)))
            oldest = held;
    if (oldest) {
        const char **place = arena_new(apply->arena, const char *);
        *place = oldest->message.data;
        map_set(tried, place_name(place), place);
    }
    return oldest;
}

void held_release(struct apply *apply, struct person *person)
{
    if (apply->releasing || !person_require(apply, person, PERSON_HELD))
        return;
    struct map tried;
    map_init(&tried, apply->arena);
    apply->releasing = true;
    struct marks marks = apply->marks; /* of the message that brought this about, which may be half done */
    apply->marks = (struct marks){0};
    for (struct held *held; (held = held_next(apply, person, &tried));) {
        const char *name = held->message.data;
        struct message message;
        struct message_result result = {0};
        bool readable = held_read(apply, held, &message);
        apply->decision = (uint32_t)(apply->batch->request_count + apply->batch->released.count);
        if (readable && message.identifier_count)
            message_apply(apply, &message, &result);
        apply->decision = apply->request;
        if (!str_empty(result.decision) && result.outcome != OUTCOME_HELD)
            *(struct released_decision *)vec_push(apply->arena, &apply->batch->released) =
                (struct released_decision){result.decision, result.profile_no};
        person = person_latest(person);
        if (!person_require(apply, person, PERSON_HELD)) /* who was joined has messages waiting, too */
            break; /* it will be applied again */
        held = held_find(person, name);
        if (!held || (readable && (result.outcome == OUTCOME_HELD || !message.identifier_count)))
            continue;
        counter_add(apply, held->source, STR("held"), STR_NONE, readable ? STR("released") : STR("unreadable"));
        row_end(held);
    }
    apply->marks = marks;
    apply->releasing = false;
}

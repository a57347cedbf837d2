/* Links that persons open, such as to their preference centre: whom a ticket names, now.
 *
 * 1. A ticket holds a profile's id, never an identifier. A merge does not move rows, so whoever the profile belongs to now is the person.
 * 2. Who was erased or forgotten has no links: a ticket made before opens nothing, and says no more than one that was changed.
 * 3. The key is derived from the vault's secret: it survives restarts and rotations, and dies with the vault.
 */
#include "engine/engine_private.h"
#include "evidence/ticket.h"

static const struct identifier *identifier_of(const struct policy *policy, const struct person *person, profile_no profile, uint32_t number)
{
    const struct identifier *found = person_identifier(person, profile, number);
    unsigned strength = 0;
    if (found && policy_key(policy, found->type))
        return found;
    found = NULL;
    vec_each (identifier, &person->identifiers) {
        const struct identity_key *key = policy_key(policy, identifier->type);
        unsigned rank = !key ? 0 : 1u + key->strength + (profile_no_equal(identifier->profile, profile) ? 1u << 16 : 0);
        if (rank > strength) {
            found = identifier;
            strength = rank;
        }
    }
    return found;
}

static bool is_alive(const struct person *person, profile_no number)
{
    const struct profile *profile = person_profile(person, number);
    return profile && profile->erased_ms == TIME_NONE;
}

const struct err *engine_link_make(struct reader *reader, struct arena *arena, const struct policy *policy, str audience, str subject,
                                   int64_t expires_ms, str *ret_ticket, struct person **ret_person)
{
    struct message_identifier asked;
    struct person *person = NULL;
    TRY(identity_parse_subject(arena, policy, subject, &asked));
    TRY(engine_person(reader, arena, policy, subject, PERSON_HEAD, &person));
    *ret_ticket = STR_NONE;
    *ret_person = person;
    identifier_hash hash = identifier_hash_of(reader->engine, asked.key->name, asked.value);
    for (size_t i = 0; person && i < person->identifiers.count; i++) {
        const struct identifier *identifier = &person->identifiers.items[i];
        if (memcmp(identifier->hash.bytes, hash.bytes, sizeof(hash.bytes)) || !is_alive(person, identifier->profile))
            continue;
        struct ticket_content content = {
            .profile = person_profile(person, identifier->profile)->id, .identifier = identifier->number, .expires_ms = expires_ms};
        *ret_ticket = ticket_make(arena, reader->engine->ticket_key, audience, &content);
        break;
    }
    return NULL;
}

const struct err *engine_link_open(struct reader *reader, struct arena *arena, const struct policy *policy, str audience, str ticket, int64_t now_ms,
                                   unsigned parts, struct link_holder *ret_holder)
{
    struct engine *engine = reader->engine;
    struct ticket_content content;
    profile_no number = PROFILE_NONE;
    struct person *person = NULL;
    enum ticket_result result = ticket_open(arena, engine->ticket_key, audience, ticket, now_ms, &content);
    *ret_holder = (struct link_holder){.state = result == TICKET_EXPIRED ? LINK_EXPIRED : LINK_BAD};
    if (result != TICKET_GOOD)
        return NULL;
    TRY(engine->store->ops->profile_by_id(reader->session, arena, content.profile, &number));
    if (!number.value)
        return NULL;
    TRY(engine_person_by_no(reader, arena, policy, number, parts, &person));
    if (!person || !is_alive(person, number))
        return NULL;
    const struct identifier *identifier = identifier_of(policy, person, number, content.identifier);
    if (!identifier)
        return NULL;
    *ret_holder = (struct link_holder){.state = LINK_GOOD, .person = person, .identifier = identifier, .expires_ms = content.expires_ms};
    return NULL;
}

struct message_identifier engine_link_identifier(const struct policy *policy, const struct identifier *identifier)
{
    return (struct message_identifier){.key = policy_key(policy, identifier->type), .value = identifier->value, .hash = identifier->hash};
}

/* The signals that a message itself brings, as consent records (gate.md §4): SDK consent maps, TC and GPP strings, Sec-GPC, Consent Mode,
 * contract events; and what a message asks to be left out. Where each is looked for is in docs/signals.md; what they say is signal_voice.c; what
 * they change is signal_record.c.
 *
 * 1. What cannot be read is never a yes, and stops the purposes it may speak of for this message.
 * 2. What the source's `signals` do not name is not read.
 */
#include "core/signal_private.h"

static bool said(const struct json *value) { return value && value->type != JSON_NULL; }

static void contract_read(const struct policy *policy, const struct message *message, str event, struct wishes *wishes)
{
    mask_each (slot, message->source->purposes) {
        const struct purpose *purpose = &policy->purposes.items[slot];
        vec_each (name, &purpose->opened_by)
            if (str_equal(*name, event))
                wishes->opened |= purpose->self;
        vec_each (name, &purpose->ended_by)
            if (str_equal(*name, event))
                wishes->ended |= purpose->self;
    }
}

/* The first of these members that says something. */
static const struct json *first_said(const struct json *object, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct json *value = json_get(object, str_of(names[i]));
        if (said(value))
            return value;
    }
    return NULL;
}
#define FIRST(object, ...) first_said((object), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

struct place { /* where the signals of one message lie; NULL: nowhere */
    const struct json *categories, *management, *tcf, *gpp, *us_privacy, *gpc, *modes, *gcs, *gcd;
};

static void places_find(const struct glance *glance, struct place *ret_place)
{
    const struct json *consent = glance->consent;
    *ret_place = (struct place){.management = glance->management, .tcf = glance->tcf, .gpp = glance->gpp, .gpc = glance->gpc};
    if (!consent || consent->type != JSON_OBJECT)
        return;
    const struct json *tcf = FIRST(consent, "tcf", "tcString"), *gpp = FIRST(consent, "gpp", "gppString"), *gpc = FIRST(consent, "gpc");
    ret_place->categories = FIRST(consent, "categoryPreferences");
    ret_place->tcf = tcf ? tcf : ret_place->tcf;
    ret_place->gpp = gpp ? gpp : ret_place->gpp;
    ret_place->gpc = gpc ? gpc : ret_place->gpc;
    ret_place->us_privacy = FIRST(consent, "uspString", "usPrivacy");
    ret_place->modes = FIRST(consent, "consentMode", "googleConsentMode");
    ret_place->gcs = FIRST(consent, "gcs");
    ret_place->gcd = FIRST(consent, "gcd");
}

static void signals_read(struct arena *arena, const struct policy *policy, const struct source *source, const struct glance *glance,
                         int64_t at_ms, struct signal_reading *reading)
{
    struct place place;
    uint8_t heard = source->signals;
    places_find(glance, &place);
    if (glance->consent && glance->consent->type != JSON_OBJECT) /* whatever it means, nobody can read it */
        reading->unreadable |= policy->tcf | policy->gpp | policy->consent_mode;
    if (heard & SIGNAL_KIND_BIT(SIGNAL_CATEGORIES)) {
        if (glance->consent && glance->consent->type != JSON_OBJECT)
            signal_read_value(arena, policy, SIGNAL_CATEGORIES, glance->consent, at_ms, reading); /* unreadable */
        signal_read_value(arena, policy, SIGNAL_CATEGORIES, place.categories, at_ms, reading);
        if (place.management)
            signal_read_management(policy, place.management, reading);
    }
    if (heard & SIGNAL_KIND_BIT(SIGNAL_TCF))
        signal_read_value(arena, policy, SIGNAL_TCF, place.tcf, at_ms, reading);
    if (heard & SIGNAL_KIND_BIT(SIGNAL_GPP)) {
        signal_read_value(arena, policy, SIGNAL_GPP, place.gpp, at_ms, reading);
        if (place.us_privacy)
            signal_read_us_privacy(policy, json_string(place.us_privacy), reading);
    }
    if (heard & SIGNAL_KIND_BIT(SIGNAL_GPC))
        signal_read_value(arena, policy, SIGNAL_GPC, place.gpc, at_ms, reading);
    if (heard & SIGNAL_KIND_BIT(SIGNAL_CONSENT_MODE)) {
        signal_read_value(arena, policy, SIGNAL_CONSENT_MODE, place.modes, at_ms, reading);
        if (place.gcs || place.gcd)
            signal_read_gcs(policy, json_string(place.gcs), json_string(place.gcd), reading);
    }
}

static void wishes_read(struct apply *apply, const struct message *message, const struct glance *glance, struct wishes *ret_wishes)
{
    *ret_wishes = (struct wishes){.granted = policy_purposes(apply->policy)};
    struct signal_reading *reading = &ret_wishes->reading;
    reading->gpc = message->gpc && (message->source->signals & SIGNAL_KIND_BIT(SIGNAL_GPC));
    if (glance->consent || glance->management || glance->tcf || glance->gpp || glance->gpc)
        signals_read(apply->arena, apply->policy, message->source, glance, message->at_ms, reading);
    if (message->type == EVENT_TRACK) {
        reading->fresh = str_equal(glance->event, STR("Segment Consent Preference Updated"));
        contract_read(apply->policy, message, glance->event, ret_wishes);
    }
}

void glance_fill(const struct message *message, struct glance *ret_glance)
{
    *ret_glance = (struct glance){0};
    str name = message->type == EVENT_TRACK ? STR("event") : STR("name");
    for (uint32_t i = 0; i < message->body.count; i++) {
        const struct json_member *member = &message->body.members[i];
        if (str_equal(member->name, STR("context")))
            ret_glance->context = &member->value;
        else if (str_equal(member->name, name))
            ret_glance->event = json_string(&member->value);
    }
    const struct json *context = ret_glance->context;
    for (uint32_t i = 0; context && context->type == JSON_OBJECT && i < context->count; i++) {
        const struct json_member *member = &context->members[i];
        const struct json **place = str_equal(member->name, STR("consent"))             ? &ret_glance->consent
                                    : str_equal(member->name, STR("consentManagement")) ? &ret_glance->management
                                    : str_equal(member->name, STR("purposes"))          ? &ret_glance->purposes
                                    : str_equal(member->name, STR("tcf"))               ? &ret_glance->tcf
                                    : str_equal(member->name, STR("gpp"))               ? &ret_glance->gpp
                                    : str_equal(member->name, STR("gpc"))               ? &ret_glance->gpc
                                                                                        : NULL;
        if (place && said(&member->value))
            *place = &member->value;
    }
    ret_glance->born = birth_year_glance(message, context);
}

purpose_mask message_narrows(const struct apply *apply, const struct message *message, const struct glance *glance)
{
    const struct json *list = glance->purposes;
    if (!list)
        return 0;
    purpose_mask named = 0;
    uint32_t count = list->type == JSON_ARRAY ? list->count : 1;
    for (uint32_t i = 0; i < count; i++) { /* what is no name of a purpose names none: so everything is left out */
        const struct purpose *purpose = policy_purpose(apply->policy, json_string(list->type == JSON_ARRAY ? &list->items[i] : list));
        named |= purpose ? purpose->self : 0;
    }
    return message->source->purposes & ~named;
}

static int64_t said_ms(const struct apply *apply, const struct message *message)
{
    return message->at_ms < apply->now_ms ? message->at_ms : apply->now_ms;
}

/* What the source says on an identifier of this type. */
static enum sureness sureness_on(const struct policy *policy, const struct source *source, str type)
{
    const struct identity_key *key = policy_key(policy, type);
    if (source_proves(source, key))
        return SURE_PROVEN;
    return key && key->verified ? SURE_NAMED : SURE_DEVICE;
}

static int64_t known_since(const struct identifier *identifier)
{
    return uuid_is_zero(identifier->message) ? identifier->first_seen_ms : uuid_time_ms(identifier->message);
}

static bool says_no(enum consent_status status)
{
    return status == CONSENT_REFUSED || status == CONSENT_WITHDRAWN || status == CONSENT_OBJECTED || status == CONSENT_OPTED_OUT ||
           status == CONSENT_VENDOR_DENIED;
}

/* Anybody can send an address with an open key, but nobody else knows the random id that a browser was given: who is named together with a device
 * that was this person's already when the last sure no was said, speaks for it. */
static enum sureness sureness_of(struct apply *apply, const struct message *message, const struct person *person, const struct named *named, size_t count)
{
    enum sureness sure = sureness_on(apply->policy, message->source, named[0].id->key->name);
    if (sure != SURE_NAMED || !person || !named[0].known || named[0].known->person != person)
        return sure;
    int64_t no_ms = TIME_NONE;
    vec_each (record, &person->consents)
        if (!row_dead(record) && record->verified && says_no(record->status) && record->known_ms > no_ms)
            no_ms = record->known_ms;
    if (no_ms == TIME_NONE)
        return sure; /* nothing to lift; and a no that is surer than need be would lock out the person's other devices */
    bool account = known_since(known_identifier(named[0].known)) < no_ms, device = false;
    for (size_t i = 1; i < count; i++)
        device |= !named[i].id->key->verified && named[i].known && named[i].known->person == person &&
                  known_since(known_identifier(named[i].known)) < no_ms;
    return account && device ? SURE_PROVEN : sure;
}

void signals_again(struct apply *apply, const struct message *message, const struct glance *glance, struct known *known, bool anew)
{
    struct wishes wishes;
    planned_list planned = {0};
    wishes_read(apply, message, glance, &wishes);
    wishes.denials_only = !anew;
    if (!wishes_mention(apply->policy, &wishes))
        return;
    const struct speaker speaker = {.source = message->source, .sure = sureness_on(apply->policy, message->source, known_identifier(known)->type),
                                    .at_ms = said_ms(apply, message)};
    (void)wishes_record(apply, &wishes, &speaker, known, message->message_id, &planned);
}

/* Whether it names several people, who may become one by it. */
static bool names_several(const struct person *person, const struct named *named, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (named[i].known && named[i].known->person && named[i].known->person != person)
            return true;
    return false;
}

purpose_mask signals_apply(struct apply *apply, const struct message *message, const struct glance *glance, struct named *named, size_t named_count)
{
    struct wishes wishes;
    planned_list planned = {0};
    wishes_read(apply, message, glance, &wishes);
    struct person *person = resolve_prospect(apply, message, named, named_count);
    if (!named_count || !wishes_mention(apply->policy, &wishes) || (person && person_erased(person)))
        return wishes.reading.unreadable;
    if (!wishes_ready(apply, &wishes, person))
        return wishes.reading.unreadable; /* it will be applied again */
    wishes.lifts_nothing = names_several(person, named, named_count);
    const struct speaker speaker = {.person = person, .identifier = named[0].known ? known_identifier(named[0].known) : NULL,
                                    .standing = standing_of(apply, person, message->source), .source = message->source,
                                    .sure = sureness_of(apply, message, person, named, named_count), .at_ms = said_ms(apply, message)};
    wishes_plan(apply, &speaker, &wishes, &planned);
    if (!planned.count)
        return wishes.reading.unreadable;
    struct known *known = resolve_hash_only(apply, message, named, named_count);
    /* the identifier may have turned out to be somebody else's: what holds for that person decides */
    (void)wishes_record(apply, &wishes, &speaker, known, message->message_id, &planned);
    return wishes.reading.unreadable;
}

/* Messages: random ones of all types, with values that are found again (markers), signals, odd clocks and odd fields. */
#include "sim.h"

#include "unit/signal_make.h"

#include <stdio.h>
#include <stdlib.h>

struct maker {
    struct world *world;
    struct random *random;
    struct sending *out;
    struct buf json;
    bool comma;
    unsigned person;
    bool plain;
};

str person_value(struct world *world, unsigned person, unsigned key, unsigned which)
{
    static const char *const formats[KEYS] = {"u%u.%u", "p%u.%u@example.hu", "+3620%03u%04u", "dev%u.%u", "a%u.%u"};
    char text[64];
    (void)snprintf(text, sizeof text, formats[key], key == KEY_PHONE ? 100 + person : person, which); /* always fits */
    return str_copy(&world->scratch, str_of(text));
}

/* --- JSON by hand */

static void key_put(struct maker *m, const char *key)
{
    buf_printf(&m->json, "%s\"%s\":", m->comma ? "," : "", key);
    m->comma = true;
}
static void open_put(struct maker *m, const char *key)
{
    key_put(m, key);
    buf_add_char(&m->json, '{');
    m->comma = false;
}
static void close_put(struct maker *m)
{
    buf_add_char(&m->json, '}');
    m->comma = true;
}
static void text_put(struct maker *m, const char *key, str value)
{
    key_put(m, key);
    buf_printf(&m->json, "\"%.*s\"", STR_FMT(value));
}
static void raw_put(struct maker *m, const char *key, const char *value)
{
    key_put(m, key);
    buf_printf(&m->json, "%s", value);
}

static unsigned marker_new(struct maker *m, int category)
{
    struct world *world = m->world;
    *(struct marker *)vec_push(&world->arena, &world->markers) =
        (struct marker){.message = m->out->message, .category = (uint8_t)category, .source = (uint16_t)m->out->source,
                        .step = world->step, .received_ms = world->now_ms};
    m->out->marker_count++;
    return world->marker_offset + (unsigned)world->markers.count - 1;
}
static void marker_put(struct maker *m, const char *key, int category)
{
    key_put(m, key);
    buf_printf(&m->json, "\"mk%u\"", marker_new(m, category));
}
static void number_put(struct maker *m, const char *key, int category)
{
    key_put(m, key);
    buf_printf(&m->json, "%u", 7000000 + marker_new(m, category));
}

/* --- who */

static unsigned which_of(struct maker *m, unsigned key)
{
    if (m->plain || key == KEY_USER)
        return !m->plain && chance(m->random, 4);
    return below(m->random, key == KEY_ANONYMOUS ? 3 : 2);
}

static str value_pick(struct maker *m, unsigned key)
{
    unsigned person = !m->plain && chance(m->random, 6) ? below(m->random, PEOPLE) : m->person; /* a shared device, a wrong address */
    return person_value(m->world, person, key, which_of(m, key));
}

static void ids_put(struct maker *m, enum event_type type)
{
    bool user = m->plain || chance(m->random, 60), anonymous = !user || chance(m->random, 55);
    if (user)
        text_put(m, "userId", value_pick(m, KEY_USER));
    if (anonymous && !(chance(m->random, 3) && !m->plain))
        text_put(m, "anonymousId", value_pick(m, KEY_ANONYMOUS));
    else if (anonymous)
        raw_put(m, "anonymousId", chance(m->random, 50) ? "\"kiosk-7\"" : "null");
    m->out->kept_id = user;
    if (type == EVENT_ALIAS)
        text_put(m, "previousId", value_pick(m, chance(m->random, 70) ? KEY_ANONYMOUS : KEY_USER));
}

static void times_put(struct maker *m)
{
    char text[TIME_TEXT_SIZE];
    int64_t at_ms = m->world->now_ms - (int64_t)below(m->random, 7200) * SECOND_MS;
    if (chance(m->random, 70))
        text_put(m, "timestamp", time_text(at_ms, text));
    if (chance(m->random, 25)) { /* a clock that is wrong, and says so */
        char wrong[TIME_TEXT_SIZE];
        int64_t skew_ms = ((int64_t)below(m->random, 48) - 24) * HOUR_MS;
        text_put(m, "originalTimestamp", time_text(at_ms + skew_ms, text));
        text_put(m, "sentAt", time_text(m->world->now_ms + skew_ms, wrong));
    } else if (chance(m->random, 4))
        raw_put(m, "timestamp", chance(m->random, 50) ? "\"tomorrow\"" : "-5");
}

/* --- what */

static void birth_put(struct maker *m)
{
    char date[32];
    int year = 1990 + (int)below(m->random, 30);
    (void)snprintf(date, sizeof date, "%d-05-05", year); /* always fits */
    text_put(m, "birthdate", str_of(date));
    m->out->born = m->out->born ? m->out->born : year;
}

static void traits_put(struct maker *m, const char *key)
{
    open_put(m, key);
    if (chance(m->random, m->plain ? 50 : 35))
        text_put(m, "email", value_pick(m, KEY_EMAIL));
    if (!m->plain && chance(m->random, 15))
        text_put(m, "phone", value_pick(m, KEY_PHONE));
    if (chance(m->random, 40))
        marker_put(m, "colour", CAT_BEHAVIOUR);
    if (chance(m->random, 25))
        number_put(m, "points", CAT_PURCHASE);
    if (chance(m->random, 15))
        number_put(m, "least", CAT_PURCHASE);
    if (chance(m->random, 15))
        marker_put(m, "first", CAT_BEHAVIOUR);
    if (chance(m->random, 15))
        marker_put(m, "best", CAT_BEHAVIOUR);
    if (chance(m->random, 15))
        marker_put(m, "vary", CAT_VARY);
    if (chance(m->random, 15))
        marker_put(m, "allergy", CAT_HEALTH);
    if (chance(m->random, 5))
        raw_put(m, "colour", "null");
    if (chance(m->random, 20)) {
        key_put(m, "sizes");
        buf_printf(&m->json, "[\"mk%u\",\"mk%u\"]", marker_new(m, CAT_BEHAVIOUR), marker_new(m, CAT_BEHAVIOUR));
    }
    if (chance(m->random, 20)) {
        open_put(m, "address");
        marker_put(m, "city", CAT_BEHAVIOUR);
        close_put(m);
    }
    if (!m->plain && chance(m->random, 6))
        birth_put(m);
    close_put(m);
}

static void properties_put(struct maker *m)
{
    open_put(m, "properties");
    if (chance(m->random, 50))
        marker_put(m, "page", CAT_BEHAVIOUR);
    if (chance(m->random, 40))
        marker_put(m, "total", CAT_PURCHASE);
    if (chance(m->random, 20))
        marker_put(m, "vary", CAT_VARY);
    if (chance(m->random, 15))
        raw_put(m, "test", "true");
    if (chance(m->random, 8))
        marker_put(m, "odd", CAT_UNKNOWN);
    if (chance(m->random, 10)) {
        open_put(m, "deep");
        marker_put(m, "outer", CAT_DEVICE);
        marker_put(m, "inner", CAT_BEHAVIOUR);
        close_put(m);
    }
    if (chance(m->random, 25)) {
        unsigned count = below(m->random, 3);
        key_put(m, "products");
        buf_add_char(&m->json, '[');
        for (unsigned i = 0; i <= count; i++) {
            buf_printf(&m->json, "%s{\"sku\":\"mk%u\"", i ? "," : "", marker_new(m, CAT_PURCHASE));
            if (chance(m->random, 30))
                buf_printf(&m->json, ",\"symptom\":\"mk%u\"", marker_new(m, CAT_HEALTH));
            buf_add_char(&m->json, '}');
        }
        buf_add_char(&m->json, ']');
    }
    close_put(m);
}

static void consent_put(struct maker *m)
{
    if (chance(m->random, 8)) {
        static const char *const odd[] = {"\"yes\"", "{\"categoryPreferences\":[]}", "{\"categoryPreferences\":{\"Advertising\":1}}", "7"};
        raw_put(m, "consent", odd[below(m->random, COUNT_OF(odd))]);
        m->out->odd_consent = true;
        return;
    }
    bool lists = chance(m->random, 30);
    for (unsigned i = 0; i < SIGNALS; i++)
        m->out->signal[i] = (signed char)(chance(m->random, 35) ? 0 : chance(m->random, 65) ? 1 : -1);
    open_put(m, lists ? "consentManagement" : "consent");
    if (!lists)
        open_put(m, "categoryPreferences");
    for (unsigned i = 0; i < SIGNALS && !lists; i++)
        if (m->out->signal[i])
            raw_put(m, spec_signal_names[i], m->out->signal[i] > 0 ? "true" : "false");
    for (int word = 1; word >= -1 && lists; word -= 2) {
        const char *comma = "";
        key_put(m, word > 0 ? "allowedConsentIds" : "deniedConsentIds");
        buf_add_char(&m->json, '[');
        for (unsigned i = 0; i < SIGNALS; i++)
            if (m->out->signal[i] == word) {
                buf_printf(&m->json, "%s\"%s\"", comma, spec_signal_names[i]);
                comma = ",";
            }
        buf_add_char(&m->json, ']');
    }
    if (!lists)
        close_put(m);
    close_put(m);
}

/* A choice of these days, for all purposes at once: the newsletter asks consent, tips are an interest that may be objected to. */
static void tcf_put(struct maker *m)
{
    bool yes = chance(m->random, 65), interest = chance(m->random, 65), vendor = chance(m->random, 70);
    int64_t day_ms = m->world->now_ms - m->world->now_ms % DAY_MS - (int64_t)(1 + below(m->random, 3)) * DAY_MS; /* not later than any clock of its message */
    struct tc_make make = {.day_ms = day_ms, .consent = yes ? TCF_BIT(1) | TCF_BIT(3) | TCF_BIT(4) : TCF_BIT(1), .interest = interest ? TCF_BIT(7) : 0,
                           .vendor = vendor ? VENDOR : 0, .vendor_interest = vendor ? VENDOR : 0, .disclosed = VENDOR};
    make.own_consent = make.consent;
    make.own_interest = make.interest;
    m->out->odd_consent |= yes && m->world->spec.purposes[P_NEWSLETTER].expires_ms <= 5 * DAY_MS; /* it may have run out: then it stops the message */
    m->out->tcf_no = (yes ? 0 : 1u << P_NEWSLETTER) | (interest ? 0 : 1u << P_TIPS);
    open_put(m, "consent");
    text_put(m, "tcf", tc_make(&m->world->scratch, &make));
    close_put(m);
}

/* California's section: opted out of sale and sharing, of neither, of neither but with Sec-GPC in it; and one that cannot be read. */
static void gpp_put(struct maker *m)
{
    static const char *const strings[] = {"DBABBg~BQUAAABA", "DBABBg~BQoAAABA", "DBABBg~BQoAAABA.YA", "DBABBg~B_UAAABA"};
    unsigned pick = below(m->random, 11);
    unsigned place = pick < 4 ? 0 : pick < 8 ? 1 : pick < 10 ? 2 : 3;
    m->out->gpp_out = place == 0;
    m->out->gpp_in = place == 1 || place == 2;
    m->out->gpp_gpc = place == 2;
    m->out->odd_consent |= place == 3;
    open_put(m, "consent");
    text_put(m, "gpp", str_of(strings[place]));
    close_put(m);
}

static void narrow_put(struct maker *m)
{
    purpose_bits named = 0;
    const char *comma = "";
    key_put(m, "purposes");
    buf_add_char(&m->json, '[');
    for (unsigned count = 1 + below(m->random, 3); count; count--) {
        unsigned purpose = below(m->random, PURPOSES);
        named |= 1u << purpose;
        buf_printf(&m->json, "%s\"%s\"", comma, spec_purpose_names[purpose]);
        comma = ",";
    }
    buf_add_char(&m->json, ']');
    m->out->narrowed = m->world->spec.sources[m->out->source].purposes & ~named;
    for (uint32_t i = m->out->marker_first; i < m->world->markers.count; i++)
        m->world->markers.items[i].narrowed = m->out->narrowed;
}

static void context_put(struct maker *m, enum event_type type)
{
    open_put(m, "context");
    if (chance(m->random, 30)) {
        open_put(m, "device");
        if (chance(m->random, 50))
            marker_put(m, "model", CAT_DEVICE);
        if (!m->plain && chance(m->random, 50))
            text_put(m, "id", value_pick(m, KEY_DEVICE));
        close_put(m);
    }
    if (chance(m->random, 40))
        raw_put(m, "library", "{\"name\":\"js\",\"version\":\"1\"}");
    if (!m->plain && m->world->spec.tcf && chance(m->random, 40))
        tcf_put(m);
    else if (!m->plain && m->world->spec.gpp && chance(m->random, 40))
        gpp_put(m);
    else if (!m->plain && chance(m->random, 25))
        consent_put(m);
    if (!m->plain && type == EVENT_IDENTIFY && chance(m->random, 15))
        traits_put(m, "traits");
    else if (!m->plain && type != EVENT_IDENTIFY && chance(m->random, 5)) {
        open_put(m, "traits");
        birth_put(m);
        close_put(m);
    }
    if (!m->plain && chance(m->random, 4)) {
        str email = value_pick(m, KEY_EMAIL);
        key_put(m, "externalIds");
        buf_printf(&m->json, "[{\"type\":\"email\",\"id\":\"%.*s\"}]", STR_FMT(email));
    }
    if (!m->plain && chance(m->random, 6))
        narrow_put(m);
    close_put(m);
}

static const char *event_pick(struct maker *m)
{
    static const char *const names[] = {"Viewed", "Clicked", "Order Completed", "Account Closed", "Segment Consent Preference Updated"};
    if (m->plain || chance(m->random, 65))
        return names[below(m->random, 2)];
    return names[2 + below(m->random, 3)];
}

static enum event_type type_pick(struct maker *m)
{
    static const enum event_type types[] = {EVENT_TRACK, EVENT_TRACK, EVENT_TRACK, EVENT_IDENTIFY, EVENT_IDENTIFY, EVENT_PAGE, EVENT_SCREEN,
                                            EVENT_GROUP, EVENT_ALIAS};
    return m->plain ? types[below(m->random, 6)] : types[below(m->random, COUNT_OF(types))];
}

void message_make(struct world *world, struct random *random, unsigned person, bool plain, struct sending *out)
{
    struct maker m = {.world = world, .random = random, .out = out, .person = person, .plain = plain};
    *out = (struct sending){.source = plain ? SOURCE_WEB : below(random, SOURCES), .message = (uint32_t)world->sent.count + 1,
                            .marker_first = (uint32_t)world->markers.count};
    enum event_type type = type_pick(&m);
    buf_init(&m.json, &world->arena, LIMIT_MESSAGE_BYTES);
    buf_printf(&m.json, "{\"type\":\"%s\",\"messageId\":\"m%u\"", event_type_name(type), out->message);
    m.comma = true;
    ids_put(&m, type);
    times_put(&m);
    if (type == EVENT_TRACK)
        text_put(&m, "event", str_of(event_pick(&m)));
    if (type == EVENT_PAGE || type == EVENT_SCREEN)
        raw_put(&m, "name", "\"Front\"");
    if (type == EVENT_GROUP)
        raw_put(&m, "groupId", "\"g1\"");
    if (type == EVENT_IDENTIFY)
        traits_put(&m, "traits");
    else if (!plain && chance(random, 3))
        raw_put(&m, "properties", chance(random, 50) ? "\"text\"" : "[1,{\"a\":2}]");
    else if (type != EVENT_ALIAS)
        properties_put(&m);
    if (chance(random, 65))
        context_put(&m, type);
    buf_add_char(&m.json, '}');
    out->json = buf_str(&m.json);
    out->gpc = !plain && chance(random, 7);
    *(struct sending *)vec_push(&world->arena, &world->sent) = *out;
}

bool message_read(struct world *world, const struct sending *sending, struct request *ret_request)
{
    struct json *body = arena_new(&world->scratch, struct json);
    *ret_request = (struct request){.kind = REQUEST_MESSAGE};
    struct message *message = &ret_request->message;
    str text = str_copy(&world->scratch, sending->json);
    for (ptrdiff_t at; world_fault(world, "deaf") && (at = str_find(text, STR("onsent"))) >= 0;)
        ((char *)text.data)[at] = 'x'; /* its own copy */
    for (ptrdiff_t at; world_fault(world, "ageless") && (at = str_find(text, STR("birthdate"))) >= 0;)
        ((char *)text.data)[at] = 'x';
    const struct err *error = json_read(&world->scratch, text, body);
    if (error) {
        fprintf(stderr, "sim: seed %llu, step %u: a message of its own cannot be read (%s): %.*s\n", (unsigned long long)world->seed, world->step, error->text,
                STR_FMT(sending->json));
        abort();
    }
    message->source = policy_source(world->policy, str_of(spec_source_names[sending->source]));
    message->received_ms = world->now_ms;
    message->sent_ms = TIME_NONE;
    message->gpc = sending->gpc && !world_fault(world, "deaf");
    message->id = id_next(&world->ids, world->now_ms);
    bool valid = core_read_message(&world->scratch, world->policy, body, NULL, EVENT_TYPE_COUNT, message, &ret_request->result);
    if (valid && message->type == EVENT_ALIAS && !world->clone)
        *(struct uuid *)vec_push(&world->arena, &world->aliases) = message->id;
    if (world_fault(world, "forget-clock"))
        message->at_ms = world->now_ms - DAY_MS + (int64_t)world->numbers.event_next;
    for (size_t i = 0; i < message->identifier_count; i++)
        message->identifiers[i].hash = world_hash(message->identifiers[i].key->name, message->identifiers[i].value);
    if (sending->duplicate)
        ret_request->result.outcome = OUTCOME_DUPLICATE;
    return valid;
}

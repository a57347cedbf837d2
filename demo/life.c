#include "life.h"

#include <stdio.h>

/* Names out of demo/policy.yaml. */
#define PURPOSE_NEWSLETTER "newsletter"
#define PURPOSE_ADVERTISING "advertising"
#define PURPOSE_WELLNESS "wellness"
#define PURPOSE_FRAUD "fraud"

static const struct {
    const char *sku, *hu, *en, *category;
    unsigned price;
} goods[] = {
    {"BIKE-28", "Városi kerékpár 28\"", "City bike 28\"", "bikes", 189900}, {"BIKE-KID", "Gyerekkerékpár 20\"", "Children's bike 20\"", "bikes", 79900},
    {"LIGHT-F", "Első lámpa", "Front light", "parts", 6990},                {"CHAIN-8", "Lánc, 8 sebességes", "Chain, 8 speed", "parts", 5490},
    {"HELM-M", "Bukósisak M", "Helmet M", "clothing", 16990},               {"GLOVE-L", "Kesztyű L", "Gloves L", "clothing", 7990},
    {"PUMP-1", "Lábpumpa", "Floor pump", "tools", 9990},                    {"DRILL-18", "Akkus fúró 18 V", "Cordless drill 18 V", "tools", 34990},
    {"SCALE-1", "Okosmérleg", "Smart scale", "home", 19990},                {"LAMP-2", "Asztali lámpa", "Desk lamp", "home", 11990},
};
#define GOODS_COUNT (sizeof goods / sizeof *goods)

/* A message under construction. */
struct letter {
    struct arena arena;
    struct buf text;
    struct jsonw w;
};

static void letter_begin(struct letter *letter, struct life *life, const char *type, unsigned minute)
{
    arena_init(&letter->arena);
    buf_init(&letter->text, &letter->arena, 32 * 1024);
    jsonw_init(&letter->w, &letter->text);
    jsonw_object(&letter->w);
    jsonw_field(&letter->w, "type", str_of(type));
    char id[64];
    snprintf(id, sizeof id, "demo-%llu-%u-%u-%u", (unsigned long long)life->seed, life->customer->number, life->day, ++life->step);
    jsonw_field(&letter->w, "messageId", str_of(id));
    jsonw_field_time(&letter->w, "timestamp", life->day_ms + (int64_t)(minute % 1440) * MINUTE_MS + life->step * SECOND_MS);
}

static void letter_end(struct letter *letter, struct life *life, enum source_name source)
{
    jsonw_object_end(&letter->w);
    send_message(life->sender, source, buf_str(&letter->text));
    arena_release(&letter->arena);
}

static void key(struct letter *letter, const char *name) { jsonw_key(&letter->w, str_of(name)); }
static void object(struct letter *letter, const char *name)
{
    key(letter, name);
    jsonw_object(&letter->w);
}
static void end(struct letter *letter) { jsonw_object_end(&letter->w); }
static void text(struct letter *letter, const char *name, const char *value) { jsonw_field(&letter->w, name, str_of(value)); }

/* What the site's consent banner stamps on each event; nothing as long as she has not decided. */
static void consent_stamp(struct letter *letter, const struct life *life)
{
    const struct customer *c = life->customer;
    if (life->day < c->decides_day)
        return;
    bool refuses = c->temper == TEMPER_REFUSES || c->temper == TEMPER_CHILD;
    bool withdrew = c->temper == TEMPER_WITHDRAWS && life->day >= c->changes_day;
    object(letter, "consent");
    object(letter, "categoryPreferences");
    jsonw_field_bool(&letter->w, "Newsletter", !refuses && !withdrew);
    jsonw_field_bool(&letter->w, "Analytics", !refuses);
    jsonw_field_bool(&letter->w, "Advertising", !refuses && !withdrew && c->temper != TEMPER_PICKY && c->temper != TEMPER_SIGNALS);
    end(letter);
    end(letter);
}

static void browser_context(struct letter *letter, const struct life *life)
{
    const struct customer *c = life->customer;
    object(letter, "context");
    text(letter, "locale", c->hungarian ? "hu-HU" : "en-GB");
    text(letter, "userAgent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0");
    char ip[32];
    snprintf(ip, sizeof ip, "192.0.2.%u", c->number % 250 + 1);
    text(letter, "ip", ip);
    object(letter, "library");
    text(letter, "name", "analytics.js");
    text(letter, "version", "npm:next-1.84.0");
    end(letter);
    consent_stamp(letter, life);
    end(letter);
}

static void product(struct letter *letter, const struct life *life, unsigned which, unsigned quantity)
{
    text(letter, "product_id", goods[which].sku);
    text(letter, "name", life->customer->hungarian ? goods[which].hu : goods[which].en);
    text(letter, "category", goods[which].category);
    jsonw_field_int(&letter->w, "price", goods[which].price);
    jsonw_field_int(&letter->w, "quantity", quantity);
}

static void order(struct letter *letter, struct life *life, const char *order_id)
{
    unsigned count = 1 + chance_below(&life->chance, 3), revenue = 0;
    object(letter, "properties");
    text(letter, "order_id", order_id);
    text(letter, "currency", "HUF");
    key(letter, "products");
    jsonw_array(&letter->w);
    for (unsigned i = 0; i < count; i++) {
        unsigned which = chance_below(&life->chance, GOODS_COUNT);
        jsonw_object(&letter->w);
        product(letter, life, which, 1);
        jsonw_object_end(&letter->w);
        revenue += goods[which].price;
    }
    jsonw_array_end(&letter->w);
    jsonw_field_int(&letter->w, "revenue", revenue);
    end(letter);
}

static void address(struct letter *letter, const struct customer *c)
{
    object(letter, "address");
    text(letter, "street", c->street);
    text(letter, "city", c->city);
    text(letter, "postalCode", c->zip);
    text(letter, "country", c->hungarian ? "HU" : "GB");
    end(letter);
}

static void who(struct letter *letter, const struct life *life, unsigned device, bool known)
{
    char browser[32];
    customer_browser(life->customer, device, browser);
    text(letter, "anonymousId", browser);
    if (known)
        text(letter, "userId", life->customer->user_id);
}

static void signs_up(struct life *life, unsigned device, unsigned minute)
{
    const struct customer *c = life->customer;
    struct letter letter;
    letter_begin(&letter, life, "identify", minute);
    who(&letter, life, device, true);
    object(&letter, "traits");
    text(&letter, "email", c->email);
    text(&letter, "name", c->name);
    text(&letter, "language", c->hungarian ? "hu" : "en");
    char born[16];
    snprintf(born, sizeof born, "%u-%02u-%02u", c->birth_year, 1 + c->number % 12, 1 + c->number % 28);
    text(&letter, "birthday", born);
    if (c->has_phone)
        text(&letter, "phone", c->phone);
    if (c->has_card)
        text(&letter, "loyalty_id", c->card);
    address(&letter, c);
    end(&letter);
    browser_context(&letter, life);
    letter_end(&letter, life, SOURCE_WEB);
}

static void decides(struct life *life, unsigned device, unsigned minute)
{
    struct letter letter;
    letter_begin(&letter, life, "track", minute);
    who(&letter, life, device, life->day > life->customer->joined_day);
    text(&letter, "event", "Segment Consent Preference Updated");
    browser_context(&letter, life);
    letter_end(&letter, life, SOURCE_WEB);
}

static void page(struct life *life, unsigned device, bool known, unsigned minute)
{
    static const char *const paths[] = {"/", "/kerekparok", "/alkatreszek", "/akcio", "/szerviz", "/kapcsolat"};
    struct letter letter;
    letter_begin(&letter, life, "page", minute);
    who(&letter, life, device, known);
    const char *path = paths[chance_below(&life->chance, 6)];
    text(&letter, "name", path);
    object(&letter, "properties");
    text(&letter, "path", path);
    text(&letter, "title", "Duna Bolt");
    end(&letter);
    browser_context(&letter, life);
    letter_end(&letter, life, SOURCE_WEB);
}

static void shops_online(struct life *life, unsigned device, bool known, unsigned minute)
{
    unsigned views = 1 + chance_below(&life->chance, 4);
    for (unsigned i = 0; i < views; i++) {
        struct letter letter;
        letter_begin(&letter, life, "track", minute + i);
        who(&letter, life, device, known);
        text(&letter, "event", i + 1 < views ? "Product Viewed" : "Product Added");
        object(&letter, "properties");
        product(&letter, life, chance_below(&life->chance, GOODS_COUNT), 1);
        end(&letter);
        browser_context(&letter, life);
        letter_end(&letter, life, SOURCE_WEB);
    }
    if (!known || !chance_percent(&life->chance, 25))
        return;
    char order_id[48];
    snprintf(order_id, sizeof order_id, "W-%u-%u", life->customer->number, life->day);
    struct letter letter;
    letter_begin(&letter, life, "track", minute + views);
    who(&letter, life, device, true);
    text(&letter, "event", "Order Completed");
    order(&letter, life, order_id);
    browser_context(&letter, life);
    letter_end(&letter, life, SOURCE_WEB);
}

static void uses_app(struct life *life, unsigned minute)
{
    const struct customer *c = life->customer;
    struct letter letter;
    letter_begin(&letter, life, "screen", minute);
    text(&letter, "userId", c->user_id);
    text(&letter, "name", chance_percent(&life->chance, 50) ? "Home" : "Offers");
    object(&letter, "context");
    object(&letter, "device");
    text(&letter, "id", c->app_device);
    text(&letter, "model", "Pixel 8");
    end(&letter);
    object(&letter, "os");
    text(&letter, "name", "Android");
    end(&letter);
    consent_stamp(&letter, life);
    end(&letter);
    letter_end(&letter, life, SOURCE_APP);
}

/* At the till she is known by her card; without one the receipt is nobody's. Now and then she uses the shop's own tablet, as many do. */
static void buys_in_shop(struct life *life, unsigned minute)
{
    const struct customer *c = life->customer;
    char order_id[48];
    snprintf(order_id, sizeof order_id, "T-%u-%u", c->number, life->day);
    struct letter letter;
    letter_begin(&letter, life, "track", minute);
    if (chance_percent(&life->chance, 10))
        text(&letter, "anonymousId", "kiosk-vac");
    object(&letter, "context");
    key(&letter, "externalIds");
    jsonw_array(&letter.w);
    jsonw_object(&letter.w);
    text(&letter, "type", "loyalty_id");
    text(&letter, "id", c->card);
    text(&letter, "collection", "users");
    text(&letter, "encoding", "none");
    jsonw_object_end(&letter.w);
    jsonw_array_end(&letter.w);
    end(&letter);
    text(&letter, "event", "Order Completed");
    order(&letter, life, order_id);
    letter_end(&letter, life, SOURCE_TILL);
    if (!chance_percent(&life->chance, 12))
        return;
    letter_begin(&letter, life, "track", minute + 90);
    object(&letter, "context");
    key(&letter, "externalIds");
    jsonw_raw(&letter.w, str_printf(&letter.arena, "[{\"type\":\"loyalty_id\",\"id\":\"%s\",\"collection\":\"users\",\"encoding\":\"none\"}]", c->card));
    end(&letter);
    text(&letter, "event", "Order Refunded");
    object(&letter, "properties");
    text(&letter, "order_id", order_id);
    end(&letter);
    letter_end(&letter, life, SOURCE_TILL);
}

static void steps_on_scale(struct life *life)
{
    const struct customer *c = life->customer;
    struct letter letter;
    char device[32];
    snprintf(device, sizeof device, "scale-%u", c->number);
    letter_begin(&letter, life, "track", 400 + c->number % 60);
    text(&letter, "userId", c->user_id);
    text(&letter, "event", "Weight Measured");
    object(&letter, "properties");
    jsonw_key(&letter.w, STR("weight_kg"));
    jsonw_double(&letter.w, 55 + c->number % 40 + (double)chance_below(&life->chance, 20) / 10);
    jsonw_key(&letter.w, STR("body_fat"));
    jsonw_double(&letter.w, 18 + c->number % 12 + (double)chance_below(&life->chance, 10) / 10);
    end(&letter);
    object(&letter, "context");
    object(&letter, "device");
    text(&letter, "id", device);
    end(&letter);
    end(&letter);
    letter_end(&letter, life, SOURCE_SCALE);
}

static void calls(struct life *life)
{
    static const char *const topics[] = {"delivery", "return", "service", "invoice"};
    struct letter letter;
    letter_begin(&letter, life, "track", 600 + chance_below(&life->chance, 400));
    text(&letter, "userId", life->customer->user_id);
    text(&letter, "event", "Call Ended");
    object(&letter, "properties");
    text(&letter, "topic", topics[chance_below(&life->chance, 4)]);
    jsonw_field_int(&letter.w, "duration_s", 30 + chance_below(&life->chance, 600));
    end(&letter);
    letter_end(&letter, life, SOURCE_CALLCENTRE);
}

static void answers_survey(struct life *life)
{
    struct letter letter;
    letter_begin(&letter, life, "track", 1100);
    text(&letter, "userId", life->customer->user_id);
    text(&letter, "event", "Survey Answered");
    object(&letter, "properties");
    jsonw_field_int(&letter.w, "score", 5 + chance_below(&life->chance, 6));
    text(&letter, "comment", life->customer->hungarian ? "Gyors volt a szállítás." : "Quick delivery.");
    end(&letter);
    letter_end(&letter, life, SOURCE_SURVEY);
}

static void likes_post(struct life *life)
{
    struct letter letter;
    char handle[48];
    snprintf(handle, sizeof handle, "social-%u", life->customer->number);
    letter_begin(&letter, life, "track", 1200);
    text(&letter, "anonymousId", handle);
    text(&letter, "event", "Post Liked");
    object(&letter, "properties");
    text(&letter, "campaign", "spring-service");
    end(&letter);
    letter_end(&letter, life, SOURCE_SOCIAL);
}

/* A statement by API, as the call centre or the preference page makes it. */
static void states(struct life *life, const char *purpose, const char *status, const char *method, bool explicit_given)
{
    char body[512], at[TIME_TEXT_SIZE], notice[96] = "";
    str when = time_text(life->day_ms + 18 * HOUR_MS, at);
    if (strcmp(status, "given") == 0)
        snprintf(notice, sizeof notice, ",\"notice\":\"%s@%s\"", purpose, strcmp(purpose, PURPOSE_NEWSLETTER) == 0 ? "3" : "1");
    snprintf(body, sizeof body, "{\"subject\":\"user_id:%s\",\"purpose\":\"%s\",\"status\":\"%s\",\"method\":\"%s\",\"at\":\"%.*s\"%s%s}",
             life->customer->user_id, purpose, status, method, STR_FMT(when), notice, explicit_given ? ",\"explicit\":true" : "");
    send_statement(life->sender, "POST", "/v1/consents", str_of(body));
}

static void sets_preferences(struct life *life)
{
    char path[128], body[256];
    snprintf(path, sizeof path, "/v1/preferences?subject=user_id:%s", life->customer->user_id);
    snprintf(body, sizeof body,
             "{\"channels\":{\"sms\":false},\"language\":\"%s\",\"frequency\":{\"email\":{\"max\":2,\"per\":\"P7D\"}},\"quiet_hours\":{\"from\":\"21:00\",\"to\":"
             "\"08:00\",\"zone\":\"Europe/Budapest\"}}",
             life->customer->hungarian ? "hu" : "en");
    send_statement(life->sender, "PUT", path, str_of(body));
}

static void first_day(struct life *life)
{
    const struct customer *c = life->customer;
    page(life, 0, false, 540); /* she looks around before she says who she is */
    if (life->day >= c->decides_day)
        decides(life, 0, 545);
    signs_up(life, 0, 550);
    if (c->scale && c->temper != TEMPER_REFUSES && c->temper != TEMPER_CHILD)
        states(life, PURPOSE_WELLNESS, "given", "app", true);
    if (chance_percent(&life->chance, 20))
        sets_preferences(life);
}

static void changes_her_mind(struct life *life)
{
    switch (life->customer->temper) {
    case TEMPER_WITHDRAWS: states(life, PURPOSE_NEWSLETTER, "withdrawn", "preference page", false); break;
    case TEMPER_OBJECTS: states(life, PURPOSE_FRAUD, "objected", "letter", false); break;
    case TEMPER_PICKY: sets_preferences(life); break;
    default: break;
    }
}

void life_day(struct life *life)
{
    const struct customer *c = life->customer;
    if (life->day < c->joined_day)
        return;
    bool known = life->day > c->joined_day;
    if (!known)
        first_day(life);
    if (c->temper == TEMPER_LATE && life->day == c->decides_day)
        decides(life, 0, 600);
    if (known && life->day == c->joined_day + 3 && c->devices > 1)
        signs_up(life, 1, 700); /* the same person on her second device */
    if (life->day == c->changes_day)
        changes_her_mind(life);
    if (chance_percent(&life->chance, 30)) {
        unsigned device = chance_below(&life->chance, c->devices), minute = 480 + chance_below(&life->chance, 900);
        page(life, device, known && device == 0, minute);
        shops_online(life, device, known && device == 0, minute + 3);
    }
    if (known && c->app && chance_percent(&life->chance, 35))
        uses_app(life, 420 + chance_below(&life->chance, 900));
    if (known && c->has_card && chance_percent(&life->chance, 6))
        buys_in_shop(life, 600 + chance_below(&life->chance, 500));
    if (known && c->scale && chance_percent(&life->chance, 60))
        steps_on_scale(life);
    if (known && chance_percent(&life->chance, 2))
        calls(life);
    if (known && chance_percent(&life->chance, 2))
        answers_survey(life);
    if (chance_percent(&life->chance, 4))
        likes_post(life);
}

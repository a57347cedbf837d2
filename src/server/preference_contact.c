/* The preference centre's form for channels, topics, frequency, quiet hours and language, and what it says when it comes back.
 *
 * 1. A form speaks of what it showed; settings that it did not show stay as they were.
 * 2. Of several profiles the newest statement about a setting stands, so nothing is switched off by leaving it out: "no limit" and "no quiet
 *    hours" are said, where something else was said before.
 */
#include "server/page.h"

#define CHANNELS_MAX 32

static const struct {
    const char *value;
    int max;
    const char *per;
    enum page_text text;
} frequencies[] = {{"day", 1, "P1D", TEXT_FREQUENCY_DAY}, {"week2", 2, "P7D", TEXT_FREQUENCY_WEEK2}, {"week", 1, "P7D", TEXT_FREQUENCY_WEEK}, {"month", 1, "P1M", TEXT_FREQUENCY_MONTH}};
enum { FREQUENCIES = sizeof(frequencies) / sizeof(*frequencies) };

struct channels {
    str names[CHANNELS_MAX];
    size_t count;
};

static void channel_add(struct channels *channels, str name)
{
    for (size_t i = 0; i < channels->count; i++)
        if (str_equal(channels->names[i], name))
            return;
    if (!str_empty(name) && channels->count < CHANNELS_MAX) /* the rest is not shown, and so stays as it was */
        channels->names[channels->count++] = name;
}

static void channels_of(const struct policy *policy, const struct json *said, struct channels *ret_channels)
{
    *ret_channels = (struct channels){0};
    vec_each (destination, &policy->destinations)
        channel_add(ret_channels, destination->channel);
    const struct json *groups[] = {json_get(said, STR("channels")), json_get(said, STR("frequency"))};
    for (size_t i = 0; i < 2; i++)
        for (uint32_t j = 0; groups[i] && groups[i]->type == JSON_OBJECT && j < groups[i]->count; j++)
            channel_add(ret_channels, groups[i]->members[j].name);
    if (!ret_channels->count)
        channel_add(ret_channels, STR("email"));
}

static void said_read(struct arena *arena, const struct person *person, struct json *ret_said)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, LIMIT_REPLY_BYTES);
    jsonw_init(&w, &out);
    preferences_write(arena, &w, person);
    if (json_read(arena, buf_str(&out), ret_said))
        *ret_said = (struct json){.type = JSON_OBJECT};
}

static bool is_off(const struct json *value)
{
    return value && (value->type == JSON_FALSE || (value->type == JSON_STRING && str_equal(value->text, STR("off"))));
}

/* ---- the form ---- */

static void box(struct page *page, const char *group, str name, str title, bool on)
{
    html(page, "<label class=\"box\"><input type=\"checkbox\"");
    page_attribute(page, "name", str_printf(page->arena, "%s.%.*s", group, STR_FMT(name)));
    html(page, " value=\"on\"");
    if (on)
        html(page, " checked");
    html(page, "> <span>");
    page_put(page, title);
    html(page, "</span></label>\n");
}

static void option(struct page *page, str value, str title, bool chosen)
{
    html(page, "<option");
    page_attribute(page, "value", value);
    if (chosen)
        html(page, " selected");
    html(page, ">");
    page_put(page, title);
    html(page, "</option>");
}

/* Its place among `frequencies`; FREQUENCIES: something else; -1: not limited. */
static int frequency_of(const struct json *value)
{
    int64_t max;
    if (!value || !json_int(json_get(value, STR("max")), &max) || max >= PREFERENCE_UNLIMITED)
        return -1;
    str per = json_string(json_get(value, STR("per")));
    for (int i = 0; i < FREQUENCIES; i++)
        if (max == frequencies[i].max && str_equal(per, str_of(frequencies[i].per)))
            return i;
    return FREQUENCIES;
}

static void frequency_select(struct page *page, str name, const struct json *value)
{
    int now = frequency_of(value);
    html(page, "<p><label>");
    page_put(page, page_fill(page, TEXT_FREQUENCY, page_channel(page, name), STR_NONE, STR_NONE));
    html(page, "<select");
    page_attribute(page, "name", str_printf(page->arena, "frequency.%.*s", STR_FMT(name)));
    html(page, ">");
    option(page, STR("any"), page_word(page, TEXT_FREQUENCY_ANY), now < 0);
    for (int i = 0; i < FREQUENCIES; i++)
        option(page, str_of(frequencies[i].value), page_word(page, frequencies[i].text), now == i);
    if (now == FREQUENCIES)
        option(page, STR("keep"), page_word(page, TEXT_FREQUENCY_KEEP), true);
    html(page, "</select></label></p>\n");
}

static void legend(struct page *page, enum page_text text)
{
    html(page, "<fieldset><legend>");
    page_say(page, text);
    html(page, "</legend>\n");
}

static bool quiet_is_on(const struct json *quiet)
{
    str from = json_string(json_get(quiet, STR("from"))), to = json_string(json_get(quiet, STR("to")));
    return !str_empty(from) && !str_equal(from, to);
}

static void quiet_fields(struct page *page, const struct json *quiet)
{
    bool on = quiet_is_on(quiet);
    legend(page, TEXT_QUIET);
    html(page, "<label class=\"box\"><input type=\"checkbox\" name=\"quiet\" value=\"on\"");
    if (on)
        html(page, " checked");
    html(page, "> <span>");
    page_say(page, TEXT_QUIET_ON);
    html(page, "</span></label>\n<p class=\"times\"><label>");
    page_say(page, TEXT_QUIET_FROM);
    html(page, " <input type=\"time\" name=\"quiet_from\"");
    page_attribute(page, "value", on ? json_string(json_get(quiet, STR("from"))) : STR("21:00"));
    html(page, "></label> <label>");
    page_say(page, TEXT_QUIET_TO);
    html(page, " <input type=\"time\" name=\"quiet_to\"");
    page_attribute(page, "value", on ? json_string(json_get(quiet, STR("to"))) : STR("08:00"));
    html(page, "></label></p></fieldset>\n");
}

static void language_select(struct page *page, str said)
{
    html(page, "<p><label>");
    page_say(page, TEXT_WRITE_IN);
    html(page, "<select name=\"language\">");
    bool known = false;
    for (int i = 0; i < PAGE_LANGUAGES; i++)
        known |= str_equal(said, page_language_tag((enum page_language)i));
    if (!known)
        option(page, STR("keep"), str_empty(said) ? STR("–") : said, true);
    for (int i = 0; i < PAGE_LANGUAGES; i++)
        option(page, page_language_tag((enum page_language)i), str_of(page_texts[TEXT_LANG_NAME][i]), str_equal(said, page_language_tag((enum page_language)i)));
    html(page, "</select></label></p>\n");
}

void contact_form_write(struct preference_view *view)
{
    struct page *page = &view->page;
    struct channels channels;
    struct json said;
    said_read(page->arena, view->person, &said);
    channels_of(page->policy, &said, &channels);
    html(page, "<section id=\"contact\" aria-labelledby=\"h-contact\"><h2 id=\"h-contact\">");
    page_say(page, TEXT_NAV_CONTACT);
    html(page, "</h2>\n");
    page_paragraph(page, page_word(page, TEXT_CONTACT_ABOUT));
    preference_form_begin(page, "contact", NULL, NULL);
    html(page, "<div class=\"card\">\n");
    legend(page, TEXT_CHANNELS);
    for (size_t i = 0; i < channels.count; i++)
        box(page, "channel", channels.names[i], page_channel(page, channels.names[i]), !is_off(json_get(json_get(&said, STR("channels")), channels.names[i])));
    html(page, "</fieldset>\n");
    for (size_t i = 0; i < channels.count; i++)
        frequency_select(page, channels.names[i], json_get(json_get(&said, STR("frequency")), channels.names[i]));
    if (page->policy->topics.count) {
        legend(page, TEXT_TOPICS);
        vec_each (topic, &page->policy->topics)
            box(page, "topic", topic->name, page_title_of(page, &topic->titles, topic->title, topic->name),
                !is_off(json_get(json_get(&said, STR("topics")), topic->name)));
        html(page, "</fieldset>\n");
    }
    quiet_fields(page, json_get(&said, STR("quiet_hours")));
    language_select(page, json_string(json_get(&said, STR("language"))));
    html(page, "<p class=\"buttons\"><button>");
    page_say(page, TEXT_SAVE);
    html(page, "</button></p></div></form></section>\n");
}

/* ---- what it says ---- */

static str form_of(struct arena *arena, const form_pairs *form, const char *group, str name)
{
    return form_get(form, arena_printf(arena, "%s.%.*s", group, STR_FMT(name)));
}

/* Members of a group that the form did not show. */
static void write_others(struct jsonw *w, const struct json *group, const str *shown, size_t count)
{
    for (uint32_t i = 0; group && group->type == JSON_OBJECT && i < group->count; i++) {
        bool was_shown = false;
        for (size_t j = 0; j < count; j++)
            was_shown |= str_equal(shown[j], group->members[i].name);
        if (was_shown)
            continue;
        jsonw_key(w, group->members[i].name);
        jsonw_value(w, &group->members[i].value);
    }
}

static void write_switches(struct arena *arena, struct jsonw *w, const form_pairs *form, const char *member, const char *group, const struct json *said,
                           const str *shown, size_t count)
{
    jsonw_key(w, str_of(member));
    jsonw_object(w);
    for (size_t i = 0; i < count; i++) {
        jsonw_key(w, shown[i]);
        jsonw_bool(w, str_equal(form_of(arena, form, group, shown[i]), STR("on")));
    }
    write_others(w, json_get(said, str_of(member)), shown, count);
    jsonw_object_end(w);
}

static void write_limit(struct jsonw *w, str name, int max, const char *per)
{
    jsonw_key(w, name);
    jsonw_object(w);
    jsonw_field_int(w, "max", max);
    jsonw_field(w, "per", str_of(per));
    jsonw_object_end(w);
}

static void write_frequency(struct arena *arena, struct jsonw *w, const form_pairs *form, const struct json *said, const struct channels *channels)
{
    const struct json *before = json_get(said, STR("frequency"));
    jsonw_key(w, STR("frequency"));
    jsonw_object(w);
    for (size_t i = 0; i < channels->count; i++) {
        str name = channels->names[i], chosen = form_of(arena, form, "frequency", name);
        const struct json *was = json_get(before, name);
        int found = -1;
        for (int j = 0; j < FREQUENCIES; j++)
            if (str_equal(chosen, str_of(frequencies[j].value)))
                found = j;
        if (found >= 0) {
            write_limit(w, name, frequencies[found].max, frequencies[found].per);
        } else if (was && str_equal(chosen, STR("any"))) {
            write_limit(w, name, PREFERENCE_UNLIMITED, "P1D");
        } else if (was) {
            jsonw_key(w, name);
            jsonw_value(w, was);
        }
    }
    write_others(w, before, channels->names, channels->count);
    jsonw_object_end(w);
}

static void write_quiet(struct jsonw *w, const struct policy *policy, const form_pairs *form, const struct json *said)
{
    const struct json *was = json_get(said, STR("quiet_hours"));
    bool on = str_equal(form_get(form, "quiet"), STR("on"));
    str zone = json_string(json_get(was, STR("zone")));
    if (!on && !was)
        return;
    if (str_empty(zone))
        zone = policy->quiet_zone;
    jsonw_key(w, STR("quiet_hours"));
    jsonw_object(w);
    jsonw_field(w, "from", on ? form_get(form, "quiet_from") : STR("00:00"));
    jsonw_field(w, "to", on ? form_get(form, "quiet_to") : STR("00:00"));
    if (!str_empty(zone))
        jsonw_field(w, "zone", zone);
    jsonw_object_end(w);
}

str contact_form_read(struct arena *arena, const struct policy *policy, const struct person *person, const form_pairs *form)
{
    struct channels channels;
    struct json said;
    struct buf out;
    struct jsonw w;
    said_read(arena, person, &said);
    channels_of(policy, &said, &channels);
    str *topics = arena_array(arena, str, policy->topics.count + 1);
    for (size_t i = 0; i < policy->topics.count; i++)
        topics[i] = policy->topics.items[i].name;
    buf_init(&out, arena, LIMIT_MESSAGE_BYTES);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    write_switches(arena, &w, form, "channels", "channel", &said, channels.names, channels.count);
    write_switches(arena, &w, form, "topics", "topic", &said, topics, policy->topics.count);
    write_frequency(arena, &w, form, &said, &channels);
    write_quiet(&w, policy, form, &said);
    str language = form_get(form, "language"), before = json_string(json_get(&said, STR("language")));
    bool keep = str_equal(language, STR("keep")) || str_empty(language);
    if (!keep || !str_empty(before))
        jsonw_field(&w, "language", keep ? before : language);
    jsonw_object_end(&w);
    return out.overflow ? STR_NONE : buf_str(&out);
}

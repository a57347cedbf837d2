/* The sections of where data comes from and where it goes: sources, destinations. */
#include "policy/load_private.h"

#include <stdlib.h>

enum { WRITE_KEY_BYTES_MAX = 256, MEMBERS_MAX = 32 };

/* ---- options of a kind ---- */

struct commons { /* the members that all sources, or all destinations, have */
    const struct member *items;
    size_t count;
};

/* One letter off a common key: rather a slip than an option of the kind. */
static bool nearly_common(const struct commons *commons, str name)
{
    str names[MEMBERS_MAX];
    ASSERT(commons->count <= MEMBERS_MAX);
    for (size_t i = 0; i < commons->count; i++)
        names[i] = str_of(commons->items[i].name);
    str near = str_nearest(name, names, commons->count);
    return !str_empty(near) && near.length + 1 >= name.length && name.length + 1 >= near.length;
}

/* What is not common to all is an option of the kind, which the kind itself checks. */
static void load_option(struct loader *loader, const struct commons *commons, const struct entry *entry, flow_options *options)
{
    if (nearly_common(commons, entry->key.text)) {
        member_unknown(loader, &entry->key, commons->items, commons->count);
    } else if (!name_valid(entry->key.text) || options->count == LIMIT_POLICY_LIST) {
        problem_at(loader, &entry->key, STR_NONE, "`%.*s` is not a name, or one option too many", STR_FMT(shown(entry->key.text)));
    } else if (expect_text(loader, &entry->value, arena_printf(loader->scratch, "`%.*s`", STR_FMT(entry->key.text)))) {
        struct flow_option *option = vec_push(loader->arena, options);
        option->name = keep(loader, &entry->key);
        option->value = keep(loader, &entry->value);
        option->line = entry->key.line;
        option->column = entry->key.column;
    }
}

static void load_members(struct loader *loader, const struct commons *commons, const struct node *node, void *item, flow_options *options)
{
    for (uint32_t i = 0; i < node->count; i++) {
        const struct entry *entry = &node->entries[i];
        const struct member *member = member_find(commons->items, commons->count, entry->key.text);
        if (node->count <= LIMIT_POLICY_LIST && node_get(node, entry->key.text) != &entry->value)
            continue; /* here twice: reported */
        if (!member) {
            load_option(loader, commons, entry, options);
            continue;
        }
        loader->key = arena_printf(loader->scratch, "`%s`", member->name);
        member->read(loader, &entry->value, (char *)item + member->offset);
        loader->key = "this";
    }
}

/* ---- sources ---- */

static void read_variable(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "the environment variable"))
        return;
    bool fine = value->text.length <= LIMIT_NAME_BYTES && !str_empty(value->text) && !(value->text.data[0] >= '0' && value->text.data[0] <= '9');
    for (size_t i = 0; i < value->text.length && fine; i++) {
        char c = value->text.data[i];
        fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }
    if (fine)
        *(str *)field = keep(loader, value);
    else
        problem_at(loader, value, STR_NONE, "`%.*s` is not the name of an environment variable, as SHOP_WEB_KEY", STR_FMT(shown(value->text)));
}

/* `drop`, `hold P1D`, `anonymise` */
static void read_when_denied(struct loader *loader, const struct node *value, void *field)
{
#define X(code, name) name,
    static const char *const words[] = {WHEN_DENIED(X)};
#undef X
    struct source *source = field;
    if (!expect_text(loader, value, "`when_denied`"))
        return;
    str rest = str_trim(value->text), first;
    struct node word = *value;
    (void)str_split(&rest, ' ', &first); /* there is at least one part */
    word.text = first;
    rest = str_trim(rest);
    int which = read_word(loader, &word, "answer to a denial", words, sizeof(words) / sizeof(words[0]));
    if (which < 0)
        return;
    source->when_denied = (enum when_denied)which;
    if (source->when_denied != WHEN_DENIED_HOLD) {
        if (!str_empty(rest))
            problem_at(loader, value, STR_NONE, "`%s` takes nothing after it", words[which]);
    } else if (str_empty(rest)) {
        problem_at(loader, value, STR_NONE, "say for how long data is held for a consent: `hold P1D`");
    } else if (parse_duration(loader, value, rest, &source->hold) && duration_is_zero(source->hold)) {
        problem_at(loader, value, STR_NONE, "data is held for some time or not at all: `hold P1D` or `drop`");
    }
}

static void push_informed(struct loader *loader, const struct node *item, void *context)
{
    VEC(uint16_t) *slots = context;
    const struct notice *notice = find_notice(loader, item);
    if (notice)
        *vec_push(loader->arena, slots) = notice->slot;
}

static void read_informs(struct loader *loader, const struct node *value, void *field)
{
    each_text(loader, value, "`informs`", push_informed, &((struct source *)field)->informs);
}

static void key_resolve(struct loader *loader, const struct node *node, struct source *source)
{
    if (str_empty(source->key_env))
        return;
    vec_each (other, &loader->policy->sources)
        if (other != source && str_equal(other->key_env, source->key_env))
            problem_at(loader, node_get(node, STR("key_env")), STR_NONE, "source `%.*s` has the same `key_env`; each source has its own key",
                       STR_FMT(other->name));
    const char *name = str_z(loader->scratch, source->key_env);
    const char *key = loader->input->environment ? loader->input->environment(name) : getenv(name);
    if (key && strlen(key) <= WRITE_KEY_BYTES_MAX)
        source->write_key = str_copy(loader->arena, str_trim(str_of(key)));
}

static void read_source_title(struct loader *loader, const struct node *value, void *field)
{
    struct source *source = field;
    read_local(loader, value, &source->title, &source->titles);
}

/* Whoever has the page or the app has the key. Where the kind is not said, nothing is known of where the key lies. */
static bool kind_public(str kind)
{
    static const char *const open[] = {"website", "web", "app", "mobile", "browser", "iot", "survey", "kiosk", "chat", "social"};
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        if (str_equal(kind, str_of(open[i])))
            return true;
    return str_empty(kind);
}

static void public_settle(struct loader *loader, const struct node *node, struct source *source)
{
    const struct node *said = node_get(node, STR("public"));
    if (!said)
        source->public = kind_public(source->kind) && !source->trusted;
    else if (source->public && source->trusted)
        problem_at(loader, said, STR_NONE, "source `%.*s` is both `public` and `trusted`: whoever has an open key could lift what people refused",
                   STR_FMT(source->name));
}

static void load_source(struct loader *loader, const struct node *node, void *item)
{
    static const struct member members[] = {
        {"kind", read_text, offsetof(struct source, kind)},
        {"title", read_source_title, 0},
        {"key_env", read_variable, offsetof(struct source, key_env)},
        {"purposes", read_purposes, offsetof(struct source, purposes)},
        {"when_denied", read_when_denied, 0},
        {"region", read_jurisdiction, offsetof(struct source, region)},
        {"jurisdiction", read_jurisdiction, offsetof(struct source, jurisdiction)},
        {"trusted", read_flag, offsetof(struct source, trusted)},
        {"public", read_flag, offsetof(struct source, public)},
        {"informs", read_informs, 0},
        {"trust", read_number, offsetof(struct source, trust)},
        {"signals", read_signal_kinds, offsetof(struct source, signals)},
        {"key", read_secret, 0},
        {"write_key", read_secret, 0},
    };
    struct source *source = item;
    const struct node *kind = node_get(node, STR("kind"));
    const struct commons commons = {members, sizeof(members) / sizeof(members[0])};
    source->line = node->line;
    source->column = node->column;
    if (kind && kind->kind == NODE_SCALAR && str_equal(kind->text, STR("kafka"))) /* the one kind that Telos reads from by itself */
        load_members(loader, &commons, node, source, &source->options);
    else
        members_read(loader, node, members, commons.count, source);
    if (!node_get(node, STR("purposes")))
        problem_at(loader, node, STR_NONE, "`purposes` is missing: what it collects data for; it may collect for nothing else");
    if (str_empty(source->jurisdiction))
        source->jurisdiction = source->region;
    public_settle(loader, node, source);
    key_resolve(loader, node, source);
}

void load_sources(struct loader *loader, const struct node *section)
{
    each_declared(loader, section, "source", &loader->policy->source_by_name, load_source);
    vec_each (source, &loader->policy->sources) /* one key must not open two doors */
        for (struct source *earlier = loader->policy->sources.items; earlier < source && !str_empty(source->write_key); earlier++)
            if (str_equal(earlier->write_key, source->write_key))
                source->write_key = STR_NONE;
}

/* ---- destinations ---- */

static void read_destination_purpose(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "`purpose`"))
        return;
    const struct purpose *purpose = find_purpose(loader, value);
    if (purpose)
        *(uint16_t *)field = purpose->slot;
}

static void push_sent(struct loader *loader, const struct node *item, void *context)
{
    static const char *const words[] = {"events", "profiles"};
    struct destination *destination = context;
    int word = read_word(loader, item, "thing to send", words, 2);
    destination->sends_events |= word == 0;
    destination->sends_profiles |= word == 1;
}

static void read_send(struct loader *loader, const struct node *value, void *field)
{
    ((struct destination *)field)->sends_events = false; /* instead of the default */
    each_text(loader, value, "`send`", push_sent, field);
}

static void read_destination_title(struct loader *loader, const struct node *value, void *field)
{
    struct destination *destination = field;
    read_local(loader, value, &destination->title, &destination->titles);
}

static void read_safeguard_kind(struct loader *loader, const struct node *value, void *field)
{
#define X(code, name, words) name,
    static const char *const kinds[] = {SAFEGUARDS(X)};
#undef X
    int word = read_word(loader, value, "safeguard", kinds + 1, SAFEGUARD_COUNT - 1);
    if (word >= 0)
        *(enum safeguard *)field = (enum safeguard)(word + 1);
}

struct cited { /* `safeguard: { kind: scc, document: scc/reach.pdf, dated: 2026-03-01 }` */
    enum safeguard kind;
    str document, why;
    int64_t dated_ms, until_ms;
};

static str cited_words(struct loader *loader, const struct cited *cited)
{
#define X(code, name, words) words,
    static const char *const words[] = {SAFEGUARDS(X)};
#undef X
    char date[TIME_TEXT_SIZE];
    str dated = cited->dated_ms == TIME_NONE ? STR_NONE : str_printf(loader->scratch, ", %.*s", STR_FMT(str_slice(time_text(cited->dated_ms, date), 0, 10)));
    str said = str_empty(cited->document) ? cited->why : cited->document;
    return str_copy(loader->arena, str_printf(loader->scratch, "%s: %.*s%.*s", words[cited->kind], STR_FMT(said), STR_FMT(dated)));
}

static void read_safeguard(struct loader *loader, const struct node *value, void *field)
{
    static const struct member members[] = {
        {"kind", read_safeguard_kind, offsetof(struct cited, kind)}, {"document", read_text, offsetof(struct cited, document)},
        {"why", read_text, offsetof(struct cited, why)},             {"dated", read_time, offsetof(struct cited, dated_ms)},
        {"until", read_time, offsetof(struct cited, until_ms)},
    };
    struct destination *destination = field;
    struct cited cited = {.dated_ms = TIME_NONE, .until_ms = TIME_FOREVER};
    if (value->kind != NODE_MAP) {
        read_text(loader, value, &destination->safeguard);
        return;
    }
    members_read(loader, value, members, sizeof(members) / sizeof(members[0]), &cited);
    if (!node_get(value, STR("kind")))
        problem_at(loader, value, STR_NONE, "`safeguard` has no `kind`: framework, scc, bcr, code, certification, authorised or derogation");
    else if (cited.kind == SAFEGUARD_DEROGATION && str_empty(cited.why))
        problem_at(loader, value, STR_NONE, "a derogation says why it applies (Art. 49(1)): `why: asked for by the person, case by case`");
    else if (cited.kind && cited.kind != SAFEGUARD_DEROGATION && str_empty(cited.document))
        problem_at(loader, value, STR_NONE, "a safeguard is cited: `document: scc/reach.pdf`");
    if (!cited.kind)
        return;
    destination->safeguard = cited_words(loader, &cited);
    destination->safeguard_kind = cited.kind;
    destination->safeguard_until_ms = cited.until_ms;
}

static const struct member destination_members[] = {
    {"kind", read_text, offsetof(struct destination, kind)},
    {"title", read_destination_title, 0},
    {"purpose", read_destination_purpose, offsetof(struct destination, purpose)},
    {"channel", read_text, offsetof(struct destination, channel)},
    {"categories", read_categories, offsetof(struct destination, categories)},
    {"recipient", read_text, offsetof(struct destination, recipient)},
    {"country", read_country, offsetof(struct destination, country)},
    {"safeguard", read_safeguard, 0},
    {"events", read_texts, offsetof(struct destination, events)},
    {"send", read_send, 0},
    {"tcf_vendor", read_vendor, offsetof(struct destination, tcf_vendor)},
    {"secret", read_secret, 0},
    {"password", read_secret, 0},
    {"token", read_secret, 0},
    {"api_key", read_secret, 0},
};
enum { DESTINATION_MEMBERS = sizeof(destination_members) / sizeof(destination_members[0]) };

/* The country stands last in the recipient's brackets: "Posta Kft. (processor, HU)". */
static str recipient_country(str recipient)
{
    size_t open = recipient.length;
    if (!str_ends(recipient, STR(")")))
        return STR_NONE;
    while (open > 0 && recipient.data[open - 1] != '(')
        open--;
    str inside = open ? str_slice(recipient, open, recipient.length - 1) : STR_NONE, part, last = STR_NONE;
    while (str_split(&inside, ',', &part))
        last = str_trim(part);
    return country_shaped(last) ? last : STR_NONE;
}

static void load_destination(struct loader *loader, const struct node *node, void *item)
{
    struct destination *destination = item;
    struct policy *policy = loader->policy;
    const struct commons commons = {destination_members, DESTINATION_MEMBERS};
    destination->line = node->line;
    destination->column = node->column;
    load_members(loader, &commons, node, destination, &destination->options);
    if (!node_get(node, STR("kind")))
        problem_at(loader, node, STR_NONE, "`kind` is missing: how it is reached, as webhook");
    if (!node_get(node, STR("purpose")))
        problem_at(loader, node, STR_NONE, "`purpose` is missing: what it is sent data for");
    if (!node_get(node, STR("categories")) && destination->purpose != SLOT_NONE)
        destination->categories = policy->purposes.items[destination->purpose].categories;
    vendor_check(loader, node, destination);
    str named = recipient_country(destination->recipient);
    if (!str_empty(named) && !str_empty(destination->country) && !str_equal(named, destination->country))
        problem_at(loader, node_get(node, STR("country")), STR_NONE, "`country: %.*s` and the recipient's brackets disagree",
                   STR_FMT(destination->country));
    if (str_empty(destination->country))
        destination->country = str_empty(destination->recipient) ? policy->country : named;
}

void load_destinations(struct loader *loader, const struct node *section)
{
    each_declared(loader, section, "destination", &loader->policy->destination_by_name, load_destination);
}

/* The sections of what kinds of data there are and what people were told: categories, fields, notices. */
#include "policy/load_private.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---- categories ---- */

/* These need not be declared: name, term of the Data Privacy Vocabulary's personal data extension, identifier, special (Art. 9). */
static const struct {
    const char *name, *dpv;
    bool identifier, special;
} well_known[] = {
    {"email", "pd:EmailAddress", true, false},
    {"phone", "pd:TelephoneNumber", true, false},
    {"name", "pd:Name", false, false},
    {"address", "pd:PhysicalAddress", false, false},
    {"birth_date", "pd:BirthDate", false, false},
    {"gender", "pd:Gender", false, false},
    {"language", "pd:Language", false, false},
    {"location", "pd:Location", false, false},
    {"ip_address", "pd:IPAddress", true, false},
    {"device", "pd:DeviceBased", true, false},
    {"account", "pd:AccountIdentifier", true, false},
    {"purchase", "pd:PurchasesAndSpendingHabit", false, false},
    {"invoice", "pd:Transactional", false, false},
    {"payment", "pd:PaymentCard", false, false},
    {"behaviour", "pd:Behavioural", false, false},
    {"interest", "pd:Interest", false, false},
    {"preference", "pd:Preference", false, false},
    {"opinion", "pd:Opinion", false, false},
    {"communication", "pd:Communication", false, false},
    {"health", "pd:Health", false, true},
    {"biometric", "pd:Biometric", true, true},
    {"genetic", "pd:Genetic", false, true},
    {"ethnicity", "pd:EthnicOrigin", false, true},
    {"religion", "pd:Religion", false, true},
    {"politics", "pd:PoliticalAffiliation", false, true},
    {"sexuality", "pd:SexualPreference", false, true},
    {"trade_union", "pd:TradeUnionMembership", false, true},
};
enum { WELL_KNOWN_COUNT = sizeof(well_known) / sizeof(well_known[0]) };

size_t well_known_count(void) { return WELL_KNOWN_COUNT; }

static const struct category *well_known_use(struct loader *loader, const struct node *node)
{
    struct policy *policy = loader->policy;
    for (size_t i = 0; i < WELL_KNOWN_COUNT; i++) {
        if (!str_equal(node->text, str_of(well_known[i].name)))
            continue;
        if (policy->categories.count == policy->categories.capacity) {
            problem_at(loader, node, STR_NONE, "category `%s` would be one more than the limit of %d", well_known[i].name,
                       (int)LIMIT_CATEGORIES);
            return NULL;
        }
        struct category *category = vec_push(loader->arena, &policy->categories); /* there is room: the array does not move */
        *category = (struct category){.name = str_of(well_known[i].name), .dpv = str_of(well_known[i].dpv),
                                      .identifier = well_known[i].identifier, .special = well_known[i].special};
        map_set(&policy->category_by_name, category->name, category);
        return category;
    }
    return NULL;
}

const struct category *find_category(struct loader *loader, const struct node *node)
{
    const struct map *names = &loader->policy->category_by_name;
    const struct category *found = map_get(names, node->text);
    if (found || problems_full(loader))
        return found;
    size_t problems = loader->problems->count;
    found = well_known_use(loader, node);
    if (found || loader->problems->count > problems)
        return found;
    str candidates[WELL_KNOWN_COUNT + 1];
    for (size_t i = 0; i < WELL_KNOWN_COUNT; i++)
        candidates[i] = str_of(well_known[i].name);
    str near = str_nearest(node->text, candidates, WELL_KNOWN_COUNT);
    size_t position = 0;
    struct map_slot slot;
    while (map_next(names, &position, &slot)) { /* declared names come before well-known ones that are as near */
        candidates[0] = slot.key;
        candidates[1] = near;
        near = str_nearest(node->text, candidates, near.data ? 2 : 1);
    }
    problem_at(loader, node, near, "unknown category `%.*s`%s", STR_FMT(shown(node->text)),
               near.data ? "" : "; declare it under `categories` or take it out");
    return NULL;
}

static void read_category_title(struct loader *loader, const struct node *value, void *field)
{
    struct category *category = field;
    read_local(loader, value, &category->title, &category->titles);
}

static void load_category(struct loader *loader, const struct node *node, void *item)
{
    static const struct member members[] = {
        {"title", read_category_title, 0},
        {"dpv", read_text, offsetof(struct category, dpv)},
        {"identifier", read_flag, offsetof(struct category, identifier)},
        {"special", read_flag, offsetof(struct category, special)},
    };
    members_read(loader, node, members, sizeof(members) / sizeof(members[0]), item);
}

void load_categories(struct loader *loader, const struct node *section)
{
    each_declared(loader, section, "category", &loader->policy->category_by_name, load_category);
}

/* ---- fields ---- */

static uint16_t category_slot(const struct loader *loader, const struct category *category)
{
    return (uint16_t)(category - loader->policy->categories.items);
}

static void load_default_field(struct loader *loader, const struct node *value)
{
    if (!expect_text(loader, value, "`default`") || str_equal(value->text, STR("refuse")))
        return;
    if (str_equal(value->text, STR("none"))) {
        problem_at(loader, value, STR_NONE, "`default: none` would take every unnamed field for not personal; name a category, or `refuse`");
        return;
    }
    const struct category *category = find_category(loader, value);
    if (category)
        loader->policy->field_default = category_slot(loader, category);
}

static void load_field(struct loader *loader, struct field_rules *rules, const struct entry *entry)
{
    struct field_rule rule = {.path = keep(loader, &entry->key), .category = SLOT_NONE};
    if (!expect_text(loader, &entry->value, "the field's category"))
        return;
    if (str_equal(entry->value.text, STR("none"))) {
        rule.not_personal = true;
    } else {
        const struct category *category = find_category(loader, &entry->value);
        if (!category)
            return;
        rule.category = category_slot(loader, category);
    }
    const char *wrong = field_rules_add(rules, rule.path, rule.category, rule.not_personal);
    if (wrong)
        problem_at(loader, &entry->key, STR_NONE, "%s", wrong);
    else
        *(struct field_rule *)vec_push(loader->arena, &loader->policy->field_rules) = rule;
}

void load_fields(struct loader *loader, const struct node *section)
{
    struct field_rules *rules = field_rules_new(loader->scratch);
    if (section->count > LIMIT_FIELDS + 1) { /* `default` is none */
        problem_at(loader, section, STR_NONE, "`fields` has %u rules, the limit is %d; use `*` to take several together", section->count,
                   (int)LIMIT_FIELDS);
        return;
    }
    for (uint32_t i = 0; i < section->count; i++) {
        const struct entry *entry = &section->entries[i];
        where_set(loader, "field", entry->key.text);
        if (str_equal(entry->key.text, STR("default")))
            load_default_field(loader, &entry->value);
        else
            load_field(loader, rules, entry);
    }
    where_set(loader, NULL, STR_NONE);
    loader->policy->fields = field_rules_compile(rules, loader->arena);
    if (!loader->policy->fields)
        problem_at(loader, section, STR_NONE, "these rules multiply to more than %d combinations; use `*` less often in the middle of paths",
                   (int)LIMIT_FIELD_NODES);
}

/* ---- notices ---- */

/* Paths stay below the policy's folder, whoever sent the policy. */
static bool path_safe(str path)
{
    str rest = path, part;
    if (str_empty(path) || path.data[0] == '/' || str_find_char(path, '\\') >= 0 || str_find_char(path, '\n') >= 0)
        return false;
    while (str_split(&rest, '/', &part))
        if (str_equal(part, STR("..")))
            return false;
    return true;
}

static bool notice_file_read(struct loader *loader, const struct node *node, str *ret_content)
{
    const char *path = arena_printf(loader->scratch, "%s/%.*s", loader->input->directory, STR_FMT(node->text));
    struct stat status;
    FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "rb") : NULL;
    if (!file) {
        problem_at(loader, node, STR_NONE, "the notice's text `%.*s` cannot be read; its path counts from the policy's folder",
                   STR_FMT(shown(node->text)));
        return false;
    }
    char *content = arena_alloc_raw(loader->arena, (size_t)(status.st_size <= LIMIT_NOTICE_BYTES ? status.st_size : LIMIT_NOTICE_BYTES) + 1);
    size_t room = (size_t)(status.st_size <= LIMIT_NOTICE_BYTES ? status.st_size : LIMIT_NOTICE_BYTES) + 1;
    size_t length = fread(content, 1, room, file);
    bool whole = !ferror(file) && length < room;
    (void)fclose(file); /* only read */
    if (!whole)
        problem_at(loader, node, STR_NONE, "the notice's text `%.*s` is longer than %d bytes, or changed while it was read",
                   STR_FMT(shown(node->text)), (int)LIMIT_NOTICE_BYTES);
    *ret_content = str_bytes(content, length);
    return whole;
}

static bool notice_content(struct loader *loader, const struct node *node, str *ret_content)
{
    const str *given = loader->input->notices ? map_get(loader->input->notices, node->text) : NULL;
    if (given) {
        *ret_content = given->length <= LIMIT_NOTICE_BYTES ? str_copy(loader->arena, *given) : *given;
        if (given->length <= LIMIT_NOTICE_BYTES)
            return true;
        problem_at(loader, node, STR_NONE, "the notice's text `%.*s` is longer than %d bytes", STR_FMT(shown(node->text)),
                   (int)LIMIT_NOTICE_BYTES);
        return false;
    }
    if (loader->input->directory)
        return notice_file_read(loader, node, ret_content);
    problem_at(loader, node, STR_NONE, "the notice's text `%.*s` was not sent along; send it in `notices`", STR_FMT(shown(node->text)));
    return false;
}

static void read_languages(struct loader *loader, const struct node *value, void *field)
{
    struct notice *notice = field;
    if (!expect_map(loader, value, "`languages`"))
        return;
    if (value->count > LIMIT_POLICY_LIST) {
        problem_at(loader, value, STR_NONE, "`languages` has %u entries, the limit is %d", value->count, (int)LIMIT_POLICY_LIST);
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct node *key = &value->entries[i].key, *path = &value->entries[i].value;
        struct notice_text text = {.language = keep(loader, key)};
        if (!language_shaped(key->text)) {
            problem_at(loader, key, STR_NONE, "`%.*s` is not a language; write hu, en, pt-BR or the like", STR_FMT(shown(key->text)));
            continue;
        }
        if (!expect_text(loader, path, "the path of the notice's text"))
            continue;
        if (!path_safe(path->text)) {
            problem_at(loader, path, STR_NONE, "`%.*s` must be a path below the policy's folder, without `..`", STR_FMT(shown(path->text)));
            continue;
        }
        text.path = keep(loader, path);
        if (!notice_content(loader, path, &text.content))
            continue;
        if (str_empty(str_trim(text.content)) || !str_valid_utf8(text.content)) {
            problem_at(loader, path, STR_NONE, "the notice's text `%.*s` is empty or not UTF-8", STR_FMT(shown(path->text)));
            continue;
        }
        (void)crypto_hash_sha256(text.sha256, (const uint8_t *)text.content.data, text.content.length); /* cannot fail */
        *(struct notice_text *)vec_push(loader->arena, &notice->texts) = text;
    }
}

static void load_notice(struct loader *loader, const struct node *node, void *item)
{
    static const struct member members[] = {
        {"version", read_count, offsetof(struct notice, version)},
        {"effective", read_time, offsetof(struct notice, effective_ms)},
        {"renew_older_than", read_number, offsetof(struct notice, renew_older_than)},
        {"grace", read_duration, offsetof(struct notice, grace)},
        {"languages", read_languages, 0},
    };
    struct notice *notice = item;
    members_read(loader, node, members, sizeof(members) / sizeof(members[0]), notice);
    if (!node_get(node, STR("version")))
        problem_at(loader, node, STR_NONE, "`version` is missing: a number that goes up with each new text");
    if (!node_get(node, STR("languages")) || (node_get(node, STR("languages"))->kind == NODE_MAP && !node_get(node, STR("languages"))->count))
        problem_at(loader, node, STR_NONE, "`languages` is missing: the texts that people see, `{ hu: notices/%.*s.hu.md }`",
                   STR_FMT(notice->name));
    if (notice->version && notice->renew_older_than > notice->version)
        problem_at(loader, node_get(node, STR("renew_older_than")), STR_NONE,
                   "`renew_older_than: %u` is above the notice's own version %u, so no consent could ever hold", notice->renew_older_than,
                   notice->version);
}

void load_notices(struct loader *loader, const struct node *section)
{
    each_declared(loader, section, "notice", &loader->policy->notice_by_name, load_notice);
}

/* Texts in several languages: `title: Deliver what was bought`, or `title: { en: …, hu: … }`. */
#include "policy/load_private.h"

str local_text(const local_texts *texts, str language, str otherwise)
{
    vec_each (text, texts)
        if (str_equal(text->language, language))
            return text->text;
    vec_each (text, texts) /* "pt" for "pt-BR", and the other way round */
        if (text->language.length >= 2 && language.length >= 2 && !memcmp(text->language.data, language.data, 2) &&
            (text->language.length == 2 || language.length == 2))
            return text->text;
    return otherwise;
}

bool language_shaped(str text)
{
    size_t letters = 0;
    while (letters < text.length && text.data[letters] >= 'a' && text.data[letters] <= 'z')
        letters++;
    return (letters == 2 || letters == 3) && (letters == text.length || (text.data[letters] == '-' && name_valid(text)));
}

void read_local(struct loader *loader, const struct node *value, str *text, local_texts *texts)
{
    if (value->kind != NODE_MAP) {
        read_text(loader, value, text);
        return;
    }
    if (!value->count || value->count > LIMIT_POLICY_LIST) {
        problem_at(loader, value, STR_NONE, "%s takes a text, or from 1 to %d languages: `{ en: …, hu: … }`", loader->key, (int)LIMIT_POLICY_LIST);
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        struct local_text one = {.language = keep(loader, &value->entries[i].key)};
        if (!language_shaped(one.language)) {
            problem_at(loader, &value->entries[i].key, STR_NONE, "`%.*s` is not a language; write hu, en, pt-BR or the like", STR_FMT(shown(one.language)));
            continue;
        }
        if (!expect_text(loader, &value->entries[i].value, loader->key))
            continue;
        one.text = str_trim(keep(loader, &value->entries[i].value));
        *(struct local_text *)vec_push(loader->arena, texts) = one;
    }
    *text = local_text(texts, STR("en"), texts->count ? texts->items[0].text : STR_NONE);
}

static void read_topic_title(struct loader *loader, const struct node *value, void *field)
{
    struct topic *topic = field;
    read_local(loader, value, &topic->title, &topic->titles);
}

static void load_topic(struct loader *loader, const struct node *node, void *item)
{
    static const struct member members[] = {{"title", read_topic_title, 0}};
    members_read(loader, node, members, 1, item);
}

void load_topics(struct loader *loader, const struct node *section)
{
    struct map names;
    map_init(&names, loader->scratch);
    vec_each (topic, &loader->policy->topics)
        if (!map_get(&names, topic->name))
            map_set(&names, topic->name, topic);
    each_declared(loader, section, "topic", &names, load_topic);
}

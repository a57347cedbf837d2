/* Keys, from before a person's first datum to after the last.
 *
 * Made ahead of need: by the sweeper's thread, some KEYS_AHEAD persons before the numbers in use; by the writer where that was not enough.
 *
 * Keys to destroy: written down in the same commit as the change that ends them (setting "key_ends"), destroyed right after it, and again at
 * start where that was interrupted.
 *
 *      owed in memory ──key_ends_plan──▶ setting, with the commit ──key_ends_destroy──▶ gone from the vault ──next commit──▶ setting removed
 *
 * 1. A key is destroyed only after the rows that it sealed are durably gone, and nobody is answered before it is.
 * 2. Doing it twice is harmless: between the two nothing is sealed under a renewed key, since that needs a commit, which rewrites the setting.
 */
#include "base/log.h"
#include "engine/nodes_private.h"

/* "profile:classes[r]" separated by spaces; classes is a mask in decimal. In a shared store "@number" of the save stands before them. */
const struct err *key_ends_parse(struct arena *arena, str text, uint64_t *ret_number, key_end_list *ret_ends)
{
    str item;
    int64_t save = 0;
    if (str_starts(text, STR("@")) && (!str_split(&text, ' ', &item) || !str_to_int64(str_slice(item, 1, item.length), &save) || save <= 0))
        return err_new(arena, ERR_INTERNAL, "the setting `key_ends` is damaged");
    while (str_split(&text, ' ', &item)) {
        str number;
        int64_t profile, classes;
        bool renew = str_ends(item, STR("r"));
        if (renew)
            item.length--;
        if (!str_split(&item, ':', &number) || !str_to_int64(number, &profile) || !str_to_int64(item, &classes) || profile <= 0 ||
            classes <= 0 || classes > KEY_CLASS_ALL)
            return err_new(arena, ERR_INTERNAL, "the setting `key_ends` is damaged");
        *(struct key_end *)vec_push(arena, ret_ends) =
            (struct key_end){.profile = {(uint64_t)profile}, .class_mask = (uint8_t)classes, .renew = renew};
    }
    *ret_number = (uint64_t)save;
    return NULL;
}

const struct err *key_ends_read(struct engine *engine, str text)
{
    uint64_t number = 0;
    key_end_list ends = {0};
    const struct err *error = key_ends_parse(&engine->key_ends_arena, text, &number, &ends);
    if (error)
        return err_new(&engine->arena, error->code, "%s", error->text);
    engine->key_ends.items = ends.items;
    engine->key_ends.count = ends.count;
    engine->key_ends.capacity = ends.capacity;
    return NULL;
}

const struct err *key_ends_do(struct engine *engine, struct arena *arena, uint64_t number, const key_end_list *ends)
{
    struct vault_end *all = arena_array(arena, struct vault_end, ends->count + 1);
    for (size_t i = 0; i < ends->count; i++)
        all[i] = (struct vault_end){.profile = ends->items[i].profile, .class_mask = ends->items[i].class_mask, .renew = ends->items[i].renew};
    return vault_end_keys(arena, engine->vault, number, all, ends->count, clock_now_ms());
}

void key_ends_plan(struct commit *commit)
{
    struct engine *engine = commit->engine;
    vec_each (owed, &engine->key_ends)
        *(struct key_end *)vec_push(commit->arena, &commit->key_ends) = *owed;
    vec_each (end, &commit->batch.key_ends)
        *(struct key_end *)vec_push(commit->arena, &commit->key_ends) = *end;
    if (!commit->key_ends.count) {
        if (engine->key_ends_stored)
            commit_setting(commit, STR("key_ends"), STR_NONE);
        return;
    }
    struct buf text;
    buf_init(&text, commit->arena, 64 * commit->key_ends.count + 64);
    if (engine->nodes)
        buf_printf(&text, "@%llu", (unsigned long long)nodes_save_number(engine));
    vec_each (end, &commit->key_ends)
        buf_printf(&text, "%s%llu:%u%s", text.length ? " " : "", (unsigned long long)end->profile.value, end->class_mask, end->renew ? "r" : "");
    commit_setting(commit, STR("key_ends"), buf_str(&text));
}

static const struct err *renew(struct engine *engine, struct arena *arena, enum key_class class, int64_t now_ms)
{
    profile_no *profiles = arena_array(arena, profile_no, engine->key_ends.count);
    size_t count = 0;
    vec_each (end, &engine->key_ends)
        if (end->renew && (end->class_mask & KEY_CLASS_BIT(class)))
            profiles[count++] = end->profile;
    return count ? vault_renew_all(arena, engine->vault, profiles, count, class, now_ms, NULL) : NULL;
}

const struct err *key_ends_destroy(struct engine *engine, struct arena *arena)
{
    if (!engine->key_ends.count)
        return NULL;
    size_t count = 0;
    profile_no *profiles = arena_array(arena, profile_no, engine->key_ends.count);
    uint8_t *masks = arena_array(arena, uint8_t, engine->key_ends.count);
    int64_t now_ms = clock_now_ms();
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class++)
        TRY(renew(engine, arena, (enum key_class)class, now_ms));
    vec_each (end, &engine->key_ends)
        if (!end->renew) {
            profiles[count] = end->profile;
            masks[count++] = end->class_mask;
        }
    if (count)
        TRY(vault_destroy(arena, engine->vault, profiles, masks, count, now_ms));
    engine->key_ends.count = engine->key_ends.capacity = 0;
    engine->key_ends.items = NULL;
    arena_clear(&engine->key_ends_arena);
    return NULL;
}

/* Both threads may make the same keys; making those that are there is harmless. */
const struct err *keys_ahead(struct engine *engine, struct arena *arena, uint64_t profile_next)
{
    uint64_t from = engine->keys_until;
    if (profile_next <= from)
        return NULL;
    uint64_t count = (profile_next - from + KEYS_STEP - 1) / KEYS_STEP * KEYS_STEP;
    TRY(vault_create_keys(arena, engine->vault, (profile_no){from}, count));
    for (uint64_t until = from; until < from + count && !atomic_compare_exchange_weak(&engine->keys_until, &until, from + count);)
        ;
    return NULL;
}

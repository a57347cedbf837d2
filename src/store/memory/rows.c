/* Rows as blocks of memory, and lists of them. */
#include "store/memory/memory_private.h"

#include <stdlib.h>

#define AT(struct_name, field) offsetof(struct struct_name, field)
#define NO_MARK SIZE_MAX

const struct row_type type_profile = {sizeof(struct profile), AT(profile, change), {AT(profile, jurisdiction), AT(profile, sealed)}, 2, {0}, 0};
const struct row_type type_identifier = {sizeof(struct identifier), AT(identifier, change), {AT(identifier, type), AT(identifier, sealed)}, 2,
                                         {AT(identifier, value)}, 1};
const struct row_type type_consent = {sizeof(struct consent), AT(consent, change),
                                      {AT(consent, purpose), AT(consent, notice), AT(consent, source), AT(consent, sealed)}, 4,
                                      {AT(consent, method), AT(consent, reference), AT(consent, signal)}, 3};
const struct row_type type_merge = {sizeof(struct merge), AT(merge, change), {AT(merge, reason), AT(merge, source)}, 2, {0}, 0};
const struct row_type type_preferences = {sizeof(struct preferences), AT(preferences, change), {AT(preferences, sealed)}, 1,
                                          {AT(preferences, value)}, 1};
const struct row_type type_refused = {sizeof(struct refused_join), AT(refused_join, change), {AT(refused_join, type), AT(refused_join, reason)}, 2,
                                      {0}, 0};
const struct row_type type_fact_page = {sizeof(struct fact_page), AT(fact_page, change), {AT(fact_page, sealed)}, 1, {0}, 0};
const struct row_type type_disclosure = {sizeof(struct disclosure), AT(disclosure, change),
                                         {AT(disclosure, destination), AT(disclosure, purpose)}, 2, {0}, 0};
const struct row_type type_held = {sizeof(struct held), AT(held, change), {AT(held, source), AT(held, sealed)}, 2, {AT(held, message)}, 1};
const struct row_type type_delivery = {sizeof(struct delivery), AT(delivery, change),
                                       {AT(delivery, destination), AT(delivery, purpose), AT(delivery, reason), AT(delivery, sealed)}, 4,
                                       {AT(delivery, subject)}, 1};
const struct row_type type_event = {sizeof(struct event), AT(event, change), {AT(event, source), AT(event, decided)}, 2, {0}, 0};
const struct row_type type_batch = {sizeof(struct batch_row), NO_MARK,
                                    {AT(batch_row, dedupe), AT(batch_row, decisions), AT(batch_row, profiles)}, 3, {0}, 0};
const struct row_type type_ledger = {sizeof(struct ledger_row), NO_MARK, {AT(ledger_row, entry), AT(ledger_row, record_sealed)}, 2, {0}, 0};
const struct row_type type_read = {sizeof(struct read_row), NO_MARK, {AT(read_row, purpose), AT(read_row, what)}, 2, {0}, 0};
const struct row_type type_decisions = {sizeof(struct kept_decisions), NO_MARK, {AT(kept_decisions, sealed)}, 1, {0}, 0};
const struct row_type type_token = {sizeof(struct token_row), NO_MARK,
                                    {AT(token_row, role), AT(token_row, purposes), AT(token_row, label)}, 3, {0}, 0};
const struct row_type type_user = {sizeof(struct user_row), NO_MARK,
                                   {AT(user_row, role), AT(user_row, purposes), AT(user_row, password), AT(user_row, sealed)}, 4, {0}, 0};
const struct row_type type_session = {sizeof(struct session_row), NO_MARK, {0}, 0, {0}, 0};
const struct row_type type_policy = {sizeof(struct policy_row), NO_MARK, {AT(policy_row, text), AT(policy_row, notices)}, 2, {0}, 0};
const struct row_type type_counter = {sizeof(struct counter), NO_MARK,
                                      {AT(counter, source), AT(counter, what), AT(counter, field), AT(counter, reason)}, 4, {0}, 0};
const struct row_type type_rights = {sizeof(struct rights_request), NO_MARK,
                                     {AT(rights_request, channel), AT(rights_request, record), AT(rights_request, sealed)}, 3, {0}, 0};

static str *text_at(void *row, size_t offset) { return (str *)(void *)((char *)row + offset); }

static void row_clear(const struct row_type *type, void *row)
{
    for (unsigned i = 0; i < type->clear_count; i++)
        *text_at(row, type->clears[i]) = STR_NONE;
    if (type->change != NO_MARK)
        *(enum change *)(void *)((char *)row + type->change) = CHANGE_NONE;
}

void *row_make(const struct row_type *type, const void *row)
{
    size_t size = type->size;
    char *block;
    for (unsigned i = 0; i < type->text_count; i++)
        size += ((const str *)(const void *)((const char *)row + type->texts[i]))->length;
    block = malloc(size);
    ASSERT(block);
    memcpy(block, row, type->size);
    char *next = block + type->size;
    for (unsigned i = 0; i < type->text_count; i++) {
        str *text = text_at(block, type->texts[i]);
        if (text->length)
            memcpy(next, text->data, text->length);
        text->data = text->length ? next : NULL;
        next += text->length;
    }
    row_clear(type, block);
    return block;
}

void row_load(const struct row_type *type, struct arena *arena, const void *stored, void *ret_row)
{
    memcpy(ret_row, stored, type->size);
    for (unsigned i = 0; i < type->text_count; i++) {
        str *text = text_at(ret_row, type->texts[i]);
        *text = text->length ? str_copy(arena, *text) : STR_NONE;
    }
}

struct event *event_make(const struct event *event, str decided, struct purpose_sets *sets)
{
    struct event copy = *event;
    struct arena arena;
    uint32_t ids[EVENT_PARTS_MAX];
    arena_init(&arena);
    for (size_t i = 0; i < event->part_count; i++)
        ids[i] = purpose_sets_id(sets, event->parts[i].purposes);
    copy.decided = decided.data ? decided : purpose_sets_names(sets, &arena, ids, event->part_count);
    struct event *block = row_make(&type_event, &copy);
    arena_release(&arena);
    block->parts = calloc(event->part_count ? event->part_count : 1, sizeof *block->parts);
    ASSERT(block->parts);
    for (size_t i = 0; i < event->part_count; i++) {
        const struct event_part *from = &event->parts[i];
        char *bytes = malloc(from->sealed.length + 1);
        ASSERT(bytes);
        if (from->sealed.length)
            memcpy(bytes, from->sealed.data, from->sealed.length);
        block->parts[i] = (struct event_part){.purposes = purpose_sets_id(sets, from->purposes), .key_class = from->key_class,
                                              .sealed = {bytes, from->sealed.length}};
    }
    return block;
}

void event_load(struct arena *arena, struct purpose_sets *sets, const struct event *stored, struct event *row)
{
    row_load(&type_event, arena, stored, row);
    row->parts = arena_array(arena, struct event_part, stored->part_count);
    for (size_t i = 0; i < stored->part_count; i++)
        row->parts[i] = (struct event_part){.purposes = purpose_sets_mask(sets, (uint32_t)stored->parts[i].purposes),
                                            .key_class = stored->parts[i].key_class, .sealed = str_copy(arena, stored->parts[i].sealed)};
}

void event_free(struct event *event)
{
    if (!event)
        return;
    for (size_t i = 0; i < event->part_count; i++)
        free((void *)event->parts[i].sealed.data);
    free(event->parts);
    free(event);
}

/* --- lists */

static void list_reserve(struct row_list *list, size_t count)
{
    if (count <= list->capacity)
        return;
    size_t capacity = list->capacity ? list->capacity * 2 : 4;
    while (capacity < count)
        capacity *= 2;
    list->items = realloc(list->items, capacity * sizeof *list->items);
    ASSERT(list->items);
    list->capacity = capacity;
}

void row_list_add(struct row_list *list, void *block)
{
    list_reserve(list, list->count + 1);
    list->items[list->count++] = block;
}

void row_list_remove(struct row_list *list, size_t place)
{
    free(list->items[place]);
    memmove(&list->items[place], &list->items[place + 1], (--list->count - place) * sizeof *list->items);
}

void row_list_set(struct row_list *list, size_t place, void *block)
{
    list_reserve(list, place + 1);
    for (; list->count <= place; list->count++)
        list->items[list->count] = NULL;
    free(list->items[place]);
    list->items[place] = block;
}

void *row_list_get(const struct row_list *list, size_t place) { return place < list->count ? list->items[place] : NULL; }

void row_list_release(struct row_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct row_list){0};
}

void number_list_add(struct number_list *list, uint64_t number)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 4;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        ASSERT(list->items);
    }
    list->items[list->count++] = number;
}

void number_list_remove(struct number_list *list, uint64_t number)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == number) {
            memmove(&list->items[i], &list->items[i + 1], (--list->count - i) * sizeof *list->items);
            return;
        }
}

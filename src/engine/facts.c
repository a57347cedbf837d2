/* Fact pages, packed and unpacked; the contract is in facts.h. */
#include "engine/facts.h"

#include <stdlib.h>

#define HEAD_BYTES 23

bool facts_unpack(struct arena *arena, struct person *person, const struct fact_page *page, str plain)
{
    while (plain.length) {
        uint16_t name_length;
        uint32_t value_length;
        struct fact fact = {.profile = page->profile, .identifier = page->identifier, .purposes = page->purposes, .page = page->number};
        if (plain.length < HEAD_BYTES)
            return false;
        memcpy(&name_length, plain.data, 2);
        size_t source_length = (uint8_t)plain.data[2];
        memcpy(&value_length, plain.data + 3, 4);
        memcpy(&fact.observed_ms, plain.data + 7, 8);
        memcpy(&fact.received_ms, plain.data + 15, 8);
        size_t from = HEAD_BYTES;
        if (plain.length - from < name_length + source_length + (size_t)value_length)
            return false;
        fact.name = str_slice(plain, from, from + name_length);
        from += name_length;
        fact.source = str_slice(plain, from, from + source_length);
        from += source_length;
        fact.value = str_slice(plain, from, from + value_length);
        plain = str_slice(plain, from + value_length, plain.length);
        *(struct fact *)vec_push(arena, &person->facts) = fact;
    }
    return true;
}

/* ---- pages of a profile, while a commit is being sealed ---- */

struct page {
    struct fact_page row;
    VEC(const struct fact *) facts;
    size_t bytes;
    bool dirty;
};
struct profile_pages {
    profile_no profile;
    uint32_t next; /* number of the next new page */
    VEC(struct page *) pages;
};

static struct profile_pages *pages_of(struct commit *commit, profile_no profile)
{
    struct profile_pages *pages = map_get(&commit->pages, str_bytes(&profile.value, sizeof profile.value));
    if (!pages) {
        pages = arena_new(commit->arena, struct profile_pages);
        pages->profile = profile;
        pages->next = 1;
        map_set(&commit->pages, str_bytes(&pages->profile.value, sizeof profile.value), pages);
    }
    return pages;
}

static bool facts_changed(const struct person *person)
{
    vec_each (fact, &person->facts)
        if (fact->change != CHANGE_NONE)
            return true;
    return false;
}

void facts_pages_gather(struct commit *commit)
{
    bool any = false;
    vec_each (person, &commit->batch.persons)
        any = any || facts_changed(*person);
    if (!any)
        return;
    map_init(&commit->pages, commit->arena);
    for (size_t i = 0; i < commit->loaded_count; i++) {
        struct person *person = commit->loaded[i];
        vec_each (row, &person->fact_pages) {
            struct profile_pages *pages = pages_of(commit, row->profile);
            struct page *page = arena_new(commit->arena, struct page);
            page->row = *row;
            *(struct page **)vec_push(commit->arena, &pages->pages) = page;
            if (row->number >= pages->next)
                pages->next = row->number + 1;
        }
        person->fact_pages.count = 0;
    }
}

static size_t fact_bytes(const struct fact *fact)
{
    return HEAD_BYTES + fact->name.length + fact->source.length + fact->value.length;
}

/* Facts come page by page, so the last answer is mostly the next one. */
static struct page *page_by_number(struct profile_pages *pages, uint32_t number, struct page *last)
{
    if (last && number && last->row.number == number && profile_no_equal(last->row.profile, pages->profile))
        return last;
    for (size_t i = 0; number && i < pages->pages.count; i++)
        if (pages->pages.items[i]->row.number == number)
            return pages->pages.items[i];
    return NULL;
}

static bool page_fits(const struct page *page, const struct fact *fact)
{
    return page->row.identifier == fact->identifier && page->row.purposes == fact->purposes && page->row.change != CHANGE_GONE;
}

static void page_put(struct commit *commit, struct page *page, const struct fact *fact)
{
    *(const struct fact **)vec_push(commit->arena, &page->facts) = fact;
    page->bytes += fact_bytes(fact);
}

static struct page *page_with_room(struct commit *commit, struct profile_pages *pages, const struct fact *fact)
{
    for (size_t i = pages->pages.count; i-- > 0;) {
        struct page *page = pages->pages.items[i];
        if (page_fits(page, fact) && page->facts.count < FACT_PAGE_FACTS_MAX && page->bytes + fact_bytes(fact) <= FACT_PAGE_BYTES_MAX)
            return page;
    }
    struct page *page = arena_new(commit->arena, struct page);
    page->row = (struct fact_page){.change = CHANGE_NEW, .profile = fact->profile, .identifier = fact->identifier, .number = pages->next++,
                                   .purposes = fact->purposes};
    *(struct page **)vec_push(commit->arena, &pages->pages) = page;
    return page;
}

/* First what stays where it is, then what is new or has to move, into what room there is. */
static void facts_deal(struct commit *commit, struct person *person)
{
    struct profile_pages *pages = NULL;
    struct page *page = NULL;
    vec_each (fact, &person->facts) {
        if (!pages || !profile_no_equal(pages->profile, fact->profile))
            pages = pages_of(commit, fact->profile);
        page = page_by_number(pages, fact->page, page);
        if (page && fact->change != CHANGE_NONE)
            page->dirty = true;
        if (fact->change >= CHANGE_GONE)
            continue;
        if (page && page_fits(page, fact))
            page_put(commit, page, fact);
        else
            fact->page = 0;
    }
    vec_each (fact, &person->facts) {
        if (fact->change >= CHANGE_GONE || fact->page)
            continue;
        page = page_with_room(commit, pages_of(commit, fact->profile), fact);
        page->dirty = true;
        page_put(commit, page, fact);
        fact->page = page->row.number;
    }
}

static str page_pack(struct arena *arena, const struct page *page)
{
    char *out = arena_alloc_raw(arena, page->bytes + 1), *next = out;
    vec_each (item, &page->facts) {
        const struct fact *fact = *item;
        uint16_t name_length = (uint16_t)fact->name.length;
        uint32_t value_length = (uint32_t)fact->value.length;
        ASSERT(fact->name.length <= UINT16_MAX && fact->source.length <= UINT8_MAX);
        memcpy(next, &name_length, 2);
        next[2] = (char)fact->source.length;
        memcpy(next + 3, &value_length, 4);
        memcpy(next + 7, &fact->observed_ms, 8);
        memcpy(next + 15, &fact->received_ms, 8);
        next += HEAD_BYTES;
        const str texts[] = {fact->name, fact->source, fact->value};
        for (size_t i = 0; i < 3; i++) {
            if (texts[i].length)
                memcpy(next, texts[i].data, texts[i].length);
            next += texts[i].length;
        }
    }
    ASSERT((size_t)(next - out) == page->bytes);
    return str_bytes(out, page->bytes);
}

static const struct err *page_seal(struct commit *commit, struct keyring *ring, struct person *person, str jurisdiction, struct page *page)
{
    struct fact_page *row = &page->row;
    if (!page->facts.count) {
        if (row->change != CHANGE_NEW) {
            row->change = CHANGE_GONE;
            *(struct fact_page *)vec_push(commit->arena, &person->fact_pages) = *row;
        }
        return NULL;
    }
    if (row->change == CHANGE_NONE)
        row->change = CHANGE_SET;
    row->key_class = (uint8_t)key_class_of(commit->policy, row->purposes, jurisdiction);
    row->fact_count = (uint32_t)page->facts.count;
    row->observed_first_ms = INT64_MAX;
    row->observed_last_ms = INT64_MIN;
    vec_each (fact, &page->facts) {
        if ((*fact)->observed_ms < row->observed_first_ms)
            row->observed_first_ms = (*fact)->observed_ms;
        if ((*fact)->observed_ms > row->observed_last_ms)
            row->observed_last_ms = (*fact)->observed_ms;
    }
    TRY(value_seal(ring, row->profile, (enum key_class)row->key_class, facts_aad(row), page_pack(commit->arena, page), &row->sealed));
    *(struct fact_page *)vec_push(commit->arena, &person->fact_pages) = *row;
    return NULL;
}

const struct err *facts_seal(struct commit *commit, struct keyring *ring, struct person *person)
{
    if (!facts_changed(person))
        return NULL;
    facts_deal(commit, person);
    str jurisdiction = STR_NONE; /* as the core does for event parts: the first that is known */
    vec_each (profile, &person->profiles)
        if (str_empty(jurisdiction) && profile->change < CHANGE_GONE)
            jurisdiction = profile->jurisdiction;
    vec_each (profile, &person->profiles) {
        struct profile_pages *pages = pages_of(commit, profile->number);
        for (size_t i = 0; i < pages->pages.count; i++)
            if (pages->pages.items[i]->dirty)
                TRY(page_seal(commit, ring, person, jurisdiction, pages->pages.items[i]));
    }
    return NULL;
}

/* Tickets of links: what they open for, and what they never open for. */
#include "unit.h"

#include "evidence/ticket.h"

static const uint8_t key[32] = {9, 8, 7}, other_key[32] = {9, 8, 6};
static const struct ticket_content anna = {.profile = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}}, .identifier = 70000, .expires_ms = 1900000000123};

static enum ticket_result open_for(struct arena *arena, str audience, str text, int64_t now_ms)
{
    struct ticket_content content;
    memset(&content, 0xee, sizeof(content));
    enum ticket_result result = ticket_open(arena, key, audience, text, now_ms, &content);
    if (result == TICKET_BAD)
        for (size_t i = 0; i < sizeof(content); i++)
            assert_int_equal(((const uint8_t *)&content)[i], 0xee);
    return result;
}

static void a_ticket_names_the_person_and_the_identifier_it_was_made_for(void **state)
{
    (void)state;
    struct arena arena;
    struct ticket_content content = {0};
    arena_init(&arena);
    str text = ticket_make(&arena, key, STR("preferences"), &anna);
    assert_int_equal(text.length, TICKET_TEXT_BYTES);
    assert_int_equal(ticket_open(&arena, key, STR("preferences"), text, anna.expires_ms - 1, &content), TICKET_GOOD);
    assert_memory_equal(content.profile.bytes, anna.profile.bytes, 16);
    assert_int_equal(content.identifier, anna.identifier);
    assert_true(content.expires_ms == anna.expires_ms);
    arena_release(&arena);
}

static void it_ends_at_its_time(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    str text = ticket_make(&arena, key, STR("preferences"), &anna);
    assert_int_equal(open_for(&arena, STR("preferences"), text, anna.expires_ms), TICKET_EXPIRED);
    assert_int_equal(open_for(&arena, STR("preferences"), text, INT64_MAX), TICKET_EXPIRED);
    arena_release(&arena);
}

static void it_opens_for_no_other_audience_and_under_no_other_key(void **state)
{
    (void)state;
    struct arena arena;
    struct ticket_content content;
    arena_init(&arena);
    str text = ticket_make(&arena, key, STR("preferences"), &anna);
    assert_int_equal(open_for(&arena, STR("rights"), text, 0), TICKET_BAD);
    assert_int_equal(open_for(&arena, STR("preference"), text, 0), TICKET_BAD);
    assert_int_equal(open_for(&arena, STR("preferencess"), text, 0), TICKET_BAD);
    assert_int_equal(open_for(&arena, STR(""), text, 0), TICKET_BAD);
    assert_int_equal(open_for(&arena, STR("an audience that is far too long to be one"), text, 0), TICKET_BAD);
    assert_int_equal(ticket_open(&arena, other_key, STR("preferences"), text, 0, &content), TICKET_BAD);
    arena_release(&arena);
}

static void no_character_of_it_can_be_changed_added_or_taken_away(void **state)
{
    (void)state;
    struct arena arena;
    char changed[TICKET_TEXT_BYTES + 4];
    arena_init(&arena);
    str text = ticket_make(&arena, key, STR("preferences"), &anna);
    for (size_t i = 0; i < text.length; i++) {
        memcpy(changed, text.data, text.length);
        for (const char *other = "AZaz09-_+/=. \n%"; *other; other++) {
            changed[i] = *other;
            if (*other != text.data[i])
                assert_int_equal(open_for(&arena, STR("preferences"), str_bytes(changed, text.length), 0), TICKET_BAD);
        }
    }
    memcpy(changed, text.data, text.length);
    memcpy(changed + text.length, "====", 4);
    for (size_t length = 0; length < sizeof(changed); length++)
        if (length != text.length)
            assert_int_equal(open_for(&arena, STR("preferences"), str_bytes(changed, length), 0), TICKET_BAD);
    assert_int_equal(open_for(&arena, STR("preferences"), STR_NONE, 0), TICKET_BAD);
    arena_release(&arena);
}

static void two_tickets_for_the_same_do_not_look_alike_and_say_nothing(void **state)
{
    (void)state;
    struct arena arena;
    str plain;
    arena_init(&arena);
    str one = ticket_make(&arena, key, STR("preferences"), &anna), two = ticket_make(&arena, key, STR("preferences"), &anna);
    assert_memory_not_equal(one.data, two.data, one.length);
    assert_true(str_unbase64(&arena, one, &plain));
    assert_true(str_find(plain, str_bytes(anna.profile.bytes, 16)) < 0);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_names_the_person_and_the_identifier_it_was_made_for),
        cmocka_unit_test(it_ends_at_its_time),
        cmocka_unit_test(it_opens_for_no_other_audience_and_under_no_other_key),
        cmocka_unit_test(no_character_of_it_can_be_changed_added_or_taken_away),
        cmocka_unit_test(two_tickets_for_the_same_do_not_look_alike_and_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

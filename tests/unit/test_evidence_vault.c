/* The key vault: what lives, what dies, and that it stays dead: in the file, in the journal, in memory, in copies of it, in copies that
 * come back. */
#include "evidence_vault.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void keys_are_random_each_and_the_same_after_a_restart(void **state)
{
    (void)state;
    enum { PROFILES = 100 };
    static uint8_t keys[PROFILES * KEY_CLASS_COUNT][32];
    struct vault *vault = vault_at(dir);
    check_key(vault, 1, KEY_EVIDENCE, VAULT_ABSENT);
    check_fine(vault_create_keys(&arena, vault, one, PROFILES));
    for (size_t i = 0; i < PROFILES * KEY_CLASS_COUNT; i++)
        key_of(vault, i / KEY_CLASS_COUNT + 1, (enum key_class)(i % KEY_CLASS_COUNT), keys[i]);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        for (size_t j = i + 1; j < COUNT_OF(keys); j++)
            assert_memory_not_equal(keys[i], keys[j], 32);
    check_key(vault, PROFILES + 1, KEY_EVIDENCE, VAULT_ABSENT);
    vault_close(vault);
    vault = vault_at(dir);
    for (size_t i = COUNT_OF(keys); i-- > 0;) {
        uint8_t key[32];
        key_of(vault, i / KEY_CLASS_COUNT + 1, (enum key_class)(i % KEY_CLASS_COUNT), key);
        assert_memory_equal(key, keys[i], 32);
        assert_int_equal(world_find(dir, key, 32), 0); /* never in clear */
    }
    vault_close(vault);
}

static void making_keys_again_changes_none(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    uint8_t before[32], after[32];
    check_fine(vault_create_keys(&arena, vault, number(5), 30));
    key_of(vault, 20, KEY_CONSENT, before);
    destroy(vault, 21, KEY_CLASS_BIT(KEY_CONSENT));
    check_fine(vault_create_keys(&arena, vault, one, 200));
    key_of(vault, 20, KEY_CONSENT, after);
    assert_memory_equal(before, after, 32);
    check_key(vault, 21, KEY_CONSENT, VAULT_DESTROYED);
    check_key(vault, 21, KEY_LEGAL, VAULT_LIVE);
    check_key(vault, 4, KEY_LEGAL, VAULT_LIVE);
    check_key(vault, 200, KEY_LEGAL, VAULT_LIVE);
    check_fine(vault_create_keys(&arena, vault, one, 0));
    check_code(vault_create_keys(&arena, vault, number(0), 1), ERR_INVALID);
    check_code(vault_create_keys(&arena, vault, number(PROFILE_NO_MAX), 2), ERR_INVALID);
    check_key(vault, 0, KEY_LEGAL, VAULT_ABSENT);
    check_key(vault, UINT64_MAX, KEY_LEGAL, VAULT_ABSENT);
    vault_close(vault);
}

static void a_destroyed_key_is_in_no_file_and_in_no_memory_of_the_vault(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    uint8_t key[KEY_CLASS_COUNT][32], wrapped[KEY_CLASS_COUNT][WRAPPED_SIZE], kept[32];
    check_fine(vault_create_keys(&arena, vault, one, 1000));
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
        key_of(vault, 77, (enum key_class) class, key[class]);
        wrapped_of(vault, 77, (enum key_class) class, wrapped[class]);
        assert_true(world_find(dir, wrapped[class], WRAPPED_SIZE) >= 1); /* so that finding none means something */
        assert_non_null(memmem(vault->cache, sizeof(*vault->cache), key[class], 32));
    }
    key_of(vault, 78, KEY_CONSENT, kept);
    destroy(vault, 77, KEY_CLASS_ALL & (uint8_t)~KEY_CLASS_BIT(KEY_LEGAL));
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
        bool legal = class == KEY_LEGAL;
        check_key(vault, 77, (enum key_class) class, legal ? VAULT_LIVE : VAULT_DESTROYED);
        assert_int_equal(world_find(dir, wrapped[class], WRAPPED_SIZE) > 0, legal);
        assert_int_equal(memmem(vault->cache, sizeof(*vault->cache), key[class], 32) != NULL, legal);
        assert_null(memmem(vault->record, RECORD_SIZE_MAX, wrapped[class], WRAPPED_SIZE));
    }
    destroy(vault, 77, KEY_CLASS_ALL); /* again does no harm */
    str log = world_read(&arena, world_path(&arena, dir, "tombstones.log"));
    destroy(vault, 77, KEY_CLASS_ALL);
    assert_int_equal(world_read(&arena, world_path(&arena, dir, "tombstones.log")).length, log.length);
    vault_close(vault);
    vault = vault_at(dir);
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++)
        check_key(vault, 77, (enum key_class) class, VAULT_DESTROYED);
    uint8_t again[32];
    key_of(vault, 78, KEY_CONSENT, again);
    assert_memory_equal(kept, again, 32);
    vault_close(vault);
}

static void a_slot_that_was_never_live_can_be_destroyed_and_stays_so(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    destroy(vault, 500000, KEY_CLASS_BIT(KEY_HOLD));
    check_key(vault, 500000, KEY_HOLD, VAULT_DESTROYED);
    check_key(vault, 500000, KEY_LEGAL, VAULT_ABSENT);
    check_fine(vault_create_keys(&arena, vault, number(500000), 1));
    check_key(vault, 500000, KEY_HOLD, VAULT_DESTROYED);
    check_key(vault, 500000, KEY_LEGAL, VAULT_LIVE);
    check_key(vault, 400000, KEY_LEGAL, VAULT_ABSENT); /* what lies between takes no room */
    vault_close(vault);
}

static void many_are_destroyed_at_once(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static profile_no profiles[MANY];
    static uint8_t masks[MANY];
    struct vault *vault = vault_at(dir);
    check_fine(vault_create_keys(&arena, vault, one, MANY));
    for (size_t i = 0; i < MANY; i++) { /* in no order, some twice with two halves */
        profiles[i] = number((i * 7919) % MANY / 2 * 2 + 1);
        masks[i] = i % 3 == 0 ? KEY_CLASS_BIT(KEY_CONSENT) : i % 3 == 1 ? KEY_CLASS_BIT(KEY_HOLD) : KEY_CLASS_ALL;
    }
    check_fine(vault_destroy(&arena, vault, profiles, masks, MANY, 5));
    for (size_t i = 0; i < MANY; i++)
        for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++)
            if (masks[i] & KEY_CLASS_BIT(class))
                check_key(vault, profiles[i].value, (enum key_class) class, VAULT_DESTROYED);
    for (size_t i = 2; i <= MANY; i += 2)
        check_key(vault, i, KEY_CONSENT, VAULT_LIVE);
    vault_close(vault);
}

static void renewing_puts_a_new_key_in_place_of_the_old(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    uint8_t before[32], after[32], wrapped[WRAPPED_SIZE];
    check_fine(vault_create_keys(&arena, vault, one, 10));
    key_of(vault, 3, KEY_HOLD, before);
    wrapped_of(vault, 3, KEY_HOLD, wrapped);
    check_fine(vault_renew(&arena, vault, number(3), KEY_HOLD, 7));
    key_of(vault, 3, KEY_HOLD, after);
    assert_memory_not_equal(before, after, 32);
    assert_int_equal(world_find(dir, wrapped, WRAPPED_SIZE), 0);
    check_fine(vault_renew(&arena, vault, number(999), KEY_HOLD, 7)); /* an empty slot gets its first */
    check_key(vault, 999, KEY_HOLD, VAULT_LIVE);
    destroy(vault, 3, KEY_CLASS_BIT(KEY_HOLD));
    check_code(vault_renew(&arena, vault, number(3), KEY_HOLD, 7), ERR_CONFLICT);
    profile_no profiles[3] = {number(4), number(3), number(5)};
    size_t destroyed = 0;
    key_of(vault, 5, KEY_HOLD, before);
    check_fine(vault_renew_all(&arena, vault, profiles, 3, KEY_HOLD, 8, &destroyed));
    assert_int_equal(destroyed, 1);
    key_of(vault, 5, KEY_HOLD, after);
    assert_memory_not_equal(before, after, 32);
    vault_close(vault);
    vault = vault_at(dir);
    key_of(vault, 5, KEY_HOLD, before);
    assert_memory_equal(before, after, 32);
    vault_close(vault);
}

/* ---- tombstones ---- */

/* A vault with 60 persons; an older copy of its file lies at folder/older. Person 7 was then destroyed, 8's hold key renewed. */
static void with_older_copy(uint8_t ret_hold[32])
{
    struct vault *vault = vault_at(dir);
    check_fine(vault_create_keys(&arena, vault, one, 60));
    destroy(vault, 2, KEY_CLASS_ALL);
    check_fine(vault_copy_to(&arena, vault, world_path(&arena, folder, "older")));
    key_of(vault, 8, KEY_HOLD, ret_hold);
    destroy(vault, 7, KEY_CLASS_ALL);
    check_fine(vault_renew(&arena, vault, number(8), KEY_HOLD, 9));
    vault_close(vault);
    world_copy_file(world_path(&arena, dir, "tombstones.log"), world_path(&arena, folder, "newest.log"));
}

static void an_older_vault_beside_the_newest_log_opens_without_what_was_destroyed(void **state)
{
    (void)state;
    uint8_t hold[32], now[32];
    with_older_copy(hold);
    world_copy_file(world_path(&arena, folder, "older"), world_path(&arena, dir, "vault"));
    world_write(world_path(&arena, dir, "vault.journal"), STR(""));
    struct vault *vault = vault_at(dir);
    check_key(vault, 7, KEY_LEGAL, VAULT_DESTROYED);
    check_key(vault, 2, KEY_LEGAL, VAULT_DESTROYED);
    key_of(vault, 8, KEY_HOLD, now);
    assert_memory_not_equal(now, hold, 32);
    check_key(vault, 8, KEY_LEGAL, VAULT_LIVE);
    vault_close(vault);
}

static void restoring_applies_the_newest_tombstones_once(void **state)
{
    (void)state;
    uint8_t hold[32], now[32];
    uint64_t applied = 99;
    with_older_copy(hold);
    const char *restored = world_path(&arena, folder, "restored"), *log = world_path(&arena, folder, "newest.log");
    world_copy_file(world_path(&arena, folder, "older"), world_path(&arena, restored, "vault"));
    world_copy_file(world_path(&arena, dir, "keys/master.key"), world_path(&arena, restored, "keys/master.key"));
    struct vault *vault = vault_at(restored);
    check_key(vault, 7, KEY_LEGAL, VAULT_LIVE);
    check_fine(vault_tombstones_apply(&arena, vault, log, &applied));
    assert_int_equal(applied, 2);
    check_key(vault, 7, KEY_LEGAL, VAULT_DESTROYED);
    key_of(vault, 8, KEY_HOLD, now);
    assert_memory_not_equal(now, hold, 32);
    uint8_t renewed[32];
    check_fine(vault_tombstones_apply(&arena, vault, log, &applied));
    assert_int_equal(applied, 0);
    key_of(vault, 8, KEY_HOLD, renewed); /* the new key is not the one that died */
    assert_memory_equal(now, renewed, 32);
    check_code(vault_tombstones_apply(&arena, vault, world_path(&arena, folder, "none"), &applied), ERR_NOT_FOUND);
    vault_close(vault);
    /* and its own log now says so, too, for the next restore */
    world_copy_file(world_path(&arena, folder, "older"), world_path(&arena, restored, "vault"));
    vault = vault_at(restored);
    check_key(vault, 7, KEY_LEGAL, VAULT_DESTROYED);
    vault_close(vault);
}

static void damaged_lines_are_told_and_the_others_applied(void **state)
{
    (void)state;
    uint8_t hold[32];
    uint64_t applied = 99;
    with_older_copy(hold);
    const char *restored = world_path(&arena, folder, "restored"), *log = world_path(&arena, folder, "damaged.log");
    str lines = world_read(&arena, world_path(&arena, folder, "newest.log")), line;
    struct buf out;
    buf_init(&out, &arena, 1 << 20);
    buf_add(&out, STR("telos1 00000000000000000000000000000000 destroy 9 legal - - 00000000\n")); /* its check sum is wrong */
    assert_true(str_split(&lines, '\n', &line));
    buf_add(&out, line);
    buf_add(&out, STR("\n\n"));
    assert_true(str_split(&lines, '\n', &line));
    buf_add(&out, line);
    buf_add(&out, STR("\ntelos1 torn"));
    world_write(log, buf_str(&out));
    world_copy_file(world_path(&arena, folder, "older"), world_path(&arena, restored, "vault"));
    world_copy_file(world_path(&arena, dir, "keys/master.key"), world_path(&arena, restored, "keys/master.key"));
    struct vault *vault = vault_at(restored);
    check_code(vault_tombstones_apply(&arena, vault, log, &applied), ERR_INVALID);
    check_key(vault, 7, KEY_LEGAL, VAULT_DESTROYED);
    check_key(vault, 9, KEY_LEGAL, VAULT_LIVE);
    assert_int_equal(applied, 99);
    vault_close(vault);
}

static void tombstones_of_another_vault_and_a_torn_last_line_are_passed_over(void **state)
{
    (void)state;
    uint8_t hold[32];
    uint64_t applied = 99;
    with_older_copy(hold);
    const char *other = world_path(&arena, folder, "other"), *log = world_path(&arena, folder, "newest.log");
    str lines = world_read(&arena, log);
    world_write(log, str_printf(&arena, "%.*stelos1 torn", STR_FMT(lines)));
    struct vault *vault = vault_at(other);
    check_fine(vault_create_keys(&arena, vault, one, 10));
    check_fine(vault_tombstones_apply(&arena, vault, log, &applied));
    assert_int_equal(applied, 0);
    check_key(vault, 7, KEY_LEGAL, VAULT_LIVE);
    vault_close(vault);
}

static void a_vault_that_was_lost_is_not_replaced_by_a_new_one(void **state)
{
    (void)state;
    uint8_t hold[32];
    struct vault *vault = NULL;
    with_older_copy(hold);
    assert_int_equal(unlink(world_path(&arena, dir, "vault")), 0);
    check_code(vault_open(&arena, dir, NULL, &vault), ERR_UNAVAILABLE);
    assert_null(vault);
    assert_false(world_exists(world_path(&arena, dir, "vault")));
}

/* ---- mirrors ---- */

static void what_is_destroyed_here_is_destroyed_in_the_mirrors(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    uint8_t wrapped[WRAPPED_SIZE], hold[WRAPPED_SIZE], kept[WRAPPED_SIZE];
    const char *backup = world_path(&arena, folder, "backup/vault");
    check_fine(vault_create_keys(&arena, vault, one, 60));
    wrapped_of(vault, 7, KEY_CONTRACT, wrapped);
    wrapped_of(vault, 8, KEY_HOLD, hold);
    wrapped_of(vault, 9, KEY_HOLD, kept);
    world_write(world_path(&arena, folder, "backup/x"), STR(""));
    check_fine(vault_copy_to(&arena, vault, backup));
    destroy(vault, 30, KEY_CLASS_ALL); /* between copying and registering */
    check_fine(vault_mirror_add(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup)); /* again does no harm */
    assert_int_equal(world_find(folder, wrapped, WRAPPED_SIZE), 2); /* vault and backup */
    destroy(vault, 7, KEY_CLASS_ALL);
    check_fine(vault_renew(&arena, vault, number(8), KEY_HOLD, 5));
    assert_int_equal(world_find(folder, wrapped, WRAPPED_SIZE), 0);
    assert_int_equal(world_find(folder, hold, WRAPPED_SIZE), 0);
    assert_true(world_find(folder, kept, WRAPPED_SIZE) >= 2);
    struct vault_mirrors mirrors = vault_mirrors(&arena, vault);
    assert_true(mirrors.count == 1 && mirrors.items[0].pending == 0 && !mirrors.items[0].pending_all);
    vault_close(vault);
    /* the copy is a vault by itself */
    const char *restored = world_path(&arena, folder, "restored");
    world_copy_file(backup, world_path(&arena, restored, "vault"));
    world_copy_file(world_path(&arena, dir, "keys/master.key"), world_path(&arena, restored, "keys/master.key"));
    vault = vault_at(restored);
    check_key(vault, 7, KEY_LEGAL, VAULT_DESTROYED);
    check_key(vault, 30, KEY_LEGAL, VAULT_DESTROYED);
    check_key(vault, 9, KEY_HOLD, VAULT_LIVE);
    check_fine(vault_create_keys(&arena, vault, one, 100));
    vault_close(vault);
}

static void a_mirror_out_of_reach_is_remembered_and_catches_up(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    uint8_t wrapped[WRAPPED_SIZE];
    size_t pending = 99;
    const char *backup = world_path(&arena, folder, "backup"), *away = world_path(&arena, folder, "away");
    check_fine(vault_create_keys(&arena, vault, one, 60));
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    wrapped_of(vault, 7, KEY_CONTRACT, wrapped);
    assert_int_equal(rename(backup, away), 0);
    destroy(vault, 7, KEY_CLASS_ALL);
    destroy(vault, 9, KEY_CLASS_BIT(KEY_CONSENT));
    destroy(vault, 9, KEY_CLASS_BIT(KEY_LEGAL));
    assert_int_equal(vault_mirrors(&arena, vault).items[0].pending, 2);
    vault_close(vault);
    vault = vault_at(dir); /* it is written down */
    assert_int_equal(vault_mirrors(&arena, vault).items[0].pending, 2);
    check_fine(vault_mirror_retry(&arena, vault, &pending));
    assert_int_equal(pending, 1);
    assert_int_equal(world_find(folder, wrapped, WRAPPED_SIZE), 1);
    assert_int_equal(rename(away, backup), 0);
    check_fine(vault_mirror_retry(&arena, vault, &pending));
    assert_int_equal(pending, 0);
    assert_int_equal(world_find(folder, wrapped, WRAPPED_SIZE), 0);
    vault_close(vault);
}

static void what_is_no_copy_of_this_vault_is_no_mirror(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir), *other = vault_at(world_path(&arena, folder, "other"));
    const char *foreign = world_path(&arena, folder, "foreign"), *text = world_path(&arena, folder, "text");
    check_fine(vault_copy_to(&arena, other, foreign));
    vault_close(other);
    world_write(text, STR("not a vault"));
    check_code(vault_mirror_add(&arena, vault, foreign), ERR_INVALID);
    check_code(vault_mirror_add(&arena, vault, text), ERR_INVALID);
    check_code(vault_mirror_add(&arena, vault, world_path(&arena, folder, "none")), ERR_NOT_FOUND);
    check_code(vault_mirror_remove(&arena, vault, foreign), ERR_NOT_FOUND);
    const char *backup = world_path(&arena, folder, "backup");
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    assert_int_equal(unlink(backup), 0);
    check_fine(vault_mirror_remove(&arena, vault, backup)); /* though it is gone */
    assert_int_equal(vault_mirrors(&arena, vault).count, 0);
    /* something else has taken a mirror's place: nothing is written to it */
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    world_write(backup, STR("letters"));
    destroy(vault, 1, KEY_CLASS_ALL);
    check_str(world_read(&arena, backup), "letters");
    assert_int_equal(vault_mirrors(&arena, vault).items[0].pending, 1);
    vault_close(vault);
}

static void a_torn_page_of_a_mirror_is_replaced_by_the_vaults_own(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    const char *backup = world_path(&arena, folder, "backup");
    uint8_t page[VAULT_PAGE];
    check_fine(vault_create_keys(&arena, vault, one, 60));
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    str content = world_read(&arena, backup);
    memset((char *)content.data + VAULT_PAGE + 2048, 0x55, 2048);
    world_write(backup, content);
    destroy(vault, 7, KEY_CLASS_ALL);
    content = world_read(&arena, backup);
    memcpy(page, content.data + VAULT_PAGE, VAULT_PAGE);
    assert_true(page_check(page, 1));
    assert_int_equal(page_state(page, page_place(7), KEY_LEGAL), SLOT_DESTROYED);
    assert_int_equal(page_state(page, page_place(20), KEY_LEGAL), SLOT_LIVE);
    vault_close(vault);
}

/* ---- damage ---- */

static void a_damaged_page_takes_no_new_key_and_only_the_person_of_the_damage_is_denied(void **state)
{
    (void)state;
    const char *file = world_path(&arena, dir, "vault");
    struct vault *vault = vault_at(dir);
    struct vault_status status;
    uint8_t wrapped[WRAPPED_SIZE], kept[WRAPPED_SIZE];
    check_fine(vault_create_keys(&arena, vault, one, 60));
    wrapped_of(vault, 25, KEY_LEGAL, wrapped);
    wrapped_of(vault, 26, KEY_LEGAL, kept);
    vault_close(vault);
    str content = world_read(&arena, file);
    ((char *)content.data)[2 * VAULT_PAGE + 4000] ^= 1;
    world_write(file, content);
    vault = vault_at(dir);
    check_key(vault, 20, KEY_LEGAL, VAULT_LIVE);
    check_key(vault, 21, KEY_LEGAL, VAULT_LIVE); /* each key has a check sum of its own */
    check_key(vault, 40, KEY_LEGAL, VAULT_FAILED);
    check_key(vault, 41, KEY_LEGAL, VAULT_LIVE);
    check_code(vault_create_keys(&arena, vault, one, 60), ERR_IO);
    check_fine(vault_create_keys(&arena, vault, number(61), 60));
    check_fine(vault_status(&arena, vault, &status));
    assert_true(status.pages_damaged == 1 && status.pages_total == 6);
    check_code(vault_rotate(&arena, vault, NULL, NULL), ERR_IO); /* the old key is not given up while something is under it */
    destroy(vault, 25, KEY_CLASS_ALL); /* even so */
    assert_int_equal(world_find(dir, wrapped, WRAPPED_SIZE), 0);
    assert_int_equal(world_find(dir, kept, WRAPPED_SIZE), 1);
    check_key(vault, 25, KEY_LEGAL, VAULT_FAILED);
    destroy(vault, 45, KEY_CLASS_ALL);
    check_key(vault, 45, KEY_LEGAL, VAULT_DESTROYED);
    check_code(vault_renew(&arena, vault, number(25), KEY_HOLD, 4), ERR_IO);
    vault_close(vault);
}

static void a_damaged_header_is_told(void **state)
{
    (void)state;
    const char *file = world_path(&arena, dir, "vault");
    struct vault *vault = vault_at(dir);
    check_fine(vault_create_keys(&arena, vault, one, 60));
    vault_close(vault);
    vault = NULL;
    str content = world_read(&arena, file);
    ((char *)content.data)[100] ^= 1;
    world_write(file, content);
    world_write(world_path(&arena, dir, "vault.journal"), STR(""));
    check_code(vault_open(&arena, dir, NULL, &vault), ERR_IO);
    assert_null(vault);
}

static void an_old_journal_brings_nothing_back_and_undoes_nothing(void **state)
{
    (void)state;
    const char *journal = world_path(&arena, dir, "vault.journal");
    struct vault *vault = vault_at(dir);
    check_fine(vault_create_keys(&arena, vault, one, 60));
    str old = world_read(&arena, journal);
    assert_true(old.length > 3 * VAULT_PAGE);
    uint8_t renewed[32], now[32];
    check_fine(vault_create_keys(&arena, vault, number(61), 60));
    destroy(vault, 7, KEY_CLASS_ALL);
    check_fine(vault_renew(&arena, vault, number(8), KEY_HOLD, 5));
    key_of(vault, 8, KEY_HOLD, renewed);
    vault_close(vault);
    world_write(journal, old);
    vault = vault_at(dir);
    check_key(vault, 7, KEY_LEGAL, VAULT_DESTROYED);
    key_of(vault, 8, KEY_HOLD, now);
    assert_memory_equal(now, renewed, 32);
    check_key(vault, 120, KEY_LEGAL, VAULT_LIVE);
    vault_close(vault);
}

/* ---- the rest ---- */

static void derived_secrets_differ_by_label(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    uint8_t keys[5][32];
    vault_index_key(vault, keys[0]);
    vault_signing_seed(vault, keys[1]);
    vault_derive(vault, STR("links"), keys[2]);
    vault_derive(vault, STR("message-id"), keys[3]);
    vault_derive(vault, STR(""), keys[4]);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = i + 1; j < 5; j++)
            assert_memory_not_equal(keys[i], keys[j], 32);
    vault_close(vault);
}

static void status_counts_what_there_is(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    struct vault_status status;
    uint8_t id[16];
    check_fine(vault_status(&arena, vault, &status));
    assert_true(status.pages_total == 0 && status.profile_no_max == 0 && status.generation == 1);
    check_fine(vault_create_keys(&arena, vault, one, 1000));
    destroy(vault, 4, KEY_CLASS_BIT(KEY_HOLD) | KEY_CLASS_BIT(KEY_CONSENT));
    check_fine(vault_status(&arena, vault, &status));
    assert_true(status.pages_total == 50 && status.profile_no_max == 1000 && status.live[KEY_LEGAL] == 1000);
    assert_true(status.live[KEY_HOLD] == 999 && status.destroyed[KEY_HOLD] == 1 && status.destroyed[KEY_LEGAL] == 0);
    vault_id(vault, id);
    assert_memory_equal(id, status.vault_id, 16);
    check_str(str_of(key_class_name(KEY_CONTRACT)), "contract");
    vault_close(vault);
}

struct crowd {
    struct vault *vault;
    uint8_t (*keys)[32];
    uint64_t count;
    _Atomic bool stop;
    _Atomic size_t wrong, read;
};

static void *crowd_reads(void *context)
{
    struct crowd *crowd = context;
    for (uint64_t i = 0; !crowd->stop; i++) {
        uint64_t profile = i * 7919 % crowd->count + 1;
        uint8_t key[32];
        enum vault_result result = vault_key(crowd->vault, number(profile), KEY_CONSENT, key);
        if (profile % 10 == 0 ? result != VAULT_LIVE && result != VAULT_DESTROYED : result != VAULT_LIVE)
            crowd->wrong++;
        if (result == VAULT_LIVE && memcmp(key, crowd->keys[profile - 1], 32) != 0)
            crowd->wrong++;
        crowd->read++;
    }
    return NULL;
}

static void many_threads_read_while_others_destroy_make_and_rotate(void **state)
{
    (void)state;
    enum { PROFILES = 2000 };
    static uint8_t keys[PROFILES][32];
    struct crowd crowd = {.vault = vault_at(dir), .keys = keys, .count = PROFILES};
    pthread_t threads[3];
    check_fine(vault_create_keys(&arena, crowd.vault, one, PROFILES));
    for (size_t i = 0; i < PROFILES; i++)
        key_of(crowd.vault, i + 1, KEY_CONSENT, keys[i]);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_reads, &crowd), 0);
    for (uint64_t i = 10; i <= PROFILES; i += 10) {
        destroy(crowd.vault, i, KEY_CLASS_BIT(KEY_CONSENT));
        check_key(crowd.vault, i, KEY_CONSENT, VAULT_DESTROYED);
        if (i % 500 == 0)
            check_fine(vault_rotate(&arena, crowd.vault, NULL, NULL));
        check_fine(vault_create_keys(&arena, crowd.vault, number(PROFILES + i), 10));
    }
    crowd.stop = true;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(crowd.wrong, 0);
    assert_true(crowd.read > 1000);
    vault_close(crowd.vault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_random_each_and_the_same_after_a_restart),
        TEST(making_keys_again_changes_none),
        TEST(a_destroyed_key_is_in_no_file_and_in_no_memory_of_the_vault),
        TEST(a_slot_that_was_never_live_can_be_destroyed_and_stays_so),
        TEST(many_are_destroyed_at_once),
        TEST(renewing_puts_a_new_key_in_place_of_the_old),
        TEST(an_older_vault_beside_the_newest_log_opens_without_what_was_destroyed),
        TEST(restoring_applies_the_newest_tombstones_once),
        TEST(damaged_lines_are_told_and_the_others_applied),
        TEST(tombstones_of_another_vault_and_a_torn_last_line_are_passed_over),
        TEST(a_vault_that_was_lost_is_not_replaced_by_a_new_one),
        TEST(what_is_destroyed_here_is_destroyed_in_the_mirrors),
        TEST(a_mirror_out_of_reach_is_remembered_and_catches_up),
        TEST(what_is_no_copy_of_this_vault_is_no_mirror),
        TEST(a_torn_page_of_a_mirror_is_replaced_by_the_vaults_own),
        TEST(a_damaged_page_takes_no_new_key_and_only_the_person_of_the_damage_is_denied),
        TEST(a_damaged_header_is_told),
        TEST(an_old_journal_brings_nothing_back_and_undoes_nothing),
        TEST(derived_secrets_differ_by_label),
        TEST(status_counts_what_there_is),
        TEST(many_threads_read_while_others_destroy_make_and_rotate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Changing the vault's master key while it is in use, and what the vault does without the right one. */
#include "evidence_vault.h"

#include <stdio.h>
#include <unistd.h>

struct pause {
    int left;
    struct vault *vault;
    bool conflict;
};

static bool pause_after(void *context, uint64_t done, uint64_t total)
{
    struct pause *pause = context;
    assert_true(done <= total);
    if (pause->vault) {
        const struct err *err = vault_rotate(&arena, pause->vault, NULL, NULL);
        pause->conflict = err && err->code == ERR_CONFLICT;
    }
    return pause->left-- > 0;
}

static void rotation_wraps_everything_anew_and_changes_no_key(void **state)
{
    (void)state;
    enum { PROFILES = 3000 };
    static uint8_t keys[PROFILES][32];
    struct vault *vault = vault_at(dir);
    struct vault_status before, after;
    uint8_t wrapped[WRAPPED_SIZE], index[32], seed[32], derived[32], now[32];
    const char *master = world_path(&arena, dir, "keys/master.key"), *backup = world_path(&arena, folder, "backup");
    check_fine(vault_create_keys(&arena, vault, one, PROFILES));
    destroy(vault, 5, KEY_CLASS_ALL);
    for (size_t i = 0; i < PROFILES; i++)
        if (i != 4)
            key_of(vault, i + 1, KEY_CONTRACT, keys[i]);
    wrapped_of(vault, 9, KEY_LEGAL, wrapped);
    vault_index_key(vault, index);
    vault_signing_seed(vault, seed);
    vault_derive(vault, STR("links"), derived);
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    str old_master = world_read(&arena, master);
    check_fine(vault_status(&arena, vault, &before));
    struct pause pause = {.left = 1000, .vault = vault};
    check_fine(vault_rotate(&arena, vault, pause_after, &pause));
    assert_true(pause.conflict);
    check_fine(vault_status(&arena, vault, &after));
    assert_int_equal(after.generation, before.generation + 1);
    assert_true(!after.rotating && after.pages_rewrapped == after.pages_total && after.mirrors_pending == 0);
    assert_memory_not_equal(before.master_key_id, after.master_key_id, 8);
    assert_int_equal(world_find(folder, old_master.data, 64), 0);
    assert_int_equal(world_find(folder, wrapped, WRAPPED_SIZE), 0); /* neither here nor in the mirror */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < PROFILES; i++) {
            if (i == 4)
                continue;
            key_of(vault, i + 1, KEY_CONTRACT, now);
            assert_memory_equal(now, keys[i], 32);
        }
        check_key(vault, 5, KEY_LEGAL, VAULT_DESTROYED);
        vault_index_key(vault, now);
        assert_memory_equal(now, index, 32);
        vault_signing_seed(vault, now);
        assert_memory_equal(now, seed, 32);
        vault_derive(vault, STR("links"), now);
        assert_memory_equal(now, derived, 32);
        vault_close(vault);
        vault = vault_at(dir);
    }
    vault_close(vault);
    /* the mirror opens under the new key */
    const char *restored = world_path(&arena, folder, "restored");
    world_copy_file(backup, world_path(&arena, restored, "vault"));
    world_copy_file(master, world_path(&arena, restored, "keys/master.key"));
    vault = vault_at(restored);
    key_of(vault, 100, KEY_CONTRACT, now);
    assert_memory_equal(now, keys[99], 32);
    vault_close(vault);
}

static void a_paused_rotation_goes_on_and_everything_works_between(void **state)
{
    (void)state;
    enum { PROFILES = 4000 };
    struct vault *vault = vault_at(dir);
    struct vault_status status;
    uint8_t first[32], last[32], now[32], fresh[32];
    const char *backup = world_path(&arena, folder, "backup");
    check_fine(vault_create_keys(&arena, vault, one, PROFILES));
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    key_of(vault, 1, KEY_LEGAL, first);
    key_of(vault, PROFILES, KEY_LEGAL, last);
    for (int restart = 0; restart < 3; restart++) {
        struct pause pause = {.left = 1};
        check_fine(vault_rotate(&arena, vault, pause_after, &pause));
        check_fine(vault_status(&arena, vault, &status));
        assert_true(status.rotating && status.pages_rewrapped > 0 && status.pages_rewrapped < status.pages_total && status.pages_damaged == 0);
        key_of(vault, 1, KEY_LEGAL, now);
        assert_memory_equal(now, first, 32);
        key_of(vault, PROFILES, KEY_LEGAL, now);
        assert_memory_equal(now, last, 32);
        uint64_t base = 10000 + (uint64_t)restart * 1000;
        check_fine(vault_create_keys(&arena, vault, number(base), 30));
        key_of(vault, base + 3, KEY_LEGAL, fresh);
        destroy(vault, 2 + (uint64_t)restart, KEY_CLASS_ALL); /* wrapped anew already */
        destroy(vault, PROFILES - 2 - (uint64_t)restart, KEY_CLASS_ALL); /* not yet */
        check_fine(vault_renew(&arena, vault, number(PROFILES - 10), KEY_HOLD, 4));
        vault_close(vault);
        vault = vault_at(dir);
        key_of(vault, base + 3, KEY_LEGAL, now);
        assert_memory_equal(now, fresh, 32);
        check_key(vault, PROFILES - 2 - (uint64_t)restart, KEY_LEGAL, VAULT_DESTROYED);
    }
    check_fine(vault_rotate(&arena, vault, NULL, NULL));
    check_fine(vault_status(&arena, vault, &status));
    assert_true(!status.rotating && status.generation == 2 && status.mirrors_pending == 0);
    key_of(vault, PROFILES, KEY_LEGAL, now);
    assert_memory_equal(now, last, 32);
    assert_false(world_exists(world_path(&arena, dir, "keys/master.key.next")));
    vault_close(vault);
}

static void a_mirror_that_missed_a_rotation_is_brought_to_the_present_whole(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    uint8_t key[32], now[32], wrapped[WRAPPED_SIZE];
    size_t pending = 99;
    const char *backup = world_path(&arena, folder, "backup"), *away = world_path(&arena, folder, "away");
    check_fine(vault_create_keys(&arena, vault, one, 60));
    key_of(vault, 7, KEY_LEGAL, key);
    wrapped_of(vault, 7, KEY_LEGAL, wrapped);
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    assert_int_equal(rename(backup, away), 0);
    check_fine(vault_rotate(&arena, vault, NULL, NULL));
    struct vault_mirrors mirrors = vault_mirrors(&arena, vault);
    assert_true(mirrors.items[0].pending_all);
    assert_int_equal(rename(away, backup), 0);
    check_fine(vault_mirror_retry(&arena, vault, &pending));
    assert_int_equal(pending, 0);
    assert_int_equal(world_find(folder, wrapped, WRAPPED_SIZE), 0);
    assert_false(world_exists(world_path(&arena, folder, "backup.old")));
    vault_close(vault);
    const char *restored = world_path(&arena, folder, "restored");
    world_copy_file(backup, world_path(&arena, restored, "vault"));
    world_copy_file(world_path(&arena, dir, "keys/master.key"), world_path(&arena, restored, "keys/master.key"));
    vault = vault_at(restored);
    key_of(vault, 7, KEY_LEGAL, now);
    assert_memory_equal(now, key, 32);
    vault_close(vault);
}

/* ---- the master key ---- */

static void without_its_master_key_the_vault_stays_shut(void **state)
{
    (void)state;
    struct vault *vault = vault_at(dir);
    const char *master = world_path(&arena, dir, "keys/master.key");
    check_fine(vault_create_keys(&arena, vault, one, 10));
    vault_close(vault);
    vault = NULL;
    str kept = world_read(&arena, master);
    static const char *const wrong[] = {"", "x", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        world_write(master, str_of(wrong[i]));
        const struct err *err = vault_open(&arena, dir, NULL, &vault);
        check_code(err, ERR_UNAVAILABLE);
        assert_non_null(strstr(err->text, master));
        assert_null(strstr(err->text, "00112233"));
    }
    assert_int_equal(unlink(master), 0);
    check_code(vault_open(&arena, dir, NULL, &vault), ERR_UNAVAILABLE);
    assert_null(vault);
    assert_false(world_exists(master)); /* none was made in its place */
    world_write(master, kept);
    vault = vault_at(dir);
    check_key(vault, 3, KEY_LEGAL, VAULT_LIVE);
    vault_close(vault);
}

static void an_operators_master_key_may_be_hex_or_base64_and_must_exist(void **state)
{
    (void)state;
    const char *master = world_path(&arena, folder, "operator.key");
    struct vault *vault = NULL;
    uint8_t bytes[32], key[32], now[32];
    for (size_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(i * 5 + 1);
    check_code(vault_open(&arena, dir, master, &vault), ERR_UNAVAILABLE);
    assert_false(world_exists(world_path(&arena, dir, "vault")));
    world_write(master, str_hex(&arena, bytes, 32));
    check_fine(vault_open(&arena, dir, master, &vault));
    check_fine(vault_create_keys(&arena, vault, one, 10));
    key_of(vault, 3, KEY_LEGAL, key);
    vault_close(vault);
    assert_false(world_exists(world_path(&arena, dir, "keys/master.key")));
    str forms[] = {str_base64(&arena, bytes, 32), str_printf(&arena, " %.*s\n", STR_FMT(str_base64(&arena, bytes, 32))), str_base64url(&arena, bytes, 32)};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        world_write(master, forms[i]);
        check_fine(vault_open(&arena, dir, master, &vault));
        key_of(vault, 3, KEY_LEGAL, now);
        assert_memory_equal(now, key, 32);
        vault_close(vault);
    }
    check_fine(vault_open(&arena, dir, master, &vault));
    check_fine(vault_rotate(&arena, vault, NULL, NULL));
    vault_close(vault);
    check_fine(vault_open(&arena, dir, master, &vault));
    key_of(vault, 3, KEY_LEGAL, now);
    assert_memory_equal(now, key, 32);
    vault_close(vault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rotation_wraps_everything_anew_and_changes_no_key),
        TEST(a_paused_rotation_goes_on_and_everything_works_between),
        TEST(a_mirror_that_missed_a_rotation_is_brought_to_the_present_whole),
        TEST(without_its_master_key_the_vault_stays_shut),
        TEST(an_operators_master_key_may_be_hex_or_base64_and_must_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

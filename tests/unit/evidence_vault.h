/* What the tests of the vault share: a vault in a folder of its own, opened, read, made to forget. */
#ifndef TELOS_TESTS_EVIDENCE_VAULT_H
#define TELOS_TESTS_EVIDENCE_VAULT_H

#include "evidence_world.h"

#include "evidence/vault_private.h"

static struct arena arena;
static const char *folder, *dir;

static inline int begin(void **state)
{
    (void)state;
    arena_init(&arena);
    folder = world_folder(&arena);
    dir = world_path(&arena, folder, "data");
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    world_remove(folder);
    arena_release(&arena);
    return 0;
}

static inline struct vault *vault_at(const char *path)
{
    struct vault *vault = NULL;
    check_fine(vault_open(&arena, path, NULL, &vault));
    return vault;
}

static const profile_no one = {1};
static inline profile_no number(uint64_t value) { return (profile_no){value}; }

#define check_key(vault, profile, class, result) \
    do { \
        uint8_t key_[32]; \
        assert_int_equal(vault_key((vault), number(profile), (class), key_), (result)); \
    } while (0)

static inline void key_of(struct vault *vault, uint64_t profile, enum key_class class, uint8_t ret[32])
{
    memset(ret, 0, 32);
    assert_int_equal(vault_key(vault, number(profile), class, ret), VAULT_LIVE);
}

static inline void destroy(struct vault *vault, uint64_t profile, uint8_t mask)
{
    profile_no profiles[1] = {number(profile)};
    check_fine(vault_destroy(&arena, vault, profiles, &mask, 1, 1795624200123));
}

/* The slot's bytes as they lie in the file. */
static inline void wrapped_of(struct vault *vault, uint64_t profile, enum key_class class, uint8_t ret[WRAPPED_SIZE])
{
    off_t at = (off_t)(page_of(profile) * VAULT_PAGE + PAGE_HEAD + page_place(profile) * SLOTS_SIZE + class * WRAPPED_SIZE);
    assert_int_equal(pread(vault->fd, ret, WRAPPED_SIZE, at), WRAPPED_SIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif

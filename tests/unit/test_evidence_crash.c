/* The vault loses its power at every single write, sync and rename of everything it does, each in four ways: before the step, in the
 * middle of a write, after it, and with what was not synced partly lost. Whenever it opens again, each key is the old or the new one,
 * nothing acknowledged is gone, nothing destroyed is back. */
#include "evidence_world.h"

#include "evidence/vault_private.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PROFILES = 90, UNSYNCED_MAX = 512 };
static const char *const ways[] = {"before", "middle", "after", "lost"};

struct unsynced { /* a write whose bytes may still vanish */
    char path[512];
    off_t offset;
    size_t size;
    off_t file_size; /* before it */
    uint8_t *before;
};
struct plug {
    size_t steps, pull_at; /* 0: never */
    int way;
    bool pulled;
    uint64_t random;
    struct unsynced writes[UNSYNCED_MAX];
    size_t write_count;
};

static struct arena arena;
static const char *folder, *prepared, *data, *backup;
static uint8_t keys[PROFILES][KEY_CLASS_COUNT][32];

static void path_of(int fd, char ret[512])
{
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, ret, 511);
    assert_true(length > 0);
    ret[length] = '\0';
}

static void remember(struct plug *plug, const struct vault_step *step)
{
    assert_true(plug->write_count < UNSYNCED_MAX);
    struct unsynced *write = &plug->writes[plug->write_count++];
    path_of(step->fd, write->path);
    write->offset = step->offset;
    write->size = step->size;
    write->file_size = lseek(step->fd, 0, SEEK_END);
    write->before = calloc(1, step->size + 1);
    assert_non_null(write->before);
    ssize_t got = pread(step->fd, write->before, step->size, step->offset);
    assert_true(got >= 0); /* what was behind the end becomes zeroes */
}

static void forget(struct plug *plug, const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < plug->write_count; i++) {
        if (path && strcmp(plug->writes[i].path, path) != 0)
            plug->writes[kept++] = plug->writes[i];
        else
            free(plug->writes[i].before);
    }
    plug->write_count = kept;
}

static uint64_t plug_random(struct plug *plug) { return plug->random = plug->random * 6364136223846793005u + 1442695040888963407u; }

/* Each unsynced write is undone, whole or from some block on, or stays; later ones first. */
static void lose(struct plug *plug)
{
    for (size_t i = plug->write_count; i-- > 0;) {
        struct unsynced *write = &plug->writes[i];
        uint64_t dice = plug_random(plug) >> 40;
        int fd = open(write->path, O_RDWR);
        if (fd < 0) /* gone with its name */
            continue;
        if (dice % 3 == 0) {
            assert_int_equal(pwrite(fd, write->before, write->size, write->offset), (ssize_t)write->size);
        } else if (dice % 3 == 1) {
            size_t from = (dice / 3 % (write->size / 512 + 1)) * 512;
            if (from < write->size)
                assert_int_equal(pwrite(fd, write->before + from, write->size - from, write->offset + (off_t)from), (ssize_t)(write->size - from));
        }
        if (dice % 5 == 0 && write->file_size < write->offset + (off_t)write->size && dice % 3 == 0)
            assert_int_equal(ftruncate(fd, write->file_size), 0);
        (void)close(fd);
    }
}

static bool plug_before(void *context, const struct vault_step *step)
{
    struct plug *plug = context;
    char path[512];
    if (plug->pulled)
        return false;
    bool now = ++plug->steps == plug->pull_at;
    if (now && plug->way == 0) {
        plug->pulled = true;
        return false;
    }
    if (step->kind == STEP_WRITE)
        remember(plug, step);
    if (now && plug->way == 1 && step->kind == STEP_WRITE) {
        size_t half = step->size / 2;
        assert_int_equal(pwrite(step->fd, step->data, half, step->offset), (ssize_t)half);
    }
    if (now && plug->way >= 2) { /* it happens, but nobody learns of it */
        if (step->kind == STEP_WRITE)
            assert_int_equal(pwrite(step->fd, step->data, step->size, step->offset), (ssize_t)step->size);
        else if (step->kind == STEP_TRUNCATE)
            assert_int_equal(ftruncate(step->fd, step->offset), 0);
        else if (step->kind == STEP_UNLINK)
            (void)unlink(step->path);
        else if (step->kind == STEP_RENAME)
            assert_int_equal(rename(step->from, step->path), 0);
    }
    if (step->kind == STEP_SYNC && (!now || plug->way == 2)) {
        path_of(step->fd, path);
        forget(plug, path);
    }
    plug->pulled = now;
    return !now;
}

/* ---- what is done while the power goes ---- */

static const struct err *do_create(struct vault *vault) { return vault_create_keys(&arena, vault, (profile_no){50}, 150); }
static const struct err *do_destroy(struct vault *vault)
{
    profile_no profiles[] = {{7}, {33}, {34}, {88}};
    uint8_t masks[] = {KEY_CLASS_ALL, KEY_CLASS_BIT(KEY_CONSENT), KEY_CLASS_ALL, KEY_CLASS_ALL};
    return vault_destroy(&arena, vault, profiles, masks, 4, 1000);
}
static const struct err *do_renew(struct vault *vault) { return vault_renew(&arena, vault, (profile_no){7}, KEY_HOLD, 1000); }
static const struct err *do_rotate(struct vault *vault) { return vault_rotate(&arena, vault, NULL, NULL); }
static const struct err *do_mirror(struct vault *vault)
{
    const char *second = world_path(&arena, folder, "second");
    TRY(vault_copy_to(&arena, vault, second));
    TRY(vault_mirror_add(&arena, vault, second));
    return do_destroy(vault);
}
static const struct err *do_much(struct vault *vault)
{ /* a journal with several changes in it */
    TRY(do_create(vault));
    TRY(vault_create_keys(&arena, vault, (profile_no){300}, 40));
    TRY(do_destroy(vault));
    return vault_create_keys(&arena, vault, (profile_no){400}, 40);
}

struct scene {
    const char *name;
    const struct err *(*act)(struct vault *vault);
    bool creates, destroys, renews, rotates;
};
static const struct scene scenes[] = {
    {"create", do_create, true, false, false, false}, {"destroy", do_destroy, false, true, false, false}, {"renew", do_renew, false, false, true, false},
    {"rotate", do_rotate, false, false, false, true}, {"mirror", do_mirror, false, true, false, false},   {"much", do_much, true, true, false, false},
};

static const char *said(const struct scene *scene, const struct plug *plug)
{
    return arena_printf(&arena, "%s, step %zu, %s", scene->name, plug->pull_at, ways[plug->way]);
}

/* The classes of a profile that the scene destroys. */
static uint8_t doomed(const struct scene *scene, uint64_t profile)
{
    if (!scene->destroys)
        return 0;
    return profile == 7 || profile == 34 || profile == 88 ? KEY_CLASS_ALL : profile == 33 ? KEY_CLASS_BIT(KEY_CONSENT) : 0;
}

/* Each key of before is the same or, where it was to die, destroyed; all of a person's doomed ones together once acknowledged. */
static void check_keys(const struct scene *scene, const struct plug *plug, struct vault *vault, bool acknowledged)
{
    for (uint64_t profile = 1; profile <= PROFILES; profile++) {
        for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
            uint8_t key[32];
            enum vault_result result = vault_key(vault, (profile_no){profile}, (enum key_class) class, key);
            bool dies = doomed(scene, profile) & KEY_CLASS_BIT(class);
            bool changes = scene->renews && profile == 7 && class == KEY_HOLD;
            bool same = result == VAULT_LIVE && memcmp(key, keys[profile - 1][class], 32) == 0;
            if (profile == 3) /* destroyed long before */
                same = result == VAULT_DESTROYED;
            bool fine = dies ? result == VAULT_DESTROYED || (same && !acknowledged) : changes ? result == VAULT_LIVE && (!same || !acknowledged) : same;
            if (!fine)
                fail_msg("%s: profile %llu, class %u is %d", said(scene, plug), (unsigned long long)profile, class, result);
        }
    }
    if (scene->creates && acknowledged) {
        uint8_t key[32];
        for (uint64_t profile = 91; profile < 200; profile++)
            assert_int_equal(vault_key(vault, (profile_no){profile}, KEY_LEGAL, key), VAULT_LIVE);
    }
}

static void wrapped_of(const char *file, uint64_t profile, enum key_class class, uint8_t ret[WRAPPED_SIZE])
{
    off_t at = (off_t)(page_of(profile) * VAULT_PAGE + PAGE_HEAD + page_place(profile) * SLOTS_SIZE + class * WRAPPED_SIZE);
    int fd = open(file, O_RDONLY);
    assert_int_equal(pread(fd, ret, WRAPPED_SIZE, at), WRAPPED_SIZE);
    (void)close(fd);
}

enum { DEAD_MAX = 5 };
struct dead { /* keys, as they lay in the file, that must be in no file once the scene is through */
    uint8_t wrapped[DEAD_MAX][WRAPPED_SIZE];
    bool dies[DEAD_MAX];
};

static void dead_of(const struct scene *scene, struct dead *ret)
{
    static const struct {
        uint64_t profile;
        enum key_class class;
    } some[DEAD_MAX] = {{7, KEY_LEGAL}, {7, KEY_HOLD}, {33, KEY_CONSENT}, {88, KEY_LEGAL}, {60, KEY_CONSENT}};
    for (size_t i = 0; i < DEAD_MAX; i++) {
        wrapped_of(world_path(&arena, prepared, "data/vault"), some[i].profile, some[i].class, ret->wrapped[i]);
        ret->dies[i] = scene->rotates || (doomed(scene, some[i].profile) & KEY_CLASS_BIT(some[i].class)) || (scene->renews && i == 1);
    }
}

static void check_dead(const struct scene *scene, const struct plug *plug, const struct dead *dead, const char *where)
{
    for (size_t i = 0; i < DEAD_MAX; i++)
        if (dead->dies[i] && world_find(where, dead->wrapped[i], WRAPPED_SIZE) != 0)
            fail_msg("%s: a destroyed key is still there (%zu)", said(scene, plug), i);
}

/* After the crash: opens, checks, does the same again to its end, checks that too. A mirror that fails is as good as out of reach. */
static void check_after(const struct scene *scene, const struct plug *plug, bool acknowledged, bool mirror_failed)
{
    struct vault *vault = NULL;
    struct vault_status status;
    struct dead dead;
    size_t pending = 0;
    dead_of(scene, &dead);
    if (acknowledged)
        check_dead(scene, plug, &dead, mirror_failed ? data : folder); /* on the disk, before anything mends it */
    const struct err *err = vault_open(&arena, data, NULL, &vault);
    if (err)
        fail_msg("%s: %s", said(scene, plug), err->text);
    check_keys(scene, plug, vault, acknowledged);
    check_fine(vault_status(&arena, vault, &status));
    if (status.pages_damaged)
        fail_msg("%s: a damaged page", said(scene, plug));
    err = scene->act(vault);
    if (err)
        fail_msg("%s: again: %s", said(scene, plug), err->text);
    check_keys(scene, plug, vault, true);
    check_fine(vault_status(&arena, vault, &status));
    check_fine(vault_mirror_retry(&arena, vault, &pending));
    assert_true(!status.rotating && status.pages_damaged == 0 && pending == 0);
    check_dead(scene, plug, &dead, folder);
    vault_close(vault);
    vault = NULL;
    check_fine(vault_open(&arena, data, NULL, &vault));
    check_keys(scene, plug, vault, true);
    vault_close(vault);
}

/* The scene with the plug pulled at one step in one way; false when it ended before that step. */
static bool crash_once(const struct scene *scene, size_t step, int way)
{
    struct plug *plug = calloc(1, sizeof(*plug));
    assert_non_null(plug);
    *plug = (struct plug){.pull_at = step, .way = way, .random = step * 31 + (uint64_t)way};
    struct vault_faults faults = {.before = plug_before, .context = plug};
    struct vault *vault = NULL;
    world_copy(prepared, folder);
    const struct err *err = vault_open_with(&arena, data, NULL, &faults, &vault);
    if (!err)
        err = scene->act(vault);
    bool pulled = plug->pulled;
    assert_true(pulled || !err);
    if (way == 3) /* at the latest after all was said to be done */
        lose(plug);
    plug->pulled = true; /* closing writes nothing any more */
    vault_close(vault);
    forget(plug, NULL);
    check_after(scene, plug, !err, pulled);
    free(plug);
    arena_clear(&arena);
    return pulled;
}

static void power_fails(const struct scene *scene)
{
    size_t steps = 0;
    for (int way = 0; way < (int)COUNT_OF(ways); way++) {
        size_t step = 1;
        while (crash_once(scene, step, way))
            step++;
        steps += step - 1;
    }
    print_message("%s: %zu crashes\n", scene->name, steps);
    assert_true(steps >= 4 * 4);
}

static void while_keys_are_made(void **state)
{
    (void)state;
    power_fails(&scenes[0]);
}
static void while_keys_are_destroyed_here_and_in_the_mirror(void **state)
{
    (void)state;
    power_fails(&scenes[1]);
}
static void while_a_key_is_renewed(void **state)
{
    (void)state;
    power_fails(&scenes[2]);
}
static void while_the_master_key_is_rotated(void **state)
{
    (void)state;
    power_fails(&scenes[3]);
}
static void while_a_copy_is_made_and_registered(void **state)
{
    (void)state;
    power_fails(&scenes[4]);
}
static void while_much_is_going_on(void **state)
{
    (void)state;
    power_fails(&scenes[5]);
}

/* A step fails, but the process lives on: the next call goes through, and nothing is in between. */
static void a_failing_disk_is_an_error_once_and_no_more_when_it_works_again(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT_OF(scenes); s++) {
        bool pulled = true;
        for (size_t step = 1; pulled; step++) {
            struct plug *plug = calloc(1, sizeof(*plug));
            assert_non_null(plug);
            *plug = (struct plug){.pull_at = step, .way = 1};
            struct vault_faults faults = {.before = plug_before, .context = plug};
            struct vault *vault = NULL;
            world_copy(prepared, folder);
            const struct err *err = vault_open_with(&arena, data, NULL, &faults, &vault);
            pulled = plug->pulled;
            assert_true(!err || pulled);
            if (!err) {
                err = scenes[s].act(vault);
                pulled = plug->pulled;
                plug->pulled = false;
                plug->pull_at = 0;
                if (err)
                    err = scenes[s].act(vault);
                if (err)
                    fail_msg("%s: step %zu: %s", scenes[s].name, step, err->text);
                check_keys(&scenes[s], plug, vault, true);
            }
            plug->pulled = true; /* and then the power fails, too */
            vault_close(vault);
            forget(plug, NULL);
            check_after(&scenes[s], plug, vault != NULL, true);
            free(plug);
            arena_clear(&arena);
        }
    }
}

static int begin(void **state)
{
    static struct arena paths;
    (void)state;
    arena_init(&arena);
    arena_init(&paths);
    const char *root = world_folder(&paths);
    prepared = world_path(&paths, root, "prepared");
    folder = world_path(&paths, root, "run");
    data = world_path(&paths, folder, "data");
    backup = world_path(&paths, folder, "backup");
    *state = &paths;
    struct vault *vault = NULL;
    assert_int_equal(world_exists(folder), 0);
    world_write(world_path(&paths, folder, "x"), STR(""));
    check_fine(vault_open(&arena, data, NULL, &vault));
    check_fine(vault_create_keys(&arena, vault, (profile_no){1}, PROFILES));
    profile_no gone = {3};
    uint8_t all = KEY_CLASS_ALL;
    check_fine(vault_destroy(&arena, vault, &gone, &all, 1, 500));
    for (uint64_t profile = 1; profile <= PROFILES; profile++)
        for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++)
            (void)vault_key(vault, (profile_no){profile}, (enum key_class) class, keys[profile - 1][class]); /* all but 3 are live */
    check_fine(vault_copy_to(&arena, vault, backup));
    check_fine(vault_mirror_add(&arena, vault, backup));
    vault_close(vault);
    world_copy(folder, prepared);
    return 0;
}

static int end(void **state)
{
    char *root = strdup(prepared);
    assert_non_null(root);
    *strrchr(root, '/') = '\0';
    world_remove(root);
    free(root);
    arena_release(&arena);
    arena_release(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_keys_are_made),
        cmocka_unit_test(while_keys_are_destroyed_here_and_in_the_mirror),
        cmocka_unit_test(while_a_key_is_renewed),
        cmocka_unit_test(while_the_master_key_is_rotated),
        cmocka_unit_test(while_a_copy_is_made_and_registered),
        cmocka_unit_test(while_much_is_going_on),
        cmocka_unit_test(a_failing_disk_is_an_error_once_and_no_more_when_it_works_again),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

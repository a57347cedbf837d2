/* The vault's inside, shared by vault_*.c: the file's pages, the journal, who holds which lock.
 *
 * The file is a row of pages of 4,096 bytes: page 0 is the header, page n holds the slots of profiles (n - 1) × 20 + 1 … n × 20.
 *
 *     page     crc (4) | generation of its keys (4) | change that wrote it (8) | 20 × slots; all little-endian
 *     slots    5 × key (40, wrapped as of RFC 3394) | states (2 bits a class, in 4 bytes)
 *     crc      CRC-32 over the rest, begun with the page's number; a page of zeroes is one that was never written
 *
 * 1. `changing` is held by whoever changes anything in a file, from the first read to the last write.
 * 2. A page of the file, and what the cache holds of its profiles, is read and written under the lock of the page's stripe. So whoever
 *    writes a page takes its keys out of the cache in the same breath, and no reader puts an old one back.
 * 3. The key-encryption keys change only under all stripes' locks.
 * 4. Each change has a number, one higher than the last. It goes to the journal (page images, then sync), then to the pages. The
 *    journal is wiped only when the pages are synced. Replaying takes an image only over an older or a torn page, so that any part
 *    of an old journal can be replayed at any time without harm.
 * 5. Before something is destroyed the journal is wiped, so that no image in it holds what is destroyed.
 * 6. The header says up to where tombstones.log has been applied; what is behind that is applied when the vault opens.
 */
#ifndef TELOS_EVIDENCE_VAULT_PRIVATE_H
#define TELOS_EVIDENCE_VAULT_PRIVATE_H

#include "evidence/crypto_private.h"
#include "evidence/vault.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- writing to files, with a place where a test can pull the plug ---- */
enum vault_step_kind { STEP_WRITE, STEP_SYNC, STEP_RENAME, STEP_UNLINK, STEP_TRUNCATE, STEP_CREATE };
struct vault_step {
    enum vault_step_kind kind;
    int fd; /* -1 where there is none */
    const char *path, *from; /* STEP_RENAME (to path), STEP_UNLINK, STEP_CREATE */
    const void *data; /* STEP_WRITE */
    size_t size;
    off_t offset; /* STEP_TRUNCATE: the new size */
};
struct vault_faults {
    bool (*before)(void *context, const struct vault_step *step); /* false: the step fails; NULL: nothing ever does */
    void *context;
};
bool io_write(const struct vault_faults *faults, int fd, const void *data, size_t size, off_t offset);
bool io_sync(const struct vault_faults *faults, int fd);
bool io_truncate(const struct vault_faults *faults, int fd, off_t size);
bool io_rename(const struct vault_faults *faults, const char *from, const char *to); /* and syncs the directory */
bool io_unlink(const struct vault_faults *faults, const char *path);
int io_create(const struct vault_faults *faults, const char *path); /* 0600, empty; -1 when it fails */
bool io_wipe(const struct vault_faults *faults, int fd, off_t size); /* zeroes, not synced */
/* A small file as a whole: never half of it, durable. */
bool io_replace(struct arena *arena, const struct vault_faults *faults, const char *path, str content);
/* Exactly `size` bytes; false at the end of the file, with errno 0 then. */
bool io_read(int fd, void *data, size_t size, off_t offset);
/* All of a small file; false with errno. */
bool io_read_file(struct arena *arena, const char *path, size_t max, str *ret_content);
static inline void fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* what had to be durable was synced */
}
#define AUTO_FD __attribute__((cleanup(fd_close))) int

/* ---- pages ---- */
#define VAULT_PAGE 4096
#define PAGE_HEAD 16
#define SLOTS_SIZE (WRAPPED_SIZE * KEY_CLASS_COUNT + 4)
#define PAGE_PROFILES ((VAULT_PAGE - PAGE_HEAD) / SLOTS_SIZE)
#define PROFILE_NO_MAX UINT64_C(20000000000) /* 4 TB of slots; what is above is a mistake, not a person */
#define PAGE_NUMBER_MAX (PROFILE_NO_MAX / PAGE_PROFILES + 1)

enum slot_state { SLOT_EMPTY, SLOT_LIVE, SLOT_DESTROYED };

static inline uint64_t page_of(uint64_t profile) { return (profile - 1) / PAGE_PROFILES + 1; }
static inline unsigned page_place(uint64_t profile) { return (unsigned)((profile - 1) % PAGE_PROFILES); }
uint32_t le32_read(const uint8_t *in);
uint64_t le64_read(const uint8_t *in);
void le32_write(uint8_t *out, uint32_t value);
void le64_write(uint8_t *out, uint64_t value);
bool page_check(const uint8_t *page, uint64_t number); /* its CRC, or all zeroes */
void page_finish(uint8_t *page, uint64_t number); /* writes the CRC */
static inline uint32_t page_generation(const uint8_t *page) { return le32_read(page + 4); }
static inline uint64_t page_change(const uint8_t *page) { return le64_read(page + 8); }
static inline void page_generation_set(uint8_t *page, uint32_t generation) { le32_write(page + 4, generation); }
static inline void page_change_set(uint8_t *page, uint64_t change) { le64_write(page + 8, change); }
/* A change's page that was never written has generation 0 until its first key. */
uint8_t *page_key(uint8_t *page, unsigned place, unsigned class);
enum slot_state slots_state(const uint8_t slots[SLOTS_SIZE], unsigned class);
enum slot_state page_state(const uint8_t *page, unsigned place, unsigned class);
void page_state_set(uint8_t *page, unsigned place, unsigned class, enum slot_state state); /* the key's bytes become zeroes */

struct vault_header {
    uint8_t vault_id[16];
    uint32_t generation;
    uint64_t change;
    uint8_t key_id[8], root[WRAPPED_SIZE]; /* the root secret, from which all but the persons' keys are derived */
    bool rotating;
    uint8_t next_key_id[8], next_root[WRAPPED_SIZE];
    uint64_t tombstones_applied; /* bytes of tombstones.log */
};
void header_write(const struct vault_header *header, uint8_t page[VAULT_PAGE]);
bool header_read(const uint8_t page[VAULT_PAGE], struct vault_header *ret); /* false: damaged, or of another format */

/* ---- the vault ---- */
#define STRIPES 256
#define CACHE_SETS 128 /* a stripe */
#define CACHE_WAYS 4

struct cache_entry {
    uint8_t keys[KEY_CLASS_COUNT][WRAPPED_SIZE]; /* in clear where `clear` says so */
    uint8_t states[KEY_CLASS_COUNT];
    uint8_t clear; /* bit a class */
    bool checked; /* the page's check sum was right; else only live keys, which unwrapped, are to be believed */
    uint32_t generation;
};
struct cache_set {
    _Alignas(64) uint64_t profiles[CACHE_WAYS]; /* 0: free */
    uint32_t used[CACHE_WAYS]; /* the stripe's clock at the last use */
};
struct stripe {
    _Alignas(64) pthread_mutex_t lock;
    uint32_t clock;
    uint32_t forgotten; /* times that a page of it was forgotten */
};
struct vault_cache { /* mapped, so that only what is used takes memory */
    struct cache_set sets[STRIPES][CACHE_SETS];
    struct cache_entry entries[STRIPES][CACHE_WAYS][CACHE_SETS]; /* so few profiles take few pages */
};
struct vault_secrets { /* in guarded memory */
    uint8_t root[32];
    uint8_t kek[2][32]; /* of generation and of the next while rotating */
};

#define RECORD_PAGES 64 /* of one change, the header not counted */
#define RECORD_HEAD_SIZE 64
#define RECORD_ITEM_SIZE (8 + VAULT_PAGE)
#define RECORD_SIZE_MAX (RECORD_HEAD_SIZE + (RECORD_PAGES + 1) * RECORD_ITEM_SIZE)
#define JOURNAL_SIZE_MAX (4 * 1024 * 1024)

struct mirror {
    char *path;
    uint64_t tombstones; /* bytes of tombstones.log that were applied there */
    bool all; /* it must be copied whole */
};

struct vault {
    struct arena arena; /* for the paths */
    const char *dir, *path, *path_journal, *path_tombstones, *path_mirrors, *path_master, *path_master_next;
    struct vault_faults faults;
    int fd, fd_journal, fd_tombstones;
    struct stripe stripes[STRIPES];
    struct vault_cache *cache;
    struct vault_secrets *secrets;
    uint32_t kek_generation[2]; /* 0: none */
    uint8_t id[16];

    struct remote *remote; /* vault_remote.c; NULL: the vault is a file */

    pthread_mutex_t changing; /* guards all below */
    uint64_t ends_done; /* the newest number that vault_end_keys has done; of a file, since it was opened */
    struct vault_header header;
    uint64_t pages; /* in the file, the header counted */
    uint8_t *record; /* of the change under way; its pages are being changed there */
    uint32_t record_pages;
    uint64_t journal_size;
    bool unsynced; /* pages were written since the last sync */
    bool broken; /* a step failed half way: the journal must be replayed before the next change */
    uint64_t tombstones_size;
    bool tombstones_torn; /* an append failed: what is behind tombstones_size must go */
    VEC(struct mirror) mirrors; /* in `arena`; paths are malloc'ed */
    bool replacing; /* the header names the new master key alone, but its file has not taken the old one's place */
    _Atomic bool rotating_now;
};

/* The arena's error with errno's text; ERR_UNAVAILABLE when the disk is full. */
const struct err *io_error(struct arena *arena, const char *what, const char *path) MUST_CHECK;
const struct err *vault_open_with(struct arena *arena, const char *dir, const char *master_key_file, const struct vault_faults *faults,
                                  struct vault **ret) MUST_CHECK;
static inline void vault_lock(struct vault *vault) { ASSERT(pthread_mutex_lock(&vault->changing) == 0); }
static inline void vault_unlock(struct vault *vault) { ASSERT(pthread_mutex_unlock(&vault->changing) == 0); }

/* ---- cache (vault_cache.c) ---- */
/* Index of the key-encryption key of a generation, or -1. */
int kek_index(const struct vault *vault, uint32_t generation);
uint32_t newest_generation(const struct vault *vault); /* under `changing` */
static inline struct stripe *stripe_of(struct vault *vault, uint64_t page) { return &vault->stripes[page % STRIPES]; }
void cache_forget_page(struct vault *vault, uint64_t page); /* under its stripe's lock */
void cache_forget_all(struct vault *vault); /* under all stripes' locks */
/* Slots that were read by themselves, without their stripe's lock, when that page had been forgotten so often; dropped where it has been since. */
void cache_offer(struct vault *vault, uint64_t profile, const uint8_t slots[SLOTS_SIZE], uint32_t forgotten);
bool cache_has(struct vault *vault, uint64_t profile, uint32_t *ret_forgotten);
void stripes_lock_all(struct vault *vault);
void stripes_unlock_all(struct vault *vault);

/* ---- changes (vault_journal.c); all under `changing` ---- */
/* What a failed change left behind is finished; afterwards a new one can begin. */
const struct err *change_begin(struct arena *arena, struct vault *vault) MUST_CHECK;
/* The page, to be changed in place; at most RECORD_PAGES of them. NULL when it is damaged. */
const struct err *change_page(struct arena *arena, struct vault *vault, uint64_t number, uint8_t **ret_page) MUST_CHECK;
/* Makes it durable and visible. `header` may be changed by it, too. */
const struct err *change_commit(struct arena *arena, struct vault *vault, const struct vault_header *header) MUST_CHECK;
/* Pages are synced and the journal is wiped. */
const struct err *change_settle(struct arena *arena, struct vault *vault) MUST_CHECK;
/* Replays what is in the journal; reads the header. */
const struct err *journal_replay(struct arena *arena, struct vault *vault) MUST_CHECK;
/* One page as it is in the file: zeroes behind its end. ERR_IO; a damaged one is no error but *ret_fine = false. */
const struct err *page_load(struct arena *arena, struct vault *vault, uint64_t number, uint8_t page[VAULT_PAGE], bool *ret_fine) MUST_CHECK;

/* ---- pages in PostgreSQL (vault_remote.c); under `changing` but for what is said ---- */
const struct err *remote_open(struct arena *arena, struct vault *vault, const char *uri) MUST_CHECK;
const struct err *remote_header(struct arena *arena, struct vault *vault, const uint8_t fresh[VAULT_PAGE], bool *ret_there) MUST_CHECK;
void remote_close(struct vault *vault);
/* Opens a transaction with the lock of all nodes and the newest header, unless one is open. */
const struct err *remote_begin(struct arena *arena, struct vault *vault) MUST_CHECK;
/* Commits it, or undoes it where there was an error; returns that, or its own. */
const struct err *remote_end(struct arena *arena, struct vault *vault, const struct err *err) MUST_CHECK;
const struct err *remote_page(struct arena *arena, struct vault *vault, uint64_t number, uint8_t page[VAULT_PAGE]) MUST_CHECK;
const struct err *remote_store(struct arena *arena, struct vault *vault, uint64_t number, const uint8_t page[VAULT_PAGE]) MUST_CHECK;
const struct err *remote_lines(struct arena *arena, struct vault *vault, str lines) MUST_CHECK;
const struct err *remote_ended(struct arena *arena, struct vault *vault, uint64_t *ret_number) MUST_CHECK;
const struct err *remote_ended_set(struct arena *arena, struct vault *vault, uint64_t number) MUST_CHECK;
const struct err *remote_pages(struct arena *arena, struct vault *vault, uint64_t *ret_pages) MUST_CHECK;
/* Slots of many, each offered to the cache. */
void remote_warm(struct vault *vault, const uint64_t *profiles, const uint32_t *forgotten, size_t count); /* any thread */
bool remote_read(struct vault *vault, uint64_t number, uint8_t page[VAULT_PAGE], bool *ret_there); /* any thread, under the stripe's lock */
const struct err *remote_follow(struct arena *arena, struct vault *vault) MUST_CHECK; /* any thread */
const struct err *remote_refuses(struct arena *arena, const struct vault *vault, const char *what) MUST_CHECK; /* ERR_CONFLICT where it is remote */
/* The end of a change, then of the lock. */
static inline const struct err *vault_unlock_after(struct arena *arena, struct vault *vault, const struct err *err)
{
    if (vault->remote)
        err = remote_end(arena, vault, err);
    vault_unlock(vault);
    return err;
}
/* vault_destroy.c: within a change that was begun */
const struct err *keys_destroy(struct arena *arena, struct vault *vault, const profile_no *profiles, const uint8_t *class_masks, size_t count,
                               int64_t now_ms) MUST_CHECK;
const struct err *keys_renew(struct arena *arena, struct vault *vault, const profile_no *profiles, size_t count, enum key_class class, int64_t now_ms,
                             size_t *ret_destroyed) MUST_CHECK;

/* ---- keys (vault_change.c) ---- */
struct key_change { /* what is to become of one profile's slots */
    uint64_t profile;
    uint8_t destroy, renew; /* class masks */
    bool fingerprinted; /* renew only the key that has this fingerprint */
    uint8_t fingerprint[8];
    int64_t at_ms;
    size_t order; /* for sorting */
};
struct key_changes {
    struct key_change *items;
    size_t count, capacity;
};
void key_fingerprint(const uint8_t key[32], uint8_t ret_fingerprint[8]);
const struct err *page_damaged(struct arena *arena, const struct vault *vault, uint64_t number) MUST_CHECK;
/* Whether applying it would change the page. */
bool page_wants(const struct vault *vault, const uint8_t *page, const struct key_change *change);
bool page_apply(const struct vault *vault, uint8_t *page, const struct key_change *change);
/* What is to be destroyed in a damaged page is overwritten, though the page stays damaged. */
bool slots_wipe(const struct vault_faults *faults, int fd, const struct key_change *change);
void keys_sort(struct key_changes *changes); /* by profile */
/* Applies them to the slots, sorts them by profile; `tombstones_applied` is written to the header with the last. */
const struct err *keys_apply(struct arena *arena, struct vault *vault, struct key_changes *changes, uint64_t tombstones_applied) MUST_CHECK;
/* The key of a slot in a page; false when it cannot be unwrapped. */
bool page_unwrap(const struct vault *vault, const uint8_t *page, unsigned place, unsigned class, uint8_t ret_key[32]);
/* Wraps all keys of a page anew; false when one of them cannot be unwrapped. */
bool page_rewrap(const struct vault *vault, uint8_t *page, uint32_t generation);

/* ---- tombstones (vault_tombstones.c) ---- */
const struct err *tombstones_open(struct arena *arena, struct vault *vault) MUST_CHECK;
/* Applies what stands in the log and not yet in the slots. */
const struct err *tombstones_catch_up(struct arena *arena, struct vault *vault) MUST_CHECK;
const struct err *tombstones_append(struct arena *arena, struct vault *vault, const struct key_changes *changes) MUST_CHECK;
/* The changes that the log holds from `offset` on, of this vault only. */
const struct err *tombstones_read(struct arena *arena, struct vault *vault, uint64_t offset, struct key_changes *ret) MUST_CHECK;
bool tombstones_line_at(const struct vault *vault, uint64_t offset);
struct tombstones_reader {
    int fd;
    uint64_t offset; /* of what comes next */
    size_t used, filled;
    char buffer[64 * 1024];
};
enum tombstone_result { TOMBSTONE_LINE, TOMBSTONE_DAMAGED, TOMBSTONE_END, TOMBSTONE_FAILED };
void tombstones_reader_init(struct tombstones_reader *reader, int fd, uint64_t offset);
/* Lines of other vaults are passed over. */
enum tombstone_result tombstones_next(struct tombstones_reader *reader, const uint8_t vault_id[16], struct key_change *ret);

/* ---- mirrors (vault_mirror.c) ---- */
const struct err *mirrors_load(struct arena *arena, struct vault *vault) MUST_CHECK;
const struct err *mirrors_save(struct arena *arena, struct vault *vault) MUST_CHECK;
/* Brings each to the present that can be reached. */
const struct err *mirrors_bring(struct arena *arena, struct vault *vault) MUST_CHECK;
void mirrors_free(struct vault *vault);
const struct err *vault_copy_whole(struct arena *arena, struct vault *vault, const char *path) MUST_CHECK;

/* ---- the master key (vault_master.c) ---- */
void master_key_id(const uint8_t master[32], uint8_t ret_id[8]);
void master_kek(const uint8_t master[32], const uint8_t vault_id[16], uint8_t ret_kek[32]);
enum master_result { MASTER_FINE, MASTER_MISSING, MASTER_UNREADABLE };
enum master_result master_read(const char *path, uint8_t ret_master[32]);
const struct err *master_create(struct arena *arena, const struct vault_faults *faults, const char *path, uint8_t ret_master[32]) MUST_CHECK;
/* The next master key takes the place of the old one, whose bytes are overwritten. */
const struct err *master_replace(struct arena *arena, struct vault *vault) MUST_CHECK;
/* The same, where the key that the header names does not lie in FILE already: somebody may have put it there. */
const struct err *master_settle(struct arena *arena, struct vault *vault) MUST_CHECK;
/* What wraps under the master key with this id, from FILE or FILE.next. */
const struct err *master_find(struct arena *arena, struct vault *vault, const uint8_t id[8], uint8_t ret_kek[32]) MUST_CHECK;
/* For a vault of several nodes: the master key that is to come, which a person brings to each node as FILE.next. Where there is none it is made, and the
 * error (ERR_CONFLICT) says what to do with it. */
const struct err *master_next(struct arena *arena, struct vault *vault, uint8_t ret_master[32]) MUST_CHECK;

/* ---- another node's rotation (vault_rotate.c), of a remote vault ---- */
/* `header` is what is stored now: this node learns the keys that it names, and forgets those that it names no longer. ERR_UNAVAILABLE, saying which file is
 * missing here. Under `changing`, in a transaction. */
const struct err *rotation_follow(struct arena *arena, struct vault *vault, const struct vault_header *header) MUST_CHECK;
/* The same outside of a change, for who met a page under a key that is not known here. False: it still is not. Any thread. */
bool rotation_catch_up(struct vault *vault);
/* Finds the master keys that the header asks for, and unwraps the root. */
const struct err *master_load(struct arena *arena, struct vault *vault) MUST_CHECK;

#endif

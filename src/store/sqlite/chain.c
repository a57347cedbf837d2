/* Heads of chains: in memory, in the journal, and folded into chain_head. The contract is in chain_private.h.
 *
 * Journal bytes: a run (chain, first number, count in 4 bytes, then the profile of each number) or an assignment (0x80 | chain,
 * profile, head). Numbers are little-endian base 128.
 */
#include "store/sqlite/chain_private.h"

#include "base/limits.h"
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include <stdlib.h>
#include <unistd.h>

enum { HEAD_BYTES = 6, JOURNAL_BYTES_MAX = 64 * 1024 * 1024, FOLD_CHUNKS = 256, FOLD_AT_LEAST = 64 * 1024 };
enum { FOLLOW_STEP_US = 20, FOLLOW_MAX_US = 1000 * 1000 };

/* --- in memory */

void chains_init(struct chains *chains)
{
    *chains = (struct chains){0};
    pthread_rwlock_init(&chains->lock, NULL);
}

void chains_release(struct chains *chains)
{
    for (size_t chain = 0; chain < CHAIN_COUNT; chain++) {
        for (size_t i = 0; i < chains->chunk_count[chain]; i++)
            free(chains->chunks[chain][i]);
        free(chains->chunks[chain]);
    }
    pthread_rwlock_destroy(&chains->lock);
}

static uint64_t head_read(const struct chains *chains, enum chain chain, uint64_t profile)
{
    size_t chunk = profile / CHAIN_CHUNK;
    if (chunk >= chains->chunk_count[chain] || !chains->chunks[chain][chunk])
        return 0;
    return chains->chunks[chain][chunk]->heads[profile % CHAIN_CHUNK];
}

static struct chain_chunk *chunk_make(struct chains *chains, enum chain chain, size_t chunk)
{
    if (chunk >= chains->chunk_count[chain]) {
        size_t count = chunk + 1 + chunk / 2;
        chains->chunks[chain] = realloc(chains->chunks[chain], count * sizeof *chains->chunks[chain]);
        ASSERT(chains->chunks[chain]);
        memset(chains->chunks[chain] + chains->chunk_count[chain], 0,
               (count - chains->chunk_count[chain]) * sizeof *chains->chunks[chain]);
        chains->chunk_count[chain] = count;
    }
    struct chain_chunk **place = &chains->chunks[chain][chunk];
    if (!*place) {
        *place = calloc(1, sizeof **place);
        ASSERT(*place);
        chains->chunks_used++;
    }
    return *place;
}

static void head_write(struct chains *chains, enum chain chain, uint64_t profile, uint64_t head)
{
    struct chain_chunk *chunk = chunk_make(chains, chain, profile / CHAIN_CHUNK);
    chunk->heads[profile % CHAIN_CHUNK] = head;
    chunk->changed = true;
    chains->unfolded++;
}

uint64_t chain_head(struct chains *chains, enum chain chain, uint64_t profile)
{
    pthread_rwlock_rdlock(&chains->lock);
    uint64_t head = head_read(chains, chain, profile);
    pthread_rwlock_unlock(&chains->lock);
    return head;
}

/* --- within a save */

void chain_changes_init(struct chain_changes *changes, struct arena *arena)
{
    *changes = (struct chain_changes){.arena = arena};
    buf_init(&changes->journal, arena, JOURNAL_BYTES_MAX);
}

static uint32_t *change_slot(const struct chain_changes *changes, enum chain chain, uint64_t profile)
{
    uint64_t hash = (profile * CHAIN_COUNT + chain) * UINT64_C(0x9E3779B97F4A7C15);
    size_t slot = (size_t)(hash >> 24) & (changes->index_slots - 1);
    for (;; slot = (slot + 1) & (changes->index_slots - 1)) {
        uint32_t place = changes->index[slot];
        if (!place || (changes->list.items[place - 1].profile == profile && changes->list.items[place - 1].chain == chain))
            return &changes->index[slot];
    }
}

static void change_set(struct chain_changes *changes, enum chain chain, uint64_t profile, uint64_t head)
{
    if ((changes->list.count + 1) * 2 > changes->index_slots) {
        changes->index_slots = changes->index_slots ? changes->index_slots * 4 : 256;
        changes->index = arena_array(changes->arena, uint32_t, changes->index_slots);
        for (size_t i = 0; i < changes->list.count; i++)
            *change_slot(changes, changes->list.items[i].chain, changes->list.items[i].profile) = (uint32_t)i + 1;
    }
    uint32_t *slot = change_slot(changes, chain, profile);
    if (*slot) {
        changes->list.items[*slot - 1].head = head;
        return;
    }
    *slot = (uint32_t)changes->list.count + 1;
    *(struct chain_change *)vec_push(changes->arena, &changes->list) = (struct chain_change){chain, profile, head};
}

uint64_t chain_head_pending(struct chains *chains, const struct chain_changes *changes, enum chain chain, uint64_t profile)
{
    if (changes->index_slots) {
        uint32_t place = *change_slot(changes, chain, profile);
        if (place)
            return changes->list.items[place - 1].head;
    }
    return head_read(chains, chain, profile); /* only this thread writes heads: no lock */
}

static void journal_number_put(struct buf *journal, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_add_char(journal, (char)(value | 0x80));
    buf_add_char(journal, (char)value);
}

uint64_t chain_push(struct chains *chains, struct chain_changes *changes, enum chain chain, uint64_t profile, uint64_t number)
{
    uint64_t former = chain_head_pending(chains, changes, chain, profile);
    struct buf *journal = &changes->journal;
    if (!changes->run_count || changes->run_chain != chain || changes->run_next != number) {
        buf_add_char(journal, (char)chain);
        journal_number_put(journal, number);
        changes->run_at = journal->length;
        buf_add(journal, STR("\0\0\0\0"));
        changes->run_count = 0;
        changes->run_chain = chain;
    }
    journal_number_put(journal, profile);
    ASSERT(!journal->overflow);
    uint32_t count = (uint32_t)++changes->run_count;
    memcpy(journal->data + changes->run_at, &count, sizeof count);
    changes->run_next = number + 1;
    change_set(changes, chain, profile, number);
    return former;
}

void chain_assign(struct chain_changes *changes, enum chain chain, uint64_t profile, uint64_t head)
{
    changes->run_count = 0;
    buf_add_char(&changes->journal, (char)(0x80 | chain));
    journal_number_put(&changes->journal, profile);
    journal_number_put(&changes->journal, head);
    ASSERT(!changes->journal.overflow);
    change_set(changes, chain, profile, head);
}

void chains_apply(struct chains *chains, const struct chain_changes *changes, uint64_t journal_number)
{
    if (changes->list.count) {
        pthread_rwlock_wrlock(&chains->lock);
        for (size_t i = 0; i < changes->list.count; i++)
            head_write(chains, changes->list.items[i].chain, changes->list.items[i].profile, changes->list.items[i].head);
        pthread_rwlock_unlock(&chains->lock);
    }
    chains->followed = journal_number;
}

const struct err *snapshot_begin(struct sqlite_session *session, struct arena *arena)
{
    uint64_t number;
    TRY(transaction_begin(session, arena, false));
    if (session->writes)
        return NULL; /* it does not read between its commit and what follows */
    TRY(sql_number(session, arena, SQL_JOURNAL_LAST, 0, &number)); /* the first read takes the snapshot */
    for (unsigned waited_us = 0; session->store->chains.followed < number; waited_us += FOLLOW_STEP_US) {
        if (waited_us >= FOLLOW_MAX_US)
            return err_new(arena, ERR_UNAVAILABLE, "What was stored last cannot be read yet; try again.");
        usleep(FOLLOW_STEP_US); /* the writer is between its commit and its next line */
    }
    return NULL;
}

/* --- at open */

static bool journal_number_take(str *rest, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; rest->length && shift < 64; shift += 7) {
        uint8_t byte = (uint8_t)*rest->data++;
        rest->length--;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool entries_replay(struct chains *chains, str rest)
{
    while (rest.length) {
        uint8_t tag = (uint8_t)*rest.data++;
        rest.length--;
        if ((tag & 0x7F) >= CHAIN_COUNT)
            return false;
        enum chain chain = (enum chain)(tag & 0x7F);
        uint64_t profile, number;
        if (tag & 0x80) {
            if (!journal_number_take(&rest, &profile) || !journal_number_take(&rest, &number) || profile > PROFILE_NO_MAX)
                return false;
            head_write(chains, chain, profile, number);
            continue;
        }
        uint32_t count;
        if (!journal_number_take(&rest, &number) || rest.length < sizeof count)
            return false;
        memcpy(&count, rest.data, sizeof count);
        rest = str_slice(rest, sizeof count, rest.length);
        for (; count; count--, number++) {
            if (!journal_number_take(&rest, &profile) || profile > PROFILE_NO_MAX)
                return false;
            head_write(chains, chain, profile, number);
        }
    }
    return true;
}

static bool chunk_unpack(struct chains *chains, uint64_t key, str heads)
{
    uint64_t chain = key >> 40, chunk = key & ((UINT64_C(1) << 40) - 1);
    if (chain >= CHAIN_COUNT || chunk > PROFILE_NO_MAX / CHAIN_CHUNK || heads.length != CHAIN_CHUNK * HEAD_BYTES)
        return false;
    struct chain_chunk *place = chunk_make(chains, (enum chain)chain, chunk);
    for (size_t i = 0; i < CHAIN_CHUNK; i++)
        memcpy(&place->heads[i], heads.data + i * HEAD_BYTES, HEAD_BYTES);
    return true;
}

const struct err *chains_open(struct sqlite_session *session, struct arena *arena)
{
    struct chains *chains = &session->store->chains;
    const char *damage = "The data file is damaged (index rows); restore a backup.";
    sqlite3_stmt *statement;
    bool row;
    TRY(sql_prepare(session, arena, SQL_CHAIN_HEADS, &statement));
    for (;;) {
        TRY(sql_step(session, arena, statement, &row));
        if (!row)
            break;
        if (!chunk_unpack(chains, column_number(statement, 0), column_borrow(statement, 1))) {
            (void)sqlite3_reset(statement); /* the damage is what is told */
            return err_new(arena, ERR_INTERNAL, "%s", damage);
        }
    }
    uint64_t mark;
    TRY(sql_prepare(session, arena, SQL_MARK_GET, &statement));
    bind_text(statement, 1, STR("journal_folded"));
    TRY(sql_step(session, arena, statement, &row));
    mark = row ? column_number(statement, 0) : 0;
    (void)sqlite3_reset(statement); /* it was read without error */
    session->fold = (struct fold){.mark = mark, .trimming = mark > 0}; /* the last trimming may have been interrupted */
    TRY(sql_prepare(session, arena, SQL_JOURNAL_ENTRIES, &statement));
    bind_number(statement, 1, mark);
    for (;;) {
        TRY(sql_step(session, arena, statement, &row));
        if (!row) {
            chains->followed = session->store->journal_number;
            return NULL;
        }
        if (!entries_replay(chains, column_borrow(statement, 1))) {
            (void)sqlite3_reset(statement);
            return err_new(arena, ERR_INTERNAL, "%s", damage);
        }
    }
}

/* --- folding */

bool fold_wanted(const struct sqlite_session *session)
{
    const struct chains *chains = &session->store->chains;
    /* A fold may have to write every chunk: it pays when there are about as many changes as a quarter of the profiles. */
    uint64_t enough = chains->chunks_used * (CHAIN_CHUNK / 4);
    return session->fold.running || session->fold.trimming || chains->unfolded > (enough > FOLD_AT_LEAST ? enough : FOLD_AT_LEAST);
}

static const struct err *chunk_write(struct sqlite_session *session, struct arena *arena, enum chain chain, size_t number,
                                     const struct chain_chunk *chunk)
{
    uint8_t bytes[CHAIN_CHUNK * HEAD_BYTES];
    for (size_t i = 0; i < CHAIN_CHUNK; i++) {
        ASSERT(chunk->heads[i] >> 48 == 0);
        memcpy(bytes + i * HEAD_BYTES, &chunk->heads[i], HEAD_BYTES);
    }
    sqlite3_stmt *statement;
    TRY(sql_prepare(session, arena, SQL_CHAIN_PUT, &statement));
    bind_number(statement, 1, (uint64_t)chain << 40 | number);
    bind_blob(statement, 2, bytes, sizeof bytes);
    return sql_step(session, arena, statement, NULL);
}

static const struct err *fold_write(struct sqlite_session *session, struct arena *arena, struct fold *fold)
{
    struct chains *chains = &session->store->chains;
    for (size_t budget = FOLD_CHUNKS; fold->chain < CHAIN_COUNT; fold->chain++, fold->chunk = 0) {
        for (; fold->chunk < chains->chunk_count[fold->chain]; fold->chunk++) {
            const struct chain_chunk *chunk = chains->chunks[fold->chain][fold->chunk];
            if (!chunk || !chunk->changed)
                continue;
            if (!budget--)
                return NULL;
            TRY(chunk_write(session, arena, fold->chain, fold->chunk, chunk));
        }
    }
    sqlite3_stmt *statement;
    TRY(sql_prepare(session, arena, SQL_MARK_PUT, &statement));
    bind_text(statement, 1, STR("journal_folded"));
    bind_number(statement, 2, fold->mark);
    TRY(sql_step(session, arena, statement, NULL));
    fold->running = false;
    fold->trimming = true;
    return NULL;
}

static const struct err *fold_trim(struct sqlite_session *session, struct arena *arena, struct fold *fold)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(session, arena, SQL_JOURNAL_TRIM, &statement));
    bind_number(statement, 1, fold->mark);
    bind_number(statement, 2, session->store->journal_number);
    TRY(sql_step(session, arena, statement, NULL));
    fold->trimming = sqlite3_changes(session->db) > 0;
    return NULL;
}

/* The chunks from one place of the fold to the other are written and durable. */
static void fold_mark_written(struct chains *chains, struct fold from, const struct fold *to)
{
    for (; from.chain < CHAIN_COUNT; from.chain++, from.chunk = 0)
        for (; from.chunk < chains->chunk_count[from.chain]; from.chunk++) {
            if (to->running && from.chain == to->chain && from.chunk == to->chunk)
                return;
            if (chains->chunks[from.chain][from.chunk])
                chains->chunks[from.chain][from.chunk]->changed = false;
        }
}

const struct err *fold_step(struct sqlite_session *session, struct arena *arena)
{
    struct chains *chains = &session->store->chains;
    struct fold fold = session->fold;
    if (!fold.running && !fold.trimming) {
        fold = (struct fold){.running = true, .mark = session->store->journal_number};
        chains->unfolded = 0;
    }
    bool writing = fold.running;
    struct fold from = fold;
    TRY(transaction_begin(session, arena, true));
    const struct err *err = writing ? fold_write(session, arena, &fold) : fold_trim(session, arena, &fold);
    if (!err)
        err = transaction_commit(session, arena);
    if (err) {
        transaction_abandon(session);
        session->fold = from; /* it goes on from there */
        return err;
    }
    if (writing)
        fold_mark_written(chains, from, &fold);
    session->fold = fold;
    return NULL;
}

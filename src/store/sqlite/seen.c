/* The day on which identifiers were last seen. It changes with everyone's first message of a day, which would dirty a page a person; so it is kept
 * like the heads of chains: day and identifiers in 48 bits a profile, in memory, told by the journal, folded by tidy().
 *
 * 1. What a profile's entry says of an identifier holds where it is later than the row's own last_seen_ms.
 * 2. The row is written only for an identifier that was seen on the entry's day but not on the next day anyone of the profile is.
 */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

enum { SEEN_NUMBERS = 32, SEEN_DAYS = 1 << 16 };

static uint64_t seen_day(uint64_t seen) { return seen >> 32; }
static uint32_t seen_bits(uint64_t seen) { return (uint32_t)seen; }

int64_t seen_latest(uint64_t seen, uint32_t number, int64_t row_ms)
{
    if (number < 1 || number > SEEN_NUMBERS || !(seen_bits(seen) >> (number - 1) & 1))
        return row_ms;
    int64_t seen_ms = (int64_t)seen_day(seen) * DAY_MS;
    return seen_ms > row_ms ? seen_ms : row_ms;
}

const struct err *seen_take(struct saving *saving, const struct identifier *row, bool *ret_taken)
{
    sqlite3_stmt *s;
    bool found;
    *ret_taken = false;
    if (row->number > SEEN_NUMBERS || row->last_seen_ms < 0 || row->last_seen_ms % DAY_MS || row->last_seen_ms / DAY_MS >= SEEN_DAYS)
        return NULL;
    TRY(sql_prepare(saving->session, saving->arena, SQL_IDENTIFIER_OLD, &s));
    bind_int(s, 1, row_key(row->profile, ROW_IDENTIFIER, row->number));
    TRY(sql_step(saving->session, saving->arena, s, &found));
    if (!found)
        return NULL;
    *ret_taken = str_equal(column_borrow(s, 0), row->type) &&
                 str_equal(column_borrow(s, 1), str_bytes(row->hash.bytes, sizeof row->hash.bytes)) &&
                 str_equal(column_borrow(s, 2), row->sealed) &&
                 (uint32_t)column_int(s, 3) == purpose_sets_id(saving->save->sets, row->purposes) &&
                 (column_int(s, 4) != 0) == row->verified && column_int(s, 5) == row->first_seen_ms &&
                 str_equal(column_borrow(s, 6), str_bytes(row->message.bytes, sizeof row->message.bytes));
    (void)sqlite3_reset(s); /* it was read without error */
    if (*ret_taken)
        *(struct seen_row *)vec_push(saving->arena, &saving->seen) = (struct seen_row){row->profile, row->number, row->last_seen_ms};
    return NULL;
}

static const struct err *seen_write(struct saving *saving, profile_no profile, uint32_t number, int64_t seen_ms)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(saving->session, saving->arena, SQL_IDENTIFIER_SEEN, &s));
    bind_int(s, 1, row_key(profile, ROW_IDENTIFIER, number));
    bind_int(s, 2, seen_ms);
    return sql_step(saving->session, saving->arena, s, NULL);
}

/* All that the save takes over of one profile; bits are taken out of the list's day as they are done. */
static const struct err *seen_profile(struct saving *saving, profile_no profile)
{
    uint64_t seen = chain_head_pending(&saving->session->store->chains, &saving->chains, CHAIN_SEEN, profile.value), day = 0;
    uint32_t bits = 0;
    vec_each (row, &saving->seen)
        if (profile_no_equal(row->profile, profile) && (uint64_t)(row->seen_ms / DAY_MS) > day)
            day = (uint64_t)(row->seen_ms / DAY_MS);
    vec_each (row, &saving->seen) {
        if (!profile_no_equal(row->profile, profile))
            continue;
        if ((uint64_t)(row->seen_ms / DAY_MS) == day && day >= seen_day(seen))
            bits |= UINT32_C(1) << (row->number - 1);
        else
            TRY(seen_write(saving, profile, row->number, row->seen_ms));
    }
    if (!bits)
        return NULL;
    uint32_t left = day > seen_day(seen) ? seen_bits(seen) & ~bits : 0; /* were seen on the former day only */
    for (; left; left &= left - 1)
        TRY(seen_write(saving, profile, (uint32_t)__builtin_ctz(left) + 1, (int64_t)seen_day(seen) * DAY_MS));
    if (day == seen_day(seen))
        bits |= seen_bits(seen);
    if ((day << 32 | bits) != seen)
        chain_assign(&saving->chains, CHAIN_SEEN, profile.value, day << 32 | bits);
    return NULL;
}

void seen_forget(struct saving *saving, profile_no profile, uint32_t number)
{
    uint64_t seen = chain_head_pending(&saving->session->store->chains, &saving->chains, CHAIN_SEEN, profile.value);
    if (number < 1 || number > SEEN_NUMBERS || !(seen_bits(seen) >> (number - 1) & 1))
        return;
    seen &= ~(UINT64_C(1) << (number - 1));
    chain_assign(&saving->chains, CHAIN_SEEN, profile.value, seen_bits(seen) ? seen : 0);
}

const struct err *seen_flush(struct saving *saving)
{
    for (size_t i = 0; i < saving->seen.count; i++) {
        bool again = false; /* its profile was done already */
        for (size_t k = 0; k < i && !again; k++)
            again = profile_no_equal(saving->seen.items[k].profile, saving->seen.items[i].profile);
        if (!again)
            TRY(seen_profile(saving, saving->seen.items[i].profile));
    }
    saving->seen.count = 0;
    return NULL;
}

/* The audit of what was decided about messages (P4): each text is made again from what is stored (decision.c), and must hash to the leaf of its batch, whose
 * root audit_ledger.c holds against the ledger. So a purpose, a source, a time or a policy version that somebody changed afterwards is found, in the row of
 * an event as well as in what was set aside when an event went.
 */
#include "engine/audit_private.h"
#include "engine/seal_private.h"

#include <sodium.h>

static const struct err *memo_of(struct audit *audit, uint32_t version, const struct decision_memo **ret_memo)
{
    const struct policy_row *row = audit_policy(audit, version);
    *ret_memo = NULL;
    if (!row)
        return NULL;
    struct decision_memo *memo = &audit->memos[row - audit->policies];
    const struct err *error = decision_memo_fill(audit->reader, audit->arena, version, memo);
    if (!error)
        *ret_memo = memo;
    return error && error->code == ERR_IO ? error : NULL; /* a policy that does not load was told already */
}

static const struct err *decision_check(struct audit *audit, struct keyring *ring, const struct decision_known *known, bool search, const char *what)
{
    const struct batch_known *batch = NULL;
    const struct decision_memo *memo = NULL;
    const uint8_t *key;
    uint8_t salt[32];
    char id[UUID_TEXT_SIZE];
    str text;
    TRY(audit_batch_of(audit, known->batch, &batch));
    TRY(memo_of(audit, known->policy_version, &memo));
    if (!memo || keyring_get(ring, known->profile, KEY_EVIDENCE, &key) != VAULT_LIVE)
        return NULL; /* told where policies and keys are checked */
    str where = str_printf(&audit->slice, "profile %llu, %s %.*s", (unsigned long long)known->profile.value, what, STR_FMT(uuid_text(known->event, id)));
    if (known->index >= batch->decision_count) {
        if (known->gone)
            audit_report(audit, "P4", where, "its decision is not among those of batch %llu", (unsigned long long)known->batch);
        return NULL;
    }
    ledger_salt(key, batch->ledger_index, known->index, salt);
    if (!decision_text(&audit->slice, memo, known, batch->at_ms, salt, &batch->leaves[known->index], search, &text))
        audit_report(audit, "P4", where, "what was decided about it is not what leaf %u of batch %llu (ledger entry %llu) commits to: it was changed", known->index,
                     (unsigned long long)known->batch, (unsigned long long)batch->ledger_index);
    sodium_memzero(salt, sizeof salt);
    return NULL;
}

/* The row says nothing but the purposes that the event still has: an early Telos may have taken others off without keeping what it was decided for. */
static bool as_it_was(const struct event *event)
{
    purpose_mask all = 0;
    str rest = event->decided, name;
    int names = 0;
    for (unsigned i = 0; i < event->part_count; i++)
        all |= event->parts[i].purposes;
    while (str_split(&rest, ' ', &name))
        names++;
    return names <= __builtin_popcountll(all);
}

struct gone_walk {
    struct audit *audit;
    struct keyring *ring;
    const struct err *error;
};

static bool gone_take(void *context, const void *stored)
{
    struct gone_walk *walk = context;
    struct audit *audit = walk->audit;
    const struct kept_decisions *row = stored;
    struct decision_known known = {.profile = row->profile, .gone = true};
    str plain = STR_NONE;
    str where = str_printf(&audit->slice, "profile %llu, kept decisions of batch %llu", (unsigned long long)row->profile.value, (unsigned long long)row->batch);
    const struct err *error = decisions_open(walk->ring, row, &plain);
    if (error && error->code == ERR_IO)
        walk->error = error;
    else if (error)
        audit_report(audit, "P7", where, "it does not open: it was changed or moved (%s)", err_name(error->code));
    else if (str_empty(plain))
        audit_report(audit, "P7", where, "its evidence key is destroyed, so it opens nothing, but the row is left over");
    uint32_t count = 0;
    for (; !walk->error && !str_empty(plain); count++) {
        if (!decision_read(&audit->slice, &plain, &known)) {
            audit_report(audit, "P4", where, "it is damaged behind %u decisions", count);
            return true;
        }
        walk->error = decision_check(audit, walk->ring, &known, false, "event that is gone,");
    }
    if (!error && count && count != row->count)
        audit_report(audit, "P4", where, "it holds %u decisions, not %u", count, row->count);
    return !walk->error;
}

const struct err *audit_decisions(struct audit *audit, const struct person *person)
{
    struct keyring ring;
    struct gone_walk walk = {.audit = audit, .ring = &ring};
    const struct err *error = NULL;
    keyring_init(&ring, audit->engine, &audit->slice);
    for (size_t i = 0; !error && i < person->events.count; i++) {
        const struct event *event = &person->events.items[i];
        struct decision_known known = {.profile = event->profile, .event = event->id, .batch = event->batch, .index = event->batch_index,
                                       .policy_version = event->policy_version, .source = event->source, .purposes = event->decided};
        error = decision_check(audit, &ring, &known, as_it_was(event), "event");
    }
    for (size_t i = 0; !error && i < person->profiles.count; i++) {
        error = audit->ops->decisions(audit->session, &audit->slice, person->profiles.items[i].number, gone_take, &walk);
        error = error ? error : walk.error;
    }
    keyring_clear(&ring);
    return error;
}

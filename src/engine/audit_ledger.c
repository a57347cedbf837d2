/* The audit of what is not about one person: policies (P2), the ledger with its tiles and head, batches and their sub-trees (P4). */
#include "core/apply.h"
#include "engine/audit_private.h"
#include "evidence/seal.h"
#include "evidence/tiles.h"

#include <sodium.h>

#define ROWS_AT_ONCE MERKLE_TILE_WIDTH

static str at_entry(struct audit *audit, uint64_t index) { return str_printf(&audit->slice, "ledger entry %llu", (unsigned long long)index); }
static str at_policy(struct audit *audit, uint32_t version) { return str_printf(&audit->slice, "policy version %u", version); }

/* --- policies */

static const struct err *policy_entry(struct audit *audit, const struct policy_row *row)
{
    struct ledger_row entry_row;
    struct entry entry;
    struct json record;
    bool found = false;
    TRY(ledger_row_get(audit->ops, audit->session, &audit->slice, row->ledger_index, &entry_row, &found));
    const char *problem = NULL;
    if (!found)
        problem = "has no ledger entry";
    else if (entry_parse(&audit->slice, entry_row.entry, &entry) || entry.form != ENTRY_CLEAR || !str_equal(entry.kind, STR("policy")))
        problem = "has a ledger entry that is none of a policy";
    else if (json_read(&audit->slice, entry.record, &record) ||
             !str_equal(json_string(json_get(&record, STR("sha256"))), str_hex(&audit->slice, row->sha256, sizeof row->sha256)))
        problem = "is not what its ledger entry says";
    if (problem)
        audit_report(audit, "P2", at_policy(audit, row->version), "%s (entry %llu)", problem, (unsigned long long)row->ledger_index);
    else if (entry.at_ms > row->activated_ms)
        audit_report(audit, "P2", at_policy(audit, row->version), "was activated before its ledger entry");
    return NULL;
}

static const struct err *policy_text(struct audit *audit, uint32_t version)
{
    struct policy_row row = {0};
    struct policy *loaded = NULL;
    bool found = false;
    TRY(audit->ops->policy(audit->session, &audit->slice, version, &row, &found));
    if (!found) {
        audit_report(audit, "P2", at_policy(audit, version), "is missing");
        return NULL;
    }
    const struct err *error = policy_from_row(&audit->slice, &row, &loaded);
    if (error)
        audit_report(audit, "P2", at_policy(audit, version), "%s", error->text);
    else if (memcmp(loaded->sha256, row.sha256, sizeof row.sha256) != 0)
        audit_report(audit, "P2", at_policy(audit, version), "its text or its notices were changed after it was activated");
    policy_free(loaded);
    return NULL;
}

const struct err *audit_policies(struct audit *audit)
{
    for (size_t i = 0; i < audit->policy_count; i++) {
        const struct policy_row *row = &audit->policies[i];
        if (i && (row->version <= row[-1].version || row->activated_ms < row[-1].activated_ms))
            audit_report(audit, "P2", at_policy(audit, row->version), "versions and their times do not go upwards");
        TRY(policy_entry(audit, row));
        TRY(policy_text(audit, row->version));
        arena_clear(&audit->slice);
    }
    return NULL;
}

/* --- rows of the ledger */

struct ledger_walk {
    struct audit *audit;
    struct merkle_frontier frontier;
    struct hash leaves[MERKLE_TILE_WIDTH]; /* of the level-0 tile under way */
    uint64_t next;
};

static void record_check(struct ledger_walk *walk, const struct ledger_row *row, const struct entry *entry)
{
    struct audit *audit = walk->audit;
    uint8_t key[32], salt[32];
    str record;
    struct hash made;
    str where = at_entry(audit, row->index);
    switch (vault_key(audit->engine->vault, row->profile, KEY_EVIDENCE, key)) {
    case VAULT_LIVE: break;
    case VAULT_DESTROYED:
        if (row->record_sealed.length)
            audit_report(audit, "P7", where, "its record is left over from a destroyed key (profile %llu)", (unsigned long long)row->profile.value);
        return;
    case VAULT_ABSENT: audit_report(audit, "P7", where, "its profile %llu never had a key", (unsigned long long)row->profile.value); return;
    case VAULT_FAILED: audit_report(audit, "P7", where, "the vault cannot be read for profile %llu", (unsigned long long)row->profile.value); return;
    }
    if (!row->record_sealed.length)
        audit_report(audit, "P4", where, "its record is missing, though its key lives");
    else if (!ledger_record_open(&audit->slice, key, row->index, row->record_sealed, &record))
        audit_report(audit, "P7", where, "its record does not open: it was changed, moved, or never sealed");
    else {
        ledger_salt(key, row->index, LEDGER_PLACE_ALONE, salt);
        commitment(salt, record, &made);
        if (!hash_equal(&made, &entry->hash))
            audit_report(audit, "P4", where, "its record is not what it commits to");
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(salt, sizeof salt);
}

static void batch_check(struct ledger_walk *walk, const struct ledger_row *row, const struct entry *entry)
{
    struct audit *audit = walk->audit;
    if (!str_equal(entry->kind, STR("reads")))
        return; /* decisions lie in their batch row */
    size_t count = row->record_sealed.length / sizeof(struct hash);
    struct hash root;
    struct hash *leaves = arena_array(&audit->slice, struct hash, count + 1);
    if (count)
        memcpy(leaves, row->record_sealed.data, count * sizeof *leaves);
    merkle_root_of(leaves, count, &root);
    if (count != entry->count || !hash_equal(&root, &entry->hash))
        audit_report(audit, "P4", at_entry(audit, row->index), "its sub-tree of reads has another root");
}

static bool tile_read(struct audit *audit, unsigned level, uint64_t index, unsigned width, struct hash *ret_hashes)
{
    const struct err *error = audit->ops->tile(audit->session, &audit->slice, level, index, width, (uint8_t *)ret_hashes);
    if (error)
        audit_report(audit, "P4", str_printf(&audit->slice, "ledger tile level %u index %llu", level, (unsigned long long)index), "it cannot be read: %s", error->text);
    return !error;
}

/* The leaves of a finished level-0 tile against what the store keeps as the tile. */
static void tile_check(struct ledger_walk *walk, uint64_t index, unsigned width)
{
    struct audit *audit = walk->audit;
    struct hash stored[MERKLE_TILE_WIDTH];
    if (!tile_read(audit, 0, index, width, stored))
        return;
    for (unsigned i = 0; i < width; i++)
        if (!hash_equal(&stored[i], &walk->leaves[i]))
            audit_report(audit, "P4", at_entry(audit, index * MERKLE_TILE_WIDTH + i), "its hash in the tile is another");
}

static void row_check(struct ledger_walk *walk, const struct ledger_row *row)
{
    struct audit *audit = walk->audit;
    struct entry entry;
    struct hash leaf;
    merkle_leaf(row->entry, &leaf);
    if (memcmp(leaf.bytes, row->leaf_hash, sizeof leaf.bytes) != 0)
        audit_report(audit, "P4", at_entry(audit, row->index), "its text does not hash to its leaf: one of them was changed");
    merkle_frontier_append(&walk->frontier, &leaf);
    walk->leaves[row->index % MERKLE_TILE_WIDTH] = leaf;
    if (entry_parse(&audit->slice, row->entry, &entry))
        audit_report(audit, "P4", at_entry(audit, row->index), "it cannot be read");
    else if (entry.form == ENTRY_PERSONAL)
        record_check(walk, row, &entry);
    else if (entry.form == ENTRY_BATCH)
        batch_check(walk, row, &entry);
    else if (str_equal(entry.kind, STR("rights")))
        *(uint64_t *)vec_push(audit->arena, &audit->rights_leaves) = row->index;
    bool last = row->index == audit->ledger_size - 1;
    if (last || row->index % MERKLE_TILE_WIDTH == MERKLE_TILE_WIDTH - 1)
        tile_check(walk, row->index / MERKLE_TILE_WIDTH, (unsigned)(row->index % MERKLE_TILE_WIDTH) + 1);
}

static bool row_take(void *context, const void *row)
{
    struct ledger_walk *walk = context;
    const struct ledger_row *from = row;
    if (from->index >= walk->audit->ledger_size)
        return false;
    if (from->index != walk->next) {
        audit_report(walk->audit, "P4", at_entry(walk->audit, walk->next), "it is missing");
        struct hash none = {{0}};
        for (; walk->next < from->index; walk->next++)
            merkle_frontier_append(&walk->frontier, &none);
    }
    row_check(walk, from);
    walk->next = from->index + 1;
    return true;
}

/* Every full tile's root is a hash of the tile above. */
static void levels_check(struct audit *audit)
{
    for (unsigned level = 1; level <= TILE_LEVEL_MAX && tile_width_at(audit->ledger_size, level, 0); level++)
        for (uint64_t index = 0;; index++) {
            unsigned width = tile_width_at(audit->ledger_size, level, index);
            struct hash above[MERKLE_TILE_WIDTH], below[MERKLE_TILE_WIDTH], root;
            if (!width)
                break;
            bool read = tile_read(audit, level, index, width, above);
            for (unsigned i = 0; read && i < width; i++) {
                if (!tile_read(audit, level - 1, index * MERKLE_TILE_WIDTH + i, MERKLE_TILE_WIDTH, below))
                    continue;
                merkle_root_of(below, MERKLE_TILE_WIDTH, &root);
                if (!hash_equal(&root, &above[i]))
                    audit_report(audit, "P4", str_printf(&audit->slice, "ledger tile level %u index %llu", level, (unsigned long long)index),
                                 "hash %u is not the root of the tile below", i);
            }
            arena_clear(&audit->slice);
        }
}

static const struct err *head_check(struct audit *audit, const struct merkle_frontier *frontier)
{
    struct ledger *ledger = audit->engine->ledger;
    struct ledger_tiles tiles = {.ops = audit->ops, .session = audit->session, .arena = &audit->slice};
    struct merkle_tiles hashes = ledger_tiles(&tiles);
    struct merkle_path path = {0};
    struct checkpoint head;
    struct hash root;
    str note = STR_NONE;
    TRY(ledger_checkpoint(ledger, &audit->slice, &note));
    if (checkpoint_verify(&audit->slice, note, ledger_key(ledger), 1, &head)) {
        audit_report(audit, "P4", STR("tree head"), "its signature does not hold");
        return NULL;
    }
    merkle_frontier_root(frontier, &root);
    if (head.size < audit->ledger_size)
        audit_report(audit, "P4", STR("tree head"), "it covers %llu entries of %llu", (unsigned long long)head.size, (unsigned long long)audit->ledger_size);
    else if (merkle_consistency_proof(&audit->slice, &hashes, audit->ledger_size, head.size, &path))
        audit_report(audit, "P4", STR("tree head"), "no proof can be made from the tiles: %s", tiles.error ? tiles.error->text : "they do not fit");
    else if (!merkle_verify_consistency(audit->ledger_size, &root, head.size, &head.root, path.items, path.count))
        audit_report(audit, "P4", STR("tree head"), "the entries do not hash to the signed root");
    return NULL;
}

const struct err *audit_ledger(struct audit *audit)
{
    struct ledger_walk *walk = arena_new(audit->arena, struct ledger_walk);
    walk->audit = audit;
    merkle_frontier_init(&walk->frontier);
    while (walk->next < audit->ledger_size) {
        uint64_t from = walk->next;
        uint64_t to = from - from % ROWS_AT_ONCE + ROWS_AT_ONCE - 1;
        TRY(audit->ops->ledger(audit->session, &audit->slice, from, to, row_take, walk));
        uint64_t end = to < audit->ledger_size ? to + 1 : audit->ledger_size;
        if (walk->next < end) { /* gone at the end of the step */
            audit_report(audit, "P4", at_entry(audit, walk->next), "it is missing");
            struct hash none = {{0}};
            for (; walk->next < end; walk->next++)
                merkle_frontier_append(&walk->frontier, &none);
        }
        audit_step(audit, walk->next - from);
        arena_clear(&audit->slice);
    }
    levels_check(audit);
    const struct err *error = head_check(audit, &walk->frontier);
    arena_clear(&audit->slice);
    return error;
}

/* --- batches */

struct batch_walk {
    struct audit *audit;
    uint64_t next;
    const struct err *error;
};

static const struct err *batch_row_check(struct audit *audit, const struct batch_row *row)
{
    str where = str_printf(&audit->slice, "batch %llu", (unsigned long long)row->number);
    const struct policy_row *policy = audit_policy(audit, row->policy_version);
    if (row->message_count && !policy)
        audit_report(audit, "P2", where, "it stored messages under policy version %u, which there is not", row->policy_version);
    else if (row->message_count && row->at_ms < policy->activated_ms)
        audit_report(audit, "P2", where, "it stored messages before policy version %u was activated", row->policy_version);
    if (row->ledger_index == UINT64_MAX) {
        if (row->message_count)
            audit_report(audit, "P4", where, "its decisions are not in the ledger");
        return NULL;
    }
    if (policy && row->ledger_index <= policy->ledger_index)
        audit_report(audit, "P2", where, "its decisions stand in the ledger before the policy that allowed them");
    struct ledger_row entry_row;
    struct entry entry;
    bool found = false;
    if (row->ledger_index >= audit->ledger_size)
        return NULL; /* committed since the audit began */
    TRY(ledger_row_get(audit->ops, audit->session, &audit->slice, row->ledger_index, &entry_row, &found));
    size_t count = row->decisions.length / sizeof(struct hash);
    struct hash root;
    struct hash *leaves = arena_array(&audit->slice, struct hash, count + 1);
    if (count)
        memcpy(leaves, row->decisions.data, count * sizeof *leaves);
    merkle_root_of(leaves, count, &root);
    if (!found || entry_parse(&audit->slice, entry_row.entry, &entry) || entry.form != ENTRY_BATCH || !str_equal(entry.kind, STR("decisions")))
        audit_report(audit, "P4", where, "ledger entry %llu is none of its decisions", (unsigned long long)row->ledger_index);
    else if (entry.count != count || !hash_equal(&entry.hash, &root))
        audit_report(audit, "P4", where, "its decisions do not hash to ledger entry %llu", (unsigned long long)row->ledger_index);
    return NULL;
}

static bool batch_take(void *context, const void *row)
{
    struct batch_walk *walk = context;
    const struct batch_row *batch = row;
    if (batch->number > walk->audit->batch_last)
        return false;
    if (batch->number != walk->next)
        audit_report(walk->audit, "P5", str_printf(&walk->audit->slice, "batch %llu", (unsigned long long)walk->next), "it is missing");
    walk->next = batch->number + 1;
    walk->error = batch_row_check(walk->audit, batch);
    return !walk->error;
}

const struct err *audit_batches(struct audit *audit)
{
    struct batch_walk walk = {.audit = audit, .next = 1};
    while (walk.next <= audit->batch_last) {
        uint64_t from = walk.next;
        TRY(audit->ops->batches(audit->session, &audit->slice, from, from + 255, batch_take, &walk));
        if (walk.error)
            return walk.error;
        if (walk.next == from) {
            audit_report(audit, "P5", str_printf(&audit->slice, "batches %llu to %llu", (unsigned long long)from, (unsigned long long)from + 255), "they are missing");
            walk.next = from + 256;
        }
        audit_step(audit, walk.next - from);
        arena_clear(&audit->slice);
    }
    return NULL;
}

struct batch_knowing {
    struct audit *audit;
    struct batch_known *known;
};

static bool batch_know(void *context, const void *row)
{
    struct batch_knowing *knowing = context;
    struct audit *audit = knowing->audit;
    struct batch_known *known = knowing->known;
    const struct batch_row *batch = row;
    if (batch->number != known->number)
        return false;
    size_t count = batch->decisions.length / sizeof(struct hash);
    struct hash *leaves = arena_array(&audit->leaves, struct hash, count + 1);
    if (count)
        memcpy(leaves, batch->decisions.data, count * sizeof *leaves);
    audit->leaves_bytes += (count + 1) * sizeof *leaves;
    *known = (struct batch_known){batch->number, batch->at_ms, batch->policy_version, (uint32_t)count, batch->ledger_index, leaves};
    return false;
}

const struct err *audit_batch_of(struct audit *audit, uint64_t number, const struct batch_known **ret)
{
    struct batch_known *kept = &audit->batches[number % BATCHES_KEPT];
    if (kept->number != number || !number) {
        struct batch_knowing knowing = {audit, kept};
        if (audit->leaves_bytes > LEAVES_KEPT_BYTES) {
            memset(audit->batches, 0, BATCHES_KEPT * sizeof *audit->batches);
            arena_clear(&audit->leaves);
            audit->leaves_bytes = 0;
        }
        *kept = (struct batch_known){.number = number, .at_ms = TIME_NONE};
        TRY(audit->ops->batches(audit->session, &audit->slice, number, number, batch_know, &knowing));
    }
    *ret = kept;
    return NULL;
}

/* --- one person's leaves */

const struct err *audit_consent(struct audit *audit, const struct consent *record, struct uuid profile, str where)
{
    struct ledger_row row;
    struct entry entry;
    struct hash made;
    uint8_t key[32], salt[32];
    bool found = false;
    TRY(ledger_row_get(audit->ops, audit->session, &audit->slice, record->ledger_index, &row, &found));
    if (!found || memcmp(row.leaf_hash, record->leaf_hash, sizeof row.leaf_hash) != 0) {
        audit_report(audit, "P4", where, "ledger entry %llu is not the one that it names", (unsigned long long)record->ledger_index);
        return NULL;
    }
    if (!profile_no_equal(row.profile, record->profile))
        audit_report(audit, "P4", where, "its ledger entry belongs to another profile");
    if (vault_key(audit->engine->vault, record->profile, KEY_EVIDENCE, key) != VAULT_LIVE)
        return NULL; /* told where keys are checked */
    ledger_salt(key, record->ledger_index, LEDGER_PLACE_ALONE, salt);
    commitment(salt, consent_record_json(&audit->slice, record, profile), &made);
    sodium_memzero(key, sizeof key);
    sodium_memzero(salt, sizeof salt);
    if (entry_parse(&audit->slice, row.entry, &entry) || entry.form != ENTRY_PERSONAL || !hash_equal(&entry.hash, &made))
        audit_report(audit, "P4", where, "it is not what its ledger entry commits to: it was changed");
    return NULL;
}

#define READS_AT_ONCE 10000

const struct err *audit_reads(struct audit *audit, const profile_no *profiles, size_t count)
{
    struct read_row *rows = NULL;
    size_t row_count = 0;
    TRY(audit->ops->reads(audit->session, &audit->slice, profiles, count, 0, READS_AT_ONCE, &rows, &row_count));
    struct ledger_row entry_row = {0};
    bool found = false;
    uint64_t read_index = UINT64_MAX;
    for (size_t i = 0; i < row_count; i++) {
        const struct read_row *row = &rows[i];
        uint8_t key[32], salt[32];
        struct hash leaf;
        if (row->ledger_index >= audit->ledger_size || vault_key(audit->engine->vault, row->profile, KEY_EVIDENCE, key) != VAULT_LIVE)
            continue;
        if (row->ledger_index != read_index)
            TRY(ledger_row_get(audit->ops, audit->session, &audit->slice, row->ledger_index, &entry_row, &found));
        read_index = row->ledger_index;
        ledger_salt(key, row->ledger_index, 0, salt);
        ledger_sub_leaf(salt, ledger_read_record(&audit->slice, row), &leaf);
        sodium_memzero(key, sizeof key);
        bool there = false;
        for (size_t at = 0; found && !there && at + sizeof leaf <= entry_row.record_sealed.length; at += sizeof leaf)
            there = memcmp(entry_row.record_sealed.data + at, leaf.bytes, sizeof leaf.bytes) == 0;
        if (!there)
            audit_report(audit, "P3", str_printf(&audit->slice, "read of profile %llu", (unsigned long long)row->profile.value),
                         "it is not among the leaves of ledger entry %llu", (unsigned long long)row->ledger_index);
    }
    return NULL;
}

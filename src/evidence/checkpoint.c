/* Checkpoints and tlog-proofs: the notes that carry roots, and the text that carries a proof with one. */
#include "evidence/note_private.h"
#include "evidence/text_private.h"

#include "base/vec.h"

#define PROOF_FIRST_LINE "c2sp.org/tlog-proof@v1"

str checkpoint_make(struct arena *arena, str origin, uint64_t size, const struct hash *root, const struct note_key *key)
{
    ASSERT(note_name_allowed(origin) && key->can_sign);
    str encoded = str_base64(arena, root->bytes, sizeof(root->bytes));
    str text = str_printf(arena, "%.*s\n%llu\n%.*s\n", STR_FMT(origin), (unsigned long long)size, STR_FMT(encoded)), note;
    const struct err *err = note_sign(arena, text, key, &note);
    ASSERT(!err);
    return note;
}

static const struct err *checkpoint_read(struct arena *arena, str text, struct checkpoint *ret)
{
    struct checkpoint checkpoint = {0};
    str rest = text, size, root, line;
    if (!text_line(&rest, &checkpoint.origin) || checkpoint.origin.length == 0)
        return err_new(arena, ERR_MALFORMED, "not a checkpoint: its first line, the origin, is missing");
    if (!text_line(&rest, &size) || !text_uint64(size, &checkpoint.size))
        return err_new(arena, ERR_MALFORMED, "not a checkpoint: its second line is no tree size");
    if (!text_line(&rest, &root) || !text_hash(arena, root, &checkpoint.root))
        return err_new(arena, ERR_MALFORMED, "not a checkpoint: its third line is no root hash");
    checkpoint.extension = rest;
    while (rest.length > 0)
        if (!text_line(&rest, &line) || line.length == 0)
            return err_new(arena, ERR_MALFORMED, "not a checkpoint: an extension line is empty");
    *ret = checkpoint;
    return NULL;
}

const struct err *checkpoint_parse(struct arena *arena, str note, struct checkpoint *ret)
{
    str text = STR_NONE;
    if (!note_parts(note, &text))
        return err_new(arena, ERR_MALFORMED, "not a checkpoint: it is no signed note");
    return checkpoint_read(arena, text, ret);
}

const struct err *checkpoint_verify(struct arena *arena, str note, const struct note_key *keys, size_t key_count, struct checkpoint *ret)
{
    struct checkpoint checkpoint;
    str text;
    TRY(checkpoint_parse(arena, note, &checkpoint));
    /* only who has the origin's name may speak for it; other known keys are witnesses at most */
    struct note_key *named = arena_array(arena, struct note_key, key_count + 1);
    size_t named_count = 0;
    for (size_t i = 0; i < key_count; i++)
        if (str_equal(keys[i].name, checkpoint.origin))
            named[named_count++] = keys[i];
    for (size_t i = 0; i < named_count; i++)
        note_key_clear(&named[i]);
    if (named_count == 0)
        return err_new(arena, ERR_INVALID, "the checkpoint is of %.*s, for which no key is known", STR_FMT(checkpoint.origin));
    TRY(note_verify(arena, note, named, named_count, &text, NULL));
    TRY(checkpoint_read(arena, text, ret));
    return NULL;
}

str tlog_proof_make(struct arena *arena, const struct tlog_proof *proof)
{
    struct buf out;
    ASSERT(proof->path.count <= MERKLE_PATH_MAX);
    buf_init(&out, arena, 2 * NOTE_BYTES_MAX);
    buf_add(&out, STR(PROOF_FIRST_LINE "\n"));
    if (proof->extra.length > 0) {
        buf_add(&out, STR("extra "));
        buf_add(&out, str_base64(arena, proof->extra.data, proof->extra.length));
        buf_add_char(&out, '\n');
    }
    buf_printf(&out, "index %llu\n", (unsigned long long)proof->index);
    vec_each (hash, &proof->path) {
        buf_add(&out, str_base64(arena, hash->bytes, sizeof(hash->bytes)));
        buf_add_char(&out, '\n');
    }
    buf_add_char(&out, '\n');
    buf_add(&out, proof->checkpoint);
    ASSERT(!out.overflow);
    return buf_str(&out);
}

const struct err *tlog_proof_parse(struct arena *arena, str text, struct tlog_proof *ret)
{
    struct tlog_proof proof = {0};
    struct checkpoint shown;
    str rest = text, line;
    if (text.length > 2 * NOTE_BYTES_MAX)
        return err_new(arena, ERR_TOO_LARGE, "the tlog-proof is over %d bytes", 2 * NOTE_BYTES_MAX);
    if (!text_line(&rest, &line) || !str_equal(line, STR(PROOF_FIRST_LINE)))
        return err_new(arena, ERR_MALFORMED, "not a tlog-proof: its first line is not \"" PROOF_FIRST_LINE "\"");
    bool more = text_line(&rest, &line);
    if (more && str_starts(line, STR("extra "))) {
        if (!text_unbase64(arena, str_slice(line, 6, line.length), &proof.extra) || proof.extra.length == 0)
            return err_new(arena, ERR_MALFORMED, "not a tlog-proof: its extra data is not base64");
        more = text_line(&rest, &line);
    }
    if (!more || !str_starts(line, STR("index ")) || !text_uint64(str_slice(line, 6, line.length), &proof.index))
        return err_new(arena, ERR_MALFORMED, "not a tlog-proof: the index is missing or no number");
    for (;;) {
        if (!text_line(&rest, &line))
            return err_new(arena, ERR_MALFORMED, "not a tlog-proof: it ends before its checkpoint");
        if (line.length == 0)
            break;
        if (proof.path.count == MERKLE_PATH_MAX || !text_hash(arena, line, vec_push(arena, &proof.path)))
            return err_new(arena, ERR_MALFORMED, "not a tlog-proof: line %zu of its path is no hash", proof.path.count);
    }
    TRY(checkpoint_parse(arena, rest, &shown));
    proof.checkpoint = rest;
    *ret = proof;
    return NULL;
}

const struct err *tlog_proof_verify(struct arena *arena, str text, const struct hash *leaf, const struct note_key *keys, size_t key_count,
                                    struct checkpoint *ret)
{
    struct tlog_proof proof;
    struct checkpoint checkpoint;
    TRY(tlog_proof_parse(arena, text, &proof));
    TRY(checkpoint_verify(arena, proof.checkpoint, keys, key_count, &checkpoint));
    if (!merkle_verify_inclusion(leaf, proof.index, checkpoint.size, proof.path.items, proof.path.count, &checkpoint.root))
        return err_new(arena, ERR_INVALID, "the path does not lead from the entry to the checkpoint's root");
    *ret = checkpoint;
    return NULL;
}

/* The text forms of evidence: canonical JSON (the examples of RFC 8785), ledger entries, signed notes (C2SP's example), checkpoints,
 * tlog-proofs, receipts. */
#include "unit.h"

#include "base/vec.h"
#include "evidence/canonical.h"
#include "evidence/entry.h"
#include "evidence/note.h"
#include "evidence/receipt.h"
#include "evidence/seal.h"

#include <stdio.h>

static struct arena arena;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* ---- canonical JSON ---- */

static void numbers_are_written_as_ecmascript_writes_them(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        /* RFC 8785, appendix B */
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
        /* powers of two, where the nearest decimal of a length need not be the one that reads back */
        {0x0010000000000000, "2.2250738585072014e-308"},
        {0x000fffffffffffff, "2.225073858507201e-308"},
        {0x7fd0000000000000, "4.49423283715579e+307"},
        {0x3ff0000000000000, "1"},
        {0x3fb999999999999a, "0.1"},
        {0x4415af1d78b58c40, "100000000000000000000"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[CANONICAL_NUMBER_SIZE];
        double value;
        memcpy(&value, &cases[i].bits, sizeof(value));
        check_str(canonical_number(value, text), cases[i].text);
    }
}

static void every_power_of_two_comes_back_from_its_shortest_text(void **state)
{
    (void)state;
    for (uint64_t exponent = 1; exponent < 0x7ff; exponent++) {
        uint64_t bits = exponent << 52;
        double value, back;
        char text[CANONICAL_NUMBER_SIZE], shorter[64];
        memcpy(&value, &bits, sizeof(value));
        str canonical = canonical_number(value, text);
        assert_true(str_to_double(canonical, &back) && back == value);
        size_t digits = 0;
        bool seen = false; /* zeroes before and after the others do not count */
        size_t zeroes = 0;
        for (size_t c = 0; c < canonical.length && canonical.data[c] != 'e'; c++) {
            if (canonical.data[c] < '0' || canonical.data[c] > '9')
                continue;
            seen |= canonical.data[c] != '0';
            digits += seen;
            zeroes = canonical.data[c] == '0' ? zeroes + seen : 0;
        }
        digits -= zeroes;
        if (digits > 1) { /* with one digit less the nearest decimal is another number */
            (void)snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, value);
            assert_true(str_to_double(str_of(shorter), &back) && back != value);
        }
    }
}

static void canonical_texts_are_those_of_rfc_8785(void **state)
{
    (void)state;
    static const struct {
        const char *given, *wanted;
    } cases[] = {
        {"{\n \"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],\n"
         " \"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\n \"literals\": [null, true, false]\n}",
         "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"},
        {"{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\","
         "\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
         "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
         "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}"},
        {"[56,{\"d\":true,\"10\":null,\"1\":[]}]", "[56,{\"1\":[],\"10\":null,\"d\":true}]"},
        {" \"\\b\\f\\t\\u007f\\u001f\" ", "\"\\b\\f\\t\x7f\\u001f\""},
        {"{\"a\":{},\"\":[[]]}", "{\"\":[[]],\"a\":{}}"},
        {"-0.0", "0"},
        {"1e0", "1"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str canonical, again;
        check_fine(json_canonical_text(&arena, str_of(cases[i].given), &canonical));
        check_str(canonical, cases[i].wanted);
        check_fine(json_canonical_text(&arena, canonical, &again));
        assert_true(str_equal(canonical, again));
    }
}

static void what_has_no_canonical_text_is_refused(void **state)
{
    (void)state;
    str canonical = STR("untouched");
    check_code(json_canonical_text(&arena, STR("{\"a\":1,\"a\":2}"), &canonical), ERR_INVALID);
    check_code(json_canonical_text(&arena, STR("\"\\ud800\""), &canonical), ERR_INVALID);
    check_code(json_canonical_text(&arena, STR("[1e400]"), &canonical), ERR_INVALID);
    check_code(json_canonical_text(&arena, STR("\"\xff\""), &canonical), ERR_MALFORMED);
    check_code(json_canonical_text(&arena, STR("{"), &canonical), ERR_MALFORMED);
    check_str(canonical, "untouched");
}

/* ---- entries ---- */

static void entries_have_the_form_that_is_promised(void **state)
{
    (void)state;
    static const uint8_t salt[32] = {7};
    struct hash hash, root = {{1, 2, 3}};
    str text;
    commitment(salt, STR("{\"a\":1}"), &hash);
    str encoded = str_base64(&arena, hash.bytes, 32);
    text = entry_personal(&arena, "consent", salt, STR("{\"a\":1}"), 1795624200123);
    check_str(text, arena_printf(&arena, "{\"at\":\"2026-11-25T16:30:00.123Z\",\"commitment\":\"%.*s\",\"kind\":\"consent\"}", STR_FMT(encoded)));
    check_fine(entry_clear(&arena, "policy", STR("{ \"version\": 1, \"by\": \"x\" }"), 0, &text));
    check_str(text, "{\"at\":\"1970-01-01T00:00:00.000Z\",\"kind\":\"policy\",\"record\":{\"by\":\"x\",\"version\":1}}");
    text = entry_batch(&arena, "decisions", &root, 512, 0);
    check_str(text, "{\"at\":\"1970-01-01T00:00:00.000Z\",\"count\":512,\"kind\":\"decisions\",\"root\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}");
    check_code(entry_clear(&arena, "policy", STR("[]"), 0, &text), ERR_INVALID);
    check_code(entry_clear(&arena, "policy", STR("{"), 0, &text), ERR_MALFORMED);
}

static void entries_read_back_as_they_were_made(void **state)
{
    (void)state;
    static const uint8_t salt[32] = {7};
    struct hash root = {{9}}, hash;
    struct entry entry;
    str text;
    check_fine(entry_parse(&arena, entry_personal(&arena, "consent", salt, STR("x"), 5), &entry));
    commitment(salt, STR("x"), &hash);
    assert_true(entry.form == ENTRY_PERSONAL && entry.at_ms == 5 && hash_equal(&entry.hash, &hash));
    check_str(entry.kind, "consent");
    check_fine(entry_clear(&arena, "policy", STR("{\"b\":{\"z\":1,\"a\":2}}"), 6, &text));
    check_fine(entry_parse(&arena, text, &entry));
    assert_true(entry.form == ENTRY_CLEAR && entry.at_ms == 6);
    check_str(entry.record, "{\"b\":{\"a\":2,\"z\":1}}");
    check_fine(entry_parse(&arena, entry_batch(&arena, "decisions", &root, 3, 7), &entry));
    assert_true(entry.form == ENTRY_BATCH && entry.count == 3 && hash_equal(&entry.hash, &root));
}

static void entries_of_no_form_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"kind\":\"policy\"}",
        "{\"at\":\"2026-11-25T16:30:00Z\",\"kind\":\"policy\",\"record\":{}}", /* another text of the time */
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"kind\":\"policy\",\"record\":[]}",
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"kind\":\"policy\",\"record\":{ }}", /* not canonical */
        "{\"kind\":\"policy\",\"at\":\"2026-11-25T16:30:00.123Z\",\"record\":{}}",
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"kind\":\"Policy\",\"record\":{}}",
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"extra\":1,\"kind\":\"policy\",\"record\":{}}",
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"commitment\":\"AQID\",\"kind\":\"consent\"}",
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"count\":-1,\"kind\":\"decisions\",\"root\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}",
        "{\"at\":\"2026-11-25T16:30:00.123Z\",\"count\":1.5,\"kind\":\"decisions\",\"root\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct entry entry;
        if (!entry_parse(&arena, str_of(bad[i]), &entry))
            fail_msg("<%s> was taken for an entry", bad[i]);
    }
}

/* ---- notes ---- */

static const char example_key[] = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
static const char example_note[] = "This is an example message.\n\n"
                                   "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

static struct note_key key_make(const char *name, uint8_t seed_byte)
{
    uint8_t seed[32] = {seed_byte};
    struct note_key key;
    check_fine(note_key_from_seed(&arena, str_of(name), seed, &key));
    return key;
}

static void the_example_of_the_specification_verifies(void **state)
{
    (void)state;
    struct note_key key;
    str text;
    uint64_t signers = 0;
    check_fine(note_verifier_parse(&arena, str_of(example_key), &key));
    check_str(note_verifier_text(&arena, &key), example_key);
    assert_int_equal(key.id, 0x530d903a);
    assert_false(key.can_sign);
    check_fine(note_verify(&arena, str_of(example_note), &key, 1, &text, &signers));
    check_str(text, "This is an example message.\n");
    assert_int_equal(signers, 1);
}

static void no_bit_of_a_note_can_be_changed(void **state)
{
    (void)state;
    struct note_key key;
    str text;
    check_fine(note_verifier_parse(&arena, str_of(example_key), &key));
    for (size_t i = 0; i < sizeof(example_note) - 1; i++) {
        for (int bit = 0; bit < 8; bit++) {
            char spoilt[sizeof(example_note)];
            memcpy(spoilt, example_note, sizeof(spoilt));
            spoilt[i] = (char)(spoilt[i] ^ 1 << bit);
            if (!note_verify(&arena, str_bytes(spoilt, sizeof(spoilt) - 1), &key, 1, &text, NULL))
                fail_msg("bit %d of byte %zu was changed and nobody noticed", bit, i);
        }
    }
    for (size_t length = 0; length < sizeof(example_note) - 1; length++)
        assert_non_null(note_verify(&arena, str_bytes(example_note, length), &key, 1, &text, NULL));
}

static void keys_have_one_text_and_names_are_held_to_the_rules(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a b", "a+b", "a\tb", "a\nb", "\xc2\xa0z", "a\xe2\x80\x83", "\xe3\x80\x80", "\xff", "a\x7f"};
    static const char *const texts[] = {
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "example.com/fo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
    };
    uint8_t seed[32] = {1};
    struct note_key key = {.id = 77};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_false(note_name_allowed(str_of(names[i])));
        check_code(note_key_from_seed(&arena, str_of(names[i]), seed, &key), ERR_INVALID);
    }
    assert_true(note_name_allowed(STR("bolt.example/telos-é")));
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!note_verifier_parse(&arena, str_of(texts[i]), &key))
            fail_msg("<%s> was taken for a key", texts[i]);
    assert_int_equal(key.id, 77); /* outputs stay untouched */
    key = key_make("a", 1);
    note_key_clear(&key);
    static const uint8_t none[64];
    assert_memory_equal(key.secret, none, 64);
}

static void unknown_signers_are_skipped_and_false_ones_refuse_the_note(void **state)
{
    (void)state;
    struct note_key shop = key_make("shop.example", 1), other = key_make("witness.example", 2), keys[2] = {other, shop};
    str note, second, text;
    uint64_t signers = 0;
    check_fine(note_sign(&arena, STR("a\n\nb\n"), &shop, &note));
    check_fine(note_sign(&arena, STR("a\n\nb\n"), &other, &second));
    str both = str_printf(&arena, "%.*s%.*s", STR_FMT(note), STR_FMT(str_slice(second, 6, second.length)));
    check_fine(note_verify(&arena, both, &shop, 1, &text, &signers));
    check_str(text, "a\n\nb\n");
    check_fine(note_verify(&arena, both, keys, 2, &text, &signers));
    assert_int_equal(signers, 3);
    check_code(note_verify(&arena, second, &shop, 1, &text, NULL), ERR_INVALID);
    /* the other's signature is of another text */
    check_fine(note_sign(&arena, STR("b\n"), &other, &second));
    both = str_printf(&arena, "%.*s%.*s", STR_FMT(note), STR_FMT(str_slice(second, 3, second.length)));
    check_fine(note_verify(&arena, both, &shop, 1, &text, NULL));
    check_code(note_verify(&arena, both, keys, 2, &text, NULL), ERR_INVALID);
    struct note_key twin = key_make("shop.example", 3); /* the name alone is not the key */
    check_code(note_verify(&arena, note, &twin, 1, &text, NULL), ERR_INVALID);
    twin.id = shop.id;
    struct note_key twins[2] = {twin, shop};
    check_fine(note_verify(&arena, note, twins, 2, &text, &signers));
    assert_int_equal(signers, 2);
}

static void notes_that_are_no_notes_are_not_made(void **state)
{
    (void)state;
    struct note_key key = key_make("shop.example", 1);
    str note;
    check_code(note_sign(&arena, STR("no newline"), &key, &note), ERR_INVALID);
    check_code(note_sign(&arena, STR("tab\t\n"), &key, &note), ERR_INVALID);
    check_code(note_sign(&arena, STR("\xc3\n"), &key, &note), ERR_INVALID);
}

static void a_note_may_have_many_signatures_but_not_any_number(void **state)
{
    (void)state;
    struct note_key key = key_make("shop.example", 1);
    struct buf many;
    str note, text;
    check_fine(note_sign(&arena, STR("t\n"), &key, &note));
    buf_init(&many, &arena, NOTE_BYTES_MAX);
    buf_add(&many, note);
    for (int i = 1; i < NOTE_SIGNATURES_MAX; i++)
        buf_add(&many, str_slice(note, 3, note.length));
    check_fine(note_verify(&arena, buf_str(&many), &key, 1, &text, NULL));
    buf_add(&many, str_slice(note, 3, note.length));
    check_code(note_verify(&arena, buf_str(&many), &key, 1, &text, NULL), ERR_TOO_LARGE);
}

/* ---- checkpoints and proofs ---- */

static void checkpoints_read_back_and_only_their_origin_may_sign(void **state)
{
    (void)state;
    struct note_key shop = key_make("shop.example/telos", 1), other = key_make("other.example", 2), keys[2] = {shop, other};
    struct hash root = {{0xab}};
    struct checkpoint checkpoint;
    str note = checkpoint_make(&arena, shop.name, 109482, &root, &shop), foreign;
    check_fine(checkpoint_verify(&arena, note, keys, 2, &checkpoint));
    check_str(checkpoint.origin, "shop.example/telos");
    assert_true(checkpoint.size == 109482 && hash_equal(&checkpoint.root, &root) && checkpoint.extension.length == 0);
    check_fine(note_sign(&arena, STR("shop.example/telos\n1\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"), &other, &foreign));
    check_code(checkpoint_verify(&arena, foreign, keys, 2, &checkpoint), ERR_INVALID);
    check_code(checkpoint_verify(&arena, note, &other, 1, &checkpoint), ERR_INVALID);
    check_code(checkpoint_verify(&arena, note, NULL, 0, &checkpoint), ERR_INVALID);
}

static void the_checkpoint_of_the_specification_is_read(void **state)
{
    (void)state;
    struct checkpoint checkpoint;
    check_fine(checkpoint_parse(&arena,
                                STR("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
                                    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
                                    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"),
                                &checkpoint));
    check_str(checkpoint.origin, "example.com/behind-the-sofa");
    assert_int_equal(checkpoint.size, 20852163);
}

static void texts_that_are_no_checkpoints_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "o\n",
        "o\n1\n",
        "\n1\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n01\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n-1\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n18446744073709551616\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "o\n1\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        "o\n1\nqwAA\n",
        "o\n1\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
        "o\n1\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nx\n\ny\n",
    };
    struct note_key key = key_make("o", 1);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct checkpoint checkpoint;
        str note = str_of(bad[i]);
        if (str_ends(note, STR("\n")))
            check_fine(note_sign(&arena, note, &key, &note));
        if (!checkpoint_verify(&arena, note, &key, 1, &checkpoint))
            fail_msg("<%s> was taken for a checkpoint", bad[i]);
    }
    struct checkpoint checkpoint;
    str note;
    check_fine(note_sign(&arena, STR("o\n1\nqwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nx\ny\n"), &key, &note));
    check_fine(checkpoint_verify(&arena, note, &key, 1, &checkpoint));
    check_str(checkpoint.extension, "x\ny\n");
}

static str proof_of(uint64_t index, size_t count, const struct note_key *key, struct hash *leaves)
{
    struct hash root;
    for (size_t i = 0; i < count; i++)
        merkle_leaf(str_bytes(&i, sizeof(i)), &leaves[i]);
    merkle_root_of(leaves, count, &root);
    struct tlog_proof proof = {.index = index,
                               .path = merkle_path_of(&arena, leaves, count, index),
                               .checkpoint = checkpoint_make(&arena, key->name, count, &root, key),
                               .extra = STR("\0opaque")};
    return tlog_proof_make(&arena, &proof);
}

static void proofs_verify_offline_and_for_their_entry_alone(void **state)
{
    (void)state;
    struct note_key key = key_make("shop.example/telos", 1);
    struct hash leaves[13];
    struct checkpoint checkpoint;
    str text = proof_of(5, 13, &key, leaves);
    assert_true(str_starts(text, STR("c2sp.org/tlog-proof@v1\nextra AG9wYXF1ZQ==\nindex 5\n")));
    check_fine(tlog_proof_verify(&arena, text, &leaves[5], &key, 1, &checkpoint));
    assert_int_equal(checkpoint.size, 13);
    check_code(tlog_proof_verify(&arena, text, &leaves[4], &key, 1, &checkpoint), ERR_INVALID);
    /* every bit counts, but those of the extra line, which authenticates nothing */
    size_t from = sizeof("c2sp.org/tlog-proof@v1\nextra AG9wYXF1ZQ==\n") - 1;
    for (size_t i = 0; i < text.length; i++) {
        if (i >= 29 && i < from - 1)
            continue;
        char *spoilt = str_z(&arena, text);
        spoilt[i] ^= 4;
        if (!tlog_proof_verify(&arena, str_bytes(spoilt, text.length), &leaves[5], &key, 1, &checkpoint))
            fail_msg("byte %zu was changed and nobody noticed", i);
    }
    for (size_t length = 0; length < text.length; length++)
        assert_non_null(tlog_proof_verify(&arena, str_slice(text, 0, length), &leaves[5], &key, 1, &checkpoint));
    struct tlog_proof proof;
    check_fine(tlog_proof_parse(&arena, text, &proof));
    assert_true(proof.index == 5 && proof.path.count == 4 && str_equal(proof.extra, STR("\0opaque")));
    assert_true(str_equal(tlog_proof_make(&arena, &proof), text));
}

static void the_form_of_the_specification_is_read(void **state)
{
    (void)state;
    /* its example, with signatures of the length that its own leaves out */
    static const char text[] = "c2sp.org/tlog-proof@v1\nextra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\nindex 73894\n"
                               "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"
                               "EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\nRoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=\n"
                               "AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=\n\nexample.com/fancylog\n109482\n"
                               "sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n— example.com/fancylog hI2DJwAAAAA=\n— witness1.example mJirIkAAAAA=\n";
    struct tlog_proof proof;
    struct checkpoint checkpoint;
    check_fine(tlog_proof_parse(&arena, str_of(text), &proof));
    check_str(proof.extra, "age-v1.2.1-darwin-arm64.tar.gz");
    assert_true(proof.index == 73894 && proof.path.count == 5);
    check_fine(checkpoint_parse(&arena, proof.checkpoint, &checkpoint));
    assert_int_equal(checkpoint.size, 109482);
}

/* ---- receipts ---- */

static void receipts_hold_in_any_order_and_spacing_and_break_with_any_value(void **state)
{
    (void)state;
    struct note_key key = key_make("shop.example/telos", 1), other = key_make("shop.example/telos", 2);
    struct receipt_check check;
    str document;
    check_fine(receipt_seal(&arena, STR(" { \"purpose\" : \"newsletter\", \"n\": 1.0 } "), &key, 1795624200123, &document));
    check_fine(receipt_verify(&arena, document, &key, 1, &check));
    assert_true(check.valid && check.created_ms == 1795624200123);
    check_str(check.key_name, "shop.example/telos");
    check_str(str_of(check.why), "signed by shop.example/telos on 2026-11-25T16:30:00.123Z");
    str canonical;
    check_fine(json_canonical_text(&arena, document, &canonical));
    check_fine(receipt_verify(&arena, canonical, &key, 1, &check));
    assert_true(check.valid);
    check_fine(receipt_verify(&arena, document, &other, 1, &check));
    assert_false(check.valid);
    for (size_t i = 0; i < canonical.length; i++) {
        char *spoilt = str_z(&arena, canonical);
        spoilt[i] ^= 1;
        check.valid = false;
        const struct err *err = receipt_verify(&arena, str_bytes(spoilt, canonical.length), &key, 1, &check);
        if (!err && check.valid)
            fail_msg("byte %zu was changed and nobody noticed", i);
    }
}

static void what_cannot_be_signed_is_refused(void **state)
{
    (void)state;
    struct note_key key = key_make("shop.example/telos", 1);
    struct receipt_check check;
    str text;
    check_code(receipt_sign(&arena, STR("[1]"), &key, 1, &text), ERR_INVALID);
    check_code(receipt_sign(&arena, STR("{\"proof\":1}"), &key, 1, &text), ERR_INVALID);
    check_code(receipt_sign(&arena, STR("{\"a\":1,\"a\":1}"), &key, 1, &text), ERR_INVALID);
    check_code(receipt_sign(&arena, STR("{"), &key, 1, &text), ERR_MALFORMED);
    check_code(receipt_verify(&arena, STR("{}"), &key, 1, &check), ERR_INVALID);
    check_code(receipt_verify(&arena, STR("3"), &key, 1, &check), ERR_INVALID);
    check_fine(receipt_verify(&arena, STR("{\"proof\":{}}"), &key, 1, &check));
    assert_false(check.valid);
    check_fine(receipt_seal(&arena, STR("{}"), &key, 1, &text));
    check_fine(receipt_verify(&arena, text, &key, 1, &check));
    assert_true(check.valid);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_written_as_ecmascript_writes_them),
        TEST(every_power_of_two_comes_back_from_its_shortest_text),
        TEST(canonical_texts_are_those_of_rfc_8785),
        TEST(what_has_no_canonical_text_is_refused),
        TEST(entries_have_the_form_that_is_promised),
        TEST(entries_read_back_as_they_were_made),
        TEST(entries_of_no_form_are_refused),
        TEST(the_example_of_the_specification_verifies),
        TEST(no_bit_of_a_note_can_be_changed),
        TEST(keys_have_one_text_and_names_are_held_to_the_rules),
        TEST(unknown_signers_are_skipped_and_false_ones_refuse_the_note),
        TEST(notes_that_are_no_notes_are_not_made),
        TEST(a_note_may_have_many_signatures_but_not_any_number),
        TEST(checkpoints_read_back_and_only_their_origin_may_sign),
        TEST(the_checkpoint_of_the_specification_is_read),
        TEST(texts_that_are_no_checkpoints_are_refused),
        TEST(proofs_verify_offline_and_for_their_entry_alone),
        TEST(the_form_of_the_specification_is_read),
        TEST(receipts_hold_in_any_order_and_spacing_and_break_with_any_value),
        TEST(what_cannot_be_signed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Any bytes as an identifier of each kind: what is taken is valid UTF-8 within its bounds, is taken again unchanged, and reads back as a subject. */
#include "core/identity.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct arena *arena, const struct identity_key *key, str value)
{
    str normal = STR_NONE, again;
    enum reason reason = REASON_COUNT;
    if (!identity_normalise(arena, key, value, &normal, &reason)) {
        ASSERT(reason == REASON_IDENTIFIER_INVALID || reason == REASON_IDENTIFIER_BLOCKED);
        return;
    }
    ASSERT(normal.length > 0 && normal.length <= LIMIT_IDENTIFIER_BYTES && str_valid_utf8(normal));
    ASSERT(identity_normalise(arena, key, normal, &again, &reason));
    ASSERT(str_equal(normal, again));
    if (key->normalise == NORMALISE_E164) {
        ASSERT(normal.data[0] == '+' && normal.length >= 5 && normal.length <= 16);
        for (size_t i = 1; i < normal.length; i++)
            ASSERT(normal.data[i] >= '0' && normal.data[i] <= '9');
    }
    if (key->normalise == NORMALISE_EMAIL)
        ASSERT(str_find_char(normal, '@') > 0 && str_find_char(normal, ' ') < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const str regions[] = {STR("HU"), STR("US"), STR("GB"), STR("IT"), STR("XX"), STR("")};
    struct arena arena;
    str value = str_bytes(data, size);
    arena_init(&arena);
    for (int normalise = NORMALISE_EXACT; normalise <= NORMALISE_TRIM; normalise++) {
        struct identity_key key = {.name = STR("key"), .normalise = (enum normalise)normalise, .default_region = STR("HU")};
        *(str *)vec_push(&arena, &key.blocked) = STR("test*@*");
        *(str *)vec_push(&arena, &key.blocked) = STR("*a*b*");
        for (size_t i = 0; i < (normalise == NORMALISE_E164 ? sizeof regions / sizeof *regions : 1); i++) {
            key.default_region = regions[i];
            check_value(&arena, &key, value);
        }
    }
    arena_release(&arena);
    return 0;
}

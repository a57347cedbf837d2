/* Any bytes as a GPP string, as each section of the United States, as Consent Mode's parameters: nothing is read past its end, what is
 * believed holds only values that exist, and it can be written as JSON. */
#include "signal/describe.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void us_check(const struct us_section *us)
{
    for (unsigned i = 0; i < US_FIELD_COUNT; i++)
        ASSERT(us->fields[i] <= US_NO || us->fields[i] == US_ABSENT);
    ASSERT(us->sensitive_count <= US_SENSITIVE_MAX && us->child_count <= US_CHILD_MAX && !(us->out & us->in));
    for (unsigned i = 0; i < us->sensitive_count; i++)
        ASSERT(us->sensitive[i] <= US_NO);
}

static void write_check(struct arena *arena, const struct gpp *gpp)
{
    struct buf out;
    struct jsonw w;
    struct json value;
    buf_init(&out, arena, 1 << 24);
    jsonw_init(&w, &out);
    gpp_write(&w, arena, gpp);
    ASSERT(!out.overflow && !json_read(arena, buf_str(&out), &value) && value.type == JSON_OBJECT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct gpp gpp;
    char *copy = malloc(size ? size : 1); /* of its very size, so that the sanitizers see a read past its end */
    if (size)
        memcpy(copy, data, size);
    str text = str_bytes(copy, size);
    arena_init(&arena);
    bool believed = gpp_read(&arena, text, &gpp);
    ASSERT(believed == (gpp.fault == GPP_FINE) && (believed || !gpp.count));
    for (unsigned i = 0; i < gpp.count; i++) {
        ASSERT(i == 0 || gpp.sections[i].id > gpp.sections[i - 1].id);
        if (gpp.sections[i].us && !gpp.sections[i].fault)
            us_check(gpp.sections[i].us);
    }
    write_check(&arena, &gpp);
    for (unsigned id = 6; id <= 28; id++) {
        struct us_section us;
        if (!us_section_read(&arena, id, text, &us))
            us_check(&us);
    }
    struct consent_mode mode = {0};
    (void)consent_mode_gcs(text, &mode); /* any answer is fine */
    (void)consent_mode_gcd(text, &mode);
    for (unsigned i = 0; i < CONSENT_MODE_COUNT; i++)
        ASSERT(mode.states[i] <= MODE_UNREADABLE);
    enum signal_kind kind;
    (void)signal_guess(text, &kind); /* the same */
    arena_release(&arena);
    free(copy);
    return 0;
}

/* What the decoders say of each string on standard input, a line of JSON for a line: "tcf STRING", "tcfca STRING", "gpp STRING",
 * "may VENDOR PURPOSE consent|interest STRING". For the comparison with the reference encoders (run.mjs). */
#include "base/arena.h"
#include "signal/describe.h"

#include <stdio.h>
#include <stdlib.h>

static void may(struct arena *arena, str rest)
{
    str vendor, purpose, basis;
    int64_t vendor_id = 0, purpose_id = 0;
    struct tcf tcf;
    (void)str_split(&rest, ' ', &vendor); /* the test writes all parts */
    (void)str_split(&rest, ' ', &purpose);
    (void)str_split(&rest, ' ', &basis);
    (void)str_to_int64(vendor, &vendor_id);
    (void)str_to_int64(purpose, &purpose_id);
    (void)tcf_read(arena, rest, &tcf); /* a fault permits nothing */
    puts(tcf_vendor_may(&tcf, (unsigned)vendor_id, (unsigned)purpose_id, str_equal(basis, STR("consent"))) ? "true" : "false");
}

static void answer(struct arena *arena, str line)
{
    struct buf out;
    struct jsonw w;
    str kind;
    if (!str_split(&line, ' ', &kind))
        return;
    if (str_equal(kind, STR("may"))) {
        may(arena, line);
        return;
    }
    buf_init(&out, arena, 1 << 24);
    jsonw_init(&w, &out);
    if (str_equal(kind, STR("gpp"))) {
        struct gpp gpp;
        (void)gpp_read(arena, line, &gpp); /* the fault is written */
        gpp_write(&w, arena, &gpp);
    } else {
        struct tcf tcf;
        (void)(str_equal(kind, STR("tcf")) ? tcf_read : tcf_read_canada)(arena, line, &tcf);
        tcf_write(&w, arena, &tcf);
    }
    for (size_t i = 0; i < out.length; i++)
        if (out.data[i] == '\n')
            out.data[i] = ' ';
    printf("%.*s\n", STR_FMT(buf_str(&out)));
}

int main(void)
{
    struct arena arena;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    arena_init(&arena);
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        size_t size = (size_t)length - (line[length - 1] == '\n');
        char *copy = malloc(size ? size : 1); /* of its very size, so that the sanitizers see a read past its end */
        memcpy(copy, line, size);
        answer(&arena, str_bytes(copy, size));
        free(copy);
        arena_clear(&arena);
        fflush(stdout);
    }
    free(line);
    arena_release(&arena);
    return 0;
}

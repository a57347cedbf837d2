/* The progress bar on stderr; the contract is in output.h. */
#include "base/time.h"
#include "main/output.h"

#include <unistd.h>

enum { BAR_WIDTH = 24 };
#define DRAW_EACH_US (150 * 1000)
#define LINE_EACH_US (10 * 1000 * 1000)

void progress_begin(struct progress *progress, const char *label, const char *unit, uint64_t done)
{
    int64_t now_us = clock_monotonic_us();
    *progress = (struct progress){.label = label, .unit = unit, .terminal = isatty(STDERR_FILENO), .begun_us = now_us, .drawn_us = now_us, .begun_done = done};
}

/* "12.3 k/s", "840/s" */
static str rate_text(struct arena *arena, double rate, const char *unit)
{
    if (rate >= 1e6)
        return str_printf(arena, "%.1f M %s/s", rate / 1e6, unit);
    if (rate >= 1e4)
        return str_printf(arena, "%.1f k %s/s", rate / 1e3, unit);
    return str_printf(arena, "%.0f %s/s", rate, unit);
}

static void draw(struct progress *progress, struct arena *arena, uint64_t done, uint64_t all, uint64_t units, int64_t now_us)
{
    double seconds = (double)(now_us - progress->begun_us) / 1e6;
    str rate = rate_text(arena, seconds > 0 ? (double)units / seconds : 0, progress->unit);
    str count = output_number(arena, units);
    uint64_t here = done > progress->begun_done ? done - progress->begun_done : 0;
    str left = STR("");
    if (all > done && here)
        left = str_printf(arena, ", %.*s left", STR_FMT(output_span(arena, (int64_t)((double)(all - done) * seconds * 1000 / (double)here))));
    double part = all ? (double)(done < all ? done : all) / (double)all : 0;
    if (!progress->terminal) {
        if (all)
            (void)fprintf(stderr, "%s: %.0f %%, %.*s %s, %.*s%.*s\n", progress->label, part * 100, STR_FMT(count), progress->unit, STR_FMT(rate),
                          STR_FMT(left));
        else
            (void)fprintf(stderr, "%s: %.*s %s, %.*s\n", progress->label, STR_FMT(count), progress->unit, STR_FMT(rate));
        return;
    }
    (void)fprintf(stderr, "\r\033[K%s ", progress->label);
    if (all) {
        int full = (int)(part * BAR_WIDTH);
        for (int i = 0; i < BAR_WIDTH; i++)
            (void)fputs(i < full ? "█" : "░", stderr);
        (void)fprintf(stderr, " %3.0f %% ", part * 100);
    }
    (void)fprintf(stderr, "%.*s %s, %.*s%.*s", STR_FMT(count), progress->unit, STR_FMT(rate), STR_FMT(left));
    (void)fflush(stderr); /* only a picture */
    progress->shown = true;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t all, uint64_t units)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us - progress->drawn_us < (progress->terminal ? DRAW_EACH_US : LINE_EACH_US))
        return;
    struct arena arena;
    arena_init(&arena);
    draw(progress, &arena, done, all, units, now_us);
    progress->drawn_us = now_us;
    arena_release(&arena);
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        (void)fputs("\r\033[K", stderr);
    progress->shown = false;
}

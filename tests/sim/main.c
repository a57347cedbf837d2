/* sim: worlds from seeds, one after the other, until enough steps are done; a failure is made small and told.
 *
 *     sim [--steps N] [--seed S] [--only STEP,STEP… [--dump]] [--break FAULT] [--break-all] [--seeds FILE] [--list]
 */
#include "sim.h"

#include "fault.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORLD_STEPS = 600, SAME_EVERY = 25, SHRINK_RUNS = 3000, FAILURES_MAX = 5 };

struct options {
    uint64_t steps, seed;
    const char *fault, *seeds, *only;
    bool all_faults, dump;
};

/* --- one world */

struct run {
    uint64_t seed;
    uint32_t steps;
    const char *fault;
    const bool *left_out; /* by step; NULL: none */
    bool tracing, dumping;
    const char *looking; /* property, or NULL: all */
    /* out */
    const char *property; /* NULL: all held */
    uint32_t failed_step;
    char detail[2048];
    uint8_t digest[32];
};

static void run_world(struct run *run)
{
    struct world world;
    world_begin(&world, run->seed, run->fault);
    world.tracing = run->tracing;
    world.dumping = run->dumping;
    world.looking = run->looking;
    while (world.step < run->steps && !world.property) {
        if (run->left_out && run->left_out[world.step + 1])
            world.step++;
        else
            step_run(&world);
    }
    if (!world.property)
        check_everybody(&world);
    if (world.dumping && world.property)
        world_dump(&world, NULL, "at the failure");
    run->property = world.property;
    run->failed_step = world.step;
    memcpy(run->detail, world.detail, sizeof run->detail);
    if (!world.property)
        world_digest_all(&world, false, run->digest);
    vec_each (line, &world.trace)
        printf("%.*s\n", STR_FMT(*line));
    world_end(&world);
}

static bool still_fails(const struct run *found, const bool *left_out)
{
    struct run run = *found;
    run.left_out = left_out;
    run_world(&run);
    return run.property == found->property;
}

/* Leaves out steps, first many at once, as long as the same property fails. */
static void shrink(const struct run *found, bool *left_out)
{
    unsigned runs = 0;
    for (uint32_t size = found->steps / 2; size > 0; size /= 2)
        for (uint32_t from = 1; from <= found->steps; from += size) {
            bool *attempt = malloc(found->steps + 2);
            bool more = false;
            if (!attempt)
                abort();
            memcpy(attempt, left_out, found->steps + 2);
            for (uint32_t step = from; step < from + size && step < found->failed_step; step++) {
                more |= !attempt[step];
                attempt[step] = true;
            }
            if (more && runs++ < SHRINK_RUNS && still_fails(found, attempt))
                memcpy(left_out, attempt, found->steps + 2);
            free(attempt);
        }
}

static void tell(struct run *found)
{
    bool *left_out = calloc(found->steps + 2, 1);
    struct run last = *found;
    if (!left_out)
        abort();
    last.steps = found->steps = found->failed_step;
    if (isatty(1))
        printf("\r\033[K");
    printf("FAILED %s: seed %llu, step %u: %s\n", found->property, (unsigned long long)found->seed, found->failed_step, found->detail);
    if (still_fails(found, left_out))
        shrink(found, left_out);
    last.left_out = left_out;
    last.tracing = true;
    printf("The steps that are left:\n");
    run_world(&last);
    printf("        %s\nRepeat it:  build/tests/sim/sim --seed %llu --steps %u%s%s --only ", last.property ? last.detail : "(it did not fail again)",
           (unsigned long long)found->seed, found->steps, found->fault ? " --break " : "", found->fault ? found->fault : "");
    const char *comma = "";
    for (uint32_t step = 1; step <= found->steps; step++)
        if (!left_out[step]) {
            printf("%s%u", comma, step);
            comma = ",";
        }
    printf("\nThe whole:  build/tests/sim/sim --seed %llu --steps %u%s%s\n", (unsigned long long)found->seed, found->steps,
           found->fault ? " --break " : "", found->fault ? found->fault : "");
    free(left_out);
}

/* --- many worlds */

struct tally {
    const char *failed[FAILURES_MAX];
    size_t failed_count;
    uint64_t steps, worlds;
};

static bool failed_before(const struct tally *tally, const char *property)
{
    for (size_t i = 0; i < tally->failed_count; i++)
        if (tally->failed[i] == property)
            return true;
    return false;
}

static void world_done(struct tally *tally, struct run *run)
{
    if (run->property && !failed_before(tally, run->property)) {
        tally->failed[tally->failed_count++] = run->property;
        tell(run);
    }
    if (run->property || tally->worlds % SAME_EVERY)
        return;
    struct run again = *run; /* the core is a pure function: no clock, no dice */
    run_world(&again);
    property_checks[PROPERTY_SAME]++;
    if (memcmp(again.digest, run->digest, sizeof again.digest) != 0 && !failed_before(tally, property_names[PROPERTY_SAME])) {
        tally->failed[tally->failed_count++] = property_names[PROPERTY_SAME];
        printf("FAILED %s: seed %llu, %u steps\n", property_names[PROPERTY_SAME], (unsigned long long)run->seed, run->steps);
    }
}

static void worlds_run(const struct options *options, struct tally *tally)
{
    int64_t started_us = clock_monotonic_us();
    while (tally->steps < options->steps && tally->failed_count < FAILURES_MAX) {
        uint64_t left = options->steps - tally->steps;
        struct run run = {.seed = options->seed + tally->worlds, .steps = left < WORLD_STEPS ? (uint32_t)left : WORLD_STEPS, .fault = options->fault};
        run_world(&run);
        world_done(tally, &run);
        tally->steps += run.steps;
        tally->worlds++;
        if (isatty(1) && tally->worlds % 20 == 0) {
            double seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
            printf("\r%llu of %llu steps, %llu worlds, %.0f steps/s\033[K", (unsigned long long)tally->steps, (unsigned long long)options->steps,
                   (unsigned long long)tally->worlds, (double)tally->steps / seconds);
            (void)fflush(stdout); /* only progress */
        }
    }
    double seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
    printf("%s%llu steps in %llu worlds from seed %llu, %.1f s\n", isatty(1) ? "\r\033[K" : "", (unsigned long long)tally->steps,
           (unsigned long long)tally->worlds, (unsigned long long)options->seed, seconds);
}

static int summary(const struct options *options, const struct tally *tally)
{
    size_t failed = tally->failed_count, passed = 0;
    for (size_t i = 0; i < PROPERTY_COUNT; i++) {
        bool bad = failed_before(tally, property_names[i]);
        if (!bad && !property_checks[i] && options->steps >= 100000) { /* what is never looked at is not known to hold */
            printf("FAILED %s: never looked at\n", property_names[i]);
            failed++;
            continue;
        }
        passed += !bad;
        printf("  %-52s %12llu checks%s\n", property_names[i], (unsigned long long)property_checks[i], bad ? "  FAILED" : "");
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed ? 1 : 0;
}

/* --- only some steps of one world */

static int only_run(const struct options *options)
{
    bool *left_out = malloc(options->steps + 2);
    str rest = str_of(options->only), part;
    int64_t step;
    if (!left_out)
        abort();
    memset(left_out, 1, options->steps + 2);
    while (str_split(&rest, ',', &part))
        if (str_to_int64(part, &step) && step > 0 && (uint64_t)step <= options->steps)
            left_out[step] = false;
    struct run run = {.seed = options->seed, .steps = (uint32_t)options->steps, .fault = options->fault, .left_out = left_out, .tracing = true, .dumping = options->dump};
    run_world(&run);
    if (run.property)
        printf("FAILED %s, step %u: %s\n", run.property, run.failed_step, run.detail);
    printf("%d passed, %d failed\n", !run.property, run.property != NULL);
    free(left_out);
    return run.property ? 1 : 0;
}

/* --- each planted fault is found */

static bool fault_found(const struct options *options, const struct fault *fault)
{
    uint64_t steps = 0;
    for (uint64_t world = 0; steps < options->steps; world++, steps += WORLD_STEPS) {
        struct run run = {.seed = options->seed + world, .steps = WORLD_STEPS, .fault = fault->name, .looking = property_names[fault->property]}, again;
        run_world(&run);
        again = run;
        bool dice = fault->property == PROPERTY_SAME;
        if (dice)
            run_world(&again);
        if (!run.property && (!dice || !memcmp(run.digest, again.digest, sizeof run.digest)))
            continue;
        printf("  %-18s found after %6llu steps by %s\n", fault->name, (unsigned long long)steps + run.failed_step, property_names[fault->property]);
        return true;
    }
    printf("  %-18s NOT found by %s in %llu steps\n", fault->name, property_names[fault->property], (unsigned long long)steps);
    return false;
}

static int faults_run(const struct options *options)
{
    size_t found = 0;
    for (size_t i = 0; i < fault_count; i++) {
        found += fault_found(options, &faults[i]);
        (void)fflush(stdout); /* what is told stays told, should the next one crash */
    }
    printf("%zu passed, %zu failed\n", found, fault_count - found);
    return found == fault_count ? 0 : 1;
}

/* --- seeds that once failed: "seed steps what was found", a line each */

static int seeds_run(const struct options *options)
{
    char line[1024];
    size_t passed = 0, failed = 0;
    FILE *file = fopen(options->seeds, "re");
    if (!file) {
        fprintf(stderr, "sim: cannot open %s\n", options->seeds);
        return 2;
    }
    while (fgets(line, sizeof line, file)) {
        unsigned long long seed;
        unsigned steps;
        if (line[0] == '#' || sscanf(line, "%llu %u", &seed, &steps) != 2)
            continue;
        struct run run = {.seed = seed, .steps = steps};
        run_world(&run);
        passed += !run.property;
        failed += run.property != NULL;
        if (run.property)
            printf("FAILED again: %s  %s, step %u: %s\n", line, run.property, run.failed_step, run.detail);
    }
    (void)fclose(file); /* only read */
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed ? 1 : 0;
}

static bool number_read(const char *text, uint64_t *ret_number)
{
    int64_t number;
    if (!text || !str_to_int64(str_of(text), &number) || number < 0)
        return false;
    *ret_number = (uint64_t)number;
    return true;
}

static bool options_read(int count, char **arguments, struct options *options)
{
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (!strcmp(name, "--break-all")) {
            options->all_faults = true;
            continue;
        }
        if (!strcmp(name, "--dump")) {
            options->dump = true;
            continue;
        }
        if (!strcmp(name, "--list")) {
            for (size_t j = 0; j < fault_count; j++)
                printf("%-18s %s\n", faults[j].name, faults[j].what);
            exit(0);
        }
        i++;
        if (!strcmp(name, "--steps") && number_read(value, &options->steps))
            continue;
        if (!strcmp(name, "--seed") && number_read(value, &options->seed))
            continue;
        if (value && !strcmp(name, "--only"))
            options->only = value;
        else if (value && !strcmp(name, "--break"))
            options->fault = value;
        else if (value && !strcmp(name, "--seeds"))
            options->seeds = value;
        else
            return false;
    }
    return true;
}

int main(int count, char **arguments)
{
    static const uint8_t hash_key[16] = "telos simulation";
    struct options options = {.steps = 3000000, .seed = (uint64_t)(clock_now_ms() % 1000000000) * 1000};
    struct tally tally = {0};
    if (!options_read(count, arguments, &options)) {
        fprintf(stderr, "usage: sim [--steps N] [--seed S] [--only STEP,STEP… [--dump]] [--break FAULT] [--break-all] [--seeds FILE] [--list]\n");
        return 2;
    }
    map_hash_seed(hash_key);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 28); /* arenas come and go: without going back to the system each time */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 28);
    if (options.seeds)
        return seeds_run(&options);
    if (options.only)
        return only_run(&options);
    if (options.all_faults)
        return faults_run(&options);
    worlds_run(&options, &tally);
    return summary(&options, &tally);
}

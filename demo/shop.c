/* Several weeks of the shop's life, day by day: what each customer does on each channel, and what she says about her data. All of it goes in
 * through the public API in the order in which it happened; each thread has customers of its own, so the same seed gives the same
 * lives however many threads there are. */
#include "demo.h"
#include "life.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct shop {
    const struct shop_options *options;
    int64_t opened_ms;
    atomic_uint days_done;
    atomic_ullong messages, statements;
};
struct clerk { /* one thread */
    struct shop *shop;
    unsigned number;
    pthread_t thread;
    struct sender sender;
    bool started;
};

static volatile int stop_wanted;
static void on_signal(int signal)
{
    (void)signal;
    stop_wanted = 1;
}

static void *clerk_work(void *context)
{
    struct clerk *clerk = context;
    struct shop *shop = clerk->shop;
    const struct shop_options *options = shop->options;
    uint64_t told_messages = 0, told_statements = 0;
    for (unsigned day = 0; day < options->days && !stop_wanted && !clerk->sender.stopped; day++) {
        for (unsigned i = clerk->number; i < options->people && !stop_wanted && !clerk->sender.stopped; i += options->connections) {
            struct customer customer;
            customer_make(options->seed, i, options->days, &customer);
            struct life life = {.sender = &clerk->sender, .customer = &customer, .day = day, .day_ms = shop->opened_ms + day * DAY_MS,
                                .chance = chance_of(options->seed, i, day + 1), .seed = options->seed};
            life_day(&life);
            atomic_fetch_add(&shop->messages, clerk->sender.messages - told_messages);
            atomic_fetch_add(&shop->statements, clerk->sender.statements - told_statements);
            told_messages = clerk->sender.messages;
            told_statements = clerk->sender.statements;
        }
        atomic_fetch_add(&shop->days_done, 1);
    }
    send_flush(&clerk->sender);
    atomic_fetch_add(&shop->messages, clerk->sender.messages - told_messages);
    return NULL;
}

static void progress_show(struct shop *shop, int64_t begun_us, bool last)
{
    unsigned all = shop->options->days * shop->options->connections, done = atomic_load(&shop->days_done);
    double seconds = (double)(clock_monotonic_us() - begun_us) / 1e6;
    unsigned long long messages = atomic_load(&shop->messages);
    if (!isatty(STDERR_FILENO) && !last)
        return;
    char bar[31];
    for (unsigned i = 0; i < 30; i++)
        bar[i] = i < 30 * done / (all ? all : 1) ? '#' : '.';
    bar[30] = 0;
    fprintf(stderr, "%s[%s] %3u%%  %llu messages, %llu statements, %.0f messages/s%s", isatty(STDERR_FILENO) ? "\r\033[K" : "", bar,
            all ? 100 * done / all : 100, messages, (unsigned long long)atomic_load(&shop->statements), seconds > 0 ? (double)messages / seconds : 0,
            last ? "\n" : "");
}

static void progress_until_done(struct shop *shop, const struct clerk *clerks, int64_t begun_us)
{
    unsigned all = shop->options->days * shop->options->connections;
    for (;;) {
        bool over = stop_wanted || atomic_load(&shop->days_done) >= all;
        for (unsigned i = 0; i < shop->options->connections; i++)
            over |= clerks[i].sender.stopped;
        if (over)
            return;
        progress_show(shop, begun_us, false);
        usleep(200 * 1000);
    }
}

static int figures_show(const struct shop *shop, const struct clerk *clerks, int64_t begun_us)
{
    uint64_t failures = 0, retried = 0, bytes = 0, requests = 0;
    bool gave_up = false;
    for (unsigned i = 0; i < shop->options->connections; i++) {
        failures += clerks[i].sender.failures;
        retried += clerks[i].sender.retried;
        bytes += clerks[i].sender.bytes;
        requests += clerks[i].sender.requests;
        gave_up |= clerks[i].sender.stopped;
    }
    if (shop->options->json)
        printf("{\"messages\":%llu,\"statements\":%llu,\"requests\":%llu,\"bytes\":%llu,\"refused\":%llu,\"retried\":%llu,\"seconds\":%.3f}\n",
               (unsigned long long)atomic_load(&shop->messages), (unsigned long long)atomic_load(&shop->statements), (unsigned long long)requests,
               (unsigned long long)bytes, (unsigned long long)failures, (unsigned long long)retried, (double)(clock_monotonic_us() - begun_us) / 1e6);
    if (failures)
        fprintf(stderr, "telos-demo: %llu requests were refused\n", (unsigned long long)failures);
    if (gave_up && !stop_wanted)
        fprintf(stderr, "telos-demo: the server does not answer any more\n");
    return gave_up ? 3 : failures || stop_wanted ? 1 : 0;
}

int shop_run(const struct shop_options *options)
{
    struct shop shop = {.options = options};
    shop.opened_ms = (clock_now_ms() / DAY_MS - (int64_t)options->days) * DAY_MS; /* the last day is yesterday */
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct clerk *clerks = calloc(options->connections, sizeof *clerks);
    if (!clerks)
        return 3;
    int64_t begun_us = clock_monotonic_us();
    for (unsigned i = 0; i < options->connections; i++) {
        clerks[i] = (struct clerk){.shop = &shop, .number = i};
        if (!sender_init(&clerks[i].sender, options->server, options->token, &stop_wanted))
            return 2;
        clerks[i].started = pthread_create(&clerks[i].thread, NULL, clerk_work, &clerks[i]) == 0;
        if (!clerks[i].started)
            clerks[i].sender.stopped = true;
    }
    progress_until_done(&shop, clerks, begun_us);
    for (unsigned i = 0; i < options->connections; i++)
        if (clerks[i].started)
            pthread_join(clerks[i].thread, NULL);
    progress_show(&shop, begun_us, true);
    int status = figures_show(&shop, clerks, begun_us);
    for (unsigned i = 0; i < options->connections; i++)
        sender_release(&clerks[i].sender);
    free(clerks);
    return status;
}

/* A file of events for the import bench: a message a line as in the Segment HTTP API, of a seeded random walk, so that the same words make the same file.
 *
 *     bench/ndjson FILE MEGABYTES [--people N] [--seed N]
 *
 * Each person is identified once, with e-mail, name and city, before the first of her events; the rest are track messages of some 600 bytes. Prints one
 * JSON line. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 2048, FIRST_DAY = 1, DAYS = 300 };

static uint64_t state;

static unsigned long long chance(unsigned long long below)
{
    state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static const char *const cities[] = {"Budapest", "Szeged", "Pécs", "Győr", "Debrecen", "Eger", "Sopron", "Miskolc"};
static const char *const events[] = {"Product Viewed", "Product Added", "Checkout Started", "Order Completed", "Coupon Entered"};

/* A day of 2026 and a time on it; events come in the order of the file. */
static void time_text(char to[32], double share)
{
    unsigned day = (unsigned)(share * DAYS), seconds = (unsigned)chance(86400);
    (void)snprintf(to, 32, "2026-%02u-%02uT%02u:%02u:%02u.000Z", day / 30 + 1, day % 28 + FIRST_DAY, seconds / 3600, seconds / 60 % 60, seconds % 60);
}

static int identify(char *line, unsigned long long person, const char *at)
{
    return snprintf(line, LINE_MAX_BYTES,
                    "{\"type\":\"identify\",\"messageId\":\"i-%llu\",\"userId\":\"person-%llu\",\"anonymousId\":\"browser-%llu\",\"timestamp\":\"%s\",\"traits\":{\"email\":"
                    "\"person%llu@example.com\",\"name\":\"Person %llu\",\"city\":\"%s\",\"plan\":\"%s\"}}\n",
                    person, person, person, at, person, person, cities[chance(8)], chance(4) ? "basic" : "gold");
}

static int track(char *line, unsigned long long number, unsigned long long person, const char *at)
{
    unsigned long long product = chance(5000), price = 990 + 100 * chance(3000);
    return snprintf(line, LINE_MAX_BYTES,
                    "{\"type\":\"track\",\"messageId\":\"t-%llu\",\"userId\":\"person-%llu\",\"event\":\"%s\",\"timestamp\":\"%s\",\"properties\":{\"product_id\":\"SKU-%llu\","
                    "\"name\":\"City bike %llu, with mudguards and lights\",\"category\":\"bikes\",\"brand\":\"Duna\",\"price\":%llu,\"quantity\":%llu,\"currency\":\"HUF\",\"url\":"
                    "\"https://shop.example/p/%llu\",\"image_url\":\"https://shop.example/i/%llu.jpg\"},\"context\":{\"locale\":\"hu-HU\",\"page\":{\"path\":\"/p/%llu\",\"title\":"
                    "\"City bike %llu\",\"referrer\":\"https://search.example/\"},\"library\":{\"name\":\"history\",\"version\":\"1\"}}}\n",
                    number, person, events[chance(5)], at, product, product % 28, price, 1 + chance(3), product, product, product, product % 28);
}

int main(int count, char **words)
{
    unsigned long long people = 100000, megabytes, lines = 0, bytes = 0, known = 0;
    state = 1;
    if (count < 3) {
        fprintf(stderr, "usage: ndjson FILE MEGABYTES [--people N] [--seed N]\n");
        return 2;
    }
    megabytes = strtoull(words[2], NULL, 10);
    for (int i = 3; i + 1 < count; i += 2)
        if (strcmp(words[i], "--people") == 0)
            people = strtoull(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--seed") == 0)
            state = strtoull(words[i + 1], NULL, 10);
    FILE *file = fopen(words[1], "w");
    if (!file || !people || !megabytes) {
        perror(words[1]);
        return 1;
    }
    while (bytes < megabytes * 1000000) {
        char line[LINE_MAX_BYTES], at[32];
        time_text(at, (double)bytes / (double)(megabytes * 1000000));
        bool fresh = known < people && (known == 0 || chance(4) == 0); /* people come while the others are at it */
        int length = fresh ? identify(line, known++, at) : track(line, lines, chance(known), at);
        if (length <= 0 || length >= LINE_MAX_BYTES || fwrite(line, 1, (size_t)length, file) != (size_t)length) {
            perror(words[1]);
            return 1;
        }
        bytes += (unsigned long long)length;
        lines++;
    }
    if (fclose(file) != 0) {
        perror(words[1]);
        return 1;
    }
    printf("{\"lines\":%llu,\"bytes\":%llu,\"people\":%llu}\n", lines, bytes, known);
    return 0;
}

#include "demo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "telos-demo: the demo shop \"Duna Bolt\"\n"
    "\n"
    "  telos-demo shop --server http://127.0.0.1:8480 [--people 600] [--days 42] [--connections 4] [--seed 1] [--json]\n"
    "      lives the customers' lives through the public API; write keys in DUNA_*_KEY, the API token in TELOS_TOKEN\n"
    "  telos-demo systems [--listen 127.0.0.1:8490] [--server http://127.0.0.1:8480]\n"
    "      the systems that the shop's data goes to; GET / shows what came, /shop (or /shop/en) is a page with the consent banner\n";

static bool number(const char *text, unsigned max, unsigned *ret_value)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || value > max)
        return false;
    *ret_value = (unsigned)value;
    return true;
}

int main(int count, char **words)
{
    struct shop_options options = {.server = "http://127.0.0.1:8480", .token = getenv("TELOS_TOKEN"), .people = 600, .days = 42, .connections = 4};
    unsigned seed = 1, port = 8490;
    bool ok = count > 1;
    for (int i = 2; i < count && ok; i++) {
        const char *name = words[i], *value = i + 1 < count ? words[i + 1] : "";
        if (strcmp(name, "--json") == 0) {
            options.json = true;
            continue;
        }
        i++;
        if (strcmp(name, "--server") == 0)
            options.server = value;
        else if (strcmp(name, "--people") == 0)
            ok = number(value, 10000000, &options.people);
        else if (strcmp(name, "--days") == 0)
            ok = number(value, 366, &options.days) && options.days > 0;
        else if (strcmp(name, "--connections") == 0)
            ok = number(value, 256, &options.connections) && options.connections > 0;
        else if (strcmp(name, "--seed") == 0)
            ok = number(value, 4000000000u, &seed);
        else if (strcmp(name, "--listen") == 0)
            ok = strrchr(value, ':') && number(strrchr(value, ':') + 1, 65535, &port);
        else
            ok = false;
    }
    options.seed = seed;
    if (ok && strcmp(words[1], "shop") == 0)
        return shop_run(&options);
    if (ok && strcmp(words[1], "systems") == 0)
        return systems_run(port, options.server);
    fputs(usage, count > 1 && strcmp(words[1], "--help") == 0 ? stdout : stderr);
    return count > 1 && strcmp(words[1], "--help") == 0 ? 0 : 2;
}

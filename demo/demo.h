/* The demo shop "Duna Bolt": its customers' life (shop.c), and the systems that serve them (systems.c). */
#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

#include <stdbool.h>
#include <stdint.h>

struct shop_options {
    const char *server, *token;
    uint64_t seed;
    unsigned people, days, connections;
    bool json; /* the closing figures as JSON */
};
/* Exit status. */
int shop_run(const struct shop_options *options);
int systems_run(unsigned port, const char *server);
/* The shop's page with the banner of `server` on it (page.c), malloc'ed; NULL where address or key are not what they should be. */
char *page_make(const char *server, const char *key, const char *language);

#endif

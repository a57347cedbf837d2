/* Failed sign-ins, counted by name and by address for LIMIT_LOGIN_WINDOW_S; past their bounds nobody is asked for a password any more.
 *
 * 1. An attempt is counted before the password is looked at, and taken back when it was right: many at once do not slip through.
 * 2. A name counts whether there is such a user or not: what comes back tells nothing.
 * 3. Of names and addresses only keyed hashes are kept, LIMIT_LOGIN_PLACES of them; the one that began longest ago makes room.
 */
#include "server/server_private.h"

#include "evidence/seal.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/socket.h>

void throttle_open(struct throttle *throttle)
{
    pthread_mutex_init(&throttle->lock, NULL);
    randombytes_buf(throttle->secret, sizeof throttle->secret);
    throttle->places = calloc(LIMIT_LOGIN_PLACES, sizeof *throttle->places);
    ASSERT(throttle->places);
}

void throttle_close(struct throttle *throttle)
{
    if (!throttle->places)
        return;
    free(throttle->places);
    throttle->places = NULL;
    pthread_mutex_destroy(&throttle->lock);
}

/* ---- whose it is ---- */

/* IPv6 by its /64: whoever has one address there has all of them. */
static str network_of(struct arena *arena, const struct sockaddr *address)
{
    if (!address)
        return STR_NONE;
    if (address->sa_family == AF_INET)
        return str_copy(arena, str_bytes(&((const struct sockaddr_in *)(const void *)address)->sin_addr, 4));
    if (address->sa_family != AF_INET6)
        return STR_NONE;
    const struct in6_addr *long_one = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(long_one))
        return str_copy(arena, str_bytes(long_one->s6_addr + 12, 4));
    return str_copy(arena, str_bytes(long_one->s6_addr, 8));
}

static str network_of_text(struct arena *arena, str text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const char *address = str_z(arena, str_trim(text));
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return network_of(arena, (const struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1)
        return network_of(arena, (const struct sockaddr *)&v6);
    return STR_NONE;
}

static str network(struct call *call)
{
    if (call->server->behind_proxy) { /* the last one is what our own proxy saw */
        str rest = call_header(call, "X-Forwarded-For"), part, last = STR_NONE;
        while (!str_empty(rest) && str_split(&rest, ',', &part))
            last = part;
        str seen = network_of_text(&call->arena, last);
        if (!str_empty(seen))
            return seen;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return call->local || !info ? STR_NONE : network_of(&call->arena, info->client_addr);
}

/* ---- counting ---- */

static struct throttle_place *place_find(struct throttle *throttle, const uint8_t key[16], int64_t now_ms)
{
    struct throttle_place *oldest = &throttle->places[0];
    for (size_t i = 0; i < LIMIT_LOGIN_PLACES; i++) {
        struct throttle_place *place = &throttle->places[i];
        if (memcmp(place->key, key, sizeof place->key) == 0) {
            if (place->since_ms + LIMIT_LOGIN_WINDOW_S * SECOND_MS <= now_ms)
                *place = (struct throttle_place){.since_ms = now_ms};
            memcpy(place->key, key, sizeof place->key);
            return place;
        }
        if (place->since_ms < oldest->since_ms)
            oldest = place;
    }
    *oldest = (struct throttle_place){.since_ms = now_ms};
    memcpy(oldest->key, key, sizeof oldest->key);
    return oldest;
}

struct charge {
    str kind, who;
    uint32_t most;
};

static size_t charges_of(struct call *call, str name, struct charge ret_charges[2])
{
    size_t count = 0;
    str from = network(call), trimmed = str_lower_ascii(&call->arena, str_trim(name));
    if (!str_empty(trimmed))
        ret_charges[count++] = (struct charge){STR("name"), trimmed, LIMIT_LOGIN_USER_FAILURES};
    if (!str_empty(from))
        ret_charges[count++] = (struct charge){STR("address"), from, LIMIT_LOGIN_ADDRESS_FAILURES};
    return count;
}

const struct err *throttle_charge(struct call *call, str name)
{
    struct throttle *throttle = &call->server->throttle;
    struct throttle_place *places[2];
    struct charge charges[2];
    size_t count = charges_of(call, name, charges);
    int64_t now_ms = clock_now_ms(), wait_ms = 0;
    pthread_mutex_lock(&throttle->lock);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[16];
        keyed_hash(throttle->secret, charges[i].kind, charges[i].who, key);
        places[i] = place_find(throttle, key, now_ms);
        int64_t left_ms = places[i]->since_ms + LIMIT_LOGIN_WINDOW_S * SECOND_MS - now_ms;
        if (places[i]->failures >= charges[i].most && left_ms > wait_ms)
            wait_ms = left_ms;
    }
    for (size_t i = 0; i < count && !wait_ms; i++)
        places[i]->failures++;
    pthread_mutex_unlock(&throttle->lock);
    if (!wait_ms)
        return NULL;
    long long seconds = (wait_ms + SECOND_MS - 1) / SECOND_MS;
    call->retry_after = arena_printf(&call->arena, "%lld", seconds);
    return err_new(&call->arena, ERR_TOO_MANY, "too many sign-ins have failed; try again in %lld seconds", seconds);
}

void throttle_good(struct call *call, str name)
{
    struct throttle *throttle = &call->server->throttle;
    struct charge charges[2];
    size_t count = charges_of(call, name, charges);
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&throttle->lock);
    for (size_t i = 0; i < count; i++) {
        uint8_t key[16];
        keyed_hash(throttle->secret, charges[i].kind, charges[i].who, key);
        struct throttle_place *place = place_find(throttle, key, now_ms);
        if (str_equal(charges[i].kind, STR("name")))
            place->failures = 0;
        else if (place->failures)
            place->failures--;
    }
    pthread_mutex_unlock(&throttle->lock);
}

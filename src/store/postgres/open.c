/* Opening: the address, sessions, what the store knows of itself. */
#include "store/postgres/postgres.h"
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include <stdlib.h>

bool store_postgres_is(str address) { return str_starts(address, STR("postgres://")) || str_starts(address, STR("postgresql://")); }

/* An address is seen by others (in a list of processes, in logs): so a password in it is refused. */
static const struct err *place_find(struct arena *arena, const char *uri, const char **ret_place)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(uri, &message);
    const char *host = "", *name = "";
    bool password = false;
    if (!options) {
        PQfreemem(message);
        return err_new(arena, ERR_INVALID, "the address of PostgreSQL cannot be read; it looks like postgres://USER@HOST:PORT/DATABASE");
    }
    for (const PQconninfoOption *option = options; option->keyword; option++) {
        if (!option->val || !*option->val)
            continue;
        if (strcmp(option->keyword, "host") == 0)
            host = str_z(arena, str_of(option->val));
        else if (strcmp(option->keyword, "dbname") == 0)
            name = str_z(arena, str_of(option->val));
        password = password || strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0;
    }
    PQconninfoFree(options);
    if (password)
        return err_new(arena, ERR_INVALID, "no password in the address, please: others can see it. Put it into a file that PGPASSFILE names (mode 0600, "
                                           "HOST:PORT:DATABASE:USER:PASSWORD), or into a service file.");
    *ret_place = arena_printf(arena, "PostgreSQL%s%s%s%s", *host ? " at " : "", host, *name ? ", database " : "", name);
    return NULL;
}

static const struct err *postgres_session(struct store *base, struct arena *arena, bool writes, struct store_session **ret_session)
{
    struct store_postgres *store = (struct store_postgres *)base;
    pthread_mutex_lock(&store->lock);
    bool taken = writes && store->writing;
    store->writing = store->writing || writes;
    pthread_mutex_unlock(&store->lock);
    if (taken)
        return err_new(arena, ERR_CONFLICT, "The store has a writing session already.");
    struct postgres_session *session = calloc(1, sizeof *session);
    ASSERT(session);
    session->store = store;
    session->writes = writes;
    *ret_session = (struct store_session *)session; /* connects when it is first used */
    return NULL;
}

static void postgres_session_close(struct store_session *store_session)
{
    struct postgres_session *session = session_of(store_session);
    if (!session)
        return;
    pthread_mutex_lock(&session->store->lock);
    if (session->writes)
        session->store->writing = false;
    pthread_mutex_unlock(&session->store->lock);
    session_disconnect(session);
    free(session);
}

static void postgres_close(struct store *base)
{
    struct store_postgres *store = (struct store_postgres *)base;
    if (!store)
        return;
    arena_release(&store->arena);
    pthread_mutex_destroy(&store->lock);
    free(store->uri);
    free(store->place);
    free(store);
}

static const struct err *postgres_tidy(struct store_session *session, struct arena *arena, bool *ret_more)
{
    (void)session;
    (void)arena;
    *ret_more = false; /* PostgreSQL keeps its own house (autovacuum, checkpoints) */
    return NULL;
}

static const struct err *postgres_backup(struct store_session *session, struct arena *arena, const char *directory,
                                         void (*progress)(void *context, uint64_t done, uint64_t all), void *context)
{
    (void)progress, (void)context;
    return err_new(arena, ERR_CONFLICT, "%s is not copied by Telos to %s: use pg_basebackup or pg_dump, and keep the data folder (its keys) with the copy.",
                   session_of(session)->store->place, directory);
}

const struct store_ops postgres_ops = {
    .name = "postgres", .session = postgres_session, .session_close = postgres_session_close, .load = postgres_load, .save = postgres_save,
    .totals = postgres_totals, .events = postgres_events, .event = postgres_event, .batches = postgres_batches, .ledger = postgres_ledger,
    .tile = postgres_tile, .deliveries = postgres_deliveries, .delivery = postgres_delivery, .destination_counts = postgres_destination_counts,
    .due = postgres_due, .profiles = postgres_profiles, .profile_by_id = postgres_profile_by_id, .reads = postgres_reads, .decisions = postgres_decisions, .tokens = postgres_tokens, .users = postgres_users, .sessions = postgres_sessions,
    .policies = postgres_policies, .policy = postgres_policy, .counters = postgres_counters, .consent = postgres_consent, .right = postgres_right,
    .rights = postgres_rights, .setting = postgres_setting, .settings = postgres_settings, .purposes_in_use = postgres_purposes_in_use, .tidy = postgres_tidy,
    .backup = postgres_backup, .close = postgres_close, .head = postgres_head, .turn = postgres_turn, .turn_back = postgres_turn_back,
};

const struct err *store_postgres_make(struct arena *arena, const char *uri, struct store **ret_store)
{
    const char *place = NULL;
    TRY(place_find(arena, uri, &place));
    struct store_postgres *store = calloc(1, sizeof *store);
    ASSERT(store);
    store->base = (struct store){.ops = &postgres_ops, .shared = true};
    pthread_mutex_init(&store->lock, NULL);
    arena_init(&store->arena);
    store->uri = strdup(uri);
    store->place = strdup(place);
    ASSERT(store->uri && store->place);
    *ret_store = &store->base;
    return NULL;
}

const struct err *store_postgres_open(struct arena *arena, const char *uri, struct store **ret_store)
{
    struct store *store = NULL;
    TRY(store_postgres_make(arena, uri, &store));
    const struct err *err = schema_check(arena, (struct store_postgres *)store);
    if (err) {
        postgres_close(store);
        return err;
    }
    *ret_store = store;
    return NULL;
}

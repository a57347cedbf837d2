/* `telos migrate`: the layout of a PostgreSQL database, the role that works on it, and everything of a data directory into it. */
#include "main/commands.h"

#include "engine/engine.h"
#include "main/file.h"
#include "store/copy.h"
#include "store/postgres/postgres.h"

#include <unistd.h>

struct migration {
    struct run *run;
    const char *target;
    struct progress progress;
};

static void copied(void *context, uint64_t done, uint64_t all)
{
    struct migration *migration = context;
    progress_show(&migration->progress, done, all, done);
}
static void checked(void *context, uint64_t done, uint64_t all) { copied(context, done, all); }

/* ---- layout, role, Citus ---- */

static enum status layout(struct migration *migration)
{
    struct run *run = migration->run;
    struct postgres_migrated migrated = {0};
    const struct err *error = store_postgres_migrate(run->arena, migration->target, &migrated);
    if (error)
        return run_fail(run, error);
    bool citus_new = false;
    if (run_has(run, "--citus")) {
        if (!migrated.citus)
            return run_fail(run, err_new(run->arena, ERR_CONFLICT, "the database has no Citus: CREATE EXTENSION citus first"));
        error = store_postgres_distribute(run->arena, migration->target, &citus_new);
        if (error)
            return run_fail(run, error);
    }
    if (run->out.json)
        return STATUS_DONE;
    if (migrated.from == migrated.to)
        output_text(&run->out, "the layout is up to date (version %d)\n", migrated.to);
    else
        output_text(&run->out, "the layout is now of version %d (was %d)\n", migrated.to, migrated.from);
    output_text(&run->out, "%s\n",
                migrated.granted ? "the role telos_app may work on it: grant it to the user that nodes connect as"
                                 : "there is no role telos_app, and this user may not make roles: nodes connect as this user");
    if (run_has(run, "--citus"))
        output_text(&run->out, "%s\n", citus_new ? "the tables are distributed" : "the tables were distributed already");
    return STATUS_DONE;
}

/* ---- a data directory ---- */

static const struct err *engine_of(struct migration *migration, const char *data, const char *store, struct engine **ret_engine)
{
    struct engine_options options = {
        .data = data,
        .master_key_file = config_get(&migration->run->config, SETTING_MASTER_KEY_FILE),
        .store = store,
        .vault = config_get(&migration->run->config, SETTING_VAULT),
    };
    return engine_open(migration->run->arena, &options, ret_engine);
}

static const struct err *copy_from(struct migration *migration, struct engine *engine, struct store_copied *ret_copied)
{
    struct arena *arena = migration->run->arena;
    struct reader *reader = NULL;
    struct store *to = NULL;
    TRY(store_postgres_open(arena, migration->target, &to));
    const struct err *error = engine_reader(engine, &reader);
    if (!error) {
        progress_begin(&migration->progress, "Copying", "rows", 0);
        error = store_copy(arena, engine_store(engine), reader_session(reader), to, copied, migration, ret_copied);
        progress_end(&migration->progress);
        engine_reader_close(reader);
    }
    to->ops->close(to);
    return error;
}

static void finding_take(void *context, const struct audit_finding *finding)
{
    const struct migration *migration = context;
    output_complain("%s  %.*s: %.*s", finding->promise, STR_FMT(finding->where), STR_FMT(finding->what));
    (void)migration;
}

/* What was copied is opened as a node would: the same tree head, and P1 to P7 hold. */
static const struct err *verify(struct migration *migration, const char *data, str note)
{
    struct arena *arena = migration->run->arena;
    struct engine *engine = NULL;
    struct reader *reader = NULL;
    str other = STR_NONE;
    uint64_t violations = 0;
    TRY(engine_of(migration, data, migration->target, &engine));
    const struct err *error = engine_checkpoint(engine, arena, &other);
    if (!error && !str_equal(note, other))
        error = err_new(arena, ERR_CONFLICT, "the ledger of the copy has another root");
    if (!error)
        error = engine_reader(engine, &reader);
    if (!error) {
        progress_begin(&migration->progress, "Checking P1 to P7", "rows", 0);
        error = engine_audit(engine, reader, arena, finding_take, checked, migration, &violations);
        progress_end(&migration->progress);
        engine_reader_close(reader);
    }
    if (!error && violations)
        error = err_new(arena, ERR_CONFLICT, "the audit of the copy finds %llu violations", (unsigned long long)violations);
    engine_close(engine);
    return error;
}

static const struct err *copy_checked(struct migration *migration, const char *data, struct store_copied *ret_copied, str *ret_note)
{
    struct arena *arena = migration->run->arena;
    struct engine *engine = NULL;
    TRY(engine_of(migration, data, "sqlite", &engine));
    const struct err *error = engine_checkpoint(engine, arena, ret_note);
    if (!error)
        error = copy_from(migration, engine, ret_copied);
    engine_close(engine);
    TRY(error);
    if (!ret_copied->leaves_same)
        return err_new(arena, ERR_CONFLICT, "the leaves of the ledger differ; nothing can be served from this copy");
    if (!store_totals_equal(&ret_copied->from, &ret_copied->to))
        return err_new(arena, ERR_CONFLICT, "the numbers of rows differ; nothing can be served from this copy");
    return verify(migration, data, *ret_note);
}

static enum status content(struct migration *migration, const char *data)
{
    struct run *run = migration->run;
    struct store_copied result = {0};
    str note = STR_NONE;
    if (access(arena_printf(run->arena, "%s/telos.db", data), F_OK) != 0)
        return run_fail(run, err_new(run->arena, ERR_NOT_FOUND, "there is no telos.db in %s", data));
    const struct err *error = copy_checked(migration, data, &result, &note);
    if (error)
        return run_fail(run, error);
    if (run->out.json) {
        struct buf text;
        struct jsonw w;
        body_begin(run, &text, &w);
        body_add(&w, "data", data);
        jsonw_field_int(&w, "profiles", (int64_t)result.to.profiles);
        jsonw_field_int(&w, "events", (int64_t)result.to.events);
        jsonw_field_int(&w, "consents", (int64_t)result.to.consents);
        jsonw_field_int(&w, "ledger", (int64_t)result.to.ledger);
        jsonw_field(&w, "checkpoint", note);
        jsonw_object_end(&w);
        output_json(&run->out, buf_str(&text));
        return STATUS_DONE;
    }
    output_text(&run->out, "copied: %llu profiles, %llu events, %llu consent records, %llu leaves; the ledger's root and all counts are equal, P1 to P7 hold\n",
                (unsigned long long)result.to.profiles, (unsigned long long)result.to.events, (unsigned long long)result.to.consents,
                (unsigned long long)result.to.ledger);
    output_text(&run->out, "serve it with: telos serve --data %s --store ADDRESS (the keys stay in %s; its telos.db is no longer used)\n", data, data);
    return STATUS_DONE;
}

static enum status migrate(struct run *run)
{
    struct migration migration = {.run = run, .target = run_option(run, "--to")};
    const char *store = config_get(&run->config, SETTING_STORE), *from = run_option(run, "--from");
    if (!migration.target && store && store_postgres_is(str_of(store)))
        migration.target = store;
    if (!migration.target && run_has(run, "--citus")) {
        output_text(&run->out, "%.*s", STR_FMT(store_postgres_citus_sql(run->arena)));
        return STATUS_DONE;
    }
    if (!migration.target || !store_postgres_is(str_of(migration.target)))
        return run_misuse(run, "name the database: --to postgres://OWNER@HOST/DATABASE");
    enum status status = layout(&migration);
    return status || !from ? status : content(&migration, from);
}

static const struct action actions[] = {{NULL, "--to ADDRESS", "", 0, 0, migrate}};
static const struct option options[] = {
    {"--to", "ADDRESS", "the database, as its owner: postgres://OWNER@HOST:PORT/DATABASE; default: --store", false},
    {"--from", "DIR", "copy everything of this data directory (nobody serves it) into the empty database, and verify the copy", false},
    {"--citus", NULL, "distribute the tables over Citus; without a database: print the statements", false},
    {"--master-key-file", "FILE", "the master key, where it is not in the data directory", false},
};

const struct command command_migrate = {
    .name = "migrate",
    .summary = "bring a PostgreSQL database up to date, and a data directory into it",
    .about = "Makes or renews the layout, makes the role telos_app (it reads and writes rows and changes no table) and grants "
             "it what it\n"
             "needs. Nodes of the former version may go on meanwhile. A copy is verified: the same ledger root, the same "
             "counts, and the\n"
             "audit finds nothing; a copy that broke off cannot be served. Passwords come from PGPASSFILE, a service file or the "
             "like, never\n"
             "from the address.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_DATA,
    .example = "  telos migrate --to postgres://owner@db.example/telos\n"
               "  telos migrate --from /var/lib/telos --to postgres://owner@db.example/telos\n"
               "  telos serve --data /var/lib/telos --store postgres://node@db.example/telos\n",
};

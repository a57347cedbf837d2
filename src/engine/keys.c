/* Rotation of the master key while serving, with its entry in the ledger. */
#include "base/log.h"
#include "engine/engine_private.h"

struct rotation {
    void (*progress)(void *, uint64_t done, uint64_t all);
    void *context;
    struct vault_status status;
};

static bool rotation_progress(void *context, uint64_t done, uint64_t all)
{
    struct rotation *rotation = context;
    if (rotation->progress)
        rotation->progress(rotation->context, done, all);
    return true;
}

static const struct err *rotation_join(void *context, struct commit *commit)
{
    const struct rotation *rotation = context;
    struct buf buf;
    struct jsonw w;
    uint64_t index;
    buf_init(&buf, commit->arena, 1024);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_int(&w, "generation", rotation->status.generation);
    jsonw_field(&w, "master_key", str_hex(commit->arena, rotation->status.master_key_id, sizeof rotation->status.master_key_id));
    jsonw_object_end(&w);
    return ledger_clear(&commit->draft, "keys", buf_str(&buf), &index);
}

const struct err *engine_keys_rotate(struct engine *engine, struct arena *arena, void (*progress)(void *, uint64_t done, uint64_t all), void *context)
{
    struct rotation rotation = {.progress = progress, .context = context};
    TRY(vault_rotate(arena, engine->vault, rotation_progress, &rotation));
    TRY(vault_status(arena, engine->vault, &rotation.status));
    log_write(LOG_INFO, "keys", "rotated generation=%u pages=%llu", rotation.status.generation, (unsigned long long)rotation.status.pages_total);
    return engine_commit(engine, arena, rotation_join, NULL, &rotation);
}

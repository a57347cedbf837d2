/* The ledger over HTTP: signed tree head, proofs, and the tiles of C2SP tlog-tiles. Nothing here is personal: leaves are commitments. */
#include "server/server_private.h"

#include "evidence/tiles.h"


const struct err *checkpoint_get(struct call *call)
{
    str note;
    TRY(engine_checkpoint(call->server->engine, &call->arena, &note));
    reply_text(call, MHD_HTTP_OK, "text/plain; charset=utf-8", note);
    return NULL;
}

const struct err *verifier_get(struct call *call)
{
    reply_text(call, MHD_HTTP_OK, "text/plain; charset=utf-8", str_copy(&call->arena, engine_verifier_key(call->server->engine)));
    return NULL;
}

static const struct err *need(struct call *call, const char *name, int64_t value)
{
    return value < 0 ? err_new(&call->arena, ERR_INVALID, "`%s` is missing", name) : NULL;
}

/* …/proof/inclusion?index=&size= and …/proof/{index}?size= */
const struct err *inclusion_get(struct call *call)
{
    struct reader *reader;
    int64_t index = -1, size = 0;
    str json;
    if (!str_empty(call->parameters[0]) && (!str_to_int64(call->parameters[0], &index) || index < 0))
        return err_new(&call->arena, ERR_INVALID, "the index of a leaf is a whole number from 0");
    TRY(call_query_int(call, "index", 0, INT64_MAX, &index));
    TRY(call_query_int(call, "size", 0, INT64_MAX, &size));
    TRY(need(call, "index", index));
    TRY(call_reader(call, &reader));
    TRY(engine_inclusion(reader, &call->arena, (uint64_t)index, (uint64_t)size, &json));
    reply_text(call, MHD_HTTP_OK, "application/json", json);
    return NULL;
}

const struct err *consistency_get(struct call *call)
{
    struct reader *reader;
    int64_t from = -1, to = 0;
    str json;
    TRY(call_query_int(call, "from", 0, INT64_MAX, &from));
    TRY(call_query_int(call, "to", 0, INT64_MAX, &to));
    TRY(need(call, "from", from));
    TRY(call_reader(call, &reader));
    TRY(engine_consistency(reader, &call->arena, (uint64_t)from, (uint64_t)to, &json));
    reply_text(call, MHD_HTTP_OK, "application/json", json);
    return NULL;
}

const struct err *tile_get(struct call *call)
{
    struct reader *reader;
    struct tile_address address;
    str path = str_printf(&call->arena, "tile/%.*s", STR_FMT(call->parameters[0])), bytes;
    bool found = false;
    if (!tile_path_parse(path, &address))
        return err_new(&call->arena, ERR_NOT_FOUND, "a tile is addressed as in /tile/0/000, /tile/0/000.p/17 or /tile/entries/000");
    TRY(call_reader(call, &reader));
    if (address.entries)
        TRY(engine_entries(reader, &call->arena, address.index, address.width, &bytes, &found));
    else
        TRY(engine_tile(reader, &call->arena, address.level, address.index, address.width, &bytes, &found));
    if (!found)
        return err_new(&call->arena, ERR_NOT_FOUND, "the log is not that long");
    reply_text(call, MHD_HTTP_OK, "application/octet-stream", bytes);
    return NULL;
}

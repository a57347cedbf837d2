#include "engine/record_pack.h"

#include "base/limits.h"

#include <lz4.h>

#define PACKED_1 '\1'
#define HEAD 5 /* the mark, and the length of the record: four bytes, little end first */

/* Never to be changed; the likeliest at the end, where LZ4 finds it at the least cost. */
static const char words_1[] =
    "eu-gdpr:A18decoder gpp/1decoder gpc/1decoder tcf/1, vendor decoder consent_mode/1decoder category_preferences/1"
    "restricted\",\"unrestricted\",\"vendor_permitted\",\"vendor_denied\",\"opted_out\",\"invoked\",\"ended\",\"opened\",\"objection_lifted\",\"objected\",\"expired\","
    "\"renewed\",\"withdrawn\",\"refused\",\"informed\",guardian\",agent\",system\",\"rights request, by the person\",\"shown by the source\",\"tcf\",\"gpp\",\"gpc\","
    "{\"destination\":\"\",\"kind\":\"recall\",\"event\":\"\",\"fields\":[\"traits.email\",\"traits.name\"],\"policy_version\":,\"recipient\":\"\",\"delivery\":\""
    "{\"at\":\"2026-01-01T00:00:00.000Z\",\"by\":\"self\",\"expires\":null,\"explicit\":true,\"id\":\"01a2\",\"identifier\":1,\"known\":\"2026-"
    "\",\"method\":\"consent category\",\"notice\":\"newsletter\",\"notice_version\":3,\"profile\":\"01a2\",\"purpose\":\"fulfilment\",\"reference\":\"decoder "
    "category_preferences/1\",\"signal\":\"{\\\"categoryPreferences\\\":{\\\"Advertising\\\":true,\\\"Analytics\\\":false,\\\"\",\"source\":\"api\",\"status\":\"given\",\"verified\":false}"
    "{\"at\":\"2026-11-01T00:00:00.000Z\",\"by\":\"self\",\"expires\":\"2027-12-01T00:00:00.000Z\",\"explicit\":false,\"id\":\"01a2\",\"identifier\":0,\"known\":\"2026-11-"
    "\",\"method\":\"\",\"notice\":\"\",\"notice_version\":1,\"profile\":\"01a2\",\"purpose\":\"\",\"reference\":\"\",\"signal\":\"\",\"source\":\"web\",\"status\":\"given\",\"verified\":true}";

str record_pack(struct arena *arena, str record)
{
    LZ4_stream_t stream;
    if (record.length > LIMIT_MESSAGE_BYTES * 4)
        return record;
    int room = LZ4_compressBound((int)record.length);
    uint8_t *out = arena_alloc_raw(arena, HEAD + (size_t)room);
    (void)LZ4_initStream(&stream, sizeof stream); /* NULL only where it is too small */
    (void)LZ4_loadDict(&stream, words_1, sizeof words_1 - 1); /* how much of it was taken */
    int length = LZ4_compress_fast_continue(&stream, record.data, (char *)out + HEAD, (int)record.length, room, 1);
    if (length <= 0 || HEAD + (size_t)length >= record.length)
        return record;
    out[0] = PACKED_1;
    for (int i = 0; i < 4; i++)
        out[1 + i] = (uint8_t)(record.length >> (8 * i));
    return str_bytes(out, HEAD + (size_t)length);
}

bool record_unpack(struct arena *arena, str packed, str *ret_record)
{
    if (str_empty(packed) || packed.data[0] != PACKED_1) {
        *ret_record = packed;
        return true;
    }
    size_t length = 0;
    if (packed.length < HEAD)
        return false;
    for (int i = 0; i < 4; i++)
        length |= (size_t)(uint8_t)packed.data[1 + i] << (8 * i);
    if (length > LIMIT_MESSAGE_BYTES * 4)
        return false;
    char *out = arena_alloc_raw(arena, length + 1);
    int got = LZ4_decompress_safe_usingDict(packed.data + HEAD, out, (int)(packed.length - HEAD), (int)length, words_1, sizeof words_1 - 1);
    if (got < 0 || (size_t)got != length)
        return false;
    *ret_record = str_bytes(out, length);
    return true;
}

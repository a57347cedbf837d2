/* The HTTP client; the contract is in client.h. */
#include "main/client_private.h"

#include "base/limits.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#define CONNECT_S 10L
#define STALL_S 300L /* nothing moves: given up */

CURL *client_handle(const struct client *client)
{
    CURL *easy = curl_easy_init();
    ASSERT(easy); /* out of memory ends the program */
    bool fine = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_USERAGENT, "telos/" TELOS_VERSION) == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 128L * 1024) == CURLE_OK;
    if (client->target.socket)
        fine = fine && curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, client->target.socket) == CURLE_OK;
    if (client->target.server) { /* a socket ends when its process does; a network may just fall silent */
        fine = fine && curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK;
        fine = fine && curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_S) == CURLE_OK;
    }
    ASSERT(fine);
    return easy;
}

const struct err *client_open(struct arena *arena, const struct client_target *target, struct client **ret_client)
{
    struct client *client = arena_new(arena, struct client);
    client->target = *target;
    client->base = "http://localhost";
    if (!target->socket) {
        str url = str_of(target->server);
        while (str_ends(url, STR("/")))
            url.length--;
        if (str_find(url, STR("://")) < 0)
            url = str_printf(arena, "http://%.*s", STR_FMT(url));
        if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
            return err_new(arena, ERR_INVALID, "%s is no address of a server; write it as https://HOST or http://HOST:PORT", target->server);
        client->base = str_z(arena, url);
    }
    if (target->write_key.length) {
        str pair = str_printf(arena, "%.*s:%.*s", STR_FMT(target->write_key), STR_FMT(target->token));
        client->authorization = arena_printf(arena, "Authorization: Basic %.*s", STR_FMT(str_base64(arena, pair.data, pair.length)));
    } else if (target->token.length) {
        client->authorization = arena_printf(arena, "Authorization: Bearer %.*s", STR_FMT(target->token));
    }
    client->easy = client_handle(client);
    *ret_client = client;
    return NULL;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->easy);
    if (client->authorization)
        sodium_memzero(client->authorization, strlen(client->authorization));
}

static struct curl_slist *header(struct curl_slist *list, const char *line)
{
    list = curl_slist_append(list, line);
    ASSERT(list); /* out of memory ends the program */
    return list;
}

struct curl_slist *client_prepare(const struct client *client, CURL *easy, struct arena *arena, const struct http_request *request)
{
    struct curl_slist *headers = header(NULL, request->lines ? "Accept: application/x-ndjson, application/problem+json"
                                                             : "Accept: application/json, application/problem+json, */*;q=0.1");
    headers = header(headers, "Expect:"); /* no wait for a 100 */
    if (client->authorization)
        headers = header(headers, client->authorization);
    if (request->purpose.length)
        headers = header(headers, arena_printf(arena, "Purpose: %.*s", STR_FMT(request->purpose)));
    if (request->body.data)
        headers = header(headers, "Content-Type: application/json");
    char *url = arena_printf(arena, "%s%.*s", client->base, STR_FMT(request->path));
    bool fine = curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
    if (request->body.data) {
        fine = fine && curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK;
        fine = fine && curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length) == CURLE_OK;
        fine = fine && curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data) == CURLE_OK;
    } else {
        fine = fine && curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    fine = fine && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
    fine = fine && curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers) == CURLE_OK;
    ASSERT(fine);
    return headers;
}

const struct err *client_error(const struct client *client, struct arena *arena, CURLcode code)
{
    const char *where = client->target.socket ? client->target.socket : client->base;
    if (code == CURLE_WRITE_ERROR)
        return err_new(arena, ERR_TOO_LARGE, "the reply of %s is over %d bytes", where, LIMIT_REPLY_BYTES);
    if (code == CURLE_COULDNT_CONNECT)
        return err_new(arena, ERR_UNAVAILABLE, "nobody answers at %s; is `telos serve` running there?", where);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return err_new(arena, ERR_INVALID, "%s is no address of a server; write it as https://HOST or http://HOST:PORT", where);
    return err_new(arena, ERR_UNAVAILABLE, "%s: %s", where, curl_easy_strerror(code));
}

/* ---- the reply ---- */

struct receiver {
    struct buf body;
    CURL *easy;
    client_line *line; /* NULL: the reply is kept whole */
    void *context;
    struct arena scratch; /* of one line */
};

/* Gives every whole line to the receiver's owner; what is left stays in the buffer. */
static void take_lines(struct receiver *receiver, bool last)
{
    str rest = buf_str(&receiver->body);
    for (ptrdiff_t end; (end = str_find_char(rest, '\n')) >= 0 || (last && rest.length);) {
        str text = str_trim(str_slice(rest, 0, end < 0 ? rest.length : (size_t)end));
        rest = str_slice(rest, end < 0 ? rest.length : (size_t)end + 1, rest.length);
        struct json value;
        if (str_empty(text))
            continue;
        arena_clear(&receiver->scratch);
        const struct err *error = json_read(&receiver->scratch, text, &value);
        if (!error)
            receiver->line(receiver->context, &receiver->scratch, &value);
    }
    memmove(receiver->body.data, rest.data, rest.length);
    receiver->body.length = rest.length;
}

static size_t receive(char *data, size_t size, size_t count, void *context)
{
    struct receiver *receiver = context;
    long status = 0;
    (void)curl_easy_getinfo(receiver->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 when it is not known */
    buf_add(&receiver->body, str_bytes(data, size * count));
    if (receiver->body.overflow)
        return CURL_WRITEFUNC_ERROR;
    if (receiver->line && status / 100 == 2)
        take_lines(receiver, false);
    return size * count;
}

const struct err *client_stream(struct client *client, struct arena *arena, const struct http_request *request, client_line *line, void *context,
                                struct http_reply *ret_reply)
{
    struct receiver receiver = {.easy = client->easy, .line = line, .context = context};
    buf_init(&receiver.body, arena, LIMIT_REPLY_BYTES);
    arena_init(&receiver.scratch);
    struct curl_slist *headers = client_prepare(client, client->easy, arena, request);
    bool fine = curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK;
    fine = fine && curl_easy_setopt(client->easy, CURLOPT_WRITEDATA, &receiver) == CURLE_OK;
    ASSERT(fine);
    CURLcode code = curl_easy_perform(client->easy);
    curl_slist_free_all(headers);
    struct http_reply reply = {0};
    if (code == CURLE_OK) {
        long status = 0;
        curl_off_t wait = 0;
        (void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 when it is not known */
        (void)curl_easy_getinfo(client->easy, CURLINFO_RETRY_AFTER, &wait);
        reply.status = (int)status;
        reply.retry_after_s = (int)wait;
        if (line && status / 100 == 2)
            take_lines(&receiver, true);
    }
    arena_release(&receiver.scratch);
    if (code != CURLE_OK)
        return client_error(client, arena, code);
    reply.body = buf_str(&receiver.body);
    if (reply.body.length && (reply.body.data[0] == '{' || reply.body.data[0] == '[')) {
        const struct err *error = json_read(arena, reply.body, &reply.json);
        reply.is_json = error == NULL;
    }
    *ret_reply = reply;
    return NULL;
}

const struct err *client_call(struct client *client, struct arena *arena, const struct http_request *request, struct http_reply *ret_reply)
{
    return client_stream(client, arena, request, NULL, NULL, ret_reply);
}

/* ---- paths ---- */

str path_encode(struct arena *arena, str part)
{
    static const char digits[] = "0123456789ABCDEF";
    struct buf out;
    buf_init(&out, arena, part.length * 3 + 1);
    for (size_t i = 0; i < part.length; i++) {
        uint8_t c = (uint8_t)part.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~:@", c));
        if (plain)
            buf_add_char(&out, (char)c);
        else
            buf_add(&out, str_bytes((char[]){'%', digits[c >> 4], digits[c & 15]}, 3));
    }
    return buf_str(&out);
}

str path_with(struct arena *arena, str path, const char *name, const char *value)
{
    if (!value)
        return path;
    return str_printf(arena, "%.*s%c%s=%.*s", STR_FMT(path), str_find_char(path, '?') < 0 ? '?' : '&', name, STR_FMT(path_encode(arena, str_of(value))));
}

/* ---- what a command does with replies ---- */

enum status status_of_http(int status)
{
    switch (status) {
    case 403:
    case 404:
    case 409:
    case 410:
    case 422: return STATUS_NO;
    case 429: return STATUS_UNAVAILABLE;
    default: return status / 100 == 2 ? STATUS_DONE : status / 100 == 4 ? STATUS_USE : STATUS_UNAVAILABLE;
    }
}

/* Lines for each item of a list in a problem document: reasons, or problems of a policy. */
static void tell_items(const struct output *out, struct arena *arena, const struct json *items)
{
    for (uint32_t i = 0; items && items->type == JSON_ARRAY && i < items->count; i++) {
        const struct json *item = &items->items[i];
        str text = json_string(json_get(item, STR("text")));
        str code = json_string(json_get(item, STR("code")));
        int64_t line = 0, column = 0;
        (void)out;
        if (json_int(json_get(item, STR("line")), &line) && json_int(json_get(item, STR("column")), &column) && line)
            output_note("  line %lld:%lld: %.*s", (long long)line, (long long)column, STR_FMT(text));
        else if (code.length)
            output_note("  %.*s: %.*s", STR_FMT(code), STR_FMT(text));
        else
            output_note("  %.*s", STR_FMT(text.length ? text : output_cell(arena, item)));
    }
}

enum status run_refused(struct run *run, const struct http_reply *reply)
{
    enum status status = status_of_http(reply->status);
    str title = json_string(json_get(&reply->json, STR("title"))), detail = json_string(json_get(&reply->json, STR("detail")));
    if (!reply->is_json)
        title = str_printf(run->arena, "the server answered %d", reply->status);
    if (status == STATUS_NO && run->out.json && reply->is_json)
        output_json(&run->out, reply->body);
    output_complain("%s: %.*s", run->command->name, STR_FMT(detail.length ? detail : title));
    if (reply->is_json) {
        tell_items(&run->out, run->arena, json_get(&reply->json, STR("reasons")));
        tell_items(&run->out, run->arena, json_get(&reply->json, STR("problems")));
    }
    if (reply->status == 401)
        output_note("Put an API token into TELOS_TOKEN, or its file's name into --token-file; `telos token create` makes one.");
    return status;
}

enum status run_ask(struct run *run, struct client *client, const struct http_request *request, struct http_reply *ret_reply)
{
    const struct err *error = client_call(client, run->arena, request, ret_reply);
    if (error)
        return run_fail(run, error);
    return ret_reply->status / 100 == 2 ? STATUS_DONE : run_refused(run, ret_reply);
}

static enum status ask_once(struct run *run, const struct http_request *request, struct http_reply *ret_reply)
{
    struct client *client;
    enum status status = run_client(run, 0, &client);
    return status ? status : run_ask(run, client, request, ret_reply);
}

enum status run_get(struct run *run, str path, str purpose, struct http_reply *ret_reply)
{
    return ask_once(run, &(struct http_request){.method = "GET", .path = path, .purpose = purpose}, ret_reply);
}

enum status run_post(struct run *run, str path, str body, struct http_reply *ret_reply)
{
    return ask_once(run, &(struct http_request){.method = "POST", .path = path, .body = body}, ret_reply);
}

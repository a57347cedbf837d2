/* The table of destination kinds, and what they share: verdicts on HTTP and libcurl results, the check of a whole policy. */
#include "deliver/kind.h"

#include <stdarg.h>
#include <stdio.h>

static const struct kind *const kinds[] = {
    &kind_webhook,
    &kind_kafka,
};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

const struct kind *kind_find(str name)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (str_equal(name, str_of(kinds[i]->name)))
            return kinds[i];
    return NULL;
}

bool deliver_has_kind(str kind) { return kind_find(kind) != NULL; }

str kind_nearest(str name)
{
    str names[KIND_COUNT];
    for (size_t i = 0; i < KIND_COUNT; i++)
        names[i] = str_of(kinds[i]->name);
    return str_nearest(name, names, KIND_COUNT);
}

static void problem_add(struct arena *arena, policy_problems *problems, const struct destination *destination, const struct flow_option *option,
                        str suggestion, const char *text)
{
    struct policy_problem *problem = vec_push(arena, problems);
    problem->line = option && option->line ? option->line : destination->line;
    problem->column = option && option->line ? option->column : destination->column;
    problem->text = str_printf(arena, "destination `%.*s`: %s", STR_FMT(destination->name), text);
    problem->suggestion = suggestion;
}

void kind_problem(struct arena *arena, policy_problems *problems, const struct destination *destination, str suggestion,
                  const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    problem_add(arena, problems, destination, NULL, suggestion, text);
}

void kind_problem_at(struct arena *arena, policy_problems *problems, const struct destination *destination, const struct flow_option *option,
                     str suggestion, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    problem_add(arena, problems, destination, option, suggestion, text);
}

void deliver_check(struct arena *arena, const struct policy *policy, policy_problems *ret_problems)
{
    for (size_t i = 0; i < policy->destinations.count; i++) {
        const struct destination *destination = &policy->destinations.items[i];
        const struct kind *kind = kind_find(destination->kind);
        if (kind) {
            kind->check(arena, destination, ret_problems);
            continue;
        }
        /* A kind that this version does not have is no mistake: it waits as DELIVER_UNSUPPORTED. A mistyped one is. */
        str nearest = kind_nearest(destination->kind);
        if (!str_empty(nearest))
            kind_problem(arena, ret_problems, destination, nearest, "kind `%.*s` is unknown: did you mean `%.*s`?",
                         STR_FMT(destination->kind), STR_FMT(nearest));
    }
}

void verdict_init(struct verdict *verdict, enum verdict_kind kind, const char *reason)
{
    memset(verdict, 0, sizeof *verdict);
    verdict->kind = kind;
    verdict->retry_after_ms = TIME_NONE;
    snprintf(verdict->reason, sizeof verdict->reason, "%s", reason);
}

void verdict_of_curl(CURLcode code, struct verdict *ret_verdict)
{
    static const struct {
        CURLcode code;
        const char *reason;
    } reasons[] = {
        {CURLE_COULDNT_RESOLVE_HOST, "dns_failed"},
        {CURLE_COULDNT_CONNECT, "connect_failed"},
        {CURLE_OPERATION_TIMEDOUT, "timeout"},
        {CURLE_SSL_CONNECT_ERROR, "tls_failed"},
        {CURLE_PEER_FAILED_VERIFICATION, "tls_not_trusted"},
        {CURLE_SSL_CACERT_BADFILE, "ca_file_unreadable"},
        {CURLE_SSL_CERTPROBLEM, "tls_failed"},
        {CURLE_SSL_CIPHER, "tls_failed"},
        {CURLE_SEND_ERROR, "connection_lost"},
        {CURLE_RECV_ERROR, "connection_lost"},
        {CURLE_GOT_NOTHING, "connection_lost"},
        {CURLE_PARTIAL_FILE, "connection_lost"},
        {CURLE_HTTP2, "bad_reply"},
        {CURLE_HTTP2_STREAM, "bad_reply"},
        {CURLE_WEIRD_SERVER_REPLY, "bad_reply"},
        {CURLE_UNSUPPORTED_PROTOCOL, "bad_reply"},
    };
    const char *reason = "send_failed";
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            reason = reasons[i].reason;
    verdict_init(ret_verdict, VERDICT_RETRY, reason);
    ret_verdict->destination_failed = true;
}

/* 4xx says that this delivery will never be taken, but for those that say "not now". */
static bool http_not_now(long status) { return status == 408 || status == 425 || status == 429 || status == 460; }

void verdict_of_http(long status, int64_t retry_after_ms, struct verdict *ret_verdict)
{
    char reason[DELIVER_REASON_SIZE];
    snprintf(reason, sizeof reason, "http_%ld", status);
    if (status >= 200 && status < 300) {
        verdict_init(ret_verdict, VERDICT_DELIVERED, "");
        return;
    }
    if (status >= 400 && status < 500 && !http_not_now(status)) {
        verdict_init(ret_verdict, VERDICT_REFUSED, reason);
        ret_verdict->gone = status == 410;
        return;
    }
    /* A redirect is not followed: data goes where the policy says, nowhere else. It can be mended, so the row waits. */
    verdict_init(ret_verdict, VERDICT_RETRY, reason);
    ret_verdict->destination_failed = true;
    ret_verdict->retry_after_ms = retry_after_ms;
    ret_verdict->hold = retry_after_ms != TIME_NONE && (status == 429 || status == 503);
}

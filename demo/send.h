/* How the demo shop speaks to Telos: only through the public API, as any source would. One `sender` a thread, one connection each. */
#ifndef DEMO_SEND_H
#define DEMO_SEND_H

#include "base/json.h"
#include "base/time.h"

#include <curl/curl.h>

#define SOURCES(X)                                                                                                     \
    X(SOURCE_WEB, "web", "DUNA_WEB_KEY") X(SOURCE_APP, "app", "DUNA_APP_KEY") X(SOURCE_TILL, "till", "DUNA_TILL_KEY")  \
    X(SOURCE_CALLCENTRE, "callcentre", "DUNA_CALLCENTRE_KEY") X(SOURCE_SURVEY, "survey", "DUNA_SURVEY_KEY")            \
    X(SOURCE_SCALE, "scale", "DUNA_SCALE_KEY") X(SOURCE_SOCIAL, "social", "DUNA_SOCIAL_KEY")                           \
    X(SOURCE_FILES, "files", "DUNA_FILES_KEY")
enum source_name {
#define X(code, name, key) code,
    SOURCES(X)
#undef X
        SOURCE_COUNT
};

#define BATCH_MESSAGES 100
#define BATCH_BYTES (400 * 1024)

struct sender {
    struct arena arena; /* of the buffers */
    CURL *easy;
    char *server; /* "http://127.0.0.1:8480" */
    char *token; /* for consents and preferences; NULL: none */
    struct waiting {
        struct buf body;
        unsigned count;
    } waiting[SOURCE_COUNT];
    uint64_t messages, statements, requests, bytes, failures, retried;
    int64_t busy_us; /* time spent in requests */
    bool stopped; /* gave up: the server is gone */
    volatile int *stop;
};

/* False, with the reason on stderr, when it cannot start. */
bool sender_init(struct sender *sender, const char *server, const char *token, volatile int *stop);
void sender_release(struct sender *sender);
/* One message, a JSON object without sentAt; sent with others of its source when a batch is full. */
void send_message(struct sender *sender, enum source_name source, str json);
/* A call of the API at once: what waits is sent before it, so that the order of a person's life is kept. */
void send_statement(struct sender *sender, const char *method, const char *path, str json);
void send_flush(struct sender *sender);

#endif

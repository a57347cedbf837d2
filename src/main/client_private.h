/* What client.c and flight.c share of libcurl. */
#ifndef TELOS_MAIN_CLIENT_PRIVATE_H
#define TELOS_MAIN_CLIENT_PRIVATE_H

#include "main/client.h"

#include <curl/curl.h>

struct client {
    struct client_target target;
    const char *base; /* "http://localhost" or the server's URL without a slash at its end */
    char *authorization; /* header line; NULL: none. Wiped at the end */
    CURL *easy;
};

/* A handle with everything that does not change from call to call. */
CURL *client_handle(const struct client *client);
/* Method, address, headers and body for the next call on a handle. The list is to be freed after the call; the body is
 * borrowed. */
struct curl_slist *client_prepare(const struct client *client, CURL *easy, struct arena *arena, const struct http_request *request);
const struct err *client_error(const struct client *client, struct arena *arena, CURLcode code);

#endif

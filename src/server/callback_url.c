/* May a status callback go to this address? https to a public host; or one that the policy names, then by http, too.
 *
 * Whoever asks for callbacks makes us send requests: without this they could reach what only our machine can reach. The sender looks at the
 * resolved address once more (deliver/callback.c), since a name may point anywhere.
 */
#include "server/rights_private.h"

#include <arpa/inet.h>
#include <curl/curl.h>

static bool host_named(const struct policy *policy, str host)
{
    vec_each (named, &policy->callback_hosts)
        if (str_equal_nocase(*named, host))
            return true;
    return false;
}

static bool host_public(str host)
{
    char text[256];
    struct in6_addr address;
    if (str_empty(host) || host.length >= sizeof(text) || str_find_char(host, '.') <= 0)
        return false; /* "localhost", "intranet" */
    memcpy(text, host.data, host.length);
    text[host.length] = '\0';
    bool number = inet_pton(AF_INET, text, &address) == 1 || text[0] == '[' || (host.data[host.length - 1] >= '0' && host.data[host.length - 1] <= '9');
    return !number && !str_ends(host, STR(".local")) && !str_ends(host, STR(".internal")) && !str_ends(host, STR(".localhost"));
}

bool callback_allowed(const struct policy *policy, str url)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    char text[2048];
    bool allowed = false;
    CURLU *parts = curl_url();
    if (parts && url.length && url.length < sizeof(text)) {
        memcpy(text, url.data, url.length);
        text[url.length] = '\0';
        if (strlen(text) == url.length && curl_url_set(parts, CURLUPART_URL, text, 0) == CURLUE_OK && curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
            curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
            bool named = host_named(policy, str_of(host)), tls = !strcmp(scheme, "https");
            allowed = (named && (tls || !strcmp(scheme, "http"))) || (tls && host_public(str_of(host)));
            allowed = allowed && curl_url_get(parts, CURLUPART_USER, &user, 0) != CURLUE_OK;
        }
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(parts);
    return allowed;
}

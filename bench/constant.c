/* What libmicrohttpd can do here: the same flags and threads as Telos's server, answering a constant of a decision's size. Prints its port. */
#include <microhttpd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] = "{\"decision\":\"allow\",\"basis\":\"legitimate_interest\",\"policy_version\":1,\"reasons\":[],\"categories\":{\"email\":\"allow\",\"name\":\"allow\","
                           "\"behaviour\":\"allow\"},\"evidence\":[{\"kind\":\"policy\",\"id\":null,\"ledger_index\":0}],\"valid_until\":null}";

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                              const char *data, size_t *size, void **state)
{
    (void)context, (void)url, (void)method, (void)version, (void)data;
    static int seen;
    if (!*state) {
        *state = &seen;
        return MHD_YES;
    }
    if (*size) {
        *size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(sizeof text - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

int main(int count, char **words)
{
    unsigned threads = count > 1 ? (unsigned)strtoul(words[1], NULL, 10) : 2;
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, answer, NULL,
                                                 MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_END);
    if (!daemon)
        return 1;
    printf("%u\n", (unsigned)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    pause();
    return 0;
}

/* How a command reaches Telos: --server, or the socket of whoever serves the data directory, or, where nobody does, an
 * engine and a server of its own that listens on that socket only, for as long as the command runs. */
#ifndef TELOS_MAIN_LOCAL_H
#define TELOS_MAIN_LOCAL_H

#include "main/client.h"
#include "server/server.h"

enum local_use {
    LOCAL_READ = 0,
    LOCAL_MAKE = 1, /* the data directory may be new */
    LOCAL_LONG = 2, /* a long run: the engine's background work goes on beside it */
};

void local_close(struct local *local); /* takes NULL */
/* Whether run_client has anything to go to: a --server, or a data directory that is one. */
bool local_reachable(const struct run *run);

/* DIR/telos.sock, or, where that is too long for a socket's address, a way to it by a directory descriptor, which stays
 * open in
 * `*ret_fd` (else -1). */
const struct err *local_socket(struct arena *arena, const char *data, const char **ret_path, int *ret_fd) MUST_CHECK;
/* Does anyone listen there? */
bool local_answers(const char *socket_path);
/* Hook of the server: the destinations' own options in a policy. */
void local_check_policy(void *context, struct arena *arena, const struct policy *policy, policy_problems *problems);

#endif

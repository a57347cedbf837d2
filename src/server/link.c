/* Connections while they are open, and those that send too slowly.
 *
 * MHD closes a connection on which nothing moves for `idle_s` (LIMIT_CONNECTION_IDLE_S). One that sends a byte now and then would stay open for
 * ever: so each has a time by which its request must have come, and the watch shuts it down. It also finds those whose client has closed
 * its side in the middle of a request, which MHD overlooks when the end comes together with the last bytes.
 */
#include "server/server_private.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_SLACK_S 5 /* MHD's own timeout comes first: what is still open then sends the head of a request, byte by byte */
#define LOOK_AFTER_S 5

/* Only who has our user id, or root, is the local admin, whatever the mode of the socket's file says. */
static bool peer_is_us(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && (peer.uid == geteuid() || peer.uid == 0);
}

void link_open(struct server *server, bool local, struct MHD_Connection *connection, void **ret_link)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info)
        return;
    struct link *link = calloc(1, sizeof(*link));
    ASSERT(link);
    link->fd = info->connect_fd;
    link->local = local && peer_is_us(link->fd);
    atomic_store(&link->since_us, clock_monotonic_us());
    pthread_mutex_lock(&server->links_lock);
    link->next = server->links;
    if (link->next)
        link->next->before = link;
    server->links = link;
    pthread_mutex_unlock(&server->links_lock);
    atomic_fetch_add(&server->connections, 1);
    *ret_link = link;
}

void link_close(struct server *server, void **ret_link)
{
    struct link *link = *ret_link;
    if (!link)
        return;
    pthread_mutex_lock(&server->links_lock);
    if (link->next)
        link->next->before = link->before;
    if (link->before)
        link->before->next = link->next;
    else
        server->links = link->next;
    pthread_mutex_unlock(&server->links_lock);
    atomic_fetch_sub(&server->connections, 1);
    *ret_link = NULL;
    free(link);
}

static bool has_left(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};
    return poll(&poll_fd, 1, 0) > 0;
}

void links_watch(struct server *server)
{
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&server->links_lock);
    for (struct link *link = server->links; link; link = link->next) {
        int64_t for_s = (now_us - atomic_load(&link->since_us)) / 1000000;
        bool busy = atomic_load(&link->busy), receiving = atomic_load(&link->receiving);
        bool slow = busy ? receiving && for_s > server->receive_s : for_s > server->idle_s + IDLE_SLACK_S;
        bool left = (!busy || receiving) && for_s >= LOOK_AFTER_S && has_left(link->fd);
        if (slow || left)
            (void)shutdown(link->fd, SHUT_RDWR); /* MHD sees it and cleans up; when it is closed already, that is fine */
    }
    pthread_mutex_unlock(&server->links_lock);
}

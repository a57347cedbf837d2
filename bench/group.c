/* Group commit and nothing else: takes HTTP requests, writes `size` bytes for each into a file, fdatasync once for all that are there, answers
 * them together. What clients that wait for their answers can get out of this disk, this network stack and these cores. Prints its port.
 *
 *     group FILE [SIZE]
 *
 * One thread: while it waits for the disk, the next group gathers in the sockets. It reads no more of a request than where it ends. The file is
 * written from its beginning again and again, as a write-ahead log is: then fdatasync need not write where the file ends, which would cost it
 * another write. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024 /* by descriptor */
#define REQUEST_MAX 65536
#define FILE_BYTES (64u * 1024 * 1024)

static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"success\":true}";
static char *requests[CONNECTIONS_MAX];
static size_t lengths[CONNECTIONS_MAX];

static bool whole(const char *text, size_t length)
{
    const char *end = memmem(text, length, "\r\n\r\n", 4), *field = strcasestr(text, "\r\nContent-Length:");
    return end && length >= (size_t)(end + 4 - text) + (field && field < end ? (size_t)atoll(field + 17) : 0);
}

/* True when a whole request is there now. */
static bool take(int fd)
{
    for (;;) {
        ssize_t n = recv(fd, requests[fd] + lengths[fd], REQUEST_MAX - 1 - lengths[fd], 0);
        if (n == 0) {
            close(fd);
            return false;
        }
        if (n < 0)
            return false;
        lengths[fd] += (size_t)n;
        requests[fd][lengths[fd]] = 0;
        if (whole(requests[fd], lengths[fd]))
            return true;
    }
}

static void welcome(int events, int listener)
{
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CONNECTIONS_MAX || (!requests[fd] && !(requests[fd] = malloc(REQUEST_MAX)))) {
            close(fd);
            continue;
        }
        lengths[fd] = 0;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **words)
{
    size_t size = count > 2 ? strtoul(words[2], NULL, 10) : 700;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int file = count > 1 ? open(words[1], O_CREAT | O_TRUNC | O_WRONLY, 0600) : -1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int events = epoll_create1(0);
    char *data = malloc(CONNECTIONS_MAX * size);
    if (file < 0 || !data || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 1024)) {
        fprintf(stderr, "usage: group FILE [SIZE]\n");
        return 2;
    }
    memset(data, 'x', CONNECTIONS_MAX * size);
    for (size_t at = 0; at < FILE_BYTES; at += size)
        if (pwrite(file, data, size, (off_t)at) != (ssize_t)size)
            return 1;
    if (fdatasync(file) != 0)
        return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
    for (size_t at = 0;;) {
        struct epoll_event ready[CONNECTIONS_MAX];
        int waiting[CONNECTIONS_MAX], found = epoll_wait(events, ready, CONNECTIONS_MAX, -1), group = 0;
        for (int i = 0; i < found; i++)
            if (ready[i].data.fd == listener)
                welcome(events, listener);
            else if (take(ready[i].data.fd))
                waiting[group++] = ready[i].data.fd;
        if (!group)
            continue;
        size_t bytes = (size_t)group * size;
        at = at + bytes > FILE_BYTES ? 0 : at;
        if (pwrite(file, data, bytes, (off_t)at) != (ssize_t)bytes || fdatasync(file) != 0)
            return 1;
        at += bytes;
        for (int i = 0; i < group; i++) {
            lengths[waiting[i]] = 0;
            if (send(waiting[i], reply, sizeof reply - 1, MSG_NOSIGNAL) < 0)
                close(waiting[i]);
        }
    }
}

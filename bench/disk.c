/* What the disk allows: `size` bytes an event, `group` events a write, fdatasync after each write. Prints one JSON line.
 *
 *     disk FILE GROUP [SIZE] [SECONDS] */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int count, char **words)
{
    if (count < 3) {
        fprintf(stderr, "usage: disk FILE GROUP [SIZE] [SECONDS]\n");
        return 2;
    }
    size_t group = strtoul(words[2], NULL, 10), size = count > 3 ? strtoul(words[3], NULL, 10) : 700;
    double seconds = count > 4 ? strtod(words[4], NULL) : 3;
    char *data = malloc(group * size);
    int fd = open(words[1], O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (!data || fd < 0)
        return 1;
    memset(data, 'x', group * size);
    unsigned long long writes = 0;
    double begun = now_s();
    while (now_s() - begun < seconds && (writes + 1) * group * size < 4000000000ull) {
        if (write(fd, data, group * size) != (ssize_t)(group * size) || fdatasync(fd) != 0)
            return 1;
        writes++;
    }
    double took = now_s() - begun;
    close(fd);
    unlink(words[1]);
    printf("{\"group\":%zu,\"per_second\":%.1f,\"syncs_per_second\":%.1f}\n", group, (double)(writes * group) / took, (double)writes / took);
    return 0;
}

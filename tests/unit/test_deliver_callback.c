/* Which addresses a status callback may be sent to. */
#include "deliver/callback.h"

#include "unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static bool is_public(const char *text)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return callback_address_public((const struct sockaddr *)(const void *)&four);
    assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return callback_address_public((const struct sockaddr *)(const void *)&six);
}

static void nothing_is_sent_to_networks_that_are_nobody_elses(void **state)
{
    static const char *const ours[] = {"127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
                                       "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "255.255.255.255", "::",
                                       "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fc00::1", "fd12::1", "fe80::1", "ff02::1", "2001:db8::1", "2002:7f00:1::",
                                       "64:ff9b::7f00:1", "2001::1"};
    static const char *const others[] = {"8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "193.224.41.1", "2a00:1450:4001::1", "2001:4860::8888",
                                         "::ffff:8.8.8.8"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(ours); i++)
        if (is_public(ours[i]))
            fail_msg("%s", ours[i]);
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (!is_public(others[i]))
            fail_msg("%s", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_sent_to_networks_that_are_nobody_elses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

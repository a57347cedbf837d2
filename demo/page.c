/* The page of the demo shop, with Telos' consent banner on it: shop.html with the address of Telos and the shop's write key filled in. A write key is no
 * secret: it stands in every page of every shop. */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

extern const unsigned char shop_html[];
extern const unsigned shop_html_size;

/* Only what needs no escaping, neither in an attribute nor in a string of a script. */
static bool plain(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:/.-_[]")] == '\0';
}

char *page_make(const char *server, const char *key, const char *language)
{
    const struct {
        const char *blank, *value;
    } blanks[] = {{"@TELOS@", server}, {"@KEY@", key}, {"@LANG@", language}};
    size_t longest = strlen(server) + strlen(key) + strlen(language), out = 0;
    char *page = plain(server) && plain(key) ? malloc(shop_html_size * (longest + 1)) : NULL;
    for (size_t i = 0; page && i < shop_html_size;) {
        size_t k = 0;
        while (k < 3 && (shop_html_size - i < strlen(blanks[k].blank) || memcmp(shop_html + i, blanks[k].blank, strlen(blanks[k].blank)) != 0))
            k++;
        if (k == 3) {
            page[out++] = (char)shop_html[i++];
            continue;
        }
        memcpy(page + out, blanks[k].value, strlen(blanks[k].value));
        out += strlen(blanks[k].value);
        i += strlen(blanks[k].blank);
    }
    if (page)
        page[out] = '\0';
    return page;
}

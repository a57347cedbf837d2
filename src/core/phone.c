/* Phone numbers in E.164: calling codes and what is dialled before a national number. Facts in a table, no carrier knowledge:
 * whether a number is in use nobody can tell from its digits.
 */
#include "core/core_private.h"

/* region, calling code, national prefix that falls away (trunk), shortest and longest national number */
static const struct region {
    const char *name, *code, *trunk;
    uint8_t min, max;
} regions[] = {
    {"HU", "36", "06", 8, 9},   {"AT", "43", "0", 4, 13},   {"DE", "49", "0", 6, 13},   {"CH", "41", "0", 9, 9},    {"GB", "44", "0", 9, 10},
    {"IE", "353", "0", 7, 10},  {"FR", "33", "0", 9, 9},    {"IT", "39", "", 6, 11},    {"ES", "34", "", 9, 9},     {"PT", "351", "", 9, 9},
    {"NL", "31", "0", 9, 11},   {"BE", "32", "0", 8, 9},    {"LU", "352", "", 4, 11},   {"DK", "45", "", 8, 8},     {"SE", "46", "0", 7, 10},
    {"NO", "47", "", 8, 8},     {"FI", "358", "0", 5, 12},  {"IS", "354", "", 7, 9},    {"PL", "48", "", 9, 9},     {"CZ", "420", "", 9, 9},
    {"SK", "421", "0", 9, 9},   {"SI", "386", "0", 8, 8},   {"HR", "385", "0", 8, 9},   {"RS", "381", "0", 6, 12},  {"BA", "387", "0", 8, 9},
    {"ME", "382", "0", 8, 9},   {"MK", "389", "0", 8, 8},   {"RO", "40", "0", 9, 9},    {"BG", "359", "0", 7, 9},   {"GR", "30", "", 10, 10},
    {"CY", "357", "", 8, 8},    {"MT", "356", "", 8, 8},    {"EE", "372", "", 7, 8},    {"LV", "371", "", 8, 8},    {"LT", "370", "0", 8, 8},
    {"UA", "380", "0", 9, 9},   {"MD", "373", "0", 8, 8},   {"TR", "90", "0", 10, 10},  {"AL", "355", "0", 6, 9},   {"LI", "423", "", 7, 9},
    {"US", "1", "1", 10, 10},   {"CA", "1", "1", 10, 10},   {"MX", "52", "", 10, 10},   {"BR", "55", "0", 10, 11},  {"AR", "54", "0", 10, 11},
    {"CL", "56", "", 9, 9},     {"CO", "57", "", 8, 10},    {"AU", "61", "0", 9, 9},    {"NZ", "64", "0", 8, 10},   {"JP", "81", "0", 9, 10},
    {"KR", "82", "0", 8, 10},   {"CN", "86", "0", 9, 12},   {"HK", "852", "", 8, 8},    {"TW", "886", "0", 8, 9},   {"SG", "65", "", 8, 8},
    {"MY", "60", "0", 8, 10},   {"TH", "66", "0", 8, 9},    {"VN", "84", "0", 9, 10},   {"PH", "63", "0", 8, 10},   {"ID", "62", "0", 8, 12},
    {"IN", "91", "0", 10, 10},  {"PK", "92", "0", 9, 10},   {"BD", "880", "0", 8, 10},  {"IL", "972", "0", 8, 9},   {"AE", "971", "0", 8, 9},
    {"SA", "966", "0", 8, 9},   {"EG", "20", "0", 8, 10},   {"ZA", "27", "0", 9, 9},    {"NG", "234", "0", 8, 10},  {"KE", "254", "0", 9, 10},
    {"MA", "212", "0", 9, 9},   {"RU", "7", "8", 10, 10},   {"KZ", "7", "8", 10, 10},   {"GE", "995", "0", 9, 9},   {"AM", "374", "0", 8, 8},
};

static const struct region *region_find(str name)
{
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        if (str_equal_nocase(name, str_of(regions[i].name)))
            return &regions[i];
    return NULL;
}

/* Digits only; false at anything that no one writes in a phone number. `(0)` after a country code falls away. */
static bool digits_of(str text, char *ret_digits, size_t max, size_t *ret_length, bool *ret_plus)
{
    size_t length = 0;
    *ret_plus = false;
    if (str_starts(text, STR("tel:")))
        text = str_slice(text, 4, text.length);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (*ret_plus && c == '(' && i + 2 < text.length && text.data[i + 1] == '0' && text.data[i + 2] == ')')
            i += 2;
        else if (c >= '0' && c <= '9') {
            if (length == max)
                return false;
            ret_digits[length++] = c;
        } else if (c == '+' && length == 0 && !*ret_plus)
            *ret_plus = true;
        else if (!c || !strchr("-./() \t", c))
            return false;
    }
    *ret_length = length;
    return length > 0;
}

/* Where a 0 is dialled before a national number, none begins with a 0 itself. */
static bool doubled(const struct region *region, str national) { return *region->trunk == '0' && national.data[0] == '0'; }

/* A number with its country code: the trunk prefix that some write after it falls away where the table knows the country. */
static bool international(struct arena *arena, str digits, str *ret_number)
{
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        const struct region *region = &regions[i];
        if (!str_starts(digits, str_of(region->code)))
            continue;
        str national = str_slice(digits, strlen(region->code), digits.length);
        if (*region->trunk == '0' && str_starts(national, str_of(region->trunk)))
            national = str_slice(national, strlen(region->trunk), national.length);
        if (national.length < region->min || national.length > region->max || doubled(region, national))
            return false;
        *ret_number = str_printf(arena, "+%s%.*s", region->code, STR_FMT(national));
        return true;
    }
    if (digits.length < 7 || digits.length > 15 || digits.data[0] == '0')
        return false;
    *ret_number = str_printf(arena, "+%.*s", STR_FMT(digits));
    return true;
}

bool phone_normalise(struct arena *arena, str text, str region_name, str *ret_number)
{
    char buffer[32];
    size_t length;
    bool plus;
    if (!digits_of(text, buffer, sizeof buffer, &length, &plus))
        return false;
    str digits = {buffer, length};
    if (plus)
        return international(arena, digits, ret_number);
    if (str_starts(digits, STR("00")))
        return international(arena, str_slice(digits, 2, length), ret_number);
    const struct region *region = region_find(region_name);
    if (!region)
        return false; /* without a country nobody can tell whose number it is */
    str code = str_of(region->code), trunk = str_of(region->trunk);
    bool dialled = !str_empty(trunk) && str_starts(digits, trunk); /* with what is dialled before a national number */
    if (dialled && digits.length - trunk.length >= region->min && digits.length - trunk.length <= region->max)
        digits = str_slice(digits, trunk.length, digits.length);
    else if (dialled && trunk.data[0] == '0')
        return false; /* no national number begins so */
    else if (str_starts(digits, code) && digits.length - code.length >= region->min && digits.length > region->max)
        digits = str_slice(digits, code.length, digits.length);
    if (digits.length < region->min || digits.length > region->max || doubled(region, digits))
        return false;
    *ret_number = str_printf(arena, "+%s%.*s", region->code, STR_FMT(digits));
    return true;
}

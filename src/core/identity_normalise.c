/* Identifier values in one spelling, so that one address is one identifier: NFKC, case, e-mail, E.164; and what identifies nobody. */
#include "core/core_private.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

static bool blank(ucs4_t c)
{
    return c <= 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

/* What nobody sees and nobody means. */
static bool invisible(ucs4_t c)
{
    return (c >= 0x7f && c <= 0x9f) || c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x2064) || c == 0xfeff;
}

static bool ascii_plain(str value)
{
    for (size_t i = 0; i < value.length; i++)
        if ((uint8_t)value.data[i] <= 0x20 || (uint8_t)value.data[i] >= 0x7f)
            return false;
    return true;
}

/* Takes invisible characters out, and blanks at the ends; blanks within become a space each. */
static str strip(struct arena *arena, str value)
{
    if (ascii_plain(value))
        return value;
    char *out = arena_alloc_raw(arena, value.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < value.length;) {
        ucs4_t c;
        int size = u8_mbtouc(&c, (const uint8_t *)value.data + i, value.length - i);
        if (blank(c))
            out[length++] = ' ';
        else if (!invisible(c)) {
            memcpy(out + length, value.data + i, (size_t)size);
            length += (size_t)size;
        }
        i += (size_t)size;
    }
    return str_trim((str){out, length});
}

static str unicode(struct arena *arena, str value, bool fold)
{
    bool lower = true;
    for (size_t i = 0; i < value.length && lower; i++)
        lower = (uint8_t)value.data[i] < 0x80 && !(fold && value.data[i] >= 'A' && value.data[i] <= 'Z');
    if (lower)
        return value;
    size_t length = 0;
    uint8_t *made = fold ? u8_casefold((const uint8_t *)value.data, value.length, NULL, UNINORM_NFKC, NULL, &length)
                         : u8_normalize(UNINORM_NFKC, (const uint8_t *)value.data, value.length, NULL, &length);
    if (!made)
        return STR_NONE;
    str copy = str_copy(arena, str_bytes(made, length));
    free(made); /* libunistring hands out malloc'ed memory */
    return copy;
}

static bool email_valid(str value)
{
    ptrdiff_t at = str_find_char(value, '@');
    if (at <= 0 || (size_t)at + 1 >= value.length || value.length > 254 || at > 64)
        return false;
    str domain = str_slice(value, (size_t)at + 1, value.length);
    if (str_find_char(domain, '@') >= 0 || str_find(domain, STR("..")) >= 0 || domain.data[0] == '.' || domain.data[0] == '-' ||
        domain.data[domain.length - 1] == '.')
        return false;
    for (size_t i = 0; i < value.length; i++)
        if ((uint8_t)value.data[i] <= 0x20 || strchr("<>()[]\\,;:\"", value.data[i]))
            return false;
    return str_find_char(domain, '.') > 0 || str_equal(domain, STR("localhost"));
}

/* `*` matches any run; case does not matter. */
static bool pattern_matches(str pattern, str value)
{
    size_t p = 0, v = 0, star = SIZE_MAX, mark = 0;
    while (v < value.length) {
        if (p < pattern.length && pattern.data[p] == '*') {
            star = p++;
            mark = v;
        } else if (p < pattern.length && str_equal_nocase(str_slice(pattern, p, p + 1), str_slice(value, v, v + 1))) {
            p++, v++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            v = ++mark;
        } else
            return false;
    }
    while (p < pattern.length && pattern.data[p] == '*')
        p++;
    return p == pattern.length;
}

static bool blocked(const struct identity_key *key, str value)
{
    static const str nobody[] = {STR("null"), STR("undefined"), STR("none"), STR("nil"), STR("nan"), STR("n/a"), STR("unknown"), STR("anonymous"),
                                 STR("[object object]"), STR("(not set)"), STR("0"), STR("00000000-0000-0000-0000-000000000000")};
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++)
        if (value.length == nobody[i].length && str_equal_nocase(value, nobody[i]))
            return true;
    vec_each (pattern, &key->blocked)
        if (pattern_matches(*pattern, value))
            return true;
    return false;
}

/* One spelling: what comes out goes in unchanged. Folding may bring up blanks, and dropping what is invisible may let characters join. */
static bool spell(struct arena *arena, str text, bool fold, str *ret_text)
{
    for (int i = 0; i < 8; i++) {
        str next = strip(arena, unicode(arena, strip(arena, str_trim(text)), fold));
        if (str_equal(next, text)) {
            *ret_text = next;
            return !str_empty(next) && next.length <= LIMIT_IDENTIFIER_BYTES;
        }
        text = next;
    }
    return false;
}

bool identity_normalise(struct arena *arena, const struct identity_key *key, str value, str *ret_value, enum reason *ret_reason)
{
    *ret_reason = REASON_IDENTIFIER_INVALID;
    if (value.length > LIMIT_IDENTIFIER_BYTES || !str_valid_utf8(value))
        return false;
    if (str_find(value, STR("\xef\xbf\xbd")) >= 0) /* U+FFFD stands for bytes that could not be read: two broken values may have been different ones */
        return false;
    if (blocked(key, str_trim(value))) {
        *ret_reason = REASON_IDENTIFIER_BLOCKED;
        return false;
    }
    str text;
    if (!spell(arena, value, key->normalise == NORMALISE_EMAIL || key->normalise == NORMALISE_LOWER, &text))
        return false;
    if (key->normalise == NORMALISE_EMAIL) {
        while (str_starts(text, STR("mailto:")))
            text = str_trim(str_slice(text, 7, text.length));
        if (!email_valid(text))
            return false;
    }
    if (key->normalise == NORMALISE_E164 && !phone_normalise(arena, text, key->default_region, &text))
        return false;
    if (blocked(key, text)) {
        *ret_reason = REASON_IDENTIFIER_BLOCKED;
        return false;
    }
    *ret_value = text;
    return true;
}

const struct err *identity_parse_subject(struct arena *arena, const struct policy *policy, str subject,
                                         struct message_identifier *ret_identifier)
{
    ptrdiff_t colon = str_find_char(subject, ':');
    if (colon <= 0)
        return err_new(arena, ERR_INVALID, "a subject is written type:value, as in email:anna@example.hu");
    str type = str_slice(subject, 0, (size_t)colon), value = str_slice(subject, (size_t)colon + 1, subject.length);
    const struct identity_key *key = policy_key(policy, type);
    if (!key)
        return err_new(arena, ERR_INVALID, "the subject's type is not an identity key of the policy; see `identity.keys`");
    enum reason reason;
    str normal;
    if (!identity_normalise(arena, key, value, &normal, &reason))
        return err_new(arena, ERR_INVALID, "the subject is no %.*s: %s", STR_FMT(key->name), reason_text(reason));
    *ret_identifier = (struct message_identifier){.key = key, .value = normal};
    return NULL;
}

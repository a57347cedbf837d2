/* Hex and base64, both ways. The contract is in str.h. */
#include "base/str.h"

static const char hex_digits[] = "0123456789abcdef";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

str str_hex(struct arena *arena, const void *data, size_t length)
{
    const uint8_t *in = data;
    char *out = arena_alloc_raw(arena, length * 2);
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = hex_digits[in[i] >> 4];
        out[2 * i + 1] = hex_digits[in[i] & 15];
    }
    return (str){out, length * 2};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool str_unhex(str hex, void *ret_data, size_t length)
{
    uint8_t *out = ret_data;
    if (hex.length != length * 2)
        return false;
    for (size_t i = 0; i < hex.length; i++)
        if (hex_value(hex.data[i]) < 0)
            return false;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)((unsigned)hex_value(hex.data[2 * i]) << 4 | (unsigned)hex_value(hex.data[2 * i + 1]));
    return true;
}

static str base64_write(struct arena *arena, const uint8_t *in, size_t length, const char *digits, bool pad)
{
    char *text = arena_alloc_raw(arena, (length + 2) / 3 * 4), *out = text;
    size_t i = 0;
    for (; i + 3 <= length; i += 3) {
        uint32_t bits = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = digits[bits >> 6 & 63];
        *out++ = digits[bits & 63];
    }
    if (i < length) {
        bool two = i + 2 == length;
        uint32_t bits = (uint32_t)in[i] << 16 | (two ? (uint32_t)in[i + 1] << 8 : 0);
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        if (two)
            *out++ = digits[bits >> 6 & 63];
        else if (pad)
            *out++ = '=';
        if (pad)
            *out++ = '=';
    }
    return (str){text, (size_t)(out - text)};
}

str str_base64(struct arena *arena, const void *data, size_t length) { return base64_write(arena, data, length, alphabet, true); }

str str_base64url(struct arena *arena, const void *data, size_t length) { return base64_write(arena, data, length, alphabet_url, false); }

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool str_unbase64(struct arena *arena, str text, str *ret_data)
{
    size_t length = text.length;
    while (length && text.data[length - 1] == '=' && text.length - length < 2)
        length--;
    if ((length != text.length && text.length % 4 != 0) || length % 4 == 1)
        return false;
    char *data = arena_alloc_raw(arena, length / 4 * 3 + 2), *out = data;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < length; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *out++ = (char)(bits >> count);
        }
    }
    if (bits & ((1u << count) - 1)) /* left-over bits must be zero, so that each value has one text */
        return false;
    *ret_data = (str){data, (size_t)(out - data)};
    return true;
}

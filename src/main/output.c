/* Words, tables and JSON on stdout; the contract is in output.h. */
#include "main/output.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uniwidth.h>

enum { TEXT_BYTES_MAX = 1024 * 1024, CELL_BYTES_MAX = 4096, CELL_WIDTH_MAX = 60 };

void output_init(struct output *out, bool json)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    struct winsize size;
    out->json = json;
    out->terminal = isatty(STDOUT_FILENO);
    out->colour = out->terminal && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
    out->width = out->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 100;
}

/* Length of the control character at the front of `s` (C0, DEL, C1), or 0. */
static size_t control_at(str s)
{
    uint8_t c = (uint8_t)s.data[0];
    if (c < 0x20 || c == 0x7f)
        return 1;
    return c == 0xc2 && s.length > 1 && (uint8_t)s.data[1] >= 0x80 && (uint8_t)s.data[1] < 0xa0 ? 2 : 0;
}

static void write_clean(FILE *file, str text)
{
    while (text.length) {
        size_t plain = 0, control = 0;
        while (plain < text.length && !(control = control_at(str_slice(text, plain, text.length))))
            plain++;
        (void)fwrite(text.data, 1, plain, file); /* output_flush tells */
        if (control) {
            char c = text.data[plain];
            (void)fputs(c == '\n' ? "\n" : c == '\t' ? "\t" : "\xef\xbf\xbd", file);
        }
        text = str_slice(text, plain + control, text.length);
    }
}

static void write_format(FILE *file, const char *format, va_list arguments)
{
    char small[1024], *text = small;
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(small, sizeof(small), format, arguments);
    ASSERT(length >= 0);
    if ((size_t)length >= sizeof(small)) {
        text = malloc((size_t)length + 1);
        ASSERT(text);
        (void)vsnprintf(text, (size_t)length + 1, format, again); /* measured just above */
    }
    va_end(again);
    write_clean(file, str_bytes(text, (size_t)length));
    if (text != small)
        free(text);
}

void output_text(const struct output *out, const char *format, ...)
{
    (void)out;
    va_list arguments;
    va_start(arguments, format);
    write_format(stdout, format, arguments);
    va_end(arguments);
}

void output_raw(const struct output *out, str text)
{
    if (out->terminal)
        write_clean(stdout, text);
    else
        (void)fwrite(text.data, 1, text.length, stdout); /* output_flush tells */
}

static const char *const inks[] = {
    [INK_NONE] = "", [INK_BOLD] = "\033[1m", [INK_DIM] = "\033[2m", [INK_GOOD] = "\033[32m", [INK_BAD] = "\033[31m", [INK_WARN] = "\033[33m"};

void output_ink(const struct output *out, enum ink ink, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (out->colour && ink)
        (void)fputs(inks[ink], stdout);
    write_format(stdout, format, arguments);
    if (out->colour && ink)
        (void)fputs("\033[0m", stdout);
    va_end(arguments);
}

void output_complain(const char *format, ...)
{
    va_list arguments;
    (void)fflush(stdout); /* so that words come in order */
    (void)fputs("telos: ", stderr);
    va_start(arguments, format);
    write_format(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void output_note(const char *format, ...)
{
    va_list arguments;
    (void)fflush(stdout); /* so that words come in order */
    va_start(arguments, format);
    write_format(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

bool output_flush(void) { return fflush(stdout) == 0 && !ferror(stdout); }

/* ---- JSON ---- */

static void indent(FILE *file, int depth)
{
    (void)fputc('\n', file);
    for (int i = 0; i < depth; i++)
        (void)fputs("  ", file);
}

/* Its own text, with what might steer a terminal written as an escape; controls below 0x20 cannot stand in JSON. */
static void write_scalar(FILE *file, str raw)
{
    for (size_t i = 0; i < raw.length; i++) {
        uint8_t c = (uint8_t)raw.data[i];
        size_t control = c == 0x7f || c == 0xc2 ? control_at(str_slice(raw, i, raw.length)) : 0;
        if (control == 0) {
            (void)fputc(c, file);
            continue;
        }
        (void)fprintf(file, "\\u%04x", control == 1 ? c : (uint8_t)raw.data[i + 1]);
        i += control - 1;
    }
}

static void write_json(FILE *file, const struct json *value, int depth)
{
    bool object = value->type == JSON_OBJECT;
    if ((!object && value->type != JSON_ARRAY) || value->count == 0) {
        write_scalar(file, value->raw);
        return;
    }
    (void)fputc(object ? '{' : '[', file);
    for (uint32_t i = 0; i < value->count; i++) {
        if (i)
            (void)fputc(',', file);
        indent(file, depth + 1);
        if (object) {
            struct arena arena;
            struct buf name;
            struct jsonw w;
            arena_init(&arena);
            buf_init(&name, &arena, TEXT_BYTES_MAX);
            jsonw_init(&w, &name);
            jsonw_string(&w, value->members[i].name);
            write_scalar(file, buf_str(&name));
            (void)fputs(": ", file);
            arena_release(&arena);
        }
        write_json(file, object ? &value->members[i].value : &value->items[i], depth + 1);
    }
    indent(file, depth);
    (void)fputc(object ? '}' : ']', file);
}

void output_json(const struct output *out, str json_text)
{
    struct arena arena;
    struct json value;
    arena_init(&arena);
    json_text = str_trim(json_text);
    const struct err *error = out->terminal ? json_read(&arena, json_text, &value) : NULL;
    if (out->terminal && !error)
        write_json(stdout, &value, 0);
    else
        (void)fwrite(json_text.data, 1, json_text.length, stdout); /* output_flush tells */
    (void)fputc('\n', stdout);
    arena_release(&arena);
}

/* ---- cells and tables ---- */

static void cell_add(struct buf *out, const struct json *value)
{
    int64_t ms;
    switch ((enum json_type)value->type) {
    case JSON_NULL: return;
    case JSON_FALSE: buf_add(out, STR("no")); return;
    case JSON_TRUE: buf_add(out, STR("yes")); return;
    case JSON_NUMBER: buf_add(out, value->text); return;
    case JSON_STRING:
        if (value->text.length >= 20 && value->text.data[10] == 'T' && str_ends(value->text, STR("Z")) && time_parse(value->text, &ms))
            buf_printf(out, "%.10s %.8s", value->text.data, value->text.data + 11);
        else
            buf_add(out, value->text);
        return;
    case JSON_ARRAY:
        for (uint32_t i = 0; i < value->count; i++) {
            if (i)
                buf_add(out, STR(", "));
            cell_add(out, &value->items[i]);
        }
        return;
    case JSON_OBJECT:
        for (uint32_t i = 0, said = 0; i < value->count; i++) {
            const struct json *member = &value->members[i].value;
            if (member->type == JSON_NULL || (member->type == JSON_STRING && str_empty(json_string(member))))
                continue; /* what is not there needs no name */
            buf_printf(out, "%s%.*s: ", said++ ? ", " : "", STR_FMT(value->members[i].name));
            cell_add(out, member);
        }
        return;
    }
}

str output_cell(struct arena *arena, const struct json *value)
{
    struct buf out;
    buf_init(&out, arena, CELL_BYTES_MAX);
    if (value)
        cell_add(&out, value);
    return buf_str(&out);
}

str output_number(struct arena *arena, uint64_t number)
{
    str digits = str_printf(arena, "%llu", (unsigned long long)number);
    struct buf out;
    buf_init(&out, arena, 64);
    for (size_t i = 0; i < digits.length; i++) {
        if (i && (digits.length - i) % 3 == 0)
            buf_add_char(&out, ',');
        buf_add_char(&out, digits.data[i]);
    }
    return buf_str(&out);
}

str output_span(struct arena *arena, int64_t ms)
{
    int64_t seconds = (ms + SECOND_MS / 2) / SECOND_MS;
    if (ms < 0)
        return str_printf(arena, "0 s");
    if (ms < 10 * SECOND_MS)
        return str_printf(arena, "%.1f s", (double)ms / 1000.0);
    if (seconds < 60)
        return str_printf(arena, "%lld s", (long long)seconds);
    if (seconds < 3600)
        return str_printf(arena, "%lld min %lld s", (long long)(seconds / 60), (long long)(seconds % 60));
    if (seconds < 48 * 3600)
        return str_printf(arena, "%lld h %lld min", (long long)(seconds / 3600), (long long)(seconds / 60 % 60));
    return str_printf(arena, "%lld days", (long long)(seconds / 86400));
}

static size_t text_width(str s)
{
    int width = u8_width((const uint8_t *)s.data, s.length, "UTF-8");
    return width < 0 ? s.length : (size_t)width;
}

/* The beginning of `s` that is no wider than `width`. */
static str text_fit(str s, size_t width)
{
    while (s.length && text_width(s) > width) {
        s.length--;
        while (s.length && ((uint8_t)s.data[s.length] & 0xc0) == 0x80)
            s.length--;
    }
    return s;
}

void table_init(struct table *table, struct arena *arena, const char *const *heads, size_t columns)
{
    *table = (struct table){.arena = arena, .columns = columns, .heads = heads};
}

/* One line: line ends and tabs become spaces, other controls go with write_clean. */
void table_add(struct table *table, str cell)
{
    cell = str_repair_utf8(table->arena, cell);
    char *text = str_z(table->arena, cell);
    for (size_t i = 0; i < cell.length; i++)
        if (text[i] == '\n' || text[i] == '\t' || text[i] == '\r')
            text[i] = ' ';
    *vec_push(table->arena, &table->cells) = str_bytes(text, cell.length);
}

void table_add_items(struct table *table, const struct json *items, const char *const *paths)
{
    for (uint32_t i = 0; items && items->type == JSON_ARRAY && i < items->count; i++)
        for (size_t c = 0; c < table->columns; c++)
            table_add(table, output_cell(table->arena, json_path(&items->items[i], str_of(paths[c]))));
}

void table_print(const struct output *out, const struct table *table)
{
    size_t *widths = arena_array(table->arena, size_t, table->columns);
    size_t rows = table->cells.count / table->columns;
    for (size_t c = 0; c < table->columns; c++) {
        widths[c] = table->heads ? strlen(table->heads[c]) : 0;
        for (size_t r = 0; r < rows; r++) {
            size_t width = text_width(table->cells.items[r * table->columns + c]);
            if (width > widths[c])
                widths[c] = width > CELL_WIDTH_MAX ? CELL_WIDTH_MAX : width;
        }
    }
    for (size_t c = 0; table->heads && rows && c < table->columns; c++) {
        bool last = c + 1 == table->columns;
        output_ink(out, INK_BOLD, "%-*s%s", last ? 0 : (int)widths[c] + 2, table->heads[c], last ? "\n" : "");
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < table->columns; c++) {
            str cell = table->cells.items[r * table->columns + c];
            bool last = c + 1 == table->columns;
            str fit = out->terminal || !last ? text_fit(cell, last ? out->width : widths[c]) : cell;
            if (!last && fit.length < cell.length)
                fit = str_printf(table->arena, "%.*s…", STR_FMT(text_fit(cell, widths[c] - 1)));
            size_t gap = last ? 0 : widths[c] - text_width(fit) + 2;
            output_text(out, "%.*s%*s", STR_FMT(fit), (int)gap, "");
        }
        output_text(out, "\n");
    }
}

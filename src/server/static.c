/* Files of the console: those in the program, or those of a folder (--console) while one works on them; and a plain page where there is none.
 *
 * 1. Only names of letters, digits, '-', '_' and '.', none that begins with a dot: nothing outside the folder can be named.
 * 2. Files of the program are packed already; names under /assets/ have a hash of their content and are kept for ever, everything else is asked for again.
 * 3. A page of the console that is no file (its own routing) gets index.html; anything else that is missing is a problem document.
 */
#include "base/gzip.h"
#include "server/console_files.h"
#include "server/server_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *ending, *type;
} types[] = {{".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".mjs", "text/javascript; charset=utf-8"},
             {".css", "text/css; charset=utf-8"},   {".json", "application/json"},             {".map", "application/json"},
             {".svg", "image/svg+xml"},             {".png", "image/png"},                     {".ico", "image/x-icon"},
             {".webp", "image/webp"},               {".woff2", "font/woff2"},                  {".txt", "text/plain; charset=utf-8"},
             {".webmanifest", "application/manifest+json"}};

static const char page[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Telos</title>\n<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<style>body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}code{background:#eee;padding:.1rem .3rem}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}code{background:#333}a{color:#8bf}}</style>\n"
    "<h1>Telos is running</h1>\n<p>A customer data platform that keeps data tied to its purpose. The console was not built into this program: "
    "<code>./run</code> builds it, or <code>cd console/app &amp;&amp; npm ci &amp;&amp; npm run build</code> before the program itself. Everything works over HTTP and with the "
    "<code>telos</code> command, too.</p>\n"
    "<ul>\n<li><a href=\"/openapi.json\">/openapi.json</a>: every address, who may use it, what it takes and gives</li>\n"
    "<li><a href=\"/readyz\">/readyz</a>: whether it can take data now</li>\n"
    "<li><a href=\"/metrics\">/metrics</a>: its counters</li>\n"
    "<li><a href=\"/v1/evidence/checkpoint\">/v1/evidence/checkpoint</a>: the signed head of the evidence log</li>\n</ul>\n"
    "<p>Send data with any Segment or RudderStack SDK: point it here, with the write key of a source. Make an API token with "
    "<code>telos token create --role agent --purpose NAME</code>, then ask for <code>/v1/profiles/email:…</code> with it.</p>\n</html>\n";

static bool name_ok(str name)
{
    if (str_empty(name) || name.data[0] == '.' || name.length > 128)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static bool path_ok(str path)
{
    str part, rest = str_slice(path, 1, path.length);
    if (!str_starts(path, STR("/")) || path.length > 512)
        return false;
    while (!str_empty(rest) && str_split(&rest, '/', &part))
        if (!name_ok(part))
            return false;
    return true;
}

static const char *type_of(str path)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (str_ends(path, str_of(types[i].ending)))
            return types[i].type;
    return "application/octet-stream";
}

/* No script or style but our own files, nothing from another host, in nobody's frame. */
static void page_headers(struct call *call)
{
    reply_header(call, "Content-Security-Policy",
                 "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
                 "frame-ancestors 'none'; base-uri 'none'; form-action 'self'");
    reply_header(call, "X-Frame-Options", "DENY");
    reply_header(call, "Cross-Origin-Opener-Policy", "same-origin");
    reply_header(call, "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if (call_https(call))
        reply_header(call, "Strict-Transport-Security", "max-age=31536000");
}

static void file_headers(struct call *call, str path, const char *tag)
{
    bool hashed = str_starts(path, STR("/assets/")); /* their names change with their content */
    reply_header(call, MHD_HTTP_HEADER_ETAG, tag);
    reply_header(call, MHD_HTTP_HEADER_CACHE_CONTROL, hashed ? "public, max-age=31536000, immutable" : "no-cache");
    reply_header(call, "X-Content-Type-Options", "nosniff");
    reply_header(call, "Referrer-Policy", "no-referrer");
    reply_header(call, "Cross-Origin-Resource-Policy", "same-origin");
    if (str_ends(path, STR(".html")))
        page_headers(call);
}

static const struct console_file *file_within(str path)
{
    for (size_t i = 0; i < console_file_count; i++)
        if (str_equal(path, str_of(console_files[i].path)))
            return &console_files[i];
    return NULL;
}

/* One of the program's own; unpacked for the rare client that takes no gzip. */
static bool reply_within(struct call *call, str path)
{
    const struct console_file *file = file_within(path);
    if (!file)
        return false;
    str packed = str_bytes(file->packed, file->packed_size), plain = STR_NONE;
    bool gzip = str_find(call_header(call, MHD_HTTP_HEADER_ACCEPT_ENCODING), STR("gzip")) >= 0;
    if (str_equal(call_header(call, MHD_HTTP_HEADER_IF_NONE_MATCH), str_of(file->tag))) {
        reply_empty(call, MHD_HTTP_NOT_MODIFIED);
    } else {
        if (!gzip && gzip_unpack(&call->arena, packed, LIMIT_GZIP_RATIO_BYTES, &plain))
            return false;
        reply_text(call, MHD_HTTP_OK, NULL, gzip ? packed : plain);
        reply_header(call, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
        if (gzip)
            reply_header(call, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    }
    reply_header(call, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    file_headers(call, path, file->tag);
    return true;
}

/* One of the folder's. False when there is no such file. */
static bool reply_folder(struct call *call, str path)
{
    struct stat about;
    int fd = open(arena_printf(&call->arena, "%s%.*s", call->server->console, STR_FMT(path)), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (fstat(fd, &about) || !S_ISREG(about.st_mode)) {
        close(fd);
        return false;
    }
    const char *tag = arena_printf(&call->arena, "\"%llx-%llx\"", (unsigned long long)about.st_mtime, (unsigned long long)about.st_size);
    bool same = str_equal(call_header(call, MHD_HTTP_HEADER_IF_NONE_MATCH), str_of(tag));
    if (same) {
        close(fd);
        reply_empty(call, MHD_HTTP_NOT_MODIFIED);
    } else {
        reply_text(call, MHD_HTTP_OK, NULL, STR_NONE);
        reply_header(call, MHD_HTTP_HEADER_CONTENT_TYPE, type_of(path));
        call->reply.response = MHD_create_response_from_fd((uint64_t)about.st_size, fd);
        ASSERT(call->reply.response);
    }
    file_headers(call, path, tag);
    return true;
}

static bool reply_file(struct call *call, str path) { return call->server->console ? reply_folder(call, path) : reply_within(call, path); }

const struct err *static_get(struct call *call)
{
    str path = call->path;
    bool root = str_empty(path) || str_equal(path, STR("/"));
    bool api = str_starts(path, STR("/v1/"));
    if (!api && (root || path_ok(path))) {
        if (!root && reply_file(call, path))
            return NULL;
        bool page_of_console = str_find_char(path, '.') < 0 && str_find(call_header(call, MHD_HTTP_HEADER_ACCEPT), STR("text/html")) >= 0;
        if ((root || page_of_console) && reply_file(call, STR("/index.html")))
            return NULL;
    }
    if (!root)
        return err_new(&call->arena, ERR_NOT_FOUND, "no such address; /openapi.json lists all that there are");
    reply_text(call, MHD_HTTP_OK, "text/html; charset=utf-8", str_bytes(page, sizeof(page) - 1));
    reply_header(call, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    return NULL;
}

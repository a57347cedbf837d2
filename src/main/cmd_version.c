/* `telos version`: of the program and of the libraries that it stands on. */
#include "main/commands.h"

#include <curl/curl.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <sqlite3.h>

static enum status version(struct run *run)
{
    const struct {
        const char *name, *version;
    } parts[] = {
        {"telos", TELOS_VERSION},
        {"sqlite", sqlite3_libversion()},
        {"libmicrohttpd", MHD_get_version()},
        {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
        {"libsodium", sodium_version_string()},
        {"libcurl", curl_version_info(CURLVERSION_NOW)->version},
    };
    struct buf text;
    struct jsonw w;
    body_begin(run, &text, &w);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        body_add(&w, parts[i].name, parts[i].version);
        if (!run->out.json)
            output_text(&run->out, i ? "  %s %s\n" : "%s %s\n", parts[i].name, parts[i].version);
    }
    jsonw_object_end(&w);
    if (run->out.json)
        output_json(&run->out, buf_str(&text));
    return STATUS_DONE;
}

static const struct action actions[] = {{NULL, "", "", 0, 0, version}};

const struct command command_version = {
    .name = "version",
    .summary = "version of the program and of its libraries",
    .about = "",
    .actions = ROWS(actions),
    .common = COMMON_DATA, /* as everywhere; it is left alone */
    .example = "  telos version\n",
};

/* `telos verify`: receipts, proofs, exports and checkpoints checked offline. Needs files and the public key, nothing
 * else. */
#include "main/commands.h"

#include "evidence/verify.h"
#include "main/file.h"

#include <unistd.h>

enum { KEYS_MAX = 64, KEY_FILE_BYTES_MAX = 64 * 1024, LINES_EACH = 8 };

/* Lines of verifier keys, or one key as it is. */
static enum status keys_read(struct run *run, const char *path, struct note_key *keys, size_t *ret_count)
{
    str text = str_of(path), line;
    const struct err *error;
    *ret_count = 0;
    if (access(path, F_OK) == 0 || str_find_char(text, '+') < 0) {
        error = file_read(run->arena, path, KEY_FILE_BYTES_MAX, &text);
        if (error)
            return run_misuse(run, "%s", error->text);
    }
    while (str_split(&text, '\n', &line) && *ret_count < KEYS_MAX) {
        if (str_empty(str_trim(line)))
            continue;
        error = note_verifier_parse(run->arena, str_trim(line), &keys[*ret_count]);
        if (error)
            return run_misuse(run, "--key: %s", error->text);
        ++*ret_count;
    }
    return *ret_count ? STATUS_DONE : run_misuse(run, "--key %s holds no key", path);
}

static void write_report(struct run *run, const struct verify_report *report)
{
    struct buf text;
    struct jsonw w;
    buf_init(&text, run->arena, LIMIT_REPLY_BYTES);
    jsonw_init(&w, &text);
    jsonw_object(&w);
    jsonw_field_bool(&w, "verified", report->bad_count == 0);
    jsonw_field_int(&w, "bad", (int64_t)report->bad_count);
    jsonw_key(&w, STR("findings"));
    jsonw_array(&w);
    vec_each (finding, &report->findings) {
        jsonw_object(&w);
        jsonw_field_bool(&w, "ok", finding->ok);
        if (finding->note)
            jsonw_field_bool(&w, "note", true);
        jsonw_field(&w, "what", finding->what);
        jsonw_field(&w, "why", finding->why);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    output_json(&run->out, buf_str(&text));
}

static bool has_key_beside(const struct run *run)
{
    const char *path = run->arguments[0], *slash = strrchr(path, '/');
    str folder = slash ? str_bytes(path, (size_t)(slash - path) + 1) : STR("./");
    return access(arena_printf(run->arena, "%s/key.pub", path), F_OK) == 0 || access(arena_printf(run->arena, "%.*skey.pub", STR_FMT(folder)), F_OK) == 0 ||
           access(arena_printf(run->arena, "%.*s../key.pub", STR_FMT(folder)), F_OK) == 0;
}

/* The key to trust: of --key, else of the data directory that --data names, else one beside the file (NULL), else of the data directory that there is. */
static const char *key_choose(const struct run *run)
{
    const char *key = run_option(run, "--key");
    if (key)
        return key;
    const char *of_data = arena_printf(run->arena, "%s/keys/verifier.pub", config_get(&run->config, SETTING_DATA));
    if (run->config.origins[SETTING_DATA] == ORIGIN_FLAG)
        return of_data;
    if (has_key_beside(run) || access(of_data, R_OK) != 0)
        return NULL;
    if (!run->out.json)
        output_note("The key is that of this machine, %s.", of_data);
    return of_data;
}

static str file_of(const struct verify_finding *finding) /* "records/000.ndjson" of "records/000.ndjson:12" */
{
    int64_t colon = str_find_char(finding->what, ':');
    return colon < 0 ? finding->what : str_slice(finding->what, 0, (size_t)colon);
}

static void finding_print(struct run *run, const struct verify_finding *finding)
{
    output_ink(&run->out, finding->ok ? INK_GOOD : INK_BAD, "%s", finding->note ? "NOTE" : finding->ok ? "ok " : "BAD");
    output_text(&run->out, "  %.*s: %.*s\n", STR_FMT(finding->what), STR_FMT(finding->why));
}

/* Each finding; but of a file in whose lines much holds, one line in all, so that what does not hold is seen. */
static void findings_print(struct run *run, const struct verify_report *report)
{
    bool each = run_has(run, "--each");
    for (size_t i = 0, next; i < report->findings.count; i = next) {
        const struct verify_finding *first = &report->findings.items[i];
        for (next = i + 1; !each && first->ok && !first->note && next < report->findings.count; next++) {
            const struct verify_finding *other = &report->findings.items[next];
            if (!other->ok || other->note || !str_equal(file_of(other), file_of(first)))
                break;
        }
        if (next - i < LINES_EACH) {
            for (; i < next; i++)
                finding_print(run, &report->findings.items[i]);
            continue;
        }
        output_ink(&run->out, INK_GOOD, "ok ");
        output_text(&run->out, "  %.*s: %zu checks of its lines\n", STR_FMT(file_of(first)), next - i);
    }
}

static enum status verify(struct run *run)
{
    struct verify_report report = {0};
    struct note_key *keys = arena_array(run->arena, struct note_key, KEYS_MAX);
    size_t key_count = 0;
    const char *key = key_choose(run);
    enum status status = key ? keys_read(run, key, keys, &key_count) : STATUS_DONE;
    if (status)
        return status;
    const struct err *error = verify_path(run->arena, run->arguments[0], keys, key_count, &report);
    if (error)
        return run_misuse(run, "%s", error->text);
    if (run->out.json) {
        write_report(run, &report);
        return report.bad_count ? STATUS_NO : STATUS_DONE;
    }
    findings_print(run, &report);
    if (report.bad_count)
        output_ink(&run->out, INK_BAD, "%zu of %zu checks failed\n", report.bad_count, report.findings.count);
    else
        output_ink(&run->out, INK_GOOD, "%zu checks, all good\n", report.findings.count);
    return report.bad_count ? STATUS_NO : STATUS_DONE;
}

static const struct action actions[] = {{NULL, "FILE|DIR", "", 1, 1, verify}};
static const struct option options[] = {
    {"--key", "KEY|FILE", "the public key that you trust; default: that of --data (DIR/keys/verifier.pub), else the one beside the file", false},
    {"--each", NULL, "print each check of each line, also where all of a file's lines hold", false},
};

const struct command command_verify = {
    .name = "verify",
    .summary = "check receipts, proofs, exports and checkpoints offline",
    .about = "Needs no server and no data directory. Without --key and --data, a key found beside the file is used, and said to "
             "be\nunchecked; where none is, that of a data directory on this machine.\n"
             "Status 1 when anything does not hold.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_DATA,
    .example = "  telos consent receipt 0192f3a1-7c1e-7a63-b1a4-3d1f0a5c9e21 > receipt.json\n"
               "  telos verify receipt.json --key data/keys/verifier.pub\n",
};

/* `telos signal`: what a consent string says, read on this machine; a person's signal stated; what a person's tags may do. */
#include "main/commands.h"

#include "base/time.h"
#include "core/signal.h"
#include "main/client.h"
#include "main/policy_file.h"
#include "signal/describe.h"

/* The argument: a JSON object as it is, anything else as a string. */
static enum status read_value(struct run *run, const char *argument, struct json *ret_value)
{
    str text = str_trim(str_of(argument));
    if (!str_starts(text, STR("{"))) {
        *ret_value = json_make_string(text);
        return STATUS_DONE;
    }
    const struct err *error = json_read(run->arena, text, ret_value);
    return error ? run_misuse(run, "the value looks like JSON, but is none: %s", error->text) : STATUS_DONE;
}

static enum status read_kind(struct run *run, const struct json *value, enum signal_kind *ret_kind)
{
    const char *kind = run_option(run, "--kind");
    if (kind ? signal_kind_parse(str_of(kind), ret_kind) : signal_guess(json_string(value), ret_kind))
        return STATUS_DONE;
    return run_misuse(run, "--kind is one of category_preferences, tcf, gpp, gpc, consent_mode%s", kind ? "" : "; by its looks this is none of them");
}

/* ---- decode ---- */

static void show_value(struct run *run, const char *indent, const struct json *value);

static void show_object(struct run *run, const char *indent, const struct json *object)
{
    for (uint32_t i = 0; i < object->count; i++) {
        const struct json_member *member = &object->members[i];
        bool deep = (member->value.type == JSON_OBJECT && member->value.count) ||
                    (member->value.type == JSON_ARRAY && member->value.count && member->value.items[0].type == JSON_OBJECT);
        output_text(&run->out, "%s%-42.*s", indent, STR_FMT(member->name));
        if (deep) {
            output_text(&run->out, "\n");
            show_value(run, arena_printf(run->arena, "%s  ", indent), &member->value);
        } else
            output_text(&run->out, " %.*s\n", STR_FMT(output_cell(run->arena, &member->value)));
    }
}

static void show_value(struct run *run, const char *indent, const struct json *value)
{
    if (value->type == JSON_OBJECT)
        show_object(run, indent, value);
    for (uint32_t i = 0; value->type == JSON_ARRAY && i < value->count; i++) {
        if (i)
            output_text(&run->out, "\n");
        show_value(run, indent, &value->items[i]);
    }
}

static enum status decode(struct run *run)
{
    struct policy_file file = {0};
    struct json value, shown;
    struct buf out;
    struct jsonw w;
    enum signal_kind kind = SIGNAL_TCF;
    int64_t at_ms;
    enum status status = read_value(run, run->arguments[0], &value);
    if (!status)
        status = read_kind(run, &value, &kind);
    if (!status)
        status = run_time(run, "--at", &at_ms);
    if (!status && run_option(run, "--policy"))
        status = policy_file_load(run, run_option(run, "--policy"), &file);
    if (status)
        return status;
    buf_init(&out, run->arena, LIMIT_REPLY_BYTES);
    jsonw_init(&w, &out);
    signal_show(&w, run->arena, file.policy, kind, &value, at_ms == TIME_NONE ? clock_now_ms() : at_ms);
    policy_file_release(&file);
    const struct err *error = json_read(run->arena, buf_str(&out), &shown);
    if (error)
        return run_fail(run, error);
    if (run->out.json)
        output_json(&run->out, buf_str(&out));
    else
        show_value(run, "", &shown);
    const struct json *readable = json_path(&shown, STR("decoded.readable"));
    return readable && readable->type == JSON_FALSE ? STATUS_NO : STATUS_DONE;
}

/* ---- with a person ---- */

static enum status tell(struct run *run)
{
    static const char *const heads[] = {"PURPOSE", "SAYS", "STATUS", "WHY"};
    static const char *const paths[] = {"purpose", "says", "status", "why"};
    struct http_reply reply;
    struct json value;
    struct buf body;
    struct jsonw w;
    struct table table;
    int64_t at_ms;
    enum status status = read_value(run, run->arguments[1], &value);
    if (!status)
        status = run_time(run, "--at", &at_ms);
    if (status)
        return status;
    body_begin(run, &body, &w);
    body_add(&w, "subject", run->arguments[0]);
    body_add(&w, "kind", run_option(run, "--kind"));
    body_add(&w, "source", run_option(run, "--source"));
    jsonw_key(&w, STR("value"));
    if (json_is_string(&value))
        jsonw_string(&w, value.text);
    else
        jsonw_value(&w, &value);
    if (run_has(run, "--fresh"))
        jsonw_field_bool(&w, "fresh", true);
    if (at_ms != TIME_NONE)
        jsonw_field_time(&w, "at", at_ms);
    jsonw_object_end(&w);
    if ((status = run_post(run, STR("/v1/consents/signals"), buf_str(&body), &reply)))
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    table_init(&table, run->arena, heads, 4);
    table_add_items(&table, json_get(&reply.json, STR("records")), paths);
    table_add_items(&table, json_get(&reply.json, STR("unchanged")), paths);
    table_print(&run->out, &table);
    return STATUS_DONE;
}

static enum status state(struct run *run)
{
    struct http_reply reply;
    str path = path_with(run->arena, STR("/v1/consents/state"), "subject", run->arguments[0]);
    enum status status = run_get(run, path, STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json)
        output_json(&run->out, reply.body);
    else
        show_value(run, "", &reply.json);
    return STATUS_DONE;
}

static const struct action actions[] = {
    {"decode", "STRING", "what a TC, GPP or Consent Mode string says, field by field; status 1 where it cannot be believed", 1, 1, decode},
    {"tell", "TYPE:VALUE STRING", "a person's signal: which records it makes, and why", 2, 2, tell},
    {"state", "TYPE:VALUE", "what a site's tags may do for the person", 1, 1, state},
};
static const struct option options[] = {
    {"--kind", "KIND", "category_preferences, tcf, gpp, gpc or consent_mode; default: by its looks", false},
    {"--policy", "FILE", "decode: also show to which purposes of this policy it speaks", false},
    {"--at", "TIME", "when it was said; default: now", false},
    {"--source", "NAME", "tell: the source that it came from", false},
    {"--fresh", NULL, "tell: the person has just chosen", false},
};

const struct command command_signal = {
    .name = "signal",
    .summary = "read consent strings of the web, and hear or give out what they say",
    .about = "A value that begins with { is read as JSON, as in '{\"Advertising\": true}'. decode works on this machine alone.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos signal decode DBABTA~1YNN\n"
               "  telos signal decode --policy policy.yaml --kind consent_mode '{\"ad_user_data\": \"granted\"}'\n"
               "  telos signal tell user_id:1017 DBABTA~1YYN --source web\n"
               "  telos signal state user_id:1017 --json\n",
};

/* What the consent banner asks of a source: its purposes that rest on consent and that a consent category decides (`signals:`), with their texts.
 * Public, as the write key is: nothing in it is personal.
 */
#include "server/server_private.h"

#include "base/gzip.h"

extern const unsigned char banner_js[]; /* console/banner/telos-consent.js, packed */
extern const unsigned banner_js_size;
extern const char banner_js_tag[];

static void write_texts(struct jsonw *w, const char *name, const local_texts *texts, str otherwise)
{
    jsonw_key(w, str_of(name));
    jsonw_object(w);
    vec_each (text, texts) {
        jsonw_key(w, text->language);
        jsonw_string(w, text->text);
    }
    if (!texts->count && !str_empty(otherwise))
        jsonw_field(w, "en", otherwise);
    jsonw_object_end(w);
}

static bool is_asked(const struct source *source, const struct purpose *purpose, int64_t now_ms)
{
    bool running = (purpose->starts_ms == TIME_NONE || purpose->starts_ms <= now_ms) && now_ms < purpose->ends_ms;
    return (source->purposes & purpose->self) && running && purpose_basis(purpose, source->jurisdiction) == BASIS_CONSENT && !purpose->explicit_consent;
}

static void write_purpose(struct call *call, struct jsonw *w, const struct purpose *purpose)
{
    jsonw_object(w);
    jsonw_field(w, "name", purpose->name);
    write_texts(w, "title", &purpose->titles, purpose->title);
    write_texts(w, "description", &purpose->descriptions, purpose->description);
    jsonw_field_bool(w, "gpc", purpose->gpc_objects);
    if (purpose->notice != SLOT_NONE) {
        const struct notice *notice = &call->policy->notices.items[purpose->notice];
        uint32_t least = purpose->notice_min_version ? purpose->notice_min_version : notice->renew_older_than;
        jsonw_key(w, STR("notice"));
        jsonw_object(w);
        jsonw_field(w, "id", notice->name);
        jsonw_field_int(w, "version", notice->version);
        jsonw_field_int(w, "needs", least);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

static void write_modes(struct jsonw *w, const struct policy *policy, purpose_mask mask)
{
    jsonw_key(w, STR("consent_mode"));
    jsonw_array(w);
    vec_each (purpose, &policy->purposes)
        if (mask & purpose->self)
            vec_each (mode, &purpose->consent_mode)
                jsonw_string(w, *mode);
    jsonw_array_end(w);
}

/* In the order of the policy's purposes: the map of categories has none. */
static purpose_mask write_categories(struct call *call, struct jsonw *w, const struct source *source)
{
    const struct policy *policy = call->policy;
    struct map done;
    purpose_mask all = 0;
    map_init(&done, &call->arena);
    jsonw_key(w, STR("categories"));
    jsonw_array(w);
    vec_each (purpose, &policy->purposes) {
        if (!is_asked(source, purpose, call->received_ms))
            continue;
        vec_each (id, &purpose->signals) {
            purpose_mask mask = 0;
            if (map_get(&done, *id))
                continue;
            map_set(&done, *id, w);
            jsonw_object(w);
            jsonw_field(w, "id", *id);
            jsonw_key(w, STR("purposes"));
            jsonw_array(w);
            const purpose_mask *decided = map_get(&policy->signal_by_category, *id);
            vec_each (other, &policy->purposes) {
                if (!decided || !(*decided & other->self) || !is_asked(source, other, call->received_ms))
                    continue;
                write_purpose(call, w, other);
                mask |= other->self;
            }
            jsonw_array_end(w);
            write_modes(w, policy, mask);
            jsonw_object_end(w);
            all |= mask;
        }
    }
    jsonw_array_end(w);
    return all;
}

static void write_notices(struct call *call, struct jsonw *w, purpose_mask mask)
{
    const struct policy *policy = call->policy;
    jsonw_key(w, STR("notices"));
    jsonw_object(w);
    vec_each (notice, &policy->notices) {
        bool used = false;
        vec_each (purpose, &policy->purposes)
            used |= (mask & purpose->self) && purpose->notice == notice->slot;
        if (!used)
            continue;
        jsonw_key(w, notice->name);
        jsonw_object(w);
        vec_each (text, &notice->texts)
            jsonw_field(w, str_z(&call->arena, text->language), text->content);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

const struct err *banner_get(struct call *call)
{
    struct jsonw w;
    str name;
    if (!call->policy || !engine_write_key(call->server->engine, &call->arena, call->policy, call->parameters[0], &name))
        return err_new(&call->arena, ERR_NOT_FOUND, "no source has this write key");
    const struct source *source = policy_source(call->policy, name);
    if (!source)
        return err_new(&call->arena, ERR_NOT_FOUND, "no source has this write key");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "source", source->name);
    jsonw_field(&w, "controller", call->policy->controller);
    jsonw_field(&w, "contact", call->policy->contact);
    jsonw_field_int(&w, "policy_version", call->policy->version);
    purpose_mask all = write_categories(call, &w, source);
    write_notices(call, &w, all);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *banner_js_get(struct call *call)
{
    str packed = str_bytes(banner_js, banner_js_size), plain = STR_NONE;
    bool gzip = str_find(call_header(call, MHD_HTTP_HEADER_ACCEPT_ENCODING), STR("gzip")) >= 0;
    if (str_equal(call_header(call, MHD_HTTP_HEADER_IF_NONE_MATCH), str_of(banner_js_tag))) {
        reply_empty(call, MHD_HTTP_NOT_MODIFIED);
    } else {
        if (!gzip)
            TRY(gzip_unpack(&call->arena, packed, LIMIT_GZIP_RATIO_BYTES, &plain));
        reply_text(call, MHD_HTTP_OK, NULL, gzip ? packed : plain);
        reply_header(call, MHD_HTTP_HEADER_CONTENT_TYPE, "text/javascript; charset=utf-8");
        if (gzip)
            reply_header(call, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    }
    reply_header(call, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    reply_header(call, MHD_HTTP_HEADER_ETAG, banner_js_tag);
    reply_header(call, MHD_HTTP_HEADER_CACHE_CONTROL, "public, max-age=3600"); /* each page of a site asks for it */
    reply_header(call, "X-Content-Type-Options", "nosniff");
    reply_header(call, "Cross-Origin-Resource-Policy", "cross-origin"); /* it is made for other sites' pages */
    return NULL;
}

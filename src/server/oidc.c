/* Signing on by an OpenID provider: authorization code with PKCE.
 *
 *   oidc_start: discovery ─▶ state, nonce, verifier kept ─▶ 303 to the provider ─▶ oidc_callback: state? ─▶ code for tokens ─▶ ID token checked
 *   ─▶ claims give a role ─▶ the user is made, or follows the claims ─▶ session_start ─▶ 303 to where one wanted to go
 *
 * 1. Asking the provider happens on the login workers, with bounds on time and bytes, over HTTPS (HTTP only to this machine itself), without redirects.
 * 2. A state is good once, for ten minutes, and only in the browser that it was made for (a cookie of its own, SameSite=Lax: the way back comes from elsewhere).
 * 3. Who has none of the configured roles may not sign in; a role that was taken away there is gone here at the next sign-on.
 * 4. What went wrong is a word in the log and on the page; never a token, a code, a claim.
 */
#include "server/oidc_token.h"
#include "server/server_private.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdlib.h>

#define STATE_COOKIE "telos_oidc"
#define PENDING_MAX 1024
#define PENDING_MS (10 * MINUTE_MS)
#define DISCOVERY_MS HOUR_MS
#define KEYS_GAP_MS (10 * SECOND_MS) /* a token of an unknown key has the set asked for anew, but not more often */
#define FETCH_S 5L
#define FETCH_BYTES_MAX (256 * 1024)

struct pending {
    uint8_t state[32]; /* SHA-256 of it */
    char nonce[44], verifier[44];
    char to[256];
    int64_t until_ms; /* 0: free */
};
struct oidc {
    struct arena arena; /* settings */
    str issuer, client, secret, title, scopes, role_claim, roles;
    pthread_mutex_t lock; /* guards what follows */
    struct arena found_arena;
    str authorize, token, keys_url, keys; /* of discovery; empty: not yet */
    int64_t found_ms, keys_ms;
    struct pending pending[PENDING_MAX];
};

void oidc_write(const struct oidc *oidc, struct jsonw *w)
{
    if (!oidc) {
        jsonw_null(w);
        return;
    }
    jsonw_object(w);
    jsonw_field(w, "title", oidc->title);
    jsonw_field(w, "url", STR("/v1/session/oidc"));
    jsonw_object_end(w);
}

static str setting(struct oidc *oidc, const char *value, const char *otherwise)
{
    return str_copy(&oidc->arena, str_of(value && *value ? value : otherwise));
}

const struct err *oidc_open(struct arena *arena, struct server *server, const struct oidc_options *options)
{
    if (!options->issuer || !*options->issuer)
        return NULL;
    const char *fault = oidc_roles_fault(str_of(options->roles));
    if (fault)
        return err_new(arena, ERR_INVALID, "the setting `oidc_roles`: %s", fault);
    if (!options->client_id || !*options->client_id)
        return err_new(arena, ERR_INVALID, "the setting `oidc_client_id` is missing");
    struct oidc *oidc = calloc(1, sizeof *oidc);
    ASSERT(oidc);
    arena_init(&oidc->arena);
    arena_init(&oidc->found_arena);
    pthread_mutex_init(&oidc->lock, NULL);
    oidc->issuer = setting(oidc, options->issuer, "");
    oidc->client = setting(oidc, options->client_id, "");
    oidc->secret = setting(oidc, options->client_secret, "");
    oidc->title = setting(oidc, options->title, "Single sign-on");
    oidc->scopes = setting(oidc, options->scopes, "openid profile email");
    oidc->role_claim = setting(oidc, options->role_claim, "roles");
    oidc->roles = setting(oidc, options->roles, "");
    server->oidc = oidc;
    return NULL;
}

void oidc_close(struct server *server)
{
    struct oidc *oidc = server->oidc;
    if (!oidc)
        return;
    pthread_mutex_destroy(&oidc->lock);
    arena_release(&oidc->arena);
    arena_release(&oidc->found_arena);
    sodium_memzero(oidc->pending, sizeof oidc->pending);
    free(oidc);
    server->oidc = NULL;
}

/* ---- asking the provider ---- */

static size_t take(char *data, size_t one, size_t count, void *context)
{
    struct buf *out = context;
    buf_add(out, str_bytes(data, one * count));
    return out->overflow ? 0 : one * count;
}

static bool address_ok(str address)
{
    return str_starts(address, STR("https://")) || str_starts(address, STR("http://127.0.0.1:")) || str_starts(address, STR("http://localhost:"));
}

/* GET, or POST with a form. False where nothing good came. */
static bool fetch(const struct oidc *oidc, struct arena *arena, str address, const char *form, str *ret_body)
{
    struct buf out;
    long status = 0;
    if (!address_ok(address))
        return false;
    CURL *curl = curl_easy_init();
    ASSERT(curl);
    buf_init(&out, arena, FETCH_BYTES_MAX);
    curl_easy_setopt(curl, CURLOPT_URL, str_z(arena, address));
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, FETCH_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out);
    if (form) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form);
        if (!str_empty(oidc->secret)) {
            curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
            curl_easy_setopt(curl, CURLOPT_USERNAME, str_z(arena, oidc->client));
            curl_easy_setopt(curl, CURLOPT_PASSWORD, str_z(arena, oidc->secret));
        }
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    *ret_body = buf_str(&out);
    return code == CURLE_OK && status == 200 && !out.overflow;
}

/* With the lock held, as all of these. */
static bool discover(struct oidc *oidc, struct arena *arena)
{
    struct json found;
    str body;
    int64_t now_ms = clock_now_ms();
    if (!str_empty(oidc->authorize) && now_ms - oidc->found_ms < DISCOVERY_MS)
        return true;
    str slash = str_ends(oidc->issuer, STR("/")) ? STR("") : STR("/");
    str address = str_printf(arena, "%.*s%.*s.well-known/openid-configuration", STR_FMT(oidc->issuer), STR_FMT(slash));
    if (!fetch(oidc, arena, address, NULL, &body) || json_read(arena, body, &found) || !str_equal(json_string(json_get(&found, STR("issuer"))), oidc->issuer))
        return false;
    str authorize = json_string(json_get(&found, STR("authorization_endpoint"))), token = json_string(json_get(&found, STR("token_endpoint")));
    str keys = json_string(json_get(&found, STR("jwks_uri")));
    if (!address_ok(authorize) || !address_ok(token) || !address_ok(keys))
        return false;
    arena_clear(&oidc->found_arena);
    oidc->authorize = str_copy(&oidc->found_arena, authorize);
    oidc->token = str_copy(&oidc->found_arena, token);
    oidc->keys_url = str_copy(&oidc->found_arena, keys);
    oidc->keys = STR_NONE;
    oidc->keys_ms = 0;
    oidc->found_ms = now_ms;
    return true;
}

/* The key set that has the key of this token, if any has. */
static bool keys_for(struct oidc *oidc, struct arena *arena, str token, str *ret_keys)
{
    int64_t now_ms = clock_now_ms();
    str body;
    if (!oidc_token_key_known(arena, token, oidc->keys) && now_ms - oidc->keys_ms >= KEYS_GAP_MS && fetch(oidc, arena, oidc->keys_url, NULL, &body)) {
        oidc->keys = str_copy(&oidc->found_arena, body);
        oidc->keys_ms = now_ms;
    }
    *ret_keys = str_copy(arena, oidc->keys);
    return !str_empty(oidc->keys);
}

/* ---- the way there ---- */

static void random_text(char ret_text[44])
{
    uint8_t bytes[32];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(ret_text, 44, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* Only a path of our own: no other host, no control character. */
static bool to_ok(str to)
{
    if (str_empty(to) || to.length >= 256 || to.data[0] != '/' || (to.length > 1 && (to.data[1] == '/' || to.data[1] == '\\')))
        return false;
    for (size_t i = 0; i < to.length; i++)
        if ((unsigned char)to.data[i] <= 0x20 || (unsigned char)to.data[i] >= 0x7f || to.data[i] == '\\')
            return false;
    return true;
}

static struct pending *pending_new(struct oidc *oidc, str state, str to)
{
    int64_t now_ms = clock_now_ms();
    struct pending *place = &oidc->pending[0];
    struct hash hash;
    for (size_t i = 0; i < PENDING_MAX; i++)
        if (oidc->pending[i].until_ms < place->until_ms)
            place = &oidc->pending[i];
    hash_sha256(state, &hash);
    memcpy(place->state, hash.bytes, sizeof place->state);
    random_text(place->nonce);
    random_text(place->verifier);
    memcpy(place->to, to.data, to.length);
    place->to[to.length] = '\0';
    place->until_ms = now_ms + PENDING_MS;
    return place;
}

static str escaped(struct arena *arena, str text)
{
    char *made = curl_easy_escape(NULL, text.data ? text.data : "", (int)text.length);
    ASSERT(made);
    str copy = str_copy(arena, str_of(made));
    curl_free(made);
    return copy;
}

static const struct err *lead(struct call *call, str address)
{
    reply_empty(call, MHD_HTTP_SEE_OTHER);
    reply_header(call, MHD_HTTP_HEADER_LOCATION, str_z(&call->arena, address));
    reply_header(call, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    reply_header(call, "Referrer-Policy", "no-referrer");
    return NULL;
}

static void state_cookie(struct call *call, str state, int life_s)
{
    reply_header(call, MHD_HTTP_HEADER_SET_COOKIE, arena_printf(&call->arena, STATE_COOKIE "=%.*s; Path=/v1/session/oidc; HttpOnly; SameSite=Lax; Max-Age=%d%s", STR_FMT(state),
                                                                life_s, call_https(call) ? "; Secure" : ""));
}

static const struct err *problem(struct call *call, const char *word)
{
    log_write(LOG_WARN, "server", "a sign-on by the OpenID provider failed: %s", word);
    return lead(call, str_printf(&call->arena, "/console/login?problem=%s", word));
}

static const struct err *start(struct call *call)
{
    struct oidc *oidc = call->server->oidc;
    struct arena *arena = &call->arena;
    char state[44];
    str to = call_query(call, "to");
    random_text(state);
    pthread_mutex_lock(&oidc->lock);
    bool found = discover(oidc, arena);
    struct pending kept = found ? *pending_new(oidc, str_of(state), to_ok(to) ? to : STR("/")) : (struct pending){0};
    str authorize = found ? str_copy(arena, oidc->authorize) : STR_NONE;
    pthread_mutex_unlock(&oidc->lock);
    if (!found)
        return problem(call, "provider-unreachable");
    struct hash hash;
    hash_sha256(str_of(kept.verifier), &hash);
    str challenge = str_base64url(arena, hash.bytes, sizeof hash.bytes);
    str address = str_printf(arena, "%.*s%sresponse_type=code&client_id=%.*s&redirect_uri=%.*s&scope=%.*s&state=%s&nonce=%s&code_challenge=%.*s&code_challenge_method=S256",
                             STR_FMT(authorize), str_find_char(authorize, '?') < 0 ? "?" : "&", STR_FMT(escaped(arena, oidc->client)),
                             STR_FMT(escaped(arena, call_address(call, "/v1/session/oidc/callback"))), STR_FMT(escaped(arena, oidc->scopes)), state, kept.nonce,
                             STR_FMT(challenge));
    TRY(lead(call, address));
    state_cookie(call, str_copy(arena, str_of(state)), PENDING_MS / SECOND_MS);
    return NULL;
}

const struct err *oidc_start(struct call *call)
{
    if (!call->server->oidc)
        return err_new(&call->arena, ERR_NOT_FOUND, "no OpenID provider is configured (the setting `oidc_issuer`)");
    return call_offload_login(call, start);
}

/* ---- the way back ---- */

/* Good once. */
static bool pending_take(struct oidc *oidc, str state, struct pending *ret_pending)
{
    struct hash hash;
    bool found = false;
    int64_t now_ms = clock_now_ms();
    hash_sha256(state, &hash);
    for (size_t i = 0; i < PENDING_MAX && !found; i++) {
        struct pending *place = &oidc->pending[i];
        found = place->until_ms > now_ms && sodium_memcmp(place->state, hash.bytes, sizeof hash.bytes) == 0;
        if (found) {
            *ret_pending = *place;
            *place = (struct pending){0};
        }
    }
    return found;
}

static const char *claims_get(struct call *call, struct oidc *oidc, const struct pending *pending, struct json *ret_claims)
{
    struct arena *arena = &call->arena;
    struct json reply;
    str body, keys, id_token;
    const char *form = arena_printf(arena, "grant_type=authorization_code&code=%.*s&redirect_uri=%.*s&client_id=%.*s&code_verifier=%s",
                                    STR_FMT(escaped(arena, call_query(call, "code"))), STR_FMT(escaped(arena, call_address(call, "/v1/session/oidc/callback"))),
                                    STR_FMT(escaped(arena, oidc->client)), pending->verifier);
    if (!discover(oidc, arena) || !fetch(oidc, arena, oidc->token, form, &body) || json_read(arena, body, &reply))
        return "no-token";
    id_token = json_string(json_get(&reply, STR("id_token")));
    if (str_empty(id_token) || !keys_for(oidc, arena, id_token, &keys))
        return "no-id-token";
    struct oidc_expected expected = {.issuer = oidc->issuer, .client = oidc->client, .nonce = str_of(pending->nonce), .now_ms = clock_now_ms()};
    return oidc_token_check(arena, id_token, keys, &expected, ret_claims);
}

static str claim_text(const struct json *claims, const char *name)
{
    str text = json_string(json_get(claims, str_of(name)));
    return text.length <= LIMIT_USER_TEXT_BYTES ? text : STR("");
}

/* The user that these claims are: made at the first sign-on, later brought up to date. */
static const struct err *user_follow(struct call *call, struct oidc *oidc, const struct json *claims, struct uuid *ret_user, bool *ret_may)
{
    struct engine *engine = call->server->engine;
    struct user_order order = {.code = STR_NONE};
    struct user user;
    struct user_facts facts = {.set = USER_TITLE | USER_EMAIL};
    str subject = str_printf(&call->arena, "%.*s\n%.*s", STR_FMT(oidc->issuer), STR_FMT(json_string(json_get(claims, STR("sub")))));
    *ret_may = oidc_roles_find(&call->arena, oidc->roles, json_path(claims, oidc->role_claim), &facts.role, &facts.purposes);
    if (!*ret_may)
        return NULL;
    facts.title = claim_text(claims, "name");
    facts.email = claim_text(claims, "email");
    facts.name = claim_text(claims, "preferred_username");
    if (str_empty(facts.name))
        facts.name = str_empty(facts.email) ? claim_text(claims, "sub") : facts.email;
    TRY(user_facts_check(call, &facts));
    if (!engine_user_by_subject(engine, &call->arena, subject, &user)) {
        facts.set |= USER_NAME | USER_ROLE | USER_SUBJECT;
        facts.subject = subject;
        return engine_user_make(engine, &call->arena, &facts, &order, ret_user);
    }
    *ret_user = user.id;
    *ret_may = !user.disabled;
    if (user.role != facts.role || !str_equal(user.purposes, facts.purposes))
        facts.set |= USER_ROLE;
    else if (str_equal(user.title, facts.title) && str_equal(user.email, facts.email))
        return NULL;
    return user.disabled ? NULL : engine_user_change(engine, &call->arena, user.id, &facts, &order);
}

static const struct err *callback(struct call *call)
{
    struct oidc *oidc = call->server->oidc;
    struct pending pending;
    struct json claims;
    struct uuid user;
    bool may = false;
    str state = call_query(call, "state");
    pthread_mutex_lock(&oidc->lock);
    bool known = !str_empty(state) && str_equal(state, call_cookie(call, STATE_COOKIE)) && pending_take(oidc, state, &pending);
    const char *fault = !known ? "state" : !str_empty(call_query(call, "error")) || str_empty(call_query(call, "code")) ? "refused-there" : claims_get(call, oidc, &pending, &claims);
    pthread_mutex_unlock(&oidc->lock);
    if (fault)
        return problem(call, fault);
    const struct err *error = user_follow(call, oidc, &claims, &user, &may);
    if (error && error->code == ERR_CONFLICT)
        return problem(call, "name-taken");
    TRY(error);
    if (!may)
        return problem(call, "no-role");
    TRY(lead(call, str_copy(&call->arena, str_of(pending.to))));
    state_cookie(call, STR_NONE, 0);
    return session_start(call, user, "oidc");
}

const struct err *oidc_callback(struct call *call)
{
    if (!call->server->oidc)
        return err_new(&call->arena, ERR_NOT_FOUND, "no OpenID provider is configured (the setting `oidc_issuer`)");
    return call_offload_login(call, callback);
}

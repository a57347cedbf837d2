/* Signing on by an OpenID provider: authorization code with PKCE.
 *
 *   oidc_start: discovery ─▶ state, nonce, verifier kept ─▶ 303 to the provider ─▶ oidc_callback: state? ─▶ code for tokens ─▶ ID token checked
 *   ─▶ claims give a role ─▶ the user is made, or follows the claims ─▶ session_start ─▶ 303 to where one wanted to go
 *   oidc_end: 303 to where the provider ends its own session (OpenID Connect RP-Initiated Logout), where the setting `oidc_sign_out` wants it
 *
 * 1. Asking the provider happens on workers of its own, with bounds on time and bytes, over HTTPS (HTTP only to this machine itself), without redirects.
 * 2. A state is good once, for ten minutes, and only in the browser that it was made for (a cookie of its own, SameSite=Lax: the way back comes from elsewhere).
 * 3. Who has none of the configured roles may not sign in; a role that was taken away there is gone here at the next sign-on.
 * 4. The lock is never held while the provider is waited for: one that does not answer keeps nobody from signing in who needs no answer of it.
 * 5. What went wrong is a word in the log and on the page; never a token, a code, a claim.
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
struct found { /* by discovery */
    str authorize, token, keys_url, end; /* `authorize` empty: not yet; `end` empty: the provider has no such address */
    int64_t at_ms;
};
struct oidc {
    struct arena arena; /* settings */
    str issuer, client, secret, title, scopes, role_claim, roles;
    bool sign_out;
    pthread_mutex_t lock; /* guards what follows; held for a few lines */
    struct arena found_arena, keys_arena;
    struct found found;
    str keys; /* empty: not yet */
    int64_t keys_ms;
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
    if (oidc->sign_out)
        jsonw_field(w, "sign_out_url", STR("/v1/session/oidc/end"));
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
    arena_init(&oidc->keys_arena);
    pthread_mutex_init(&oidc->lock, NULL);
    oidc->issuer = setting(oidc, options->issuer, "");
    oidc->client = setting(oidc, options->client_id, "");
    oidc->secret = setting(oidc, options->client_secret, "");
    oidc->title = setting(oidc, options->title, "Single sign-on");
    oidc->scopes = setting(oidc, options->scopes, "openid profile email");
    oidc->role_claim = setting(oidc, options->role_claim, "roles");
    oidc->roles = setting(oidc, options->roles, "");
    oidc->sign_out = options->sign_out;
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
    arena_release(&oidc->keys_arena);
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

static struct found found_copy(struct arena *arena, const struct found *found)
{
    return (struct found){str_copy(arena, found->authorize), str_copy(arena, found->token), str_copy(arena, found->keys_url), str_copy(arena, found->end), found->at_ms};
}

/* Several may ask the provider at the same time; the last answer stands. */
static bool discover(struct oidc *oidc, struct arena *arena, struct found *ret_found)
{
    struct json answer;
    str body;
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&oidc->lock);
    bool known = !str_empty(oidc->found.authorize) && now_ms - oidc->found.at_ms < DISCOVERY_MS;
    if (known)
        *ret_found = found_copy(arena, &oidc->found);
    pthread_mutex_unlock(&oidc->lock);
    if (known)
        return true;
    str slash = str_ends(oidc->issuer, STR("/")) ? STR("") : STR("/");
    str address = str_printf(arena, "%.*s%.*s.well-known/openid-configuration", STR_FMT(oidc->issuer), STR_FMT(slash));
    if (!fetch(oidc, arena, address, NULL, &body) || json_read(arena, body, &answer) || !str_equal(json_string(json_get(&answer, STR("issuer"))), oidc->issuer))
        return false;
    struct found found = {.authorize = json_string(json_get(&answer, STR("authorization_endpoint"))), .token = json_string(json_get(&answer, STR("token_endpoint"))),
                          .keys_url = json_string(json_get(&answer, STR("jwks_uri"))), .end = json_string(json_get(&answer, STR("end_session_endpoint"))), .at_ms = now_ms};
    if (!address_ok(found.authorize) || !address_ok(found.token) || !address_ok(found.keys_url))
        return false;
    if (!address_ok(found.end))
        found.end = STR_NONE;
    pthread_mutex_lock(&oidc->lock);
    arena_clear(&oidc->found_arena);
    oidc->found = found_copy(&oidc->found_arena, &found);
    pthread_mutex_unlock(&oidc->lock);
    *ret_found = found;
    return true;
}

/* The key set that has the key of this token, if any has. */
static bool keys_for(struct oidc *oidc, struct arena *arena, const struct found *found, str token, str *ret_keys)
{
    int64_t now_ms = clock_now_ms();
    str body;
    pthread_mutex_lock(&oidc->lock);
    *ret_keys = str_copy(arena, oidc->keys);
    bool due = now_ms - oidc->keys_ms >= KEYS_GAP_MS;
    pthread_mutex_unlock(&oidc->lock);
    if (!oidc_token_key_known(arena, token, *ret_keys) && due && fetch(oidc, arena, found->keys_url, NULL, &body)) {
        pthread_mutex_lock(&oidc->lock);
        arena_clear(&oidc->keys_arena);
        oidc->keys = str_copy(&oidc->keys_arena, body);
        oidc->keys_ms = now_ms;
        pthread_mutex_unlock(&oidc->lock);
        *ret_keys = body;
    }
    return !str_empty(*ret_keys);
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

/* With the lock held, as pending_take. */
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
    struct found found;
    char state[44];
    str to = call_query(call, "to");
    random_text(state);
    if (!discover(oidc, arena, &found))
        return problem(call, "provider-unreachable");
    pthread_mutex_lock(&oidc->lock);
    struct pending kept = *pending_new(oidc, str_of(state), to_ok(to) ? to : STR("/"));
    pthread_mutex_unlock(&oidc->lock);
    struct hash hash;
    hash_sha256(str_of(kept.verifier), &hash);
    str challenge = str_base64url(arena, hash.bytes, sizeof hash.bytes);
    str address = str_printf(arena, "%.*s%sresponse_type=code&client_id=%.*s&redirect_uri=%.*s&scope=%.*s&state=%s&nonce=%s&code_challenge=%.*s&code_challenge_method=S256",
                             STR_FMT(found.authorize), str_find_char(found.authorize, '?') < 0 ? "?" : "&", STR_FMT(escaped(arena, oidc->client)),
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
    return call_offload_provider(call, start);
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
    struct found found;
    str body, keys, id_token;
    const char *form = arena_printf(arena, "grant_type=authorization_code&code=%.*s&redirect_uri=%.*s&client_id=%.*s&code_verifier=%s",
                                    STR_FMT(escaped(arena, call_query(call, "code"))), STR_FMT(escaped(arena, call_address(call, "/v1/session/oidc/callback"))),
                                    STR_FMT(escaped(arena, oidc->client)), pending->verifier);
    if (!discover(oidc, arena, &found) || !fetch(oidc, arena, found.token, form, &body) || json_read(arena, body, &reply))
        return "no-token";
    id_token = json_string(json_get(&reply, STR("id_token")));
    if (str_empty(id_token) || !keys_for(oidc, arena, &found, id_token, &keys))
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
    pthread_mutex_unlock(&oidc->lock);
    const char *fault = !known ? "state" : !str_empty(call_query(call, "error")) || str_empty(call_query(call, "code")) ? "refused-there" : claims_get(call, oidc, &pending, &claims);
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
    return call_offload_provider(call, callback);
}

/* ---- the end ---- */

/* The session here is over already (DELETE /v1/session). There the user is asked, since no ID token is kept that could stand for the answer. */
static const struct err *end(struct call *call)
{
    struct oidc *oidc = call->server->oidc;
    struct arena *arena = &call->arena;
    struct found found;
    if (!discover(oidc, arena, &found))
        return problem(call, "provider-unreachable");
    if (str_empty(found.end))
        return lead(call, STR("/"));
    return lead(call, str_printf(arena, "%.*s%sclient_id=%.*s&post_logout_redirect_uri=%.*s", STR_FMT(found.end), str_find_char(found.end, '?') < 0 ? "?" : "&",
                                 STR_FMT(escaped(arena, oidc->client)), STR_FMT(escaped(arena, call_address(call, "/")))));
}

const struct err *oidc_end(struct call *call)
{
    if (!call->server->oidc || !call->server->oidc->sign_out)
        return err_new(&call->arena, ERR_NOT_FOUND, "signing out at the OpenID provider is not configured (the setting `oidc_sign_out`)");
    return call_offload_provider(call, end);
}

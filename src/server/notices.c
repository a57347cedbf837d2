/* Notices: the texts that people were shown, by version and language, with their hashes as the ledger's policy leaves hold them; what changed from
 * one version to the next; how a campaign for renewed consent stands.
 *
 * 1. A version's text is that of the newest policy version which has it; the same number never stands for two texts (policy_diff refuses that).
 * 2. Past versions are read out of the policy versions, so that what was shown on any day can be shown again.
 */
#include "engine/campaign.h"
#include "server/server_private.h"

#define DIFF_WORDS_MAX 20000
#define DIFF_EDITS_MAX 1500

static const struct err *all_policies(struct call *call, struct policy_row **ret_rows, size_t *ret_count)
{
    struct reader *reader;
    TRY(call_reader(call, &reader));
    return engine_store(call->server->engine)->policies(reader_session(reader), &call->arena, false, ret_rows, ret_count);
}

static void write_texts(struct call *call, struct jsonw *w, const struct notice *notice)
{
    jsonw_key(w, STR("languages"));
    jsonw_array(w);
    vec_each (text, &notice->texts) {
        jsonw_object(w);
        jsonw_field(w, "language", text->language);
        jsonw_field(w, "sha256", str_hex(&call->arena, text->sha256, sizeof(text->sha256)));
        jsonw_field_int(w, "bytes", (int64_t)text->content.length);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

/* Members only. */
static void write_notice(struct call *call, struct jsonw *w, const struct policy *policy, const struct notice *notice)
{
    jsonw_field(w, "id", notice->name);
    jsonw_field_int(w, "version", notice->version);
    jsonw_field_time(w, "effective", notice->effective_ms);
    jsonw_field_int(w, "renew_older_than", notice->renew_older_than);
    jsonw_field_time(w, "grace_until", notice->effective_ms == TIME_NONE ? TIME_NONE : time_add(notice->effective_ms, notice->grace));
    jsonw_key(w, STR("purposes"));
    jsonw_array(w);
    vec_each (purpose, &policy->purposes)
        if (purpose->notice == notice->slot)
            jsonw_string(w, purpose->name);
    jsonw_array_end(w);
    write_texts(call, w, notice);
}

const struct err *notices_get(struct call *call)
{
    struct jsonw w;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("notices"));
    jsonw_array(&w);
    vec_each (notice, &call->policy->notices) {
        jsonw_object(&w);
        write_notice(call, &w, call->policy, notice);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

/* Looks at each policy version, newest first; `each` returns true to stop. */
typedef bool version_each(void *context, struct call *call, const struct policy *policy, const struct policy_row *row, const struct notice *notice);
static const struct err *versions_walk(struct call *call, str name, version_each *each, void *context)
{
    struct policy_row *rows;
    struct reader *reader;
    size_t count;
    TRY(all_policies(call, &rows, &count));
    TRY(call_reader(call, &reader));
    for (size_t i = count; i > 0; i--) {
        struct policy *policy = NULL;
        TRY(engine_policy_at(call->server->engine, reader, &call->arena, rows[i - 1].activated_ms, &policy));
        const struct notice *notice = policy ? policy_notice(policy, name) : NULL;
        bool stop = notice && each(context, call, policy, &rows[i - 1], notice);
        if (policy)
            policy_free(policy);
        if (stop)
            break;
    }
    return NULL;
}

/* ---- one notice, with its past ---- */

struct history { /* the version under way: the first policy that had it with these very texts, as far as was looked */
    struct jsonw *w;
    struct notice notice; /* copied: number, time, languages and hashes */
    uint32_t policy_version;
    int64_t activated_ms;
    uint64_t ledger_index;
    bool any;
};

static void texts_keep(struct arena *arena, const struct notice *notice, struct notice *ret_kept)
{
    *ret_kept = (struct notice){.version = notice->version, .effective_ms = notice->effective_ms};
    vec_each (text, &notice->texts) {
        struct notice_text *kept = vec_push(arena, &ret_kept->texts);
        *kept = *text;
        kept->language = str_copy(arena, text->language);
        kept->content.data = NULL; /* goes with its policy; the length stays true */
    }
}

static bool texts_same(const struct notice *one, const struct notice *other)
{
    bool same = one->version == other->version && one->texts.count == other->texts.count;
    for (size_t i = 0; same && i < one->texts.count; i++)
        same = str_equal(one->texts.items[i].language, other->texts.items[i].language) &&
               memcmp(one->texts.items[i].sha256, other->texts.items[i].sha256, sizeof one->texts.items[i].sha256) == 0;
    return same;
}

static void history_write(struct call *call, const struct history *history)
{
    struct jsonw *w = history->w;
    if (!history->any)
        return;
    jsonw_object(w);
    jsonw_field_int(w, "version", history->notice.version);
    jsonw_field_time(w, "effective", history->notice.effective_ms);
    jsonw_field_int(w, "policy_version", history->policy_version);
    jsonw_field_time(w, "activated_at", history->activated_ms);
    jsonw_field_int(w, "ledger_index", (int64_t)history->ledger_index);
    write_texts(call, w, &history->notice);
    jsonw_object_end(w);
}

static bool history_add(void *context, struct call *call, const struct policy *policy, const struct policy_row *row, const struct notice *notice)
{
    struct history *history = context;
    (void)policy;
    if (!history->any || !texts_same(&history->notice, notice)) {
        history_write(call, history);
        texts_keep(&call->arena, notice, &history->notice);
    }
    history->any = true;
    history->policy_version = row->version;
    history->activated_ms = row->activated_ms;
    history->ledger_index = row->ledger_index;
    return false;
}

const struct err *notice_get(struct call *call)
{
    struct jsonw w;
    struct history history = {.w = &w};
    const struct notice *notice = policy_notice(call->policy, call->parameters[0]);
    if (!notice)
        return err_new(&call->arena, ERR_NOT_FOUND, "the active policy has no such notice; GET /v1/notices lists them");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_notice(call, &w, call->policy, notice);
    jsonw_key(&w, STR("versions"));
    jsonw_array(&w);
    TRY(versions_walk(call, notice->name, history_add, &history));
    history_write(call, &history);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- one version's text ---- */

struct wanted {
    uint32_t version;
    str language; /* empty: the first */
    bool found;
    str text, of_language;
    uint8_t sha256[32];
    uint32_t policy_version;
    uint64_t ledger_index;
};

static bool version_find(void *context, struct call *call, const struct policy *policy, const struct policy_row *row, const struct notice *notice)
{
    struct wanted *wanted = context;
    (void)policy;
    if (notice->version != wanted->version)
        return false;
    vec_each (text, &notice->texts) {
        if (!str_empty(wanted->language) && !str_equal(text->language, wanted->language))
            continue;
        if (wanted->found && memcmp(wanted->sha256, text->sha256, sizeof(wanted->sha256)) != 0)
            return true;
        if (!wanted->found) {
            wanted->text = str_copy(&call->arena, text->content);
            wanted->of_language = str_copy(&call->arena, text->language);
            memcpy(wanted->sha256, text->sha256, sizeof(wanted->sha256));
        }
        wanted->found = true;
        wanted->policy_version = row->version; /* the first that had this very text */
        wanted->ledger_index = row->ledger_index;
        break;
    }
    return false;
}

static const struct err *version_of(struct call *call, str text, struct wanted *ret_wanted)
{
    int64_t version;
    if (!str_to_int64(text, &version) || version < 1 || version > UINT32_MAX)
        return err_new(&call->arena, ERR_INVALID, "a version is a whole number from 1");
    *ret_wanted = (struct wanted){.version = (uint32_t)version, .language = call_query(call, "language")};
    TRY(versions_walk(call, call->parameters[0], version_find, ret_wanted));
    if (!ret_wanted->found)
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no such version of this notice, or not in this language");
    return NULL;
}

const struct err *notice_version_get(struct call *call)
{
    struct wanted wanted;
    struct jsonw w;
    TRY(version_of(call, call->parameters[1], &wanted));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "id", call->parameters[0]);
    jsonw_field_int(&w, "version", wanted.version);
    jsonw_field(&w, "language", wanted.of_language);
    jsonw_field(&w, "sha256", str_hex(&call->arena, wanted.sha256, sizeof(wanted.sha256)));
    jsonw_field_int(&w, "policy_version", wanted.policy_version);
    jsonw_field_int(&w, "ledger_index", (int64_t)wanted.ledger_index);
    jsonw_field(&w, "text", wanted.text);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- what changed, in words ---- */

typedef VEC(str) words;

/* A word with the space after it, so that the parts put together are the text. */
static void words_read(struct arena *arena, str text, words *ret_words)
{
    *ret_words = (words){0};
    for (size_t at = 0; at < text.length;) {
        size_t end = at;
        while (end < text.length && text.data[end] != ' ' && text.data[end] != '\n')
            end++;
        while (end < text.length && (text.data[end] == ' ' || text.data[end] == '\n'))
            end++;
        *(str *)vec_push(arena, ret_words) = str_slice(text, at, end);
        at = end;
    }
}

struct step {
    char kind; /* '=', '-', '+' */
    str text;
};
typedef VEC(struct step) steps;

static void step_add(struct arena *arena, steps *all, char kind, str text) { *(struct step *)vec_push(arena, all) = (struct step){kind, text}; }

/* Myers' shortest edit script; the steps come out last first. False: more than DIFF_EDITS_MAX edits. */
static bool diff_words(struct arena *arena, const words *a, const words *b, steps *ret_steps)
{
    int n = (int)a->count, m = (int)b->count, most = n + m < DIFF_EDITS_MAX ? n + m : DIFF_EDITS_MAX;
    int **rounds = arena_array(arena, int *, most + 1);
    int *v = arena_array(arena, int, 2 * most + 3), middle = most + 1;
    int d = 0, x = 0, y = 0;
    for (; d <= most; d++) {
        rounds[d] = arena_alloc_raw(arena, sizeof(int) * (size_t)(2 * most + 3));
        memcpy(rounds[d], v, sizeof(int) * (size_t)(2 * most + 3));
        for (int k = -d; k <= d; k += 2) {
            x = k == -d || (k != d && v[middle + k - 1] < v[middle + k + 1]) ? v[middle + k + 1] : v[middle + k - 1] + 1;
            y = x - k;
            ASSERT(x >= 0 && y >= 0);
            while (x < n && y < m && str_equal(a->items[x], b->items[y])) {
                x++;
                y++;
            }
            v[middle + k] = x;
            if (x >= n && y >= m)
                goto found;
        }
    }
    return false;
found:
    ASSERT(x == n && y == m);
    for (; d > 0 || x > 0 || y > 0; d--) {
        const int *past = rounds[d];
        int k = x - y;
        bool down = d > 0 && (k == -d || (k != d && past[middle + k - 1] < past[middle + k + 1]));
        int from_k = d == 0 ? 0 : down ? k + 1 : k - 1, from_x = d == 0 ? 0 : past[middle + from_k], from_y = d == 0 ? 0 : from_x - from_k;
        ASSERT(from_x >= 0 && from_y >= 0);
        int after_x = d == 0 ? 0 : down ? from_x : from_x + 1, after_y = d == 0 ? 0 : down ? from_y + 1 : from_y;
        while (x > after_x && y > after_y) {
            step_add(arena, ret_steps, '=', a->items[--x]);
            y--;
        }
        ASSERT(x == after_x && y == after_y);
        if (d == 0)
            break;
        if (down)
            step_add(arena, ret_steps, '+', b->items[--y]);
        else
            step_add(arena, ret_steps, '-', a->items[--x]);
    }
    return true;
}

static void write_steps(struct call *call, struct jsonw *w, const steps *all)
{
    static const char *const kinds[] = {['='] = "same", ['-'] = "removed", ['+'] = "added"};
    for (size_t i = all->count; i > 0;) {
        char kind = all->items[i - 1].kind;
        struct buf text;
        buf_init(&text, &call->arena, LIMIT_REPLY_BYTES);
        for (; i > 0 && all->items[i - 1].kind == kind; i--)
            buf_add(&text, all->items[i - 1].text);
        jsonw_object(w);
        jsonw_field(w, "what", str_of(kinds[(unsigned char)kind]));
        jsonw_field(w, "text", buf_str(&text));
        jsonw_object_end(w);
    }
}

const struct err *notice_diff_get(struct call *call)
{
    struct wanted from, to;
    struct jsonw w;
    words before, after;
    steps all = {0};
    TRY(version_of(call, call_query(call, "from"), &from));
    TRY(version_of(call, call_query(call, "to"), &to));
    words_read(&call->arena, from.text, &before);
    words_read(&call->arena, to.text, &after);
    bool fine = before.count <= DIFF_WORDS_MAX && after.count <= DIFF_WORDS_MAX && diff_words(&call->arena, &before, &after, &all);
    if (!fine) { /* told, not hidden: `whole` */
        all = (steps){0};
        step_add(&call->arena, &all, '+', to.text);
        step_add(&call->arena, &all, '-', from.text);
    }
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "id", call->parameters[0]);
    jsonw_field_int(&w, "from", from.version);
    jsonw_field_int(&w, "to", to.version);
    jsonw_field(&w, "language", to.of_language);
    jsonw_field_bool(&w, "whole", !fine);
    jsonw_key(&w, STR("changes"));
    jsonw_array(&w);
    write_steps(call, &w, &all);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- what one person was shown ---- */

struct seen {
    str notice;
    uint32_t version;
    int64_t first_ms, last_ms;
    int64_t known_ms; /* when the first of them was recorded */
    VEC(const struct consent *) records;
    /* of the policy that has it */
    bool found, later; /* later: only after it was recorded */
    uint32_t policy_version;
    uint64_t ledger_index;
    struct notice text; /* copied: languages and hashes only */
};
typedef VEC(struct seen) seen_list;

static void seen_add(struct arena *arena, seen_list *list, const struct consent *record)
{
    struct seen *seen = NULL;
    vec_each (known, list)
        if (known->version == record->notice_version && str_equal(known->notice, record->notice))
            seen = known;
    if (!seen) {
        seen = vec_push(arena, list);
        *seen = (struct seen){.notice = record->notice, .version = record->notice_version, .first_ms = record->at_ms, .last_ms = record->at_ms, .known_ms = record->known_ms};
    }
    seen->first_ms = record->at_ms < seen->first_ms ? record->at_ms : seen->first_ms;
    seen->known_ms = record->known_ms < seen->known_ms ? record->known_ms : seen->known_ms;
    seen->last_ms = record->at_ms > seen->last_ms ? record->at_ms : seen->last_ms;
    *(const struct consent **)vec_push(arena, &seen->records) = record;
}

/* The text that stood when it was first recorded, and the first policy that had it. */
static bool seen_find(void *context, struct call *call, const struct policy *policy, const struct policy_row *row, const struct notice *notice)
{
    struct seen *seen = context;
    (void)policy;
    if (notice->version != seen->version)
        return false;
    bool later = row->activated_ms > seen->known_ms; /* looked at only where no earlier policy has it */
    if (seen->found && !seen->later && !texts_same(&seen->text, notice))
        return true;
    if (!seen->found || seen->later)
        texts_keep(&call->arena, notice, &seen->text);
    seen->found = true;
    seen->later = later;
    seen->policy_version = row->version;
    seen->ledger_index = row->ledger_index;
    return false;
}

static void write_seen(struct call *call, struct jsonw *w, const struct seen *seen)
{
    jsonw_object(w);
    jsonw_field(w, "id", seen->notice);
    jsonw_field_int(w, "version", seen->version);
    jsonw_field_time(w, "first_at", seen->first_ms);
    jsonw_field_time(w, "last_at", seen->last_ms);
    if (seen->found) {
        jsonw_field_int(w, "policy_version", seen->policy_version);
        jsonw_field_int(w, "ledger_index", (int64_t)seen->ledger_index);
        write_texts(call, w, &seen->text);
    }
    jsonw_key(w, STR("records"));
    jsonw_array(w);
    vec_each (at, &seen->records) {
        const struct consent *record = *at;
        jsonw_object(w);
        jsonw_key(w, STR("id"));
        jsonw_uuid(w, record->id);
        jsonw_field(w, "purpose", record->purpose);
        jsonw_field(w, "status", str_of(consent_status_name(record->status)));
        jsonw_field_time(w, "at", record->at_ms);
        jsonw_field(w, "source", record->source);
        jsonw_field(w, "method", record->method);
        jsonw_field_int(w, "ledger_index", (int64_t)record->ledger_index);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}

/* Which version of which text stood before the person, as their records tell; of purposes that the token has. */
const struct err *notices_seen_get(struct call *call)
{
    struct person *person = NULL;
    struct jsonw w;
    seen_list list = {0};
    TRY(call_person(call, call_query(call, "subject"), PERSON_HEAD, &person));
    call_record(call, person, STR_NONE, "notices seen");
    for (size_t i = 0; person && i < person->consents.count; i++) {
        const struct consent *record = &person->consents.items[i];
        if (!str_empty(record->notice) && record->notice_version && principal_sees(&call->principal, call->policy, record->purpose))
            seen_add(&call->arena, &list, record);
    }
    vec_each (seen, &list)
        TRY(versions_walk(call, seen->notice, seen_find, seen));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("notices"));
    jsonw_array(&w);
    vec_each (seen, &list)
        write_seen(call, &w, seen);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- the campaign for renewed consent ---- */

static void write_campaign(struct call *call, struct jsonw *w, const struct notice *notice, const struct campaign_count *count)
{
    jsonw_field(w, "id", notice->name);
    jsonw_field_int(w, "version", notice->version);
    jsonw_field_int(w, "needs", count->needs);
    jsonw_field_time(w, "effective", notice->effective_ms);
    jsonw_field_time(w, "grace_until", notice->effective_ms == TIME_NONE ? TIME_NONE : time_add(notice->effective_ms, notice->grace));
    jsonw_field_bool(w, "complete", count->complete);
    jsonw_field_int(w, "looked_at", (int64_t)count->looked_at);
    jsonw_field_int(w, "profiles", (int64_t)count->profiles);
    jsonw_field_int(w, "renewed", (int64_t)count->people[CAMPAIGN_RENEWED]);
    jsonw_field_int(w, "open", (int64_t)count->people[CAMPAIGN_OPEN]);
    jsonw_field_int(w, "ended", (int64_t)count->people[CAMPAIGN_ENDED]);
    jsonw_key(w, STR("versions"));
    jsonw_array(w);
    for (size_t i = 0; i < CAMPAIGN_VERSIONS; i++) {
        if (!count->versions[i])
            continue;
        jsonw_object(w);
        jsonw_field_int(w, "version", (int64_t)i);
        jsonw_field_int(w, "people", (int64_t)count->versions[i]);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("contactable"));
    jsonw_array(w);
    vec_each (purpose, &call->policy->purposes) {
        if (!count->contactable[purpose->slot])
            continue;
        jsonw_object(w);
        jsonw_field(w, "purpose", purpose->name);
        jsonw_field_int(w, "people", (int64_t)count->contactable[purpose->slot]);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_field_int(w, "not_contactable", (int64_t)count->not_contactable);
    jsonw_key(w, STR("days"));
    jsonw_array(w);
    for (size_t i = 0; i < count->day_count; i++) {
        jsonw_object(w);
        jsonw_field_time(w, "day", count->days[i].day_ms);
        jsonw_field_int(w, "renewed", (int64_t)count->days[i].people);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

const struct err *notice_reconsent_get(struct call *call)
{
    struct campaign_count count;
    struct reader *reader;
    struct jsonw w;
    const struct notice *notice = policy_notice(call->policy, call->parameters[0]);
    str channel = call_query(call, "channel");
    if (!notice)
        return err_new(&call->arena, ERR_NOT_FOUND, "the active policy has no such notice; GET /v1/notices lists them");
    if (!str_empty(channel) && !str_equal(channel, STR("email")))
        return err_new(&call->arena, ERR_INVALID, "campaigns are counted for the channel `email`");
    TRY(call_reader(call, &reader));
    TRY(engine_campaign(call->server->engine, reader, &call->arena, call->policy, notice->name, &count));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_campaign(call, &w, notice, &count);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- who ---- */

static void write_someone(struct call *call, struct jsonw *w, const struct person *person, const struct purpose *purpose)
{
    struct profile_view view;
    view_person(call, person, purpose, &view);
    if (!view.decision.allow) /* meanwhile something was said */
        return;
    call_record(call, person, purpose->name, "reconsent");
    jsonw_object(w);
    jsonw_key(w, STR("profile"));
    jsonw_uuid(w, profile_uuid(person, person->root));
    jsonw_key(w, STR("identifiers"));
    jsonw_array(w);
    vec_each (identifier, &view.identifiers) {
        jsonw_object(w);
        jsonw_field(w, "type", (*identifier)->type);
        jsonw_field(w, "value", (*identifier)->value);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}

const struct err *notice_people_get(struct call *call)
{
    const struct purpose *purpose;
    struct reader *reader;
    struct jsonw w;
    profile_no *numbers;
    size_t limit, count;
    int64_t after = 0;
    str cursor = STR_NONE;
    TRY(call_purpose(call, &purpose));
    TRY(call_limit(call, 100, &limit));
    TRY(read_cursor(call, &cursor));
    if (!str_empty(cursor) && (!str_to_int64(cursor, &after) || after < 0))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is not one that Telos gave out; take `next` of the page before");
    TRY(engine_campaign_people(call->server->engine, &call->arena, call->policy, call->parameters[0], purpose, (uint64_t)after, limit, &numbers, &count));
    TRY(call_reader(call, &reader));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "purpose", purpose->name);
    jsonw_key(&w, STR("people"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i++) {
        struct person *person = NULL;
        TRY(engine_person_by_no(reader, &call->arena, call->policy, numbers[i], PERSON_HEAD | PERSON_FACTS, &person));
        if (person)
            write_someone(call, &w, person, purpose);
    }
    jsonw_array_end(&w);
    if (count == limit)
        write_cursor(&w, &call->arena, arena_printf(&call->arena, "%llu", (unsigned long long)numbers[count - 1].value));
    jsonw_object_end(&w);
    return NULL;
}

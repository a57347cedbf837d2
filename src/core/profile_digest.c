/* The digest of all that a person is made of: a line a row, sorted and hashed. Row numbers, ids, times of learning and the order of arrival
 * leave no trace in it, so that two ways to the same profile can be compared.
 */
#include "core/core_private.h"

#include <sodium.h>
#include <stdlib.h>

struct digest {
    struct arena *arena;
    const struct policy *policy;
    const struct person *person;
    VEC(str) lines;
};

static void line_add(struct digest *d, str line) { *(str *)vec_push(d->arena, &d->lines) = line; }

static int line_order(const void *left, const void *right) { return str_compare(*(const str *)left, *(const str *)right); }

/* Names, not bits: slots mean nothing outside one policy version. */
static str purposes_text(struct digest *d, purpose_mask purposes)
{
    VEC(str) names = {0};
    struct buf buf;
    mask_each (slot, purposes)
        *(str *)vec_push(d->arena, &names) = d->policy->purposes.items[slot].name;
    if (names.count)
        qsort(names.items, names.count, sizeof *names.items, line_order);
    buf_init(&buf, d->arena, LIMIT_PURPOSES * (LIMIT_NAME_BYTES + 1));
    vec_each (name, &names) {
        buf_add(&buf, *name);
        buf_add_char(&buf, ' ');
    }
    return buf_str(&buf);
}

static str on_text(struct digest *d, profile_no profile, uint32_t number)
{
    const struct identifier *identifier = person_identifier(d->person, profile, number);
    return identifier ? str_printf(d->arena, "%.*s %.*s", STR_FMT(identifier->type),
                                   STR_FMT(str_hex(d->arena, identifier->hash.bytes, sizeof identifier->hash.bytes)))
                      : STR("-");
}

/* --- event bodies, leaf by leaf: so it does not matter how they were cut into parts */

static void leaves_add(struct digest *d, str head, str path, const struct json *value)
{
    bool sparse = value->type == JSON_OBJECT && json_get(value, STR("[]"));
    if (value->type == JSON_ARRAY)
        line_add(d, str_printf(d->arena, "%.*s%.*s[]=%u", STR_FMT(head), STR_FMT(path), value->count));
    for (uint32_t i = 0; value->type == JSON_ARRAY && i < value->count; i++)
        leaves_add(d, head, str_printf(d->arena, "%.*s[%u]", STR_FMT(path), i), &value->items[i]);
    for (uint32_t i = 0; value->type == JSON_OBJECT && i < value->count; i++) {
        str name = value->members[i].name;
        if (sparse && str_equal(name, STR("[]")))
            line_add(d, str_printf(d->arena, "%.*s%.*s[]=%.*s", STR_FMT(head), STR_FMT(path), STR_FMT(value->members[i].value.text)));
        else
            leaves_add(d, head, str_printf(d->arena, sparse ? "%.*s[%.*s]" : "%.*s.%.*s", STR_FMT(path), STR_FMT(name)), &value->members[i].value);
    }
    if (value->type >= JSON_ARRAY)
        return;
    str text = value->type == JSON_STRING || value->type == JSON_NUMBER ? value->text : STR_NONE;
    line_add(d, str_printf(d->arena, "%.*s%.*s=%u:%.*s", STR_FMT(head), STR_FMT(path), value->type, STR_FMT(text)));
}

static void event_add(struct digest *d, const struct event *event)
{
    str head = str_printf(d->arena, "event %s %.*s %lld %.*s ", event_type_name(event->type), STR_FMT(event->source), (long long)event->at_ms,
                          STR_FMT(on_text(d, event->profile, event->identifier)));
    line_add(d, head);
    for (unsigned i = 0; i < event->part_count; i++) {
        const struct event_part *part = &event->parts[i];
        struct json body;
        str mine = str_printf(d->arena, "%.*s(%.*s) ", STR_FMT(head), STR_FMT(purposes_text(d, part->purposes)));
        if (json_read(d->arena, part->body, &body))
            line_add(d, str_printf(d->arena, "%.*s!%.*s", STR_FMT(mine), STR_FMT(part->body)));
        else
            leaves_add(d, mine, STR_NONE, &body);
    }
}

static void rows_add(struct digest *d)
{
    const struct person *person = d->person;
    vec_each (row, &person->identifiers)
        if (!row_dead(row))
            line_add(d, str_printf(d->arena, "identifier %.*s %.*s (%.*s) %d", STR_FMT(on_text(d, row->profile, row->number)),
                                   STR_FMT(row->value), STR_FMT(purposes_text(d, row->purposes)), row->verified));
    vec_each (row, &person->facts)
        if (!row_dead(row))
            line_add(d, str_printf(d->arena, "fact %.*s %.*s %lld %.*s (%.*s)=%.*s", STR_FMT(row->name), STR_FMT(row->source),
                                   (long long)row->observed_ms, STR_FMT(on_text(d, row->profile, row->identifier)),
                                   STR_FMT(purposes_text(d, row->purposes)), STR_FMT(row->value)));
    vec_each (row, &person->consents)
        if (!row_dead(row))
            line_add(d, str_printf(d->arena, "consent %.*s %s %lld %lld %.*s@%u %d %d %d %.*s", STR_FMT(row->purpose),
                                   consent_status_name(row->status), (long long)row->at_ms, (long long)row->expires_ms, STR_FMT(row->notice),
                                   row->notice_version, row->explicit_given, row->verified, row->by,
                                   STR_FMT(on_text(d, row->profile, row->identifier))));
    vec_each (row, &person->preferences)
        if (!row_dead(row))
            line_add(d, str_printf(d->arena, "preferences %.*s", STR_FMT(row->value)));
    vec_each (row, &person->held)
        if (!row_dead(row))
            line_add(d, str_printf(d->arena, "held %.*s %lld %.*s", STR_FMT(row->source), (long long)row->expires_ms,
                                   STR_FMT(on_text(d, row->profile, row->identifier))));
    vec_each (row, &person->profiles)
        if (!row_dead(row) && ((row->erased_ms != TIME_NONE && row->erased_ms) || row->birth_year))
            line_add(d, str_printf(d->arena, "profile %d %d", row->erased_ms != TIME_NONE && row->erased_ms, row->birth_year));
}

void profile_digest(struct arena *arena, const struct policy *policy, const struct person *person, uint8_t ret_digest[32])
{
    struct digest d = {.arena = arena, .policy = policy, .person = person};
    crypto_hash_sha256_state state;
    rows_add(&d);
    vec_each (event, &person->events)
        if (!row_dead(event))
            event_add(&d, event);
    if (d.lines.count)
        qsort(d.lines.items, d.lines.count, sizeof *d.lines.items, line_order);
    crypto_hash_sha256_init(&state);
    vec_each (line, &d.lines) {
        crypto_hash_sha256_update(&state, (const uint8_t *)line->data, line->length);
        crypto_hash_sha256_update(&state, (const uint8_t *)"\n", 1);
    }
    crypto_hash_sha256_final(&state, ret_digest);
}

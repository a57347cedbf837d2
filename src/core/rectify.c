/* Rectification (Art. 16): wrong values are replaced where they are kept, and whoever was sent them is sent the right ones (Art. 19).
 *
 * 1. Each fact stays with the identifier, source, time and purposes it has (P6): only its value is put right, whatever rule folds it. Nothing
 *    wrong is left that a merge, its undoing, or another rule could bring up again.
 * 2. Only what is there is put right; what is missing is collected by `identify`, through the gate.
 * 3. Events say what was seen when it was seen; they are history, and stay.
 */
#include "core/core_private.h"

static const struct fact *fact_named(const struct person *person, str name)
{
    vec_each (fact, &person->facts)
        if (!row_dead(fact) && str_equal(fact->name, name))
            return fact;
    return NULL;
}

static str value_text(struct apply *apply, const struct json *value)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, apply->arena, (size_t)LIMIT_STRING_BYTES * 8);
    jsonw_init(&w, &buf);
    jsonw_value(&w, value);
    return buf.overflow ? STR_NONE : buf_str(&buf);
}

/* Empty: every value can be put in the place of what is there. */
static str values_refused(const struct person *person, const struct json *values)
{
    if (values->type != JSON_OBJECT || !values->count)
        return STR("say which traits are wrong, and their right values");
    for (uint32_t i = 0; i < values->count; i++) {
        const struct json_member *member = &values->members[i];
        if (!fact_named(person, member->name))
            return STR("a trait of this name is not kept; write nested ones with dots, and add what is missing by `identify`");
        if (member->value.type == JSON_OBJECT || member->value.raw.length > LIMIT_STRING_BYTES)
            return STR("a right value is a text, a number, a boolean, a list, or null to remove it");
    }
    return STR_NONE;
}

static purpose_mask value_put(struct apply *apply, struct person *person, const struct json_member *member)
{
    purpose_mask changed = 0;
    str text = value_text(apply, &member->value);
    vec_each (fact, &person->facts) {
        if (row_dead(fact) || !str_equal(fact->name, member->name) || str_equal(fact->value, text))
            continue;
        changed |= fact->purposes;
        if (member->value.type == JSON_NULL) {
            row_end(fact);
            continue;
        }
        fact->value = text;
        row_touch(fact);
    }
    return changed;
}

void rectify_apply(struct apply *apply, struct request *request)
{
    struct known *known = request->subject.key ? index_find(apply, &request->subject.hash) : NULL;
    struct person *person = known ? known->person : person_latest(request->person);
    struct json values;
    purpose_mask changed = 0;
    if (!person || row_dead(person_root(person)) || person_erased(person) || !person_require(apply, person, PERSON_ALL))
        return;
    request->found = true;
    request->person = person;
    bool readable = !json_read(apply->arena, request->value, &values);
    request->refusal = readable ? values_refused(person, &values) : STR("the right values are a JSON object");
    if (!str_empty(request->refusal))
        return;
    for (uint32_t i = 0; i < values.count; i++)
        changed |= value_put(apply, person, &values.members[i]);
    if (!changed)
        return;
    row_touch(person_root(person));
    birth_year_derive(apply, person);
    outbox_rectified(apply, person, changed);
}

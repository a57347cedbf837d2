/* A rights request in the words of other protocols: the status objects of OpenDSR 2.0 and of the Data Rights Protocol 1.0 (section 3.03), for replies
 * and for callbacks alike.
 */
#include "engine/rights.h"

const char *rights_status_opendsr(enum rights_state state)
{
    switch (state) {
    case RIGHTS_RECEIVED: case RIGHTS_VERIFYING: return "pending";
    case RIGHTS_IN_PROGRESS: return "in_progress";
    case RIGHTS_WITHDRAWN: case RIGHTS_EXPIRED: case RIGHTS_REFUSED: return "cancelled";
    default: return "completed"; /* of nobody there is nothing to give or to erase */
    }
}

/* Whoever runs the protocol itself passes from `open` to `in_progress` at once (3.03, note 1). */
static const char *drp_status(enum rights_state state)
{
    static const char *const names[] = {[RIGHTS_RECEIVED] = "in_progress", [RIGHTS_VERIFYING] = "in_progress", [RIGHTS_IN_PROGRESS] = "in_progress",
                                        [RIGHTS_COMPLETED] = "fulfilled", [RIGHTS_REFUSED] = "denied", [RIGHTS_WITHDRAWN] = "revoked",
                                        [RIGHTS_EXPIRED] = "expired", [RIGHTS_NO_MATCH] = "denied"};
    return names[state];
}

static const char *denied_because(const struct rights_case *one)
{
    static const struct {
        const char *code, *reason;
    } reasons[] = {{"identity_failure", "insuf_verification"}, {"identity_required", "insuf_verification"}, {"manifestly_unfounded", "suspected_fraud"},
                   {"excessive", "too_many_requests"}, {"not_covered", "claim_not_covered"}};
    if (one->row.state == RIGHTS_NO_MATCH)
        return "no_match";
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (str_equal(one->record.code, str_of(reasons[i].code)))
            return reasons[i].reason;
    return "other";
}

/* Why it takes longer, what was answered, or the law of a refusal: what an agent tells the person. */
static str processing_details(const struct rights_case *one)
{
    const struct rights_refusal *refusal = rights_refusal_find(one->record.code);
    if (!str_empty(one->details.answer))
        return one->details.answer;
    if (rights_state_open(one->row.state) && !str_empty(one->details.extension))
        return one->details.extension;
    return refusal ? str_of(refusal->law) : STR_NONE;
}

void rights_status_drp(struct jsonw *w, struct arena *arena, const struct rights_case *one, str domain)
{
    struct json external;
    bool known = !str_empty(one->record.external) && !json_read(arena, one->record.external, &external);
    str theirs = known ? json_string(json_get(&external, STR("id"))) : STR_NONE, details = processing_details(one);
    jsonw_key(w, STR("request_id"));
    jsonw_uuid(w, one->row.id);
    if (!str_empty(theirs))
        jsonw_field(w, "agent_request_id", theirs);
    jsonw_field_time(w, "received_at", one->row.opened_ms);
    jsonw_field_time(w, "expected_by", one->row.due_ms);
    jsonw_field(w, "status", str_of(drp_status(one->row.state)));
    if (one->row.state == RIGHTS_VERIFYING) {
        jsonw_field(w, "reason", STR("need_user_verification"));
        jsonw_field(w, "user_verification_url", str_printf(arena, "https://%.*s/rights?r=%.*s", STR_FMT(domain), STR_FMT(uuid_format(arena, one->row.id))));
    } else if (one->row.state == RIGHTS_REFUSED || one->row.state == RIGHTS_NO_MATCH)
        jsonw_field(w, "reason", str_of(denied_because(one)));
    if (!str_empty(details))
        jsonw_field(w, "processing_details", details);
}

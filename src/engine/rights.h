/* Rights requests in the engine: what is done to a request goes into the same commit as what it does to the person.
 *
 *     handler ─▶ struct rights_act beside the work's requests ─▶ commit: core_apply ─▶ rights_join: steps, leaves, outcome, sealed row ─▶ answer
 *
 * 1. A step that the present state does not allow changes nothing of the request, and `ret_refusal` says so. Look at the state before submitting:
 *    what the work asks of the person is done all the same.
 * 2. Each step is a leaf of the ledger (kind "rights") with the request's id, the right, the step, who did it and when: nothing of the person.
 * 3. After an erasure no details are left, neither of this request nor of others of the person; those that were open end.
 * 4. A recipient's answer is read from the outbox; the sweeper writes it down, and closes what nobody confirmed in time.
 */
#ifndef TELOS_ENGINE_RIGHTS_H
#define TELOS_ENGINE_RIGHTS_H

#include "core/rights.h"
#include "engine/engine.h"

#define RIGHTS_ACT_STEPS 4

struct rights_act {
    struct uuid id; /* of the request; zero: a new one */
    enum right right; /* a new one: this, … */
    str channel, purpose;
    struct rights_details details; /* …and these; subject, text, reference, values, external */
    profile_no profile; /* whose; PROFILE_NONE: nobody is known by the subject, unless a statement of the same work makes somebody */
    enum rights_step_kind steps[RIGHTS_ACT_STEPS]; /* in order; a new one is opened by itself */
    size_t step_count;
    struct uuid token; /* who does it */
    str role;
    str identity; /* of RIGHTS_IDENTITY_CONFIRMED: "staff", "link", "agent" */
    str code; /* of RIGHTS_REFUSE */
    str external; /* a new one: of record */
    str alias; /* a new one: another name that it is found by, one request a name; empty: none */
    str answer, extension; /* written down with the details where not empty */
    const struct work *work; /* it belongs to */
    /* out */
    struct rights_request ret_row;
    struct rights_record ret_record;
    bool ret_found;
    str ret_refusal; /* why not; empty: done */
};
/* To be set before engine_submit: `act` lives as long as the work. */
void engine_rights_attach(struct work *work, struct rights_act *act);

struct rights_case { /* a request as it is shown */
    struct rights_request row;
    struct rights_record record; /* recipients as they are now */
    struct rights_details details; /* empty where there are none, or `persons` was false */
};
const struct err *engine_right(struct reader *reader, struct arena *arena, struct uuid id, bool persons, struct rights_case *ret_case, bool *ret_found) MUST_CHECK;
const struct err *engine_rights(struct reader *reader, struct arena *arena, const struct rights_query *query, bool persons, struct rights_case **ret_cases,
                                size_t *ret_count) MUST_CHECK;
/* The signed certificate of a request that is closed: names no person. `ret_found` false: it is not closed, or is not there. */
const struct err *engine_rights_certificate(struct reader *reader, struct arena *arena, const struct policy *policy, struct uuid id, str *ret_json,
                                            bool *ret_found) MUST_CHECK;

/* Requests whose callers wait to be told of their state (callbacks), and are due to be: the sender's work list. */
const struct err *engine_rights_untold(struct reader *reader, struct arena *arena, size_t max, struct rights_case **ret_cases, size_t *ret_count) MUST_CHECK;
/* How an attempt to tell `state` ended; after RIGHTS_TELLINGS failures it is given up. */
#define RIGHTS_TELLINGS 10
const struct err *engine_rights_told(struct engine *engine, struct arena *arena, struct uuid id, enum rights_state state, bool told) MUST_CHECK;
/* The request of an alias; zero where there is none. */
const struct err *engine_rights_alias(struct reader *reader, struct arena *arena, str alias, struct uuid *ret_id) MUST_CHECK;
/* A request in the words of OpenDSR 2.0; and the members of the Data Rights Protocol's status object. */
const char *rights_status_opendsr(enum rights_state state);
void rights_status_drp(struct jsonw *w, struct arena *arena, const struct rights_case *one, str domain);
/* For protocols that want replies signed, in base64: RSA or ECDSA over SHA-256 of the text by the certificate's key (engine_options), where there is
 * one; else Ed25519 over its SHA-256 by the key of receipts. */
str engine_rights_sign(struct engine *engine, struct arena *arena, str text);
const struct x509_signer *engine_rights_signer(const struct engine *engine); /* NULL: there is no certificate */
/* What an authorised agent asks about its requests with: good as long as the agent has this key. */
str engine_rights_agent_token(struct engine *engine, struct arena *arena, str agent, const uint8_t key[32]);

#endif

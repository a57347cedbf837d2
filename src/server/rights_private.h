/* What the files about rights requests share: rights.c, rights_case.c, rights_work.c, rights_data.c, rights_export.c, rights_page.c, opendsr.c, drp.c. */
#ifndef TELOS_SERVER_RIGHTS_PRIVATE_H
#define TELOS_SERVER_RIGHTS_PRIVATE_H

#include "engine/rights.h"
#include "server/server_private.h"

/* ---- rights_work.c: what a right asks of the person ---- */
/* An act with who does it filled in: the call's principal. */
struct rights_act *rights_act_new(struct call *call, const char *channel);
/* The same for whoever holds a link: the person, whose identity the link has confirmed. Add the work's requests (rights_work), attach, submit. */
struct rights_act *rights_act_by_person(struct call *call, enum right right, const struct person *person, const struct identifier *identifier);
/* Adds to call->work what does the right to the person, and to `act` the steps that say so. `act->right`, `purpose` and details are given. ERR_INVALID
 * where they are not enough, ERR_CONFLICT where the right does not reach the purpose. */
const struct err *rights_work(struct call *call, struct rights_act *act, const struct message_identifier *subject, const struct person *person) MUST_CHECK;
/* An opt-out of every purpose that is a sale (`gpp: [sale]`), done at once; where there is none, the request stays open. */
void rights_opt_out(struct call *call, struct rights_act *act, const struct message_identifier *subject);
/* How an objection ends at once: done, or stopped until somebody decides it, where the law and the policy let it be overridden. */
enum rights_step_kind rights_objection_step(const struct policy *policy, const struct purpose *purpose, const struct person *person);
void rights_step_add(struct rights_act *act, enum rights_step_kind kind);
/* The identifier to do it by: of the profile whose request it is, whatever else the person has. NULL: nobody is left. */
const struct identifier *rights_identifier(const struct policy *policy, const struct person *person, profile_no profile);
/* Somebody is known, and was not erased: of whom nothing but hashes is left there is nothing to give, to change or to seal under. */
bool rights_alive(const struct person *person);
/* Submits; `then` finds the act in call->state. */
const struct err *rights_submit(struct call *call, struct rights_act *act, handler then) MUST_CHECK;
/* After the commit: why it was not done; NULL: done. */
const struct err *rights_refused(struct call *call, const struct rights_act *act) MUST_CHECK;

/* ---- opendsr.c, drp.c, callback_url.c: other protocols ---- */
bool callback_allowed(const struct policy *policy, str url);

/* ---- rights_case.c: a request as JSON ---- */
/* Members only, no braces. `persons`: with what the person wrote, and for whom it is. */
void write_case(struct call *call, struct jsonw *w, const struct rights_case *one, bool persons);
/* Of an act that was just committed. */
void write_act(struct call *call, struct jsonw *w, const struct rights_act *act, bool persons);
bool rights_sees_persons(const struct call *call); /* auditors see states without persons */
/* The request that the path's {id} names. */
const struct err *rights_find(struct call *call, struct rights_case *ret_case) MUST_CHECK;

/* ---- rights_data.c: the person's data as the rights give it ---- */
void write_export(struct call *call, struct jsonw *w, const struct person *person, bool access); /* an object */
/* All but the events: members only. */
void write_export_head(const struct policy *policy, struct jsonw *w, struct arena *arena, const struct person *person, bool access);

/* ---- export.c: the same as a ZIP ---- */
/* Commits the steps, then streams the copy. `one`: as the request stands; NULL: `act` opens it, for somebody whose identity is confirmed. */
const struct err *rights_export_begin(struct call *call, struct rights_act *act, const struct rights_case *one) MUST_CHECK;

#endif

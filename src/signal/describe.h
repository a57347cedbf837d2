/* What a signal says, as JSON, for people who want to see it: every field, and the fault where it cannot be believed. */
#ifndef TELOS_SIGNAL_DESCRIBE_H
#define TELOS_SIGNAL_DESCRIBE_H

#include "base/json.h"
#include "signal/consent_mode.h"
#include "signal/gpp.h"

/* Each writes one object. Vendors are written as ranges: "2 6-8 755". */
void tcf_write(struct jsonw *w, struct arena *arena, const struct tcf *tcf);
void us_section_write(struct jsonw *w, const struct us_section *us);
void gpp_write(struct jsonw *w, struct arena *arena, const struct gpp *gpp);
void consent_mode_write(struct jsonw *w, const struct consent_mode *mode);

/* What kind of string this is, by its looks: GPP begins with "D", a TC string with "C", us_privacy is four characters and written as GPP's section
 * of that name, Consent Mode's parameters begin with "G1" and "11". False: none that is known. */
bool signal_guess(str text, enum signal_kind *ret_kind);

#endif

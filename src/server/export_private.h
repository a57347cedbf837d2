/* The export of a person (GDPR Art. 15, 20) while it is written: export.c (the route, the files), export_csv.c, export_page.c (to be read). */
#ifndef TELOS_SERVER_EXPORT_PRIVATE_H
#define TELOS_SERVER_EXPORT_PRIVATE_H

#include "server/rights_private.h"
#include "server/zip.h"

struct export {
    struct server *server;
    struct arena *arena; /* of the whole export */
    struct arena slice; /* of the piece at hand */
    const struct policy *policy;
    struct reader *reader;
    const struct person *person;
    struct rights_case request;
    bool access; /* otherwise: only what may be taken along */
    purpose_mask mask;
    int64_t made_ms;
    struct zip *zip;
    struct buf out; /* of the piece at hand */
    uint64_t event_count;
    purpose_mask seen; /* purposes of the events so far */
    const struct err *error;
};
/* What of the person goes into it. */
bool export_takes(const struct export *export, purpose_mask purposes, str source);
/* Each event's parts, page by page; `each` writes into export->out, which is added to the file after each page. */
void export_events(struct export *export, void (*each)(struct export *, const struct event *, const struct event_part *));
void export_flush(struct export *export); /* export->out into the file */

void export_csv(struct export *export); /* csv/… */

/* A JSON value as people read it: texts without quotes, lists with commas, objects as "name: value". */
str export_words(struct arena *arena, str json);
enum export_language { EXPORT_EN, EXPORT_HU };
void export_page(struct export *export, enum export_language language); /* en.html, hu.html */

#endif

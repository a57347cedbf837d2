/* What people said, counted without them: by day, source, purpose, status and version of the notice. How consent stands now is people.c's.
 *
 * 1. Beside the core's counters in the same commit: `what` is "said", `field` the purpose, `reason` the status and, after a space, the notice.
 * 2. The day is that on which it was said.
 */
#include "engine/engine_private.h"

void said_count(struct commit *commit)
{
    struct batch *batch = &commit->batch;
    struct map places;
    map_init(&places, commit->arena);
    vec_each (person, &batch->persons)
        vec_each (consent, &(*person)->consents) {
            if (consent->change != CHANGE_NEW || status_is_vendor(consent->status))
                continue;
            struct counter row = {.day_ms = consent->at_ms - consent->at_ms % DAY_MS, .source = consent->source, .what = STR("said"), .field = consent->purpose, .count = 1};
            row.reason = str_printf(commit->arena, "%s%s%.*s", consent_status_name(consent->status), str_empty(consent->notice) ? "" : " ", STR_FMT(consent->notice));
            if (!str_empty(consent->notice))
                row.reason = str_printf(commit->arena, "%.*s@%u", STR_FMT(row.reason), consent->notice_version);
            str key = str_printf(commit->arena, "%lld\n%.*s\n%.*s\n%.*s", (long long)row.day_ms, STR_FMT(row.source), STR_FMT(row.field), STR_FMT(row.reason));
            uintptr_t place = (uintptr_t)map_get(&places, key);
            if (place) {
                batch->counters.items[place - 1].count++;
                continue;
            }
            *(struct counter *)vec_push(commit->arena, &batch->counters) = row;
            map_set(&places, key, (void *)(uintptr_t)batch->counters.count);
        }
}

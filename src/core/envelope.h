/* The envelope of a collect request: where its messages begin and end, and what stands around them.
 *
 * 1. Only brackets, quotes and commas are looked at here; each message is read as JSON on its own. So one that is broken, too deep or too
 *    large costs only itself, as long as its brackets are closed and its strings end.
 * 2. Texts are slices of the input; nothing is copied but unescaped names.
 * 3. An outer name of a batch that stands there twice refuses the batch; within a message it costs that message.
 */
#ifndef TELOS_CORE_ENVELOPE_H
#define TELOS_CORE_ENVELOPE_H

#include "base/json.h"
#include "base/vec.h"

struct envelope {
    bool batch; /* it has a list of messages; otherwise the whole text is one */
    str write_key, sent_at; /* STR_NONE where absent or no string */
    str context, integrations; /* JSON texts of the outer ones, for each message of a batch; STR_NONE where absent */
    VEC(str) messages; /* JSON texts, not read yet */
};

/* `text`: the unpacked body. ERR_MALFORMED where it is no object (or list of messages), ERR_TOO_LARGE over `messages_max`. */
const struct err *envelope_read(struct arena *arena, str text, size_t messages_max, struct envelope *ret_envelope) MUST_CHECK;
/* Reads one message. NULL text: it is fine. Otherwise why it is not, and `ret_message` is a JSON null (which nobody takes for a message). */
const char *envelope_message(struct arena *arena, str text, struct json *ret_message);
/* {"context":…,"integrations":…} of the envelope, for core; false when there is neither. They go with every message, so a batch whose
 * messages would grow past LIMIT_IMPORT_BYTES by them is ERR_TOO_LARGE. */
const struct err *envelope_defaults(struct arena *arena, const struct envelope *envelope, struct json *ret_defaults, bool *ret_any) MUST_CHECK;

#endif

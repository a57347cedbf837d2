/* A file of an import as a stream of bytes: plain, gzip (also several members) or zstd, known by its first bytes.
 *
 * 1. Constant memory, whatever the size of the file or of what it unpacks to.
 * 2. A packed file that is broken or cut short is an error, never a silent end.
 */
#ifndef TELOS_MAIN_IMPORT_INPUT_H
#define TELOS_MAIN_IMPORT_INPUT_H

#include "base/err.h"
#include "base/str.h"

struct input;

/* "-" is standard input. The input lives in `arena`; errors of later calls are made there, too. */
const struct err *input_open(struct arena *arena, const char *path, struct input **ret_input) MUST_CHECK;
void input_close(struct input *input); /* takes NULL */
/* Up to `room` bytes, unpacked; 0 at the end. */
const struct err *input_read(struct input *input, char *to, size_t room, size_t *ret_got) MUST_CHECK;
/* Goes forward over `count` unpacked bytes; stops early at the end. */
const struct err *input_skip(struct input *input, uint64_t count) MUST_CHECK;
/* For progress: bytes of the file itself. Size 0: unknown (a pipe). */
uint64_t input_done_bytes(const struct input *input);
uint64_t input_size_bytes(const struct input *input);
bool input_is_file(const struct input *input); /* it can be read again from the start: so an import can be resumed */

#endif

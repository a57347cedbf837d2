/* Views of people (JSON texts) made small for memory: packed by LZ4 against words that most of them share.
 *
 * 1. The words are learned from some views: the structure of their JSON, and of values only what WORDS_PEOPLE_MIN of those views have in common. So
 *    they name nobody.
 * 2. What was packed with words is unpacked with the same words.
 */
#ifndef TELOS_ENGINE_VIEW_WORDS_H
#define TELOS_ENGINE_VIEW_WORDS_H

#include "base/str.h"

#define WORDS_SAMPLES_MAX 64
#define WORDS_PEOPLE_MIN 3

struct view_words;
struct view_words *view_words_learn(struct arena *arena, const str *samples, size_t count); /* at most WORDS_SAMPLES_MAX; each of another person */
void view_words_free(struct view_words *words);
str view_words_text(const struct view_words *words);
/* Bytes written to `to`; 0: not within `room`. `words` may be NULL. */
size_t view_pack(const struct view_words *words, str text, char *to, size_t room);
/* Exactly `length` bytes; false when `packed` is damaged. */
bool view_unpack(const struct view_words *words, str packed, char *to, size_t length);

#endif

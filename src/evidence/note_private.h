/* What note.c gives checkpoint.c. */
#ifndef TELOS_EVIDENCE_NOTE_PRIVATE_H
#define TELOS_EVIDENCE_NOTE_PRIVATE_H

#include "evidence/note.h"

/* The text of a note whose signatures are not looked at; false when it is no note. */
bool note_parts(str note, str *ret_text);

#endif

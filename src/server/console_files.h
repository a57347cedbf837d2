/* The built console within the program (console/embed_app.py): its files, packed with gzip, by path. Empty where it was not built. */
#ifndef TELOS_SERVER_CONSOLE_FILES_H
#define TELOS_SERVER_CONSOLE_FILES_H

#include <stddef.h>

struct console_file {
    const char *path; /* "/index.html", "/assets/index-Ab12.js" */
    const char *type, *tag; /* media type; ETag, with its quotes */
    const unsigned char *packed;
    size_t packed_size;
};
extern const struct console_file console_files[]; /* one more than there are */
extern const size_t console_file_count;

#endif

/* Runs a fuzz target once over each file of a folder: what a build without libFuzzer does with the corpus. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_BYTES_MAX = 1024 * 1024 };

/* False when the file cannot be read. */
static int replay(const char *folder, const char *name)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    uint8_t *data = malloc(FILE_BYTES_MAX);
    size_t size = data ? fread(data, 1, FILE_BYTES_MAX, file) : 0;
    (void)fclose(file); /* only read */
    uint8_t *exact = data ? realloc(data, size ? size : 1) : NULL; /* so that a sanitizer sees each byte past the end */
    if (exact)
        (void)LLVMFuzzerTestOneInput(exact, size); /* a fault aborts */
    free(exact);
    return exact != NULL;
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
        return 2;
    }
    DIR *folder = opendir(arguments[1]);
    if (!folder) {
        perror(arguments[1]);
        return 2;
    }
    int files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        if (!replay(arguments[1], entry->d_name)) {
            fprintf(stderr, "cannot read %s/%s\n", arguments[1], entry->d_name);
            return 2;
        }
        files++;
    }
    (void)closedir(folder); /* only read */
    printf("%d inputs\n", files);
    return files ? 0 : 1;
}

/* Feed files to a fuzz target without libFuzzer: what once crashed must not again.
 *
 *   replay FILE...    prints each name before it is tried, so the last one is the culprit
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 << 20 };

/* Exactly as many bytes as the file has, so that a sanitizer sees a read past them. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    uint8_t *bytes = NULL;
    if (fseek(f, 0, SEEK_END) == 0) {
        long size = ftell(f);
        rewind(f);
        if (size >= 0 && size <= INPUT_MAX) {
            bytes = malloc(size ? (size_t)size : 1);
            *ret_size = bytes ? fread(bytes, 1, (size_t)size, f) : 0;
        }
    }
    (void)fclose(f);
    return bytes;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t size = 0;
        (void)puts(argv[i]);
        (void)fflush(stdout);
        uint8_t *bytes = read_file(argv[i], &size);
        if (!bytes)
            return 1;
        (void)LLVMFuzzerTestOneInput(bytes, size);
        free(bytes);
    }
    return 0;
}

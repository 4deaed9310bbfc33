/* Stored reports: whatever is accepted is written by every writer without a byte that
 * acts, and what the JSON writer makes of it is accepted and written again, byte for
 * byte. */
#include "reports/report.h"
#include "reports/stored/read.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *written(const struct report_writer *w, const struct result *r,
                     size_t *ret_len)
{
    static const struct report_options o = { .width = 80 };
    struct error error;
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    assert(out);
    bool ok = report_write(w, r, &o, out, NULL, &error);
    (void)fclose(out);
    assert(ok && text);
    return text;
}

static void check(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        assert((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\r');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct result *r = report_read(span_of(data, size), "fuzz", &error);
    if (!r)
        return 0;
    for (size_t i = 0; report_at(i); i++) {
        size_t len = 0;
        char *text = written(report_at(i), r, &len);
        check(text, len);
        free(text);
    }
    static const char *const stores[] = { "json", "jsonl" };
    for (size_t i = 0; i < 2; i++) {
        size_t one_len = 0, other_len = 0;
        char *one = written(report_find(stores[i]), r, &one_len);
        struct result *again = report_read(span_of(one, one_len), "again", &error);
        assert(again);
        char *other = written(report_find(stores[i]), again, &other_len);
        assert(one_len == other_len && memcmp(one, other, one_len) == 0);
        result_free(again);
        free(one);
        free(other);
    }
    result_free(r);
    return 0;
}

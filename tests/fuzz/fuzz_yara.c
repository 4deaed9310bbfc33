/* The pack of byte rules over any bytes: it always ends, with what it promises, and no
 * bytes make libyara give up ("incomplete"), for then a payload could hide behind them.
 */
#include <assert.h>

#include "worker/yara_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct yara_rules *load(void)
{
    const char *build = getenv("BUILD");
    char pack[4096];
    struct error error;
    (void)snprintf(pack, sizeof pack, "%s/share/rules/assay.yarc",
                   build ? build : "build");
    struct yara_rules *y = yara_rules_load(pack, NULL, &error);
    if (!y) {
        (void)fprintf(stderr, "%s\n", error.message);
        abort();
    }
    return y;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct yara_rules *y;
    if (!y)
        y = load();
    struct arena *arena = arena_new(4 << 20);
    struct artifact *root = artifact_new(arena, span_of_text("fuzz"), size);
    struct byte_scanner scanner = yara_rules_scanner(y);
    struct inspection in = { .arena = arena,
                             .artifact = root,
                             .bytes = span_of(data, size) };
    /* in one piece, then in two with a gap between them */
    struct byte_range ranges[] = {
        {0,             size               },
        { size / 2 + 1, size - size / 2 - 1}
    };
    root->formats = 1;
    if (size > 0)
        scanner.scan(scanner.self, &in, ranges, 1);
    ranges[0].size = size / 2;
    if (size > 2)
        scanner.scan(scanner.self, &in, ranges, 2);
    assert(root->status == STATUS_COMPLETE);
    for (const struct finding *f = root->findings.first; f; f = f->next) {
        assert(f->offset < size || size == 0);
        assert(f->message.len > 0 && f->rule->severity < SEVERITY_COUNT);
    }
    arena_free(arena);
    return 0;
}

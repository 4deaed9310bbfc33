/* imports FILE…       run the pickle machine over each file, one stream at offset 0
 * imports -           the same over a batch on stdin: u32le length, bytes, again and
 * again Options before: -r DIR  the lists of globals (DIR/rules/pickle), -j  as
 * joblib.load does. One JSON line for each stream: status, end, and what the machine saw
 * in order. */
#include <errno.h>
#include <inttypes.h>

#include "core/finding.h"
#include "formats/pickle/render.h"

enum { STREAM_MAX = 256 << 20, ARENA_MAX = 256 << 20 };

struct run {
    struct buffer imports, calls, anomalies, text;
    const char *separator[3];
};

static void add_json(struct buffer *b, struct span s)
{
    buffer_add_text(b, "\"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == '"' || c == '\\')
            buffer_printf(b, "\\%c", c);
        else if (c >= 0x20 && c < 0x7f)
            buffer_add(b, span_slice(s, i, i + 1));
        else /* bytes as code points: the reader encodes to latin-1 to have them back */
            buffer_printf(b, "\\u%04x", c);
    }
    buffer_add_text(b, "\"");
}

static void on_import(void *self, struct pickle_machine *m, uint32_t global,
                      size_t offset)
{
    struct run *run = self;
    const struct pickle_global *g = &m->globals[global];
    struct buffer *b = &run->imports;
    buffer_add_text(b, run->separator[0]);
    buffer_add_text(b, "{\"module\":");
    add_json(b, g->module);
    buffer_add_text(b, ",\"name\":");
    add_json(b, g->name);
    buffer_add_text(b, ",\"raw_module\":");
    add_json(b, g->raw_module);
    buffer_add_text(b, ",\"raw_name\":");
    add_json(b, g->raw_name);
    buffer_printf(b, ",\"offset\":%zu,\"class\":\"%s\"%s}", offset,
                  pickle_class_name(g->verdict.class),
                  g->computed ? ",\"computed\":true" : "");
    run->separator[0] = ",";
}

static void on_call(void *self, struct pickle_machine *m, const struct pickle_call *call)
{
    struct run *run = self;
    buffer_clear(&run->text);
    pickle_render_call(m, call, STYLE_EVIDENCE, &run->text);
    buffer_printf(&run->calls, "%s{\"offset\":%zu,\"rendered\":", run->separator[1],
                  call->offset);
    add_json(&run->calls, buffer_span(&run->text));
    buffer_add_text(&run->calls, "}");
    run->separator[1] = ",";
}

static void on_anomaly(void *self, struct pickle_machine *m, enum pickle_anomaly what,
                       size_t offset)
{
    static const char *const names[] = {
        [ANOMALY_COMPUTED_NAME] = "computed-name",
        [ANOMALY_EXTENSION] = "extension",
        [ANOMALY_PROTOCOL] = "protocol",
        [ANOMALY_OVERWRITTEN] = "overwritten",
        [ANOMALY_HUGE_MEMO] = "huge-memo",
        [ANOMALY_HUGE_LENGTH] = "huge-length",
        [ANOMALY_FRAME] = "frame",
    };
    struct run *run = self;
    (void)m;
    buffer_printf(&run->anomalies, "%s{\"offset\":%zu,\"what\":\"%s\"}",
                  run->separator[2], offset, names[what]);
    run->separator[2] = ",";
}

static void run_stream(struct pickle_machine *m, struct run *run)
{
    static const char *const ends[] = {
        [PICKLE_STOPPED] = "stopped",     [PICKLE_TRUNCATED] = "truncated",
        [PICKLE_MALFORMED] = "malformed", [PICKLE_SPENT] = "spent",
        [PICKLE_LIMIT] = "limit",
    };
    buffer_clear(&run->imports);
    buffer_clear(&run->calls);
    buffer_clear(&run->anomalies);
    for (int i = 0; i < 3; i++)
        run->separator[i] = "";
    enum pickle_end end = pickle_machine_run(m, 0);
    unsigned disputed = m->disputed;
    while (pickle_machine_next_reading(m, disputed)) { /* as formats/pickle/scan.c does */
        enum pickle_end other = pickle_machine_run(m, 0);
        end = other == PICKLE_STOPPED ? other : end;
        disputed |= m->disputed;
    }
    buffer_clear(&run->text);
    add_json(&run->text, span_of_text(m->reason ? m->reason : ""));
    printf("{\"status\":\"%s\",\"reason\":%s,\"end\":%zu,\"protocol\":%u,"
           "\"disputed\":%u,"
           "\"imports\":[%s],\"calls\":[%s],\"anomalies\":[%s]}\n",
           ends[end], run->text.text, m->end, m->protocol, disputed,
           run->imports.len ? run->imports.text : "",
           run->calls.len ? run->calls.text : "",
           run->anomalies.len ? run->anomalies.text : "");
}

/* The whole of a file, or NULL. */
static uint8_t *slurp(FILE *f, size_t *ret_len)
{
    uint8_t *bytes = malloc(STREAM_MAX);
    *ret_len = bytes ? fread(bytes, 1, STREAM_MAX, f) : 0;
    return bytes;
}

static bool run_batch(struct pickle_machine *m, struct run *run)
{
    uint8_t head[4], *bytes = NULL;
    size_t capacity = 0;
    bool ok = true;
    while (ok && fread(head, 1, sizeof head, stdin) == sizeof head) {
        struct reader r = reader_of(span_of(head, sizeof head), 0);
        size_t len = reader_u32le(&r);
        if (len > capacity) {
            free(bytes);
            capacity = len + 4096;
            bytes = len <= STREAM_MAX ? malloc(capacity) : NULL;
        }
        ok = (bytes || len == 0) && fread(bytes, 1, len, stdin) == len;
        struct arena *arena = ok ? arena_new(ARENA_MAX) : NULL;
        if (arena) {
            pickle_machine_reuse(m, span_of(bytes, len), arena);
            run_stream(m, run);
        }
        ok = arena != NULL;
        arena_free(arena);
    }
    free(bytes);
    return ok;
}

static bool run_file(struct pickle_machine *m, struct run *run, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    size_t len;
    uint8_t *bytes = slurp(f, &len);
    struct arena *arena = arena_new(ARENA_MAX);
    bool ok = bytes && arena;
    if (ok) {
        pickle_machine_reuse(m, span_of(bytes, len), arena);
        run_stream(m, run);
    }
    arena_free(arena);
    free(bytes);
    fclose(f);
    return ok;
}

int main(int argc, char **argv)
{
    struct run run = { 0 };
    struct error error;
    struct pickle_rules *lists = NULL;
    struct pickle_sink sink = {
        .self = &run, .import = on_import, .call = on_call, .anomaly = on_anomaly
    };
    int at = 1;
    bool joblib = false, ok = true;
    for (; at < argc && argv[at][0] == '-' && argv[at][1]; at++) {
        if (strcmp(argv[at], "-j") == 0) {
            joblib = true;
        } else if (strcmp(argv[at], "-r") == 0 && at + 1 < argc) {
            lists = pickle_rules_load(argv[++at], NULL, &error);
            if (!lists) {
                fprintf(stderr, "imports: %s\n", error.message);
                return 1;
            }
        } else {
            fprintf(stderr, "usage: imports [-j] [-r DIR] FILE... | -\n");
            return 2;
        }
    }
    buffer_init(&run.imports, SIZE_MAX / 2);
    buffer_init(&run.calls, SIZE_MAX / 2);
    buffer_init(&run.anomalies, SIZE_MAX / 2);
    buffer_init(&run.text, EVIDENCE_MAX);
    struct pickle_machine *m = pickle_machine_new((struct span){ 0 }, NULL, lists, &sink);
    if (!m)
        return 1;
    m->joblib = joblib;
    for (; at < argc; at++)
        ok &=
            strcmp(argv[at], "-") == 0 ? run_batch(m, &run) : run_file(m, &run, argv[at]);
    pickle_machine_free(m);
    pickle_rules_free(lists);
    buffer_free(&run.imports);
    buffer_free(&run.calls);
    buffer_free(&run.anomalies);
    buffer_free(&run.text);
    return ok ? 0 : 1;
}

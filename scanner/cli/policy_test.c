/* assay policy test: the verdicts that a team expects of its policy, as a file that is
 * reviewed with it.  Each case is a scan of its own. */
#include "cli/policy_test.h"

#include "cli/command.h"
#include "cli/scanning.h"
#include "core/json.h"
#include "reports/escape.h"

enum { WORDS_MAX = 64, CASES_MAX = 1000 };

struct expected {
    const char *name, *target, *policy, *gate, *lockfile, *baseline, *verdict;
    const json_t *options, *reasons;
    json_int_t exit_code; /* -1: not said */
};

/* What came of one case. */
struct outcome {
    const struct expected *want;
    struct buffer wrong; /* a sentence a line */
    bool judged;
};

/* ---- reading --------------------------------------------------------------------- */

static bool texts_only(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return false;
    return list == NULL || json_is_array(list);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool read_case(const json_t *from, struct expected *ret)
{
    static const char *const known[] = { "name",      "target",   "policy",  "gate",
                                         "lockfile",  "baseline", "options", "verdict",
                                         "exit_code", "reasons",  NULL };
    const json_t *code = json_object_get(from, "exit_code");
    if (!json_is_object(from) || json_unknown_key(from, known))
        return false;
    *ret = (struct expected){ .name = text_of(from, "name"),
                              .target = text_of(from, "target"),
                              .policy = text_of(from, "policy"),
                              .gate = text_of(from, "gate"),
                              .lockfile = text_of(from, "lockfile"),
                              .baseline = text_of(from, "baseline"),
                              .verdict = text_of(from, "verdict"),
                              .options = json_object_get(from, "options"),
                              .reasons = json_object_get(from, "reasons"),
                              .exit_code = code ? json_integer_value(code) : -1 };
    return ret->name && ret->target && (ret->verdict || ret->exit_code >= 0) &&
           (!code || json_is_integer(code)) && texts_only(ret->options) &&
           texts_only(ret->reasons) && json_array_size(ret->options) < WORDS_MAX / 2;
}

static json_t *read_cases(const char *path, struct error *error)
{
    static const char *const known[] = { "schema", "cases", NULL };
    json_t *root = json_read_file(path, error);
    if (!root) {
        error->code = ERROR_CONFIG;
        return NULL;
    }
    const char *schema = text_of(root, "schema");
    const json_t *cases = json_object_get(root, "cases");
    struct expected ignored;
    bool ok = json_is_object(root) && !json_unknown_key(root, known) && schema &&
              strcmp(schema, "assay-policy-test/1") == 0 && json_is_array(cases) &&
              json_array_size(cases) <= CASES_MAX;
    if (!ok)
        error_set(error, ERROR_CONFIG,
                  "%s: must be {\"schema\": \"assay-policy-test/1\", \"cases\": [...]}",
                  path);
    for (size_t i = 0; ok && i < json_array_size(cases); i++)
        if (!read_case(json_array_get(cases, i), &ignored))
            ok =
                error_set(error, ERROR_CONFIG,
                          "%s: cases[%zu]: needs name, target, and verdict or exit_code; "
                          "may have policy, gate, lockfile, baseline, options, reasons",
                          path, i);
    if (ok)
        return root;
    json_decref(root);
    return NULL;
}

/* ---- comparing ------------------------------------------------------------------- */

static bool some_reason(const struct result *r, const char *words)
{
    for (const struct model *m = r->models; m; m = m->next)
        for (const struct reason *reason = m->reasons; reason; reason = reason->next)
            if (span_find(reason->text, words, 0) != SIZE_MAX)
                return true;
    return false;
}

static int compare(void *self, const struct scan_arguments *a, const struct policy *p,
                   const struct result *r)
{
    struct outcome *o = self;
    (void)a;
    (void)p;
    o->judged = true;
    if (o->want->verdict && strcmp(o->want->verdict, verdict_name(r->verdict)) != 0)
        buffer_printf(&o->wrong, "verdict %s, not %s\n", verdict_name(r->verdict),
                      o->want->verdict);
    for (size_t i = 0; i < json_array_size(o->want->reasons); i++) {
        const char *words = json_string_value(json_array_get(o->want->reasons, i));
        if (!some_reason(r, words))
            buffer_printf(&o->wrong, "no reason says \"%s\"\n", words);
    }
    for (const struct model *m = r->models; o->wrong.len && m; m = m->next)
        for (const struct reason *reason = m->reasons; reason; reason = reason->next) {
            buffer_add_text(&o->wrong, "it says: ");
            buffer_add(&o->wrong, reason->text);
            buffer_add_text(&o->wrong, "\n");
        }
    return r->exit_code;
}

/* ---- running --------------------------------------------------------------------- */

/* `path` from the directory of the file of cases; in an arena. */
static char *beside(struct arena *arena, const char *cases, const char *path)
{
    const char *slash = strrchr(cases, '/');
    int n = path[0] == '/' || !slash ? 0 : (int)(slash - cases) + 1;
    return arena_text(arena, arena_printf(arena, "%.*s%s", n, cases, path));
}

static int run_case(struct arena *arena, const char *path, const struct expected *want,
                    struct outcome *o)
{
    char *words[WORDS_MAX + 1];
    struct scan_arguments a;
    struct error error;
    int n = 0;
    words[n++] = arena_text(arena, span_of_text("test"));
    words[n++] = arena_text(arena, span_of_text("-q"));
    const char *const files[][2] = {
        {"--policy",    want->policy  },
        { "--lockfile", want->lockfile},
        { "--baseline", want->baseline}
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i][1]) {
            words[n++] = arena_text(arena, span_of_text(files[i][0]));
            words[n++] = beside(arena, path, files[i][1]);
        }
    if (want->gate) {
        words[n++] = arena_text(arena, span_of_text("--gate"));
        words[n++] = arena_text(arena, span_of_text(want->gate));
    }
    for (size_t i = 0; i < json_array_size(want->options); i++)
        words[n++] = arena_text(
            arena, span_of_text(json_string_value(json_array_get(want->options, i))));
    words[n++] = arena_text(arena, span_of_text("--"));
    words[n++] = beside(arena, path, want->target);
    words[n] = NULL;
    for (int i = 0; i < n; i++)
        if (!words[i])
            return EXIT_INCOMPLETE;
    return options_parse(n, words, &a, &error) ? scan_with(&a, compare, o)
                                               : complain(&error);
}

static void put_line(const char *start, struct span text)
{
    struct buffer safe;
    buffer_init(&safe, 32768);
    escape_terminal(&safe, text);
    printf("%s%s\n", start, safe.text ? safe.text : "");
    buffer_free(&safe);
}

static bool test_case(const char *path, const struct expected *want)
{
    struct arena *arena = arena_new(1 << 20);
    struct outcome o = { .want = want };
    buffer_init(&o.wrong, 8192);
    int code = arena ? run_case(arena, path, want, &o) : EXIT_INCOMPLETE;
    if (want->exit_code >= 0 && code != want->exit_code)
        buffer_printf(&o.wrong, "exit code %d, not %d\n", code, (int)want->exit_code);
    if (want->verdict && !o.judged)
        buffer_printf(&o.wrong, "no verdict, exit code %d\n", code);
    bool ok = o.wrong.len == 0;
    put_line(ok ? "ok      " : "FAILED  ", span_of_text(want->name));
    for (size_t at = 0; at < o.wrong.len;) {
        size_t end = span_find(buffer_span(&o.wrong), "\n", at);
        put_line("        ", span_slice(buffer_span(&o.wrong), at, end));
        at = end == SIZE_MAX ? o.wrong.len : end + 1;
    }
    buffer_free(&o.wrong);
    arena_free(arena);
    return ok;
}

int policy_test(int argc, char **argv)
{
    size_t passed = 0, failed = 0;
    if (argc < 2) {
        struct error error;
        error_set(&error, ERROR_USAGE, "policy test: name a file of cases");
        return complain(&error);
    }
    for (int i = 1; i < argc; i++) {
        struct error error;
        json_t *root = read_cases(argv[i], &error);
        if (!root)
            return complain(&error);
        const json_t *cases = json_object_get(root, "cases");
        for (size_t n = 0; n < json_array_size(cases); n++) {
            struct expected want;
            bool ok =
                read_case(json_array_get(cases, n), &want) && test_case(argv[i], &want);
            passed += ok;
            failed += !ok;
        }
        json_decref(root);
    }
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed == 0 ? EXIT_PASS : EXIT_VIOLATED;
}

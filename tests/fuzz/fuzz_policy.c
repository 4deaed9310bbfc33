/* The policy parser and the patterns in it.  Whatever comes in: a policy that judges, or
 * an error with file, line and column.  Run from the source directory. */
#include "core/formats.h"
#include "policy/glob.h"
#include "policy/policy.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct registries *table;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static struct result *one_model(void)
{
    struct result *r = result_new();
    struct model *m =
        result_add_model(r, span_of_text("models"), span_of_text("models/a"));
    struct arena *arena = arena_new(1 << 20);
    struct file *f = arena_alloc(arena, sizeof *f);
    f->arena = arena;
    f->artifact = artifact_new(arena, span_of_text("a/m.pkl"), 10);
    f->artifact->formats = FORMAT_BIT(FORMAT_PICKLE);
    finding_add(&f->artifact->findings, arena, &rules[RULE_PICKLE_DANGEROUS_CALL], 0,
                span_of_text("x"), span_of_text("y"));
    model_add_file(m, f);
    return r;
}

static void judge(const struct policy *p)
{
    struct result *r = one_model();
    struct buffer text;
    struct error error;
    buffer_init(&text, 1 << 20);
    policy_judge(p, r);
    require(r->models->reasons != NULL);
    require(r->exit_code >= EXIT_PASS && r->exit_code <= EXIT_EMPTY);
    policy_explain(p, r->models, &text);
    buffer_clear(&text);
    (void)policy_ratchet(p, r, &text, &error);
    buffer_free(&text);
    result_free(r);
}

/* The first line is a pattern, the rest is matched. */
static void match(const uint8_t *data, size_t size)
{
    char pattern[GLOB_MAX + 8];
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    size_t n = end ? (size_t)(end - data) : size;
    if (n >= sizeof pattern)
        return;
    if (n)
        memcpy(pattern, data, n);
    pattern[n] = '\0';
    struct span text = end ? span_of(end + 1, size - n - 1) : span_of("", 0);
    if (glob_matches(pattern, text, false) && !strchr(pattern, '[')) { /* not [!A] */
        require(glob_problem(pattern) == NULL);
        require(glob_matches(pattern, text, true));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { .code = ERROR_NONE };
    if (!table) {
        const char *const directories[] = { "registries.d", NULL };
        table = registries_load(directories, &error);
        require(table != NULL);
    }
    const struct policy_reading how = { table, 20000 };
    struct policy *p = policy_parse(span_of(data, size), "fuzz.json", &how, NULL, &error);
    if (p)
        judge(p);
    else
        require(error.message[0] &&
                (error.code == ERROR_CONFIG || error.code == ERROR_MEMORY));
    policy_free(p);
    match(data, size);
    return 0;
}

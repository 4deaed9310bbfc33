/* assay registries [ID] | resolve REF | check FILE...  (docs/registries.md) */
#include "cli/directories.h"
#include "core/json.h"
#include "core/suggest.h"
#include "policy/policy.h"
#include "registry/registry.h"

#include <getopt.h>

static const char usage[] =
    "Usage: assay registries [--json] [--registries DIR] [ID]\n"
    "       assay registries [--json] [--registries DIR] resolve REFERENCE\n"
    "       assay registries [--json] check FILE...\n"
    "\n"
    "Without an ID, the trust table.  \"resolve\" says what a reference means and how\n"
    "far it is trusted, without any network.  \"check\" tells every problem of an entry\n"
    "file.  Exit codes: 0, or 4 when a reference or a file is not valid.\n"
    "\n"
    "  --json            JSON instead of text (docs/registries.md lists the keys)\n"
    "  --registries DIR  read DIR/*.json last, over the installed table\n"
    "  -h, --help        this text\n";

static const char *environment(const char *name)
{
    return getenv(name);
}

/* ---- writing ------------------------------------------------------------------- */

/* What a reference or an unread file says may be any text: only plain ASCII goes to a
 * terminal as it is. */
static void put_escaped(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f)
            (void)putchar(text.ptr[i]);
        else
            printf("\\x%02x", text.ptr[i]);
}

static void put_list(const char *title, const char *const *list)
{
    for (size_t i = 0; list[i]; i++)
        printf("%-15s%s\n", i == 0 ? title : "", list[i]);
}

static void put_text(const char *title, const char *text)
{
    if (text)
        printf("%-15s%s\n", title, text);
}

static void set_text(json_t *object, const char *key, const char *text)
{
    json_object_set_new(object, key, text ? json_string(text) : json_null());
}

static void set_bool(json_t *object, const char *key, bool value)
{
    json_object_set_new(object, key, json_boolean(value));
}

static void set_list(json_t *object, const char *key, const char *const *list)
{
    json_t *array = json_array();
    for (size_t i = 0; list[i]; i++)
        json_array_append_new(array, json_string(list[i]));
    json_object_set_new(object, key, array);
}

static int put_json(json_t *value)
{
    int failed = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    json_decref(value);
    (void)putchar('\n');
    return failed || fflush(stdout) ? EXIT_INCOMPLETE : EXIT_PASS;
}

/* ---- the table and one of its rows --------------------------------------------- */

static bool configured(const struct registry *r)
{
    return registry_trust(r, environment) == r->trust;
}

static json_t *registry_json(const struct registry *r)
{
    json_t *o = json_object();
    set_text(o, "id", r->id);
    set_text(o, "name", r->name);
    set_text(o, "trust", trust_name(r->trust));
    set_bool(o, "configured", configured(r));
    set_list(o, "lowered", r->lowered);
    set_text(o, "description", r->description);
    set_text(o, "advice", r->advice);
    set_bool(o, "has_api", r->has_api);
    set_text(o, "base_url", r->base_url);
    set_text(o, "api_url", r->api_url);
    set_text(o, "model_url", r->model_url);
    set_text(o, "documentation", r->documentation);
    set_text(o, "location", r->location);
    set_text(o, "driver", r->driver);
    set_text(o, "endpoint", r->endpoint);
    set_list(o, "endpoint_env", r->endpoint_env);
    set_list(o, "scope_env", r->scope_env);
    set_list(o, "token_env", r->token_env);
    set_list(o, "hosts", r->hosts);
    set_list(o, "forms", r->forms);
    set_list(o, "examples", r->examples);
    set_text(o, "file", r->path);
    return o;
}

static int list_json(const struct registries *table)
{
    json_t *list = json_array();
    for (size_t i = 0; i < registries_count(table); i++)
        json_array_append_new(list, registry_json(registries_at(table, i)));
    return put_json(json_pack("{s:o}", "registries", list));
}

static int list_text(const struct registries *table)
{
    size_t id = 2, name = 4;
    bool unconfigured = false;
    for (size_t i = 0; i < registries_count(table); i++) {
        const struct registry *r = registries_at(table, i);
        id = strlen(r->id) > id ? strlen(r->id) : id;
        name = strlen(r->name) > name ? strlen(r->name) : name;
    }
    printf("%-*s  %-*s  %-9s  %-3s  %s\n", (int)id, "ID", (int)name, "NAME", "TRUST",
           "API", "URL");
    for (size_t i = 0; i < registries_count(table); i++) {
        const struct registry *r = registries_at(table, i);
        unconfigured = unconfigured || !configured(r);
        printf("%-*s  %-*s  %s%-*s  %-3s  ", (int)id, r->id, (int)name, r->name,
               trust_name(r->trust), 9 - (int)strlen(trust_name(r->trust)),
               configured(r) ? "" : "*", r->has_api ? "yes" : "no");
        printf(r->base_url ? "%s\n" : "(%s)\n", r->base_url ? r->base_url : r->location);
    }
    if (unconfigured)
        printf("\n* no endpoint of it is configured here, so until then it counts as "
               "unknown:\n  \"assay registries ID\" names the variables.\n");
    return EXIT_PASS;
}

static int show_text(const struct registry *r)
{
    printf("%s (%s)\n%s\n\n", r->name, r->id, r->description);
    printf("%-15s%s%s\n", "Trust", trust_name(r->trust),
           configured(r) ? "" : ", but no endpoint is configured: unknown");
    put_list("  lowered to", r->lowered);
    put_text("Advice", r->advice);
    put_text("URL", r->base_url ? r->base_url : r->location);
    printf("%-15s%s\n", "API", r->api_url ? r->api_url : r->has_api ? "yes" : "no");
    put_text("Model page", r->model_url);
    put_text("Documentation", r->documentation);
    put_list("References", r->forms);
    put_list("Examples", r->examples);
    put_list("Hosts", r->hosts);
    put_text("Endpoint", r->endpoint ? r->endpoint : "(yours)");
    put_list("  set by", r->endpoint_env);
    put_list("Yours if set", r->scope_env);
    put_list("Credentials", r->token_env);
    put_text("Driver", r->driver);
    put_text("File", r->path);
    return EXIT_PASS;
}

static int show(const struct registries *table, const char *id, bool json)
{
    struct error error;
    const struct registry *r = registries_find(table, id);
    if (r)
        return json ? put_json(registry_json(r)) : show_text(r);
    struct suggestion near = suggestion_for(id);
    for (size_t i = 0; i < registries_count(table); i++)
        suggestion_offer(&near, registries_at(table, i)->id);
    if (near.best)
        error_set(&error, ERROR_USAGE, "no registry \"%s\"; did you mean %s?", id,
                  near.best);
    else
        error_set(&error, ERROR_USAGE,
                  "no registry \"%s\" (\"assay registries\" lists them)", id);
    return complain(&error);
}

/* ---- resolve ------------------------------------------------------------------- */

static json_t *reference_json(const char *text, const struct reference *ref,
                              enum trust trust, const char *why)
{
    json_t *o = json_object(), *variables = json_object();
    for (size_t i = 0; i < ref->variable_count; i++)
        set_text(variables, ref->variables[i].key, ref->variables[i].value);
    set_text(o, "reference", text);
    set_text(o, "registry", ref->registry->id);
    set_text(o, "title", ref->registry->name);
    set_text(o, "name", ref->name);
    set_text(o, "revision", ref->revision);
    set_bool(o, "pinned", ref->pinned);
    set_text(o, "trust", trust_name(trust));
    set_text(o, "why", why);
    set_text(o, "advice", ref->registry->advice);
    json_object_set_new(o, "variables", variables);
    set_text(o, "file", ref->registry->path);
    return o;
}

static void reference_text(const struct reference *ref, enum trust trust, const char *why)
{
    const struct registry *r = ref->registry;
    printf("%-15s%s (%s)\n%-15s", "Registry", r->name, r->id, "Name");
    put_escaped(span_of_text(ref->name));
    printf("\n%-15s", "Revision");
    put_escaped(span_of_text(ref->revision ? ref->revision : "(none)"));
    printf("\n%-15s%s\n", "Pinned",
           ref->pinned ? "yes, it names one version for good"
                       : "no, it may mean another version tomorrow");
    printf("%-15s%s: %s\n", "Trust", trust_name(trust), why);
    if (r->trust == TRUST_INTERNAL && trust == TRUST_UNKNOWN) {
        put_list("  set one of", r->endpoint_env);
        put_list("  or to yours", r->scope_env);
    }
    put_text("Advice", r->advice);
}

static int resolve(const struct registries *table, const char *text, bool json)
{
    struct reference ref;
    struct error error;
    const char *why;
    if (!registries_resolve(table, text, &ref, &error))
        return complain(&error);
    enum trust trust = reference_trust(&ref, environment, &why);
    int code = EXIT_PASS;
    if (json)
        code = put_json(reference_json(text, &ref, trust, why));
    else
        reference_text(&ref, trust, why);
    reference_free(&ref);
    return code;
}

/* ---- check --------------------------------------------------------------------- */

/* JSON holds UTF-8 only: in text that is none, such as a file name, every byte beyond
 * ASCII appears as \xNN. */
static json_t *any_bytes(struct span bytes)
{
    json_t *text = json_stringn((const char *)bytes.ptr, bytes.len);
    if (text)
        return text;
    struct buffer escaped;
    buffer_init(&escaped, bytes.len * 4);
    for (size_t i = 0; i < bytes.len; i++)
        buffer_printf(&escaped, bytes.ptr[i] < 0x80 ? "%c" : "\\x%02x", bytes.ptr[i]);
    text = json_stringn(escaped.text, escaped.len);
    buffer_free(&escaped);
    return text;
}

/* One line of a report, from *start; false at its end. */
static bool next_line(struct span report, size_t *start, struct span *ret_line)
{
    if (*start >= report.len)
        return false;
    size_t end = span_find(report, "\n", *start);
    *ret_line = span_slice(report, *start, end);
    *start = end == SIZE_MAX ? report.len : end + 1;
    return true;
}

static json_t *problems_json(const char *file, bool valid, struct span report)
{
    json_t *o = json_object(), *problems = json_array();
    struct span line;
    for (size_t start = 0; next_line(report, &start, &line);)
        json_array_append_new(problems, any_bytes(line));
    json_object_set_new(o, "file", any_bytes(span_of_text(file)));
    set_bool(o, "valid", valid);
    json_object_set_new(o, "problems", problems);
    return o;
}

static void problems_text(const char *file, bool valid, struct span report)
{
    struct span line;
    if (valid) {
        put_escaped(span_of_text(file));
        (void)fputs(": valid\n", stdout);
    }
    for (size_t start = 0; next_line(report, &start, &line);) {
        put_escaped(line);
        (void)putchar('\n');
    }
}

/* Against the installed table only: the file may lie in a directory that is itself
 * broken because of it. */
static int check(const struct installation *installation, char **files, int count,
                 bool json)
{
    struct error error;
    const char *installed[] = { installation->registries_dir, NULL };
    struct registries *table = registries_load(installed, &error);
    json_t *results = json_array();
    bool all_valid = true;
    for (int i = 0; i < count; i++) {
        struct buffer report;
        buffer_init(&report, 1 << 20);
        bool valid = registry_check(files[i], table, &report);
        all_valid = all_valid && valid;
        if (json)
            json_array_append_new(results,
                                  problems_json(files[i], valid, buffer_span(&report)));
        else
            problems_text(files[i], valid, buffer_span(&report));
        buffer_free(&report);
    }
    registries_free(table);
    if (json)
        (void)put_json(json_pack("{s:b, s:O}", "valid", all_valid, "files", results));
    json_decref(results);
    return all_valid ? EXIT_PASS : EXIT_USAGE;
}

/* ---- the command line ---------------------------------------------------------- */

struct arguments {
    bool json;
    const char *directory;
    char **words; /* what is not an option */
    int count;
};

/* The exit code when there is nothing more to do, else -1. */
static int read_arguments(int argc, char **argv, struct arguments *ret)
{
    static const struct option options[] = {
        {"json",        no_argument,       NULL, 'j'},
        { "registries", required_argument, NULL, 'r'},
        { "help",       no_argument,       NULL, 'h'},
        { NULL,         0,                 NULL, 0  }
    };
    struct arguments a = { 0 };
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        }
        if (c == '?') {
            struct error error;
            error_set(&error, ERROR_USAGE, "registries: bad option \"%s\" (see --help)",
                      argv[optind - 1]);
            return complain(&error);
        }
        a.json = a.json || c == 'j';
        if (c == 'r')
            a.directory = optarg;
    }
    a.words = argv + optind;
    a.count = argc - optind;
    *ret = a;
    return -1;
}

static int run(const struct registries *table, const struct arguments *a)
{
    if (a->count == 0)
        return a->json ? list_json(table) : list_text(table);
    if (a->count == 1)
        return show(table, a->words[0], a->json);
    return resolve(table, a->words[1], a->json);
}

int command_registries(int argc, char **argv)
{
    struct arguments a = { 0 };
    struct installation installation;
    struct error error;
    int code = read_arguments(argc, argv, &a);
    if (code >= 0)
        return code;
    bool checks = a.count > 0 && strcmp(a.words[0], "check") == 0;
    bool resolves = a.count > 0 && strcmp(a.words[0], "resolve") == 0;
    if ((checks && a.count < 2) || (resolves && a.count != 2) ||
        (!checks && !resolves && a.count > 1)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (!installation_find(&installation, &error))
        return complain(&error);
    if (checks)
        return check(&installation, a.words + 1, a.count - 1, a.json);
    const char *extra[] = { a.directory, NULL };
    struct registries *table = directories_load_registries(&installation, extra, &error);
    if (!table)
        return complain(&error);
    code = run(table, &a);
    registries_free(table);
    return code;
}

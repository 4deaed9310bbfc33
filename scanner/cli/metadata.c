/* assay metadata REF: what a registry says of a model, without loading a file of it. */
#include "cli/asking.h"
#include "policy/policy.h"
#include "reports/escape.h"
#include "reports/json/result.h"

#include <getopt.h>
#include <inttypes.h>

#define METADATA_SCHEMA "assay-metadata/1"

static const char usage[] =
    "Usage: assay metadata REFERENCE [-o text|json] [OPTION...]\n\n"
    "Ask the registry of a reference and print what it says: metadata, provenance "
    "checks,\n"
    "files with their sizes and digests, and the level of trust.  Loads no file.\n\n"
    "  -o, --output FORMAT   text or json [text]\n"
    "      --registries DIR  further registry files, overriding the installed "
    "ones\n" NETWORK_USAGE "  -h, --help            this text\n\n"
    "Exit codes: 0 answered, 2 the registry could not be asked or does not list all "
    "files,\n"
    "4 usage or configuration error, or no such model\n";

struct arguments {
    struct asking_arguments asking;
    bool json;
};

/* ---- text ------------------------------------------------------------------------ */

static void put(const char *before, struct span value)
{
    struct buffer line;
    buffer_init(&line, 64 << 10);
    escape_terminal(&line, value);
    printf("%s%s\n", before, line.text ? line.text : "");
    buffer_free(&line);
}

static void row(const char *key, struct span value)
{
    printf("  %-18s ", key);
    put("", value);
}

static void text_row(const char *key, const char *value)
{
    if (value)
        row(key, span_of_text(value));
}

static void put_head(const struct remote *r)
{
    const struct reference *ref = remote_reference(r);
    const struct rest_result *answers = remote_answers(r);
    text_row("registry", ref->registry ? ref->registry->name : "none claims the address");
    text_row("name", ref->name);
    if (answers->revision.len)
        row("revision", answers->revision);
    else
        text_row("revision", ref->revision);
    text_row("pinned", ref->pinned ? "yes" : "no");
    text_row("trust", trust_name(answers->trust));
    text_row("lowered, because", remote_why_lower(r));
    text_row("moved from", remote_moved_from(r));
    text_row("asked at", remote_endpoint(r));
    text_row("answered by", remote_answered_by(r));
    text_row("credential of", remote_credential(r));
    text_row("to verify", ref->registry ? ref->registry->advice : NULL);
}

static void put_files(const struct remote *r)
{
    const struct rest_result *answers = remote_answers(r);
    printf("\nFiles: %zu%s\n", remote_count(r),
           answers->listed ? "" : ", not all of them");
    if (!answers->listed)
        text_row("because", answers->why_unlisted);
    for (size_t i = 0; i < remote_count(r); i++) {
        const struct rest_file *f = remote_file(r, i);
        struct buffer line;
        buffer_init(&line, 64 << 10);
        if (f->size_known)
            buffer_printf(&line, "%" PRIu64 " bytes", f->size);
        for (const struct rest_hash *h = f->hashes; h; h = h->next)
            buffer_printf(&line, "%s%s %s%s", line.len ? ", " : "", h->algorithm,
                          h->value, h->weak ? " (weak)" : "");
        if (f->scan)
            buffer_printf(&line, "%sscanned: %s", line.len ? ", " : "", f->scan);
        put("  ", span_of_text(f->storage ? f->storage : f->path));
        if (line.len)
            put("      ", buffer_span(&line));
        buffer_free(&line);
    }
}

static void put_text(const struct remote *r)
{
    const struct rest_result *answers = remote_answers(r);
    put_head(r);
    puts("\nThe registry says");
    for (const struct metadata *m = answers->metadata; m; m = m->next)
        row(m->key, m->value);
    puts("\nProvenance checks");
    for (const struct provenance_check *c = answers->checks; c; c = c->next) {
        printf("  %-7s", check_result_name(c->result));
        row(c->id, c->evidence);
    }
    for (const struct finding *f = answers->findings.first; f; f = f->next) {
        printf("\n%s %s\n", severity_name(f->rule->severity), f->rule->id);
        put("  ", f->message);
        put("  ", f->evidence);
    }
    put_files(r);
}

/* ---- json ------------------------------------------------------------------------ */

static void json_rows(struct json_out *j, const struct rest_result *answers)
{
    json_out_list(j, "metadata");
    for (const struct metadata *m = answers->metadata; m; m = m->next) {
        json_out_object(j, NULL);
        json_out_text(j, "key", m->key);
        json_out_bytes(j, "value", m->value);
        json_out_end_object(j);
    }
    json_out_end_list(j);
    json_result_checks(j, answers->checks);
    json_out_list(j, "findings");
    for (const struct finding *f = answers->findings.first; f; f = f->next) {
        json_out_object(j, NULL);
        json_out_text(j, "rule", f->rule->id);
        json_out_text(j, "severity", severity_name(f->rule->severity));
        json_out_bytes(j, "message", f->message);
        json_out_bytes(j, "evidence", f->evidence);
        json_out_end_object(j);
    }
    json_out_end_list(j);
}

static void json_span(struct json_out *j, const char *key, const char *text)
{
    if (text)
        json_out_bytes(j, key, span_of_text(text));
    else
        json_out_text(j, key, NULL);
}

static void json_file(struct json_out *j, const struct rest_file *f)
{
    json_out_object(j, NULL);
    json_span(j, "path", f->path);
    json_span(j, "storage", f->storage);
    if (f->size_known)
        json_out_uint(j, "size", f->size);
    else
        json_out_text(j, "size", NULL);
    json_span(j, "role", f->role);
    json_span(j, "format", f->format);
    json_span(j, "scan", f->scan);
    json_out_list(j, "hashes");
    for (const struct rest_hash *h = f->hashes; h; h = h->next) {
        json_out_object(j, NULL);
        json_out_text(j, "algorithm", h->algorithm);
        json_out_text(j, "value", h->value);
        json_out_bool(j, "weak", h->weak);
        json_out_end_object(j);
    }
    json_out_end_list(j);
    json_out_end_object(j);
}

static void put_json(const struct remote *r, const char *text)
{
    struct json_out j = json_out_to(stdout);
    const struct reference *ref = remote_reference(r);
    const struct rest_result *answers = remote_answers(r);
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", METADATA_SCHEMA);
    json_span(&j, "reference", text);
    json_out_text(&j, "registry", ref->registry ? ref->registry->id : NULL);
    json_span(&j, "name", ref->name);
    if (answers->revision.len)
        json_out_bytes(&j, "revision", answers->revision);
    else
        json_span(&j, "revision", ref->revision);
    json_out_bool(&j, "pinned", ref->pinned);
    json_span(&j, "endpoint", remote_endpoint(r));
    json_span(&j, "answered_by", remote_answered_by(r));
    json_span(&j, "credential", remote_credential(r));
    json_span(&j, "moved_from", remote_moved_from(r));
    json_out_text(&j, "trust", trust_name(answers->trust));
    json_span(&j, "trust_lowered", remote_why_lower(r));
    json_rows(&j, answers);
    json_out_bool(&j, "listed", answers->listed);
    json_span(&j, "why_unlisted", answers->why_unlisted);
    json_out_list(&j, "files");
    for (size_t i = 0; i < remote_count(r); i++)
        json_file(&j, remote_file(r, i));
    json_out_end_list(&j);
    json_out_end_object(&j);
    json_out_finish(&j);
}

/* ---- the command line ------------------------------------------------------------ */

/* -1 to go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct arguments *a, struct error *error)
{
    enum { REGISTRIES = 256 };
    static const struct option options[] = {
        {"output",      required_argument, NULL, 'o'       },
        { "registries", required_argument, NULL, REGISTRIES},
        { "help",       no_argument,       NULL, 'h'       },
        NETWORK_GETOPT,
        { NULL,         0,                 NULL, 0         }
    };
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        } else if (c == 'o' &&
                   (strcmp(optarg, "text") == 0 || strcmp(optarg, "json") == 0)) {
            a->json = optarg[0] == 'j';
        } else if (c == REGISTRIES) {
            a->asking.registries = optarg;
        } else if (c == '?' || c == 'o') {
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        } else if (!network_apply((enum network_option)c, optarg, &a->asking.network,
                                  error)) {
            return complain(error);
        }
    }
    a->asking.reference = argv[optind];
    if (argc - optind == 1)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

int command_metadata(int argc, char **argv)
{
    struct arguments a = { 0 };
    struct asking asking = { 0 };
    struct error error = { 0 };
    int code = read_arguments(argc, argv, &a, &error);
    if (code >= 0)
        return code;
    if (!asking_open(&a.asking, &asking, &error)) {
        code = complain(&error);
    } else {
        if (a.json)
            put_json(asking.remote, a.asking.reference);
        else
            put_text(asking.remote);
        bool written = fflush(stdout) == 0 && !ferror(stdout);
        code = remote_answers(asking.remote)->listed && written ? EXIT_PASS
                                                                : EXIT_INCOMPLETE;
    }
    asking_close(&asking);
    return code;
}

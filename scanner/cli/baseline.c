/* assay baseline create: today's findings, for `assay scan --baseline`. */
#include "cli/command.h"
#include "cli/scanning.h"
#include "core/fingerprint.h"
#include "reports/json/out.h"

static const char usage[] =
    "Usage: assay baseline create [-o FILE] TARGET...\n\n"
    "Scan the targets and record a fingerprint of every finding; `assay scan --baseline\n"
    "FILE` then reports all, and lets the gate see new ones only.  A critical finding "
    "is\n"
    "known only in the very same bytes.  Takes the options of `assay scan` that are "
    "about\n"
    "targets.\n\n"
    "  -o, --output FILE     write to FILE, whole or not at all [standard output]\n"
    "  -h, --help            this text\n\n"
    "Exit codes: 0 recorded, 2 a target could not be scanned, 4 usage\n";

static bool write_finding(struct json_out *j, const struct finding *f,
                          const struct artifact *a, const struct file *file,
                          struct span identity)
{
    char hex[FINGERPRINT_HEX + 1];
    if (!finding_fingerprint(f, a, identity, hex))
        return false;
    json_out_object(j, NULL);
    json_out_text(j, "fingerprint", hex);
    json_out_bytes(j, "sha256", file ? file->sha256 : (struct span){ 0 });
    json_out_text(j, "rule", f->rule->id);
    json_out_bytes(j, "path", file ? file->artifact->name : identity);
    json_out_end_object(j);
    return true;
}

static bool write_model(struct json_out *j, const struct model *m)
{
    bool ok = true;
    for (const struct finding *f = m->findings.first; ok && f; f = f->next)
        ok = write_finding(j, f, NULL, NULL, m->identity);
    for (const struct file *file = m->files; file; file = file->next)
        for (const struct artifact *a = file->artifact; ok && a;
             a = artifact_walk(file->artifact, a))
            for (const struct finding *f = a->findings.first; ok && f; f = f->next)
                ok = write_finding(j, f, a, file, m->identity);
    return ok;
}

static bool write_baseline(FILE *out, const struct result *r,
                           const struct report_options *o)
{
    struct json_out j = json_out_to(out);
    bool ok = true;
    (void)o;
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", "assay-baseline/1");
    json_out_list(&j, "findings");
    for (const struct model *m = r->models; ok && m; m = m->next)
        ok = write_model(&j, m);
    json_out_end_list(&j);
    json_out_end_object(&j);
    json_out_finish(&j);
    return ok;
}

static const struct report_writer writer = { "baseline", "baseline", write_baseline };

static int record(void *self, const struct scan_arguments *a, const struct policy *p,
                  const struct result *r)
{
    const struct report_options plain = { 0 };
    const char *const *output = self;
    struct error error;
    (void)a;
    (void)p;
    if (!report_write(&writer, r, &plain, stdout, *output, &error))
        return complain(&error);
    return targets_scanned(r);
}

int command_baseline(int argc, char **argv)
{
    struct scan_arguments a;
    struct error error;
    const char *output = take_option(&argc, argv, 'o', "--output");
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        (void)fputs(usage, stdout);
        return EXIT_PASS;
    }
    if (argc < 3 || strcmp(argv[1], "create") != 0) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (!options_parse(argc - 1, argv + 1, &a, &error))
        return complain(&error);
    if (a.help) {
        (void)fputs(usage, stdout);
        return EXIT_PASS;
    }
    return scan_with(&a, record, &output);
}

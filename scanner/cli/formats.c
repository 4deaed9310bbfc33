/* assay formats [--json]: the table of formats. */
#include "core/formats.h"
#include "cli/command.h"
#include "policy/policy.h"
#include "reports/json/out.h"
#include "worker/worker.h"

static const char usage[] =
    "Usage: assay formats [--json]\n"
    "\n"
    "All formats that are recognised.  They are told by content; an extension only says\n"
    "what a name promises.  --deny-format of `assay scan` takes names and families.\n"
    "\n"
    "  -h, --help   this text\n"
    "      --json   JSON: {\"formats\": [{\"name\", \"family\", \"title\", \"is_a\", "
    "\"extensions\"}]}\n";

/* The words behind the format's name in the worker's line about it. */
static struct span extensions_of(struct span lines, const char *name)
{
    for (size_t at = 0; at < lines.len;) {
        size_t end = span_find(lines, "\n", at);
        struct span line = span_slice(lines, at, end);
        size_t blank = span_find(line, " ", 0);
        if (span_is(span_slice(line, 0, blank), name))
            return blank != SIZE_MAX ? span_slice(line, blank + 1, line.len)
                                     : (struct span){ 0 };
        at = end == SIZE_MAX ? lines.len : end + 1;
    }
    return (struct span){ 0 };
}

static void list_text(struct span lines)
{
    printf("%-13s  %-9s  %-44s  %s\n", "NAME", "FAMILY", "TITLE", "EXTENSIONS");
    for (int id = 0; id < FORMAT_COUNT; id++) {
        struct span extensions = extensions_of(lines, formats[id].name);
        printf("%-13s  %-9s  %-*s%s%.*s\n", formats[id].name, formats[id].family,
               extensions.len ? 44 : 0, formats[id].title, extensions.len ? "  " : "",
               (int)extensions.len, extensions.len ? (const char *)extensions.ptr : "");
    }
}

static void list_json(struct span lines)
{
    struct json_out j = json_out_to(stdout);
    json_out_object(&j, NULL);
    json_out_list(&j, "formats");
    for (int id = 0; id < FORMAT_COUNT; id++) {
        enum format_id is_a = formats[id].is_a;
        struct span extensions = extensions_of(lines, formats[id].name);
        json_out_object(&j, NULL);
        json_out_text(&j, "name", formats[id].name);
        json_out_text(&j, "family", formats[id].family);
        json_out_text(&j, "title", formats[id].title);
        json_out_text(&j, "is_a", is_a == FORMAT_ANY ? NULL : formats[is_a].name);
        json_out_list(&j, "extensions");
        for (size_t at = 0; at < extensions.len;) {
            size_t end = span_find(extensions, " ", at);
            json_out_bytes(&j, NULL, span_slice(extensions, at, end));
            at = end == SIZE_MAX ? extensions.len : end + 1;
        }
        json_out_end_list(&j);
        json_out_end_object(&j);
    }
    json_out_end_list(&j);
    json_out_end_object(&j);
    json_out_finish(&j);
}

int command_formats(int argc, char **argv)
{
    struct installation installation;
    struct error error;
    struct buffer lines;
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    int code = usage_printed(argc, argv, 0, json ? 1 : 0, usage);
    if (code >= 0)
        return code;
    buffer_init(&lines, 64 << 10);
    code = EXIT_PASS;
    if (!installation_find(&installation, &error) ||
        !worker_extensions(installation.worker, &lines, &error))
        code = complain(&error);
    else
        (json ? list_json : list_text)(buffer_span(&lines));
    buffer_free(&lines);
    return fflush(stdout) ? EXIT_INCOMPLETE : code;
}

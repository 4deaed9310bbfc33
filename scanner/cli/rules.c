/* assay rules [--json]: the table of rules, and the byte rules by their pages. */
#include "formats/pickle/rules.h"
#include "cli/rule_pages.h"
#include "core/finding.h"
#include "policy/policy.h"
#include "reports/json/out.h"

#include <getopt.h>

static const char usage[] =
    "Usage: assay rules [--json]\n"
    "\n"
    "All rules: id, severity, title.  `assay explain ID` tells more.\n"
    "\n"
    "  -h, --help   this text\n"
    "      --json   JSON: {\"rules\": [{\"id\", \"severity\", \"cwe\", "
    "\"title\"}], \"pickle_globals\": n}\n";

static void list_text(const struct rule_page *pages, size_t count, size_t globals)
{
    size_t width = 0;
    for (size_t i = 0; i < count; i++)
        width = strlen(pages[i].id) > width ? strlen(pages[i].id) : width;
    for (size_t i = 0; i < count; i++)
        printf("%-*s  %-8s  %s\n", (int)width, pages[i].id, pages[i].severity,
               pages[i].title);
    printf("\n%zu rules; %zu known names of pickle globals are loaded.\n", count,
           globals);
}

static void list_json(const struct rule_page *pages, size_t count, size_t globals)
{
    struct json_out j = json_out_to(stdout);
    json_out_object(&j, NULL);
    json_out_list(&j, "rules");
    for (size_t i = 0; i < count; i++) {
        json_out_object(&j, NULL);
        json_out_text(&j, "id", pages[i].id);
        json_out_text(&j, "severity", pages[i].severity);
        if (pages[i].cwe)
            json_out_uint(&j, "cwe", pages[i].cwe);
        else
            json_out_text(&j, "cwe", NULL);
        json_out_text(&j, "title", pages[i].title);
        json_out_end_object(&j);
    }
    json_out_end_list(&j);
    json_out_uint(&j, "pickle_globals", globals);
    json_out_end_object(&j);
    json_out_finish(&j);
}

int command_rules(int argc, char **argv)
{
    struct installation installation;
    struct error error;
    struct rule_pages pages;
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    int code = usage_printed(argc, argv, 0, json ? 1 : 0, usage);
    if (code >= 0)
        return code;
    if (!installation_find(&installation, &error) ||
        !rule_pages_load(&installation, &pages, &error))
        return complain(&error);
    struct pickle_rules *lists = pickle_rules_load(installation.data_dir, NULL, &error);
    if (lists)
        (json ? list_json : list_text)(pages.list, pages.count,
                                       pickle_rules_count(lists));
    code = lists ? EXIT_PASS : complain(&error);
    pickle_rules_free(lists);
    rule_pages_free(&pages);
    return fflush(stdout) ? EXIT_INCOMPLETE : code;
}

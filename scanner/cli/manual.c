/* assay manual [NAME]: manual pages, made of the help texts, the documentation and the
 * rules, so that none of them can tell something else. */
#include "cli/help.h"
#include "cli/mdoc.h"
#include "cli/rule_pages.h"
#include "core/suggest.h"
#include "policy/policy.h"

#include <ctype.h>

static const char usage[] =
    "Usage: assay manual [NAME]\n"
    "\n"
    "Print a manual page, in mdoc: assay (section 1), assay-policy (5), "
    "assay-registries\n"
    "(5) or assay-rules (7).  Without a NAME, which there are.  `make install` installs "
    "them.\n"
    "\n"
    "  -h, --help            this text\n"
    "\n"
    "Examples:\n"
    "  assay manual assay-policy | man -l -\n";

enum { DOCUMENT_MAX = 1 << 20 };

/* ---- assay(1) -------------------------------------------------------------------- */

/* "-o, --output FORMAT" as .Fl and .Ar, so that readers can search for either. */
static void option_item(struct mdoc *m, struct span left)
{
    struct help_option o;
    bool first = true;
    mdoc_item_open(m);
    for (size_t at = 0; help_option(left, &at, &o); first = false) {
        fprintf(m->out, "%s", first ? "" : " ,");
        if (o.letter)
            fprintf(m->out, " Fl %c ,", o.letter);
        fprintf(m->out, " Fl -%.*s", (int)o.name.len, o.name.ptr);
        if (o.argument.len)
            fprintf(m->out, " Ar \"%.*s\"", (int)o.argument.len, o.argument.ptr);
    }
    fputs("\n", m->out);
}

static void help_page(struct mdoc *m, struct span help)
{
    struct help_line line = { 0 };
    for (size_t at = 0; help_next(help, &at, &line);) {
        switch (line.kind) {
        case HELP_USAGE:
        case HELP_SAMPLE:
            mdoc_list_end(m);
            mdoc_literal(m, line.right);
            break;
        case HELP_OPTION:
            if (!line.continues)
                option_item(m, line.left);
            mdoc_text(m, line.right);
            break;
        case HELP_ITEM:
            mdoc_item(m, line.left);
            mdoc_text(m, line.right);
            break;
        case HELP_TEXT:
            if (m->item)
                mdoc_list_end(m);
            mdoc_text(m, line.right);
            break;
        case HELP_BLANK:
            mdoc_paragraph(m);
            break;
        }
    }
    mdoc_list_end(m);
}

static void items(struct mdoc *m, const char *const rows[][2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mdoc_item(m, span_of_text(rows[i][0]));
        mdoc_text(m, span_of_text(rows[i][1]));
    }
    mdoc_list_end(m);
}

static void about_the_system(struct mdoc *m)
{
    static const char *const environment[][2] = {
        {"NO_COLOR, CLICOLOR_FORCE, TERM",            "Whether the text report is coloured."                           },
        { "XDG_CONFIG_HOME, HOME",                    "Where the operator's registries.d lies."                        },
        { "SOURCE_DATE_EPOCH",                        "The time in reports, in seconds since 1970; what differs "
                               "from run to run is then left out."                       },
        { "ASSAY_KEY_PASSWORD",                       "The passphrase of the key that `assay sign` uses."              },
        { "ASSAY_PKCS11_PIN",                         "The PIN of the token that `assay sign` uses."                   },
        { "SIGSTORE_ID_TOKEN, ACTIONS_ID_TOKEN_REQUEST_URL, "
          "ACTIONS_ID_TOKEN_REQUEST_TOKEN",  "Who signs with `assay sign sigstore --use-ambient-credentials`."},
        { "HF_TOKEN, MLFLOW_TRACKING_URI and others",
         "Endpoints and credentials of registries, each named in its entry; see "
          "`assay registries ID`."                                                                                     },
    };
    static const char *const files[][2] = {
        {ASSAY_PREFIX "/share/assay",            "Registries, rules and their pages."          },
        { "/etc/assay/registries.d",             "The operator's registries; see "
                                     "assay-registries(5)."},
        { "$XDG_CONFIG_HOME/assay/registries.d", "The user's."                                 },
    };
    static const char *const codes[][2] = {
        {"0",  "Every demand of the gate is met."  },
        { "1", "The gate is violated."             },
        { "2",
         "Incomplete: something could not be analysed, read or written, and nothing "
          "violates the gate."                     },
        { "3", "There is nothing to scan."         },
        { "4", "Usage, policy or configuration error, or a target that does not exist.  "
               "Nothing was scanned."},
    };
    mdoc_section(m, span_of_text("environment"));
    items(m, environment, sizeof environment / sizeof *environment);
    mdoc_section(m, span_of_text("files"));
    items(m, files, sizeof files / sizeof *files);
    mdoc_section(m, span_of_text("exit status"));
    items(m, codes, sizeof codes / sizeof *codes);
}

static bool assay_page(struct mdoc *m, const struct installation *installation,
                       struct error *error)
{
    (void)installation;
    mdoc_section(m, span_of_text("synopsis"));
    mdoc_line(m, ".Nm");
    mdoc_line(m, ".Ar COMMAND");
    mdoc_line(m, ".Op Ar OPTION ...");
    mdoc_section(m, span_of_text("description"));
    mdoc_text(m, span_of_text("Assay tells whether a machine-learning model may be "
                              "deployed: where it comes from, whether its bytes are the "
                              "expected ones, whether loading it runs code, and what "
                              "your policy says about all of that. It never loads a "
                              "model. These are its commands."));
    mdoc_paragraph(m);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        mdoc_item(m, span_of_text(commands[i].name));
        mdoc_text(m, span_of_text(commands[i].summary));
    }
    mdoc_list_end(m);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        char title[64], *text;
        if (!help_of(commands[i].name, &text, error))
            return false;
        (void)snprintf(title, sizeof title, "assay %s", commands[i].name);
        mdoc_section(m, span_of_text(title));
        help_page(m, span_of_text(text));
        free(text);
    }
    about_the_system(m);
    return true;
}

/* ---- pages of the documentation -------------------------------------------------- */

static bool document(struct mdoc *m, const struct installation *installation,
                     const char *name, struct error *error)
{
    char path[sizeof installation->data_dir + 64];
    (void)snprintf(path, sizeof path, "%s/docs/%s.md", installation->data_dir, name);
    FILE *in = fopen(path, "re");
    char *text = in ? malloc(DOCUMENT_MAX) : NULL;
    size_t n = text ? fread(text, 1, DOCUMENT_MAX, in) : 0;
    bool ok = n > 0 && n < DOCUMENT_MAX;
    if (ok) {
        mdoc_section(m, span_of_text("description"));
        mdoc_markdown(m, span_of(text, n));
    } else {
        error_errno(error, ERROR_CONFIG, "%s cannot be read", path);
    }
    free(text);
    if (in)
        (void)fclose(in);
    return ok;
}

static bool policy_page(struct mdoc *m, const struct installation *installation,
                        struct error *error)
{
    return document(m, installation, "policy", error);
}

static bool registries_page(struct mdoc *m, const struct installation *installation,
                            struct error *error)
{
    return document(m, installation, "registries", error);
}

/* ---- assay-rules(7) -------------------------------------------------------------- */

/* What the page says from "## What it finds" to the next heading. */
static struct span part_of(struct span page, const char *heading)
{
    size_t start = span_find(page, heading, 0);
    if (start == SIZE_MAX)
        return (struct span){ 0 };
    start += strlen(heading);
    return span_slice(page, start, span_find(page, "\n## ", start));
}

/* Its paragraphs, lists and all, as prose of an item. */
static void item_text(struct mdoc *m, struct span part)
{
    bool fenced = false;
    for (size_t at = 0; at < part.len;) {
        size_t end = span_find(part, "\n", at);
        struct span line = span_slice(part, at, end);
        if (span_starts(line, "```"))
            fenced = !fenced;
        else if (fenced)
            mdoc_literal(m, line);
        else if (line.len)
            mdoc_text(m, line);
        else
            mdoc_paragraph(m);
        at = end == SIZE_MAX ? part.len : end + 1;
    }
    mdoc_paragraph(m);
}

static bool rule_item(struct mdoc *m, const struct installation *installation,
                      const struct rule_page *rule, struct error *error)
{
    char line[256];
    char *text = rule_page_read(installation, rule->id, error);
    if (!text)
        return false;
    mdoc_item(m, span_of_text(rule->id));
    bool whole = ispunct((unsigned char)rule->title[strlen(rule->title) - 1]);
    (void)snprintf(line, sizeof line, "%s%s", rule->title, whole ? "" : ".");
    mdoc_text(m, span_of_text(line));
    (void)snprintf(line, sizeof line,
                   rule->cwe ? "Severity %s (CWE-%u)." : "Severity %s.", rule->severity,
                   rule->cwe);
    mdoc_text(m, span_of_text(line));
    mdoc_paragraph(m);
    item_text(m, part_of(span_of_text(text), "## What it finds"));
    free(text);
    return true;
}

static bool rules_page(struct mdoc *m, const struct installation *installation,
                       struct error *error)
{
    struct rule_pages pages;
    bool ok = rule_pages_load(installation, &pages, error);
    if (!ok)
        return false;
    mdoc_section(m, span_of_text("description"));
    mdoc_text(m, span_of_text("A finding of `assay scan` names the rule that found it. "
                              "`assay explain RULE` tells for each why it matters, what "
                              "to do about it, and when it is wrong."));
    mdoc_paragraph(m);
    for (size_t i = 0; ok && i < pages.count; i++)
        ok = rule_item(m, installation, &pages.list[i], error);
    rule_pages_free(&pages);
    return ok;
}

/* ---- the command ----------------------------------------------------------------- */

static const struct manual {
    const char *name, *section, *what;
    bool (*write)(struct mdoc *m, const struct installation *installation,
                  struct error *error);
} manuals[] = {
    {"assay",             "1", "tell whether a machine-learning model may be deployed", assay_page     },
    { "assay-policy",     "5", "what may be deployed, written down once",               policy_page    },
    { "assay-registries", "5", "the trust table of assay",                              registries_page},
    { "assay-rules",      "7", "what assay finds",                                      rules_page     },
};
enum { MANUALS = sizeof manuals / sizeof *manuals };

static void see_also(struct mdoc *m, const struct manual *self)
{
    const char *comma = "";
    mdoc_section(m, span_of_text("see also"));
    for (size_t i = 0; i < MANUALS; i++) {
        if (&manuals[i] == self)
            continue;
        fprintf(m->out, "%s.Xr %s %s", comma, manuals[i].name, manuals[i].section);
        comma = " ,\n";
    }
    fputs("\n", m->out);
}

static int print(const struct manual *manual)
{
    struct installation installation;
    struct error error;
    struct mdoc m;
    if (!installation_find(&installation, &error))
        return complain(&error);
    mdoc_begin(&m, stdout, manual->name, manual->section, manual->what);
    bool ok = manual->write(&m, &installation, &error);
    if (ok)
        see_also(&m, manual);
    mdoc_end(&m);
    return ok ? EXIT_PASS : complain(&error);
}

static int unknown(const char *name)
{
    struct suggestion near = suggestion_for(name);
    struct error error;
    for (size_t i = 0; i < MANUALS; i++)
        suggestion_offer(&near, manuals[i].name);
    error_set(&error, ERROR_USAGE, "no manual is called %s%s%s%s", name,
              near.best ? "; did you mean " : "", near.best ? near.best : "",
              near.best ? "?" : "");
    return complain(&error);
}

int command_manual(int argc, char **argv)
{
    int code = usage_printed(argc, argv, 0, 1, usage);
    size_t i = 0;
    if (code >= 0)
        return code;
    code = EXIT_PASS;
    while (argc == 2 && i < MANUALS && strcmp(manuals[i].name, argv[1]) != 0)
        i++;
    if (argc == 2)
        code = i < MANUALS ? print(&manuals[i]) : unknown(argv[1]);
    for (i = 0; argc == 1 && i < MANUALS; i++)
        printf("%s(%s)  %s\n", manuals[i].name, manuals[i].section, manuals[i].what);
    return fflush(stdout) ? EXIT_INCOMPLETE : code;
}

/* "Did you mean", for options and subcommands of every command: what its help text lists
 * is what there is. */
#include "cli/command.h"
#include "cli/help.h"
#include "core/suggest.h"
#include "policy/policy.h"

/* What the help of one command says about a word: it is there, or something near is. */
struct search {
    struct span word; /* "--output" without dashes, or the name of a subcommand */
    bool found;
    struct suggestion near;
    char best[64]; /* near.best, which points into a help text, to keep */
};

static void offer(struct search *s, struct span candidate, bool option)
{
    char text[64];
    size_t before = s->near.distance;
    (void)snprintf(text, sizeof text, "%.*s", (int)candidate.len,
                   (const char *)candidate.ptr);
    /* getopt takes what begins an option for it */
    struct span same = option ? span_slice(candidate, 0, s->word.len) : candidate;
    s->found |= span_equal(s->word, same);
    suggestion_offer(&s->near, text);
    if (s->near.distance < before) {
        (void)snprintf(s->best, sizeof s->best, "%s", text);
        s->near.best = s->best;
    }
}

static void search_options(struct search *s, struct span help)
{
    struct help_line line = { 0 };
    for (size_t at = 0; help_next(help, &at, &line);) {
        struct help_option o;
        for (size_t k = 0; line.kind == HELP_OPTION && !line.continues &&
                           help_option(line.left, &k, &o);)
            offer(s, o.name, true);
    }
}

static void search_subcommands(struct search *s, struct span help, const char *command)
{
    struct help_line line = { 0 };
    for (size_t at = 0; help_next(help, &at, &line);) {
        struct span name = line.kind == HELP_USAGE && !line.continues
                               ? help_subcommand(line.right, command)
                               : (struct span){ 0 };
        if (name.len)
            offer(s, name, false);
    }
}

/* Also in the help of scan, where a command says that it takes options of it. */
static bool search_help(struct search *s, const char *command, bool option)
{
    char *text;
    struct error ignored;
    if (!help_of(command, &text, &ignored))
        return false;
    struct span help = span_of_text(text);
    bool more = option && strcmp(command, "scan") != 0 &&
                span_find(help, "options of `assay scan`", 0) != SIZE_MAX;
    if (option)
        search_options(s, help);
    else
        search_subcommands(s, help, command);
    free(text);
    if (more && help_of("scan", &text, &ignored)) {
        search_options(s, span_of_text(text));
        free(text);
    }
    return true;
}

static bool hint_word(const char *command, const char *word)
{
    char name[64];
    bool option = strncmp(word, "--", 2) == 0;
    size_t n = strcspn(word + 2 * option, "=");
    if (n == 0 || n >= sizeof name || (!option && (word[0] < 'a' || word[0] > 'z')))
        return false;
    (void)snprintf(name, sizeof name, "%.*s", (int)n, word + 2 * option);
    struct search s = { .word = span_of_text(name), .near = suggestion_for(name) };
    if (!search_help(&s, command, option) || s.found || !s.near.best)
        return false;
    if (option)
        fprintf(stderr, "assay: did you mean --%s?\n", s.best);
    else
        fprintf(stderr, "assay: did you mean `assay %s %s`?\n", command, s.best);
    return true;
}

void hint_usage(int argc, char *const *argv)
{
    bool hinted = argc > 1 && argv[1][0] != '-' && hint_word(argv[0], argv[1]);
    for (int i = 1; i < argc && !hinted && strcmp(argv[i], "--") != 0; i++)
        if (strncmp(argv[i], "--", 2) == 0)
            hinted = hint_word(argv[0], argv[i]);
}

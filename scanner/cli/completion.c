/* assay completion bash|zsh|fish: made of the help texts. */
#include "cli/command.h"
#include "cli/help.h"
#include "core/suggest.h"
#include "policy/policy.h"
#include "reports/report.h"

static const char usage[] =
    "Usage: assay completion bash|zsh|fish\n"
    "\n"
    "Print a script that completes commands, options and their values in that shell:\n"
    "\n"
    "  assay completion bash > ~/.local/share/bash-completion/completions/assay\n"
    "  assay completion zsh > ~/.zfunc/_assay\n"
    "  assay completion fish > ~/.config/fish/completions/assay.fish\n"
    "\n"
    "  -h, --help            this text\n";

enum { SCRIPT_MAX = 1 << 20 };

/* ---- values ---------------------------------------------------------------------- */

static void add_word(struct buffer *b, const char *word)
{
    buffer_printf(b, "%s%s", b->len ? " " : "", word);
}

/* What may follow an option: words between spaces; nothing: a file. */
static void values_of(const char *command, const struct help_option *o, struct buffer *b)
{
    bool report = strcmp(command, "scan") == 0 || strcmp(command, "convert") == 0;
    if (span_is(o->name, "gate")) {
        for (size_t i = 0; policy_gate_name(i); i++)
            add_word(b, policy_gate_name(i));
    } else if (span_is(o->argument, "SEVERITY")) {
        for (int i = 0; i < SEVERITY_COUNT; i++)
            add_word(b, severity_name((enum severity)i));
    } else if (span_is(o->name, "allow-trust")) {
        for (int i = 0; i < TRUST_COUNT; i++)
            add_word(b, trust_name((enum trust)i));
    } else if (span_is(o->name, "sandbox")) {
        buffer_add_text(b, "strict auto off");
    } else if (span_is(o->name, "output") && report) {
        for (size_t i = 0; report_at(i); i++)
            add_word(b, report_at(i)->name);
    } else if (span_find(o->argument, "|", 0) != SIZE_MAX && o->argument.ptr[0] >= 'a' &&
               o->argument.ptr[0] <= 'z') {
        for (size_t i = 0; i < o->argument.len; i++)
            buffer_printf(b, "%c", o->argument.ptr[i] == '|' ? ' ' : o->argument.ptr[i]);
    }
}

/* What may follow the command besides options and files. */
static void words_of(const char *command, struct span help, struct buffer *b)
{
    struct help_line line = { 0 };
    struct buffer last;
    buffer_init(&last, 64);
    for (size_t at = 0; help_next(help, &at, &line);) {
        struct span word = line.kind == HELP_USAGE && !line.continues
                               ? help_subcommand(line.right, command)
                               : (struct span){ 0 };
        if (!word.len || span_equal(word, buffer_span(&last)))
            continue;
        buffer_printf(b, "%s%.*s", b->len ? " " : "", (int)word.len, word.ptr);
        buffer_clear(&last);
        buffer_add(&last, word);
    }
    buffer_free(&last);
    if (strcmp(command, "completion") == 0)
        buffer_add_text(b, "bash zsh fish");
    for (int i = 0; strcmp(command, "explain") == 0 && i < RULE_COUNT; i++)
        add_word(b, rules[i].id);
}

/* ---- one option after another ---------------------------------------------------- */

struct script {
    struct buffer out;
    const char *command;
    struct span help;
};

typedef void each_option(struct script *s, const struct help_option *o, struct span text);

static void for_options(struct script *s, each_option *each)
{
    struct help_line line = { 0 };
    for (size_t at = 0; help_next(s->help, &at, &line);) {
        struct help_option o;
        if (line.kind != HELP_OPTION || line.continues)
            continue;
        for (size_t k = 0; help_option(line.left, &k, &o);)
            each(s, &o, line.right);
    }
}

/* Text for a place between single quotes; zsh also reads ':' and brackets in it. */
static void quoted(struct buffer *b, struct span text, bool zsh)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        if (c == '\'')
            buffer_add_text(b, "'\\''");
        else
            buffer_printf(b, "%s%c", zsh && strchr("[]:\\", c) ? "\\" : "", c);
    }
}

/* ---- bash ------------------------------------------------------------------------ */

static void bash_word(struct script *s, const struct help_option *o, struct span text)
{
    (void)text;
    buffer_printf(&s->out, " --%.*s", (int)o->name.len, o->name.ptr);
    if (o->letter)
        buffer_printf(&s->out, " -%c", o->letter);
}

static void bash_values(struct script *s, const struct help_option *o, struct span text)
{
    struct buffer values;
    (void)text;
    buffer_init(&values, 4096);
    values_of(s->command, o, &values);
    if (o->argument.len) {
        buffer_printf(&s->out, "    %s:--%.*s", s->command, (int)o->name.len,
                      o->name.ptr);
        if (o->letter)
            buffer_printf(&s->out, "|%s:-%c", s->command, o->letter);
        buffer_printf(&s->out, ") values='%s' file=%s ;;\n",
                      values.len ? values.text : "", values.len ? "" : "yes");
    }
    buffer_free(&values);
}

static void bash_command(struct script *s)
{
    struct buffer words;
    buffer_init(&words, 64 << 10);
    words_of(s->command, s->help, &words);
    buffer_printf(&s->out, "    %s) words='%s' options='", s->command,
                  words.len ? words.text : "");
    for_options(s, bash_word);
    buffer_add_text(&s->out, "' ;;\n");
    buffer_free(&words);
}

/* ---- fish ------------------------------------------------------------------------ */

static void fish_option(struct script *s, const struct help_option *o, struct span text)
{
    struct buffer values;
    buffer_init(&values, 4096);
    values_of(s->command, o, &values);
    buffer_printf(&s->out,
                  "complete -c assay -n '__fish_seen_subcommand_from %s' -l %.*s",
                  s->command, (int)o->name.len, o->name.ptr);
    if (o->letter)
        buffer_printf(&s->out, " -s %c", o->letter);
    if (values.len)
        buffer_printf(&s->out, " -x -a '%s'", values.text);
    else if (o->argument.len)
        buffer_add_text(&s->out, " -r");
    buffer_add_text(&s->out, " -d '");
    quoted(&s->out, text, false);
    buffer_add_text(&s->out, "'\n");
    buffer_free(&values);
}

static void fish_command(struct script *s)
{
    struct buffer words;
    buffer_init(&words, 64 << 10);
    words_of(s->command, s->help, &words);
    if (words.len)
        buffer_printf(&s->out,
                      "complete -c assay -n '__fish_seen_subcommand_from %s' -a '%s'\n",
                      s->command, words.text);
    for_options(s, fish_option);
    buffer_free(&words);
}

/* ---- zsh ------------------------------------------------------------------------- */

static void zsh_option(struct script *s, const struct help_option *o, struct span text)
{
    struct buffer values;
    buffer_init(&values, 4096);
    values_of(s->command, o, &values);
    buffer_printf(&s->out, "        '*--%.*s%s[", (int)o->name.len, o->name.ptr,
                  o->argument.len ? "=" : "");
    quoted(&s->out, text, true);
    buffer_add_text(&s->out, "]");
    if (o->argument.len) {
        buffer_add_text(&s->out, ":");
        quoted(&s->out, o->argument, true);
        if (values.len)
            buffer_printf(&s->out, ":(%s)", values.text);
        else
            buffer_add_text(&s->out, ":_files");
    }
    buffer_add_text(&s->out, "' \\\n");
    buffer_free(&values);
}

static void zsh_command(struct script *s)
{
    struct buffer words;
    buffer_init(&words, 64 << 10);
    words_of(s->command, s->help, &words);
    buffer_printf(&s->out, "    %s) _arguments \\\n", s->command);
    for_options(s, zsh_option);
    buffer_printf(&s->out,
                  "        '*:target: _alternative \"files:file:_files\"%s%s%s' ;;\n",
                  words.len ? " \"words:word:(" : "", words.len ? words.text : "",
                  words.len ? ")\"" : "");
    buffer_free(&words);
}

/* ---- scripts --------------------------------------------------------------------- */

static bool for_commands(struct script *s, void (*each)(struct script *s),
                         struct error *error)
{
    for (int i = 0; i < COMMAND_COUNT; i++) {
        char *text;
        if (!help_of(commands[i].name, &text, error))
            return false;
        s->command = commands[i].name;
        s->help = span_of_text(text);
        each(s);
        free(text);
    }
    return true;
}

static void bash_value_rows(struct script *s)
{
    for_options(s, bash_values);
}

static void add_names(struct buffer *out)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        buffer_printf(out, "%s%s", i ? " " : "", commands[i].name);
}

static bool bash(struct script *s, struct error *error)
{
    buffer_add_text(&s->out,
                    "# bash completion for assay, made by `assay completion bash`\n"
                    "_assay()\n{\n"
                    "    local cur=${COMP_WORDS[COMP_CWORD]} prev='' command="
                    "${COMP_WORDS[1]}\n"
                    "    local words='' options='' values='' file=yes\n"
                    "    COMPREPLY=()\n"
                    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                    "        mapfile -t COMPREPLY < <(compgen -W '");
    add_names(&s->out);
    buffer_add_text(&s->out, " --help --version' -- \"$cur\")\n        return\n    fi\n"
                             "    prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
                             "    # readline makes three words of --option=value\n"
                             "    if [ \"$cur\" = '=' ]; then\n"
                             "        cur=''\n"
                             "    elif [ \"$prev\" = '=' ]; then\n"
                             "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
                             "    fi\n"
                             "    case $command in\n");
    if (!for_commands(s, bash_command, error))
        return false;
    buffer_add_text(&s->out, "    esac\n    case $command:$prev in\n");
    if (!for_commands(s, bash_value_rows, error))
        return false;
    buffer_add_text(&s->out,
                    "    *) case $cur in\n"
                    "        -*) values=$options file='' ;;\n"
                    "        *) values=$words ;;\n"
                    "       esac ;;\n"
                    "    esac\n"
                    "    mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\")\n"
                    "    if [ -n \"$file\" ]; then\n"
                    "        compopt -o filenames 2>/dev/null\n"
                    "        mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f "
                    "-- \"$cur\")\n"
                    "    fi\n"
                    "}\ncomplete -F _assay assay\n");
    return true;
}

static bool fish(struct script *s, struct error *error)
{
    buffer_add_text(&s->out,
                    "# fish completion for assay, made by `assay completion fish`\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        buffer_printf(&s->out, "complete -c assay -n __fish_use_subcommand -f -a %s -d '",
                      commands[i].name);
        quoted(&s->out, span_of_text(commands[i].summary), false);
        buffer_add_text(&s->out, "'\n");
    }
    return for_commands(s, fish_command, error);
}

static bool zsh(struct script *s, struct error *error)
{
    buffer_add_text(&s->out,
                    "#compdef assay\n"
                    "# zsh completion for assay, made by `assay completion zsh`\n"
                    "_assay()\n{\n"
                    "    local -a names\n    names=(\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        buffer_printf(&s->out, "        '%s:", commands[i].name);
        quoted(&s->out, span_of_text(commands[i].summary), true);
        buffer_add_text(&s->out, "'\n");
    }
    buffer_add_text(&s->out, "    )\n    if ((CURRENT == 2)); then\n"
                             "        _describe command names\n        return\n    fi\n"
                             "    local command=${words[2]}\n"
                             "    shift words\n    ((CURRENT--))\n"
                             "    case $command in\n");
    if (!for_commands(s, zsh_command, error))
        return false;
    buffer_add_text(&s->out, "    esac\n}\n_assay \"$@\"\n");
    return true;
}

int command_completion(int argc, char **argv)
{
    static const struct {
        const char *name;
        bool (*make)(struct script *s, struct error *error);
    } shells[] = {
        {"bash",  bash},
        { "zsh",  zsh },
        { "fish", fish}
    };
    enum { COUNT = sizeof shells / sizeof *shells };
    struct script s = { 0 };
    struct error error;
    size_t i = 0;
    while (i < COUNT && argc == 2 && strcmp(shells[i].name, argv[1]) != 0)
        i++;
    int code = usage_printed(argc, argv, 1, i < COUNT, usage);
    if (code >= 0)
        return code;
    buffer_init(&s.out, SCRIPT_MAX);
    bool ok = shells[i].make(&s, &error);
    if (ok)
        (void)fputs(s.out.text ? s.out.text : "", stdout);
    buffer_free(&s.out);
    return !ok ? complain(&error) : fflush(stdout) ? EXIT_INCOMPLETE : EXIT_PASS;
}

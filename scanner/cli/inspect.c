/* assay inspect FILE|-  (docs/inspect.md) */
#include "cli/command.h"
#include "cli/options.h"
#include "core/descriptor.h"
#include "reports/inspection.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ARENA_MAX = 256 << 20, SPOOL_PIECE = 1 << 20 };

static const char usage[] =
    "Usage: assay inspect [OPTION...] FILE|-\n"
    "\n"
    "What a file holds, without a verdict: formats, header, tensors, metadata, members,\n"
    "and what its pickles would do.  - is standard input.  The file is read in the\n"
    "confined worker; nothing of it is loaded.\n"
    "\n"
    "      --json                 JSON instead of text (docs/inspect.md lists the keys)\n"
    "      --member NAME          only this member and what is in it\n"
    "      --no-disassemble       text without the disassembly\n"
    "      --depth full|deep      deep also reads tensor bulk and checksums [full]\n"
    "      --sandbox MODE         strict, auto or off [auto]\n"
    "      --pickle-rules FILE    a further list of known pickle globals; repeatable\n"
    "  -h, --help                 this text\n"
    "      --max-facts N          tensors, members, instructions and so on to show\n"
    "                             [100000]; the other budgets are those of assay scan\n"
    "\n"
    "Examples:\n"
    "  assay inspect model.safetensors\n"
    "  assay inspect --member archive/data.pkl model.pt\n"
    "  zcat model.pkl.gz | assay inspect --json -\n"
    "\n"
    "Exit codes: 0 shown, 2 incomplete, 4 usage or no such file or member\n";

struct arguments {
    bool help, json, no_disassembly, deep;
    const char *member, *file;
    const char *pickle_rules[LIST_MAX + 1];
    size_t rule_count;
    enum sandbox sandbox;
    struct budget budget;
};

/* ---- options ------------------------------------------------------------------- */

enum { JSON, MEMBER, NO_DISASSEMBLE, DEPTH, SANDBOX, PICKLE_RULES, HELP, OWN_COUNT };
enum { CODE = 256 }; /* of the first option; its budgets come last */

struct tables {
    struct option longs[OWN_COUNT + BUDGET_COUNT + 1];
    char budget_names[BUDGET_COUNT][32];
};

static void fill_tables(struct tables *t)
{
    static const struct option own[OWN_COUNT] = {
        [JSON] = {"json",            no_argument,       NULL, CODE + JSON          },
        [MEMBER] = { "member",         required_argument, NULL, CODE + MEMBER        },
        [NO_DISASSEMBLE] = { "no-disassemble", no_argument,       NULL, CODE + NO_DISASSEMBLE},
        [DEPTH] = { "depth",          required_argument, NULL, CODE + DEPTH         },
        [SANDBOX] = { "sandbox",        required_argument, NULL, CODE + SANDBOX       },
        [PICKLE_RULES] = { "pickle-rules",   required_argument, NULL, CODE + PICKLE_RULES  },
        [HELP] = { "help",           no_argument,       NULL, CODE + HELP          },
    };
    *t = (struct tables){ 0 };
    memcpy(t->longs, own, sizeof own);
    for (int i = 0; i < BUDGET_COUNT; i++) {
        (void)snprintf(t->budget_names[i], sizeof t->budget_names[i], "max-%s",
                       budget_kinds[i].option);
        t->longs[OWN_COUNT + i] = (struct option){ t->budget_names[i], required_argument,
                                                   NULL, CODE + OWN_COUNT + i };
    }
}

static bool apply(int option, struct arguments *a, const struct tables *t,
                  struct error *error)
{
    switch (option) {
    case JSON:
        a->json = true;
        return true;
    case MEMBER:
        a->member = optarg;
        return true;
    case NO_DISASSEMBLE:
        a->no_disassembly = true;
        return true;
    case DEPTH:
        a->deep = strcmp(optarg, "deep") == 0;
        return a->deep || strcmp(optarg, "full") == 0 ||
               error_set(error, ERROR_USAGE, "--depth: %s is neither full nor deep",
                         optarg);
    case SANDBOX:
        return options_sandbox(optarg, &a->sandbox, error);
    case PICKLE_RULES:
        if (a->rule_count == LIST_MAX)
            return error_set(error, ERROR_USAGE, "--pickle-rules: given too often");
        a->pickle_rules[a->rule_count++] = optarg;
        return true;
    case HELP:
        a->help = true;
        return true;
    default:
        return options_number(optarg, UINT64_MAX, t->longs[option].name,
                              &a->budget.left[option - OWN_COUNT], error);
    }
}

static bool parse(int argc, char **argv, struct arguments *ret, struct error *error)
{
    struct arguments a = { .budget = budget_default() };
    struct tables t;
    fill_tables(&t);
    opterr = 0;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, ":h", t.longs, NULL)) != -1;) {
        if (c == ':')
            return error_set(error, ERROR_USAGE, "%s needs a value", argv[optind - 1]);
        if (c == '?')
            return error_set(error, ERROR_USAGE, "no such option: %s", argv[optind - 1]);
        if (!apply(c == 'h' ? HELP : c - CODE, &a, &t, error))
            return false;
    }
    if (!a.help && argc - optind != 1)
        return error_set(error, ERROR_USAGE, "inspect takes one file (see --help)");
    a.file = argv[optind];
    *ret = a;
    return true;
}

/* ---- the file ------------------------------------------------------------------ */

static int open_spool(struct error *error)
{
    const char *chosen = getenv("TMPDIR");
    const char *const places[] = { chosen && *chosen ? chosen : "/var/tmp", "/tmp" };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        char name[4096];
        int n = snprintf(name, sizeof name, "%s/assay-XXXXXX", places[i]);
        fd = n > 0 && (size_t)n < sizeof name ? mkostemp(name, O_CLOEXEC) : -1;
        if (fd >= 0) {
            (void)unlink(name);
            return fd;
        }
    }
    (void)error_errno(error, ERROR_IO, "no temporary file for standard input");
    return -1;
}

static bool copy_input(int fd, uint64_t most, uint8_t *piece, struct error *error)
{
    uint64_t total = 0;
    for (;;) {
        ssize_t n = read(STDIN_FILENO, piece, SPOOL_PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(error, ERROR_IO, "standard input");
        if (n == 0)
            return true;
        total += (uint64_t)n;
        if (total > most)
            return error_set(error, ERROR_IO,
                             "standard input has more than %llu bytes "
                             "(--max-expanded-bytes)",
                             (unsigned long long)most);
        if (!descriptor_write(fd, span_of(piece, (size_t)n)))
            return error_errno(error, ERROR_IO, "the temporary file for standard input");
    }
}

/* Standard input in a file without a name, capped; the descriptor only reads. */
static int spool_input(uint64_t most, struct error *error)
{
    char path[64];
    uint8_t *piece = malloc(SPOOL_PIECE);
    int result = -1, fd = open_spool(error);
    if (!piece)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    if (piece && fd >= 0 && copy_input(fd, most, piece, error)) {
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        result = open(path, O_RDONLY | O_CLOEXEC);
        if (result < 0)
            (void)error_errno(error, ERROR_IO, "the temporary file for standard input");
    }
    if (fd >= 0)
        (void)close(fd);
    free(piece);
    return result;
}

static int open_file(const char *path, struct stat *ret_stat, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        (void)error_errno(error, missing ? ERROR_NOT_FOUND : ERROR_IO, "%s", path);
        return -1;
    }
    if (fstat(fd, ret_stat) == 0 && S_ISREG(ret_stat->st_mode))
        return fd;
    (void)error_set(error, ERROR_USAGE, "%s is %s; inspect takes one regular file", path,
                    S_ISDIR(ret_stat->st_mode) ? "a directory" : "no regular file");
    (void)close(fd);
    return -1;
}

/* ---- showing ------------------------------------------------------------------- */

static bool look(const struct arguments *a, int fd, struct artifact *file,
                 struct error *error)
{
    struct installation installation;
    if (!installation_find(&installation, error))
        return false;
    struct worker_options o = { .program = installation.worker,
                                .data_dir = installation.data_dir,
                                .pickle_rules = a->pickle_rules,
                                .sandbox = a->sandbox,
                                .budget = a->budget,
                                .deep = a->deep,
                                .detail = true };
    struct worker *w = worker_start(&o, error);
    bool ok = w && worker_inspect(w, fd, file, NULL, NULL, error);
    worker_stop(w);
    return ok;
}

static bool choose(const struct arguments *a, const struct artifact *file,
                   const struct artifact **ret_part, struct error *error)
{
    *ret_part = a->member ? inspection_member(file, span_of_text(a->member)) : file;
    return *ret_part || error_set(error, ERROR_NOT_FOUND,
                                  "%s has no member %s; without --member all are listed",
                                  a->file, a->member);
}

static int show(const struct arguments *a, const struct artifact *part)
{
    const struct inspection_view view = { .colour = wants_colour(),
                                          .width = 80,
                                          .disassembly = !a->no_disassembly };
    bool ok = a->json ? inspection_write_json(stdout, part, &view)
                      : inspection_write_text(stdout, part, &view);
    enum artifact_status worst = artifact_worst(part);
    if (!ok || fflush(stdout) != 0 || ferror(stdout)) {
        struct error error;
        (void)error_set(&error, ERROR_IO, "standard output could not be written");
        return complain(&error);
    }
    return worst == STATUS_INCOMPLETE || worst == STATUS_FAILED ? EXIT_INCOMPLETE
                                                                : EXIT_PASS;
}

int command_inspect(int argc, char **argv)
{
    struct arguments a = { 0 };
    struct error error = { 0 };
    struct stat st = { 0 };
    const struct artifact *part = NULL;
    if (!parse(argc, argv, &a, &error))
        return complain(&error);
    if (a.help) {
        (void)fputs(usage, stdout);
        return EXIT_PASS;
    }
    bool input = strcmp(a.file, "-") == 0;
    int fd = input ? spool_input(a.budget.left[BUDGET_EXPANDED_BYTES], &error)
             : target_is_local(a.file, &error) ? open_file(a.file, &st, &error)
                                               : -1;
    if (fd < 0)
        return complain(&error);
    if (input)
        (void)fstat(fd, &st);
    struct arena *arena = arena_new(ARENA_MAX);
    struct artifact *file =
        arena ? artifact_new(arena, span_of_text(a.file), (uint64_t)st.st_size) : NULL;
    bool ok = file ? look(&a, fd, file, &error) && choose(&a, file, &part, &error)
                   : error_set(&error, ERROR_MEMORY, "out of memory");
    int code = ok ? show(&a, part) : complain(&error);
    (void)close(fd);
    arena_free(arena);
    return code;
}

/* assay-worker: started by assay with a socket as descriptor 3, never by hand. */
#include <errno.h>
#include <getopt.h>
#include <sys/socket.h>

#include "worker/control.h"
#include "worker/zygote.h"

enum { EXIT_LOST = 1, EXIT_USAGE = 4 };

static bool is_control_socket(void)
{
    int type;
    socklen_t size = sizeof type;
    return getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_SEQPACKET;
}

static bool parse_sandbox(const char *text, enum sandbox *ret_mode)
{
    static const char *const names[] = {
        [SANDBOX_AUTO] = "auto", [SANDBOX_STRICT] = "strict", [SANDBOX_OFF] = "off"
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_mode = (enum sandbox)i;
            return true;
        }
    return false;
}

static bool parse_amount(const char *text, uint64_t *ret_amount)
{
    char *end;
    errno = 0;
    unsigned long long amount = strtoull(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0)
        return false;
    *ret_amount = amount;
    return true;
}

/* The options are worker.c's alone; see there.  Both lists have room for all. */
static bool parse(int argc, char **argv, struct zygote_options *o,
                  const char **pickle_rules, const char **yara_rules)
{
    enum {
        DATA_DIR = 256,
        DEEP,
        DETAIL,
        FORMATS,
        SIGNATURES,
        PICKLE_RULES,
        YARA_PACK,
        YARA_RULES,
        SANDBOX
    };
    _Static_assert(BUDGET_COUNT < '?', "getopt's answer to an unknown option");
    /* clang-format off */ /* (version 14 crashes on a table with an #include) */
    static const struct option names[] = {
#define BUDGET(symbol, option, amount, unit, what)                                       \
    { "max-" option, required_argument, NULL, BUDGET_##symbol },
#include "core/budget.def"
#undef BUDGET
        { "data-dir", required_argument, NULL, DATA_DIR },
        { "deep", no_argument, NULL, DEEP },
        { "detail", no_argument, NULL, DETAIL },
        { "list-formats", no_argument, NULL, FORMATS },
        { "signatures", no_argument, NULL, SIGNATURES },
        { "pickle-rules", required_argument, NULL, PICKLE_RULES },
        { "yara-pack", required_argument, NULL, YARA_PACK },
        { "yara", required_argument, NULL, YARA_RULES },
        { "sandbox", required_argument, NULL, SANDBOX },
        { 0 },
    };
    /* clang-format on */
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c < BUDGET_COUNT) {
            if (!parse_amount(optarg, &o->budget.left[c]))
                return false;
        } else if (c == DATA_DIR) {
            o->data_dir = optarg;
        } else if (c == DEEP) {
            o->deep = true;
        } else if (c == DETAIL) {
            o->detail = true;
        } else if (c == FORMATS) {
            o->list_formats = true;
        } else if (c == SIGNATURES) {
            o->signatures = true;
        } else if (c == PICKLE_RULES) {
            *pickle_rules++ = optarg;
        } else if (c == YARA_PACK) {
            o->yara_pack = optarg;
        } else if (c == YARA_RULES) {
            *yara_rules++ = optarg;
        } else if (c != SANDBOX || !parse_sandbox(optarg, &o->sandbox)) {
            return false;
        }
    }
    return optind == argc;
}

int main(int argc, char **argv)
{
    if (!is_control_socket()) {
        (void)fputs("assay-worker is a part of assay, which starts it; run `assay scan` "
                    "instead\n",
                    stderr);
        return EXIT_USAGE;
    }
    if (!zygote_greet())
        return EXIT_LOST;
    const char **pickle_rules = calloc((size_t)argc + 1, sizeof *pickle_rules);
    const char **yara_rules = calloc((size_t)argc + 1, sizeof *yara_rules);
    struct zygote_options o = { .pickle_rules = pickle_rules,
                                .yara_rules = yara_rules,
                                .budget = budget_default() };
    int result = EXIT_USAGE;
    if (pickle_rules && yara_rules && parse(argc, argv, &o, pickle_rules, yara_rules)) {
        result = (o.list_formats ? zygote_list_formats() : zygote_serve(&o))
                     ? EXIT_SUCCESS
                     : EXIT_LOST;
    } else {
        struct error error;
        (void)error_set(&error, ERROR_WORKER, "assay-worker does not know its options");
        zygote_refuse(&error);
    }
    free(pickle_rules);
    free(yara_rules);
    return result;
}

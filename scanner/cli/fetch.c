/* assay fetch REF --to DIR: download and verify, without a scan. */
#include "cli/asking.h"
#include "policy/policy.h"
#include "reports/escape.h"
#include "sources/deliver.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <unistd.h>

static const char usage[] =
    "Usage: assay fetch REFERENCE --to DIR [OPTION...]\n\n"
    "Download the files of a model into DIR, each under the path that the registry lists "
    "it\n"
    "by and only when it has the size and the digests that the registry promises.  "
    "Nothing\n"
    "is scanned.  Prints `sha256  path` of each file.  A file that is there already and "
    "is\n"
    "as promised is not loaded again; what was cut off goes on where it ended.\n\n"
    "      --to DIR          where to; made when it is missing\n"
    "      --registries DIR  further registry files, overriding the installed "
    "ones\n" NETWORK_USAGE "  -h, --help            this text\n\n"
    "Exit codes: 0 all there, 1 a file is not what was promised, 2 something could not "
    "be\n"
    "loaded, 4 usage or configuration error, or no such model\n";

struct arguments {
    struct asking_arguments asking;
    const char *to;
};

/* ---- loading --------------------------------------------------------------------- */

struct outcome {
    uint64_t files, bytes, present, failed, wrong;
};

static void say(FILE *out, const char *before, struct span path, const char *after)
{
    struct buffer line;
    buffer_init(&line, 16384);
    escape_terminal(&line, path);
    fprintf(out, "%s%s%s\n", before, line.text ? line.text : "", after);
    buffer_free(&line);
}

static void say_problem(const char *path, const char *why)
{
    struct buffer line;
    buffer_init(&line, 16384);
    buffer_printf(&line, "%s: %s", path, why);
    say(stderr, "assay: ", buffer_span(&line), "");
    buffer_free(&line);
}

static void say_done(const char *path, const char *sha256)
{
    char before[DIGEST_HEX_MAX + 3];
    (void)snprintf(before, sizeof before, "%s  ", sha256);
    say(stdout, before, span_of_text(path), "");
}

static void mismatch_text(const struct rest_file *file, const struct download_result *d,
                          struct buffer *out)
{
    const struct rest_hash *h = file->hashes;
    enum digest_algorithm a;
    for (size_t i = 0; h; h = h->next)
        if (remote_digest(h, &a) && i++ == d->mismatch)
            break;
    if (h && d->mismatch != SIZE_MAX)
        buffer_printf(out, "the registry names %s %s, what came has %s", h->algorithm,
                      h->value, d->actual);
    else
        buffer_printf(out, "the registry names %" PRIu64 " bytes, another number came",
                      file->size);
}

/* Digests that only the download's headers named. */
static bool headers_agree(const struct remote *r, size_t i,
                          const struct download_result *d, struct buffer *why)
{
    struct header_digest named[HEADER_DIGESTS_MAX];
    size_t count = remote_header_digests(r, i, named);
    char hex[DIGEST_HEX_MAX + 1];
    for (size_t n = 0; n < count; n++)
        if (d->digests && digester_hex(d->digests, named[n].algorithm, hex) &&
            strcmp(hex, named[n].hex) != 0) {
            buffer_printf(why, "a header names %s %s, what came has %s",
                          digest_name(named[n].algorithm), named[n].hex, hex);
            return false;
        }
    return true;
}

static void fetch_file(struct remote *r, size_t i, int to, struct outcome *o)
{
    const struct rest_file *file = remote_file(r, i);
    const char *problem = remote_file_problem(r, i);
    struct error error;
    if (problem) {
        say_problem(file->storage ? file->storage : file->path, problem);
        o->failed++;
        return;
    }
    const struct download_result *d = remote_load(r, i);
    struct buffer why;
    buffer_init(&why, 1024);
    if (d->state == DOWNLOAD_MISMATCH)
        mismatch_text(file, d, &why);
    if (d->state == DOWNLOAD_MISMATCH ||
        (d->state == DOWNLOAD_DONE && !headers_agree(r, i, d, &why))) {
        say_problem(file->path, why.text ? why.text : "");
        o->wrong++;
    } else if (d->state != DOWNLOAD_DONE) {
        say_problem(file->path, d->error.message);
        o->failed++;
    } else if (!deliver_file(r, i, to, &error)) {
        say_problem(file->path, error.message);
        o->failed++;
    } else {
        say_done(file->path, d->sha256);
        o->files++;
        o->bytes += d->size;
    }
    buffer_free(&why);
}

/* Before the first file is loaded, so that none of these is. */
static void pass_over_present(struct remote *r, int to, bool *present, struct outcome *o)
{
    char sha256[DIGEST_HEX_MAX + 1];
    for (size_t i = 0; i < remote_count(r); i++) {
        present[i] = !remote_file_problem(r, i) && deliver_has(r, i, to, sha256);
        if (!present[i])
            continue;
        say_done(remote_file(r, i)->path, sha256);
        remote_release(r, i);
        o->present++;
    }
}

static int fetch(struct remote *r, int to)
{
    const struct rest_result *answers = remote_answers(r);
    struct outcome o = { 0 };
    bool *present = calloc(remote_count(r) + 1, sizeof *present);
    if (!present)
        return complain(
            &(struct error){ .code = ERROR_MEMORY, .message = "out of memory" });
    pass_over_present(r, to, present, &o);
    for (size_t i = 0; i < remote_count(r); i++) {
        if (present[i])
            continue;
        fetch_file(r, i, to, &o);
        remote_release(r, i);
    }
    free(present);
    if (!answers->listed) {
        say_problem("the registry does not tell all files",
                    answers->why_unlisted ? answers->why_unlisted : "");
        o.failed++;
    } else if (remote_count(r) == 0) {
        fputs("assay: the registry offers no file\n", stderr);
        o.failed++;
    }
    fprintf(stderr,
            "assay: %" PRIu64 " files loaded, %" PRIu64 " bytes; %" PRIu64
            " were there; %" PRIu64 " could not be loaded, %" PRIu64
            " are not what was promised\n",
            o.files, o.bytes, o.present, o.failed, o.wrong);
    if (fflush(stdout) != 0 || ferror(stdout))
        o.failed++;
    return o.wrong ? EXIT_VIOLATED : o.failed ? EXIT_INCOMPLETE : EXIT_PASS;
}

/* ---- the command line ------------------------------------------------------------ */

/* -1 to go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct arguments *a, struct error *error)
{
    enum { TO = 256, REGISTRIES };
    static const struct option options[] = {
        {"to",          required_argument, NULL, TO        },
        { "registries", required_argument, NULL, REGISTRIES},
        { "help",       no_argument,       NULL, 'h'       },
        NETWORK_GETOPT,
        { NULL,         0,                 NULL, 0         }
    };
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_PASS;
        } else if (c == TO) {
            a->to = optarg;
        } else if (c == REGISTRIES) {
            a->asking.registries = optarg;
        } else if (c == '?') {
            (void)fputs(usage, stderr); /* getopt has said what is wrong */
            return EXIT_USAGE;
        } else if (!network_apply((enum network_option)c, optarg, &a->asking.network,
                                  error)) {
            return complain(error);
        }
    }
    a->asking.reference = argv[optind];
    if (argc - optind == 1 && a->to)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

int command_fetch(int argc, char **argv)
{
    struct arguments a = { 0 };
    struct asking asking = { 0 };
    struct error error = { 0 };
    int to = -1, code = read_arguments(argc, argv, &a, &error);
    if (code >= 0)
        return code;
    if (asking_open(&a.asking, &asking, &error) &&
        (to = deliver_directory(a.to, &error)) >= 0)
        code = fetch(asking.remote, to);
    else
        code = complain(&error);
    if (to >= 0)
        (void)close(to);
    asking_close(&asking);
    return code;
}

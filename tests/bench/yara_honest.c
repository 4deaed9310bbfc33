/* yara_honest: what the byte rules say about honest bytes, and how fast.
 *
 *   build/bench/yara_honest PATH...        files, or directories with all below them
 *
 * Inspects each file as the worker does, but in this process, and times the byte rules
 * alone.  Prints hits for each rule; fails when a rule of severity high or worse hits in
 * a file that a format claims. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "formats/pickle/rules.h"
#include "worker/yara_rules.h"

enum { RULES_MAX = 1000, EXAMPLES = 3, ARENA_MAX = 256 << 20 };

struct hits {
    const struct rule *rule;
    unsigned long files, model_files;
    char examples[EXAMPLES][160];
};

struct bench {
    struct byte_scanner inner, outer; /* outer times inner */
    struct pickle_rules *pickle_rules;
    double seconds;
    uint64_t searched, read, files, model_files;
    struct hits hits[RULES_MAX];
    bool deep, each;
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void timed_scan(void *self, struct inspection *in, const struct byte_range *ranges,
                       size_t count)
{
    struct bench *b = self;
    double start = now();
    b->inner.scan(b->inner.self, in, ranges, count);
    double took = now() - start;
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += ranges[i].size;
    b->seconds += took;
    b->searched += size;
    if (b->each)
        printf("%10llu bytes %8.1f MB/s\n", (unsigned long long)size,
               (double)size / took / 1e6);
}

static void count_hit(struct bench *b, const struct rule *rule, bool in_model,
                      const char *path)
{
    for (size_t i = 0; i < RULES_MAX; i++) {
        struct hits *h = &b->hits[i];
        if (h->rule && h->rule != rule)
            continue;
        h->rule = rule;
        if (h->files < EXAMPLES)
            (void)snprintf(h->examples[h->files], sizeof h->examples[0], "%.159s", path);
        h->files++;
        h->model_files += in_model;
        return;
    }
}

/* In any artifact of the file; once for each rule and file. */
static void count_hits(struct bench *b, const struct artifact *root, const char *path)
{
    const struct rule *seen[RULES_MAX];
    size_t count = 0;
    bool in_model = false;
    for (const struct artifact *a = root; a; a = artifact_walk(root, a)) {
        in_model |= a->formats != 0;
        for (const struct finding *f = a->findings.first; f; f = f->next) {
            size_t i = 0;
            while (i < count && seen[i] != f->rule)
                i++;
            if (i < count || count == RULES_MAX || strncmp(f->rule->id, "yara/", 5) != 0)
                continue;
            seen[count++] = f->rule;
            count_hit(b, f->rule, root->formats != 0, path);
        }
    }
    b->model_files += in_model;
}

static void inspect_bytes(struct bench *b, const char *path, struct span bytes)
{
    struct budget budget = budget_default();
    struct arena *arena = arena_new(ARENA_MAX);
    struct artifact *root = artifact_new(arena, span_of_text(path), bytes.len);
    struct inspection in = { .arena = arena,
                             .budget = &budget,
                             .artifact = root,
                             .bytes = bytes,
                             .pickle_rules = b->pickle_rules,
                             .byte_scanner = &b->outer,
                             .spool_fd = -1,
                             .deep = b->deep };
    inspect_artifact(&in);
    b->files++;
    b->read += bytes.len;
    count_hits(b, root, path);
    arena_free(arena);
}

static void inspect_file(struct bench *b, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (bytes == MAP_FAILED)
        return;
    inspect_bytes(b, path, span_of(bytes, (size_t)st.st_size));
    (void)munmap(bytes, (size_t)st.st_size);
}

static int by_severity(const void *a, const void *b)
{
    const struct hits *x = a, *y = b;
    if (!x->rule || !y->rule)
        return (x->rule == NULL) - (y->rule == NULL);
    if (x->rule->severity != y->rule->severity)
        return x->rule->severity < y->rule->severity ? 1 : -1;
    return strcmp(x->rule->id, y->rule->id);
}

/* False when something grave was found in a model. */
static bool print(struct bench *b)
{
    bool ok = true;
    qsort(b->hits, RULES_MAX, sizeof *b->hits, by_severity);
    printf("%llu files (%llu of a model format), %.1f MB; byte rules searched %.1f MB in "
           "%.2f s: %.0f MB/s\n",
           (unsigned long long)b->files, (unsigned long long)b->model_files,
           (double)b->read / 1e6, (double)b->searched / 1e6, b->seconds,
           (double)b->searched / 1e6 / b->seconds);
    printf("%-9s %-40s %7s %7s\n", "severity", "rule", "files", "models");
    for (struct hits *h = b->hits; h->rule; h++) {
        bool grave = h->model_files > 0 && h->rule->severity >= SEVERITY_HIGH;
        ok = ok && !grave;
        printf("%-9s %-40s %7lu %7lu%s\n", severity_name(h->rule->severity), h->rule->id,
               h->files, h->model_files, grave ? "  !" : "");
        for (size_t i = 0; i < h->files && i < EXAMPLES; i++)
            printf("          %s\n", h->examples[i]);
    }
    return ok;
}

int main(int argc, char **argv)
{
    static struct bench b;
    const char *build = getenv("BUILD");
    const char *sources = getenv("YARA"); /* the operator's, instead of none */
    const char *const list[] = { sources, NULL };
    char pack[512];
    struct error error;
    (void)snprintf(pack, sizeof pack, "%s/share/rules/assay.yarc",
                   build ? build : "build");
    double start = now();
    struct yara_rules *y = yara_rules_load(pack, list, &error);
    double loaded = now() - start;
    if (!y || !(b.pickle_rules = pickle_rules_load(".", NULL, &error))) {
        (void)fprintf(stderr, "yara_honest: %s\n", error.message);
        return 1;
    }
    size_t rules_loaded = 0;
    while (yara_rules_at(y, rules_loaded))
        rules_loaded++;
    printf("%zu rules loaded in %.2f ms\n", rules_loaded, loaded * 1e3);
    b.inner = yara_rules_scanner(y);
    b.outer = (struct byte_scanner){ .self = &b, .scan = timed_scan };
    b.deep = getenv("DEEP") != NULL;
    b.each = getenv("EACH") != NULL;
    FTS *tree = argc > 1
                    ? fts_open(argv + 1, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, NULL)
                    : NULL;
    for (FTSENT *f; tree && (f = fts_read(tree));)
        if (f->fts_info == FTS_F)
            inspect_file(&b, f->fts_path);
    if (tree)
        (void)fts_close(tree);
    bool ok = print(&b);
    yara_rules_free(y);
    return ok ? 0 : 1;
}

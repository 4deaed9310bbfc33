/* archive_test.h: run an inspector over generated fixtures and compare what it finds.
 * The fixtures are made once by fixtures/FORMAT/make.py in a temporary directory. */
#ifndef ARCHIVE_TEST_H
#define ARCHIVE_TEST_H

#include "unit.h"

#include "formats/inspector.h"
#include "formats/pickle/rules.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct expected {
    const char *file;
    enum artifact_status status; /* of the worst container in the tree */
    const char *rules; /* ids of the family, sorted, each once, a space between */
};

struct archive_test {
    char directory[64];
};

static inline bool run_program(const char *const *argv)
{
    pid_t pid;
    int status;
    extern char **environ;
    /* posix_spawn() promises not to change argv; its type predates const */
    char *args[8] = { 0 };
    for (size_t i = 0; i < 7 && argv[i]; i++)
        args[i] = strdup(argv[i]);
    bool ran = posix_spawn(&pid, argv[0], NULL, NULL, args, environ) == 0 &&
               waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
    for (size_t i = 0; args[i]; i++)
        free(args[i]);
    return ran;
}

/* For cmocka_run_group_tests(): *state becomes a struct archive_test. */
static inline int make_fixtures(void **state, const char *script)
{
    struct archive_test *t = calloc(1, sizeof *t);
    assert_non_null(t);
    snprintf(t->directory, sizeof t->directory, "/tmp/assay-fixtures-XXXXXX");
    assert_non_null(mkdtemp(t->directory));
    *state = t;
    const char *const argv[] = { "/usr/bin/python3", script, t->directory, NULL };
    return run_program(argv) ? 0 : -1;
}

static inline int remove_fixtures(void **state)
{
    struct archive_test *t = *state;
    const char *const argv[] = { "/bin/rm", "-rf", t->directory, NULL };
    bool removed = run_program(argv);
    free(t);
    return removed ? 0 : -1;
}

/* Loaded by the first test that asks, and kept to the end of the program. */
static inline const struct pickle_rules *shipped_rules(void)
{
    static struct pickle_rules *rules_of_the_tree;
    struct error error;
    if (!rules_of_the_tree)
        rules_of_the_tree = pickle_rules_load(".", NULL, &error);
    assert_non_null(rules_of_the_tree);
    return rules_of_the_tree;
}

/* One inspected file; the tree lives until inspected_free(). */
struct inspected {
    struct arena *arena;
    struct artifact *artifact;
    struct budget budget;
    void *map;
    size_t size;
    int spool_fd;
};

static inline struct inspected inspect_bytes(const char *name, struct span bytes,
                                             const struct budget *budget, bool deep)
{
    struct inspected i = { .budget = budget ? *budget : budget_default() };
    char spool[] = "/tmp/assay-spool-XXXXXX";
    i.spool_fd = mkstemp(spool);
    assert_true(i.spool_fd >= 0);
    unlink(spool);
    i.arena = arena_new(256 << 20);
    i.artifact = artifact_new(i.arena, span_of_text(name), bytes.len);
    struct inspection in = {
        .arena = i.arena,
        .budget = &i.budget,
        .artifact = i.artifact,
        .bytes = bytes,
        .pickle_rules = shipped_rules(),
        .spool_fd = i.spool_fd,
        .deep = deep,
    };
    inspect_artifact(&in);
    return i;
}

static inline struct inspected inspect_file(const char *directory, const char *name,
                                            const struct budget *budget, bool deep)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        fail_msg("no fixture %s", path);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    void *map = NULL;
    if (st.st_size > 0)
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    assert_true(map != MAP_FAILED);
    close(fd);
    struct inspected i =
        inspect_bytes(name, span_of(map, (size_t)st.st_size), budget, deep);
    i.map = map;
    i.size = (size_t)st.st_size;
    return i;
}

static inline void inspected_free(struct inspected *i)
{
    arena_free(i->arena);
    if (i->map)
        munmap(i->map, i->size);
    close(i->spool_fd);
}

/* The family's rules that were broken anywhere in the tree. */
static inline void list_rules(const struct artifact *root, const char *family,
                              char *ret_text, size_t size)
{
    bool met[RULE_COUNT] = { false };
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        for (const struct finding *f = a->findings.first; f; f = f->next)
            met[f->rule - rules] = true;
    ret_text[0] = '\0';
    const char *last = "";
    for (size_t n = 0; n < RULE_COUNT; n++) { /* sorted by id */
        const char *next = NULL;
        for (size_t r = 0; r < RULE_COUNT; r++)
            if (met[r] && strncmp(rules[r].id, family, strlen(family)) == 0 &&
                strcmp(rules[r].id, last) > 0 && (!next || strcmp(rules[r].id, next) < 0))
                next = rules[r].id;
        if (!next)
            break;
        size_t used = strlen(ret_text);
        snprintf(ret_text + used, size - used, "%s%s", used ? " " : "", next);
        last = next;
    }
}

/* The worst status of all containers and pickles; what else lies in them is the
 * business of other inspectors. */
static inline enum artifact_status worst_container(const struct artifact *root)
{
    const uint64_t ours = FORMAT_BIT(FORMAT_ZIP) | FORMAT_BIT(FORMAT_TAR) |
                          FORMAT_BIT(FORMAT_TORCH_ZIP) | FORMAT_BIT(FORMAT_TORCH_TAR) |
                          FORMAT_BIT(FORMAT_PICKLE);
    enum artifact_status worst = STATUS_COMPLETE;
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        if ((a->formats & ours) && a->status == STATUS_INCOMPLETE)
            worst = STATUS_INCOMPLETE;
    return root->formats ? worst : root->status;
}

static inline void assert_expected(const char *directory, const struct expected *e,
                                   size_t count, const char *family)
{
    size_t wrong = 0;
    for (size_t n = 0; n < count; n++) {
        struct inspected i = inspect_file(directory, e[n].file, NULL, false);
        char found[2048];
        list_rules(i.artifact, family, found, sizeof found);
        enum artifact_status status = worst_container(i.artifact);
        if (strcmp(found, e[n].rules) != 0 || status != e[n].status) {
            wrong++;
            print_message("# %s: %s (%.*s) [%s], expected %s [%s]\n", e[n].file,
                          status_name(status), (int)i.artifact->reason.len,
                          (const char *)i.artifact->reason.ptr, found,
                          status_name(e[n].status), e[n].rules);
        }
        inspected_free(&i);
    }
    assert_int_equal(wrong, 0);
}

/* Whatever byte of a fixture is changed or wherever it is cut (every `stride` bytes), the
 * inspection ends. */
static inline void assert_cuts_and_flips_end(const char *directory, const char *name,
                                             size_t stride, bool deep)
{
    struct inspected whole = inspect_file(directory, name, NULL, false);
    uint8_t *copy = malloc(whole.size);
    assert_non_null(copy);
    for (size_t cut = 0; cut < whole.size; cut += stride) {
        memcpy(copy, whole.map, whole.size);
        struct inspected i = inspect_bytes("x", span_of(copy, cut), NULL, deep);
        inspected_free(&i);
        copy[cut] ^= 0xff;
        i = inspect_bytes("x", span_of(copy, whole.size), NULL, deep);
        inspected_free(&i);
    }
    free(copy);
    inspected_free(&whole);
}

/* Every member that was looked at, wherever it lies; by its name's end. */
static inline const struct artifact *find_artifact(const struct artifact *root,
                                                   const char *name)
{
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        if (a != root && span_ends(a->name, name))
            return a;
    return NULL;
}

#endif

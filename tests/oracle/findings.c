/* findings -r DIR FILE…    what the inspectors say about each file, with the lists of
 * globals in DIR/rules/pickle.  Runs in this process, unconfined: for files of our own.
 * One JSON line a file: status, reason, and the findings of the whole tree. */
#include <errno.h>

#include "core/finding.h"
#include "formats/inspector.h"
#include "formats/pickle/rules.h"

enum { FILE_MAX = 256 << 20, ARENA_MAX = 1 << 30 };

static void print_text(struct span s)
{
    putchar('"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c >= 0x20 && c < 0x7f)
            putchar(c);
        else
            printf("\\u%04x", c);
    }
    putchar('"');
}

static void print_findings(const struct artifact *root)
{
    const char *separator = "";
    for (const struct artifact *a = root; a; a = artifact_walk(root, a))
        for (const struct finding *f = a->findings.first; f; f = f->next) {
            printf("%s{\"rule\":\"%s\",\"severity\":\"%s\",\"offset\":%llu,\"message\":",
                   separator, f->rule->id, severity_name(f->rule->severity),
                   (unsigned long long)f->offset);
            print_text(f->message);
            printf(",\"evidence\":");
            print_text(f->evidence);
            printf("}");
            separator = ",";
        }
}

static void inspect_bytes(struct span bytes, const char *path,
                          const struct pickle_rules *lists, struct arena *arena)
{
    struct budget budget = budget_default();
    struct artifact *root = artifact_new(arena, span_of_text(path), bytes.len);
    struct inspection in = { .arena = arena,
                             .budget = &budget,
                             .artifact = root,
                             .bytes = bytes,
                             .pickle_rules = lists,
                             .spool_fd = -1 };
    inspect_artifact(&in);
    enum artifact_status worst = artifact_worst(root);
    printf("{\"file\":");
    print_text(span_of_text(path));
    printf(",\"status\":\"%s\",\"executes\":%s,\"reason\":", status_name(worst),
           root->executes ? "true" : "false");
    print_text(root->reason);
    printf(",\"findings\":[");
    print_findings(root);
    printf("]}\n");
    fflush(stdout); /* a crash in the next file must not take this line along */
}

static bool inspect_file(const char *path, const struct pickle_rules *lists)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "findings: %s: %s\n", path, strerror(errno));
        return false;
    }
    static uint8_t bytes[FILE_MAX];
    size_t len = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    struct arena *arena = arena_new(ARENA_MAX);
    if (arena)
        inspect_bytes(span_of(bytes, len), path, lists, arena);
    arena_free(arena);
    return arena != NULL;
}

int main(int argc, char **argv)
{
    struct error error;
    if (argc < 3 || strcmp(argv[1], "-r") != 0) {
        fprintf(stderr, "usage: findings -r DIR FILE...\n");
        return 2;
    }
    struct pickle_rules *lists = pickle_rules_load(argv[2], NULL, &error);
    if (!lists) {
        fprintf(stderr, "findings: %s\n", error.message);
        return 1;
    }
    bool ok = true;
    for (int i = 3; i < argc; i++)
        ok &= inspect_file(argv[i], lists);
    pickle_rules_free(lists);
    return ok ? 0 : 1;
}

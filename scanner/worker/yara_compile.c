#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/yara_pack.h"

enum { ARENA_MAX = 64 << 20, SOURCE_MAX = 64 << 20 };

struct compilation {
    YR_COMPILER *compiler;
    bool operators;
    struct digester *digest; /* of the operator's files */
    struct error *error;
    bool failed;
};

static bool fail_compilation(struct compilation *c, const char *what, int code)
{
    c->failed = true;
    return error_set(c->error,
                     code == ERROR_INSUFFICIENT_MEMORY ? ERROR_MEMORY : ERROR_CONFIG,
                     "%s: %s", what, yara_reason(code));
}

/* The first error is told.  In the pack a warning ("slows down scanning") is one. */
static void on_message(int level, const char *file, int line, const YR_RULE *rule,
                       const char *message, void *self)
{
    struct compilation *c = self;
    (void)rule;
    if (c->failed || (level != YARA_ERROR_LEVEL_ERROR && c->operators))
        return;
    c->failed = true;
    (void)error_set(c->error, ERROR_CONFIG, "%s:%d: %s", file ? file : "?", line,
                    message);
}

static bool compilation_begin(struct compilation *c)
{
    static const char *const externals[] = { "filename", "filepath", "extension",
                                             "filetype" };
    int code = yr_compiler_create(&c->compiler);
    if (code != ERROR_SUCCESS)
        return fail_compilation(c, "byte rules", code);
    yr_compiler_set_callback(c->compiler, on_message, c);
    yr_compiler_set_include_callback(c->compiler, NULL, NULL, NULL); /* no include */
    for (size_t i = 0; c->operators && i < sizeof externals / sizeof *externals; i++) {
        code = yr_compiler_define_string_variable(c->compiler, externals[i], "");
        if (code != ERROR_SUCCESS)
            return fail_compilation(c, "byte rules", code);
    }
    return true;
}

/* Not blocking: a FIFO that nobody writes would be waited for. */
static FILE *open_source(const char *path, struct error *error)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    FILE *in = regular ? fdopen(fd, "r") : NULL;
    if (!in && (fd < 0 || regular))
        (void)error_errno(error, ERROR_CONFIG, "%s", path);
    else if (!in)
        (void)error_set(error, ERROR_CONFIG, "%s: not a regular file", path);
    if (!in && fd >= 0)
        (void)close(fd);
    return in;
}

static bool read_source(const char *path, struct buffer *text, struct error *error)
{
    char piece[4096];
    size_t n;
    FILE *in = open_source(path, error);
    if (!in)
        return false;
    while (!text->truncated && (n = fread(piece, 1, sizeof piece, in)) > 0)
        buffer_add(text, span_of(piece, n));
    bool ok = !ferror(in) || error_errno(error, ERROR_CONFIG, "%s", path);
    (void)fclose(in);
    return ok &&
           (!text->truncated ||
            error_set(error, ERROR_CONFIG, "%s: longer than %d bytes", path, SOURCE_MAX));
}

/* Each file is a namespace, so that a global rule of one does not silence another. */
static bool compile_text(struct compilation *c, struct span text, const char *path)
{
    /* libyara tells lines of streams only with their names */
    FILE *in = fmemopen((void *)(uintptr_t)text.ptr, text.len, "r");
    if (!in)
        return error_errno(c->error, ERROR_MEMORY, "%s", path);
    int errors = yr_compiler_add_file(c->compiler, in, path, path);
    (void)fclose(in);
    if (errors > 0 && !c->failed)
        return error_set(c->error, ERROR_CONFIG, "%s: it cannot be compiled", path);
    return errors == 0 && !c->failed;
}

/* What is digested is what is compiled: the file is read once. */
static bool compile_file(struct compilation *c, const char *path)
{
    struct buffer text;
    buffer_init(&text, SOURCE_MAX);
    bool ok = read_source(path, &text, c->error);
    if (ok && c->digest) {
        uint64_t size = text.len; /* tells files apart */
        digester_add(c->digest, span_of(&size, sizeof size));
        digester_add(c->digest, buffer_span(&text));
    }
    ok = ok && (text.len == 0 || compile_text(c, buffer_span(&text), path));
    buffer_free(&text);
    return ok;
}

static bool compilation_end(struct compilation *c, YR_RULES **ret_rules)
{
    int code = yr_compiler_get_rules(c->compiler, ret_rules);
    return code == ERROR_SUCCESS || fail_compilation(c, "byte rules", code);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_rule_file(const char *name)
{
    struct span s = span_of_text(name);
    return span_ends_nocase(s, ".yar") || span_ends_nocase(s, ".yara");
}

/* All *.yar and *.yara below a directory; or one file, whatever its name. */
static bool compile_tree(struct compilation *c, const char *path)
{
    char *roots[] = { NULL, NULL };
    size_t files = 0;
    bool ok = (roots[0] = strdup(path)) != NULL;
    FTS *tree =
        ok ? fts_open(roots, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;
    if (!tree)
        ok = error_errno(c->error, ERROR_CONFIG, "%s", path);
    for (FTSENT *f; ok && (f = fts_read(tree));) {
        switch (f->fts_info) {
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
        case FTS_SLNONE:
            errno = f->fts_errno ? f->fts_errno : ENOENT;
            ok = error_errno(c->error, ERROR_CONFIG, "%s", f->fts_path);
            break;
        case FTS_D:
        case FTS_DP:
            break;
        default:
            if (f->fts_level > FTS_ROOTLEVEL && !is_rule_file(f->fts_name))
                break;
            ok = compile_file(c, f->fts_path);
            files++;
        }
    }
    if (tree)
        (void)fts_close(tree);
    free(roots[0]);
    if (ok && files == 0)
        ok = error_set(c->error, ERROR_CONFIG, "%s: no *.yar or *.yara file in it", path);
    return ok;
}

bool yara_pack_compile(struct yara_pack *p, const char *const *sources,
                       struct digester *digest, struct error *error)
{
    struct compilation c = { .operators = true, .digest = digest, .error = error };
    bool ok = compilation_begin(&c);
    for (; ok && *sources; sources++)
        ok = compile_tree(&c, *sources);
    ok = ok && compilation_end(&c, &p->rules);
    if (c.compiler)
        yr_compiler_destroy(c.compiler);
    return ok;
}

static size_t write_stream(const void *bytes, size_t size, size_t count, void *file)
{
    return fwrite(bytes, size, count, file);
}

static bool save(YR_RULES *compiled, const char *path, struct error *error)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return error_errno(error, ERROR_IO, "%s", path);
    YR_STREAM stream = { .user_data = out, .write = write_stream };
    bool ok = fputs(YARA_PACK_HEADER, out) >= 0 &&
              yr_rules_save_stream(compiled, &stream) == ERROR_SUCCESS;
    ok = fclose(out) == 0 && ok;
    return ok || error_errno(error, ERROR_IO, "%s", path);
}

bool yara_rules_compile(const char *const *sources, const char *output,
                        struct error *error)
{
    struct compilation c = { .error = error };
    struct yara_pack pack = { 0 };
    struct arena *arena = arena_new(ARENA_MAX);
    if (!arena || yr_initialize() != ERROR_SUCCESS) {
        arena_free(arena);
        return error_set(error, ERROR_MEMORY, "libyara cannot start");
    }
    bool ok = compilation_begin(&c);
    for (; ok && *sources; sources++)
        ok = compile_file(&c, *sources);
    ok = ok && compilation_end(&c, &pack.rules) &&
         yara_pack_read_meta(&pack, arena, error) && save(pack.rules, output, error);
    if (pack.rules)
        (void)yr_rules_destroy(pack.rules);
    if (c.compiler)
        yr_compiler_destroy(c.compiler);
    (void)yr_finalize();
    arena_free(arena);
    return ok;
}

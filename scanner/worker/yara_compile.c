#include <errno.h>
#include <fts.h>

#include "worker/yara_pack.h"

enum { ARENA_MAX = 64 << 20, TRIAL_SECONDS = 10 };

struct compilation {
    YR_COMPILER *compiler;
    bool operators;
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

/* Each file is a namespace, so that a global rule of one does not silence another. */
static bool compile_file(struct compilation *c, const char *path)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return error_errno(c->error, ERROR_CONFIG, "%s", path);
    int errors = yr_compiler_add_file(c->compiler, in, path, path);
    (void)fclose(in);
    if (errors > 0 && !c->failed)
        return error_set(c->error, ERROR_CONFIG, "%s: it cannot be compiled", path);
    return errors == 0 && !c->failed;
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
                       struct error *error)
{
    struct compilation c = { .operators = true, .error = error };
    bool ok = compilation_begin(&c);
    for (; ok && *sources; sources++)
        ok = compile_tree(&c, *sources);
    ok = ok && compilation_end(&c, &p->rules);
    if (c.compiler)
        yr_compiler_destroy(c.compiler);
    return ok;
}

/* Modules that are functions of the bytes.  The others open files (magic), want a
 * sandbox's report (cuckoo), print (console) or look at the clock (time). */
static bool may_import(const char *module)
{
    static const char *const known[] = { "dex",   "dotnet", "elf", "hash",
                                         "macho", "math",   "pe" };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], module) == 0)
            return true;
    return false;
}

struct trial {
    char module[64]; /* that may not be imported; empty: none */
};

static int on_trial(YR_SCAN_CONTEXT *context, int message, void *data, void *self)
{
    struct trial *t = self;
    (void)context;
    const YR_MODULE_IMPORT *import = message == CALLBACK_MSG_IMPORT_MODULE ? data : NULL;
    if (!import || may_import(import->module_name))
        return CALLBACK_CONTINUE;
    (void)snprintf(t->module, sizeof t->module, "%s", import->module_name);
    return CALLBACK_ERROR;
}

/* Nothing says which modules compiled rules import but running them; on no bytes. */
bool yara_pack_try(const struct yara_pack *p, struct error *error)
{
    struct trial trial = { "" };
    yr_scanner_set_callback(p->scanner, on_trial, &trial);
    yr_scanner_set_timeout(p->scanner, TRIAL_SECONDS);
    yr_scanner_set_flags(p->scanner, SCAN_FLAGS_NO_TRYCATCH);
    int code = yr_scanner_scan_mem(p->scanner, (const uint8_t *)"", 0);
    if (code == ERROR_SUCCESS)
        return true;
    if (trial.module[0])
        return error_set(error, ERROR_CONFIG,
                         "a byte rule imports the module %s; rules may import dex, "
                         "dotnet, elf, hash, macho, math and pe",
                         trial.module);
    const YR_RULE *rule = yr_scanner_last_error_rule(p->scanner);
    return error_set(error, ERROR_CONFIG, "%s: rule %s: %s", rule ? rule->ns->name : "",
                     rule ? rule->identifier : "?",
                     code == ERROR_SCAN_TIMEOUT ? "it does not end, even on an empty file"
                                                : yara_reason(code));
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

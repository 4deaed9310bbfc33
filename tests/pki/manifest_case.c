/* Read statements, lists and signatures of minisign through the same calls as the
 * product.
 *
 *   manifest_case oms|sums|minisign FILE [CHECK]
 *
 * Prints "ok", or the state and the check; CHECK is left out.  Of minisign, FILE is the
 * signature, FILE.key the key and FILE.digest the BLAKE2b of what was signed.
 *
 * Linked with --wrap=refuse: the product has no way to leave a check out. */
#include "integrity/minisign.h"
#include "integrity/statement/oms.h"
#include "integrity/sums.h"

#include <stdarg.h>
#include <stdlib.h>

enum { FILE_MAX = 1 << 20 };

static const char *left_out;

bool __wrap_refuse(struct refusal *ret, enum signature_state state, const char *check,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

bool __wrap_refuse(struct refusal *ret, enum signature_state state, const char *check,
                   const char *format, ...)
{
    va_list args;
    if (left_out && strcmp(check, left_out) == 0)
        return true;
    ret->state = state;
    ret->check = check;
    va_start(args, format);
    (void)vsnprintf(ret->reason, sizeof ret->reason, format, args);
    va_end(args);
    return false;
}

static struct span read_file(struct arena *arena, const char *path, const char *ending)
{
    struct span name = arena_printf(arena, "%s%s", path, ending);
    uint8_t *bytes = arena_alloc(arena, FILE_MAX);
    FILE *f = fopen((const char *)name.ptr, "rbe");
    if (!f || !bytes)
        exit(4);
    size_t n = fread(bytes, 1, FILE_MAX, f);
    (void)fclose(f);
    return span_of(bytes, n);
}

static bool check_minisign(struct arena *arena, const char *path, struct refusal *why)
{
    struct error error;
    struct minisign m = { 0 };
    struct minisign_key key;
    struct crypto *c = crypto_new(&error);
    if (!c || !minisign_key_parse(arena, read_file(arena, path, ".key"), &key))
        exit(4);
    bool ok = minisign_parse(arena, read_file(arena, path, ""), &m, why) &&
              (m.key_id.len == 0 || /* its form was left out: nothing is there */
               minisign_verify(c, &m, &key, read_file(arena, path, ".digest"), why));
    crypto_free(c);
    return ok;
}

int main(int argc, char **argv)
{
    struct refusal why = { .check = "" };
    struct oms_manifest model;
    struct manifest list;
    struct arena *arena = arena_new(64 << 20);
    if (argc < 3 || !arena)
        return 4;
    left_out = argv[3];
    struct span bytes = read_file(arena, argv[2], "");
    bool ok = strcmp(argv[1], "oms") == 0    ? oms_parse(bytes, arena, NULL, &model, &why)
              : strcmp(argv[1], "sums") == 0 ? sums_parse(arena, bytes, &list, &why)
                                             : check_minisign(arena, argv[2], &why);
    if (ok)
        (void)puts("ok");
    else
        (void)printf("%s %s\n", signature_state_name(why.state), why.check);
    arena_free(arena);
    return 0;
}

/* Verify the cases that tests/pki/make.py wrote, through the same calls as the product.
 *
 *   verify_case CASE              exits 0 verified, 1 invalid or untrusted, 2 unsupported
 *   verify_case all DIR           a line for each: name, state, check, reason
 *   verify_case mutate DIR        leaves out the expected check of each negative, and
 * says what then comes out verify_case speed CASE N      milliseconds for one
 * verification, the best of N
 *
 * Linked with --wrap=signature_require: the product has no way to leave a check out. */
#include "core/json.h"
#include "integrity/strict_json.h"
#include "integrity/verify.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <time.h>

enum { FILE_MAX = 1 << 20, KEYS_MAX = 4, IDENTITIES_MAX = 4, CASES_MAX = 512 };

static enum signature_check left_out;

bool __wrap_signature_require(struct signature_failure *failure,
                              enum signature_check check, bool holds, const char *format,
                              ...) __attribute__((format(printf, 4, 5)));

bool __wrap_signature_require(struct signature_failure *failure,
                              enum signature_check check, bool holds, const char *format,
                              ...)
{
    va_list args;
    if (holds || (left_out != SC_NONE && check == left_out))
        return true;
    va_start(args, format);
    signature_fail(failure, check, format, args);
    va_end(args);
    return false;
}

struct loaded {
    struct arena *arena;
    json_t *settings;
    EVP_PKEY *keys[KEYS_MAX];
    struct x509_list anchors;
    struct verify_identity identities[IDENTITIES_MAX];
    struct verify_policy policy;
    struct verify_target target;
    struct span bundle;
    bool envelope;
};

static void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "verify_case: %s: %s\n", what, why);
    exit(4);
}

static struct span read_file(struct arena *arena, const char *directory, const char *name)
{
    struct span path = arena_printf(arena, "%s/%s", directory, name);
    uint8_t *bytes = arena_alloc(arena, FILE_MAX);
    FILE *f = fopen((const char *)path.ptr, "rbe");
    if (!f || !bytes)
        die((const char *)path.ptr, "cannot be read");
    size_t n = fread(bytes, 1, FILE_MAX, f);
    (void)fclose(f);
    return span_of(bytes, n);
}

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void load_identities(struct loaded *l)
{
    const json_t *list = json_object_get(l->settings, "identities");
    for (size_t i = 0; i < json_array_size(list) && i < IDENTITIES_MAX; i++) {
        const json_t *one = json_array_get(list, i);
        l->identities[i] = (struct verify_identity){
            .subject = text(one, "subject"),
            .issuer = text(one, "issuer"),
            .subject_is_pattern =
                json_is_true(json_object_get(one, "subject_is_pattern")),
        };
        l->policy.identity_count = i + 1;
    }
    l->policy.identities = l->identities;
}

static void load_trust(const struct crypto *c, const char *directory, struct loaded *l)
{
    struct error error;
    const json_t *keys = json_object_get(l->settings, "keys");
    for (size_t i = 0; i < json_array_size(keys) && i < KEYS_MAX; i++) {
        const char *name = json_string_value(json_array_get(keys, i));
        l->keys[i] = pubkey_read(c, read_file(l->arena, directory, name));
        if (!l->keys[i])
            die(directory, "a key cannot be read");
        l->policy.key_count = i + 1;
    }
    if (text(l->settings, "anchors") &&
        !x509_list_read(c, read_file(l->arena, directory, text(l->settings, "anchors")),
                        directory, &l->anchors, &error))
        die(directory, error.message);
    if (text(l->settings, "root")) {
        l->policy.root = trust_root_read(
            c, read_file(l->arena, directory, text(l->settings, "root")), "root", &error);
        if (!l->policy.root)
            die(directory, error.message);
    }
    l->policy.keys = l->keys;
    l->policy.anchors = l->anchors.items;
    l->policy.anchor_count = l->anchors.count;
}

static enum verify_method method_named(const char *name)
{
    if (!name)
        return VERIFY_ANY;
    if (strcmp(name, "key") == 0)
        return VERIFY_KEY;
    return strcmp(name, "keyless") == 0 ? VERIFY_KEYLESS : VERIFY_CERTIFICATE;
}

static void load_target(const struct crypto *c, const char *directory, struct loaded *l)
{
    static const char *const names[] = { "SHA256", "SHA384", "SHA512" };
    struct span *digests[] = { &l->target.sha256, &l->target.sha384, &l->target.sha512 };
    struct span artifact = read_file(l->arena, directory, "artifact");
    for (size_t i = 0; i < 3; i++) {
        uint8_t value[64];
        size_t len = 0;
        if (crypto_digest(c, names[i], artifact, value, &len))
            *digests[i] = arena_copy(l->arena, span_of(value, len));
    }
    if (json_is_true(json_object_get(l->settings, "bytes")))
        l->target.bytes = artifact;
    l->target.any_subject = json_is_true(json_object_get(l->settings, "any_subject"));
}

static void load(const struct crypto *c, const char *directory, struct loaded *l)
{
    struct error error;
    *l = (struct loaded){ .arena = arena_new(64 << 20) };
    l->settings =
        json_read(read_file(l->arena, directory, "case.json"), directory, &error);
    if (!l->settings)
        die(directory, error.message);
    l->policy.method = method_named(text(l->settings, "method"));
    l->policy.now = json_integer_value(json_object_get(l->settings, "now"));
    l->envelope = json_is_true(json_object_get(l->settings, "envelope"));
    l->bundle = read_file(l->arena, directory, "bundle.json");
    load_identities(l);
    load_trust(c, directory, l);
    load_target(c, directory, l);
}

static void unload(struct loaded *l)
{
    for (size_t i = 0; i < KEYS_MAX; i++)
        EVP_PKEY_free(l->keys[i]);
    x509_list_free(&l->anchors);
    trust_root_free((struct trust_root *)(uintptr_t)l->policy.root);
    json_decref(l->settings);
    arena_free(l->arena);
}

static bool parse(struct loaded *l, struct bundle *bundle,
                  struct signature_failure *failure)
{
    struct dsse envelope;
    if (!l->envelope)
        return bundle_parse(l->arena, l->bundle, bundle, failure);
    return dsse_parse(l->arena, l->bundle, &envelope, failure) &&
           bundle_of_envelope(&envelope, bundle, failure);
}

static void verify(const struct crypto *c, struct loaded *l, struct verification *v)
{
    struct bundle bundle;
    struct signature_failure failure = { .check = SC_NONE };
    if (parse(l, &bundle, &failure)) {
        verify_bundle(c, l->arena, &bundle, &l->target, &l->policy, v);
        return;
    }
    *v = (struct verification){ .failure = failure, .state = SIGNATURE_INVALID };
    if (failure.check != SC_NONE)
        v->state = signature_check_state(failure.check);
}

static void print(const char *name, const struct verification *v)
{
    (void)printf("%s\t%s\t%s\t%s\n", name, signature_state_name(v->state),
                 signature_check_name(v->failure.check), v->failure.reason);
}

/* Each row of DIR/cases.tsv: the name, and the check that is expected to fail. */
static void each(const struct crypto *c, const char *directory, bool mutate)
{
    char line[512];
    struct arena *arena = arena_new(1 << 20);
    struct span table = arena_printf(arena, "%s/cases.tsv", directory);
    FILE *in = fopen((const char *)table.ptr, "re");
    if (!in)
        die((const char *)table.ptr, "cannot be read");
    while (fgets(line, sizeof line, in)) {
        struct loaded l;
        struct verification v;
        char *state = strchr(line, '\t'), *check = state ? strchr(state + 1, '\t') : NULL;
        if (!check)
            die(line, "not a row");
        *state = *check++ = '\0';
        check[strcspn(check, "\n")] = '\0';
        if (mutate && *check == '\0')
            continue;
        struct span path = arena_printf(arena, "%s/%s", directory, line);
        load(c, (const char *)path.ptr, &l);
        if (mutate && !signature_check_parse(check, &left_out))
            die(check, "is no check");
        verify(c, &l, &v);
        left_out = SC_NONE;
        print(line, &v);
        unload(&l);
    }
    (void)fclose(in);
    arena_free(arena);
}

static double milliseconds(const struct crypto *c, struct loaded *l)
{
    struct timespec from, to;
    struct verification v;
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    verify(c, l, &v);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from.tv_sec) * 1e3 +
           (double)(to.tv_nsec - from.tv_nsec) / 1e6;
}

static void speed(const struct crypto *c, const char *directory, const char *times)
{
    double best = 1e9;
    for (long n = strtol(times, NULL, 10); n > 0; n--) {
        struct loaded l;
        load(c, directory, &l);
        double t = milliseconds(c, &l);
        best = t < best ? t : best;
        unload(&l);
    }
    (void)printf("%.2f\n", best);
}

static int one(const struct crypto *c, const char *directory)
{
    struct loaded l;
    struct verification v;
    load(c, directory, &l);
    verify(c, &l, &v);
    print(directory, &v);
    unload(&l);
    if (v.state == SIGNATURE_VERIFIED)
        return 0;
    return v.state == SIGNATURE_UNSUPPORTED ? 2 : 1;
}

int main(int argc, char **argv)
{
    struct error error;
    int status = 0;
    struct crypto *c = crypto_new(&error);
    if (!c || argc < 2)
        die("usage", "verify_case CASE | all DIR | mutate DIR | speed CASE N");
    if (argc == 3 && strcmp(argv[1], "all") == 0)
        each(c, argv[2], false);
    else if (argc == 3 && strcmp(argv[1], "mutate") == 0)
        each(c, argv[2], true);
    else if (argc == 4 && strcmp(argv[1], "speed") == 0)
        speed(c, argv[2], argv[3]);
    else
        status = one(c, argv[1]);
    crypto_free(c);
    return status;
}

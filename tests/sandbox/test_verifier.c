/* The cryptography of bundles in a confined child: what it says against a signature
 * counts, what it says for one is checked again, and its end is nobody's verdict. */
#include "harness.h"

#include "engine/verifying/verifier.h"

#include <openssl/evp.h>

struct fixture {
    struct signers signers;
    struct arena *arena;
    struct bundle bundle; /* a message, signed by the operator's key */
    struct verify_target target;
    uint8_t hash[SHA256_LEN];
};

static void set_up(struct fixture *f)
{
    struct error error;
    const struct span text = span_of_text("weights"), none = { NULL, 0 };
    assert_true(signers_init(&f->signers, &error));
    f->arena = arena_new(16 << 20);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    assert_non_null(key);
    f->signers.keys[f->signers.key_count++] = key;
    assert_true(crypto_sha256(f->signers.crypto, text, none, none, f->hash));
    f->target = (struct verify_target){ .sha256 = span_of(f->hash, sizeof f->hash) };
    f->bundle = (struct bundle){
        .version = BUNDLE_0_3,
        .material = MATERIAL_KEY,
        .content = CONTENT_MESSAGE,
        .signature = pubkey_sign(f->signers.crypto, f->arena, key, text),
    };
}

static void tear_down(struct fixture *f)
{
    arena_free(f->arena);
    signers_free(&f->signers);
}

static struct verification verdict_of(struct fixture *f, const char *program)
{
    const struct worker_options o = { .program = program_path(program),
                                      .data_dir = DATA_DIR,
                                      .sandbox = MODE,
                                      .budget = budget_default() };
    struct verifier *v = verifier_new(&o, 0);
    struct verification r;
    assert_non_null(v);
    const struct verify_context c = { v, &f->signers, VERIFY_ANY, f->arena };
    verifier_bundle(&c, &f->bundle, &f->target, &r);
    verifier_free(v);
    return r;
}

static void a_good_signature_is_verified(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    struct verification v = verdict_of(&f, "bin/assay-worker");
    assert_int_equal(v.state, SIGNATURE_VERIFIED);
    assert_true(span_starts(v.identity, "sha256:"));
    tear_down(&f);
}

static void a_bad_one_ends_in_the_child(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.hash[0] ^= 1;
    struct verification v = verdict_of(&f, "bin/assay-worker");
    assert_int_equal(v.state, SIGNATURE_INVALID);
    assert_int_equal(v.failure.check, SC_SIGNATURE);
    assert_true(v.failure.reason[0] != '\0');
    tear_down(&f);
}

static void a_child_that_lies_for_a_signature_is_not_believed(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.hash[0] ^= 1;
    struct verification v = verdict_of(&f, "worker_evil");
    assert_int_equal(v.state, SIGNATURE_INVALID);
    assert_int_equal(v.failure.check, SC_SIGNATURE);
    tear_down(&f);
}

static void expect_no_verdict(const char *program, const char *deed)
{
    struct fixture f;
    set_up(&f);
    f.bundle.digest_algorithm = span_of_text(deed);
    struct verification v = verdict_of(&f, program);
    assert_int_equal(v.state, SIGNATURE_UNSUPPORTED);
    assert_int_equal(v.failure.check, SC_RESOURCES);
    assert_true(v.failure.reason[0] != '\0');
    tear_down(&f);
}

static void without_an_answer_there_is_no_verdict(void **state)
{
    (void)state;
    expect_no_verdict("worker_evil", "crash");
    expect_no_verdict("worker_evil", "contradict");
    expect_no_verdict("no-such-worker", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_signature_is_verified),
        cmocka_unit_test(a_bad_one_ends_in_the_child),
        cmocka_unit_test(a_child_that_lies_for_a_signature_is_not_believed),
        cmocka_unit_test(without_an_answer_there_is_no_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

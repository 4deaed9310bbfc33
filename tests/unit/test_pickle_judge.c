#include "pickle_fixture.h"

#define CALL "pickle/dangerous-call "
#define P2   "\x80\x02"
#define P4   "\x80\x04"

static void test_known_names(void **state)
{
    (void)state;
    EXPECT(P2 "cos\nsystem\n(S'id'\ntR.", CALL "complete");
    EXPECT(P2 "cos\nsystem\n.", "pickle/dangerous-import complete");
    EXPECT(P2 "cpip._internal.cli\nmain\n)R.", CALL "complete");
    EXPECT(P2 "ccollections\nOrderedDict\n)R.", "complete");
    EXPECT(P2 "cdill._dill\n_create_function\n)R.", "pickle/embedded-code complete");
    EXPECT(P2 "cos\nsystem\n)R0cos\nsystem\n)R.", CALL CALL "complete");
}

static void test_unknown_names(void **state)
{
    (void)state;
    EXPECT(P2 "cmylib\nf\n)R.", "pickle/unknown-call complete");
    EXPECT(P2 "cmylib\nC\n)\x81.", "pickle/unknown-class complete");
    EXPECT(P2 "cmylib\nC\n.", "pickle/unknown-import complete");
    /* one finding for each package, however many classes */
    EXPECT(P2 "cmylib.a\nC\n)\x81"
              "0cmylib.b\nD\n)\x81"
              "0cother\nE\n)\x81.",
           "pickle/unknown-class pickle/unknown-class complete");
    EXPECT(P2 "ccopyreg\n_reconstructor\n(cmylib\nC\nc__builtin__\nobject\nNtR.",
           "pickle/unknown-class complete");
}

static void test_names_that_hide(void **state)
{
    (void)state;
    EXPECT(P4 "\x8c\x05torch\x8c\x09os.system\x93.", "pickle/dotted-name complete");
    EXPECT(P4 "\x8c\x03lib\x8c\x0bOuter.Inner\x93.", "complete"); /* exactly listed */
    EXPECT(P4 "clib\nb\n)R\x8c\x06system\x93.",
           "pickle/unknown-call pickle/computed-import complete");
    EXPECT(P2 "\x82\x07.", "pickle/extension-registry complete");
    EXPECT(P4 "N0\x80\x02N.", "pickle/protocol-switch complete");
    EXPECT("\x80\x02"
           "\x8c\x02osq\0"
           "0\x8c\x03sysq\0"
           "0h\0\x8c\x04name\x93.",
           "pickle/memo-overwrite pickle/unknown-import complete");
    EXPECT(P4 "\x95\x05\0\0\0\0\0\0\0NX\x02\0\0\0os.", "pickle/frame-mismatch complete");
}

static void test_writes(void **state)
{
    (void)state;
    EXPECT(P2 "ccollections\nOrderedDict\n}S'x'\nK\x01sb.",
           "pickle/global-write complete");
    EXPECT(P2 "ccollections\nOrderedDict\nK\x01"
              "a.",
           "pickle/global-write complete");
    EXPECT(P2 "ccollections\nOrderedDict\n)R(K\x01Nu.", "complete"); /* an instance */
    EXPECT(P2 "cmylib\nC\n)\x81(K\x01"
              "e}b.",
           "pickle/unknown-class complete");
    EXPECT(P2 "Nq\0"
              "cjoblib.numpy_pickle_compat\nNDArrayWrapper\n)\x81}b.",
           "pickle/external-array complete");
}

static void test_calls_of_results(void **state)
{
    (void)state;
    EXPECT(P2 "ccollections\nOrderedDict\n)R)R.", "pickle/computed-call complete");
    EXPECT(P2 "c__builtin__\ngetattr\n(clib\nArgs\nS'f'\ntR)R.",
           "pickle/unknown-call complete");
    EXPECT(P2 "K\x01Q)R.", "pickle/computed-call complete");
}

static void test_persistent_ids(void **state)
{
    (void)state;
    EXPECT(P2 "(S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\x04tQ.", "complete");
    EXPECT(P2 "K\x07Q.", "complete");
    EXPECT(P2 "S'http://x'\nQ.", "pickle/persistent-id complete");
}

static void test_checks(void **state)
{
    (void)state;
    EXPECT(P2 "c__builtin__\ngetattr\n(ccollections\nOrderedDict\nS'fromkeys'\ntR.",
           "complete");
    EXPECT(P2 "c__builtin__\ngetattr\n(ccollections\nOrderedDict\nS'__init__'\ntR.",
           CALL "complete");
    EXPECT(P2 "c__builtin__\ngetattr\n(cos\nsystem\nS'x'\ntR.",
           CALL "pickle/dangerous-import complete");
    EXPECT(P2 "c__builtin__\ngetattr\n.", "pickle/unknown-import complete");
    EXPECT(P2 "cfunctools\npartial\n(ccollections\nOrderedDict\ntR.", "complete");
    EXPECT(P2 "cfunctools\npartial\n(cos\nsystem\ntR.",
           CALL "pickle/dangerous-import complete");
    EXPECT(P2 "cfunctools\npartial\n(ccollections\nOrderedDict\ntR(cos\nsystem\n)}Ntb.",
           CALL "pickle/dangerous-import complete");
    EXPECT(P2 "c__builtin__\niter\n(]tR.", "complete");
    EXPECT(P2 "c__builtin__\niter\n(]NtR.", "pickle/unknown-call complete");
    EXPECT(P2 "c__builtin__\ntype\n(NtR.", "complete");
    EXPECT(P2 "c__builtin__\ntype\n(S'X'\n)}tR.", "pickle/unknown-call complete");
    EXPECT(P2 "clib\nArgs\n)\x81}b.", "complete");
    EXPECT(P2 "clib\nArgs\n)R.", "pickle/unknown-call complete");
    EXPECT(P2 "c_codecs\nencode\n(S'ab'\nS'latin1'\ntR.", "complete");
    EXPECT(P2 "c_codecs\nencode\n(S'ab'\nS'rot13'\ntR.", "pickle/unknown-call complete");
    EXPECT(P2 "cnumpy\n_ufunc_reconstruct\n(S'numpy'\nS'add'\ntR.", "complete");
    EXPECT(P2 "cnumpy\n_ufunc_reconstruct\n(S'os'\nS'add'\ntR.", CALL "complete");
    EXPECT(P2 "cnumpy\nctor\n(S'a'\n(cnumpy\nctor\nttR.", "complete");
    EXPECT(P2 "cnumpy\nctor\n(cmylib\nf\ntR.",
           "pickle/unknown-call pickle/unknown-import complete");
    EXPECT(P2
           "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\n"
           "cnumpy\nndarray\n)}tR.",
           "complete");
    EXPECT(P2 "ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\ncnumpy\nndarray\n"
              "(S'id'\nt}tR.",
           CALL "pickle/dangerous-import complete");
    EXPECT(P2 "cscipy\nnorm_gen\n)\x81}S'_parse_arg_template'\n"
              "V\\u000adef _parse_args(self, a, loc=0, scale=1):\\u000a"
              "    return (a,), loc, scale, 1\\u000a\nsb.",
           "complete");
    EXPECT(P2 "cscipy\nnorm_gen\n)\x81}S'_parse_arg_template'\nS'import os'\nsb.",
           CALL "complete");
    EXPECT(P2 "cscipy\nnorm_gen\n)\x81}S'_parse_arg_template'\n"
              "V    return (a(b),)\nsb.",
           CALL "complete");
    EXPECT(P2 "cstatsmodels\nModelData\n)\x81}S'x'\nNsb.", "complete");
    EXPECT(P2 "cstatsmodels\nModelData\n)\x81}S'formula'\nS'y ~ f(x)'\nsb.",
           "pickle/unknown-call complete");
}

static void test_how_it_ends(void **state)
{
    (void)state;
    EXPECT(P2 "cos\nsystem\n)R\xff", CALL "pickle/broken-after-call incomplete");
    EXPECT(P2 "cos\nsystem\n)R", CALL "pickle/broken-after-call incomplete");
    EXPECT(P2 "ccollections\nOrderedDict\n)R", "incomplete");
    EXPECT(P2 "Nr\xff\xff\xff\xff.", "pickle/resource-exhaustion complete");
}

static const struct fact *stream_of(const struct fixture *f)
{
    return fact_find(f->root->facts, "pickle")->first;
}

static void test_facts(void **state)
{
    (void)state;
    static const char bytes[] = P2 "cos\nsystem\n(S'id'\ntR0cmylib\nC\n.";
    struct fixture f = fixture_inspect(span_of(bytes, sizeof bytes - 1), "x");
    const struct fact *s = stream_of(&f), *g = fact_find(s, "globals")->first;
    assert_true(f.root->executes);
    assert_int_equal(fact_find(s, "offset")->number, 0);
    assert_int_equal(fact_find(s, "protocol")->number, 2);
    assert_int_equal(fact_find(s, "stopped")->number, 1);
    assert_true(span_is(fact_find(g, "module")->text, "os"));
    assert_true(span_is(fact_find(g, "class")->text, "dangerous"));
    assert_int_equal(fact_find(g, "called")->number, 1);
    assert_true(span_is(fact_find(g->next, "class")->text, "unknown"));
    assert_int_equal(fact_find(g->next, "called")->number, 0);
    const struct fact *call = fact_find(s, "calls")->first;
    assert_true(span_is(fact_find(call, "rendered")->text, "os.system('id')"));
    assert_int_equal(fact_find(call, "offset")->number, 21);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_names),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_names_that_hide),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_calls_of_results),
        cmocka_unit_test(test_persistent_ids),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_how_it_ends),
        cmocka_unit_test(test_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

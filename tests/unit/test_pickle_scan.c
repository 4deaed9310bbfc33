#include "pickle_fixture.h"

#include "formats/byte_scan.h"

#define P2     "\x80\x02"
#define SYSTEM "cos\nsystem\n(S'id'\ntR."
#define CALL   "pickle/dangerous-call "

static void test_what_is_a_pickle(void **state)
{
    (void)state;
    EXPECT(P2 "N.", "complete");
    EXPECT(P2 "}", "incomplete"); /* cut short, and still one */
    EXPECT("cos\nsystem\n.", "pickle/dangerous-import complete");
    EXPECT("\n\n" SYSTEM, CALL "complete");
    EXPECT("(S'id'\nios\nsystem\n.", CALL "complete");
    EXPECT("cmylib\nf\n)R.", "pickle/unknown-call complete");
    EXPECT("(dp0\nS'a'\nI1\ns.", "complete");
    EXPECT("I0x1\n0" SYSTEM, CALL "complete");
    EXPECT("S'\xc3\xa9'\n0" SYSTEM, CALL "complete");
    EXPECT("F1.0\0zz\n0" SYSTEM, CALL "complete");
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const uint8_t tensor[64] = { 0x3f, 0x80, 0, 0, 0xbf, 0x28, 0x63, 0x80, 2 };
    EXPECT("", "skipped");
    EXPECT(".", "skipped");
    EXPECT("cffi\nnumpy\n", "skipped");
    EXPECT("cffi\nnumpy\n.\n", "skipped");
    EXPECT("click\ncolorama\nRich\n", "skipped");
    EXPECT("certifi==2023.7.22\nclick>=8\n", "skipped");
    EXPECT("Python is a language.\nI use it.\n", "skipped");
    EXPECT("I am a model card.\n", "skipped");
    EXPECT("Nothing to see here.", "skipped");
    EXPECT("(c) 2024 by somebody\n", "skipped");
    EXPECT("{\"a\": 1}", "skipped");
    EXPECT("]\n", "skipped");
    EXPECT("the\nof\nand\n", "skipped");
    expect((const char *)tensor, sizeof tensor, "tensor.dat", "skipped");
}

static void test_names_that_promise(void **state)
{
    (void)state;
    EXPECT_NAMED("model.pkl", "not a pickle", "format/extension-mismatch incomplete");
    EXPECT_NAMED("model.pkl", P2 "N.", "complete");
    EXPECT_NAMED("weights.bin", SYSTEM, CALL "complete");
}

static void test_streams_behind_streams(void **state)
{
    (void)state;
    EXPECT(P2 "N." P2 "N.", "complete");
    EXPECT(P2 "N.\n" SYSTEM, CALL "complete");
    EXPECT(P2 "N.\0\0\0\0", "complete"); /* padding */
    EXPECT(P2 "N.\0\0\0\0" P2 SYSTEM, CALL "incomplete");
    EXPECT(P2 "N.garbage\xff" SYSTEM, CALL "incomplete");
    EXPECT(P2 "N.\xff\xff\xff", "incomplete");
    EXPECT(P2 "N\xff" SYSTEM, CALL "incomplete"); /* behind one that breaks */
}

static void test_what_breaks_hides_nothing(void **state)
{
    (void)state;
    /* a length beyond the end does not swallow what follows */
    EXPECT(P2 "B\xff\xff\xff\x7f" P2 SYSTEM,
           "pickle/resource-exhaustion " CALL "incomplete");
    EXPECT(P2 "X\xff\xff\0\0" P2 SYSTEM, CALL "incomplete");
    /* bytes that only look like a stream are none */
    EXPECT(P2 "N."
              "\xf0\x80\x02\x82\x07)R\xff\xff",
           "incomplete");
    EXPECT(P2 "N."
              "\xf0\x80\x02P\n)R\xff\xff",
           "incomplete");
}

static void test_literals_hide_nothing(void **state)
{
    (void)state;
    EXPECT(P2 "C\x17" P2 SYSTEM ".", CALL "complete");
    EXPECT(P2 "C\x15" SYSTEM ".", CALL "complete");
    EXPECT("C\x17" P2 SYSTEM ".", CALL "complete");
    /* base64 and hex of: cos\nsystem\n(S'id'\ntR. */
    EXPECT(P2 "X\x1c\0\0\0Y29zCnN5c3RlbQooUydpZCcKdFIu.", CALL "complete");
    EXPECT(P2 "X\x2a\0\0\0"
              "636f730a73797374656d0a285327696427"
              "0a74522e"
              ".",
           CALL "complete");
    EXPECT(P2 "C\x1bsome words " P2 "cos\nsystem\n)R..", CALL "complete");
    /* protocol 2 writes bytes as _codecs.encode(text, 'latin1') */
    EXPECT(P2 "c_codecs\nencode\n(X\x13\0\0\0\xc2\x80\x02"
              "cos\nsystem\n(NtR."
              "X\x06\0\0\0latin1tR.",
           CALL "complete");
    EXPECT(P2 "X\x1c\0\0\0encoder.layers.0.weight.data.", "complete");
}

#define WRAPPER                                                                          \
    "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(S'subclass'\ncnumpy\nndarray\n"     \
    "S'shape'\nK\x02\x85S'order'\nS'C'\nS'allow_mmap'\n\x88S'dtype'\n"
#define FLOAT8                                                                           \
    "cnumpy\ndtype\n(S'f8'\nK\0K\1tR(K\3S'<'"                                            \
    "\nNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
#define OBJECTS                                                                          \
    "cnumpy\ndtype\n(S'O8'\nK\0K\1tR(K\3S'|'"                                            \
    "\nNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\77tb"
#define ALIGNED "S'numpy_array_alignment_bytes'\nK\x10"
#define SIXTEEN "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\x40"

static void test_arrays_of_joblib(void **state)
{
    (void)state;
    EXPECT(P2 WRAPPER FLOAT8 "ub" SIXTEEN ".", "complete");
    EXPECT(P2 WRAPPER FLOAT8 ALIGNED "ub\x03\xff\xff\xff" SIXTEEN ".", "complete");
    EXPECT(P2 WRAPPER FLOAT8 "ub" SIXTEEN "0" SYSTEM, CALL "complete");
    EXPECT(P2 WRAPPER FLOAT8 "ub" SIXTEEN, "incomplete");
    EXPECT(P2 WRAPPER OBJECTS "ub" P2 "N..", "complete");
    EXPECT(P2 WRAPPER OBJECTS "ub" P2 SYSTEM ".", CALL "complete");
    /* what joblib skips, pickle.load executes */
    EXPECT(P2 WRAPPER FLOAT8 "ub"
                             "cos\nsystem\n)R..."
                             ".",
           CALL "complete");
    EXPECT(P2 WRAPPER "Nub" SIXTEEN ".", "incomplete");
}

#define MAGIC  P2 "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define HEADER P2 "M\xe9\x03." P2 "}S'little_endian'\n\x88s."
#define TENSOR                                                                           \
    P2 "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'7'\n"   \
       "S'cpu'\nK\x02NtQK\0K\x02\x85K\x01\x85\x89tR."
#define KEYS P2 "]S'7'\na."
#define BULK                                                                             \
    "\x02\0\0\0\0\0\0\0"                                                                 \
    "abcdefgh"

static void test_legacy_checkpoints(void **state)
{
    (void)state;
    EXPECT(MAGIC HEADER TENSOR KEYS BULK, "complete");
    EXPECT(MAGIC HEADER TENSOR KEYS "\x02\0\0\0\0\0\0\0"
                                    "abcd",
           "incomplete");
    EXPECT(MAGIC HEADER TENSOR KEYS "\x01\0\0\0\0\0\0\0"
                                    "abcd",
           "torch/storage-mismatch complete");
    EXPECT(MAGIC HEADER SYSTEM P2 "].", CALL "complete");
    EXPECT(MAGIC HEADER TENSOR KEYS BULK SYSTEM, CALL "complete");
    EXPECT(P2 "cmylib\nmagic\n)R." HEADER TENSOR KEYS BULK,
           "torch/computed-magic pickle/unknown-call complete");
}

static void expect_npy(const char *descr, const char *shape, const char *data, size_t len,
                       const char *wanted)
{
    struct buffer file;
    char header[128];
    int n =
        snprintf(header, sizeof header,
                 "{'descr': %s, 'fortran_order': False, 'shape': %s, }\n", descr, shape);
    buffer_init(&file, 4096);
    buffer_add(&file, span_of("\x93NUMPY\x01\0", 8));
    buffer_printf(&file, "%c", n);
    buffer_add(&file, span_of("\0", 1));
    buffer_add_text(&file, header);
    buffer_add(&file, span_of(data, len));
    expect(file.text, file.len, "x.npy", wanted);
    buffer_free(&file);
}
#define EXPECT_NPY(descr, shape, data, wanted)                                           \
    expect_npy(descr, shape, data, sizeof(data) - 1, wanted)

static void test_arrays_of_numpy(void **state)
{
    (void)state;
    EXPECT_NPY("'<f8'", "(2,)", SIXTEEN, "complete");
    EXPECT_NPY("'<f8'", "(3,)", SIXTEEN, "incomplete");
    EXPECT_NPY("'<f8'", "(2,)", SIXTEEN SYSTEM, CALL "complete");
    EXPECT_NPY("[('a', '<f4'), ('b', '<i4', (3,))]", "(1,)", SIXTEEN, "complete");
    EXPECT_NPY("[('a', '<f4'), ('b', '|O')]", "(1,)", P2 SYSTEM, CALL "complete");
    EXPECT_NPY("'|O'", "(2,)", P2 SYSTEM, CALL "complete");
    EXPECT_NPY("'\\x7cO'", "(2,)", P2 SYSTEM, CALL "complete");
    EXPECT_NPY("'|' 'O'", "(2,)", P2 SYSTEM, CALL "complete");
    EXPECT("\x93NUMPY\x01\0\xff\xff{", "incomplete");
}

static void test_wrappers(void **state)
{
    (void)state;
    /* zlib.compress(b"cos\\nsystem\\n(S'id'\\ntR.") */
    static const uint8_t zlib[] = { 0x78, 0x9c, 0x4b, 0xce, 0x2f, 0xe6, 0x2a, 0xae,
                                    0x2c, 0x2e, 0x49, 0xcd, 0xe5, 0xd2, 0x08, 0x56,
                                    0xcf, 0x4c, 0x51, 0xe7, 0x2a, 0x09, 0xd2, 0x03,
                                    0x00, 0x4f, 0x13, 0x06, 0x93 };
    struct buffer text;
    struct fixture f = fixture_inspect(span_of(zlib, sizeof zlib), "model.joblib");
    assert_true(f.root->formats & FORMAT_BIT(FORMAT_ZLIB));
    assert_true(f.root->executes);
    fixture_summary(&f, &text);
    assert_string_equal(text.text, CALL "complete");
    buffer_free(&text);
    fixture_free(&f);
    /* the same pickle in the other formats, as Python and by hand write them */
    EXPECT("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\xce\x2f\xe6\x2a\xae\x2c\x2e\x49"
           "\xcd\xe5\xd2\x08\x56\xcf\x4c\x51\xe7\x2a\x09\xd2\x03\x00\xbe\x45\xb8\x27\x15"
           "\x00\x00\x00",
           CALL "complete"); /* gzip */
    EXPECT("\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x1f\x2f\x22\xa5\x00\x00\x04\xd3\x80"
           "\x00\x10\x00\xc1\x18\x00\x0e\x22\x8c\x20\x20\x00\x22\x21\xa1\xb4\x4f\x29\x8a"
           "\x60\x00\x28\xbc\x8e\x04\x24\xb8\x25\x7e\x99\x35\x8b\xb9\x22\x9c\x28\x48\x0f"
           "\x97\x91\x52\x80",
           CALL "complete"); /* bzip2 */
    EXPECT("\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00"
           "\x00\x74\x2f\xe5\xa3\x01\x00\x14\x63\x6f\x73\x0a\x73\x79\x73\x74\x65\x6d\x0a"
           "\x28\x53\x27\x69\x64\x27\x0a\x74\x52\x2e\x00\x00\x00\x00\xb5\x8c\x30\xae\x0b"
           "\x95\x16\xac\x00\x01\x2d\x15\x2f\x0b\x71\x6d\x1f\xb6\xf3\x7d\x01\x00\x00\x00"
           "\x00\x04\x59\x5a",
           CALL "complete"); /* xz */
    EXPECT("\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x31\x9b\xca\xc6\xb2"
           "\x7c\x65\xdf\xdf\x91\x59\x9f\xb1\xd6\x7e\x2d\x71\x6a\x05\x71\x56\x4c\xf2\xf3"
           "\x28\x97\xff\xff\x98\xce\x00\x00",
           CALL "complete");                                            /* lzma */
    EXPECT("\x28\xb5\x2f\xfd\x20\x15\xa9\0\0" SYSTEM, CALL "complete"); /* zstd, raw */
    EXPECT("\x04\x22\x4d\x18\x60\x40\x82\x15\0\0\x80" SYSTEM "\0\0\0\0",
           CALL "complete"); /* lz4, as it is */
    EXPECT("ZF0x15               "
           "\x78\x9c\x4b\xce\x2f\xe6\x2a\xae\x2c\x2e\x49\xcd\xe5\xd2\x08\x56\xcf\x4c\x51"
           "\xe7\x2a\x09\xd2\x03\x00\x4f\x13\x06\x93",
           CALL "complete"); /* joblib before 0.10 */
    EXPECT("\x1f\x8b\x08\0\0\0\0\0\0\x03", "incomplete");
    EXPECT("\x28\xb5\x2f\xfd", "incomplete");
    EXPECT("\x04\x22\x4d\x18zz", "incomplete");
    EXPECT("\xfd"
           "7zXZ\0\0",
           "incomplete");
    EXPECT("BZh91AY&SY", "incomplete");
}

/* ---- what byte rules are handed ---- */

struct handed {
    struct byte_range ranges[8];
    size_t count;
};

static void take(void *self, struct inspection *in, const struct byte_range *ranges,
                 size_t count)
{
    struct handed *h = self;
    (void)in;
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++)
        h->ranges[i] = ranges[i];
    h->count = count;
}

static struct handed handed(const struct buffer *stream, bool deep)
{
    struct handed h = { .count = 0 };
    struct byte_scanner scanner = { .self = &h, .scan = take };
    struct budget budget = budget_default();
    struct arena *arena = arena_new(1 << 20);
    struct inspection in = { .arena = arena,
                             .budget = &budget,
                             .artifact =
                                 artifact_new(arena, span_of_text("a.pkl"), stream->len),
                             .bytes = buffer_span(stream),
                             .byte_scanner = &scanner,
                             .spool_fd = -1,
                             .deep = deep };
    inspect_artifact(&in);
    arena_free(arena);
    return h;
}

static void add_numbers(struct buffer *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buffer_add(b, span_of("K\x01", 2));
}

static void test_runs_of_numbers_are_bulk(void **state)
{
    struct buffer b;
    (void)state;
    buffer_init(&b, 1 << 20);
    buffer_add_text(&b, P2 "(");
    add_numbers(&b, 3000); /* 3 … 6003 */
    buffer_add_text(&b, "U\x04text");
    add_numbers(&b, 2000); /* 6009 … 10009: 4000 bytes are too few */
    buffer_add_text(&b, "U\x04text");
    add_numbers(&b, 3000); /* 10015 … 16015, and LIST, STOP */
    buffer_add_text(&b, "l.");
    struct handed h = handed(&b, false);
    assert_int_equal(h.count, 3);
    assert_true(h.ranges[0].offset == 0 && h.ranges[0].size == 256);
    assert_true(h.ranges[1].offset == 6003 - 256 &&
                h.ranges[1].offset + h.ranges[1].size == 10015 + 256);
    assert_true(h.ranges[2].offset == 16017 - 256 && h.ranges[2].size == 256);
    h = handed(&b, true); /* --depth deep */
    assert_true(h.count == 1 && h.ranges[0].size == b.len);
    /* a stream that breaks was understood up to there */
    b.text[b.len - 1] = '\xff';
    h = handed(&b, false);
    assert_int_equal(h.count, 3);
    buffer_free(&b);
}

/* Behind an instruction that crosses the end of its frame a loader may see other bytes.
 */
static void test_disputed_numbers_are_searched(void **state)
{
    struct buffer b;
    (void)state;
    buffer_init(&b, 1 << 20);
    buffer_add(&b, span_of("\x80\x04\x95\x02\0\0\0\0\0\0\0(K\x01", 14));
    add_numbers(&b, 6000);
    buffer_add_text(&b, "l.");
    struct handed h = handed(&b, false);
    assert_true(h.count == 1 && h.ranges[0].size == b.len);
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_pickle),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_names_that_promise),
        cmocka_unit_test(test_streams_behind_streams),
        cmocka_unit_test(test_what_breaks_hides_nothing),
        cmocka_unit_test(test_literals_hide_nothing),
        cmocka_unit_test(test_arrays_of_joblib),
        cmocka_unit_test(test_legacy_checkpoints),
        cmocka_unit_test(test_arrays_of_numpy),
        cmocka_unit_test(test_wrappers),
        cmocka_unit_test(test_runs_of_numbers_are_bulk),
        cmocka_unit_test(test_disputed_numbers_are_searched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

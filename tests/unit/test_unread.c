#include "unit.h"

#include "scan.h"

/* `size` bytes that begin with a text; literals carry their NULs. */
#define HEAD(literal)                                                                    \
    {                                                                                    \
        (const uint8_t *)(literal), sizeof(literal) - 1                                  \
    }
#define BYTES(literal) span_of(literal, sizeof(literal) - 1)

static const uint8_t zeros[4096];

static void expect(const char *name, struct span bytes, enum artifact_status status,
                   const char *reason)
{
    struct scan s;
    scan_bytes(&s, name, bytes);
    if (s.artifact->status != status ||
        span_find(s.artifact->reason, reason, 0) == SIZE_MAX)
        print_error("%s: %s: %.*s\n", name, status_name(s.artifact->status),
                    (int)s.artifact->reason.len, (const char *)s.artifact->reason.ptr);
    assert_int_equal(s.artifact->status, status);
    assert_true(span_find(s.artifact->reason, reason, 0) != SIZE_MAX);
    scan_end(&s);
}

static void test_by_content(void **state)
{
    (void)state;
    static const struct {
        struct span bytes;
        const char *what;
    } cases[] = {
        {HEAD("GGUF\3\0\0\0\0\0\0\0"),                                            "GGUF is not read yet"},
        { HEAD("lmgg\0\0\0\0"),                                                   "GGML"                },
        { HEAD("\x89HDF\r\n\x1a\n\0\0\0\0"),                                      "HDF5"                },
        { HEAD("\x1c\0\0\0TFL3\0\0"),                                             "TensorFlow Lite"     },
        { HEAD("\010\010\022\002py:\003\012\001xB\002\020\021"),                  "ONNX"                },
        { HEAD("{\"learner\":{}}"),                                               "XGBoost"             },
        { HEAD("{L\0\0\0\0\0\0\0\7learner{"),                                     "XGBoost"             },
        { HEAD("tree\nversion=v3\n"),                                             "LightGBM"            },
        { HEAD("A\n3\n262657\n197888\n"),                                         "R serialised"        },
        { HEAD("<?xml version=\"1.0\"?><net name=\"a\" version=\"11\"><layers>"),
         "OpenVINO"                                                                                     },
        { HEAD("7z\xbc\xaf\x27\x1c\0\4"),                                         "7z"                  },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect("file.dat", cases[i].bytes, STATUS_INCOMPLETE, cases[i].what);
}

/* HDF5 files may begin with a block of the user's own. */
static void test_user_block(void **state)
{
    (void)state;
    static uint8_t bytes[2100];
    memcpy(bytes + 1024, "\x89HDF\r\n\x1a\n", 8);
    expect("file.dat", span_of(bytes, sizeof bytes), STATUS_INCOMPLETE, "HDF5");
    memcpy(bytes + 1024, zeros, 8);
    memcpy(bytes + 1536, "\x89HDF\r\n\x1a\n", 8); /* nobody looks there */
    expect("file.dat", span_of(bytes, sizeof bytes), STATUS_SKIPPED, "no model format");
}

static void test_by_name(void **state)
{
    (void)state;
    static const char *const names[] = { "a.gguf",      "dir/B.ONNX",    "m.keras",
                                         "pytorch.bin", "x-symbol.json", "epoch.ckpt" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect(names[i], span_of_text("nothing that is known"), STATUS_INCOMPLETE,
               "not read yet");
    expect("a.gguf", (struct span){ 0 }, STATUS_INCOMPLETE, "empty");
}

static void test_harmless_is_skipped(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct span bytes;
    } cases[] = {
        {"README.md",     HEAD("# A model\n\nSee https://example.org\n")                 },
        { "config.json",  HEAD("{\"architectures\": [\"BertModel\"]}")                   },
        { "learner.json", HEAD("{\"learner_rate\":0.1}")                                 },
        { "train.py",     HEAD("import torch\n")                                         },
        { "vocab.txt",    HEAD("x^2\nx\001y\nBZh\n")                                     },
        { "column.csv",   HEAD("A\n2\n3\n4\n")                                           },
        { "notes.txt",    HEAD("MZ and PE, ELF and GGUF are magic numbers of programs\n")},
        { "picture.png",  HEAD("\x89PNG\r\n\x1a\n\0\0\0\rIHDR")                          },
        { "Main.class",   HEAD("\xca\xfe\xba\xbe\0\0\0\x34\0\x10")                       },
        { "empty.txt",    { NULL, 0 }                                                    },
        { "zeros.dat",    { zeros, sizeof zeros }                                        },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scan s;
        expect(cases[i].name, cases[i].bytes, STATUS_SKIPPED, "no model format");
        scan_bytes(&s, cases[i].name, cases[i].bytes);
        assert_int_equal(scan_findings(&s), 0);
        scan_end(&s);
    }
}

static void test_disguised_archive(void **state)
{
    (void)state;
    struct scan s;
    scan_bytes(&s, "model.gguf", BYTES("7z\xbc\xaf\x27\x1c\0\4"));
    assert_int_equal(scan_count(&s, RULE_FORMAT_DISGUISED_ARCHIVE), 1);
    scan_end(&s);
    scan_bytes(&s, "model.7z", BYTES("7z\xbc\xaf\x27\x1c\0\4"));
    assert_int_equal(scan_findings(&s), 0);
    scan_end(&s);
}

static void test_native_code(void **state)
{
    (void)state;
    static const uint8_t elf[64] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
    struct scan s;
    scan_bytes(&s, "op.so", span_of(elf, sizeof elf));
    assert_int_equal(scan_count(&s, RULE_FORMAT_EXECUTABLE), 1);
    assert_int_equal(s.artifact->status, STATUS_INCOMPLETE);
    scan_end(&s);

    uint8_t hidden[8 + 2 + sizeof elf] = { 2, 0, 0, 0, 0, 0, 0, 0, '{', '}' };
    memcpy(hidden + 10, elf, sizeof elf);
    scan_bytes(&s, "m.safetensors", span_of(hidden, sizeof hidden));
    assert_int_equal(scan_count(&s, RULE_FORMAT_EMBEDDED_EXECUTABLE), 1);
    assert_int_equal(scan_count(&s, RULE_SAFETENSORS_TRAILING), 1);
    assert_int_equal(artifact_worst(s.artifact), STATUS_INCOMPLETE);
    scan_end(&s);
}

static void test_name_and_content_differ(void **state)
{
    (void)state;
    struct scan s;
    scan_bytes(&s, "m.h5", BYTES("\2\0\0\0\0\0\0\0{}")); /* a safetensors file */
    assert_int_equal(scan_count(&s, RULE_FORMAT_MISMATCH), 1);
    assert_int_equal(s.artifact->status, STATUS_COMPLETE);
    assert_true(s.artifact->formats == FORMAT_BIT(FORMAT_SAFETENSORS));
    scan_end(&s);
    scan_bytes(
        &s, "m.keras",
        BYTES("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")); /* a zip, with a meaning not
                                                                 read */
    assert_int_equal(s.artifact->status, STATUS_INCOMPLETE);
    assert_int_equal(scan_findings(&s), 0);
    scan_end(&s);
    scan_bytes(&s, "m.bin", BYTES("\2\0\0\0\0\0\0\0{}")); /* a name for anything */
    assert_int_equal(scan_findings(&s), 0);
    scan_end(&s);
    scan_bytes(&s, "m.safetensors", BYTES("GGUF\3\0\0\0\0\0\0\0"));
    assert_int_equal(scan_count(&s, RULE_FORMAT_MISMATCH), 1);
    scan_end(&s);
}

/* A name that an inspector answers for is a promise: its file is never just skipped. */
static void test_broken_promise(void **state)
{
    (void)state;
    for (int id = 0; id < FORMAT_COUNT; id++) {
        const char *const *extension = inspectors[id]->extensions;
        for (; extension && *extension; extension++) {
            char name[64];
            struct scan s;
            (void)snprintf(name, sizeof name, "model%s", *extension);
            scan_bytes(&s, name, span_of(zeros, sizeof zeros));
            assert_int_equal(s.artifact->status, STATUS_INCOMPLETE);
            assert_true(s.artifact->reason.len > 0);
            assert_int_equal(scan_count(&s, RULE_FORMAT_MISMATCH), 1);
            scan_end(&s);
        }
    }
}

/* One file, two loaders: an HDF5 library looks at 512. */
static void test_polyglot(void **state)
{
    (void)state;
    static uint8_t bytes[520];
    bytes[0] = 504 & 0xff;
    bytes[1] = 504 >> 8;
    memset(bytes + 8, ' ', 504);
    memcpy(bytes + 8, "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
           52);
    memcpy(bytes + 512, "\x89HDF\r\n\x1a\n", 8);
    struct scan s;
    scan_bytes(&s, "m.safetensors", span_of(bytes, sizeof bytes));
    assert_int_equal(scan_count(&s, RULE_FORMAT_POLYGLOT), 1);
    scan_end(&s);
}

static void test_lfs_pointer(void **state)
{
    (void)state;
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n"
                                  "oid sha256:4d7a2146\nsize 12345\n";
    static const char *const names[] = { "model.safetensors", "model.gguf", "notes.txt" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct scan s;
        scan_bytes(&s, names[i], span_of_text(pointer));
        assert_int_equal(s.artifact->status, STATUS_INCOMPLETE);
        assert_true(span_starts(s.artifact->reason, "Git LFS pointer"));
        assert_int_equal(scan_findings(&s), 0);
        const struct fact *fact = fact_find(s.artifact->facts, "git_lfs_pointer");
        assert_true(span_is(fact_find(fact, "oid")->text, "sha256:4d7a2146"));
        assert_true(span_is(fact_find(fact, "size")->text, "12345"));
        scan_end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_content),
        cmocka_unit_test(test_user_block),
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_harmless_is_skipped),
        cmocka_unit_test(test_disguised_archive),
        cmocka_unit_test(test_native_code),
        cmocka_unit_test(test_name_and_content_differ),
        cmocka_unit_test(test_broken_promise),
        cmocka_unit_test(test_polyglot),
        cmocka_unit_test(test_lfs_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

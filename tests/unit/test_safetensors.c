#include "unit.h"

#include "scan.h"

static struct span make(struct buffer *b, uint64_t length, const char *header,
                        const char *data)
{
    uint8_t prefix[8];
    for (unsigned i = 0; i < 8; i++)
        prefix[i] = (uint8_t)(length >> 8 * i);
    buffer_init(b, 1 << 20);
    buffer_add(b, span_of(prefix, sizeof prefix));
    buffer_add_text(b, header);
    buffer_add_text(b, data);
    return buffer_span(b);
}

#define NONE RULE_COUNT

static void check(const char *header, const char *data, enum artifact_status status,
                  enum rule_id rule)
{
    struct buffer b;
    struct scan s;
    scan_bytes(&s, "model.safetensors", make(&b, strlen(header), header, data));
    if (rule == NONE && scan_findings(&s) > 0)
        print_error("%s: unexpected %s\n", header, s.artifact->findings.first->rule->id);
    if (rule != NONE && scan_count(&s, rule) == 0)
        print_error("%s: no %s\n", header, rules[rule].id);
    if (s.artifact->status != status)
        print_error("%s: is %s: %.*s\n", header, status_name(s.artifact->status),
                    (int)s.artifact->reason.len, (const char *)s.artifact->reason.ptr);
    assert_true(rule == NONE ? scan_findings(&s) == 0 : scan_count(&s, rule) > 0);
    assert_int_equal(s.artifact->status, status);
    scan_end(&s);
    buffer_free(&b);
}

#define U8(begin, end, size)                                                             \
    "{\"dtype\":\"U8\",\"shape\":[" #size "],\"data_offsets\":[" #begin "," #end "]}"

static void test_valid(void **state)
{
    (void)state;
    check("{}", "", STATUS_COMPLETE, NONE);
    check("{}      ", "", STATUS_COMPLETE, NONE);
    check("{\"a\":" U8(0, 4, 4) "}", "abcd", STATUS_COMPLETE, NONE);
    check("{\"b\":" U8(2, 4, 2) ",\"a\":" U8(0, 2, 2) ",\"c\":" U8(4, 5, 1) "}", "abcde",
          STATUS_COMPLETE, NONE);
    check("{\"a\":" U8(0, 0, 0) ",\"b\":" U8(0, 1, 1) "}", "a", STATUS_COMPLETE, NONE);
    check("{\"s\":{\"data_offsets\":[0,4],\"shape\":[],\"dtype\":\"F32\"}}", "abcd",
          STATUS_COMPLETE, NONE);
    check("{\"f\":{\"dtype\":\"F6_E3M2\",\"shape\":[2,2],\"data_offsets\":[0,3]}}", "abc",
          STATUS_COMPLETE, NONE);
    check("{\"__metadata__\":{\"format\":\"pt\",\"note\":\"model.eval() \\u00fc\"}}", "",
          STATUS_COMPLETE, NONE);
}

static void test_tensors(void **state)
{
    (void)state;
    static const struct {
        const char *entry;
        enum rule_id rule;
    } cases[] = {
        {U8(0,                     4,                                                       5), RULE_SAFETENSORS_TENSOR },
        { U8(4, 0,                                                       4), RULE_SAFETENSORS_TENSOR },
        { "[]",                       RULE_SAFETENSORS_TENSOR                     },
        { "{}",                       RULE_SAFETENSORS_TENSOR                                                                         },
        { "{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4,4]}",
         RULE_SAFETENSORS_TENSOR                                                     },
        { "{\"dtype\":8,\"shape\":[4],\"data_offsets\":[0,4]}",                       RULE_SAFETENSORS_TENSOR},
        { "{\"dtype\":\"U8\",\"shape\":4,\"data_offsets\":[0,4]}",
         RULE_SAFETENSORS_TENSOR},
        { "{\"dtype\":\"U8\",\"shape\":[{\"x\":[4]}],\"data_offsets\":[0,4]}",
         RULE_SAFETENSORS_TENSOR                                                                             },
        { "{\"dtype\":\"F4\",\"shape\":[9],\"data_offsets\":[0,4]}",
         RULE_SAFETENSORS_TENSOR                                      },
        { "{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}",
         RULE_SAFETENSORS_TENSOR},
        { "{\"dtype\":\"F64\",\"shape\":[288230376151711744],\"data_offsets\":[0,4]}",
         RULE_SAFETENSORS_TENSOR},
        { U8(0,                       4,                                                            4.0), RULE_SAFETENSORS_NUMBER },
        { U8(0,                       4,                                                                                                                4e0), RULE_SAFETENSORS_NUMBER },
        { U8(0,                    4,04), RULE_SAFETENSORS_NUMBER },
        { U8(-0,                    4,                                                    4), RULE_SAFETENSORS_NUMBER },
        { U8(0, NaN,                                                       4), RULE_SAFETENSORS_NUMBER },
        { U8(0,    4,                                                                18446744073709551617), RULE_SAFETENSORS_NUMBER },
        { "{\"dtype\":\"U8\",\"shape\":[0],\"shape\":[4],\"data_offsets\":[0,4]}",
         RULE_SAFETENSORS_DUPLICATE                                                                        },
        { "{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":{\"y\":[1]}}",
         RULE_SAFETENSORS_UNKNOWN_FIELD  },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[256];
        (void)snprintf(header, sizeof header, "{\"t\":%s}", cases[i].entry);
        check(header, "abcd", STATUS_COMPLETE, cases[i].rule);
    }
    check("{\"t\":{\"dtype\":\"F128\",\"shape\":[4],\"data_offsets\":[0,4]}}", "abcd",
          STATUS_INCOMPLETE, NONE);
}

static void test_layout(void **state)
{
    (void)state;
    check("{\"a\":" U8(0, 4, 4) "}", "abcdXY", STATUS_COMPLETE,
          RULE_SAFETENSORS_TRAILING);
    check("{}", "X", STATUS_COMPLETE, RULE_SAFETENSORS_TRAILING);
    check("{\"a\":" U8(2, 4, 2) "}", "XYab", STATUS_COMPLETE, RULE_SAFETENSORS_GAP);
    check("{\"a\":" U8(0, 1, 1) ",\"b\":" U8(3, 4, 1) "}", "aXYb", STATUS_COMPLETE,
          RULE_SAFETENSORS_GAP);
    check("{\"a\":" U8(0, 3, 3) ",\"b\":" U8(2, 4, 2) "}", "abcd", STATUS_COMPLETE,
          RULE_SAFETENSORS_OVERLAP);
    check("{\"b\":" U8(2, 4, 2) ",\"a\":" U8(0, 3, 3) "}", "abcd", STATUS_COMPLETE,
          RULE_SAFETENSORS_OVERLAP);
    check("{\"a\":" U8(0, 4, 4) ",\"b\":" U8(0, 4, 4) "}", "abcd", STATUS_COMPLETE,
          RULE_SAFETENSORS_OVERLAP);
    check("{\"a\":" U8(0, 9, 9) "}", "abcd", STATUS_INCOMPLETE,
          RULE_SAFETENSORS_TRUNCATED);
    check("{\"a\":" U8(18446744073709551614, 18446744073709551615, 1) "}", "abcd",
          STATUS_INCOMPLETE, RULE_SAFETENSORS_TRUNCATED);
}

static void test_header_text(void **state)
{
    (void)state;
    check("[]", "", STATUS_INCOMPLETE, RULE_SAFETENSORS_MALFORMED);
    check("{\"a\":" U8(0, 4, 4) ",}", "abcd", STATUS_INCOMPLETE,
          RULE_SAFETENSORS_MALFORMED);
    check("{} {}", "", STATUS_INCOMPLETE, RULE_SAFETENSORS_MALFORMED);
    check(" {}", "", STATUS_COMPLETE, RULE_SAFETENSORS_START);
    check("\xef\xbb\xbf{}", "", STATUS_COMPLETE, RULE_SAFETENSORS_START);
    check("{\"__metadata__\":{\"a\":\"\x80\x04\x95\"}}", "", STATUS_COMPLETE,
          RULE_SAFETENSORS_BINARY);
    check("{\"__metadata__\":{\"a\":\"b\nc\"}}", "", STATUS_COMPLETE,
          RULE_SAFETENSORS_BINARY);
    check("{\"t\":" U8(0, 4, 4) ",\"\\u0074\":" U8(0, 4, 4) "}", "abcd", STATUS_COMPLETE,
          RULE_SAFETENSORS_DUPLICATE);
}

static void test_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum rule_id rule;
    } cases[] = {
        {"3",                                RULE_SAFETENSORS_METADATA_TYPE    },
        { "{\"a\":[null]}",                  RULE_SAFETENSORS_METADATA_TYPE    },
        { "{\"_target_\":0}",                RULE_SAFETENSORS_METADATA_CODE    },
        { "\"{\\\"_targ\\u0065t_\\\": 1}\"", RULE_SAFETENSORS_METADATA_CODE    },
        { "\"x = eval(input())\"",           RULE_SAFETENSORS_METADATA_CODE    },
        { "\"model.eval(), then eval(x)\"",  RULE_SAFETENSORS_METADATA_CODE    },
        { "\"{{ x }}\"",                     RULE_SAFETENSORS_METADATA_TEMPLATE},
        { "\"see https://example.org\"",     RULE_SAFETENSORS_METADATA_URL     },
        { "\"model.eval() medieval(s)\"",    NONE                              },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char header[256];
        (void)snprintf(header, sizeof header, "{\"__metadata__\":{\"k\":%s}}",
                       cases[i].value);
        check(header, "", STATUS_COMPLETE, cases[i].rule);
    }
    check("{\"__metadata__\":[\"a\"]}", "", STATUS_COMPLETE,
          RULE_SAFETENSORS_METADATA_TYPE);
}

/* Lengths that lie, under the right name and under another. */
static void test_lengths(void **state)
{
    (void)state;
    static const struct {
        uint64_t length;
        enum rule_id rule;
    } cases[] = {
        {UINT64_C(1) << 63, RULE_SAFETENSORS_LENGTH   },
        { UINT64_MAX,       RULE_SAFETENSORS_LENGTH   },
        { 100000001,        RULE_SAFETENSORS_LENGTH   },
        { 3,                RULE_SAFETENSORS_TRUNCATED},
        { 1,                RULE_SAFETENSORS_MALFORMED},
        { 0,                RULE_SAFETENSORS_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer b;
        struct scan s;
        scan_bytes(&s, "a.SafeTensors", make(&b, cases[i].length, "{}", ""));
        assert_int_equal(s.artifact->status, STATUS_INCOMPLETE);
        assert_int_equal(scan_count(&s, cases[i].rule), 1);
        scan_end(&s);
        buffer_free(&b);
    }
    for (size_t size = 0; size < 8; size++) {
        struct scan s;
        scan_bytes(&s, "a.safetensors", span_of("\2\0\0\0\0\0\0\0", size));
        assert_int_equal(s.artifact->status, STATUS_INCOMPLETE);
        assert_true(s.artifact->reason.len > 0);
        scan_end(&s);
    }
}

static void test_identified_by_content(void **state)
{
    (void)state;
    struct buffer b;
    struct scan s;
    scan_bytes(&s, "weights.dat", make(&b, 2, "{}", ""));
    assert_true(s.artifact->formats == FORMAT_BIT(FORMAT_SAFETENSORS));
    assert_int_equal(s.artifact->status, STATUS_COMPLETE);
    scan_end(&s);
    buffer_free(&b);
    scan_bytes(&s, "notes.txt", span_of_text("{} is not a header, is it?"));
    assert_int_equal(s.artifact->status, STATUS_SKIPPED);
    scan_end(&s);
    scan_bytes(&s, "notes.safetensors",
               span_of_text("plain text, sixteen bytes or more"));
    assert_int_equal(s.artifact->status, STATUS_INCOMPLETE);
    assert_int_equal(scan_count(&s, RULE_FORMAT_MISMATCH), 1);
    assert_int_equal(scan_count(&s, RULE_SAFETENSORS_LENGTH), 1);
    scan_end(&s);
}

static void test_large_header(void **state)
{
    (void)state;
    struct buffer header;
    buffer_init(&header, 4 << 20);
    buffer_add_text(&header, "{\"__metadata__\":{\"a\":\"");
    while (header.len < (1 << 20) + 100)
        buffer_add_text(&header, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    buffer_add_text(&header, "\"}}");
    struct buffer b;
    buffer_init(&b, 4 << 20);
    uint8_t prefix[8] = { (uint8_t)header.len, (uint8_t)(header.len >> 8),
                          (uint8_t)(header.len >> 16) };
    buffer_add(&b, span_of(prefix, 8));
    buffer_add(&b, buffer_span(&header));
    struct scan s;
    scan_bytes(&s, "a.safetensors", buffer_span(&b));
    assert_int_equal(scan_count(&s, RULE_SAFETENSORS_LARGE), 1);
    assert_int_equal(s.artifact->status, STATUS_COMPLETE);
    scan_end(&s);
    buffer_free(&b);
    buffer_free(&header);
}

/* One kind of defect, many times over, must not push out another. */
static void test_flood(void **state)
{
    (void)state;
    struct buffer header, b;
    buffer_init(&header, 1 << 20);
    buffer_add_text(&header, "{\"a\":0");
    for (unsigned i = 0; i < 5000; i++)
        buffer_add_text(&header, ",\"a\":0");
    buffer_add_text(&header, ",\"__metadata__\":{\"k\":\"_target_\"}}");
    struct scan s;
    scan_bytes(&s, "a.safetensors", make(&b, header.len, header.text, ""));
    assert_int_equal(scan_count(&s, RULE_SAFETENSORS_DUPLICATE), 16);
    assert_int_equal(scan_count(&s, RULE_SAFETENSORS_METADATA_CODE), 1);
    scan_end(&s);
    buffer_free(&b);
    buffer_free(&header);
}

static void test_facts(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"a\":{\"dtype\":\"F16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
        "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[12,16]}}";
    struct buffer b;
    struct scan s;
    scan_bytes(&s, "m", make(&b, strlen(header), header, "0123456789abcdef"));
    const struct fact *facts = fact_find(s.artifact->facts, "safetensors");
    assert_non_null(facts);
    assert_int_equal(fact_find(facts, "tensors")->number, 2);
    assert_int_equal(fact_find(facts, "parameters")->number, 10);
    assert_int_equal(fact_find(facts, "header_bytes")->number, strlen(header));
    assert_int_equal(fact_find(fact_find(facts, "dtypes"), "F16")->number, 1);
    const struct fact *entry = fact_find(facts, "metadata")->first;
    assert_true(span_is(fact_find(entry, "name")->text, "format"));
    assert_true(span_is(fact_find(entry, "value")->text, "pt"));
    scan_end(&s);
    buffer_free(&b);
}

/* Files that the real library wrote: understood to the end, nothing to say. */
static void test_real_files(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "fixtures/safetensors/good-numpy.safetensors",
        "fixtures/safetensors/good-torch.safetensors",
        "fixtures/safetensors/good-no-tensors.safetensors",
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        static uint8_t bytes[65536];
        FILE *f = fopen(paths[i], "rb");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        assert_int_equal(fclose(f), 0);
        struct scan s;
        scan_bytes(&s, paths[i], span_of(bytes, n));
        assert_int_equal(s.artifact->status, STATUS_COMPLETE);
        assert_int_equal(scan_findings(&s), 0);
        scan_end(&s);
    }
}

/* Memory that runs out at any point: never complete, never a crash. */
static void test_out_of_memory(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"_target_\"},\"b\":" U8(2, 4, 2) //
        ",\"a\":" U8(0, 1, 1) "}";
    struct buffer b;
    struct span bytes = make(&b, strlen(header), header, "abcdX");
    bool done = false;
    for (size_t n = 0; !done; n++) {
        struct arena *arena = arena_new(1 << 20);
        struct budget budget = budget_default();
        struct artifact *a =
            artifact_new(arena, span_of_text("m.safetensors"), bytes.len);
        struct inspection in = { .arena = arena,
                                 .budget = &budget,
                                 .artifact = a,
                                 .bytes = bytes,
                                 .spool_fd = -1 };
        arena_fail_after(arena, n);
        inspect_artifact(&in);
        done = !arena_exhausted(arena);
        assert_int_equal(a->status, done ? STATUS_COMPLETE : STATUS_INCOMPLETE);
        arena_free(arena);
        assert_true(n < 10000);
    }
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_header_text),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_identified_by_content),
        cmocka_unit_test(test_large_header),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_real_files),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

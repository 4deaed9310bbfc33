#include "unit.h"

#include "policy/policy.h"
#include "reports/report.h"
#include "reports/stored/read.h"
#include "sample_result.h"

static const struct policy_reading reading = { NULL, 20000 };

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct report_options plain = { .width = 80 };

static struct result *judged(struct result *r, const char *gate)
{
    struct error e;
    struct policy *p = policy_gate(gate, &reading, &e);
    assert_non_null(p);
    result_count(r);
    policy_judge(p, r);
    policy_free(p);
    return r;
}

/* The report as a string; the caller frees it. */
static char *report_of(const char *format, const struct result *r,
                       const struct report_options *o)
{
    char *text = NULL;
    size_t len = 0;
    struct error e;
    FILE *f = open_memstream(&text, &len);
    assert_true(report_write(report_find(format), r, o, f, NULL, &e));
    fclose(f);
    assert_int_equal(strlen(text), len); /* no NUL from anywhere */
    return text;
}

static char *rich_report(const char *format, const struct report_options *o)
{
    struct result *r = judged(sample_rich(), "ci");
    char *text = report_of(format, r, o);
    result_free(r);
    return text;
}

/* -- the table ----------------------------------------------------------------- */

static void test_table(void **state)
{
    (void)state;
    assert_string_equal(report_at(0)->name, "text");
    assert_non_null(report_find("json"));
    assert_null(report_find("sarif "));
    size_t n = 0;
    while (report_at(n))
        n++;
    assert_null(report_at(n + 1));
}

/* -- text ---------------------------------------------------------------------- */

static void test_text_fits_its_width(void **state)
{
    (void)state;
    static const unsigned widths[] = { 60, 80, 132 };
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        struct report_options o = { .width = widths[i] };
        char *text = rich_report("text", &o);
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
            /* a SHA-256 is never broken */
            if ((size_t)(end - line) > widths[i] + 4 && !strstr(line, "9f86d081"))
                fail_msg("%.*s", (int)(end - line), line);
        free(text);
    }
}

/* Nothing but printable characters and newlines leaves, whatever the names hold. */
static void test_text_never_acts(void **state)
{
    (void)state;
    char *text = rich_report("text", &plain);
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
    assert_null(strstr(text, "\x7f"));
    assert_null(strstr(text, "\xc2\x9b"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, "\n ");
        assert_false(strncmp(line, "::", 2) == 0);
    }
    free(text);
}

static void test_text_decision_comes_first(void **state)
{
    (void)state;
    struct result *r = result_new();
    sample_malicious(r);
    judged(r, "default");
    char *text = report_of("text", r, &plain);
    const char *head =
        "FAIL        models/resnet50-final.pt violates gate \"default\" (exit code 1)\n"
        "Why         2 critical findings, and the gate fails on high or worse.\n";
    assert_true(strncmp(text, head, strlen(head)) == 0);
    assert_non_null(strstr(text, "os.system('curl"));
    assert_non_null(strstr(text, "pickle/unknown-import, 301 times"));
    assert_non_null(strstr(text, "and 298 more like these in this file"));
    free(text);
    result_free(r);
}

static void test_text_promises_nothing(void **state)
{
    (void)state;
    char *text = rich_report("text", &plain);
    assert_null(strcasestr(text, " clean"));
    assert_null(strcasestr(text, " safe "));
    free(text);
}

static void test_text_marks_colours_with_words(void **state)
{
    (void)state;
    struct report_options o = { .width = 80, .colour = true };
    char *coloured = rich_report("text", &o);
    char *text = rich_report("text", &plain);
    assert_non_null(strstr(coloured, "\033[1;31mFAIL\033[0m"));
    char *to = coloured; /* without the escapes it is the same text */
    for (const char *from = coloured; *from;) {
        if (*from == '\033')
            from += strcspn(from, "m") + 1;
        else
            *to++ = *from++;
    }
    *to = '\0';
    assert_string_equal(coloured, text);
    free(coloured);
    free(text);
}

static void test_text_min_severity_hides_and_says_so(void **state)
{
    (void)state;
    struct report_options o = { .width = 80, .min_severity = SEVERITY_HIGH };
    char *text = rich_report("text", &o);
    assert_null(strstr(text, "pickle/unknown-import, 301"));
    assert_non_null(strstr(text, "301 findings below high not shown"));
    assert_non_null(strstr(text, "301 medium"));
    free(text);
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    struct result *r = judged(result_new(), "default");
    char *text = report_of("text", r, &plain);
    assert_true(strncmp(text, "EMPTY       nothing to scan", 27) == 0);
    free(text);
    free(report_of("json", r, &plain));
    result_free(r);
}

/* -- json ---------------------------------------------------------------------- */

static void test_json_run_is_volatile(void **state)
{
    (void)state;
    struct report_options reproducible = { .reproducible = true };
    char *with = rich_report("json", &plain),
         *without = rich_report("json", &reproducible);
    assert_non_null(strstr(with, "\"seconds\": 1.250"));
    assert_null(strstr(without, "\"run\""));
    assert_null(strstr(without, "landlock"));
    free(with);
    free(without);
}

static void test_json_nested_members(void **state)
{
    (void)state;
    char *text = rich_report("json", &plain);
    assert_non_null(strstr(text, "\"member\": \"archive/data.pkl!bytes@512\""));
    assert_non_null(strstr(text, "\"member\": \"in\\\\x21ner\\u000a\""));
    assert_non_null(strstr(text, "\"members_total\": 160"));
    free(text);
}

/* -- every writer --------------------------------------------------------------- */

/* Texts that would act on some reader, if a writer let them. */
static const struct hostile {
    const char *text;
    size_t len;
} hostile_texts[] = {
#define TEXT(literal)                                                                    \
    {                                                                                    \
        literal, sizeof literal - 1                                                      \
    }
    TEXT("\x1b[2J\x1b]0;owned\a\x1b]8;;https://evil.example\x1b\\x"),
    TEXT("x\n::error::owned\n##[error]owned ##vso[task.complete]"),
    TEXT("::set-output name=x::owned"),
    TEXT("</script><script>alert(1)</script><img src=x onerror=alert(1)>"),
    TEXT("\" onmouseover=\"alert(1)\" ' onfocus='alert(1)"),
    TEXT("--><!-- ]]></system-out><testcase name=\"owned\"/>&lol;<![CDATA["),
    TEXT("=cmd|'/C calc'!A0"),
    TEXT("@SUM(1+1)*cmd|'/C calc'!A0"),
    TEXT("\t=1+1"),
    TEXT("a\",=cmd(),\"\r\n=cmd()\r\n"),
    TEXT("[click](javascript:alert(1)) ![x](https://evil.example/x.png) `x` | a | <b>"),
    TEXT("[a](1) {0} {{x}} %s %n %25 \\u0000 ${{ secrets.X }} $(id) `id`"),
    TEXT("txt.\xe2\x80\xaelkp."
         "\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\x81"),
    TEXT("\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xc2\x9b"
         "31m\xef\xbf\xbe\xef\xbf\xbf"),
    TEXT("a\0b\x7f\x80\\x41\\\\x41\\"),
    TEXT(" \r\n\v\f\xc2\x85\xe2\x80\xa8\xe2\x80\xa9 "),
    TEXT("../../../etc/passwd"),
    TEXT("//evil.example/x?y#z"),
    TEXT("javascript:alert(1)"),
    TEXT(""),
#undef TEXT
};
enum { HOSTILE_TEXTS = sizeof hostile_texts / sizeof hostile_texts[0], LONG = 1 << 20 };

/* A result in which everything that may be hostile is this text. */
static struct result *all_of(struct span text)
{
    struct result *r = result_new();
    struct error e = { .code = ERROR_IO };
    for (int kind = 0; kind < 3; kind++) {
        struct model *m = result_add_model(r, text, text);
        struct file *f =
            sample_file(m, text, 7, FORMAT_BIT(FORMAT_ZIP), STATUS_COMPLETE, NULL);
        struct artifact *a = artifact_child(f->artifact, text, 1, 2);
        if (kind == 1)
            artifact_lower(a, STATUS_INCOMPLETE, "x");
        a->name = f->artifact->name = text; /* also longer than a name may be */
        a->reason = text.len ? text : bytes_of("x");
        finding_add(&m->findings, m->arena, &sample_digest, 0, text, text);
        finding_add(&a->findings, a->arena, &sample_call, 3, text, text);
        finding_add(&a->findings, a->arena, &sample_polyglot, 3, text, text);
        a->findings.first->message = a->findings.first->evidence = text;
        a->findings.last->suppressed = text;
        m->origin = (struct origin){ .title = "t",
                                     .basis = BASIS_DECLARED,
                                     .name = text,
                                     .revision = text,
                                     .evidence = text };
        m->metadata = arena_alloc(m->arena, sizeof *m->metadata);
        *m->metadata = (struct metadata){ "license", text, NULL };
        m->checks = arena_alloc(m->arena, sizeof *m->checks);
        *m->checks =
            (struct provenance_check){ "age", CHECK_FAIL, SEVERITY_LOW, text, NULL };
        m->signatures = arena_alloc(m->arena, sizeof *m->signatures);
        *m->signatures = (struct signature){ .kind = "sigstore",
                                             .state = SIGNATURE_UNTRUSTED,
                                             .path = text,
                                             .identity = text,
                                             .issuer = text,
                                             .root = text,
                                             .time = text,
                                             .covers = text,
                                             .check = text,
                                             .reason = text };
        f->signature = m->signatures;
        f->metadata = m->metadata;
        sample_expect(f, "x", "00", EXPECT_MISMATCH);
        f->expected->source = f->expected->value = text;
        fact_text(a->arena, artifact_facts(a), "note", text);
    }
    result_add_warning(r, "%s", "a suppression expired");
    r->warnings->text = text;
    result_add_error(r, text, &e, true);
    r->errors->message = text;
    r->run.sandbox = "off";
    r->run.started = 1767225600;
    judged(r, "default");
    for (struct model *m = r->models; m; m = m->next)
        if (text.len) /* reasons quote names, and cut them */
            model_add_reason_text(m, text);
    return r;
}

/* What no report may contain, but where it is mere data for that format's readers. */
static const struct {
    const char *text, *harmless_in;
} acting[] = {
    {"<script>alert",       "text json jsonl sarif gitlab-sast github csv"           },
    { "<img src",           "text json jsonl sarif gitlab-sast github csv"           },
    { "\" onmouseover",     "text json jsonl sarif gitlab-sast github csv"           },
    { "' onfocus",          "text json jsonl sarif gitlab-sast github csv"           },
    { "<![CDATA[",          "text json jsonl sarif gitlab-sast github csv"           },
    { "](javascript",       "text json jsonl junit sarif gitlab-sast github csv html"},
    { "](1)",               "text json jsonl junit sarif gitlab-sast github csv html"},
    { "##[error]",          ""                                                       },
    { "##vso[",             ""                                                       },
    { "\n::set-output",     ""                                                       },
    { "\n=cmd",             ""                                                       },
    { "\"=cmd",             "json jsonl sarif gitlab-sast text junit html"           },
    { "\"@SUM",             "json jsonl sarif gitlab-sast text junit html"           },
    { ",=cmd",              "json jsonl sarif gitlab-sast text github junit html csv"},
    { "//evil.example/x\"", "json jsonl text junit csv gitlab-sast html"             },
};

static bool named_in(const char *list, const char *name)
{
    const char *at = strstr(list, name);
    size_t n = strlen(name);
    while (at && !((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0')))
        at = strstr(at + 1, name);
    return at != NULL;
}

/* Other formats whose syntax is JSON, and nothing but JSON's readers read them. */
static const char *syntax_of(const char *name)
{
    return named_in("cyclonedx spdx vsa", name) ? "json" : name;
}

/* Nothing in the report moves a cursor, hides, reorders, or ends what it stands in. */
static void check_harmless(const char *name, const char *report, size_t len)
{
    static const char *const unseen[] = {
        "\xe2\x80\xae",
        "\xe2\x81\xa6",
        "\xe2\x80\x8b",
        "\xef\xbb\xbf",
        "\xf3\xa0\x81\x81",
        "\xc2\x9b",
        "\xc2\x85",
        "\xe2\x80\xa8",
        "\xef\xbf\xbe",
        "\xc0\xaf",
        "\xed\xa0\x80",
        "\xf4\x90",
        "\xff",
        "\xfe",
    };
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)report[i];
        bool line_end = c == '\n' || (c == '\r' && strcmp(name, "csv") == 0);
        if ((c < 0x20 && !line_end) || c == 0x7f)
            fail_msg("%s: byte 0x%02x at %zu", name, c, i);
    }
    for (size_t i = 0; i < sizeof unseen / sizeof unseen[0]; i++)
        if (strstr(report, unseen[i]))
            fail_msg("%s: invisible or invalid: row %zu", name, i);
    for (size_t i = 0; i < sizeof acting / sizeof acting[0]; i++)
        if (!named_in(acting[i].harmless_in, syntax_of(name)) &&
            strstr(report, acting[i].text))
            fail_msg("%s lets through: %s", name, acting[i].text);
    for (const char *line = report; line; line = strchr(line, '\n')) {
        line += strspn(line, "\n ");
        bool ours =
            strcmp(name, "github") == 0 &&
            (strncmp(line, "::error ", 8) == 0 || strncmp(line, "::warning ", 10) == 0 ||
             strncmp(line, "::notice ", 9) == 0);
        if (strncmp(line, "::", 2) == 0 && !ours)
            fail_msg("%s: a line is a command: %.60s", name, line);
    }
}

static void test_hostile_texts_act_in_no_report(void **state)
{
    (void)state;
    static const struct report_options o = { .width = 80, .rules_dir = "docs/rules" };
    for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
        struct result *r = all_of(span_of(hostile_texts[i].text, hostile_texts[i].len));
        for (size_t w = 0; report_at(w); w++) {
            char *text = report_of(report_at(w)->name, r, &o);
            check_harmless(report_at(w)->name, text, strlen(text));
            free(text);
        }
        result_free(r);
    }
}

/* A text of a megabyte goes through, whole or cut with a word about it. */
static void test_long_texts(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(LONG);
    for (size_t i = 0; i < LONG; i++)
        bytes[i] = (uint8_t)hostile_texts[3].text[i % hostile_texts[3].len];
    struct result *r = all_of(span_of(bytes, LONG));
    for (size_t w = 0; report_at(w); w++) {
        char *text = report_of(report_at(w)->name, r, &plain);
        check_harmless(report_at(w)->name, text, strlen(text));
        free(text);
    }
    result_free(r);
    free(bytes);
}

/* Every writer gives the same bytes from a stored report as from the scan. */
static void check_stored(const struct result *r, const char *stored_as,
                         const struct report_options *o)
{
    struct error e = { 0 };
    char *stored = report_of(stored_as, r, o);
    struct result *back = report_read(span_of_text(stored), "stored", &e);
    if (!back)
        fail_msg("%s", e.message);
    for (size_t w = 0; report_at(w); w++) {
        char *one = report_of(report_at(w)->name, r, o);
        char *other = report_of(report_at(w)->name, back, o);
        if (strcmp(one, other) != 0) {
            size_t at = 0;
            while (one[at] == other[at])
                at++;
            size_t from = at > 80 ? at - 80 : 0;
            fail_msg("%s from %s differs at %zu:\n%.200s\n-- but --\n%.200s",
                     report_at(w)->name, stored_as, at, one + from, other + from);
        }
        free(one);
        free(other);
    }
    result_free(back);
    free(stored);
}

static void test_stored_reports_give_the_same_bytes(void **state)
{
    (void)state;
    static const struct report_options options[] = {
        {.width = 80,           .rules_dir = "docs/rules"},
        { .width = 80, .reproducible = true,       .epoch = 1700000000 },
    };
    static const char *const gates[] = { "default", "ci", "audit" };
    for (size_t i = 0; i < 2; i++) {
        for (size_t g = 0; g < 3; g++) {
            struct result *r = judged(sample_rich(), gates[g]);
            check_stored(r, "json", &options[i]);
            check_stored(r, "jsonl", &options[i]);
            result_free(r);
        }
        struct result *published = judged(sample_published_alone(), "strict");
        check_stored(published, "json", &options[i]);
        check_stored(published, "jsonl", &options[i]);
        result_free(published);
        struct result *nothing = judged(result_new(), "default");
        nothing->run.started = 1;
        check_stored(nothing, "json", &options[i]);
        check_stored(nothing, "jsonl", &options[i]);
        result_free(nothing);
    }
    for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
        struct result *r = all_of(span_of(hostile_texts[i].text, hostile_texts[i].len));
        check_stored(r, "json", &plain);
        check_stored(r, "jsonl", &plain);
        result_free(r);
    }
}

/* -- writing ------------------------------------------------------------------- */

static char directory[] = "/tmp/assay-report-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    return mkdtemp(directory) ? 0 : -1;
}

static char *in_directory(const char *name)
{
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", directory, name) > 0);
    return path;
}

static int entries(void)
{
    int n = 0;
    DIR *d = opendir(directory);
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static bool write_to(const char *path, struct error *e)
{
    struct result *r = judged(sample_rich(), "ci");
    bool ok = report_write(report_find("json"), r, &plain, NULL, path, e);
    result_free(r);
    return ok;
}

static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void test_file_appears_whole_or_not_at_all(void **state)
{
    (void)state;
    struct error e;
    char *path = in_directory("r.json");
    assert_true(write_to(path, &e));
    off_t whole = size_of(path);
    assert_true(whole > 1000);
    assert_int_equal(entries(), 1);

    /* no room: the old report stays, nothing is left behind */
    struct rlimit old, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = old;
    tight.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    bool ok = write_to(path, &e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_false(ok);
    assert_int_equal(e.code, ERROR_IO);
    assert_non_null(strstr(e.message, "File too large"));
    assert_int_equal(size_of(path), whole);
    assert_int_equal(entries(), 1);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void test_link_is_followed(void **state)
{
    (void)state;
    struct error e;
    struct stat st;
    char *path = in_directory("real.json"), *link = in_directory("link.json");
    assert_true(write_to(path, &e));
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(symlink("real.json", link), 0);
    assert_true(write_to(link, &e));
    assert_true(size_of(path) > 1000);
    assert_true(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
    unlink(path);
    unlink(link);
    free(path);
    free(link);
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    struct error e;
    assert_true(write_to("/dev/null", &e));
    struct stat st;
    assert_true(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode));
    assert_false(write_to("/dev/full", &e));
    assert_non_null(strstr(e.message, "No space left"));
    assert_false(write_to(directory, &e));
    assert_non_null(strstr(e.message, "Is a directory"));
    char *path = in_directory("missing/r.json");
    assert_false(write_to(path, &e));
    assert_non_null(strstr(e.message, "No such file"));
    free(path);
    assert_int_equal(entries(), 0);
}

static void test_closed_pipe(void **state)
{
    (void)state;
    int ends[2];
    struct error e;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    FILE *out = fdopen(ends[1], "w");
    struct result *r = judged(sample_rich(), "ci");
    assert_false(report_write(report_find("text"), r, &plain, out, NULL, &e));
    assert_int_equal(e.code, ERROR_IO);
    assert_non_null(strstr(e.message, "Broken pipe"));
    result_free(r);
    fclose(out);
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

/* -- samples for the golden tests ---------------------------------------------- */

/* test_report --write DIR: the reports of the samples, for tests/golden. */
static int write_samples(const char *to)
{
    static const char *const gates[] = { "default", "ci", "audit" };
    static const struct report_options o = {
        .width = 80, .reproducible = true, .epoch = 1767225600, .rules_dir = "docs/rules"
    };
    for (size_t g = 0; g < sizeof gates / sizeof gates[0]; g++)
        for (size_t w = 0; report_at(w); w++)
            for (int kind = 0; kind < 3; kind++) {
                static const char *const names[] = { "empty", "rich", "published" };
                char path[4096];
                struct error e;
                struct result *r = judged(kind == 0   ? result_new()
                                          : kind == 1 ? sample_rich_of(8)
                                                      : sample_published_alone(),
                                          gates[g]);
                (void)snprintf(path, sizeof path, "%s/%s-%s.%s", to, names[kind],
                               gates[g], report_at(w)->name);
                const struct report_options *with = kind ? &o : &plain;
                if (!report_write(report_at(w), r, with, NULL, path, &e)) {
                    fprintf(stderr, "%s\n", e.message);
                    return 1;
                }
                result_free(r);
            }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_samples(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_text_fits_its_width),
        cmocka_unit_test(test_text_never_acts),
        cmocka_unit_test(test_text_decision_comes_first),
        cmocka_unit_test(test_text_promises_nothing),
        cmocka_unit_test(test_text_marks_colours_with_words),
        cmocka_unit_test(test_text_min_severity_hides_and_says_so),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_json_run_is_volatile),
        cmocka_unit_test(test_json_nested_members),
        cmocka_unit_test(test_hostile_texts_act_in_no_report),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_stored_reports_give_the_same_bytes),
        cmocka_unit_test(test_file_appears_whole_or_not_at_all),
        cmocka_unit_test(test_link_is_followed),
        cmocka_unit_test(test_what_cannot_be_written),
        cmocka_unit_test(test_closed_pipe),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

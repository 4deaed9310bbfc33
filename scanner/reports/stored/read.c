#include "reports/stored/read.h"

#include "reports/stamp.h"
#include "reports/stored/read_model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Everything that is known when a report has been read. */
struct stored_report {
    struct input *in;
    struct result *r;
    struct rule_names *names;
    const char *schema, *gate;
    struct {
        const char *name, *version, *rules_digest;
    } tool;
    struct {
        const char *name, *digest;
        enum severity fail_on;
        struct reason_list clauses, warnings;
    } policy;
    struct summary summary;
    enum verdict verdict;
    uint64_t exit_code;
    bool confined, has_run;
};

/* -- parts --------------------------------------------------------------------- */

static bool read_tool(struct input *in, void *to)
{
    static const struct field fields[] = {
        INPUT_TEXT("name", stored_report, tool.name),
        INPUT_TEXT("version", stored_report, tool.version),
        INPUT_TEXT0("rules_digest", stored_report, tool.rules_digest),
    };
    return input_object(in, fields, INPUT_LENGTH(fields), to);
}

static bool read_fail_on(struct input *in, void *to)
{
    if (in->token.type != TOKEN_NULL)
        return read_severity(in, to);
    *(enum severity *)to = SEVERITY_COUNT;
    return true;
}

static bool read_policy(struct input *in, void *to)
{
    static const struct field fields[] = {
        INPUT_TEXT0("name", stored_report, policy.name),
        INPUT_TEXT0("digest", stored_report, policy.digest),
        INPUT_OBJECT("fail_on", stored_report, policy.fail_on, read_fail_on),
        INPUT_OBJECT("clauses", stored_report, policy.clauses, read_reasons),
        INPUT_OBJECT("warnings", stored_report, policy.warnings, read_reasons),
    };
    return input_object(in, fields, INPUT_LENGTH(fields), to);
}

static bool read_file_counts(struct input *in, void *to)
{
    static const struct field fields[] = {
        {"complete",    FIELD_UINT, STATUS_COMPLETE * sizeof(uint64_t),   NULL},
        { "incomplete", FIELD_UINT, STATUS_INCOMPLETE * sizeof(uint64_t), NULL},
        { "skipped",    FIELD_UINT, STATUS_SKIPPED * sizeof(uint64_t),    NULL},
        { "failed",     FIELD_UINT, STATUS_FAILED * sizeof(uint64_t),     NULL},
    };
    return input_object(in, fields, INPUT_LENGTH(fields), to);
}

static bool read_finding_counts(struct input *in, void *to)
{
    static const struct field fields[] = {
        {"critical", FIELD_UINT, SEVERITY_CRITICAL * sizeof(uint64_t), NULL},
        { "high",    FIELD_UINT, SEVERITY_HIGH * sizeof(uint64_t),     NULL},
        { "medium",  FIELD_UINT, SEVERITY_MEDIUM * sizeof(uint64_t),   NULL},
        { "low",     FIELD_UINT, SEVERITY_LOW * sizeof(uint64_t),      NULL},
        { "info",    FIELD_UINT, SEVERITY_INFO * sizeof(uint64_t),     NULL},
    };
    return input_object(in, fields, INPUT_LENGTH(fields), to);
}

static bool read_summary(struct input *in, void *to)
{
    static const struct field fields[] = {
        INPUT_UINT("models", summary, models),
        INPUT_OBJECT("files", summary, files, read_file_counts),
        INPUT_OBJECT("findings", summary, findings, read_finding_counts),
        INPUT_UINT("bytes", summary, bytes),
    };
    return input_object(in, fields, INPUT_LENGTH(fields), to);
}

static bool read_started(struct input *in, void *to)
{
    if (in->token.type != TOKEN_STRING || !stamp_parse(in->token.text, to))
        return input_error(in, "no time like 2026-01-01T00:00:00Z");
    return true;
}

/* "12.345": as it is written, to milliseconds. */
static bool read_seconds(struct input *in, void *to)
{
    struct span text = in->token.text;
    uint64_t ms = 0;
    size_t point = span_find(text, ".", 0);
    if (in->token.type != TOKEN_NUMBER || text.len > 16 || point + 4 != text.len)
        return input_error(in, "no seconds to three places");
    for (size_t i = 0; i < text.len; i++)
        if (i != point)
            ms = ms * 10 + (uint64_t)(text.ptr[i] - '0');
    *(double *)to = (double)ms / 1000;
    return true;
}

static bool read_jobs(struct input *in, void *to)
{
    uint64_t n = 0;
    if (!input_uint(in, &n))
        return false;
    if (n > UINT32_MAX)
        return input_error(in, "no number of jobs");
    *(unsigned *)to = (unsigned)n;
    return true;
}

static bool read_run(struct input *in, void *to)
{
    static const struct field fields[] = {
        INPUT_OBJECT("started", result, run.started, read_started),
        INPUT_OBJECT("seconds", result, run.seconds, read_seconds),
        INPUT_TEXT0("sandbox", result, run.sandbox),
        INPUT_OBJECT("jobs", result, run.jobs, read_jobs),
    };
    struct stored_report *s = to;
    s->has_run = true;
    return input_object(in, fields, INPUT_LENGTH(fields), s->r);
}

static const char *error_word(int i)
{
    return error_name((enum error_code)(i + ERROR_USAGE));
}

static bool read_error_code(struct input *in, void *to)
{
    int i = 0;
    if (!input_name(in, error_word, ERROR_NETWORK - ERROR_USAGE + 1, &i))
        return false;
    *(enum error_code *)to = (enum error_code)(i + ERROR_USAGE);
    return true;
}

static bool read_error(struct input *in, void *to)
{
    static const struct field fields[] = {
        INPUT_SPAN("target", scan_error, target),
        INPUT_OBJECT("code", scan_error, code, read_error_code),
        INPUT_SPAN("message", scan_error, message),
        INPUT_BOOL("retryable", scan_error, retryable),
    };
    struct stored_report *s = to;
    struct scan_error *e = input_new(in, sizeof *e);
    if (!e || !input_object(in, fields, INPUT_LENGTH(fields), e))
        return false;
    if (s->r->last_error)
        s->r->last_error->next = e;
    else
        s->r->errors = e;
    s->r->last_error = e;
    return true;
}

static bool read_one_model(struct input *in, void *to)
{
    struct stored_report *s = to;
    return read_model(in, s->r, s->names);
}

static bool read_models(struct input *in, void *to)
{
    return input_list(in, read_one_model, to);
}

static bool read_errors(struct input *in, void *to)
{
    return input_list(in, read_error, to);
}

#define HEAD_FIELDS                                                                      \
    INPUT_TEXT("schema", stored_report, schema), INPUT_OBJECT_ALL("tool", read_tool),    \
        INPUT_OBJECT_ALL("policy", read_policy),                                         \
        INPUT_TEXT0("gate", stored_report, gate),                                        \
        INPUT_BOOL("confined", stored_report, confined)

#define END_FIELDS                                                                       \
    INPUT_OBJECT("verdict", stored_report, verdict, read_verdict),                       \
        INPUT_UINT("exit_code", stored_report, exit_code),                               \
        INPUT_OBJECT("summary", stored_report, summary, read_summary),                   \
        INPUT_OPTIONAL_ALL("run", read_run)

/* -- one document -------------------------------------------------------------- */

static bool read_document(struct stored_report *s, struct span bytes)
{
    static const struct field fields[] = {
        HEAD_FIELDS,
        END_FIELDS,
        INPUT_OBJECT_ALL("models", read_models),
        INPUT_OBJECT_ALL("errors", read_errors),
    };
    bool ok =
        input_open(s->in, bytes, 0) && input_next(s->in) &&
        input_object(s->in, fields, INPUT_LENGTH(fields), s) &&
        (strcmp(s->schema, "assay-report/1") == 0 ||
         input_error(s->in, "its schema is %.60s, not assay-report/1", s->schema)) &&
        input_end(s->in);
    input_close(s->in);
    return ok;
}

/* -- lines --------------------------------------------------------------------- */

enum line { LINE_NONE, LINE_HEAD, LINE_MODEL, LINE_ERROR, LINE_END };

static bool read_head(struct input *in, void *to)
{
    static const struct field fields[] = { HEAD_FIELDS };
    struct stored_report *s = to;
    return input_object(in, fields, INPUT_LENGTH(fields), to) &&
           (strcmp(s->schema, "assay-report-lines/1") == 0 ||
            input_error(in, "its schema is %.60s, not assay-report-lines/1", s->schema));
}

static bool read_end(struct input *in, void *to)
{
    static const struct field fields[] = { END_FIELDS };
    return input_object(in, fields, INPUT_LENGTH(fields), to);
}

/* {"head": …}, {"model": …}, {"error": …}, {"end": …} */
static bool read_line(struct stored_report *s, struct span bytes, uint64_t origin,
                      enum line *ret_line)
{
    static const struct {
        const char *key;
        read_value *read;
    } kinds[] = {
        [LINE_HEAD] = {"head",   read_head     },
        [LINE_MODEL] = { "model", read_one_model},
        [LINE_ERROR] = { "error", read_error    },
        [LINE_END] = { "end",   read_end      },
    };
    struct input *in = s->in;
    enum line line = LINE_NONE;
    bool ok = input_open(in, bytes, origin) && input_next(in) &&
              (in->token.type == TOKEN_OBJECT || input_error(in, "no object")) &&
              input_next(in);
    for (int i = LINE_HEAD; ok && i <= LINE_END; i++)
        if (in->token.type == TOKEN_KEY && span_is(in->token.text, kinds[i].key))
            line = (enum line)i;
    if (ok && line == LINE_NONE)
        ok = input_error(in, "neither head, model, error nor end");
    ok = ok && input_next(in) && kinds[line].read(in, s) && input_next(in) &&
         (in->token.type == TOKEN_OBJECT_END || input_error(in, "more than one key")) &&
         input_end(in);
    input_close(in);
    *ret_line = line;
    return ok;
}

static bool read_lines(struct stored_report *s, struct span bytes)
{
    enum line before = LINE_NONE;
    for (size_t at = 0; at < bytes.len;) {
        enum line line;
        size_t end = span_find(bytes, "\n", at);
        s->in->line++;
        if (end == SIZE_MAX)
            return input_error(s->in,
                               "the last line is cut off: the report is not whole");
        if (!read_line(s, span_slice(bytes, at, end), at, &line))
            return false;
        if ((line == LINE_HEAD) != (before == LINE_NONE) || before == LINE_END)
            return input_error(s->in, "a report is a head, models and errors, an end");
        before = line;
        at = end + 1;
    }
    return before == LINE_END ||
           input_error(s->in, "the end is missing: the report is not whole");
}

/* -- the whole ----------------------------------------------------------------- */

static bool same_summary(const struct summary *a, const struct summary *b)
{
    bool same = a->models == b->models && a->bytes == b->bytes;
    for (int i = 0; i < STATUS_COUNT; i++)
        same = same && a->files[i] == b->files[i];
    for (int i = 0; i < SEVERITY_COUNT; i++)
        same = same && a->findings[i] == b->findings[i];
    return same;
}

static bool settle(struct stored_report *s)
{
    struct result *r = s->r;
    r->gate = s->gate;
    r->policy_digest = s->policy.digest;
    r->fail_on = s->policy.fail_on;
    r->clauses = s->policy.clauses.first;
    r->last_clause = s->policy.clauses.last;
    r->warnings = s->policy.warnings.first;
    r->last_warning = s->policy.warnings.last;
    r->rules_digest = s->tool.rules_digest;
    r->version = s->tool.version;
    r->verdict = s->verdict;
    if (s->exit_code > 3)
        return input_error(s->in, "%llu is no exit code of a report",
                           (unsigned long long)s->exit_code);
    r->exit_code = (int)s->exit_code;
    if (s->has_run && s->confined == stamp_unconfined(r))
        return input_error(s->in, "\"confined\" and \"run\" contradict each other");
    if (!s->confined)
        r->run.sandbox = "off";
    result_count(r);
    return same_summary(&r->summary, &s->summary) ||
           input_error(s->in, "the summary does not fit the models");
}

struct result *report_read(struct span bytes, const char *name, struct error *error)
{
    struct result *r = result_new();
    struct rule_names *names = calloc(1, sizeof *names);
    struct input in = { .name = name, .error = error };
    struct stored_report s = { .in = &in, .r = r, .names = names };
    bool ok = r && names;
    if (!ok)
        (void)error_set(error, ERROR_MEMORY, "out of memory");
    if (ok) {
        in.arena = names->arena = r->arena;
        bool lines = span_starts(bytes, "{\"head\"") || span_starts(bytes, "{ \"head\"");
        ok = (lines ? read_lines(&s, bytes) : read_document(&s, bytes)) && settle(&s);
    }
    free(names);
    if (ok)
        return r;
    result_free(r);
    return NULL;
}

bool report_has_run(const struct result *r)
{
    return r->run.started != 0;
}

/* -- files --------------------------------------------------------------------- */

static bool read_all(int fd, struct buffer *out)
{
    static const size_t piece = 1 << 16;
    uint8_t *bytes = malloc(piece);
    ssize_t n = -1;
    while (bytes && !out->truncated && (n = read(fd, bytes, piece)) > 0)
        buffer_add(out, span_of(bytes, (size_t)n));
    free(bytes);
    return n == 0;
}

struct result *report_read_file(const char *path, struct error *error)
{
    struct result *r = NULL;
    struct buffer bytes;
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        (void)error_errno(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_USAGE, "%s",
                          path);
        return NULL;
    }
    buffer_init(&bytes, REPORT_SIZE_MAX);
    errno = 0;
    if (read_all(fd, &bytes))
        r = report_read(buffer_span(&bytes), path, error);
    else if (bytes.truncated && bytes.len == REPORT_SIZE_MAX)
        (void)error_set(error, ERROR_USAGE, "%s: larger than %d bytes", path,
                        REPORT_SIZE_MAX);
    else
        (void)error_errno(error, ERROR_USAGE, "%s: cannot be read", path);
    buffer_free(&bytes);
    if (!standard)
        (void)close(fd);
    return r;
}

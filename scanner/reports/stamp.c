#include "reports/stamp.h"

#include "core/digest.h"
#include "reports/spots.h"

#include <string.h>
#include <time.h>

static const int64_t year_zero = -INT64_C(62167219200), year_last = INT64_C(253402300799);

const char *stamp_version(const struct result *r)
{
    return r->version ? r->version : ASSAY_VERSION;
}

bool stamp_unconfined(const struct result *r)
{
    return r->run.sandbox && strcmp(r->run.sandbox, "off") == 0;
}

int64_t stamp_seconds(const struct result *r, const struct report_options *o)
{
    return o->reproducible ? o->epoch : r->run.started;
}

uint64_t stamp_milliseconds(const struct result *r)
{
    double seconds = r->run.seconds;
    return seconds > 0 && seconds < 1e12 ? (uint64_t)(seconds * 1000 + 0.5) : 0;
}

int64_t stamp_end(const struct result *r, const struct report_options *o)
{
    return o->reproducible ? o->epoch
                           : r->run.started + (int64_t)(stamp_milliseconds(r) / 1000);
}

void stamp_text(int64_t seconds, char ret_text[STAMP_TIME])
{
    if (seconds < year_zero)
        seconds = year_zero;
    if (seconds > year_last)
        seconds = year_last;
    time_t t = (time_t)seconds;
    struct tm tm = { 0 };
    (void)gmtime_r(&t, &tm);
    (void)snprintf(ret_text, STAMP_TIME, "%04u-%02u-%02uT%02u:%02u:%02uZ",
                   (unsigned)(tm.tm_year + 1900) % 10000U,
                   (unsigned)(tm.tm_mon + 1) % 100U, (unsigned)tm.tm_mday % 100U,
                   (unsigned)tm.tm_hour % 100U, (unsigned)tm.tm_min % 100U,
                   (unsigned)tm.tm_sec % 100U);
}

bool stamp_parse(struct span text, int64_t *ret_seconds)
{
    char copy[STAMP_TIME], again[STAMP_TIME];
    struct tm tm = { 0 };
    if (text.len != STAMP_TIME - 1)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[STAMP_TIME - 1] = '\0';
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!end || *end != '\0')
        return false;
    int64_t seconds = (int64_t)timegm(&tm);
    stamp_text(seconds, again); /* strptime takes less than two digits, and February 31 */
    if (strcmp(copy, again) != 0)
        return false;
    *ret_seconds = seconds;
    return true;
}

static bool uuid_of(struct digester *d, char ret_uuid[STAMP_UUID])
{
    char hex[DIGEST_HEX_MAX + 1];
    digester_finish(d);
    if (!digester_hex(d, DIGEST_SHA256, hex))
        return false;
    hex[12] = '5';                                 /* version */
    hex[16] = "89ab"[(unsigned char)hex[16] & 3U]; /* variant of RFC 9562 */
    (void)snprintf(ret_uuid, STAMP_UUID, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
                   hex + 12, hex + 16, hex + 20);
    return true;
}

bool stamp_uuid(struct span name, char ret_uuid[STAMP_UUID])
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    if (!d)
        return false;
    digester_add(d, span_of_text("assay:"));
    digester_add(d, name);
    bool ok = uuid_of(d, ret_uuid);
    digester_free(d);
    return ok;
}

/* Parts are told apart by their lengths. */
static void add(struct digester *d, struct span part)
{
    char length[32];
    int n = snprintf(length, sizeof length, "%zu:", part.len);
    digester_add(d, span_of(length, (size_t)n));
    digester_add(d, part);
}

static void add_finding(struct digester *d, const struct finding *f)
{
    char offset[32];
    int n = snprintf(offset, sizeof offset, "%llu", (unsigned long long)f->offset);
    add(d, span_of_text(f->rule->id));
    add(d, span_of(offset, (size_t)n));
    add(d, f->evidence);
    add(d, f->message);
    add(d, f->suppressed);
}

static void add_text(struct digester *d, const char *text)
{
    add(d, span_of_text(text));
}

static void add_metadata(struct digester *d, const struct metadata *first)
{
    for (const struct metadata *m = first; m; m = m->next) {
        add_text(d, m->key);
        add(d, m->value);
    }
}

static void add_file(struct digester *d, const struct file *f)
{
    add(d, f->artifact->name);
    add(d, f->sha256);
    add_text(d, status_name(artifact_worst(f->artifact)));
    for (const struct expectation *e = f->expected; e; e = e->next) {
        add_text(d, expectation_name(e->state));
        add(d, e->source);
        add(d, e->value);
    }
    add_metadata(d, f->metadata);
}

static void add_model(struct digester *d, const struct model *m)
{
    const struct origin *o = &m->origin;
    add(d, m->target);
    add(d, m->identity);
    add_text(d, verdict_name(m->verdict));
    add_text(d, trust_name(m->trust));
    add_text(d, basis_name(o->basis));
    add_text(d, o->registry);
    add(d, o->name);
    add(d, o->revision);
    add(d, o->evidence);
    add_metadata(d, m->metadata);
    for (const struct provenance_check *c = m->checks; c; c = c->next) {
        add_text(d, c->id);
        add_text(d, check_result_name(c->result));
    }
    for (const struct signature *s = m->signatures; s; s = s->next) {
        add_text(d, s->kind);
        add_text(d, signature_state_name(s->state));
        add(d, s->path);
        add(d, s->identity);
    }
    for (const struct file *f = m->files; f; f = f->next)
        add_file(d, f);
    for (struct spot s = { .model = m }; spots_next(&s);)
        add_finding(d, s.finding);
}

bool stamp_result_uuid(const struct result *r, char ret_uuid[STAMP_UUID])
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    if (!d)
        return false;
    add(d, span_of_text("assay result"));
    add(d, span_of_text(r->rules_digest));
    add(d, span_of_text(r->gate));
    add(d, span_of_text(r->policy_digest));
    for (const struct model *m = r->models; m; m = m->next)
        add_model(d, m);
    for (const struct scan_error *e = r->errors; e; e = e->next) {
        add(d, e->target);
        add(d, e->message);
    }
    bool ok = uuid_of(d, ret_uuid);
    digester_free(d);
    return ok;
}

bool stamp_document_uuid(const struct result *r, const struct report_options *o,
                         char ret_uuid[STAMP_UUID])
{
    char name[STAMP_UUID + STAMP_TIME], time[STAMP_TIME], result[STAMP_UUID];
    stamp_text(stamp_seconds(r, o), time);
    if (!stamp_result_uuid(r, result))
        return false;
    (void)snprintf(name, sizeof name, "%s@%s", result, time);
    return stamp_uuid(span_of_text(name), ret_uuid);
}

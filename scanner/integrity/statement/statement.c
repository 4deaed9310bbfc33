#include "integrity/statement/statement.h"

#include "integrity/strict_json.h"

static bool read_subject(const json_t *object, struct statement_subject *ret_subject)
{
    struct statement_subject out;
    json_t *digest = NULL;
    if (!json_is_object(object) || !strict_json_text(object, "name", &out.name) ||
        !strict_json_object(object, "digest", &digest) || !digest ||
        !strict_json_text(digest, "sha256", &out.sha256) ||
        !strict_json_text(digest, "sha384", &out.sha384) ||
        !strict_json_text(digest, "sha512", &out.sha512))
        return false;
    *ret_subject = out;
    return true;
}

static bool read_root(struct arena *arena, struct statement *s,
                      struct signature_failure *failure)
{
    json_t *subjects = NULL;
    bool form = json_is_object(s->root) && strict_json_text(s->root, "_type", &s->type) &&
                strict_json_text(s->root, "predicateType", &s->predicate_type) &&
                strict_json_array(s->root, "subject", &subjects) &&
                strict_json_object(s->root, "predicate", &s->predicate) &&
                (span_is(s->type, STATEMENT_V1) || span_is(s->type, STATEMENT_V0_1));
    if (!signature_require(failure, SC_STATEMENT, form,
                           "The payload is not an in-toto statement."))
        return false;
    size_t count = json_array_size(subjects);
    if (!signature_require(failure, SC_STATEMENT,
                           count > 0 && count <= STATEMENT_SUBJECTS_MAX,
                           "The statement has %zu subjects; one to %d are read.", count,
                           STATEMENT_SUBJECTS_MAX))
        return false;
    if (count > STATEMENT_SUBJECTS_MAX)
        count = STATEMENT_SUBJECTS_MAX;
    s->subjects = arena_array(arena, count, sizeof *s->subjects);
    for (size_t i = 0; s->subjects && i < count; i++)
        if (!signature_require(failure, SC_STATEMENT,
                               read_subject(json_array_get(subjects, i), &s->subjects[i]),
                               "Subject %zu of the statement has no digest.", i + 1))
            return false;
    s->count = s->subjects ? count : 0;
    return signature_require(failure, SC_RESOURCES, s->subjects != NULL,
                             "Memory ran out.");
}

bool statement_parse(struct arena *arena, struct span payload,
                     struct statement *ret_statement, struct signature_failure *failure)
{
    struct strict_json_reason reason = { "" };
    struct statement out = { .root = NULL };
    out.root =
        strict_json_read(payload, STATEMENT_BYTES_MAX, STATEMENT_VALUES_MAX, &reason);
    if (!signature_require(failure, SC_STATEMENT, out.root != NULL,
                           "The payload is not strict JSON: %s.", reason.text) ||
        !read_root(arena, &out, failure)) {
        statement_free(&out);
        return false;
    }
    *ret_statement = out;
    return true;
}

void statement_free(struct statement *s)
{
    json_decref(s->root);
    *s = (struct statement){ .root = NULL };
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_is(struct span hex, struct span bytes)
{
    if (bytes.len == 0 || hex.len != 2 * bytes.len)
        return false;
    for (size_t i = 0; i < bytes.len; i++)
        if (digit(hex.ptr[2 * i]) != bytes.ptr[i] >> 4 ||
            digit(hex.ptr[2 * i + 1]) != (bytes.ptr[i] & 15))
            return false;
    return true;
}

/* Every digest that both sides give must agree, and one at least must be there. */
static bool subject_is(const struct statement_subject *s, struct span sha256,
                       struct span sha384, struct span sha512)
{
    const struct span stated[] = { s->sha256, s->sha384, s->sha512 };
    const struct span actual[] = { sha256, sha384, sha512 };
    bool any = false;
    for (size_t i = 0; i < 3; i++) {
        if (stated[i].len == 0 || actual[i].len == 0)
            continue;
        if (!hex_is(stated[i], actual[i]))
            return false;
        any = true;
    }
    return any;
}

bool statement_covers(const struct statement *s, struct span sha256, struct span sha384,
                      struct span sha512)
{
    for (size_t i = 0; i < s->count; i++)
        if (subject_is(&s->subjects[i], sha256, sha384, sha512))
            return true;
    return false;
}

#include "integrity/statement/slsa.h"

#include "core/base64.h"
#include "integrity/statement/statement.h"
#include "integrity/strict_json.h"

#define PROVENANCE_V1  "https://slsa.dev/provenance/v1"
#define PROVENANCE_V02 "https://slsa.dev/provenance/v0.2"

#define SUMMARY_V1  "https://slsa.dev/verification_summary/v1"
#define SUMMARY_V02 "https://slsa.dev/verification_summary/v0.2"

bool slsa_builder(struct arena *arena, struct span payload, struct span *ret_builder,
                  struct refusal *why)
{
    struct signature_failure failure = { 0 };
    struct statement s = { 0 };
    struct span id = { 0 };
    if (!statement_parse(arena, payload, &s, &failure))
        return refuse(why, SIGNATURE_INVALID, signature_check_name(failure.check), "%s",
                      failure.reason);
    bool v1 = span_is(s.predicate_type, PROVENANCE_V1);
    bool provenance = v1 || span_is(s.predicate_type, PROVENANCE_V02);
    const json_t *run = v1 ? strict_json_field(s.predicate, "runDetails") : s.predicate;
    const json_t *builder = strict_json_field(run, "builder");
    bool ok = !provenance || (strict_json_text(builder, "id", &id) && id.len > 0) ||
              refuse(why, SIGNATURE_INVALID, "builder",
                     "the provenance does not say who built it");
    if (ok)
        *ret_builder = provenance ? arena_copy(arena, id) : (struct span){ 0 };
    statement_free(&s);
    return ok;
}

bool slsa_passed(struct arena *arena, struct span payload, bool *ret_summary,
                 struct refusal *why)
{
    struct signature_failure failure = { 0 };
    struct statement s = { 0 };
    struct span result = { 0 };
    if (!statement_parse(arena, payload, &s, &failure))
        return refuse(why, SIGNATURE_INVALID, signature_check_name(failure.check), "%s",
                      failure.reason);
    bool old = span_is(s.predicate_type, SUMMARY_V02);
    bool summary = old || span_is(s.predicate_type, SUMMARY_V1);
    const char *key = old ? "verification_result" : "verificationResult";
    bool ok =
        !summary ||
        (strict_json_text(s.predicate, key, &result) && span_is(result, "PASSED")) ||
        refuse(why, SIGNATURE_INVALID, "verification-result",
               "the verification summary does not say PASSED");
    *ret_summary = summary;
    statement_free(&s);
    return ok;
}

struct span *slsa_subjects(struct arena *arena, struct span payload, size_t *ret_count)
{
    struct statement statement;
    struct signature_failure ignored = { .check = SC_NONE };
    *ret_count = 0;
    if (!statement_parse(arena, payload, &statement, &ignored))
        return NULL;
    struct span *subjects = arena_array(arena, statement.count, sizeof *subjects);
    for (size_t i = 0; subjects && i < statement.count; i++) {
        subjects[i] = (struct span){ 0 };
        if (statement.subjects[i].sha256.len)
            (void)hex_decode(arena, statement.subjects[i].sha256, &subjects[i]);
    }
    *ret_count = subjects ? statement.count : 0;
    statement_free(&statement);
    return subjects;
}

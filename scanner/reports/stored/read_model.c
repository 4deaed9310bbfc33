#include "reports/stored/read_model.h"

#include "reports/stored/read_parts.h"

enum { READ_ARENA_MAX = 1 << 30 }; /* a scan gives each file an arena of its own */

/* -- names --------------------------------------------------------------------- */

/* Readers of an enum by the function that names its values. */
#define NAMED(function, type, get, count)                                                \
    static const char *function##_word(int i)                                            \
    {                                                                                    \
        return get((type)i);                                                             \
    }                                                                                    \
    bool function(struct input *in, void *to)                                            \
    {                                                                                    \
        int i = 0;                                                                       \
        if (!input_name(in, function##_word, count, &i))                                 \
            return false;                                                                \
        *(type *)to = (type)i;                                                           \
        return true;                                                                     \
    }

static read_value read_trust, read_basis, read_state, read_by, read_check_result,
    read_signature_state, read_checks, read_signatures, read_origins;
NAMED(read_severity, enum severity, severity_name, SEVERITY_COUNT)
NAMED(read_verdict, enum verdict, verdict_name, VERDICT_EMPTY + 1)
NAMED(read_trust, enum trust, trust_name, TRUST_COUNT)
NAMED(read_basis, enum basis, basis_name, BASIS_FETCHED + 1)
NAMED(read_state, enum expectation_state, expectation_name, EXPECT_INCONSISTENT + 1)
NAMED(read_by, enum expectation_by, expectation_by_name, BY_SIGNATURE + 1)
NAMED(read_check_result, enum check_result, check_result_name, CHECK_UNKNOWN + 1)
NAMED(read_signature_state, enum signature_state, signature_state_name,
      SIGNATURE_UNSIGNED + 1)
NAMED(read_status, enum artifact_status, status_name, STATUS_COUNT)

/* -- lists of a model ---------------------------------------------------------- */

static bool read_reason(struct input *in, void *to)
{
    struct reason_list *list = to;
    struct reason *r = input_new(in, sizeof *r);
    if (!r || !input_span(in, &r->text))
        return false;
    if (list->last)
        list->last->next = r;
    else
        list->first = r;
    list->last = r;
    return true;
}

bool read_reasons(struct input *in, void *to)
{
    return input_list(in, read_reason, to);
}

/* An element at the end of the singly linked list that `to`, its tail, stands for. */
#define ELEMENT(function, type, fields)                                                  \
    static bool function##_one(struct input *in, void *to)                               \
    {                                                                                    \
        struct type ***tail = to;                                                        \
        struct type *one = input_new(in, sizeof *one);                                   \
        if (!one || !input_object(in, fields, INPUT_LENGTH(fields), one))                \
            return false;                                                                \
        **tail = one;                                                                    \
        *tail = &one->next;                                                              \
        return true;                                                                     \
    }                                                                                    \
    bool function(struct input *in, void *to)                                            \
    {                                                                                    \
        struct type **tail = to;                                                         \
        *tail = NULL;                                                                    \
        return input_list(in, function##_one, &tail);                                    \
    }

static const struct field metadata_fields[] = {
    INPUT_TEXT("key", metadata, key),
    INPUT_SPAN("value", metadata, value),
};
ELEMENT(read_metadata, metadata, metadata_fields)

static const struct field check_fields[] = {
    INPUT_TEXT("check", provenance_check, id),
    INPUT_OBJECT("result", provenance_check, result, read_check_result),
    INPUT_OBJECT("severity", provenance_check, severity, read_severity),
    INPUT_SPAN("evidence", provenance_check, evidence),
};
ELEMENT(read_checks, provenance_check, check_fields)

static const struct field signature_fields[] = {
    INPUT_TEXT("kind", signature, kind),
    INPUT_OBJECT("state", signature, state, read_signature_state),
    INPUT_SPAN("path", signature, path),
    INPUT_SPAN("identity", signature, identity),
    INPUT_SPAN("issuer", signature, issuer),
    INPUT_SPAN("root", signature, root),
    INPUT_SPAN("time", signature, time),
    INPUT_SPAN("covers", signature, covers),
    INPUT_SPAN("builder", signature, builder),
    INPUT_SPAN("check", signature, check),
    INPUT_SPAN("reason", signature, reason),
};
ELEMENT(read_signatures, signature, signature_fields)

static const struct field origin_fields[] = {
    INPUT_TEXT0("registry", origin, registry),
    INPUT_TEXT0("title", origin, title),
    INPUT_SPAN("name", origin, name),
    INPUT_SPAN("revision", origin, revision),
    INPUT_OBJECT("trust", origin, trust, read_trust),
    INPUT_OBJECT("basis", origin, basis, read_basis),
    INPUT_SPAN("evidence", origin, evidence),
    INPUT_TEXT0("advice", origin, advice),
    INPUT_BOOL("pinned", origin, pinned),
    INPUT_BOOL("agrees", origin, agrees),
};
ELEMENT(read_origins, origin, origin_fields)

static bool read_origin(struct input *in, void *to)
{
    return input_object(in, origin_fields, INPUT_LENGTH(origin_fields), to);
}

static const struct field expectation_fields[] = {
    INPUT_OBJECT("by", expectation, by, read_by),
    INPUT_SPAN("source", expectation, source),
    INPUT_TEXT("algorithm", expectation, algorithm),
    INPUT_SPAN("value", expectation, value),
    INPUT_OBJECT("state", expectation, state, read_state),
    INPUT_BOOL("weak", expectation, weak),
};
ELEMENT(read_expected, expectation, expectation_fields)

/* -- the model ----------------------------------------------------------------- */

/* What is read before it is put into the model. */
struct model_text {
    struct reading reading;
    struct model model;
    struct origin *others;
    struct reason_list reasons;
};

static const struct field model_fields[] = {
    INPUT_SPAN("target", model_text, model.target),
    INPUT_SPAN("identity", model_text, model.identity),
    INPUT_OBJECT("origin", model_text, model.origin, read_origin),
    INPUT_OBJECT("other_origins", model_text, others, read_origins),
    INPUT_OBJECT("trust", model_text, model.trust, read_trust),
    INPUT_OBJECT("verdict", model_text, model.verdict, read_verdict),
    INPUT_OBJECT("reasons", model_text, reasons, read_reasons),
    INPUT_OBJECT("metadata", model_text, model.metadata, read_metadata),
    INPUT_OBJECT("provenance", model_text, model.checks, read_checks),
    INPUT_OBJECT("signatures", model_text, model.signatures, read_signatures),
    INPUT_OBJECT("files", model_text, reading, read_files),
    INPUT_OBJECT("findings", model_text, reading, read_findings),
    INPUT_UINT("findings_dropped", model_text, reading.dropped),
};

bool read_model(struct input *in, struct result *r, struct rule_names *names)
{
    struct model *m = result_add_empty_model(r, READ_ARENA_MAX);
    if (!m)
        return input_new(in, SIZE_MAX) != NULL;
    struct model_text text = {
        .reading = {.model = m, .names = names}
    };
    struct reading *reading = &text.reading;
    struct arena *outer = in->arena;
    reading->last_share = &reading->first_share;
    reading->last_finding = &reading->first_finding;
    in->arena = m->arena;
    bool ok = input_object(in, model_fields, INPUT_LENGTH(model_fields), &text);
    if (ok) {
        m->target = text.model.target;
        m->identity = text.model.identity;
        m->origin = text.model.origin;
        m->origin.next = text.others;
        m->trust = text.model.trust;
        m->verdict = text.model.verdict;
        m->reasons = text.reasons.first;
        m->last_reason = text.reasons.last;
        m->metadata = text.model.metadata;
        m->checks = text.model.checks;
        m->signatures = text.model.signatures;
        ok = files_join_signatures(in, reading) && findings_hand_out(in, reading);
    }
    in->arena = outer;
    return ok;
}

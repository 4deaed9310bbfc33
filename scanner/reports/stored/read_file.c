#include "core/formats.h"
#include "reports/stored/read_parts.h"

enum { DEPTH_MAX = 256 };

/* -- facts --------------------------------------------------------------------- */

static bool read_facts(struct input *in, struct fact *container, unsigned depth);

static bool read_fact(struct input *in, struct fact *container, const char *name,
                      unsigned depth)
{
    struct fact *f = NULL;
    struct span text;
    switch (in->token.type) {
    case TOKEN_OBJECT:
        f = fact_object(in->arena, container, name);
        return f && read_facts(in, f, depth + 1);
    case TOKEN_ARRAY:
        f = fact_list(in->arena, container, name);
        return f && read_facts(in, f, depth + 1);
    case TOKEN_STRING:
        return input_span(in, &text) && fact_text(in->arena, container, name, text);
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        return fact_bool(in->arena, container, name, in->token.type == TOKEN_TRUE);
    default:
        if (in->token.type != TOKEN_NUMBER || in->token.flags & TOKEN_FRACTION)
            return input_error(in, "no value that a fact can have");
        return fact_uint(in->arena, container, name, in->token.number);
    }
}

/* The members of an object or list that has just begun; depth is bounded. */
static bool read_facts(struct input *in, struct fact *container, unsigned depth)
{
    bool ok = true;
    if (depth > FACT_DEPTH_MAX)
        return input_error(in, "facts nest too deeply");
    while (ok && input_next(in) && in->token.type != TOKEN_OBJECT_END &&
           in->token.type != TOKEN_ARRAY_END) {
        const char *name = "";
        if (container->type == FACT_OBJECT) {
            in->token.type = TOKEN_STRING; /* a key is a text too */
            ok = input_text(in, &name, false) && input_next(in);
        }
        ok = ok && read_fact(in, container, name, depth);
    }
    return ok && !in->failed;
}

/* -- files and their members --------------------------------------------------- */

/* What a file or member is in JSON. */
struct stored {
    struct artifact *artifact;
    struct reading *reading;
    struct span path, reason, own_reason;
    uint64_t offset, size, members_total, kept, dropped, signature;
    enum artifact_status status, own_status;
    bool has_own, executes, is_signed, has_signature, shared;
    unsigned depth;
    struct file *file; /* of a file */
};

static bool read_format(struct input *in, void *to)
{
    enum format_id id;
    const char *name = NULL;
    if (!input_text(in, &name, false))
        return false;
    if (!format_find(name, &id))
        return input_error(in, "this version knows no format %s", name);
    *(uint64_t *)to |= FORMAT_BIT(id);
    return true;
}

static bool read_formats(struct input *in, void *to)
{
    struct stored *s = to;
    return input_list(in, read_format, &s->artifact->formats);
}

static bool read_fact_root(struct input *in, void *to)
{
    struct stored *s = to;
    if (in->token.type != TOKEN_OBJECT)
        return input_error(in, "an object is wanted");
    s->artifact->facts = fact_root(in->arena);
    bool ok = s->artifact->facts && read_facts(in, s->artifact->facts, 0);
    return ok || input_error(in, "out of memory");
}

static bool read_own_status(struct input *in, void *to)
{
    struct stored *s = to;
    s->has_own = true;
    return read_status(in, &s->own_status);
}

static bool read_own_reason(struct input *in, void *to)
{
    struct stored *s = to;
    return input_span(in, &s->own_reason);
}

static bool read_member(struct input *in, void *to);

static bool read_members(struct input *in, void *to)
{
    return input_list(in, read_member, to);
}

#define ARTIFACT_FIELDS                                                                  \
    INPUT_SPAN("path", stored, path), INPUT_UINT("size", stored, size),                  \
        INPUT_OBJECT_ALL("formats", read_formats),                                       \
        INPUT_BOOL("executes", stored, executes),                                        \
        INPUT_OBJECT("status", stored, status, read_status),                             \
        INPUT_SPAN("reason", stored, reason),                                            \
        INPUT_OPTIONAL_ALL("own_status", read_own_status),                               \
        INPUT_OPTIONAL_ALL("own_reason", read_own_reason),                               \
        INPUT_UINT("findings", stored, kept),                                            \
        INPUT_UINT("findings_dropped", stored, dropped),                                 \
        INPUT_OPTIONAL_ALL("facts", read_fact_root),                                     \
        INPUT_UINT("members_total", stored, members_total),                              \
        INPUT_OBJECT_ALL("members", read_members)

static const struct field member_fields[] = {
    ARTIFACT_FIELDS,
    INPUT_UINT("offset", stored, offset),
};

/* An artifact and its share of the findings, in the order in which trees are walked. */
static bool read_artifact(struct input *in, struct stored *s, const struct field *fields,
                          size_t count)
{
    struct artifact *a = s->artifact;
    struct share *share = input_new(in, sizeof *share);
    if (!share)
        return false;
    *s->reading->last_share = share;
    s->reading->last_share = &share->next;
    if (!input_object(in, fields, count, s))
        return false;
    a->name = s->path;
    a->size = s->size;
    a->offset = s->offset;
    a->executes = s->executes;
    a->status = s->has_own ? s->own_status : s->status;
    a->reason = s->has_own ? s->own_reason : s->reason;
    a->members_total = s->members_total;
    *share = (struct share){ a, s->kept, s->dropped, share->next };
    return artifact_worst(a) == s->status ||
           input_error(in, "a status is not the worst in its file");
}

static bool read_member(struct input *in, void *to)
{
    struct stored *parent = to;
    struct stored s = { .reading = parent->reading, .depth = parent->depth + 1 };
    if (s.depth > DEPTH_MAX)
        return input_error(in, "members nest too deeply");
    s.artifact = artifact_child(parent->artifact, (struct span){ 0 }, 0, 0);
    if (!s.artifact)
        return input_new(in, SIZE_MAX) != NULL;
    return read_artifact(in, &s, member_fields, INPUT_LENGTH(member_fields));
}

/* -- files --------------------------------------------------------------------- */

static bool hexadecimal(struct span s, size_t digits)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
              (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return s.len == digits;
}

static bool read_sha256(struct input *in, void *to)
{
    struct span *sha256 = to;
    return input_span(in, sha256) &&
           (hexadecimal(*sha256, 64) || input_error(in, "no SHA-256"));
}

static bool read_digests(struct input *in, void *to)
{
    static const struct field fields[] = { INPUT_OPTIONAL("sha256", file, sha256,
                                                          read_sha256) };
    struct stored *s = to;
    return input_object(in, fields, INPUT_LENGTH(fields), s->file);
}

static bool read_file_expected(struct input *in, void *to)
{
    struct stored *s = to;
    return read_expected(in, &s->file->expected);
}

static bool read_file_metadata(struct input *in, void *to)
{
    struct stored *s = to;
    return read_metadata(in, &s->file->metadata);
}

static bool read_signature_index(struct input *in, void *to)
{
    struct stored *s = to;
    s->has_signature = in->token.type != TOKEN_NULL;
    return !s->has_signature || input_uint(in, &s->signature);
}

static bool read_file(struct input *in, void *to)
{
    static const struct field fields[] = {
        ARTIFACT_FIELDS,
        INPUT_OBJECT_ALL("digests", read_digests),
        INPUT_OBJECT_ALL("expected", read_file_expected),
        INPUT_OBJECT_ALL("metadata", read_file_metadata),
        INPUT_BOOL("signed", stored, is_signed),
        INPUT_OBJECT_ALL("signature", read_signature_index),
        INPUT_BOOL("shared", stored, shared),
    };
    struct reading *reading = to;
    struct stored s = { .reading = reading };
    s.file = input_new(in, sizeof *s.file);
    s.artifact = s.file ? artifact_new(in->arena, (struct span){ 0 }, 0) : NULL;
    if (!s.artifact)
        return input_new(in, SIZE_MAX) != NULL;
    s.file->artifact = s.artifact;
    if (!read_artifact(in, &s, fields, INPUT_LENGTH(fields)))
        return false;
    s.file->shared = s.shared;
    model_add_file(reading->model, s.file); /* its arena is the model's */
    if (s.is_signed) {
        struct signed_file *f = input_new(in, sizeof *f);
        if (!f)
            return false;
        *f = (struct signed_file){ s.file, s.has_signature, s.signature,
                                   reading->signed_files };
        reading->signed_files = f;
    }
    return true;
}

bool read_files(struct input *in, void *to)
{
    return input_list(in, read_file, to);
}

/* A file that another model shares may have that model's signature. */
bool files_join_signatures(struct input *in, const struct reading *reading)
{
    static const struct signature elsewhere = { .kind = "", .state = SIGNATURE_VERIFIED };
    for (const struct signed_file *f = reading->signed_files; f; f = f->next) {
        const struct signature *s = reading->model->signatures;
        for (uint64_t i = 0; f->known && s && i < f->index; i++)
            s = s->next;
        if (f->known && !s)
            return input_error(in, "a file has a signature that the model has not");
        f->file->signature = f->known ? s : &elsewhere;
    }
    return true;
}

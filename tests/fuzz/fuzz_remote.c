/* Everything that servers answer while a reference is opened: answers of registries,
 * lists of buckets in XML and JSON, manifests, frames and packs of git, files of DVC.
 * The first byte picks the reference; then answers, each behind a byte for status and
 * headers and two for its length, which come again when they are at an end.  What is
 * listed has clean paths and addresses, and no more trust than its registry.  Run from
 * the source directory. */
#include "../unit/played.h"

#include "sources/remote.h"

#include <ftw.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const references[] = {
    "s3://models/m",
    "gs://models/m",
    "wasbs://models@acme.blob.core.windows.net/m",
    "oci://hub.test/team/model:v1",
    "https://hub.test/artifactory/models/m",
    "https://hub.test/m/a.bin",
    "git+https://hub.test/git/x@v1",
    "dvc:https://hub.test/git/x//m.pkl@v1",
    "ollama:tiny",
    "hf:acme/tiny",
    "kaggle:a/b/c/d/1",
    "tfhub:google/x/1",
    "models:/fraud/3",
    "databricks:main.risk.fraud/3",
    "wandb:acme/vision/x:v3",
    "clearml:3f2b8b6f7d3e4d4c9b1e0a5d6c7b8a99",
};

static struct registries *table;
static char directory[64];
static struct {
    const uint8_t *data;
    size_t size, at, sent;
} answers;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static struct played play(const struct http_request *q)
{
    static const unsigned statuses[] = { 200, 200, 200, 200, 404, 301, 429, 0 };
    static const char *const headers[] = {
        "ETag: \"d41d8cd98f00b204e9800998ecf8427e\"",
        "Link: </next>; rel=\"next\"",
        "Location: https://www.kaggle.com/models/a/b/c/d/1",
        "Content-Length: 7",
        "Docker-Content-Digest: sha256:"
        "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c",
        "x-amz-bucket-region: eu-west-1",
        "WWW-Authenticate: Bearer realm=\"https://hub.test/t\",scope=\"x\"",
    };
    struct played p = { .status = 0 };
    for (const char *c = q->url; *c; c++)
        require((unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f);
    if (answers.sent++ > 60)
        return p;
    if (answers.at + 3 > answers.size)
        answers.at = 1;
    if (answers.at + 3 > answers.size)
        return p;
    const uint8_t *head = answers.data + answers.at;
    size_t n = (size_t)head[1] << 8 | head[2];
    answers.at += 3;
    n = n < answers.size - answers.at ? n : answers.size - answers.at;
    p.status = statuses[head[0] & 7];
    if (head[0] >> 3)
        p.headers[0] =
            headers[(size_t)(head[0] >> 3) % (sizeof headers / sizeof *headers)];
    p.body = span_of(answers.data + answers.at, n);
    answers.at += n;
    return p;
}

static const char *environment(const char *name)
{
    return strcmp(name, "MLFLOW_TRACKING_URI") == 0 ? "https://mlflow.acme.example"
           : strcmp(name, "DATABRICKS_HOST") == 0   ? "https://acme.cloud.databricks.com"
           : strcmp(name, "CLEARML_API_HOST") == 0  ? "https://api.clearml.acme.example"
           : strcmp(name, "HF_TOKEN") == 0          ? "secret"
                                                    : NULL;
}

static void require_clean(const struct remote *r)
{
    const struct reference *ref = remote_reference(r);
    const char *before = NULL;
    require(!ref->registry || remote_answers(r)->trust <= ref->registry->trust);
    require(ref->registry || remote_answers(r)->trust == TRUST_UNKNOWN);
    for (size_t i = 0; i < remote_count(r); i++) {
        const struct rest_file *f = remote_file(r, i);
        const char *why = remote_file_problem(r, i);
        require(!f->url || strncmp(f->url, "https://", 8) == 0);
        require(f->url || f->storage || !why || *why);
        if (f->storage)
            continue;
        require(path_clean(f->path) && (!before || strcmp(before, f->path) < 0));
        before = f->path;
        for (const struct rest_hash *h = f->hashes; h; h = h->next)
            require(strspn(h->value, "0123456789abcdef") == strlen(h->value));
    }
}

static int forget(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void end(void)
{
    (void)nftw(directory, forget, 8, FTW_DEPTH | FTW_PHYS);
    registries_free(table);
}

static void begin(void)
{
    const char *const directories[] = { "registries.d", NULL };
    struct error error;
    (void)snprintf(directory, sizeof directory, "/tmp/assay-fuzz-XXXXXX");
    table = registries_load(directories, &error);
    require(table && registries_count(table) > 0 && mkdtemp(directory));
    (void)atexit(end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { .code = ERROR_NONE };
    if (!table)
        begin();
    if (size < 2)
        return 0;
    const struct remote_options o = { .registries = table,
                                      .environment = environment,
                                      .cache = directory };
    answers.data = data;
    answers.size = size;
    answers.at = 1;
    answers.sent = 0;
    struct remote *r = remote_open(
        references[data[0] % (sizeof references / sizeof *references)], &o, &error);
    if (r)
        require_clean(r);
    else
        require(error.code != ERROR_NONE && error.message[0]);
    remote_close(r);
    return 0;
}

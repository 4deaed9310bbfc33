#include "trust/store.h"

#include <ctype.h>

/* The component of `path` that begins at `at`, and where the next one begins. */
static struct span component(struct span path, size_t at, size_t *ret_next)
{
    size_t end = span_find(path, "/", at);
    struct span name = span_slice(path, at, end);
    *ret_next = end == SIZE_MAX ? path.len : end + 1;
    return name;
}

/* Up to `max` components from `at` on, each followed by another; how many there are. */
static size_t components(struct span path, size_t at, struct span *ret_names, size_t max)
{
    size_t n = 0;
    while (n < max && span_find(path, "/", at) != SIZE_MAX) {
        ret_names[n] = component(path, at, &at);
        if (ret_names[n].len == 0)
            break;
        n++;
    }
    return n;
}

/* Where the last "/NAME/" of the path ends, or the path's own "NAME/"; 0: nowhere. */
static size_t behind(struct span path, const char *name)
{
    char inner[48];
    (void)snprintf(inner, sizeof inner, "/%s/", name);
    size_t at = span_find_last(path, inner, path.len);
    if (at != SIZE_MAX)
        return at + strlen(inner);
    return span_starts(path, inner + 1) ? strlen(inner) - 1 : 0;
}

static bool is_hex(struct span s, size_t least, size_t most)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
              (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return s.len >= least && s.len <= most;
}

static size_t end_of(struct span path, struct span inner)
{
    return (size_t)(inner.ptr - path.ptr) + inner.len;
}

/* For "%.*s": a component of a path, cut so that all of them fit their texts. */
#define SHOW(s) (int)((s).len < 100 ? (s).len : 100), (const char *)(s).ptr

/* ---- entries -------------------------------------------------------------------- */

static bool find_hub(struct span path, struct store_entry *e)
{
    struct hub_place place;
    if (!hub_place_find(path, &place))
        return false;
    e->evidence = "the layout of a Hugging Face cache";
    e->registry = "huggingface";
    e->revision = place.revision;
    e->unit_end = place.unit_end;
    (void)snprintf(e->name, sizeof e->name, "%.*s%s%.*s", SHOW(place.organisation),
                   place.organisation.len ? "/" : "", SHOW(place.model));
    if (place.organisation.len)
        (void)snprintf(e->reference, sizeof e->reference, "hf:%s@%.*s", e->name,
                       SHOW(place.revision));
    return true;
}

/* kagglehub/models/OWNER/MODEL/FRAMEWORK/VARIATION/VERSION/…
 * Source: kagglehub, cache.py. */
static bool find_kaggle(struct span path, struct store_entry *e)
{
    struct span names[6];
    size_t at = behind(path, "kagglehub");
    if (at == 0 || components(path, at, names, 6) < 6 || !span_is(names[0], "models"))
        return false;
    for (size_t i = 0; i < names[5].len; i++)
        if (!isdigit(names[5].ptr[i]))
            return false;
    e->evidence = "the layout of a kagglehub cache";
    e->registry = "kaggle";
    e->revision = names[5];
    e->unit_end = end_of(path, names[5]);
    (void)snprintf(e->name, sizeof e->name, "%.*s/%.*s/%.*s/%.*s", SHOW(names[1]),
                   SHOW(names[2]), SHOW(names[3]), SHOW(names[4]));
    (void)snprintf(e->reference, sizeof e->reference, "kaggle:%s/%.*s", e->name,
                   SHOW(names[5]));
    return true;
}

/* hub/checkpoints/NAME-HASH.pth: the digits of "-HASH." in it.
 * Source: torch, hub.py, HASH_REGEX.  A date is no hash. */
static bool checkpoint_hash(struct span path, struct span *ret_stem,
                            struct span *ret_hash)
{
    size_t at = behind(path, "hub/checkpoints");
    struct span name = span_slice(path, at, path.len);
    size_t dot = span_find_last(name, ".", name.len);
    size_t dash = dot == SIZE_MAX ? SIZE_MAX : span_find_last(name, "-", dot);
    if (at == 0 || span_find(name, "/", 0) != SIZE_MAX || dash == SIZE_MAX || dash == 0)
        return false;
    struct span hash = span_slice(name, dash + 1, dot);
    bool date = hash.len == 8 && (span_starts(hash, "19") || span_starts(hash, "20"));
    for (size_t i = 0; i < hash.len; i++)
        date = date && isdigit(hash.ptr[i]);
    *ret_stem = span_slice(name, 0, dash);
    *ret_hash = hash;
    return is_hex(hash, 8, 64) && !date;
}

static bool find_checkpoint(struct span path, struct store_entry *e)
{
    struct span stem, hash;
    if (!checkpoint_hash(path, &stem, &hash))
        return false;
    e->evidence = "a checkpoint of torch.hub";
    e->registry = "pytorch-hub";
    e->revision = hash;
    (void)snprintf(e->name, sizeof e->name, "weights/%.*s", SHOW(stem));
    return true;
}

/* mlruns/EXPERIMENT/RUN/artifacts/PATH, and models/m-ID of MLflow 3. */
static bool find_mlruns(struct span path, struct store_entry *e)
{
    struct span names[4] = { 0 };
    size_t at = behind(path, "mlruns");
    size_t n = at ? components(path, at, names, 4) : 0;
    e->evidence = "the layout of an MLflow store";
    e->registry = "mlflow";
    if (n == 4 && is_hex(names[1], 32, 32) && span_is(names[2], "artifacts")) {
        (void)snprintf(e->name, sizeof e->name, "runs/%.*s/%.*s", SHOW(names[1]),
                       SHOW(names[3]));
        (void)snprintf(e->reference, sizeof e->reference, "runs:/%.*s/%.*s",
                       SHOW(names[1]), SHOW(names[3]));
        return true;
    }
    if (n >= 3 && span_is(names[1], "models") && span_starts(names[2], "m-") &&
        is_hex(span_slice(names[2], 2, names[2].len), 32, 32)) {
        (void)snprintf(e->name, sizeof e->name, "%.*s", SHOW(names[2]));
        (void)snprintf(e->reference, sizeof e->reference, "models:/%.*s", SHOW(names[2]));
        return true;
    }
    return false;
}

/* artifacts/NAME:vN/…, as wandb downloads.  Source: wandb, sdk/artifacts. */
static bool find_wandb(struct span path, struct store_entry *e)
{
    struct span name;
    size_t at = behind(path, "artifacts");
    if (at == 0 || components(path, at, &name, 1) == 0)
        return false;
    size_t colon = span_find_last(name, ":v", name.len);
    if (colon == SIZE_MAX || colon == 0 || colon + 2 == name.len)
        return false;
    for (size_t i = colon + 2; i < name.len; i++)
        if (!isdigit(name.ptr[i]))
            return false;
    e->evidence = "the layout of a W&B download";
    e->registry = "wandb";
    e->revision = span_slice(name, colon + 1, name.len);
    e->unit_end = end_of(path, name);
    (void)snprintf(e->name, sizeof e->name, "%.*s", SHOW(span_slice(name, 0, colon)));
    return true;
}

/* Programs whose users collect models from anywhere. */
static bool find_collection(struct span path, struct store_entry *e)
{
    bool comfy = behind(path, "ComfyUI/models") > 0;
    if (!comfy && behind(path, "stable-diffusion-webui/models") == 0 &&
        behind(path, "stable-diffusion-webui-forge/models") == 0)
        return false;
    e->evidence = comfy
                      ? "a models folder of ComfyUI, which says nothing of an origin"
                      : "a models folder of Stable Diffusion web UI, which says nothing "
                        "of an origin";
    return true;
}

bool store_entry_find(struct span path, struct store_entry *ret_entry)
{
    static bool (*const finders[])(struct span, struct store_entry *) = {
        find_hub, find_kaggle, find_checkpoint, find_mlruns, find_wandb, find_collection,
    };
    for (size_t i = 0; i < sizeof finders / sizeof *finders; i++) {
        struct store_entry e = { 0 };
        if (finders[i](path, &e)) {
            *ret_entry = e;
            return true;
        }
    }
    return false;
}

/* ---- digests ---------------------------------------------------------------------- */

static bool promise(struct named_digest *d, const char *source, enum digest_algorithm a,
                    struct span first, struct span rest)
{
    if (!is_hex(first, 0, 2) || !is_hex(rest, 1, DIGEST_HEX_MAX) ||
        first.len + rest.len > digest_digits(a))
        return false;
    d->source = source;
    d->algorithm = a;
    (void)snprintf(d->digits, sizeof d->digits, "%.*s%.*s", (int)first.len,
                   (const char *)first.ptr, (int)rest.len, (const char *)rest.ptr);
    return true;
}

static bool whole(const struct named_digest *d)
{
    return strlen(d->digits) == digest_digits(d->algorithm);
}

bool named_digest_find(struct span path, struct named_digest *ret_digest)
{
    struct named_digest d = { 0 };
    const struct span none = { 0 };
    struct span name[3] = { 0 }, rest = path, stem,
                hash; /* the last ones, outermost first */
    for (size_t i = 3; i-- > 0;) {
        size_t slash = span_find_last(rest, "/", rest.len);
        name[i] = span_slice(rest, slash == SIZE_MAX ? 0 : slash + 1, rest.len);
        rest = span_slice(rest, 0, slash == SIZE_MAX ? 0 : slash);
    }
    const struct span last = name[2];
    bool found = false;
    if (span_is(name[1], "blobs") && span_starts(last, "sha256-"))
        found =
            promise(&d, "blob name", DIGEST_SHA256, none, span_slice(last, 7, last.len));
    else if (span_is(name[0], "blobs") && span_is(name[1], "sha256"))
        found = promise(&d, "blob name", DIGEST_SHA256, none, last);
    else if (span_is(name[0], "blobs") && span_is(name[1], "sha512"))
        found = promise(&d, "blob name", DIGEST_SHA512, none, last);
    else if (span_is(name[1], "blobs") && span_starts(name[0], "models--"))
        found = promise(&d, "hugging face cache blob name",
                        last.len == 40 ? DIGEST_GIT_SHA1 : DIGEST_SHA256, none, last);
    else if (span_ends(rest, "lfs/objects"))
        found = span_equal(name[0], span_slice(last, 0, 2)) &&
                span_equal(name[1], span_slice(last, 2, 4)) &&
                promise(&d, "git lfs object name", DIGEST_SHA256, none, last);
    else if (span_is(name[0], "md5") && span_ends(rest, "files"))
        found =
            promise(&d, "dvc cache name", DIGEST_MD5, name[1],
                    span_slice(last, 0, last.len - (span_ends(last, ".dir") ? 4 : 0)));
    if (!found || !whole(&d)) {
        d = (struct named_digest){ 0 };
        if (!checkpoint_hash(path, &stem, &hash) ||
            !promise(&d, "torch.hub file name", DIGEST_SHA256, none, hash))
            return false;
    }
    *ret_digest = d;
    return true;
}

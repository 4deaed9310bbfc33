#include "reports/bom.h"

#include "reports/escape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_SIZE_MAX = 1 << 20 };

/* -- names ---------------------------------------------------------------------- */

bool bom_origin_counts(const struct model *m)
{
    return m->origin.basis > BASIS_DECLARED && m->origin.name.len > 0;
}

struct bom_name bom_name(const struct model *m)
{
    struct span whole = m->origin.name.len ? m->origin.name : m->identity;
    size_t slash = span_find_last(whole, "/", whole.len);
    if (!m->origin.name.len || slash == SIZE_MAX || slash == 0 || slash + 1 == whole.len)
        return (struct bom_name){ .name = whole };
    return (struct bom_name){ span_slice(whole, 0, slash),
                              span_slice(whole, slash + 1, whole.len) };
}

/* Registries that the package-url specification has a type for. */
static const struct known {
    const char *registry, *purl, *pages;
} known[] = {
    {"huggingface",  "pkg:huggingface/", "https://huggingface.co/"},
    { "pytorch-hub", "pkg:github/",      "https://github.com/"    },
};

/* Of those, only repositories: one or two parts, of letters that need no thought. */
static const struct known *known_as(const char *registry, struct span name)
{
    size_t slashes = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        bool slash = c == '/' && i > 0 && i + 1 < name.len;
        if (!plain && !slash)
            return NULL;
        slashes += slash;
    }
    if (name.len == 0 || slashes > 1 || span_starts(name, "weights/"))
        return NULL;
    for (size_t i = 0; registry && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].registry, registry) == 0)
            return slashes == 1 || i == 0 ? &known[i] : NULL;
    return NULL;
}

/* Percent-encoded, but for what RFC 3986 calls unreserved. */
static void add_encoded(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                     c == '~';
        if (plain)
            buffer_add(out, span_of(&c, 1));
        else
            buffer_printf(out, "%%%02X", c);
    }
}

/* GitHub's names are the same in any case, and the specification wants small letters. */
static void add_name(struct buffer *out, struct span name, bool small)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.ptr[i];
        if (small && c >= 'A' && c <= 'Z')
            c |= 0x20;
        buffer_add(out, span_of(&c, 1));
    }
}

bool bom_purl(const char *registry, struct span name, struct span revision,
              struct buffer *out)
{
    const struct known *k = known_as(registry, name);
    if (!k)
        return false;
    buffer_add_text(out, k->purl);
    add_name(out, name, k != &known[0]);
    if (revision.len) {
        buffer_add_text(out, "@");
        add_encoded(out, revision);
    }
    return true;
}

bool bom_location(const struct origin *o, struct buffer *out)
{
    const struct known *k = known_as(o->registry, o->name);
    if (!k)
        return false;
    buffer_add_text(out, k->pages);
    buffer_add(out, o->name);
    if (o->revision.len) {
        buffer_add_text(out, "/tree/");
        add_encoded(out, o->revision);
    }
    return true;
}

/* -- what is declared ------------------------------------------------------------ */

static bool same_but_for_case(struct span a, const char *b)
{
    if (a.len != strlen(b))
        return false;
    for (size_t i = 0; i < a.len; i++) {
        uint8_t one = a.ptr[i], other = (uint8_t)b[i];
        if (one >= 'A' && one <= 'Z')
            one |= 0x20;
        if (other >= 'A' && other <= 'Z')
            other |= 0x20;
        if (one != other)
            return false;
    }
    return true;
}

const char *bom_license(struct span declared)
{
    static const char *const licenses[] = {
#define LICENSE(id) id,
#include "reports/licenses.def"
#undef LICENSE
    };
    for (size_t i = 0; i < sizeof licenses / sizeof licenses[0]; i++)
        if (same_but_for_case(declared, licenses[i]))
            return licenses[i];
    return NULL;
}

struct span bom_metadata(const struct model *m, const char *key)
{
    const struct metadata *found = metadata_find(m->metadata, key);
    return found ? found->value : (struct span){ 0 };
}

const struct metadata *bom_each(const struct metadata *from, const char *key)
{
    const struct metadata *m = metadata_find(from, key);
    while (m && m->value.len == 0)
        m = metadata_find(m->next, key);
    return m;
}

bool bom_unread(const struct model *m)
{
    for (const struct file *f = m->files; f; f = f->next) {
        enum artifact_status worst = artifact_worst(f->artifact);
        if (worst == STATUS_INCOMPLETE || worst == STATUS_FAILED)
            return true;
    }
    return false;
}

/* -- findings -------------------------------------------------------------------- */

void bom_detail(struct json_out *j, const struct spot *s)
{
    const struct finding *f = s->finding;
    escape_for(j->file, ESCAPE_STRING, f->message);
    fputs(f->message.len && f->evidence.len ? ": " : "", j->file);
    escape_for(j->file, ESCAPE_STRING, f->evidence);
    if (s->artifact) {
        struct buffer path;
        buffer_init(&path, PATH_SIZE_MAX);
        artifact_path(s->artifact, &path);
        fprintf(j->file, "%sat byte %" PRIu64 " of ",
                f->message.len || f->evidence.len ? ", " : "", f->offset);
        escape_for(j->file, ESCAPE_STRING, buffer_span(&path));
        buffer_free(&path);
    }
}

bool bom_findings_open(const struct result *r, struct bom_findings *ret)
{
    struct bom_findings f = { .next = 0 };
    if (!spots_of_result(r, SEVERITY_INFO, &f.spots))
        return false;
    f.ids = spots_identify(&f.spots);
    f.order = calloc(f.spots.count + 1, sizeof *f.order);
    if (!f.ids || !f.order) {
        bom_findings_close(&f);
        return false;
    }
    for (size_t i = 0; i < f.spots.count; i++)
        f.order[f.spots.all[i].order] = i;
    *ret = f;
    bom_findings_rewind(ret, r);
    return true;
}

void bom_findings_rewind(struct bom_findings *f, const struct result *r)
{
    f->next = f->file = 0;
    f->model = 1;
    f->in = r->models;
    f->counted = NULL;
}

bool bom_findings_next(struct bom_findings *f)
{
    if (f->next == f->spots.count)
        return false;
    f->spot = &f->spots.all[f->order[f->next]];
    f->id = &f->ids[f->order[f->next]];
    f->next++;
    for (; f->in != f->spot->model; f->in = f->in->next) {
        f->model++;
        f->file = 0;
        f->counted = NULL;
    }
    while (f->counted != f->spot->file) {
        f->counted = f->counted ? f->counted->next : f->in->files;
        f->file++;
    }
    return true;
}

void bom_findings_close(struct bom_findings *f)
{
    spots_free(&f->spots);
    free(f->ids);
    free(f->order);
    *f = (struct bom_findings){ .next = 0 };
}

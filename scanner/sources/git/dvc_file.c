#include "sources/git/dvc_file.h"

#include "core/ini.h"
#include "origins/document.h"

#include <string.h>

/* ---- paths ----------------------------------------------------------------------- */

const char *dvc_path(struct arena *arena, const char *directory, struct span path)
{
    struct buffer out;
    const char *copy = NULL;
    bool inside = path.len > 0 && path.ptr[0] != '/' && !memchr(path.ptr, '\0', path.len);
    buffer_init(&out, 4096);
    buffer_add_text(&out, directory);
    for (size_t at = 0, end; inside && at < path.len; at = end + 1) {
        end = span_find(path, "/", at);
        end = end == SIZE_MAX ? path.len : end;
        struct span part = span_slice(path, at, end);
        if (part.len == 0 || span_is(part, "."))
            continue;
        if (span_is(part, "..")) {
            inside = out.len > 0;
            char *slash = out.text ? strrchr(out.text, '/') : NULL;
            out.len = slash ? (size_t)(slash - out.text) : 0;
            if (out.text)
                out.text[out.len] = '\0';
            continue;
        }
        buffer_add_text(&out, out.len ? "/" : "");
        buffer_add(&out, part);
    }
    if (inside && !out.truncated)
        copy = arena_text(arena, buffer_span(&out));
    buffer_free(&out);
    return copy;
}

static const char *directory_of(struct arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');
    return arena_text(arena, span_of(file, slash ? (size_t)(slash - file) : 0));
}

/* ---- outputs --------------------------------------------------------------------- */

static bool is_md5(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789abcdef", text.ptr[i]) || text.ptr[i] == '\0')
            return false;
    return text.len == 32;
}

struct reading {
    struct arena *arena;
    const char *root, *directory;
    bool frozen;
    struct dvc_out **outs;
    size_t *passed;
    struct error *error;
};

static bool read_out(struct reading *r, const struct node *node)
{
    struct span path = node_text_at(node, "path"), md5 = node_text_at(node, "md5");
    struct span remote = node_text_at(node, "remote");
    bool directory = span_ends(md5, ".dir");
    if (directory)
        md5.len -= 4;
    if (span_find(path, "://", 0) != SIZE_MAX || md5.len == 0) {
        ++*r->passed; /* an output that lies elsewhere, or is not cached */
        return true;
    }
    if (!is_md5(md5))
        return error_set(r->error, ERROR_NETWORK, "an output has no MD5 that is one");
    struct dvc_out *out = arena_alloc(r->arena, sizeof *out);
    if (!out)
        return error_set(r->error, ERROR_MEMORY, "out of memory");
    *out = (struct dvc_out){ .path = dvc_path(r->arena, r->directory, path),
                             .md5 = arena_text(r->arena, md5),
                             .remote = remote.len ? arena_text(r->arena, remote) : NULL,
                             .root = r->root,
                             .directory = directory,
                             .legacy = !span_is(node_text_at(node, "hash"), "md5"),
                             .frozen = r->frozen,
                             .next = *r->outs };
    out->sized = node_uint(node_find(node, "size"), &out->size) && !directory;
    if (!out->path)
        return error_set(r->error, ERROR_NETWORK,
                         "an output lies outside the repository");
    *r->outs = out;
    return true;
}

static bool read_outs(struct reading *r, const struct node *list)
{
    for (const struct node *n = node_is(list, NODE_LIST) ? list->first : NULL; n;
         n = n->next)
        if (!read_out(r, n))
            return false;
    return true;
}

static const struct node *parse(struct span text, struct arena *arena,
                                const char **ret_why)
{
    struct budget budget = budget_default();
    struct node *root = NULL;
    *ret_why = "it is empty";
    return document_yaml(text, arena, &budget, &root, ret_why) == DOCUMENT_READ ? root
                                                                                : NULL;
}

bool dvc_outs_read(struct span text, const char *file, struct arena *arena,
                   struct dvc_out **ret_outs, size_t *ret_passed, struct error *error)
{
    const char *why;
    const struct node *root = parse(text, arena, &why);
    const struct node *stages = node_find(root, "stages");
    const char *directory = directory_of(arena, file);
    struct reading r = { .arena = arena,
                         .root = directory,
                         .directory = directory,
                         .frozen = span_is(node_text_at(root, "frozen"), "true"),
                         .outs = ret_outs,
                         .passed = ret_passed,
                         .error = error };
    struct span work = node_text_at(root, "wdir");
    if (!root || !directory)
        return error_set(error, ERROR_NETWORK, "%.200s: %s", file, why);
    if (work.len)
        r.directory = dvc_path(arena, directory, work);
    if (!r.directory)
        return error_set(error, ERROR_NETWORK, "%.200s: it lies outside the repository",
                         file);
    bool ok = read_outs(&r, node_find(root, "outs"));
    for (const struct node *s = node_is(stages, NODE_MAP) ? stages->first : NULL; ok && s;
         s = s->next)
        ok = read_outs(&r, node_find(s, "outs"));
    return ok;
}

/* ---- dvc.yaml -------------------------------------------------------------------- */

bool dvc_artifact_find(struct span text, const char *file, const char *path,
                       struct arena *arena, struct dvc_artifact *ret_artifact)
{
    const char *why, *directory = directory_of(arena, file);
    const struct node *list = node_find(parse(text, arena, &why), "artifacts");
    for (const struct node *a = node_is(list, NODE_MAP) ? list->first : NULL;
         a && directory; a = a->next) {
        const char *its = dvc_path(arena, directory, node_text_at(a, "path"));
        if (!its || strcmp(its, path) != 0)
            continue;
        struct dvc_artifact found = { node_text_at(a, "type"),
                                      node_text_at(a, "desc"),
                                      { 0 } };
        const struct node *labels = node_find(a, "labels");
        for (const struct node *l = node_is(labels, NODE_LIST) ? labels->first : NULL; l;
             l = l->next)
            found.labels =
                arena_printf(arena, "%.*s%s%.*s", (int)found.labels.len,
                             found.labels.len ? (const char *)found.labels.ptr : "",
                             found.labels.len ? "," : "", (int)node_text(l).len,
                             node_text(l).len ? (const char *)node_text(l).ptr : "");
        *ret_artifact = found;
        return true;
    }
    return false;
}

/* ---- .dvc/config ----------------------------------------------------------------- */

/* 'remote "NAME"', with or without the outer quotes. */
static bool section_is(struct span section, struct span name)
{
    if (section.len >= 2 && section.ptr[0] == '\'' &&
        section.ptr[section.len - 1] == '\'')
        section = span_slice(section, 1, section.len - 1);
    return span_starts(section, "remote \"") && span_ends(section, "\"") &&
           section.len == name.len + 9 &&
           span_equal(span_slice(section, 8, section.len - 1), name);
}

struct dvc_remote dvc_remote_find(struct span config, const char *name)
{
    struct dvc_remote found = { .name = span_of_text(name) };
    struct ini i = ini_of(config);
    while (!name && ini_next(&i))
        if (span_is(i.section, "core") && span_is(i.key, "remote"))
            found.name = i.value;
    for (i = ini_of(config); found.name.len && ini_next(&i);) {
        if (!section_is(i.section, found.name))
            continue;
        if (span_is(i.key, "url"))
            found.url = i.value;
        else if (span_is(i.key, "endpointurl"))
            found.endpoint = i.value;
    }
    return found;
}

const char *dvc_object_path(struct arena *arena, const char *md5, bool directory,
                            bool legacy)
{
    return (const char *)arena_printf(arena, "%s%.2s/%s%s", legacy ? "" : "files/md5/",
                                      md5, md5 + 2, directory ? ".dir" : "")
        .ptr;
}

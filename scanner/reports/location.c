#include "reports/location.h"

/* Is the target this very file?  Then its path is the target's last part. */
static bool is_target(const struct model *m, const struct file *f)
{
    size_t slash = span_find_last(m->target, "/", m->target.len);
    size_t start = slash == SIZE_MAX ? 0 : slash + 1;
    return m->files == f && !f->next && span_equal(m->identity, m->target) &&
           span_equal(span_slice(m->target, start, m->target.len), f->artifact->name);
}

void location_path(const struct model *m, const struct file *f, struct buffer *out)
{
    struct span target = m->target;
    while (span_starts(target, "./"))
        target = span_slice(target, 2, target.len);
    if (f && !is_target(m, f)) {
        while (span_ends(target, "/"))
            target.len--;
        if (!span_is(target, ".") && (target.len || m->target.len)) {
            buffer_add(out, target);
            buffer_add_text(out, "/");
        }
        buffer_add(out, f->artifact->name);
    } else {
        buffer_add(out, target);
    }
}

void location_member(const struct artifact *a, struct buffer *out)
{
    size_t levels = 0;
    for (const struct artifact *up = a; up->parent; up = up->parent)
        levels++;
    for (; levels > 0; levels--) {
        const struct artifact *part = a;
        for (size_t up = 1; up < levels; up++)
            part = part->parent;
        buffer_add(out, part->name);
        if (levels > 1)
            buffer_add_text(out, "!");
    }
}

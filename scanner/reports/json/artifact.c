#include "reports/json/artifact.h"

#include "core/formats.h"

/* -- facts -------------------------------------------------------------------- */

static void write_scalar(struct json_out *j, const char *key, const struct fact *f)
{
    if (f->type == FACT_TEXT)
        json_out_bytes(j, key, f->text);
    else if (f->type == FACT_UINT)
        json_out_uint(j, key, f->number);
    else if (f->type == FACT_BOOL)
        json_out_bool(j, key, f->number != 0);
    else
        json_out_text(j, key, NULL); /* nested too deeply: builders never are */
}

static void write_facts(struct json_out *j, const struct fact *root)
{
    const struct fact *open[FACT_DEPTH_MAX + 1] = { NULL }; /* the containers around f */
    size_t depth = 0;
    const struct fact *f = root;
    do {
        bool in_list = depth > 0 && open[depth - 1]->type == FACT_LIST;
        const char *key = !f || in_list ? NULL : depth == 0 ? "facts" : f->name;
        if (!f) { /* past the last of a container */
            f = open[--depth];
            if (f->type == FACT_LIST)
                json_out_end_list(j);
            else
                json_out_end_object(j);
            f = f->next;
        } else if ((f->type == FACT_OBJECT || f->type == FACT_LIST) &&
                   depth <= FACT_DEPTH_MAX) {
            if (f->type == FACT_LIST)
                json_out_list(j, key);
            else
                json_out_object(j, key);
            open[depth++] = f;
            f = f->first;
        } else {
            write_scalar(j, key, f);
            f = f->next;
        }
    } while (depth > 0);
}

/* -- files and their members -------------------------------------------------- */

static bool worth_a_line(const struct artifact *a)
{
    return a->findings.count > 0 || a->facts || a->executes ||
           a->status == STATUS_INCOMPLETE || a->status == STATUS_FAILED;
}

/* Is there anything in this member, or below it, that the report should name? */
static bool shown(const struct artifact *member)
{
    for (const struct artifact *a = member; a; a = artifact_walk(member, a))
        if (worth_a_line(a))
            return true;
    return false;
}

static const struct artifact *next_shown(const struct artifact *a)
{
    while (a && !shown(a))
        a = a->next;
    return a;
}

static void write_formats(struct json_out *j, uint64_t set)
{
    json_out_list(j, "formats");
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (set & FORMAT_BIT(id))
            json_out_text(j, NULL, formats[id].name);
    json_out_end_list(j);
}

/* The fields that a file and a member share; leaves the list "members" open. */
static void open_artifact(struct json_out *j, const struct artifact *a)
{
    json_out_uint(j, "size", a->size);
    write_formats(j, a->formats);
    json_out_bool(j, "executes", a->executes);
    const struct artifact *worst = artifact_worst_part(a);
    json_out_text(j, "status", status_name(worst->status));
    json_out_bytes(j, "reason", worst->reason);
    if (worst != a) { /* what is wrong lies deeper */
        json_out_text(j, "own_status", status_name(a->status));
        json_out_bytes(j, "own_reason", a->reason);
    }
    json_out_uint(j, "findings", a->findings.count - a->findings.dropped);
    json_out_uint(j, "findings_dropped", a->findings.dropped);
    if (a->facts)
        write_facts(j, a->facts);
    json_out_uint(j, "members_total", a->members_total);
    json_out_list(j, "members");
}

static void close_artifact(struct json_out *j)
{
    json_out_end_list(j);
    json_out_end_object(j);
}

/* All members below root that are worth showing, nested; no recursion, since the depth
 * of a tree is an option. */
static void write_members(struct json_out *j, const struct artifact *root)
{
    const struct artifact *a = next_shown(root->first);
    const struct artifact *parent = root;
    for (;;) {
        if (a) {
            json_out_object(j, NULL);
            json_out_bytes(j, "path", a->name);
            json_out_uint(j, "offset", a->offset);
            open_artifact(j, a);
            parent = a;
            a = next_shown(a->first);
        } else if (parent != root) {
            close_artifact(j);
            a = next_shown(parent->next);
            parent = parent->parent;
        } else {
            return;
        }
    }
}

void json_artifact_end(struct json_out *j, const struct artifact *a)
{
    open_artifact(j, a);
    write_members(j, a);
    close_artifact(j);
}

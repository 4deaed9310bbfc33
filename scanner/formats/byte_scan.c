#include "formats/byte_scan.h"

#include <assert.h>

enum { FIRST_CAPACITY = 8 };

void left_out_free(struct left_out *l)
{
    free(l->list);
    *l = (struct left_out){ 0 };
}

static bool left_out_add(struct left_out *l, struct byte_range range)
{
    struct byte_range *last = l->count > 0 ? &l->list[l->count - 1] : NULL;
    if (last && last->offset + last->size == range.offset) {
        last->size += range.size;
        return true;
    }
    if (l->count == l->capacity) {
        size_t capacity = l->capacity > 0 ? l->capacity * 2 : FIRST_CAPACITY;
        struct byte_range *list = reallocarray(l->list, capacity, sizeof *list);
        if (!list)
            return false;
        l->list = list;
        l->capacity = capacity;
    }
    assert(l->list);
    l->list[l->count++] = range;
    return true;
}

void inspection_elsewhere(struct inspection *in, uint64_t offset, uint64_t size)
{
    if (!in->left_out || offset >= in->bytes.len || size == 0)
        return;
    if (size > in->bytes.len - offset)
        size = in->bytes.len - offset;
    /* without memory for the note the bytes are searched, which is never wrong */
    (void)left_out_add(in->left_out, (struct byte_range){ offset, size });
}

void inspection_bulk(struct inspection *in, uint64_t offset, uint64_t size)
{
    if (!in->deep)
        inspection_elsewhere(in, offset, size);
}

void byte_scan_leave_out_member(struct inspection *in, struct span member)
{
    uintptr_t start = (uintptr_t)in->bytes.ptr, at = (uintptr_t)member.ptr;
    if (at >= start && at - start < in->bytes.len)
        inspection_elsewhere(in, at - start, member.len);
}

/* What torch.save puts beside the pickle: "archive/data/12", "archive/constants/3",
 * ".data/12.storage".  Bulk, if nothing claims to be more than that. */
static bool is_torch_storage(const struct artifact *a)
{
    static const char *const places[] = { "/data/", "/constants/", ".data/" };
    struct span name = a->name;
    if (a->formats != 0 || !a->parent ||
        !(a->parent->formats & FORMAT_BIT(FORMAT_TORCH_ZIP)))
        return false;
    if (span_ends(name, ".storage"))
        name.len -= strlen(".storage");
    size_t digits = 0;
    while (digits < name.len && name.ptr[name.len - digits - 1] >= '0' &&
           name.ptr[name.len - digits - 1] <= '9')
        digits++;
    name.len -= digits;
    for (size_t i = 0; digits > 0 && i < sizeof places / sizeof *places; i++)
        if (span_ends(name, places[i]))
            return true;
    return false;
}

static int by_offset(const void *a, const void *b)
{
    const struct byte_range *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Turn what was left out, in place, into what was not: the gaps between n ranges are
 * at most n + 1, and gap i is written when range i has been read. */
static bool keep_gaps(struct left_out *l, uint64_t len)
{
    size_t gaps = 0;
    uint64_t seen = 0; /* everything before is left out or listed */
    if (!left_out_add(l, (struct byte_range){ len, 0 }))
        return false;
    qsort(l->list, l->count, sizeof *l->list, by_offset);
    for (size_t i = 0; i < l->count; i++) {
        struct byte_range out = l->list[i];
        if (out.offset > seen)
            l->list[gaps++] = (struct byte_range){ seen, out.offset - seen };
        if (out.offset + out.size > seen)
            seen = out.offset + out.size;
    }
    l->count = gaps;
    return true;
}

void byte_scan(struct inspection *in)
{
    struct left_out *l = in->left_out;
    if (!in->byte_scanner || in->bytes.len == 0)
        return;
    if (is_torch_storage(in->artifact))
        inspection_bulk(in, 0, in->bytes.len);
    if (!l || !keep_gaps(l, in->bytes.len)) {
        inspection_incomplete(in, "no memory to search it with byte rules");
        return;
    }
    uint64_t size = 0;
    for (size_t i = 0; i < l->count; i++)
        size += l->list[i].size;
    if (l->count > 0 && inspection_spend(in, BUDGET_RULE_BYTES, size))
        in->byte_scanner->scan(in->byte_scanner->self, in, l->list, l->count);
}

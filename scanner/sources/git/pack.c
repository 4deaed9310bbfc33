#include "sources/git/pack.h"

#include "core/reader.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { OFS_DELTA = 6, REF_DELTA = 7, ROUNDS_MAX = 64, HEADER_SIZE = 12 };

/* An object on its way: what the pack has at one offset. */
struct entry {
    uint64_t offset, base_offset;
    uint8_t base_oid[GIT_OID_SIZE];
    int kind;          /* enum git_type, OFS_DELTA, REF_DELTA */
    struct span bytes; /* of a delta: its instructions */
    bool resolved;
};

struct reading {
    struct arena *arena;
    struct git_pack pack;
    struct entry *entries;
    uint64_t inflated;
    const char *why; /* NULL: memory */
};

static bool wrong(struct reading *r, const char *why)
{
    r->why = why;
    return false;
}

/* ---- names ----------------------------------------------------------------------- */

bool git_oid_parse(struct span hex, uint8_t ret_oid[GIT_OID_SIZE])
{
    uint8_t oid[GIT_OID_SIZE];
    if (hex.len != GIT_OID_HEX)
        return false;
    for (size_t i = 0; i < GIT_OID_HEX; i++) {
        uint8_t c = hex.ptr[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                           : -1;
        if (digit < 0)
            return false;
        oid[i / 2] = (uint8_t)(i % 2 ? oid[i / 2] | digit : digit << 4);
    }
    memcpy(ret_oid, oid, sizeof oid);
    return true;
}

void git_oid_write(const uint8_t oid[GIT_OID_SIZE], char ret_hex[GIT_OID_HEX + 1])
{
    for (size_t i = 0; i < GIT_OID_SIZE; i++)
        (void)snprintf(ret_hex + 2 * i, 3, "%02x", oid[i]);
}

static bool sha1(struct span head, struct span body, uint8_t ret[GIT_OID_SIZE])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, EVP_sha1(), NULL) == 1 &&
              EVP_DigestUpdate(c, head.ptr, head.len) == 1 &&
              EVP_DigestUpdate(c, body.ptr, body.len) == 1 &&
              EVP_DigestFinal_ex(c, ret, NULL) == 1;
    EVP_MD_CTX_free(c);
    return ok;
}

static size_t slot_of(const struct git_pack *p, const uint8_t oid[GIT_OID_SIZE])
{
    size_t slot =
        ((size_t)oid[0] << 24 | (size_t)oid[1] << 16 | (size_t)oid[2] << 8 | oid[3]) &
        p->mask;
    while (p->table[slot] &&
           memcmp(p->objects[p->table[slot] - 1].oid, oid, GIT_OID_SIZE) != 0)
        slot = (slot + 1) & p->mask;
    return slot;
}

const struct git_object *git_pack_find(const struct git_pack *p,
                                       const uint8_t oid[GIT_OID_SIZE])
{
    uint32_t at = p->table ? p->table[slot_of(p, oid)] : 0;
    return at ? &p->objects[at - 1] : NULL;
}

/* The entry has its bytes now: name it. */
static bool settle(struct reading *r, size_t i, enum git_type type, struct span bytes)
{
    static const char *const names[] = { "", "commit", "tree", "blob", "tag" };
    struct git_object *o = &r->pack.objects[i];
    char head[40];
    int n = snprintf(head, sizeof head, "%s %zu", names[type], bytes.len);
    o->type = type;
    o->bytes = bytes;
    if (!sha1(span_of(head, (size_t)n + 1), bytes, o->oid))
        return false;
    r->entries[i].resolved = true;
    r->pack.table[slot_of(&r->pack, o->oid)] = (uint32_t)i + 1;
    return true;
}

/* ---- inflating ------------------------------------------------------------------- */

static bool inflate_from(struct reading *r, struct reader *in, uint64_t size,
                         struct span *ret)
{
    struct span left = reader_peek(in, SIZE_MAX);
    uint8_t spare;
    if (size > GIT_OBJECT_BYTES_MAX || size > GIT_PACK_BYTES_MAX - r->inflated ||
        size / 1100 > left.len) /* deflate does not do better */
        return wrong(r, "an object in it is too large");
    uint8_t *bytes = size ? arena_alloc(r->arena, (size_t)size) : &spare;
    z_stream z = { .next_in = (Bytef *)(uintptr_t)left.ptr,
                   .avail_in = left.len > UINT32_MAX ? UINT32_MAX : (uInt)left.len,
                   .next_out = bytes,
                   .avail_out = size ? (uInt)size : 1 };
    if (!bytes || inflateInit(&z) != Z_OK)
        return false;
    int status = inflate(&z, Z_FINISH);
    bool whole = status == Z_STREAM_END && z.total_out == size;
    uint64_t used = z.total_in;
    (void)inflateEnd(&z);
    if (!whole)
        return wrong(r, "an object in it cannot be inflated");
    reader_skip(in, used);
    r->inflated += size;
    *ret = span_of(bytes, (size_t)size);
    return true;
}

/* Type and size; then, of a delta, what it is based on. */
static bool read_entry(struct reading *r, struct reader *in, struct entry *e)
{
    e->offset = in->pos;
    uint8_t byte = reader_u8(in);
    uint64_t size = byte & 0x0f;
    e->kind = byte >> 4 & 7;
    for (unsigned shift = 4; byte & 0x80; shift += 7) {
        byte = reader_u8(in);
        if (shift > 32)
            return wrong(r, "an object in it is too large");
        size |= (uint64_t)(byte & 0x7f) << shift;
    }
    if (e->kind == OFS_DELTA) {
        uint64_t back = (byte = reader_u8(in)) & 0x7f;
        for (int i = 0; byte & 0x80 && i < 8; i++)
            back = (back + 1) << 7 | ((byte = reader_u8(in)) & 0x7f);
        if (byte & 0x80 || back == 0 || back > e->offset)
            return wrong(r, "a delta in it is based on nothing");
        e->base_offset = e->offset - back;
    } else if (e->kind == REF_DELTA) {
        struct span oid = reader_bytes(in, GIT_OID_SIZE);
        if (oid.len == GIT_OID_SIZE)
            memcpy(e->base_oid, oid.ptr, GIT_OID_SIZE);
    } else if (e->kind < GIT_COMMIT || e->kind > GIT_TAG) {
        return wrong(r, "it has an object of an unknown type");
    }
    return (reader_ok(in) || wrong(r, "it ends early")) &&
           inflate_from(r, in, size, &e->bytes);
}

/* ---- deltas ---------------------------------------------------------------------- */

/* Copy from the base (the top bit is set), or bytes that follow. */
static bool apply_one(struct reader *in, struct span base, uint8_t *to, size_t room,
                      size_t *ret_done)
{
    uint8_t op = reader_u8(in);
    struct span from;
    if (op & 0x80) {
        uint32_t offset = 0, size = 0;
        for (unsigned i = 0; i < 4; i++)
            if (op & 1U << i)
                offset |= (uint32_t)reader_u8(in) << 8 * i;
        for (unsigned i = 0; i < 3; i++)
            if (op & 0x10U << i)
                size |= (uint32_t)reader_u8(in) << 8 * i;
        size = size ? size : 0x10000;
        if (offset > base.len || size > base.len - offset)
            return false;
        from = span_slice(base, offset, (size_t)offset + size);
    } else {
        from = reader_bytes(in, op);
        if (op == 0)
            return false;
    }
    if (!reader_ok(in) || from.len > room)
        return false;
    memcpy(to, from.ptr, from.len);
    *ret_done = from.len;
    return true;
}

static bool apply(struct reading *r, struct span base, struct span delta,
                  struct span *ret)
{
    struct reader in = reader_of(delta, 0);
    uint64_t from = reader_varint(&in), size = reader_varint(&in);
    if (!reader_ok(&in) || from != base.len)
        return wrong(r, "a delta in it does not fit its base");
    if (size > GIT_OBJECT_BYTES_MAX || size > GIT_PACK_BYTES_MAX - r->inflated)
        return wrong(r, "an object in it is too large");
    uint8_t *bytes = arena_alloc(r->arena, size ? (size_t)size : 1);
    size_t at = 0, done = 0;
    if (!bytes)
        return false;
    r->inflated += size;
    while (reader_left(&in) && apply_one(&in, base, bytes + at, (size_t)size - at, &done))
        at += done;
    if (reader_left(&in) || !reader_ok(&in) || at != size)
        return wrong(r, "a delta in it is malformed");
    *ret = span_of(bytes, at);
    return true;
}

/* The index of the entry at that offset; entries are in the order of offsets. */
static size_t entry_at(const struct reading *r, uint64_t offset)
{
    size_t low = 0, high = r->pack.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->entries[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < r->pack.count && r->entries[low].offset == offset ? low : SIZE_MAX;
}

/* A base by offset comes before its delta, so one round settles all of those. */
static bool resolve_round(struct reading *r, size_t *ret_left, bool *ret_progress)
{
    *ret_left = 0;
    *ret_progress = false;
    for (size_t i = 0; i < r->pack.count; i++) {
        struct entry *e = &r->entries[i];
        const struct git_object *base = NULL;
        struct span bytes;
        if (e->resolved)
            continue;
        if (e->kind == OFS_DELTA) {
            size_t at = entry_at(r, e->base_offset);
            if (at == SIZE_MAX)
                return wrong(r, "a delta in it is based on nothing");
            base = r->entries[at].resolved ? &r->pack.objects[at] : NULL;
        } else {
            base = git_pack_find(&r->pack, e->base_oid);
        }
        if (!base) {
            ++*ret_left;
            continue;
        }
        if (!apply(r, base->bytes, e->bytes, &bytes) || !settle(r, i, base->type, bytes))
            return false;
        *ret_progress = true;
    }
    return true;
}

/* ---- the pack -------------------------------------------------------------------- */

static bool make_tables(struct reading *r, size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    r->pack.objects = arena_array(r->arena, count + 1, sizeof *r->pack.objects);
    r->entries = arena_array(r->arena, count + 1, sizeof *r->entries);
    r->pack.table = arena_array(r->arena, slots, sizeof *r->pack.table);
    r->pack.mask = slots - 1;
    r->pack.count = count;
    return r->pack.objects && r->entries && r->pack.table;
}

static bool read_pack(struct reading *r, struct span bytes)
{
    uint8_t digest[GIT_OID_SIZE];
    if (bytes.len < HEADER_SIZE + GIT_OID_SIZE)
        return wrong(r, "it ends early");
    struct span body = span_slice(bytes, 0, bytes.len - GIT_OID_SIZE);
    if (!sha1(body, span_of(NULL, 0), digest))
        return false;
    if (memcmp(digest, body.ptr + body.len, GIT_OID_SIZE) != 0)
        return wrong(r, "its checksum differs");
    struct reader in = reader_of(body, 0);
    if (!span_is(reader_bytes(&in, 4), "PACK") || reader_u32be(&in) != 2)
        return wrong(r, "it is none");
    uint32_t told = reader_u32be(&in);
    size_t count = reader_count(&in, told, 2);
    if (!reader_ok(&in) || count > GIT_OBJECTS_MAX)
        return wrong(r, "it has too many objects");
    if (!make_tables(r, count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct entry *e = &r->entries[i];
        if (!read_entry(r, &in, e) ||
            (e->kind <= GIT_TAG && !settle(r, i, (enum git_type)e->kind, e->bytes)))
            return false;
    }
    if (reader_left(&in))
        return wrong(r, "something lies behind its objects");
    size_t left = 1;
    bool progress = true;
    for (int round = 0; left && progress && round < ROUNDS_MAX; round++)
        if (!resolve_round(r, &left, &progress))
            return false;
    return left == 0 || wrong(r, "a delta in it is based on nothing");
}

bool git_pack_read(struct span bytes, struct arena *arena, struct git_pack *ret_pack,
                   struct error *error)
{
    struct reading r = { .arena = arena };
    if (!read_pack(&r, bytes))
        return r.why && !arena_exhausted(arena)
                   ? error_set(error, ERROR_NETWORK, "the pack cannot be read: %s", r.why)
                   : error_set(error, ERROR_MEMORY,
                               "the pack needs more memory than allowed");
    *ret_pack = r.pack;
    return true;
}

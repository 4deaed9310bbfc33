#include "formats/zip_member.h"

#include "formats/expansion.h"
#include "formats/member_name.h"

#include <sys/stat.h>

#define ZLIB_CONST
#include <zlib.h>

enum {
    OUTPUT_PIECE = 128 << 10,
    INPUT_PIECE = 1 << 30, /* zlib counts in 32 bits */
    /* Of a member that is too large to expand, and past the size a header promises,
     * this much is still expanded and looked at. */
    HEAD_BYTES = 64 << 20,
    /* A stored member is walked for its CRC only if it is no larger than this, or a
     * pickle, or --depth deep asks: bulk is not read twice. */
    CRC_STORED_MAX = 4 << 10,
    HOST_UNIX = 3,
    EXTRA_UNICODE_PATH = 0x7075
};

/* A bomb: this much in all, and this many times the archive's own size. */
static const uint64_t bomb_bytes = UINT64_C(1) << 30, bomb_ratio = 100;

struct inflater {
    z_stream z;
    uint8_t output[OUTPUT_PIECE];
};

void zip_members_end(struct zip_members *m)
{
    if (m->inflater)
        (void)inflateEnd(&m->inflater->z);
    free(m->inflater);
    m->inflater = NULL;
}

static bool inflater_ready(struct zip_members *m)
{
    if (m->inflater)
        return inflateReset(&m->inflater->z) == Z_OK;
    struct inflater *i = calloc(1, sizeof *i);
    if (!i || inflateInit2(&i->z, -MAX_WBITS) != Z_OK) {
        free(i);
        return false;
    }
    m->inflater = i;
    return true;
}

enum stream_end { STREAM_ENDED, STREAM_CUT, STREAM_DAMAGED, STREAM_TOO_LONG };

struct stream {
    struct expansion *expansion;
    struct reader input;
    uint64_t limit, expanded;
    uint32_t crc;
};

/* Inflate until the stream ends, breaks, or gives more than s->limit. */
static enum stream_end inflate_stream(struct inflater *i, struct stream *s)
{
    int status = Z_OK;
    i->z.avail_in = 0;
    while (status != Z_STREAM_END) {
        if (i->z.avail_in == 0) {
            struct span piece = reader_peek(&s->input, INPUT_PIECE);
            if (piece.len == 0)
                return STREAM_CUT;
            reader_skip(&s->input, piece.len);
            i->z.next_in = piece.ptr;
            i->z.avail_in = (uInt)piece.len;
        }
        i->z.next_out = i->output;
        i->z.avail_out = sizeof i->output;
        status = inflate(&i->z, Z_NO_FLUSH);
        size_t made = sizeof i->output - i->z.avail_out;
        s->crc = (uint32_t)crc32(s->crc, i->output, (uInt)made);
        s->expanded += made;
        if (!expansion_add(s->expansion, span_of(i->output, made)))
            return STREAM_TOO_LONG;
        bool starved = status == Z_BUF_ERROR && i->z.avail_in == 0;
        if (status != Z_OK && status != Z_STREAM_END && !starved)
            return STREAM_DAMAGED;
        if (s->expanded > s->limit)
            return STREAM_TOO_LONG;
    }
    return STREAM_ENDED;
}

static void count_expanded(struct zip_members *m, const struct zip_entry *e, uint64_t n)
{
    if (!size_add(m->expanded, n, &m->expanded))
        m->expanded = UINT64_MAX;
    if (m->bomb || m->expanded <= bomb_bytes ||
        m->expanded / bomb_ratio <= m->in->bytes.len)
        return;
    m->bomb = true;
    inspection_finding(m->in, RULE_ZIP_BOMB, e->header, e->name,
                       "%zu bytes expand to %llu and more", m->in->bytes.len,
                       (unsigned long long)m->expanded);
}

bool zip_member_is_link(const struct zip_entry *e)
{
    return e->host == HOST_UNIX && S_ISLNK(e->attributes >> 16);
}

static void check_crc(struct zip_members *m, const struct zip_entry *e, uint32_t crc)
{
    if (crc != e->crc && !e->deferred)
        inspection_finding(m->in, RULE_ZIP_CRC_MISMATCH, e->header, e->name,
                           "'%.*s' has CRC-32 %08x, the header says %08x",
                           ZIP_SHOW(e->name), crc, e->crc);
}

/* Hand a member's content on, whatever it was stored as. */
static struct artifact *inspect_content(struct zip_members *m, const struct zip_entry *e,
                                        struct span content)
{
    if (zip_member_is_link(e) && member_link_escapes(e->name, content))
        inspection_finding(m->in, RULE_ZIP_SYMLINK, e->header, content,
                           "'%.*s' extracts as a link to '%.*s'", ZIP_SHOW(e->name),
                           ZIP_SHOW(content));
    if (content.len == 0)
        return NULL;
    return inspect_member(m->in, e->name, e->data, content);
}

static void inspect_stored(struct zip_members *m, const struct zip_entry *e,
                           struct span raw)
{
    const struct artifact *child = inspect_content(m, e, raw);
    count_expanded(m, e, raw.len);
    if (m->in->deep || raw.len <= CRC_STORED_MAX || (child && child->executes))
        check_crc(m, e, (uint32_t)crc32_z(0, raw.ptr, raw.len));
}

/* What the end of the deflate stream says about the headers. */
static void check_stream(struct zip_members *m, const struct zip_entry *e,
                         const struct stream *s, enum stream_end end, uint64_t used)
{
    struct inspection *in = m->in;
    if (end == STREAM_CUT)
        inspection_incomplete(in, "the compressed data of '%.*s' is cut off",
                              ZIP_SHOW(e->name));
    if (end == STREAM_DAMAGED)
        inspection_incomplete(in, "the compressed data of '%.*s' is damaged",
                              ZIP_SHOW(e->name));
    if (end == STREAM_TOO_LONG)
        inspection_incomplete(in,
                              "'%.*s' expands to more than its header or the budget "
                              "allows (--max-%s)",
                              ZIP_SHOW(e->name),
                              budget_kinds[BUDGET_EXPANDED_BYTES].option);
    if (e->deferred)
        return;
    bool longer = s->expanded > e->expanded;
    if (longer || (end == STREAM_ENDED && s->expanded != e->expanded))
        inspection_finding(in, RULE_ZIP_HEADER_MISMATCH, e->header, e->name,
                           "'%.*s' expands to %llu bytes%s, its header says %llu",
                           ZIP_SHOW(e->name), (unsigned long long)s->expanded,
                           end == STREAM_ENDED ? "" : " and more",
                           (unsigned long long)e->expanded);
    if (end != STREAM_ENDED)
        return;
    check_crc(m, e, s->crc);
    if (used < e->compressed)
        inspection_finding(in, RULE_ZIP_OUTSIDE_DATA, e->data + used, e->name,
                           "%llu bytes follow the compressed data of '%.*s'",
                           (unsigned long long)(e->compressed - used), ZIP_SHOW(e->name));
}

static void inspect_deflated(struct zip_members *m, const struct zip_entry *e,
                             struct span raw, uint64_t *ret_used)
{
    struct inspection *in = m->in;
    struct expansion *expansion = expansion_open(in);
    if (!expansion || !inflater_ready(m)) {
        inspection_incomplete(in, "no memory to decompress");
        expansion_close(expansion);
        return;
    }
    struct stream s = { .expansion = expansion, .input = reader_of(raw, e->data) };
    bool fits = !e->deferred && e->expanded <= in->budget->left[BUDGET_EXPANDED_BYTES];
    s.limit = HEAD_BYTES;
    if (e->deferred)
        s.limit = UINT64_MAX; /* nobody has promised a size: the budget alone bounds */
    else if (fits && !size_add(e->expanded, HEAD_BYTES, &s.limit))
        s.limit = UINT64_MAX;
    enum stream_end end = inflate_stream(m->inflater, &s);
    uint64_t used = raw.len - reader_left(&s.input) - m->inflater->z.avail_in;
    inspection_elsewhere(in, e->data, used);
    check_stream(m, e, &s, end, used);
    bool cut = end == STREAM_TOO_LONG && !e->deferred && e->expanded > s.expanded;
    count_expanded(m, e, cut ? e->expanded : s.expanded);
    struct artifact *child = inspect_content(m, e, expansion_bytes(expansion));
    if (child && end != STREAM_ENDED)
        artifact_lower(child, STATUS_INCOMPLETE, "only its beginning could be expanded");
    expansion_close(expansion);
    if (used < raw.len && end == STREAM_ENDED && !e->deferred)
        (void)inspect_member(in, e->name, e->data + used,
                             span_slice(raw, (size_t)used, raw.len));
    *ret_used = used;
}

bool zip_member_inspect(struct zip_members *m, const struct zip_entry *e,
                        uint64_t *ret_used)
{
    struct inspection *in = m->in;
    struct zip_entry member = *e;
    uint64_t end;
    if (!size_add(e->data, e->compressed, &end) || end > in->bytes.len) {
        inspection_incomplete(in, "the data of '%.*s' is cut off", ZIP_SHOW(e->name));
        end = in->bytes.len;
        member.deferred = true; /* what the header promises cannot hold */
    }
    struct span raw = span_slice(in->bytes, (size_t)e->data, (size_t)end);
    member.compressed = *ret_used = raw.len;
    if (e->method == ZIP_STORED) {
        inspect_stored(m, &member, raw);
    } else if (e->method == ZIP_DEFLATED) {
        inspect_deflated(m, &member, raw, ret_used);
    } else {
        inspection_finding(in, RULE_ZIP_UNSUPPORTED_METHOD, e->header, e->name,
                           "'%.*s' is compressed with method %u", ZIP_SHOW(e->name),
                           e->method);
        inspection_incomplete(in, "'%.*s' is compressed with method %u",
                              ZIP_SHOW(e->name), e->method);
    }
    return in->budget->left[BUDGET_MEMBERS] > 0;
}

struct span zip_member_content(struct inspection *in, const struct zip_entry *e,
                               uint64_t max, struct expansion **ret_expansion)
{
    struct zip_entry local;
    *ret_expansion = NULL;
    if (!zip_local_read(in->bytes, e->local, &local))
        return (struct span){ 0 };
    struct reader r = reader_of(in->bytes, 0);
    reader_seek(&r, local.data);
    struct span raw = reader_bytes(&r, e->compressed);
    if (e->method == ZIP_STORED)
        return span_slice(raw, 0, max < raw.len ? (size_t)max : raw.len);
    struct zip_members m = { .in = in };
    struct stream s = { .input = reader_of(raw, 0), .limit = max };
    s.expansion = expansion_open(in);
    if (e->method == ZIP_DEFLATED && s.expansion && inflater_ready(&m))
        (void)inflate_stream(m.inflater, &s);
    zip_members_end(&m);
    *ret_expansion = s.expansion;
    if (!s.expansion)
        return (struct span){ 0 };
    struct span content = expansion_bytes(s.expansion);
    return span_slice(content, 0, max < content.len ? (size_t)max : content.len);
}

/* Info-ZIP's second name, which newer loaders prefer, must not be another name. */
static void check_unicode_path(struct zip_members *m, const struct zip_entry *e)
{
    struct reader r;
    if (!zip_extra_find(e->extra, EXTRA_UNICODE_PATH, &r))
        return;
    reader_skip(&r, 1);
    uint32_t crc = reader_u32le(&r);
    struct span other = reader_rest(&r);
    if (!reader_ok(&r) || crc != (uint32_t)crc32_z(0, e->name.ptr, e->name.len) ||
        span_equal(other, e->name))
        return;
    const char *why = member_name_unsafe(other);
    if (why)
        inspection_finding(m->in, RULE_ZIP_UNSAFE_NAME, e->header, other,
                           "the second name of '%.*s' %s", ZIP_SHOW(e->name), why);
    else if (!member_name_odd(e->name, true))
        inspection_finding(m->in, RULE_ZIP_AMBIGUOUS_NAME, e->header, other,
                           "'%.*s' has another name for loaders that read field 0x7075",
                           ZIP_SHOW(e->name));
}

void zip_member_check(struct zip_members *m, const struct zip_entry *e)
{
    struct inspection *in = m->in;
    const char *unsafe = member_name_unsafe(e->name);
    const char *odd = member_name_odd(e->name, e->flags & ZIP_UTF8);
    if (unsafe)
        inspection_finding(in, RULE_ZIP_UNSAFE_NAME, e->header, e->name, "'%.*s' %s",
                           ZIP_SHOW(e->name), unsafe);
    else if (odd)
        inspection_finding(in, RULE_ZIP_AMBIGUOUS_NAME, e->header, e->name, "'%.*s' %s",
                           ZIP_SHOW(e->name), odd);
    check_unicode_path(m, e);
    uint32_t mode = e->host == HOST_UNIX ? e->attributes >> 16 : 0;
    if (S_ISCHR(mode) || S_ISBLK(mode) || S_ISFIFO(mode) || S_ISSOCK(mode))
        inspection_finding(in, RULE_ZIP_SPECIAL_FILE, e->header, e->name,
                           "'%.*s' extracts as a device, pipe or socket",
                           ZIP_SHOW(e->name));
    if (e->flags & (ZIP_UNREADABLE | ZIP_MASKED_HEADER)) {
        inspection_finding(in, RULE_ZIP_ENCRYPTED, e->header, e->name,
                           "'%.*s' is marked as encrypted or as a patch (flags %04x)",
                           ZIP_SHOW(e->name), e->flags);
        inspection_incomplete(in, "'%.*s' is encrypted", ZIP_SHOW(e->name));
    }
}

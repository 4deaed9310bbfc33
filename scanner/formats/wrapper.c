#include "formats/wrapper.h"

#include "formats/expansion.h"

enum { PIECE = 256 << 10, TRIAL_IN = 64 << 10, TRIAL_OUT = 4096, INPUT_MAX = 1 << 30 };
/* A bomb: this much in all, and this many times the size of the file. */
#define BOMB_BYTES (UINT64_C(1) << 30)
#define BOMB_RATIO 100

/* One call of the codec, on no more input than its integers can count. */
static enum wrapper_step step(const struct wrapper_codec *codec, void *self,
                              struct span *left, uint8_t *out, size_t room,
                              size_t *ret_len)
{
    struct span in = span_slice(*left, 0, INPUT_MAX);
    size_t offered = in.len;
    *ret_len = 0;
    enum wrapper_step s = codec->step(self, &in, out, room, ret_len);
    *left = span_slice(*left, offered - in.len, left->len);
    return s;
}

bool wrapper_trial(struct span bytes, const struct wrapper_codec *codec)
{
    uint8_t out[TRIAL_OUT];
    struct span in = span_slice(bytes, 0, TRIAL_IN);
    size_t len = 0;
    void *self = codec->open();
    if (!self)
        return true; /* let the inspector say what is missing */
    enum wrapper_step s = step(codec, self, &in, out, sizeof out, &len);
    codec->close(self);
    return s == WRAPPER_END || (s == WRAPPER_MORE && len > 0);
}

/* "model.pkl.gz" holds "model.pkl". */
static struct span content_name(struct span name, const char *const *suffixes)
{
    for (; suffixes && *suffixes; suffixes++)
        if (span_ends_nocase(name, *suffixes) && name.len > strlen(*suffixes)) {
            size_t start = name.len;
            while (start > 0 && name.ptr[start - 1] != '/')
                start--;
            return span_slice(name, start, name.len - strlen(*suffixes));
        }
    return span_of_text("content");
}

static bool only_zeros(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] != 0)
            return false;
    return true;
}

/* Wrappers in wrappers and in literals add up, against the size of the file around them
 * all.  An archive has a rule of its own (zip_member.c). */
static void report_bomb(struct inspection *in, uint64_t before)
{
    const struct artifact *root = in->artifact;
    uint64_t after = in->budget->taken[BUDGET_EXPANDED_BYTES];
    while (root->parent)
        root = root->parent;
    uint64_t limit = UINT64_MAX;
    (void)size_multiply(root->size, BOMB_RATIO, &limit);
    limit = limit < BOMB_BYTES ? BOMB_BYTES : limit;
    if (before <= limit && after > limit)
        inspection_finding(in, RULE_FORMAT_BOMB, 0, span_slice(in->bytes, 0, 16),
                           "a file of %llu bytes expands to %llu and more",
                           (unsigned long long)root->size, (unsigned long long)after);
}

/* One member after the other into the expansion.  False when it ends early. */
static bool decode_members(struct inspection *in, const struct wrapper_codec *codec,
                           struct span left, struct expansion *e, uint8_t *piece)
{
    for (bool first = true; first || !only_zeros(left); first = false) {
        if (!first && !wrapper_trial(left, codec)) {
            inspection_incomplete(in, "%zu bytes follow the compressed data", left.len);
            return false;
        }
        enum wrapper_step s = WRAPPER_MORE;
        void *self = codec->open();
        while (self && s == WRAPPER_MORE) {
            size_t before = left.len, len = 0;
            s = step(codec, self, &left, piece, PIECE, &len);
            uint64_t taken = in->budget->taken[BUDGET_EXPANDED_BYTES];
            bool added = len == 0 || expansion_add(e, span_of(piece, len));
            report_bomb(in, taken);
            if (!added) {
                codec->close(self);
                return false;
            }
            if (s == WRAPPER_MORE && len == 0 && before == left.len)
                break; /* the input has ended */
        }
        if (self)
            codec->close(self);
        if (s == WRAPPER_END)
            continue;
        inspection_incomplete(in, !self               ? "out of memory"
                                  : s == WRAPPER_MORE ? "the compressed data is cut short"
                                                      : "the compressed data is damaged");
        return false;
    }
    return true;
}

void wrapper_inspect(struct inspection *in, const struct wrapper_codec *codec,
                     const char *const *suffixes, size_t start)
{
    struct expansion *e = expansion_open(in);
    uint8_t *piece = malloc(PIECE);
    if (!e || !piece) {
        inspection_incomplete(in, "out of memory");
    } else {
        if (decode_members(in, codec, span_slice(in->bytes, start, in->bytes.len), e,
                           piece))
            inspection_elsewhere(in, start, in->bytes.len - start);
        (void)inspect_member(in, content_name(in->artifact->name, suffixes), 0,
                             expansion_bytes(e));
    }
    free(piece);
    expansion_close(e);
}

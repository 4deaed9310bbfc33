#include "integrity/sigstore/note.h"

#include "core/base64.h"
#include "core/reader.h"

#include <openssl/evp.h>

static const char dash[] = "\xe2\x80\x94 "; /* an em dash and a space */

/* "— NAME BASE64" without its newline. */
static bool read_line(struct arena *arena, struct span line, struct note_line *ret_line)
{
    struct note_line out;
    struct span bytes;
    if (!span_starts(line, dash))
        return false;
    line = span_slice(line, sizeof dash - 1, line.len);
    size_t space = span_find(line, " ", 0);
    if (space == 0 || space == SIZE_MAX ||
        !base64_decode(arena, span_slice(line, space + 1, line.len), &bytes) ||
        bytes.len <= NOTE_KEY_ID_LEN)
        return false;
    out.name = span_slice(line, 0, space);
    out.key_id = span_slice(bytes, 0, NOTE_KEY_ID_LEN);
    out.signature = span_slice(bytes, NOTE_KEY_ID_LEN, bytes.len);
    *ret_line = out;
    return true;
}

bool note_parse(struct arena *arena, struct span bytes, struct note *ret_note)
{
    struct note note = { .count = 0 };
    if (bytes.len > NOTE_BYTES_MAX || !span_ends(bytes, "\n"))
        return false;
    size_t blank = span_find_last(bytes, "\n\n", bytes.len);
    if (blank == SIZE_MAX)
        return false;
    note.text = span_slice(bytes, 0, blank + 1);
    struct reader r = reader_of(span_slice(bytes, blank + 2, bytes.len), 0);
    while (reader_left(&r) > 0) {
        struct span line = reader_line(&r, NOTE_BYTES_MAX);
        if (!reader_ok(&r) || note.count == NOTE_LINES_MAX ||
            !read_line(arena, line, &note.lines[note.count]))
            return false;
        note.count++;
    }
    if (note.count == 0)
        return false;
    *ret_note = note;
    return true;
}

static bool read_size(struct span text, uint64_t *ret_size)
{
    uint64_t size = 0;
    if (text.len == 0 || text.len > 19 || (text.ptr[0] == '0' && text.len > 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        size = size * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret_size = size;
    return true;
}

bool checkpoint_parse(struct span text, struct checkpoint *ret_checkpoint)
{
    struct checkpoint out;
    struct span root;
    struct reader r = reader_of(text, 0);
    out.origin = reader_line(&r, NOTE_BYTES_MAX);
    struct span size = reader_line(&r, 20);
    struct span hash = reader_line(&r, 64);
    struct arena *arena = arena_new(4096);
    bool ok = reader_ok(&r) && out.origin.len > 0 && read_size(size, &out.size) &&
              arena && base64_decode(arena, hash, &root) && root.len == sizeof out.root;
    if (ok) {
        memcpy(out.root, root.ptr, sizeof out.root);
        *ret_checkpoint = out;
    }
    arena_free(arena);
    return ok;
}

bool note_ed25519_id(const struct crypto *c, struct span name, const EVP_PKEY *key,
                     uint8_t ret_id[SHA256_LEN])
{
    static const uint8_t kind[] = { '\n', 0x01 };
    uint8_t raw[32];
    size_t len = sizeof raw;
    if (EVP_PKEY_get_raw_public_key(key, raw, &len) != 1 || len != sizeof raw)
        return false;
    return crypto_sha256(c, name, span_of(kind, sizeof kind), span_of(raw, len), ret_id);
}

bool note_line_verify(const struct crypto *c, const struct note *note,
                      const struct note_line *line, EVP_PKEY *key)
{
    return pubkey_verify(c, key, NULL, note->text, line->signature);
}

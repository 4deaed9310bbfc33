#include "core/digest.h"

#include "core/blake3.h"
#include "core/crc.h"

#include <openssl/evp.h>
#include <zlib.h>

/* DVC decides by its first 512 bytes whether a file is text, and turns CR LF into LF in
 * pieces of 1 MiB; a pair that two pieces share stays.  Source: DVC 2, dvc/utils,
 * dvc/istextfile.py. */
enum { DOS_HEAD = 512, DOS_CHUNK = 1 << 20 };

enum { GIT_TEXT_MAX = 16 << 20, GIT_TEXT_FIRST = 64 << 10 };

enum { AUTOV1_FROM = 1 << 20, AUTOV1_TO = AUTOV1_FROM + (64 << 10) };
enum { HEADER_LENGTH = 8 }; /* of safetensors, little endian */

struct dos2unix {
    uint8_t head[DOS_HEAD];
    size_t head_len;
    bool decided, text;
    bool carriage_return; /* one is held back: a line feed may follow */
    uint32_t at;          /* in the piece */
};

/* A file as git stores it when it is a text. */
struct git_text {
    bool wanted;
    uint8_t *bytes;
    size_t len, capacity;
    bool carriage_return; /* the last byte is one */
    bool nul, too_long;
};

/* The part of the file that a digest is of. */
struct window {
    uint64_t from, to;
};

struct digester {
    EVP_MD_CTX *contexts[DIGEST_COUNT]; /* NULL: not asked for, or failed */
    uint8_t values[DIGEST_COUNT][EVP_MAX_MD_SIZE];
    unsigned lengths[DIGEST_COUNT]; /* 0 until finished */
    struct dos2unix dos;
    struct git_text text;
    struct blake3 *blake3;          /* NULL: not asked for */
    struct crc *crc32c, *crc64nvme; /* the same */
    bool crc_wanted;
    uLong crc;
    uint64_t at; /* bytes added */
    uint8_t header[HEADER_LENGTH];
    struct window autov1, autov3;
};

static const struct {
    const char *name;
    const EVP_MD *(*method)(void); /* NULL: not OpenSSL's */
    unsigned digits;
    bool weak;
    bool all; /* it is fed all bytes, as they are */
} algorithms[DIGEST_COUNT] = {
    [DIGEST_SHA256] = {"sha256",           EVP_sha256,     64,  false, true },
    [DIGEST_GIT_SHA1] = { "git-sha1",        EVP_sha1,       40,  true,  true },
    [DIGEST_GIT_SHA256] = { "git-sha256",      EVP_sha256,     64,  false, true },
    [DIGEST_GIT_SHA1_TEXT] = { "git-sha1-text",   EVP_sha1,       40,  true,  false},
    [DIGEST_GIT_SHA256_TEXT] = { "git-sha256-text", EVP_sha256,     64,  true,  false},
    [DIGEST_SHA384] = { "sha384",          EVP_sha384,     96,  false, true },
    [DIGEST_SHA512] = { "sha512",          EVP_sha512,     128, false, true },
    [DIGEST_BLAKE2B] = { "blake2b",         EVP_blake2b512, 128, false, true },
    [DIGEST_BLAKE3] = { "blake3",          NULL,           64,  false, false},
    [DIGEST_MD5] = { "md5",             EVP_md5,        32,  true,  true },
    [DIGEST_MD5_DOS2UNIX] = { "md5-dos2unix",    EVP_md5,        32,  true,  false},
    [DIGEST_SHA1] = { "sha1",            EVP_sha1,       40,  true,  true },
    [DIGEST_CRC32C] = { "crc32c",          NULL,           8,   true,  false},
    [DIGEST_CRC64NVME] = { "crc64nvme",       NULL,           16,  true,  false},
    [DIGEST_CRC32] = { "crc32",           NULL,           8,   true,  false},
    [DIGEST_AUTOV1] = { "autov1",          EVP_sha256,     64,  true,  false},
    [DIGEST_AUTOV3] = { "autov3",          EVP_sha256,     64,  true,  false},
};

const char *digest_name(enum digest_algorithm a)
{
    return algorithms[a].name;
}

unsigned digest_digits(enum digest_algorithm a)
{
    return algorithms[a].digits;
}

bool digest_weak(enum digest_algorithm a)
{
    return algorithms[a].weak;
}

static void drop(struct digester *d, int a)
{
    EVP_MD_CTX_free(d->contexts[a]);
    d->contexts[a] = NULL;
}

static void update(struct digester *d, int a, const void *bytes, size_t len)
{
    if (d->contexts[a] && EVP_DigestUpdate(d->contexts[a], bytes, len) != 1)
        drop(d, a);
}

static void add_git_header(struct digester *d, int a, uint64_t size)
{
    char header[32];
    int n = snprintf(header, sizeof header, "blob %llu", (unsigned long long)size);
    update(d, a, header, (size_t)n + 1);
}

static struct crc *crc_new(uint64_t polynomial)
{
    struct crc *c = malloc(sizeof *c);
    if (c)
        crc_init(c, polynomial);
    return c;
}

struct digester *digester_new(unsigned wanted, uint64_t size)
{
    struct digester *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    for (int a = 0; a < DIGEST_COUNT; a++) {
        if (!(wanted & DIGEST_BIT(a)) || !algorithms[a].method)
            continue;
        d->contexts[a] = EVP_MD_CTX_new();
        if (d->contexts[a] &&
            EVP_DigestInit_ex(d->contexts[a], algorithms[a].method(), NULL) != 1)
            drop(d, a);
    }
    if (wanted & DIGEST_BIT(DIGEST_BLAKE3)) {
        d->blake3 = malloc(sizeof *d->blake3);
        if (d->blake3)
            blake3_init(d->blake3);
    }
    if (wanted & DIGEST_BIT(DIGEST_CRC32C))
        d->crc32c = crc_new(CRC32C_POLYNOMIAL);
    if (wanted & DIGEST_BIT(DIGEST_CRC64NVME))
        d->crc64nvme = crc_new(CRC64NVME_POLYNOMIAL);
    d->autov1 = (struct window){ AUTOV1_FROM, AUTOV1_TO };
    d->autov3 = (struct window){ UINT64_MAX, UINT64_MAX }; /* until the header is known */
    d->crc_wanted = (wanted & DIGEST_BIT(DIGEST_CRC32)) != 0;
    d->crc = crc32_z(0, NULL, 0);
    d->text.wanted =
        d->contexts[DIGEST_GIT_SHA1_TEXT] || d->contexts[DIGEST_GIT_SHA256_TEXT];
    add_git_header(d, DIGEST_GIT_SHA1, size);
    add_git_header(d, DIGEST_GIT_SHA256, size);
    return d;
}

void digester_free(struct digester *d)
{
    for (int a = 0; d && a < DIGEST_COUNT; a++)
        drop(d, a);
    if (d) {
        free(d->blake3);
        free(d->crc32c);
        free(d->crc64nvme);
        free(d->text.bytes);
    }
    free(d);
}

/* ---- DVC's line ends ------------------------------------------------------ */

static bool looks_like_text(const uint8_t *head, size_t len)
{
    size_t odd = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = head[i];
        if (c == 0)
            return false;
        odd += !((c >= 32 && c < 127) || c == '\n' || c == '\r' || c == '\t' ||
                 c == '\f' || c == '\b');
    }
    return odd * 10 <= len * 3;
}

/* A carriage return that no line feed of the same piece follows. */
static void release_return(struct digester *d)
{
    if (d->dos.carriage_return)
        update(d, DIGEST_MD5_DOS2UNIX, "\r", 1);
    d->dos.carriage_return = false;
}

static void add_text(struct digester *d, const uint8_t *bytes, size_t len)
{
    struct dos2unix *dos = &d->dos;
    size_t start = 0; /* of what is not handed on yet */
    for (size_t i = 0; i < len; i++) {
        if (dos->at == DOS_CHUNK) {
            update(d, DIGEST_MD5_DOS2UNIX, bytes + start, i - start);
            release_return(d);
            start = i;
            dos->at = 0;
        }
        if (dos->carriage_return) {
            if (bytes[i] == '\n')
                dos->carriage_return = false; /* swallowed */
            else
                release_return(d);
        }
        if (bytes[i] == '\r') {
            update(d, DIGEST_MD5_DOS2UNIX, bytes + start, i - start);
            start = i + 1;
            dos->carriage_return = true;
        }
        dos->at++;
    }
    update(d, DIGEST_MD5_DOS2UNIX, bytes + start, len - start);
}

static void add_decided(struct digester *d, const uint8_t *bytes, size_t len)
{
    if (d->dos.text)
        add_text(d, bytes, len);
    else
        update(d, DIGEST_MD5_DOS2UNIX, bytes, len);
}

static void decide(struct digester *d)
{
    struct dos2unix *dos = &d->dos;
    dos->decided = true;
    dos->text = looks_like_text(dos->head, dos->head_len);
    add_decided(d, dos->head, dos->head_len);
}

static void add_dos2unix(struct digester *d, struct span bytes)
{
    struct dos2unix *dos = &d->dos;
    size_t taken = 0;
    if (!dos->decided) {
        taken = DOS_HEAD - dos->head_len;
        taken = taken < bytes.len ? taken : bytes.len;
        if (taken)
            memcpy(dos->head + dos->head_len, bytes.ptr, taken);
        dos->head_len += taken;
        if (dos->head_len < DOS_HEAD)
            return;
        decide(d);
    }
    add_decided(d, bytes.ptr + taken, bytes.len - taken);
}

/* ---- git's line ends -------------------------------------------------------- */

static void give_up_text(struct git_text *t)
{
    free(t->bytes);
    t->bytes = NULL;
    t->too_long = true;
}

static bool make_room(struct git_text *t, size_t more)
{
    size_t capacity = t->capacity ? t->capacity : GIT_TEXT_FIRST;
    while (capacity < t->len + more && capacity < GIT_TEXT_MAX)
        capacity *= 2;
    if (t->len + more > GIT_TEXT_MAX)
        return false;
    uint8_t *bytes = capacity > t->capacity ? realloc(t->bytes, capacity) : t->bytes;
    if (!bytes)
        return false;
    t->bytes = bytes;
    t->capacity = capacity;
    return true;
}

static void add_git_text(struct git_text *t, struct span bytes)
{
    t->nul = t->nul || memchr(bytes.ptr, 0, bytes.len);
    if (!t->too_long && !make_room(t, bytes.len))
        give_up_text(t);
    for (size_t i = 0; i < bytes.len && !t->too_long; i++) {
        if (bytes.ptr[i] == '\n' && t->carriage_return)
            t->len--;
        t->bytes[t->len++] = bytes.ptr[i];
        t->carriage_return = bytes.ptr[i] == '\r';
    }
}

static void finish_git_text(struct digester *d, int text)
{
    if (d->text.too_long) {
        drop(d, text);
        return;
    }
    add_git_header(d, text, d->text.len);
    if (d->text.len)
        update(d, text, d->text.bytes, d->text.len);
}

static void copy_of_binary(struct digester *d, int text, int raw)
{
    if (!d->text.wanted || !d->text.too_long || !d->text.nul)
        return;
    memcpy(d->values[text], d->values[raw], sizeof d->values[text]);
    d->lengths[text] = d->lengths[raw];
}

/* ---- parts of a file ------------------------------------------------------ */

static void update_window(struct digester *d, int a, struct window w, struct span bytes)
{
    uint64_t end = d->at + bytes.len;
    uint64_t from = w.from > d->at ? w.from : d->at, to = w.to < end ? w.to : end;
    if (d->contexts[a] && from < to)
        update(d, a, bytes.ptr + (from - d->at), (size_t)(to - from));
}

/* The first eight bytes tell where the tensors of a safetensors file begin. */
static void note_header(struct digester *d, struct span bytes)
{
    for (size_t i = 0; i < bytes.len && d->at + i < HEADER_LENGTH; i++)
        d->header[d->at + i] = bytes.ptr[i];
    if (d->at >= HEADER_LENGTH || d->at + bytes.len < HEADER_LENGTH)
        return;
    uint64_t length = 0;
    for (size_t i = HEADER_LENGTH; i > 0; i--)
        length = length << 8 | d->header[i - 1];
    if (length <= UINT64_MAX - HEADER_LENGTH)
        d->autov3.from = HEADER_LENGTH + length;
}

/* ---- all of them ---------------------------------------------------------- */

void digester_add(struct digester *d, struct span bytes)
{
    if (bytes.len == 0)
        return;
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (algorithms[a].all)
            update(d, a, bytes.ptr, bytes.len);
    if (d->contexts[DIGEST_MD5_DOS2UNIX])
        add_dos2unix(d, bytes);
    if (d->text.wanted)
        add_git_text(&d->text, bytes);
    note_header(d, bytes);
    update_window(d, DIGEST_AUTOV1, d->autov1, bytes);
    update_window(d, DIGEST_AUTOV3, d->autov3, bytes);
    d->at += bytes.len;
    if (d->blake3)
        blake3_add(d->blake3, bytes);
    if (d->crc32c)
        crc_add(d->crc32c, bytes);
    if (d->crc64nvme)
        crc_add(d->crc64nvme, bytes);
    if (d->crc_wanted)
        d->crc = crc32_z(d->crc, bytes.ptr, bytes.len);
}

static void put_crc(struct digester *d, enum digest_algorithm a, uint64_t value)
{
    unsigned bytes = algorithms[a].digits / 2;
    for (unsigned i = 0; i < bytes; i++)
        d->values[a][i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    d->lengths[a] = bytes;
}

void digester_finish(struct digester *d)
{
    if (d->contexts[DIGEST_MD5_DOS2UNIX] && !d->dos.decided)
        decide(d);
    release_return(d);
    finish_git_text(d, DIGEST_GIT_SHA1_TEXT);
    finish_git_text(d, DIGEST_GIT_SHA256_TEXT);
    for (int a = 0; a < DIGEST_COUNT; a++)
        if (d->contexts[a] &&
            EVP_DigestFinal_ex(d->contexts[a], d->values[a], &d->lengths[a]) != 1)
            d->lengths[a] = 0;
    copy_of_binary(d, DIGEST_GIT_SHA1_TEXT, DIGEST_GIT_SHA1);
    copy_of_binary(d, DIGEST_GIT_SHA256_TEXT, DIGEST_GIT_SHA256);
    if (d->blake3) {
        blake3_finish(d->blake3, d->values[DIGEST_BLAKE3]);
        d->lengths[DIGEST_BLAKE3] = BLAKE3_BYTES;
    }
    if (d->crc_wanted)
        put_crc(d, DIGEST_CRC32, d->crc);
    if (d->crc32c)
        put_crc(d, DIGEST_CRC32C, crc_finish(d->crc32c));
    if (d->crc64nvme)
        put_crc(d, DIGEST_CRC64NVME, crc_finish(d->crc64nvme));
}

bool digester_hex(const struct digester *d, enum digest_algorithm a,
                  char ret_hex[DIGEST_HEX_MAX + 1])
{
    static const char digits[] = "0123456789abcdef";
    if (d->lengths[a] == 0)
        return false;
    for (size_t i = 0; i < d->lengths[a]; i++) {
        ret_hex[2 * i] = digits[d->values[a][i] >> 4];
        ret_hex[2 * i + 1] = digits[d->values[a][i] & 15];
    }
    ret_hex[2 * (size_t)d->lengths[a]] = '\0';
    return true;
}

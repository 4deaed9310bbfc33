#include "integrity/gpg.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_MAX = 64 << 10, DEADLINE_SECONDS = 600, FINGERPRINT_MAX = 64 };

static const char *const programs[] = { "/usr/bin/gpgv", "/usr/local/bin/gpgv",
                                        "/bin/gpgv" };

/* ---- what gpgv says -------------------------------------------------------------- */

/* The words behind "[GNUPG:] KEYWORD ". */
static bool says(struct span line, const char *keyword, struct span *ret_rest)
{
    char start[64];
    int n = snprintf(start, sizeof start, "[GNUPG:] %s", keyword);
    if (!span_starts(line, start) ||
        (line.len > (size_t)n && line.ptr[n] != ' ')) /* BADSIG, not BADSIGN */
        return false;
    *ret_rest = span_slice(line, (size_t)n + 1, line.len);
    return true;
}

static struct span word(struct span text, unsigned number)
{
    size_t at = 0;
    for (; number > 0; number--) {
        size_t space = span_find(text, " ", at);
        if (space == SIZE_MAX)
            return (struct span){ 0 };
        at = space + 1;
    }
    return span_slice(text, at, span_find(text, " ", at));
}

/* VALIDSIG: fingerprint, date, timestamp, expiry, version, reserved, key algorithm, hash
 * algorithm, class, fingerprint of the primary key.  Source: GnuPG, doc/DETAILS. */
enum { VALID_HASH = 7, VALID_CLASS = 8, VALID_PRIMARY = 9 };

static bool hash_is_weak(struct span number)
{
    return span_is(number, "1") || span_is(number, "2") || span_is(number, "3");
}

void gpg_judge(struct span status, struct arena *arena, struct signature *s)
{
    static const struct {
        const char *keyword, *check, *reason;
        enum signature_state state;
    } bad[] = {
        {"BADSIG",     "signature",     "the signature is not over these bytes",
         SIGNATURE_INVALID                                                                                },
        { "EXPSIG",    "gpg-expired",   "the signature has expired",                     SIGNATURE_INVALID},
        { "EXPKEYSIG", "gpg-expired",   "the key has expired",                           SIGNATURE_INVALID},
        { "REVKEYSIG", "gpg-revoked",   "the key was revoked",                           SIGNATURE_INVALID},
        { "NO_PUBKEY", "gpg-key",       "the keyring does not hold the key that signed",
         SIGNATURE_UNTRUSTED                                                                              },
        { "ERRSIG",    "gpg-signature", "gpgv cannot check this signature",
         SIGNATURE_UNSUPPORTED                                                                            },
    };
    struct reader r = reader_of(status, 0);
    struct span valid = { 0 }, rest;
    unsigned valid_count = 0, good = 0, others = 0;
    size_t worst = SIZE_MAX;
    while (reader_left(&r) > 0) {
        struct span line = manifest_line(&r, STATUS_MAX);
        if (says(line, "VALIDSIG", &rest) && valid_count++ == 0)
            valid = arena_copy(arena, rest);
        good += says(line, "GOODSIG", &rest);
        others += says(line, "NEWSIG", &rest);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            if (says(line, bad[i].keyword, &rest) && i < worst)
                worst = i;
    }
    if (worst != SIZE_MAX) {
        signature_set(arena, s, bad[worst].state, bad[worst].check, bad[worst].reason);
    } else if (!reader_ok(&r) || good != 1 || valid_count != 1 || others > 1) {
        signature_set(arena, s, SIGNATURE_INVALID, "gpg-signature",
                      "gpgv does not say that there is exactly one good signature");
    } else if (hash_is_weak(word(valid, VALID_HASH))) {
        signature_set(arena, s, SIGNATURE_INVALID, "gpg-digest",
                      "the signature is over MD5, SHA-1 or RIPEMD-160");
    } else if (span_is(word(valid, VALID_CLASS), "01")) {
        signature_set(
            arena, s, SIGNATURE_UNSUPPORTED, "gpg-class",
            "it is a signature of a text, which says nothing of the line ends: the bytes "
            "may be others than those that were signed");
    } else if (!span_is(word(valid, VALID_CLASS), "00")) {
        signature_set(arena, s, SIGNATURE_INVALID, "gpg-class",
                      "it is no signature of a document");
    } else {
        signature_set(arena, s, SIGNATURE_VERIFIED, "", "");
    }
    struct span primary = word(valid, VALID_PRIMARY);
    s->identity =
        primary.len && primary.len <= FINGERPRINT_MAX ? primary : word(valid, 0);
}

/* ---- running it ------------------------------------------------------------------ */

const char *gpg_program(void)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (access(programs[i], X_OK) == 0)
            return programs[i];
    return NULL;
}

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until it ends, says too much or takes too long. */
static bool listen_to(int fd, struct buffer *out)
{
    int64_t deadline = now_ms() + (int64_t)DEADLINE_SECONDS * 1000;
    char piece[4096];
    while (!out->truncated) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int64_t left = deadline - now_ms();
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return false;
        if (!p.revents)
            continue;
        ssize_t n = read(fd, piece, sizeof piece);
        if (n <= 0)
            return n == 0;
        buffer_add(out, span_of(piece, (size_t)n));
    }
    return false;
}

/* What gpgv finds open, besides its standard streams; other files close by themselves. */
enum { SIGNATURE_FD = 3, FILE_FD = 4, ABOVE = 16 };

/* posix_spawn() with the status on its standard output. */
static bool start(const char *program, char *const *arguments, const int files[2],
                  int out, pid_t *ret_pid)
{
    char *const environment[] = { NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    bool ok = posix_spawnattr_init(&attributes) == 0;
    (void)sigemptyset(&none);
    ok =
        ok && posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK) == 0 &&
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, out, 1) == 0 &&
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, files[0], SIGNATURE_FD) == 0 &&
        posix_spawn_file_actions_adddup2(&actions, files[1], FILE_FD) == 0 &&
        posix_spawn(ret_pid, program, &actions, &attributes, arguments, environment) == 0;
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return ok;
}

/* `files`: numbers that are neither those of gpgv's files nor its standard streams. */
static bool run(const char *program, const char *keyring, const int files[2],
                struct buffer *status)
{
    /* a path that gpgv cannot take for an option, or for a keyring of its own */
    char *ring = realpath(keyring, NULL);
    char *const arguments[] = { (char[]){ "gpgv" },
                                (char[]){ "--homedir" },
                                (char[]){ "/nonexistent" },
                                (char[]){ "--status-fd" },
                                (char[]){ "1" },
                                (char[]){ "--keyring" },
                                ring,
                                (char[]){ "--" },
                                (char[]){ "/proc/self/fd/3" },
                                (char[]){ "/proc/self/fd/4" },
                                NULL };
    int ends[2];
    pid_t pid;
    int how = 0; /* it ended */
    bool ok = ring && pipe2(ends, O_CLOEXEC) == 0, started = false;
    if (ok) {
        started = start(program, arguments, files, ends[1], &pid);
        (void)close(ends[1]);
        ok = started && listen_to(ends[0], status);
        (void)close(ends[0]);
    }
    if (started && !ok)
        (void)kill(pid, SIGKILL);
    while (started && waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    free(ring);
    return ok && WIFEXITED(how);
}

/* OpenPGP's packet of a public key, or GnuPG's keybox.  Source: RFC 4880, section 4.2;
 * GnuPG, kbx/keybox-blob.c. */
bool gpg_keyring_check(const char *path, struct error *error)
{
    uint8_t head[64] = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;
    if (n < 0)
        (void)error_errno(error, ERROR_CONFIG, "%s", path);
    if (fd >= 0)
        (void)close(fd);
    if (n < 0)
        return false;
    struct span bytes = span_of(head, (size_t)n);
    if (span_starts(bytes, "-----BEGIN PGP"))
        return error_set(error, ERROR_CONFIG,
                         "%s: gpgv reads no armored keyring: make it one with `gpg "
                         "--dearmor`",
                         path);
    bool packet = n > 0 && ((head[0] & 0xfc) == 0x98 || head[0] == 0xc6);
    bool box = span_find(bytes, "KBXf", 0) == 8;
    return packet || box ||
           error_set(error, ERROR_CONFIG, "%s: no keyring of OpenPGP", path);
}

bool gpg_verify(const char *keyring, int signature_fd, int file_fd, struct arena *arena,
                struct signature *ret_signature, struct error *error)
{
    struct buffer status;
    const char *program = gpg_program();
    if (!keyring) {
        signature_set(arena, ret_signature, SIGNATURE_UNTRUSTED, "keyring-given",
                      "no keyring was given, so nobody is accepted");
        return true;
    }
    if (!program)
        return error_set(error, ERROR_IO, "gpgv is not installed under /usr/bin");
    const int files[] = { fcntl(signature_fd, F_DUPFD_CLOEXEC, ABOVE),
                          fcntl(file_fd, F_DUPFD_CLOEXEC, ABOVE) };
    buffer_init(&status, STATUS_MAX);
    bool ok = (files[0] >= 0 && files[1] >= 0 && run(program, keyring, files, &status)) ||
              error_set(error, ERROR_IO, "%s did not answer", program);
    if (ok)
        gpg_judge(buffer_span(&status), arena, ret_signature);
    buffer_free(&status);
    for (size_t i = 0; i < 2; i++)
        if (files[i] >= 0)
            (void)close(files[i]);
    return ok;
}

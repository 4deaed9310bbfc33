/* A worker whose inspector is hostile: it does what the bytes of the file tell it to.
 * Everything else in it (zygote, both stages of the sandbox, wire) is the real one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#include "formats/inspector.h"
#include "worker/verify_order.h"
#include "worker/wire.h"
#include "worker/zygote.h"

static char *const no_arguments[] = { NULL };

static int records_fd(const struct inspection *in)
{
    const struct wire_encoder *e = in->observer->self;
    return e->fd;
}

static long as_call(const void *pointer)
{
    return pointer == MAP_FAILED ? -1 : 0;
}

/* -- calls that must fail, one line each: they return what the kernel answered -- */

#define CALL(name, ...)                                                                  \
    static long name(struct inspection *in)                                              \
    {                                                                                    \
        (void)in;                                                                        \
        return (long)(__VA_ARGS__);                                                      \
    }

CALL(try_open, open("/etc/passwd", O_RDONLY))
CALL(try_open_write, open("/tmp/assay-was-here", O_CREAT | O_WRONLY, 0600))
CALL(try_open_proc, open("/proc/self/mem", O_RDWR))
CALL(try_openat2, syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", NULL, 0))
CALL(try_stat, syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", NULL, 0))
CALL(try_readlink, syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", NULL, 0))
CALL(try_execve, execve("/bin/true", no_arguments, no_arguments))
CALL(try_execveat, syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0))
CALL(try_fork, fork())
CALL(try_clone3, syscall(SYS_clone3, NULL, 0))
CALL(try_vfork, syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0))
CALL(try_socket, socket(AF_INET, SOCK_STREAM, 0))
CALL(try_unix_socket, socket(AF_UNIX, SOCK_STREAM, 0))
CALL(try_socketpair, syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, NULL))
CALL(try_memfd, memfd_create("x", 0))
CALL(try_pipe, syscall(SYS_pipe2, NULL, 0))
CALL(try_dup, dup(records_fd(in)))
CALL(try_fcntl, fcntl(records_fd(in), F_SETFL, O_NONBLOCK))
CALL(try_sendmsg, syscall(SYS_sendmsg, 3, NULL, 0))
CALL(try_recvmsg, syscall(SYS_recvmsg, 3, NULL, 0))
CALL(try_ioctl, syscall(SYS_ioctl, 0, 0, 0))
CALL(try_read, syscall(SYS_read, 0, NULL, 0))
CALL(try_lseek, lseek(4, 0, SEEK_END))
CALL(try_map_exec,
     as_call(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
CALL(try_map_write_exec, as_call(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
CALL(try_map_shared,
     as_call(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)))
CALL(try_map_spool,
     as_call(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, in->spool_fd, 0)))
CALL(try_ptrace, ptrace(PTRACE_ATTACH, getppid(), NULL, NULL))
CALL(try_getppid, getppid())
CALL(try_kill, kill(1, SIGTERM))
CALL(try_kill_group, kill(0, SIGTERM))
CALL(try_tgkill, syscall(SYS_tgkill, 1, 1, SIGTERM))
CALL(try_tkill, syscall(SYS_tkill, 1, SIGTERM))
CALL(try_pidfd_open, syscall(SYS_pidfd_open, 1, 0))
CALL(try_vm_read, process_vm_readv(1, NULL, 0, NULL, 0, 0))
CALL(try_prlimit, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, NULL))
CALL(try_prctl, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
CALL(try_seccomp, syscall(SYS_seccomp, 0, 0, NULL))
CALL(try_unshare, unshare(CLONE_NEWUSER))
CALL(try_mount, syscall(SYS_mount, "", "/", "", 0, NULL))
CALL(try_unlink, unlink("/tmp/assay-was-here"))
CALL(try_chdir, chdir("/"))
CALL(try_setuid, syscall(SYS_setuid, 0))
CALL(try_bpf, syscall(SYS_bpf, 0, NULL, 0))
CALL(try_uring, syscall(SYS_io_uring_setup, 1, NULL))
CALL(try_userfaultfd, syscall(SYS_userfaultfd, 0))
CALL(try_keyctl, syscall(SYS_keyctl, 0, 0, 0, 0, 0))
CALL(try_shmget, syscall(SYS_shmget, 0, 4096, 0600))
CALL(try_perf, syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0))
CALL(try_write_file, write(4, "x", 1)) /* the file under inspection */

static long try_protect_exec(struct inspection *in)
{
    (void)in;
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

#ifdef __x86_64__
/* The 32-bit gate has other numbers: 5 is open() there. */
static long try_int80(struct inspection *in)
{
    (void)in;
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L), "b"(0L) : "memory");
    return result;
}
CALL(try_x32, syscall(0x40000000 + SYS_getpid))
#endif

/* -- calls that must work -- */

CALL(do_sysinfo, sysinfo(&(struct sysinfo){ 0 }))
CALL(do_clock, syscall(SYS_clock_gettime, 1, &(struct timespec){ 0 }))
CALL(do_writev, syscall(SYS_writev, 2, &(struct iovec){ 0 }, 1))
CALL(do_map, as_call(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
CALL(do_self, syscall(SYS_tgkill, getpid(), gettid(), 0))
CALL(do_nothing, 0)

/* Nothing of the main process's environment or descriptors has come along: 0 to 2 are
 * /dev/null, 3 was the control socket, then file, records and spool. */
static long do_look_around(struct inspection *in)
{
    struct stat st;
    (void)in;
    if (environ[0])
        return 1;
    for (int fd = 0; fd < 1024; fd++)
        if ((syscall(SYS_fstat, fd, &st) == 0) != (fd < 7 && fd != 3))
            return 2;
    return 0;
}

static long do_spool(struct inspection *in)
{
    static const char block[1 << 16] = "spool";
    for (off_t at = 0; at < 32; at++)
        if (pwrite(in->spool_fd, block, sizeof block, at * (off_t)sizeof block) !=
            (ssize_t)sizeof block)
            return -1;
    const char *bytes = mmap(NULL, sizeof block, PROT_READ, MAP_SHARED, in->spool_fd, 0);
    return bytes == MAP_FAILED ? -1 : memcmp(bytes, block, sizeof block);
}

/* The file before this one has left nothing in the spool. */
static long do_find_spool_empty(struct inspection *in)
{
    char byte;
    return pread(in->spool_fd, &byte, 1, 0);
}

static long do_overfill_spool(struct inspection *in)
{
    return pwrite(in->spool_fd, "x", 1, (off_t)in->budget->left[BUDGET_EXPANDED_BYTES]) ==
                       -1 &&
                   errno == EFBIG
               ? 0
               : -1;
}

/* -- ways to go wrong that never return, or should not -- */

_Noreturn static long run_loop(struct inspection *in)
{
    volatile uint64_t turns = 0;
    (void)in;
    for (;;)
        turns = turns + 1;
}

static long run_stall(struct inspection *in)
{
    uint32_t word = 0;
    (void)in;
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static long run_abort(struct inspection *in)
{
    (void)in;
    abort();
}

static long run_segv(struct inspection *in)
{
    (void)in;
    char *volatile nowhere = NULL;
    return *(volatile char *)nowhere;
}

static long run_exit(struct inspection *in)
{
    (void)in;
    _exit(0);
}

static long run_memory(struct inspection *in)
{
    size_t taken = 0;
    (void)in;
    while (malloc(1 << 20))
        taken++;
    return taken < 1 << 10 ? 0 : -1;
}

static long run_arena(struct inspection *in)
{
    while (arena_alloc(in->arena, 1 << 20))
        ;
    return 0;
}

/* -- lies told to the main process -- */

static void tell(const struct inspection *in, const void *bytes, size_t n)
{
    if (write(records_fd(in), bytes, n) < 0)
        _exit(1);
}

static long lie_garbage(struct inspection *in)
{
    tell(in, "\xff\x03\x00\x00\x00\xff\xff\xff", 8);
    return 0;
}

static long lie_oversize(struct inspection *in)
{
    tell(in, "\x02\xff\xff\xff\xff", 5);
    return run_stall(in);
}

static long lie_unfinished(struct inspection *in)
{
    tell(in, "\x02\x40\x00\x00\x00\x00\x00", 7);
    _exit(0);
}

static long lie_after_end(struct inspection *in)
{
    in->observer->closed(in->observer->self, in->artifact);
    (void)wire_encoder_end(in->observer->self);
    return run_stall(in);
}

static struct finding a_finding(void)
{
    return (struct finding){ .rule = &rules[RULE_FORMAT_POLYGLOT],
                             .message = span_of_text("found") };
}

/* Until someone cuts the file short, who is told when to. */
_Noreturn static long run_touch(struct inspection *in)
{
    struct finding f = a_finding();
    in->observer->finding(in->observer->self, in->artifact, &f);
    for (volatile const uint8_t *last = in->bytes.ptr + in->bytes.len - 1;;)
        (void)*last;
}

_Noreturn static long lie_flood(struct inspection *in)
{
    struct finding f = a_finding();
    for (;;)
        in->observer->finding(in->observer->self, in->artifact, &f);
}

static long run_find_and_crash(struct inspection *in)
{
    struct finding f = a_finding();
    struct artifact *member = artifact_child(in->artifact, span_of_text("member"), 7, 10);
    in->artifact->formats = FORMAT_BIT(FORMAT_ZIP);
    member->formats = FORMAT_BIT(FORMAT_PICKLE);
    member->executes = true;
    in->observer->finding(in->observer->self, member, &f);
    return run_segv(in);
}

static const struct deed {
    const char *name;
    long (*run)(struct inspection *in);
} deeds[] = {
/* clang-format off */
#define DEED(name, answer) { #name, name },
#include "deeds.def"
#undef DEED
}; /* clang-format on */

/* The one function that this program has of its own. */
void __wrap_inspect_artifact(struct inspection *in); /* -Wl,--wrap, in the Makefile */
void __wrap_inspect_artifact(struct inspection *in)
{
    size_t end = span_find(in->bytes, "\n", 0);
    struct span name = span_slice(in->bytes, 0, end);
    const char *verdict = "unknown deed";
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
        if (span_is(name, deeds[i].name)) {
            errno = 0;
            long result = deeds[i].run(in);
            verdict = result == 0  ? NULL
                      : result > 0 ? "returned"
                                   : strerrorname_np(errno);
        }
    if (verdict)
        artifact_lower(in->artifact, STATUS_INCOMPLETE, "deed: %s", verdict);
    in->observer->closed(in->observer->self, in->artifact);
}

/* A child that somebody took over: it lies about the signature, or does what else the
 * bundle's own words, its digest's algorithm, ask for. */
void __wrap_verify_order_run(struct arena *arena, const struct verify_order *o,
                             struct verification *ret_verdict);
void __wrap_verify_order_run(struct arena *arena, const struct verify_order *o,
                             struct verification *ret_verdict)
{
    (void)arena;
    if (span_is(o->bundle.digest_algorithm, "crash"))
        (void)raise(SIGSEGV);
    *ret_verdict = (struct verification){ .state = SIGNATURE_VERIFIED };
    if (span_is(o->bundle.digest_algorithm, "contradict"))
        ret_verdict->failure.check = SC_SIGNATURE;
}

int main(int argc, char **argv)
{
    struct zygote_options o = { .budget = budget_default() };
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--sandbox=off") == 0)
            o.sandbox = SANDBOX_OFF;
        else if (strncmp(argv[i], "--data-dir=", 11) == 0)
            o.data_dir = argv[i] + 11;
    return zygote_greet() && zygote_serve(&o) ? 0 : 1;
}

#include "worker/sandbox.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A sanitizer reserves terabytes, opens /proc and prints a report: none of that works
 * confined.  Such a build can only run with --sandbox=off. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZER 1
#endif
#endif
#ifndef SANITIZER
#define SANITIZER 0
#endif

/* Landlock as of ABI 7, after the kernel's Documentation/userspace-api/landlock.rst.
 * Debian 12's header stops at ABI 2. */
struct landlock_rights {
    uint64_t file_system, network, scopes;
};

enum {
    LANDLOCK_ABI_KNOWN = 7, /* 7 adds logging, no right */
    LANDLOCK_VERSION = 1,   /* LANDLOCK_CREATE_RULESET_VERSION */
    CALL_LANDLOCK_CREATE = 444,
    CALL_LANDLOCK_RESTRICT = 446
};

static struct landlock_rights landlock_rights(long abi)
{
    struct landlock_rights rights = { .file_system = (UINT64_C(1) << 13) - 1 };
    if (abi >= 2)
        rights.file_system |= UINT64_C(1) << 13; /* refer */
    if (abi >= 3)
        rights.file_system |= UINT64_C(1) << 14; /* truncate */
    if (abi >= 4)
        rights.network = 3; /* bind and connect TCP */
    if (abi >= 5)
        rights.file_system |= UINT64_C(1) << 15; /* ioctl on devices */
    if (abi >= 6)
        rights.scopes = 3; /* abstract sockets and signals beyond this domain */
    return rights;
}

/* The size of the structure that this ABI knows. */
static size_t landlock_rights_size(long abi)
{
    if (abi >= 6)
        return sizeof(struct landlock_rights);
    return abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

/* 0 where the kernel has no Landlock, has it switched off, or a container's profile
 * forbids it. */
static long landlock_abi(void)
{
    long abi = syscall(CALL_LANDLOCK_CREATE, NULL, 0, LANDLOCK_VERSION);
    if (abi < 0)
        return 0;
    return abi < LANDLOCK_ABI_KNOWN ? abi : LANDLOCK_ABI_KNOWN;
}

static bool landlock_restrict(long abi, struct error *error)
{
    struct landlock_rights rights = landlock_rights(abi);
    int ruleset =
        (int)syscall(CALL_LANDLOCK_CREATE, &rights, landlock_rights_size(abi), 0);
    if (ruleset < 0)
        return error_errno(error, ERROR_WORKER, "cannot create a Landlock ruleset");
    bool ok = syscall(CALL_LANDLOCK_RESTRICT, ruleset, 0) == 0;
    if (!ok)
        (void)error_errno(error, ERROR_WORKER, "cannot enforce a Landlock ruleset");
    (void)close(ruleset);
    return ok;
}

/* The table of system calls.  A child's filter comes on top of the zygote's, so what a
 * child needs is allowed in both.  Neither read nor lseek: the offset of the file under
 * inspection is shared with the main process, which hashes it. */
static const int allowed_in_both[] = {
    /* memory; mmap and mprotect have conditions, below */
    SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munmap),
    /* descriptors that it holds */
    SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(ftruncate), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(write), SCMP_SYS(writev),
    /* what the C library asks for: clocks, abort(), qsort() */
    SCMP_SYS(clock_gettime), SCMP_SYS(futex), SCMP_SYS(getpid), SCMP_SYS(getrandom),
    SCMP_SYS(gettid), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sysinfo),
    /* and the end */
    SCMP_SYS(exit), SCMP_SYS(exit_group)
};

/* Jobs, children, stage 2; fork has conditions, below. */
static const int allowed_in_zygote[] = {
    SCMP_SYS(kill),      SCMP_SYS(pidfd_open), SCMP_SYS(poll),
    SCMP_SYS(ppoll),     SCMP_SYS(prlimit64),  SCMP_SYS(recvmsg),
    SCMP_SYS(seccomp),   SCMP_SYS(sendmsg),    SCMP_SYS(set_robust_list),
    SCMP_SYS(tgkill),    SCMP_SYS(setrlimit),  SCMP_SYS(wait4),
    SCMP_SYS(newfstatat) /* as which fstat() comes */
};

/* Libraries probe for files and live without; that is no reason to die. */
static const int refused_in_both[] = {
    SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(lstat),
    SCMP_SYS(open),       SCMP_SYS(openat),    SCMP_SYS(openat2),    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat), SCMP_SYS(stat),      SCMP_SYS(statx)
};

/* Landlock lets anyone ask whether a path exists; a child may not.  It costs it
 * fstat(): the size of its file is asked for before stage 2. */
static const int refused_in_child[] = { SCMP_SYS(newfstatat) };

/* Stands for the child's process id, which is known only after the fork. */
enum { OWN_PID = 0x7e57a55a };

/* Memory is never executable, and never both shared and writable. */
static bool allow_memory(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    struct scmp_arg_cmp read_only =
        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, 0);
    struct scmp_arg_cmp not_shared = SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE, MAP_PRIVATE);
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_exec) ==
               0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, no_exec,
                            not_shared) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, read_only) == 0;
}

/* fork(), but no threads and no namespaces; clone3() passes its flags in memory, where
 * no filter sees them, and the C library does without it. */
static bool allow_fork(scmp_filter_ctx filter)
{
    const scmp_datum_t forbidden = CLONE_VM | CLONE_THREAD | CLONE_NEWNS |
                                   CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                   CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, forbidden, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

#define ADD_ALL(filter, action, calls)                                                   \
    add_all(filter, action, calls, sizeof(calls) / sizeof *(calls))
static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = seccomp_rule_add(filter, action, calls[i], 0) == 0;
    return ok;
}

static bool add_both(scmp_filter_ctx filter)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EACCES);
    return seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) ==
               0 &&
           ADD_ALL(filter, SCMP_ACT_ALLOW, allowed_in_both) &&
           ADD_ALL(filter, refuse, refused_in_both) && allow_memory(filter);
}

static bool add_zygote(scmp_filter_ctx filter)
{
    return add_both(filter) && ADD_ALL(filter, SCMP_ACT_ALLOW, allowed_in_zygote) &&
           allow_fork(filter);
}

static bool add_child(scmp_filter_ctx filter)
{
    const uint32_t refuse = SCMP_ACT_ERRNO(EACCES);
    return add_both(filter) && ADD_ALL(filter, refuse, refused_in_child) &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                            SCMP_A0(SCMP_CMP_EQ, OWN_PID, 0)) == 0;
}

/* libseccomp 2.5 writes a program only into a descriptor; a pipe holds it. */
static bool export_program(scmp_filter_ctx filter, struct sandbox_state *s)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    bool ok = seccomp_export_bpf(filter, ends[1]) == 0;
    (void)close(ends[1]);
    ssize_t n = ok ? read(ends[0], s->child, sizeof s->child) : -1;
    (void)close(ends[0]);
    if (n <= 0 || (size_t)n == sizeof s->child || (size_t)n % sizeof *s->child != 0)
        return false;
    s->child_length = (unsigned short)((size_t)n / sizeof *s->child);
    return true;
}

static bool seccomp_restrict(struct sandbox_state *s, struct error *error)
{
    scmp_filter_ctx zygote = seccomp_init(SCMP_ACT_KILL_PROCESS);
    scmp_filter_ctx child = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool ok = zygote && child && add_zygote(zygote) && add_child(child) &&
              export_program(child, s);
    if (!ok) {
        (void)error_set(error, ERROR_WORKER, "cannot build the seccomp filters");
    } else {
        int result = seccomp_load(zygote);
        ok = result == 0;
        errno = -result;
        if (!ok)
            (void)error_errno(error, ERROR_WORKER, "the kernel refuses seccomp filters");
    }
    seccomp_release(zygote);
    seccomp_release(child);
    return ok;
}

bool sandbox_confine_zygote(enum sandbox mode, struct sandbox_state *ret_state,
                            struct error *error)
{
    struct sandbox_state s = { .mode = mode, .description = "off" };
    if (mode != SANDBOX_OFF && SANITIZER)
        return error_set(error, ERROR_WORKER,
                         "a build with sanitizers cannot be confined (--sandbox=off)");
    if (mode != SANDBOX_OFF) {
        long abi = landlock_abi();
        if (abi == 0 && mode == SANDBOX_STRICT)
            return error_set(error, ERROR_WORKER,
                             "Landlock is missing (--sandbox=strict wants it)");
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
            return error_errno(error, ERROR_WORKER, "cannot give up privileges");
        if ((abi > 0 && !landlock_restrict(abi, error)) || !seccomp_restrict(&s, error))
            return false;
        (void)snprintf(s.description, sizeof s.description,
                       abi > 0 ? "seccomp+landlock%ld" : "seccomp", abi);
    }
    *ret_state = s;
    return true;
}

/* No more than now: a hard limit cannot be raised, and need not be. */
static bool limit(int resource, uint64_t soft, uint64_t hard)
{
    struct rlimit l;
    if (getrlimit((__rlimit_resource_t)resource, &l) != 0)
        return false;
    l.rlim_max = hard < l.rlim_max ? (rlim_t)hard : l.rlim_max;
    l.rlim_cur = soft < l.rlim_max ? (rlim_t)soft : l.rlim_max;
    return setrlimit((__rlimit_resource_t)resource, &l) == 0;
}

/* The hard limit of CPU time kills without a name; the soft one, just before, says
 * SIGXCPU. */
static bool set_limits(const struct sandbox_limits *l)
{
    return limit(RLIMIT_CORE, 0, 0) && limit(RLIMIT_NPROC, 0, 0) &&
           limit(RLIMIT_NOFILE, 0, 0) &&
           limit(RLIMIT_FSIZE, l->file_size, l->file_size) &&
           limit(RLIMIT_CPU, l->cpu_seconds, l->cpu_seconds + 1) &&
           (SANITIZER || limit(RLIMIT_DATA, l->data, l->data));
}

bool sandbox_confine_child(struct sandbox_state *s, const struct sandbox_limits *limits)
{
    if (!set_limits(limits))
        return false;
    if (s->mode == SANDBOX_OFF)
        return true;
    const uint32_t pid = (uint32_t)getpid();
    for (unsigned short i = 0; i < s->child_length; i++)
        if (BPF_CLASS(s->child[i].code) == BPF_JMP && s->child[i].k == OWN_PID)
            s->child[i].k = pid;
    struct sock_fprog program = { .len = s->child_length, .filter = s->child };
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

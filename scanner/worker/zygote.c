#include "worker/zygote.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/digest.h"
#include "formats/inspector.h"
#include "formats/pickle/rules.h"
#include "worker/control.h"
#include "worker/sandbox.h"
#include "worker/signature_wire.h"
#include "worker/statement_wire.h"
#include "worker/verify_order.h"
#include "worker/wire.h"
#include "worker/yara_rules.h"

enum { JOB_FILE, JOB_RECORDS, JOB_SPOOL }; /* a job's descriptors, the last if any */

enum { DATA_MAX = 1 << 30 }; /* a child's private memory: arena, heap, decompressors */

struct zygote {
    const struct zygote_options *options;
    const struct pickle_rules *pickle_rules;
    struct yara_rules *yara_rules; /* NULL: none */
    struct byte_scanner byte_scanner;
    struct sandbox_state sandbox;
};

bool zygote_greet(void)
{
    return control_send(CONTROL_FD, CONTROL_HELLO, CONTROL_VERSION,
                        span_of_text(ASSAY_VERSION), NULL, 0);
}

void zygote_refuse(const struct error *error)
{
    (void)control_send(CONTROL_FD, CONTROL_REFUSED, error->code,
                       span_of_text(error->message), NULL, 0);
}

bool zygote_list_formats(void)
{
    struct buffer list;
    buffer_init(&list, NAME_MAX_BYTES);
    for (int id = 0; id < FORMAT_COUNT; id++) {
        buffer_add_text(&list, formats[id].name);
        const char *const *extension = inspectors[id]->extensions;
        for (; extension && *extension; extension++)
            buffer_printf(&list, " %s", *extension);
        buffer_add_text(&list, "\n");
    }
    assert(!list.truncated);
    bool sent = control_send(CONTROL_FD, CONTROL_READY, 0, buffer_span(&list), NULL, 0);
    buffer_free(&list);
    return sent;
}

/* A kernel before 5.3, or a container's profile, may have no pidfds: say so once and
 * not with every file. */
static bool can_watch(struct error *error)
{
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (pidfd < 0)
        return error_errno(error, ERROR_WORKER, "pidfd_open() does not work here");
    (void)close(pidfd);
    return true;
}

/* Everything that is read from files, before there is no way to. */
static bool load(struct zygote *z, struct error *error)
{
    const struct zygote_options *o = z->options;
    if (o->signatures)
        return true;
    z->pickle_rules = pickle_rules_load(o->data_dir, o->pickle_rules, error);
    if (z->pickle_rules && o->yara_pack)
        z->yara_rules = yara_rules_load(o->yara_pack, o->yara_rules, error);
    if (z->yara_rules)
        z->byte_scanner = yara_rules_scanner(z->yara_rules);
    if (z->pickle_rules && (z->yara_rules || !o->yara_pack))
        return true;
    if (error->code == ERROR_IO) /* a list that is not there */
        error->code = ERROR_CONFIG;
    return false;
}

/* Parts are told apart by their NULs. */
static void digest_text(struct digester *d, const char *text)
{
    digester_add(d, span_of(text, strlen(text) + 1));
}

/* All that decides what is found: another digest, other rules. */
static bool digest_rules(const struct zygote *z, char ret_hex[DIGEST_HEX_MAX + 1])
{
    struct digester *d = digester_new(DIGEST_BIT(DIGEST_SHA256), 0);
    if (!d)
        return false;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        char grade[32];
        (void)snprintf(grade, sizeof grade, "%u %u", (unsigned)rules[i].severity,
                       rules[i].cwe);
        digest_text(d, rules[i].id);
        digest_text(d, grade);
        digest_text(d, rules[i].title);
    }
    digest_text(d, z->pickle_rules ? pickle_rules_digest(z->pickle_rules) : "");
    digest_text(d, z->yara_rules ? yara_rules_digest(z->yara_rules) : "");
    digester_finish(d);
    bool ok = digester_hex(d, DIGEST_SHA256, ret_hex);
    digester_free(d);
    return ok;
}

/* What the children may find beside rules.def. */
static bool name_rules(const struct zygote *z)
{
    const struct rule *rule;
    for (size_t i = 0; z->yara_rules && (rule = yara_rules_at(z->yara_rules, i)); i++)
        if (!control_send_rule(CONTROL_FD, rule))
            return false;
    return true;
}

/* The file as it lies in the page cache: private memory does not grow with it.  When
 * someone cuts it short meanwhile, SIGBUS ends this child. */
static bool map_file(int fd, struct span *ret_bytes)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return false;
    if (st.st_size == 0) {
        *ret_bytes = span_of("", 0);
        return true;
    }
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return false;
    *ret_bytes = span_of(bytes, (size_t)st.st_size);
    return true;
}

static enum child_exit inspect(const struct zygote *z, const struct control_message *job,
                               struct span bytes)
{
    struct wire_encoder encoder;
    assert(z->pickle_rules);
    wire_encoder_init(&encoder, job->fds[JOB_RECORDS]);
    struct observer observer = wire_observer(&encoder);
    struct budget budget = z->options->budget;
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct artifact *file = arena ? artifact_new(arena, job->text, bytes.len) : NULL;
    if (!file)
        return CHILD_NO_MEMORY;
    struct inspection in = {
        .arena = arena,
        .budget = &budget,
        .artifact = file,
        .bytes = bytes,
        .pickle_rules = z->pickle_rules,
        .byte_scanner = z->yara_rules ? &z->byte_scanner : NULL,
        .observer = &observer,
        .spool_fd = job->fd_count > JOB_SPOOL ? job->fds[JOB_SPOOL] : -1,
        .deep = z->options->deep,
        .detail = z->options->detail,
    };
    inspect_artifact(&in);
    return wire_encoder_end(&encoder) ? CHILD_DONE : CHILD_UNSENT;
    /* memory ends with the process */
}

/* Read a bundle of files that tell where models come from, and say what is in it. */
static enum child_exit read_origins(const struct zygote *z,
                                    const struct control_message *job, struct span bundle)
{
    struct statement_encoder encoder;
    struct budget budget = z->options->budget;
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    if (!arena)
        return CHILD_NO_MEMORY;
    statement_encoder_init(&encoder, job->fds[JOB_RECORDS]);
    origins_read(bundle, arena, &budget, statement_encode, &encoder);
    return statement_encoder_end(&encoder) ? CHILD_DONE : CHILD_UNSENT;
}

static bool send_all(int fd, struct span rest)
{
    while (rest.len > 0) {
        ssize_t n = write(fd, rest.ptr, rest.len);
        if (n <= 0)
            return false;
        rest = span_slice(rest, (size_t)n, rest.len);
    }
    return true;
}

/* Take a signature file apart and send what it holds, in one answer. */
static enum child_exit read_signature(const struct zygote *z,
                                      const struct control_message *job,
                                      struct span bytes)
{
    struct budget budget = z->options->budget;
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct signature_file file;
    struct buffer answer;
    if (!arena)
        return CHILD_NO_MEMORY;
    buffer_init(&answer, SIGNATURE_WIRE_MAX);
    signature_file_read(arena, bytes, &budget, &file);
    if (!signature_wire_encode(&answer, &file))
        return CHILD_NO_MEMORY;
    return send_all(job->fds[JOB_RECORDS], buffer_span(&answer)) ? CHILD_DONE
                                                                 : CHILD_UNSENT;
}

/* Verify what the file orders, and send the verdict. */
static enum child_exit verify(const struct control_message *job, struct span bytes)
{
    struct arena *arena = arena_new(WORKER_ARENA_MAX);
    struct verify_order *order = arena ? arena_alloc(arena, sizeof *order) : NULL;
    struct verification verdict;
    struct buffer answer;
    if (!order)
        return CHILD_NO_MEMORY;
    if (!verify_order_decode(arena, bytes, order))
        return CHILD_UNREADABLE;
    buffer_init(&answer, SIGNATURE_WIRE_MAX);
    verify_order_run(arena, order, &verdict);
    if (!verify_verdict_encode(&answer, &verdict))
        return CHILD_NO_MEMORY;
    return send_all(job->fds[JOB_RECORDS], buffer_span(&answer)) ? CHILD_DONE
                                                                 : CHILD_UNSENT;
}

/* The whole life of a child, from the fork on. */
static enum child_exit live(struct zygote *z, const struct control_message *job)
{
    const struct sandbox_limits limits = {
        .data = DATA_MAX,
        .file_size = z->options->budget.left[BUDGET_EXPANDED_BYTES],
        .cpu_seconds = job->value,
    };
    struct span bytes;
    (void)close(CONTROL_FD);
    if (!map_file(job->fds[JOB_FILE], &bytes))
        return CHILD_UNREADABLE;
    if (!sandbox_confine_child(&z->sandbox, &limits))
        return CHILD_UNCONFINED;
    switch ((enum control_type)job->type) {
    case CONTROL_ORIGINS:
        return read_origins(z, job, bytes);
    case CONTROL_SIGNATURE:
        return read_signature(z, job, bytes);
    case CONTROL_VERIFY:
        return verify(job, bytes);
    default:
        return inspect(z, job, bytes);
    }
}

static void end_child(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* Wait for the child's end.  False when the main process is gone before that. */
static bool await(pid_t pid, int pidfd, int *ret_status)
{
    struct pollfd p[2] = { 0 };
    p[0].fd = pidfd;
    p[1].fd = CONTROL_FD;
    p[0].events = p[1].events = POLLIN;
    while (poll(p, 2, -1) < 0 && errno == EINTR)
        ;
    return (p[0].revents & POLLIN) && waitpid(pid, ret_status, 0) == pid;
}

static bool fail_job(const char *what)
{
    struct error e;
    (void)error_errno(&e, ERROR_WORKER, "%s", what);
    return control_send(CONTROL_FD, CONTROL_FAILED, 0, span_of_text(e.message), NULL, 0);
}

/* Tell of the child and of its end.  False when nobody listens. */
static bool follow(pid_t pid, int pidfd)
{
    struct span nothing = { 0 };
    int status;
    if (!control_send(CONTROL_FD, CONTROL_STARTED, 0, nothing, &pidfd, 1) ||
        !await(pid, pidfd, &status)) {
        end_child(pid);
        return false;
    }
    return control_send(CONTROL_FD, CONTROL_ENDED, (uint32_t)status, nothing, NULL, 0);
}

/* False when there is nobody left to serve. */
static bool serve_job(struct zygote *z, struct control_message *job)
{
    if ((job->type != CONTROL_JOB && job->type != CONTROL_ORIGINS &&
         job->type != CONTROL_SIGNATURE && job->type != CONTROL_VERIFY) ||
        job->fd_count < JOB_SPOOL)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        _exit((int)live(z, job));
    control_close_fds(job);
    if (pid < 0)
        return fail_job("the worker cannot fork");
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        bool told = fail_job("the worker cannot watch its child");
        end_child(pid);
        return told;
    }
    bool ok = follow(pid, pidfd);
    (void)close(pidfd);
    return ok;
}

static bool say_ready(const struct zygote *z)
{
    char digest[DIGEST_HEX_MAX + 1], text[sizeof z->sandbox.description + sizeof digest];
    if (!digest_rules(z, digest))
        return false;
    int n = snprintf(text, sizeof text, "%s%c%s", z->sandbox.description, '\0', digest);
    return control_send(CONTROL_FD, CONTROL_READY, 0, span_of(text, (size_t)n), NULL, 0);
}

bool zygote_serve(const struct zygote_options *o)
{
    struct zygote z = { .options = o };
    struct error error;
    /* The keyboard's signals go to the whole group; main decides what they mean.  A
     * write past RLIMIT_FSIZE shall be an error, not the end. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGQUIT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    if (!can_watch(&error) || !load(&z, &error) ||
        !sandbox_confine_zygote(o->sandbox, &z.sandbox, &error)) {
        zygote_refuse(&error);
        return false;
    }
    /* Tidy the heap once; else every child does, and copies each page it tidies. */
    (void)malloc_trim(0);
    if (!name_rules(&z) || !say_ready(&z))
        return false;
    struct control_message job;
    while (control_receive(CONTROL_FD, &job) && serve_job(&z, &job))
        ;
    return true;
}

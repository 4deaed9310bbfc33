#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/descriptor.h"
#include "worker/control.h"
#include "worker/launch.h"
#include "worker/signature_wire.h"
#include "worker/statement_wire.h"
#include "worker/verify_order.h"
#include "worker/wire.h"

enum {
    START_SECONDS = 30, /* for the greeting, */
    LOAD_SECONDS = 600, /* and for its rules: those that never end are sought out */
    REAP_SECONDS = 5,   /* from a child's end, or its killing, to the news of it */
    STOP_SECONDS = 2,
    CPU_SECONDS = 60, /* of one file, and for each 10 MB of it one more */
    CPU_BYTES = 10 * 1000 * 1000,
    CPU_SHARE = 10, /* who gets less than a tenth of a processor is late */
    RECORDS_BUFFER = 64 << 10
};

struct worker {
    pid_t pid;   /* of the zygote; 0: none */
    int control; /* to it */
    int spool;   /* lent to each child in turn; -1: none yet */
    bool spool_tried, list_formats;
    struct worker_options options;
    char sandbox[64];
    char rules_digest[DIGEST_HEX_MAX + 1];
    struct rule_table rules; /* that its children may find, beside rules.def */
    struct control_message message;
    uint8_t records[RECORDS_BUFFER];
};

/* One file on its way through the worker. */
struct job {
    int records; /* where the child's records come out */
    int child;   /* pidfd; -1: not known yet */
    enum control_type type;
    struct span name;
    struct wire_decoder decoder;     /* of CONTROL_JOB */
    struct statement_decoder spoken; /* of CONTROL_ORIGINS */
    struct buffer answer;            /* of CONTROL_SIGNATURE and CONTROL_VERIFY */
    enum wire_outcome answered;
    size_t held; /* bytes in worker->records: the beginning of a record */
    uint32_t cpu_seconds;
    unsigned seconds; /* of the clock */
    int64_t deadline;
    bool late;
};

static bool answers_once(const struct job *j)
{
    return j->type == CONTROL_SIGNATURE || j->type == CONTROL_VERIFY;
}

static enum wire_outcome outcome_of(const struct job *j)
{
    if (answers_once(j))
        return j->answered;
    return j->type == CONTROL_ORIGINS ? j->spoken.outcome : j->decoder.outcome;
}

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t after(unsigned seconds)
{
    return now_ms() + (int64_t)seconds * 1000;
}

/* Wait until there is something to read, or an end; false at the deadline. */
static bool wait_for(struct pollfd *p, nfds_t count, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - now_ms();
        int n = poll(p, count, left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left);
        if (n > 0)
            return true;
        if (left <= 0 || (n < 0 && errno != EINTR))
            return false;
    }
}

static bool readable(int fd, int64_t deadline)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return wait_for(&p, 1, deadline);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* -- starting and stopping ------------------------------------------------------ */

enum { ARGUMENTS_MAX = 256 };

struct arguments {
    char *list[ARGUMENTS_MAX + 1];
    size_t count;
    bool failed;
};

static void add_argument(struct arguments *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void add_argument(struct arguments *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (a->count == ARGUMENTS_MAX || vasprintf(&text, format, args) < 0)
        a->failed = true;
    else
        a->list[a->count++] = text;
    va_end(args);
}

static void free_arguments(struct arguments *a)
{
    for (size_t i = 0; i < a->count; i++)
        free(a->list[i]);
}

static void make_arguments(struct arguments *a, const struct worker *w)
{
    const struct worker_options *o = &w->options;
    static const char *const modes[] = {
        [SANDBOX_AUTO] = "auto", [SANDBOX_STRICT] = "strict", [SANDBOX_OFF] = "off"
    };
    add_argument(a, "assay-worker");
    add_argument(a, "--data-dir=%s", o->data_dir ? o->data_dir : "");
    add_argument(a, "--sandbox=%s", modes[o->sandbox]);
    for (size_t i = 0; i < BUDGET_COUNT; i++)
        add_argument(a, "--max-%s=%" PRIu64, budget_kinds[i].option, o->budget.left[i]);
    if (o->deep)
        add_argument(a, "--deep");
    if (o->detail)
        add_argument(a, "--detail");
    if (w->list_formats)
        add_argument(a, "--list-formats");
    if (o->signatures)
        add_argument(a, "--signatures");
    for (const char *const *list = o->pickle_rules; list && *list; list++)
        add_argument(a, "--pickle-rules=%s", *list);
    if (o->yara_pack)
        add_argument(a, "--yara-pack=%s", o->yara_pack);
    for (const char *const *list = o->yara_rules; list && *list; list++)
        add_argument(a, "--yara=%s", *list);
}

static bool launch(struct worker *w, struct error *error)
{
    struct arguments arguments = { 0 };
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return error_errno(error, ERROR_WORKER, "cannot make a socket for the worker");
    w->control = ends[0];
    make_arguments(&arguments, w);
    bool ok = arguments.failed
                  ? error_set(error, ERROR_WORKER, "too many options for the worker")
                  : launch_program(w->options.program, arguments.list, ends[1],
                                   CONTROL_FD, &w->pid, error);
    free_arguments(&arguments);
    (void)close(ends[1]);
    return ok;
}

static bool next_message(struct worker *w, int64_t deadline)
{
    return readable(w->control, deadline) && control_receive(w->control, &w->message);
}

static bool no_worker(const char *program, struct error *error)
{
    return error_set(error, ERROR_WORKER, "%s does not answer as an assay-worker",
                     program);
}

/* The greeting: its version; then more follows. */
static bool hear_hello(struct worker *w, int64_t deadline, struct error *error)
{
    const struct control_message *m = &w->message;
    if (!next_message(w, deadline) || m->type != CONTROL_HELLO)
        return no_worker(w->options.program, error);
    if (m->value != CONTROL_VERSION || !span_is(m->text, ASSAY_VERSION))
        return error_set(error, ERROR_WORKER,
                         "%s is of version %.64s, but this is assay " ASSAY_VERSION
                         ": install both from one build",
                         w->options.program, m->bytes);
    return true;
}

/* The whole greeting: how it is confined, or why it will not work. */
static bool shake_hands(struct worker *w, struct error *error)
{
    const char *program = w->options.program;
    const struct control_message *m = &w->message;
    int64_t deadline = after(START_SECONDS);
    bool more;
    if (!hear_hello(w, deadline, error))
        return false;
    deadline = after(LOAD_SECONDS);
    while ((more = next_message(w, deadline)) && m->type == CONTROL_RULE)
        if (!control_read_rule(m, &w->rules))
            return error_set(error, ERROR_WORKER, "%s loads a rule that it may not have",
                             program);
    if (!more)
        return error_set(error, ERROR_WORKER, "%s ended while it was starting", program);
    if (m->type == CONTROL_REFUSED) /* mostly rules that it cannot read */
        return error_set(
            error, m->value < ERROR_WORKER ? (enum error_code)m->value : ERROR_WORKER,
            "the worker refuses to start: %.400s", m->bytes);
    if (m->type != CONTROL_READY || !rule_table_sort(&w->rules))
        return no_worker(program, error);
    if (w->options.sandbox != SANDBOX_OFF && !span_starts(m->text, "seccomp"))
        return error_set(error, ERROR_WORKER,
                         "the worker is not confined (--sandbox=off allows that)");
    size_t end = strnlen(m->bytes, m->text.len);
    struct span digest = span_slice(m->text, end + 1, m->text.len);
    (void)snprintf(w->sandbox, sizeof w->sandbox, "%.60s", m->bytes);
    (void)snprintf(w->rules_digest, sizeof w->rules_digest, "%.*s", (int)digest.len,
                   digest.ptr);
    return digest.len == 64 || no_worker(program, error);
}

static struct worker *worker_new(const struct worker_options *o, struct error *error)
{
    struct worker *w = calloc(1, sizeof *w);
    if (!w) {
        (void)error_set(error, ERROR_MEMORY, "out of memory");
        return NULL;
    }
    w->control = w->spool = -1;
    w->options = *o;
    return w;
}

bool worker_extensions(const char *program, struct buffer *ret, struct error *error)
{
    const struct worker_options o = { .program = program, .budget = budget_default() };
    struct worker *w = worker_new(&o, error);
    bool ok = w != NULL;
    if (ok) {
        int64_t deadline = after(START_SECONDS);
        w->list_formats = true;
        ok = launch(w, error) && hear_hello(w, deadline, error) &&
             ((next_message(w, deadline) && w->message.type == CONTROL_READY) ||
              no_worker(program, error));
    }
    if (ok)
        buffer_add(ret, w->message.text);
    worker_stop(w);
    return ok;
}

struct worker *worker_start(const struct worker_options *o, struct error *error)
{
    struct worker *w = worker_new(o, error);
    if (!w)
        return NULL;
    if (!launch(w, error) || !shake_hands(w, error)) {
        worker_stop(w);
        return NULL;
    }
    return w;
}

/* It ends with its socket; one that does not is killed. */
static void end_process(pid_t pid)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0 || !readable(pidfd, after(STOP_SECONDS)))
        (void)kill(pid, SIGKILL);
    close_fd(&pidfd);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void worker_stop(struct worker *w)
{
    if (!w)
        return;
    close_fd(&w->control);
    if (w->pid > 0)
        end_process(w->pid);
    close_fd(&w->spool);
    rule_table_free(&w->rules);
    free(w);
}

const char *worker_sandbox(const struct worker *w)
{
    return w->sandbox;
}

size_t worker_byte_rules(const struct worker *w)
{
    return w->rules.count;
}

const char *worker_rules_digest(const struct worker *w)
{
    return w->rules_digest;
}

/* -- one file ------------------------------------------------------------------- */

/* A file without a name; where the file system has no such thing, one that loses its
 * name at once. */
static int open_spool_in(const char *dir)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0)
        return fd;
    char *path = NULL;
    if (asprintf(&path, "%s/assay-spool-XXXXXX", dir) < 0)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    free(path);
    return fd;
}

/* Empty again for the next file.  Without a spool a child keeps expansions on its
 * heap, as far as that goes. */
static int empty_spool(struct worker *w)
{
    struct stat st;
    if (!w->spool_tried) {
        w->spool_tried = true;
        const char *dirs[] = { w->options.spool_dir, "/var/tmp", "/tmp" };
        for (size_t i = 0; i < 3 && w->spool < 0; i++)
            if (dirs[i])
                w->spool = open_spool_in(dirs[i]);
    }
    if (w->spool >= 0 &&
        (fstat(w->spool, &st) != 0 || (st.st_size > 0 && ftruncate(w->spool, 0) != 0)))
        close_fd(&w->spool);
    return w->spool;
}

static bool begin(struct worker *w, struct job *j, int fd, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_errno(error, ERROR_IO, "cannot make a pipe for the worker");
    j->records = ends[0];
    const int fds[] = { fd, ends[1], empty_spool(w) };
    bool sent = control_send(w->control, j->type, j->cpu_seconds, j->name, fds,
                             fds[2] >= 0 ? 3 : 2);
    int reason = errno;
    (void)close(ends[1]);
    errno = reason;
    return sent || error_errno(error, ERROR_WORKER, "the worker is gone");
}

/* An answer is read as a whole, once there is no more of it. */
static bool take_answer(const struct worker *w, struct job *j, size_t n)
{
    buffer_add(&j->answer, span_of(w->records, n));
    if (n > 0 && !j->answer.truncated)
        return true;
    if (j->answer.truncated)
        j->answered = WIRE_MALFORMED;
    else if (signature_wire_whole(buffer_span(&j->answer)))
        j->answered = WIRE_ENDED; /* else the child's end says why not */
    return false;
}

/* Take in what has come.  False when nothing more will, or nothing more is wanted. */
static bool take_records(struct worker *w, struct job *j)
{
    ssize_t n = read(j->records, w->records + j->held, sizeof w->records - j->held);
    if (n < 0)
        return errno == EINTR;
    if (answers_once(j))
        return take_answer(w, j, (size_t)n);
    if (n == 0)
        return false;
    size_t taken;
    struct span bytes = span_of(w->records, j->held + (size_t)n);
    enum wire_outcome outcome = j->type == CONTROL_ORIGINS
                                    ? statement_decode(&j->spoken, bytes, &taken)
                                    : wire_decode(&j->decoder, bytes, &taken);
    j->held = bytes.len - taken;
    memmove(w->records, w->records + taken, j->held);
    return outcome == WIRE_MORE;
}

/* The caller's work and the child's go on side by side until the records end. */
static void watch(struct worker *w, struct job *j, worker_meanwhile *meanwhile,
                  void *self)
{
    struct pollfd p[2] = { 0 };
    p[0].fd = j->records;
    p[0].events = POLLIN;
    p[1].fd = w->control; /* no events: only its end, when the zygote dies */
    for (bool more = true; more;) {
        bool busy = meanwhile && meanwhile(self);
        if (!busy)
            meanwhile = NULL;
        if (wait_for(p, 2, busy ? 0 : j->deadline))
            more = p[0].revents ? take_records(w, j) : false;
        if (more && now_ms() >= j->deadline) {
            j->late = true;
            return;
        }
    }
}

static void kill_child(const struct job *j)
{
    if (j->child >= 0)
        (void)syscall(SYS_pidfd_send_signal, j->child, SIGKILL, NULL, 0);
}

/* Wait for the news of the child's end.  False when the zygote itself is lost.
 * `ret_status` stays as it is when there never was a child: message holds why. */
static bool reap(struct worker *w, struct job *j, int *ret_status)
{
    const enum wire_outcome outcome = outcome_of(j);
    bool doomed = j->late || outcome == WIRE_MALFORMED || outcome == WIRE_NO_MEMORY;
    int64_t deadline = doomed ? after(REAP_SECONDS) : j->deadline;
    struct control_message *m = &w->message;
    for (;;) {
        if (doomed)
            kill_child(j);
        if (!readable(w->control, deadline)) {
            if (doomed)
                return false;
            doomed = j->late = true;
            deadline = after(REAP_SECONDS);
            continue;
        }
        if (!control_receive(w->control, m)) {
            kill_child(j); /* the zygote cannot any more */
            return false;
        }
        if (m->type == CONTROL_STARTED && m->fd_count == 1 && j->child < 0) {
            j->child = m->fds[0];
            continue;
        }
        control_close_fds(m);
        if (m->type == CONTROL_ENDED)
            *ret_status = (int)m->value;
        return m->type == CONTROL_ENDED || m->type == CONTROL_FAILED;
    }
}

static const char *signal_reason(int number)
{
    switch (number) {
    case SIGSYS:
        return "the worker was killed by SIGSYS: it made a system call that its sandbox "
               "forbids";
    case SIGBUS:
        return "the worker was killed by SIGBUS: the file was cut short, or could not be "
               "read, while it was inspected";
    case SIGXCPU:
        return "the worker was killed by SIGXCPU: it used up its processor time";
    case SIGKILL:
        return "the worker was killed by SIGKILL from outside, most likely because the "
               "system is short of memory";
    case SIGSEGV:
        return "the worker crashed (SIGSEGV)";
    case SIGABRT:
        return "the worker found a mistake of its own and gave up (SIGABRT)";
    default:
        return NULL;
    }
}

static const char *exit_reason(int code)
{
    switch (code) {
    case CHILD_UNCONFINED:
        return "the worker could not confine itself and read nothing";
    case CHILD_UNREADABLE:
        return "the worker cannot read it: not a regular file, or it cannot be mapped";
    case CHILD_NO_MEMORY:
        return "the worker is out of memory";
    case CHILD_UNSENT:
        return "the worker could not send all of its records";
    default:
        return "the worker ended before it had finished";
    }
}

/* Why the inspection is not complete, or an empty text. */
static void explain(char *reason, size_t size, const struct job *j, int status)
{
    const enum wire_outcome outcome = outcome_of(j);
    const char *text = "";
    reason[0] = '\0';
    if (outcome == WIRE_MALFORMED) {
        text = "the worker's records are malformed";
    } else if (outcome == WIRE_NO_MEMORY) {
        text = "the memory for one file is spent";
    } else if (j->late) {
        (void)snprintf(reason, size, "the worker did not finish within %u seconds",
                       j->seconds);
        return;
    } else if (WIFSIGNALED(status)) {
        text = signal_reason(WTERMSIG(status));
        if (!text) {
            (void)snprintf(reason, size, "the worker was killed by signal %d",
                           WTERMSIG(status));
            return;
        }
    } else if (outcome != WIRE_ENDED || WEXITSTATUS(status) != CHILD_DONE) {
        text = exit_reason(WEXITSTATUS(status));
    }
    (void)snprintf(reason, size, "%s", text);
}

/* How long is too long: generous, for a verdict must not depend on speed; and in the
 * processor's time, so that it does not depend on what else the machine does.  The
 * clock's time only catches a child that waits for something. */
static void set_limits(struct job *j, const struct worker *w, int fd)
{
    const uint64_t most = INT32_MAX / CPU_SHARE;
    struct stat st;
    uint64_t cpu = CPU_SECONDS;
    uint64_t search = w->options.budget.left[BUDGET_RULE_SECONDS];
    if (fstat(fd, &st) == 0 && st.st_size > 0)
        cpu += (uint64_t)st.st_size / CPU_BYTES;
    if (w->options.yara_pack)
        cpu += search < most ? search : most;
    j->cpu_seconds = (uint32_t)(cpu < most ? cpu : most);
    j->seconds = j->cpu_seconds * CPU_SHARE;
    if (w->options.deadline_seconds > 0) {
        j->seconds = w->options.deadline_seconds;
        j->cpu_seconds = j->seconds + 1;
    }
    j->deadline = after(j->seconds);
}

/* A job from its start to its child's end.  reason: why it is not complete, or empty. */
static bool run(struct worker *w, struct job *j, int fd, worker_meanwhile *meanwhile,
                void *self, char reason[REASON_MAX], struct error *error)
{
    enum { NO_CHILD = -1 };
    int status = NO_CHILD;
    j->records = j->child = -1;
    set_limits(j, w, fd);
    bool ok = begin(w, j, fd, error);
    if (ok) {
        watch(w, j, meanwhile, self);
        close_fd(&j->records); /* a child that goes on writing dies of it */
        ok = reap(w, j, &status) ||
             error_set(error, ERROR_WORKER, "the worker died while it inspected a file");
    }
    if (!ok)
        (void)snprintf(reason, REASON_MAX, "%s", error->message);
    else if (status == NO_CHILD)
        (void)snprintf(reason, REASON_MAX, "%.500s", w->message.bytes);
    else
        explain(reason, REASON_MAX, j, status);
    close_fd(&j->records);
    close_fd(&j->child);
    return ok;
}

bool worker_inspect(struct worker *w, int fd, struct artifact *file,
                    worker_meanwhile *meanwhile, void *self, struct error *error)
{
    struct job j = { .type = CONTROL_JOB, .name = file->name };
    char reason[REASON_MAX] = "";
    if (!wire_decoder_init(&j.decoder, file, &w->options.budget))
        return error_set(error, ERROR_MEMORY, "out of memory");
    j.decoder.loaded = &w->rules;
    bool ok = run(w, &j, fd, meanwhile, self, reason, error);
    if (reason[0] != '\0')
        wire_decoder_abandon(&j.decoder, reason);
    wire_decoder_free(&j.decoder);
    return ok;
}

bool worker_origins(struct worker *w, int fd, uint32_t sources, statement_sink *say,
                    void *self, char ret_reason[REASON_MAX], struct error *error)
{
    /* the child says once more when its own budget is spent */
    uint64_t most = w->options.budget.left[BUDGET_ORIGIN_STATEMENTS];
    struct job j = {
        .type = CONTROL_ORIGINS,
        .spoken = {.say = say,
                   .self = self,
                   .sources = sources,
                   .left = most < UINT64_MAX / 2 ? most + sources + 2 : most}
    };
    ret_reason[0] = '\0';
    return run(w, &j, fd, NULL, NULL, ret_reason, error);
}

/* A job of one answer, which is then in the arena; empty when there is none. */
static bool ask(struct worker *w, enum control_type type, int fd, struct arena *arena,
                struct span *ret_answer, char ret_reason[REASON_MAX], struct error *error)
{
    struct job j = { .type = type };
    *ret_answer = span_of(NULL, 0);
    ret_reason[0] = '\0';
    buffer_init(&j.answer, SIGNATURE_WIRE_MAX + SIGNATURE_WIRE_HEAD);
    bool ok = run(w, &j, fd, NULL, NULL, ret_reason, error);
    if (ok && ret_reason[0] == '\0')
        *ret_answer = arena_copy(arena, buffer_span(&j.answer));
    buffer_free(&j.answer);
    return ok;
}

static void malformed(const struct arena *arena, char ret_reason[REASON_MAX])
{
    if (ret_reason[0] == '\0')
        (void)snprintf(ret_reason, REASON_MAX, "%s",
                       arena_exhausted(arena) ? "memory is short"
                                              : "the worker's answer is malformed");
}

bool worker_signature(struct worker *w, int fd, struct arena *arena,
                      struct signature_file *ret_file, char ret_reason[REASON_MAX],
                      struct error *error)
{
    struct span answer;
    bool ok = ask(w, CONTROL_SIGNATURE, fd, arena, &answer, ret_reason, error);
    if (ok && !signature_wire_decode(arena, answer, ret_file))
        malformed(arena, ret_reason);
    return ok;
}

/* A file without a name that holds the order; -1 with an error. */
static int order_file(const struct verify_order *o, struct error *error)
{
    struct buffer text;
    buffer_init(&text, VERIFY_ORDER_MAX);
    if (!verify_order_encode(&text, o)) {
        buffer_free(&text);
        (void)error_set(error, ERROR_MEMORY, "the bundle needs too much memory");
        return -1;
    }
    int fd = descriptor_of(buffer_span(&text));
    buffer_free(&text);
    if (fd < 0)
        (void)error_errno(error, ERROR_IO, "cannot hand a bundle to the worker");
    return fd;
}

bool worker_verify(struct worker *w, const struct verify_order *order,
                   struct arena *arena, struct verification *ret_verdict,
                   char ret_reason[REASON_MAX], struct error *error)
{
    struct span answer;
    struct error why;
    int fd = order_file(order, &why);
    if (fd < 0) {
        (void)snprintf(ret_reason, REASON_MAX, "%s", why.message);
        return true;
    }
    bool ok = ask(w, CONTROL_VERIFY, fd, arena, &answer, ret_reason, error);
    if (ok && !verify_verdict_decode(arena, answer, ret_verdict))
        malformed(arena, ret_reason);
    (void)close(fd);
    return ok;
}

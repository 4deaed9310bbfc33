#include "reports/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct report_writer writers[] = {
#define REPORT(symbol, name, title) { name, title, report_write_##symbol },
#include "reports/reports.def"
#undef REPORT
};
enum { WRITERS = sizeof writers / sizeof writers[0], TEMPORARY_TRIES = 100 };

const struct report_writer *report_at(size_t i)
{
    return i < WRITERS ? &writers[i] : NULL;
}

const struct report_writer *report_find(const char *name)
{
    for (size_t i = 0; i < WRITERS; i++)
        if (strcmp(writers[i].name, name) == 0)
            return &writers[i];
    return NULL;
}

/* What is to be written, and by whom. */
struct task {
    const char *what; /* "json": for errors */
    report_write_function *write;
    const void *self;
};

/* Run the writer and push everything out of stdio's buffer; `name` is for the error. */
static bool write_stream(const struct task *t, FILE *out, const char *name,
                         struct error *error)
{
    errno = 0;
    if (!t->write(out, t->self))
        return error_set(error, ERROR_MEMORY, "%s: out of memory", name);
    if (fflush(out) != 0 || ferror(out)) {
        if (errno == 0)
            errno = EIO;
        return error_errno(error, ERROR_IO, "%s: cannot write the %s report", name,
                           t->what);
    }
    return true;
}

static FILE *stream_of(int fd, const char *name, struct error *error)
{
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        error_errno(error, ERROR_IO, "%s: cannot open it for the report", name);
        if (fd >= 0)
            (void)close(fd);
    }
    return out;
}

static bool close_stream(FILE *out, bool ok, const char *name, struct error *error)
{
    if (fclose(out) != 0 && ok)
        return error_errno(error, ERROR_IO, "%s: cannot write the report", name);
    return ok;
}

/* A device, a pipe: there is nothing to rename over. */
static bool write_special(const struct task *t, const char *path, struct error *error)
{
    FILE *out = stream_of(open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), path, error);
    return out && close_stream(out, write_stream(t, out, path, error), path, error);
}

/* A new file beside `path`; its name, to be freed, in *ret_name. */
static int temporary_beside(const char *path, char **ret_name)
{
    for (unsigned i = 0; i < TEMPORARY_TRIES; i++) {
        char *name = NULL;
        if (asprintf(&name, "%s.%ld-%u.tmp", path, (long)getpid(), i) < 0) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *ret_name = name;
            return fd;
        }
        int why = errno;
        free(name);
        errno = why;
        if (why != EEXIST)
            return -1;
    }
    return -1;
}

static bool write_atomically(const struct task *t, const char *path, struct error *error)
{
    char *temporary = NULL;
    FILE *out = stream_of(temporary_beside(path, &temporary), path, error);
    bool ok = out != NULL;
    if (ok) {
        ok = write_stream(t, out, path, error);
        if (ok && fsync(fileno(out)) != 0)
            ok = error_errno(error, ERROR_IO, "%s: cannot write the report", path);
        ok = close_stream(out, ok, path, error);
    }
    if (ok && rename(temporary, path) != 0)
        ok = error_errno(error, ERROR_IO, "%s: cannot put the report in place", path);
    if (!ok && temporary)
        (void)unlink(temporary);
    free(temporary);
    return ok;
}

bool report_write_by(const char *what, report_write_function *write, const void *self,
                     FILE *out, const char *path, struct error *error)
{
    const struct task t = { what, write, self };
    if (!path)
        return write_stream(&t, out, "standard output", error);
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_special(&t, path, error);
    char *real = realpath(path, NULL); /* through a link to the file that it names */
    bool ok = write_atomically(&t, real ? real : path, error);
    free(real);
    return ok;
}

struct one_result {
    const struct report_writer *writer;
    const struct result *r;
    const struct report_options *o;
};

static bool write_result(FILE *out, const void *self)
{
    const struct one_result *one = self;
    return one->writer->write(out, one->r, one->o);
}

bool report_write(const struct report_writer *w, const struct result *r,
                  const struct report_options *o, FILE *out, const char *path,
                  struct error *error)
{
    const struct one_result one = { w, r, o };
    return report_write_by(w->name, write_result, &one, out, path, error);
}

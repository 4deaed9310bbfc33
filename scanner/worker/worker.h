/* worker.h: the main process's side of the confined worker (DESIGN section 4).
 *
 * A worker is one assay-worker process, a zygote that forks one confined child per
 * file.  Not thread-safe: each scanning thread owns its own. */
#ifndef WORKER_H
#define WORKER_H

#include "core/artifact.h"
#include "core/budget.h"
#include "core/error.h"
#include "origins/origins.h"

struct signature_file; /* integrity/signature_file.h */
struct verify_order;   /* worker/verify_order.h */
struct verification;   /* integrity/verify.h */

enum sandbox { SANDBOX_AUTO, SANDBOX_STRICT, SANDBOX_OFF };

struct worker_options {   /* texts outlive the worker */
    const char *program;  /* path of assay-worker */
    const char *data_dir; /* where rules/ lies */
    const char *const
        *pickle_rules;     /* the operator's additional lists, NULL-terminated, or NULL */
    const char *yara_pack; /* the compiled byte rules; NULL: none (tests) */
    const char *const
        *yara_rules; /* the operator's files and directories, likewise, or NULL */
    enum sandbox sandbox;
    struct budget budget; /* for each file */
    bool signatures; /* for signatures alone: it inspects nothing and loads no rules */
    bool deep;
    bool detail;               /* for assay inspect: see inspection.detail */
    unsigned deadline_seconds; /* backstop for one file; 0: in the processor's time, by
                                  its size */
    const char *spool_dir;     /* for big expansions; NULL: /var/tmp, then /tmp */
};

/* What inspecting one file may allocate; the arena of its tree needs as much here. */
enum { WORKER_ARENA_MAX = 256 << 20 };

struct worker;

/* Start it and compare versions.  ERROR_WORKER when the program is missing, of
 * another version, or cannot confine itself as asked; ERROR_CONFIG when it cannot read
 * or use its rules. */
struct worker *worker_start(const struct worker_options *o, struct error *error);
void worker_stop(struct worker *w); /* NULL is fine */

/* What names promise: a line "FORMAT .ext .ext…" for each format, in the order of
 * formats.def.  The inspectors know, and only the worker holds them. */
bool worker_extensions(const char *program, struct buffer *ret, struct error *error);

/* How it is confined: "seccomp+landlock6", "seccomp", "off".  Lives as long as w. */
const char *worker_sandbox(const struct worker *w);

size_t worker_byte_rules(const struct worker *w); /* how many it has loaded */

/* sha256, hex, over the rules it uses: core/rules.def, the lists of globals, the pack of
 * byte rules, the operator's own.  Lives as long as w. */
const char *worker_rules_digest(const struct worker *w);

/* Called again and again while a file is inspected, so that the caller hashes the
 * same descriptor meanwhile: with pread(), for the offset is shared with the child.
 * Does a bounded piece of work; false when it is done. */
typedef bool worker_meanwhile(void *self);

/* Inspect what `fd` (read-only, a regular file) holds and grow `file`'s tree from the
 * worker's records.  Returns when the child has ended, whether or not `meanwhile`
 * (NULL is fine) is done.  A child that dies, is killed or passes the deadline leaves
 * `file` incomplete with the reason, and keeps what it had found.  False only when the
 * worker itself is lost: stop it, start another, and give that a fresh artifact. */
bool worker_inspect(struct worker *w, int fd, struct artifact *file,
                    worker_meanwhile *meanwhile, void *self, struct error *error);

/* Read the bundle that `fd` holds, of `sources` files (origins/bundle.h), and hear what
 * they say; a statement's texts are valid during the call.  *ret_reason is empty when
 * everything was read, else it says why not.  False as above. */
bool worker_origins(struct worker *w, int fd, uint32_t sources, statement_sink *say,
                    void *self, char ret_reason[REASON_MAX], struct error *error);

/* Take apart what `fd` holds, a signature file; what comes out lives in the arena.
 * *ret_reason is empty when there is an answer, else it says why not.  False as above. */
bool worker_signature(struct worker *w, int fd, struct arena *arena,
                      struct signature_file *ret_file, char ret_reason[REASON_MAX],
                      struct error *error);

/* Verify a bundle.  *ret_reason is empty when there is a verdict; of that, "verified" is
 * not to be believed (worker/verify_order.h).  False as above. */
bool worker_verify(struct worker *w, const struct verify_order *order,
                   struct arena *arena, struct verification *ret_verdict,
                   char ret_reason[REASON_MAX], struct error *error);

#endif

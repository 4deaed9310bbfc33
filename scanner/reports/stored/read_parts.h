/* read_parts.h: the parts of a stored model that refer to each other, while they are
 * read: JSON may have them in any order. */
#ifndef READ_PARTS_H
#define READ_PARTS_H

#include "reports/stored/read_model.h"

/* `signature` is kept until the model's are known: see join_signatures(). */
struct signed_file {
    struct file *file;
    bool known;
    uint64_t index;
    struct signed_file *next;
};

/* How many of the model's findings belong to this artifact; they come in the same order.
 */
struct share {
    struct artifact *artifact;
    uint64_t kept, dropped;
    struct share *next;
};

struct stored_finding;

/* A model while it is read. */
struct reading {
    struct model *model;
    struct rule_names *names;
    struct share *first_share, **last_share; /* of the findings, as trees are walked */
    struct stored_finding *first_finding, **last_finding;
    uint64_t dropped; /* findings, of all artifacts and of the model itself */
    struct signed_file *signed_files;
};

/* For lists of a struct reading: "files", "findings". */
bool read_files(struct input *in, void *to);
bool read_findings(struct input *in, void *to);

/* When all has been read: to each file its signature, to each artifact its findings. */
bool files_join_signatures(struct input *in, const struct reading *reading);
bool findings_hand_out(struct input *in, struct reading *reading);

/* Names of enums, and lists that models and files have. */
bool read_status(struct input *in, void *to);   /* enum artifact_status * */
bool read_expected(struct input *in, void *to); /* struct expectation ** */
bool read_metadata(struct input *in, void *to); /* struct metadata ** */

#endif

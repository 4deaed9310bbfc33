/* bom.h: what the bills of materials (CycloneDX, SPDX) and the verification summary have
 * in common: outside names of a model, its licences, and its findings in the order of the
 * report. */
#ifndef BOM_H
#define BOM_H

#include "core/result.h"
#include "reports/json/out.h"
#include "reports/spots.h"

/* Who says where the model comes from is somebody outside of it. */
bool bom_origin_counts(const struct model *m);

/* "acme/bert" is bert of the group acme; without an origin's name, the model's identity
 * as it stands. */
struct bom_name {
    struct span group, name;
};
struct bom_name bom_name(const struct model *m);

/* "pkg:huggingface/acme/bert@4f1c…", as the package-url specification has it: only for
 * registries that it knows.  False, and nothing is added, when there is none. */
bool bom_purl(const char *registry, struct span name, struct span revision,
              struct buffer *out);

/* Where a person finds the model; false likewise. */
bool bom_location(const struct origin *o, struct buffer *out);

/* The identifier on the SPDX licence list; NULL: it is none that we know. */
const char *bom_license(struct span declared);

/* The first value of a key of the model's metadata; empty when there is none. */
struct span bom_metadata(const struct model *m, const char *key);

/* Metadata of one key, one after the other: starts with m->metadata. */
const struct metadata *bom_each(const struct metadata *from, const char *key);

/* Some file could not be read, or not to its end. */
bool bom_unread(const struct model *m);

/* "called by REDUCE: os.system('…'), at byte 3 of model.pt!data.pkl": the inside of a
 * string. */
void bom_detail(struct json_out *j, const struct spot *s);

/* Findings as they stand, each with its place in the result. */
struct bom_findings {
    struct spots spots;
    struct spot_id *ids; /* of the spots */
    size_t *order;       /* of the report: indexes of both */
    size_t next;
    size_t model, file;         /* of the current one, counted from 1; file 0: none */
    const struct spot *spot;    /* the current one */
    const struct spot_id *id;   /* its name */
    const struct model *in;     /* whose files are counted */
    const struct file *counted; /* up to this one */
};
bool bom_findings_open(const struct result *r, struct bom_findings *ret); /* no memory */
bool bom_findings_next(struct bom_findings *f); /* false past the last */
void bom_findings_rewind(struct bom_findings *f, const struct result *r);
void bom_findings_close(struct bom_findings *f); /* idempotent */

#endif

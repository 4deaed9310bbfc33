/* yara_pack.h: between the files of worker/yara_*.c; the only one that includes yara.h.
 */
#ifndef YARA_PACK_H
#define YARA_PACK_H

#include <yara.h>

#include "core/digest.h"
#include "worker/rule_table.h"
#include "worker/yara_rules.h"

/* First line of the compiled pack: libyara checks no more than its own format. */
#define YARA_PACK_HEADER "assay " ASSAY_VERSION " libyara " YR_VERSION "\n"

/* Where a rule applies. */
struct yara_scope {
    bool any, text, binary;
    uint64_t formats; /* bits, of the artifact or of one around it */
};

/* What the meta of a rule says. */
struct yara_entry {
    struct rule rule; /* id NULL: a private rule */
    struct yara_scope scope;
    const char *confidence; /* NULL: it does not say */
    bool secret;            /* what matches must not get into a report */
};

struct yara_pack {
    YR_RULES *rules;
    YR_SCANNER *scanner;
    struct yara_entry *entries; /* one for each rule in rules, at the same index */
    bool operators;             /* not the pack that comes with Assay */
};

struct yara_rules {
    struct arena *arena; /* of the entries and their texts */
    struct yara_pack packs[2];
    size_t pack_count;
    const struct rule **list; /* by id */
    size_t count;
    char digest[DIGEST_HEX_MAX + 1]; /* of the compiled pack and the operator's sources */
};

const char *yara_reason(int code); /* what an ERROR_… of libyara's means to a reader */

/* yara_meta.c: fill p->entries; p->rules is set.  ERROR_CONFIG names file and rule. */
bool yara_pack_read_meta(struct yara_pack *p, struct arena *arena, struct error *error);

/* yara_compile.c: fill p->rules and add what was compiled to the digest. */
bool yara_pack_compile(struct yara_pack *p, const char *const *sources,
                       struct digester *digest, struct error *error);

/* yara_trial.c: nothing tells which modules compiled rules import, or that they never
 * end, but running them: on no bytes.  Both errors name file and line. */
bool yara_pack_try(const struct yara_pack *p, struct error *error);
bool yara_refuse_rule(const YR_RULE *rule, struct error *error, const char *what);

/* yara_scan.c: what libyara says of these blocks, or ERROR_SCAN_TIMEOUT when it has had
 * so many seconds of the processor. */
int yara_scan_within(const struct yara_pack *p, YR_MEMORY_BLOCK_ITERATOR *blocks,
                     uint64_t seconds);
void yara_scan(void *self, struct inspection *in, const struct byte_range *ranges,
               size_t count);

#endif

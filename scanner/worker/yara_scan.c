#include <time.h>

#include "core/formats.h"
#include "worker/yara_pack.h"

enum {
    SCAN_BYTES = 10000000, /* for each 10 MB of an artifact one second more */
    TEXT_SNIFF = 4096,     /* bytes looked at to call an artifact text */
    EVIDENCE_SHOWN = 160,  /* bytes of a match */
    SECRET_SHOWN = 8,      /* of a match that is a secret */
    STRINGS_NAMED = 4      /* in a message */
};

/* One pack over one artifact. */
struct scan {
    const struct yara_pack *pack;
    struct inspection *in;
    const struct byte_range *ranges;
    size_t count, next;
    YR_MEMORY_BLOCK block;
    uint64_t formats; /* of the artifact and all around it */
    bool text;
};

/* ---- the bytes, as libyara asks for them ------------------------------------- */

static const uint8_t *fetch(YR_MEMORY_BLOCK *block)
{
    const struct scan *s = block->context;
    return s->in->bytes.ptr + block->base;
}

static YR_MEMORY_BLOCK *next_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    struct scan *s = iterator->context;
    if (s->next == s->count)
        return NULL;
    const struct byte_range *r = &s->ranges[s->next++];
    s->block = (YR_MEMORY_BLOCK){
        .size = (size_t)r->size, .base = r->offset, .context = s, .fetch_data = fetch
    };
    return &s->block;
}

static YR_MEMORY_BLOCK *first_block(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    struct scan *s = iterator->context;
    s->next = 0;
    return next_block(iterator);
}

static uint64_t artifact_size(YR_MEMORY_BLOCK_ITERATOR *iterator)
{
    const struct scan *s = iterator->context;
    return s->in->bytes.len;
}

/* ---- what was found ------------------------------------------------------------ */

static bool looks_like_text(struct span bytes)
{
    struct span head = span_slice(bytes, 0, TEXT_SNIFF);
    for (size_t i = 0; i < head.len; i++) {
        uint8_t c = head.ptr[i];
        if (c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b)
            return false;
    }
    return true;
}

static uint64_t formats_around(const struct artifact *a)
{
    uint64_t all = 0;
    for (; a; a = a->parent)
        all |= a->formats;
    return all;
}

static bool applies(const struct yara_scope *scope, const struct scan *s)
{
    return scope->any || (scope->text && s->text) || (scope->binary && !s->text) ||
           (scope->formats & s->formats);
}

/* The first match of any string of the rule; a span that is empty when its condition
 * needs none.  `names` gets the strings that matched. */
static struct span first_match(YR_SCAN_CONTEXT *context, const YR_RULE *rule,
                               struct span bytes, uint64_t *ret_offset,
                               struct buffer *names)
{
    const YR_STRING *string;
    const YR_MATCH *first = NULL;
    uint64_t at = 0;
    size_t named = 0;
    yr_rule_strings_foreach(rule, string)
    {
        const YR_MATCH *match = context->matches[string->idx].head;
        if (!match || match->is_private)
            continue;
        if (named++ < STRINGS_NAMED)
            buffer_printf(names, "%s%s", named == 1 ? "" : ", ", string->identifier);
        uint64_t offset = (uint64_t)(match->base + match->offset);
        if (!first || offset < at) {
            first = match;
            at = offset;
        }
    }
    if (named > STRINGS_NAMED)
        buffer_printf(names, " and %zu more", named - STRINGS_NAMED);
    if (!first || at > bytes.len)
        return span_of("", 0);
    *ret_offset = at;
    return span_slice(bytes, at, at + (uint64_t)first->match_length);
}

static void report(const struct scan *s, YR_SCAN_CONTEXT *context, const YR_RULE *rule)
{
    const struct yara_entry *e = &s->pack->entries[rule - s->pack->rules->rules_table];
    if (!applies(&e->scope, s))
        return;
    struct buffer message, shortened;
    uint64_t offset = 0;
    buffer_init(&message, MESSAGE_MAX);
    buffer_init(&shortened, EVIDENCE_MAX);
    buffer_add_text(&message, "matches ");
    struct span match = first_match(context, rule, s->in->bytes, &offset, &message);
    struct span evidence = span_slice(match, 0, EVIDENCE_SHOWN);
    if (match.len == 0) {
        buffer_clear(&message);
        buffer_add_text(&message, "its condition holds");
    }
    if (e->confidence)
        buffer_printf(&message, " (confidence %s)", e->confidence);
    if (e->secret && match.len > 0) {
        buffer_add(&shortened, span_slice(match, 0, SECRET_SHOWN));
        buffer_printf(&shortened, "... (%zu bytes, not shown)", match.len);
        evidence = buffer_span(&shortened);
    }
    inspection_report(s->in, &e->rule, offset, evidence, buffer_span(&message));
    buffer_free(&message);
    buffer_free(&shortened);
}

static int on_event(YR_SCAN_CONTEXT *context, int message, void *data, void *self)
{
    struct scan *s = self;
    if (message == CALLBACK_MSG_RULE_MATCHING) {
        report(s, context, data);
    } else if (message == CALLBACK_MSG_TOO_MANY_MATCHES) {
        const YR_STRING *string = data;
        inspection_incomplete(s->in,
                              "a byte rule matched too often: the matches of %s in rule "
                              "%s past the first million do not count",
                              string->identifier,
                              s->pack->rules->rules_table[string->rule_idx].identifier);
    }
    return CALLBACK_CONTINUE;
}

/* ---- the scan ------------------------------------------------------------------ */

/* What rules of the operator's may ask for beside the bytes. */
static bool define_externals(YR_SCANNER *scanner, const struct inspection *in)
{
    struct buffer path;
    buffer_init(&path, NAME_MAX_BYTES);
    artifact_path(in->artifact, &path);
    buffer_add(&path, span_of("", 1)); /* a text even when the name is empty */
    const char *text = path.text ? path.text : "";
    const char *slash = strrchr(text, '/');
    const char *name = slash ? slash + 1 : text;
    const char *dot = strrchr(name, '.');
    const char *type = "";
    for (int id = 0; id < FORMAT_COUNT; id++)
        if (in->artifact->formats & FORMAT_BIT(id))
            type = formats[id].name;
    bool ok =
        yr_scanner_define_string_variable(scanner, "filepath", text) == ERROR_SUCCESS &&
        yr_scanner_define_string_variable(scanner, "filename", name) == ERROR_SUCCESS &&
        yr_scanner_define_string_variable(scanner, "extension", dot ? dot : "") ==
            ERROR_SUCCESS &&
        yr_scanner_define_string_variable(scanner, "filetype", type) == ERROR_SUCCESS;
    buffer_free(&path);
    return ok;
}

static uint64_t processor_ms(void)
{
    struct timespec t = { 0 };
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* libyara looks at the clock alone.  Where the machine is busy its time is up before
 * the processor's is: then it begins again, with twice as much. */
int yara_scan_within(const struct yara_pack *p, YR_MEMORY_BLOCK_ITERATOR *blocks,
                     uint64_t seconds)
{
    uint64_t limit = seconds < 1 ? 1 : seconds < INT16_MAX ? seconds : INT16_MAX;
    uint64_t enough = limit * 1000 / 10 * 9;
    for (;; limit *= 2) {
        uint64_t start = processor_ms();
        yr_scanner_set_timeout(p->scanner, (int)limit);
        int code = yr_scanner_scan_mem_blocks(p->scanner, blocks);
        if (code != ERROR_SCAN_TIMEOUT || limit >= INT16_MAX ||
            processor_ms() - start >= enough)
            return code;
    }
}

static uint64_t seconds_for(const struct inspection *in)
{
    uint64_t base = in->budget ? in->budget->left[BUDGET_RULE_SECONDS]
                               : budget_kinds[BUDGET_RULE_SECONDS].amount;
    uint64_t more = in->bytes.len / SCAN_BYTES;
    return base < UINT64_MAX - more ? base + more : UINT64_MAX;
}

static void scan_with(const struct yara_pack *p, struct scan *s)
{
    YR_MEMORY_BLOCK_ITERATOR iterator = {
        .context = s, .first = first_block, .next = next_block, .file_size = artifact_size
    };
    uint64_t seconds = seconds_for(s->in);
    s->pack = p;
    yr_scanner_set_callback(p->scanner, on_event, s);
    /* Without libyara's own handler a SIGBUS ends the child, and the file is incomplete.
     */
    yr_scanner_set_flags(p->scanner, SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_NO_TRYCATCH |
                                         SCAN_FLAGS_REPORT_RULES_MATCHING);
    int code = ERROR_INSUFFICIENT_MEMORY;
    if (!p->operators || define_externals(p->scanner, s->in))
        code = yara_scan_within(p, &iterator, seconds);
    if (code == ERROR_SUCCESS)
        return;
    const YR_RULE *rule = yr_scanner_last_error_rule(p->scanner);
    if (code == ERROR_SCAN_TIMEOUT)
        inspection_incomplete(s->in,
                              "the byte rules did not end within %llu seconds of the "
                              "processor's time (--max-rule-seconds)",
                              (unsigned long long)seconds);
    else
        inspection_incomplete(s->in, "byte rules%s%s: %s", rule ? ", rule " : "",
                              rule ? rule->identifier : "", yara_reason(code));
}

void yara_scan(void *self, struct inspection *in, const struct byte_range *ranges,
               size_t count)
{
    const struct yara_rules *y = self;
    struct scan s = { .in = in,
                      .ranges = ranges,
                      .count = count,
                      .formats = formats_around(in->artifact),
                      .text = looks_like_text(in->bytes) };
    for (size_t i = 0; i < y->pack_count; i++)
        scan_with(&y->packs[i], &s);
}

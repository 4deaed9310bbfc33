#include "unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "worker/wire.h"

static struct span text(const char *s)
{
    return span_of_text(s);
}

/* -- a child's tree, encoded into memory and decoded into another tree --------- */

struct pair {
    struct arena *child_arena, *parent_arena;
    struct artifact *child, *parent;
    struct wire_encoder encoder;
    struct observer observer;
    struct wire_decoder decoder;
    struct budget budget;
};

static int setup(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    p->child_arena = arena_new(1 << 24);
    p->parent_arena = arena_new(1 << 24);
    p->child = artifact_new(p->child_arena, text("model.pt"), 100);
    p->parent = artifact_new(p->parent_arena, text("model.pt"), 100);
    p->budget = budget_default();
    wire_encoder_init(&p->encoder, memfd_create("records", MFD_CLOEXEC));
    p->observer = wire_observer(&p->encoder);
    *state = p;
    return wire_decoder_init(&p->decoder, p->parent, &p->budget) ? 0 : -1;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    (void)close(p->encoder.fd);
    wire_encoder_free(&p->encoder);
    wire_decoder_free(&p->decoder);
    arena_free(p->child_arena);
    arena_free(p->parent_arena);
    free(p);
    return 0;
}

/* What has been written so far. */
static struct span written(const struct pair *p)
{
    off_t size = lseek(p->encoder.fd, 0, SEEK_END);
    if (size == 0)
        return text("");
    void *bytes = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, p->encoder.fd, 0);
    assert_ptr_not_equal(bytes, MAP_FAILED);
    return span_of(bytes, (size_t)size);
}

/* In pieces of n bytes, as a pipe might deliver them. */
static enum wire_outcome decode(struct pair *p, size_t n)
{
    struct span all = written(p);
    enum wire_outcome outcome = WIRE_MORE;
    size_t from = 0, taken;
    for (size_t to = n; outcome == WIRE_MORE && from < all.len; to += n) {
        outcome = wire_decode(&p->decoder, span_slice(all, from, to), &taken);
        from += taken;
        assert_true(to < all.len + n);
    }
    if (all.len > 0)
        (void)munmap((void *)(uintptr_t)all.ptr, all.len);
    return outcome;
}

static void find(struct pair *p, struct artifact *in, enum rule_id rule,
                 const char *message)
{
    const struct finding *f = finding_add(&in->findings, p->child_arena, &rules[rule], 42,
                                          text(message), span_of("a\0b\xff", 4));
    assert_non_null(f);
    p->observer.finding(p->observer.self, in, f);
}

static void close_artifact(struct pair *p, struct artifact *a)
{
    p->observer.closed(p->observer.self, a);
}

static void grow_tree(struct pair *p)
{
    struct arena *arena = p->child_arena;
    p->child->formats = FORMAT_BIT(FORMAT_ZIP);
    struct artifact *clean = artifact_child(p->child, text("clean"), 1, 2);
    close_artifact(p, clean);
    artifact_drop_last(p->child);
    struct artifact *outer = artifact_child(p->child, span_of("x\0y", 3), 10, 20);
    struct artifact *inner = artifact_child(outer, text("inner"), 3, 4);
    inner->executes = outer->executes = p->child->executes = true;
    find(p, inner, RULE_FORMAT_POLYGLOT, "two loaders");
    struct fact *facts = artifact_facts(inner);
    struct fact *list = fact_list(arena, facts, "globals");
    for (uint64_t i = 0; i < 3; i++) {
        struct fact *global = fact_object(arena, list, "");
        (void)fact_text(arena, global, "module", span_of("o\0s", 3));
        (void)fact_uint(arena, global, "offset", UINT64_MAX - i);
        (void)fact_bool(arena, global, "called", i == 1);
    }
    (void)fact_text(arena, facts, "last", text(""));
    close_artifact(p, inner);
    artifact_lower(outer, STATUS_INCOMPLETE, "cut short at %d", 17);
    close_artifact(p, outer);
    struct artifact *told = artifact_child(p->child, text("told"), 50, 5);
    (void)artifact_facts(told);
    close_artifact(p, told);
    close_artifact(p, p->child);
    assert_true(wire_encoder_end(&p->encoder));
}

static void check_tree(const struct artifact *root)
{
    assert_int_equal(root->status, STATUS_COMPLETE);
    assert_int_equal(root->formats, FORMAT_BIT(FORMAT_ZIP));
    assert_int_equal(root->members_total, 3);
    assert_true(root->executes);
    const struct artifact *outer = root->first, *inner = outer->first;
    assert_int_equal(outer->name.len, 3);
    assert_int_equal(outer->offset, 10);
    assert_int_equal(outer->size, 20);
    assert_int_equal(outer->status, STATUS_INCOMPLETE);
    assert_true(span_is(outer->reason, "cut short at 17"));
    assert_ptr_equal(inner->next, NULL);
    assert_int_equal(inner->findings.count, 1);
    const struct finding *f = inner->findings.first;
    assert_ptr_equal(f->rule, &rules[RULE_FORMAT_POLYGLOT]);
    assert_int_equal(f->offset, 42);
    assert_true(span_is(f->message, "two loaders"));
    assert_true(span_equal(f->evidence, span_of("a\0b\xff", 4)));
    const struct fact *list = fact_find(inner->facts, "globals");
    assert_int_equal(list->type, FACT_LIST);
    uint64_t n = 0;
    for (const struct fact *global = list->first; global; global = global->next, n++) {
        assert_int_equal(fact_find(global, "module")->text.len, 3);
        assert_true(fact_find(global, "offset")->number == UINT64_MAX - n);
        assert_int_equal(fact_find(global, "called")->number, n == 1);
    }
    assert_int_equal(n, 3);
    assert_non_null(fact_find(inner->facts, "last"));
    assert_true(span_is(outer->next->name, "told"));
    assert_non_null(outer->next->facts);
    assert_null(outer->next->next);
}

static void a_tree_arrives_as_it_was(void **state)
{
    struct pair *p = *state;
    grow_tree(p);
    assert_int_equal(decode(p, 1 << 16), WIRE_ENDED);
    check_tree(p->parent);
}

static void a_tree_arrives_byte_by_byte(void **state)
{
    struct pair *p = *state;
    grow_tree(p);
    /* every prefix that ends inside a record waits for more */
    struct span all = written(p);
    size_t from = 0, taken;
    for (size_t to = 1; to < all.len; to++) {
        assert_int_equal(wire_decode(&p->decoder, span_slice(all, from, to), &taken),
                         WIRE_MORE);
        from += taken;
    }
    assert_int_equal(wire_decode(&p->decoder, span_slice(all, from, all.len), &taken),
                     WIRE_ENDED);
    check_tree(p->parent);
}

static void a_finding_is_written_at_once(void **state)
{
    struct pair *p = *state;
    struct artifact *member = artifact_child(p->child, text("m"), 0, 1);
    member->formats = FORMAT_BIT(FORMAT_PICKLE);
    member->executes = true;
    find(p, member, RULE_FORMAT_MISMATCH, "said before the crash");
    assert_int_equal(decode(p, 1 << 16), WIRE_MORE);
    wire_decoder_abandon(&p->decoder, "the worker crashed");
    const struct artifact *found = p->parent->first;
    assert_int_equal(found->findings.count, 1);
    assert_int_equal(found->formats, FORMAT_BIT(FORMAT_PICKLE));
    assert_int_equal(found->status, STATUS_INCOMPLETE);
    assert_int_equal(p->parent->status, STATUS_INCOMPLETE);
    assert_true(span_is(p->parent->reason, "the worker crashed"));
    assert_true(p->parent->executes);
}

static void what_is_closed_stays_as_it_was(void **state)
{
    struct pair *p = *state;
    struct artifact *member = artifact_child(p->child, text("m"), 0, 1);
    find(p, member, RULE_FORMAT_MISMATCH, "");
    close_artifact(p, member);
    struct artifact *second = artifact_child(p->child, text("n"), 0, 1);
    find(p, second, RULE_FORMAT_MISMATCH, "");
    assert_int_equal(decode(p, 1 << 16), WIRE_MORE);
    wire_decoder_abandon(&p->decoder, "the worker crashed");
    assert_int_equal(p->parent->first->status, STATUS_COMPLETE);
    assert_int_equal(p->parent->first->next->status, STATUS_INCOMPLETE);
}

static void a_full_list_says_how_many_are_missing(void **state)
{
    struct pair *p = *state;
    struct finding_list *list = &p->child->findings;
    for (int i = 0; i < FINDINGS_MAX + 10; i++) {
        const struct finding *f = finding_add(
            list, p->child_arena, &rules[RULE_FORMAT_MISMATCH], 0, text(""), text(""));
        if (f)
            p->observer.finding(p->observer.self, p->child, f);
    }
    find(p, p->child, RULE_FORMAT_POLYGLOT, "the grave one is kept");
    close_artifact(p, p->child);
    assert_true(wire_encoder_end(&p->encoder));
    assert_int_equal(decode(p, 1 << 16), WIRE_ENDED);
    assert_int_equal(p->parent->findings.count, FINDINGS_MAX + 11);
    assert_int_equal(p->parent->findings.dropped, 10);
    assert_int_equal(p->parent->findings.worst, SEVERITY_HIGH);
    assert_int_equal(p->parent->findings.last->rule->severity, SEVERITY_HIGH);
}

static void deep_ancestors_are_announced_in_order(void **state)
{
    struct pair *p = *state;
    struct artifact *a = p->child;
    p->decoder.depth_max = 100;
    for (int i = 0; i < 100; i++)
        a = artifact_child(a, text("level"), 0, 1);
    find(p, a, RULE_FORMAT_MISMATCH, "");
    for (; a; a = a->parent)
        close_artifact(p, a);
    assert_true(wire_encoder_end(&p->encoder));
    assert_int_equal(decode(p, 1 << 16), WIRE_ENDED);
    const struct artifact *b = p->parent;
    for (int i = 0; i < 100; i++)
        b = b->first;
    assert_int_equal(b->findings.count, 1);
}

static void many_facts_arrive(void **state)
{
    struct pair *p = *state;
    struct fact *list = fact_list(p->child_arena, artifact_facts(p->child), "list");
    for (uint64_t i = 0; i < 20000; i++)
        (void)fact_uint(p->child_arena, list, "n", i);
    close_artifact(p, p->child);
    assert_true(wire_encoder_end(&p->encoder));
    assert_int_equal(decode(p, 12345), WIRE_ENDED);
    uint64_t n = 0;
    for (const struct fact *f = fact_find(p->parent->facts, "list")->first; f;
         f = f->next)
        assert_int_equal(f->number, n++);
    assert_int_equal(n, 20000);
}

static void a_reader_that_is_gone_is_noticed(void **state)
{
    struct pair *p = *state;
    int kept = p->encoder.fd;
    p->encoder.fd = -1;
    find(p, p->child, RULE_FORMAT_MISMATCH, "");
    close_artifact(p, p->child);
    assert_false(wire_encoder_end(&p->encoder));
    p->encoder.fd = kept;
}

/* -- records that break a rule --------------------------------------------------- */

/* Pieces of records in hexadecimal, so that each case below reads as the table in
 * wire.h does. */
#define HEAD(id)                                                                         \
    id "000000"                                                                          \
       "0000000000000000"                                                                \
       "00"
#define ZERO "0000000000000000"
#define MEMBER                                                                           \
    "01"                                                                                 \
    "22000000" HEAD("01") "00000000" ZERO ZERO "78" /* "x", in root */
#define FACTS                                                                            \
    "03"                                                                                 \
    "07000000"                                                                           \
    "00000000"                                                                           \
    "00"                                                                                 \
    "00"                                                                                 \
    "00"
#define CLOSED(id)                                                                       \
    "04"                                                                                 \
    "1f000000" HEAD(id) "00" ZERO ZERO "00"
#define END                                                                              \
    "05"                                                                                 \
    "00000000"

/* clang-format off */ /* one case a line */
static const struct broken {
    const char *what, *hex;
} broken[] = {
    { "unknown type 0", "00" "00000000" },
    { "unknown type", "06" "00000000" },
    { "length over the limit", "02" "01200000" },
    { "length of 4 GiB", "02" "ffffffff" },
    { "END while the root is open", END },
    { "END while a child is open", MEMBER CLOSED("00") END },
    { "END with a payload", CLOSED("00") "05" "01000000" "00" },
    { "bytes after END", CLOSED("00") END "05" },
    { "ARTIFACT cut short", "01" "20000000" HEAD("01") "00000000" ZERO "00000000000000" },
    { "ARTIFACT that is the root", "01" "21000000" HEAD("00") "00000000" ZERO ZERO },
    { "ARTIFACT out of turn", "01" "21000000" HEAD("02") "00000000" ZERO ZERO },
    { "ARTIFACT twice", MEMBER MEMBER },
    { "ARTIFACT that is its own parent", "01" "21000000" HEAD("01") "01000000" ZERO ZERO },
    { "ARTIFACT of an unknown parent", "01" "21000000" HEAD("01") "07000000" ZERO ZERO },
    { "ARTIFACT of a closed parent", CLOSED("00") MEMBER },
    { "ARTIFACT of an unknown format", "01" "21000000" "01000000" "0000000000000080" "00"
      "00000000" ZERO ZERO },
    { "FINDING about nothing", "02" "18000000" HEAD("09") ZERO "00" "0000" },
    { "FINDING of no rule", "02" "18000000" HEAD("00") ZERO "00" "0000" },
    { "FINDING of an unknown rule", "02" "19000000" HEAD("00") ZERO "01" "78" "0000" },
    { "FINDING whose rule leaves the record", "02" "18000000" HEAD("00") ZERO "ff" "0000" },
    { "FINDING whose message leaves it", "02" "18000000" HEAD("00") ZERO "00" "ffff" },
    { "FINDING about what is closed", CLOSED("00") "02" "18000000" HEAD("00") ZERO "00" "0000" },
    { "FACT about nothing", "03" "07000000" "09000000" "00" "00" "00" },
    { "FACT whose root is a list", "03" "07000000" "00000000" "00" "01" "00" },
    { "FACT whose root has a name", "03" "08000000" "00000000" "00" "00" "01" "78" },
    { "FACT with two roots", FACTS FACTS },
    { "FACT without a root", "03" "07000000" "00000000" "01" "00" "00" },
    { "FACT that skips a level", FACTS "03" "07000000" "00000000" "02" "00" "00" },
    { "FACT below a text", FACTS "03" "07000000" "00000000" "01" "02" "00"
      "03" "07000000" "00000000" "02" "00" "00" },
    { "FACT too deep", "03" "07000000" "00000000" "09" "00" "00" },
    { "FACT of an unknown type", FACTS "03" "07000000" "00000000" "01" "05" "00" },
    { "FACT whose name leaves it", FACTS "03" "07000000" "00000000" "01" "00" "01" },
    { "FACT with a quote in its name", FACTS "03" "08000000" "00000000" "01" "00" "01" "22" },
    { "FACT without its number", FACTS "03" "07000000" "00000000" "01" "03" "00" },
    { "FACT with more than a number", FACTS "03" "10000000" "00000000" "01" "03" "00" ZERO "00" },
    { "FACT of another artifact's facts", FACTS MEMBER "03" "07000000" "01000000" "01" "00" "00" },
    { "CLOSED twice", CLOSED("00") CLOSED("00") },
    { "CLOSED of nothing", CLOSED("01") },
    { "CLOSED with an unknown status", "04" "1f000000" HEAD("00") "04" ZERO ZERO "00" },
    { "CLOSED with an unknown severity", "04" "1f000000" HEAD("00") "00" ZERO ZERO "05" },
    { "CLOSED, executes neither yes nor no", "04" "1f000000" "00000000" ZERO "02" "00" ZERO ZERO "00" },
};
/* clang-format on */

static size_t unhex(const char *hex, uint8_t *bytes)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

static enum wire_outcome decode_hex(struct pair *p, const char *hex)
{
    uint8_t bytes[512];
    size_t taken;
    return wire_decode(&p->decoder, span_of(bytes, unhex(hex, bytes)), &taken);
}

static void a_broken_record_ends_the_file(void **state)
{
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        (void)teardown(state);
        assert_int_equal(setup(state), 0);
        struct pair *p = *state;
        if (decode_hex(p, broken[i].hex) != WIRE_MALFORMED)
            fail_msg("%s: outcome %d", broken[i].what, (int)p->decoder.outcome);
        assert_int_equal(decode_hex(p, END), WIRE_MALFORMED); /* for good */
        wire_decoder_abandon(&p->decoder, "malformed");
        assert_int_equal(p->parent->status, STATUS_INCOMPLETE);
    }
}

static void the_pieces_above_are_sound(void **state)
{
    struct pair *p = *state;
    assert_int_equal(decode_hex(p, MEMBER FACTS CLOSED("01") CLOSED("00") END),
                     WIRE_ENDED);
    assert_true(span_is(p->parent->first->name, "x"));
}

static void a_status_is_never_raised(void **state)
{
    struct pair *p = *state;
    artifact_lower(p->parent, STATUS_FAILED, "unreadable");
    assert_int_equal(decode_hex(p, CLOSED("00") END), WIRE_ENDED);
    assert_int_equal(p->parent->status, STATUS_FAILED);
}

static void budgets_bound_the_tree(void **state)
{
    struct pair *p = *state;
    p->decoder.members_max = 0;
    assert_int_equal(decode_hex(p, MEMBER), WIRE_MALFORMED);
    (void)teardown(state);
    assert_int_equal(setup(state), 0);
    p = *state;
    p->decoder.depth_max = 0;
    assert_int_equal(decode_hex(p, MEMBER), WIRE_MALFORMED);
    (void)teardown(state);
    assert_int_equal(setup(state), 0);
    p = *state;
    p->decoder.bytes = WIRE_TOTAL_MAX - 4;
    assert_int_equal(decode_hex(p, FACTS), WIRE_MALFORMED);
}

static void a_finding_that_finds_no_room_is_no_secret(void **state)
{
    struct pair *p = *state;
    find(p, p->child, RULE_FORMAT_MISMATCH, "");
    close_artifact(p, p->child);
    assert_true(wire_encoder_end(&p->encoder));
    arena_fail_after(p->parent_arena, 0);
    assert_int_equal(decode(p, 1 << 16), WIRE_NO_MEMORY);
}

static void short_memory_is_no_lie(void **state)
{
    struct pair *p = *state;
    grow_tree(p);
    enum wire_outcome outcome = WIRE_NO_MEMORY;
    for (size_t n = 0; outcome == WIRE_NO_MEMORY; n++) {
        struct arena *arena = arena_new(1 << 20);
        struct artifact *root = artifact_new(arena, text("r"), 0);
        struct span all = written(p);
        size_t taken;
        wire_decoder_free(&p->decoder);
        assert_true(wire_decoder_init(&p->decoder, root, &p->budget));
        arena_fail_after(arena, n);
        outcome = wire_decode(&p->decoder, all, &taken);
        assert_true(outcome == WIRE_ENDED || outcome == WIRE_NO_MEMORY);
        if (outcome == WIRE_ENDED)
            assert_false(arena_exhausted(arena));
        arena_free(arena);
    }
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_tree_arrives_as_it_was),
        TEST(a_tree_arrives_byte_by_byte),
        TEST(a_finding_is_written_at_once),
        TEST(what_is_closed_stays_as_it_was),
        TEST(a_full_list_says_how_many_are_missing),
        TEST(deep_ancestors_are_announced_in_order),
        TEST(many_facts_arrive),
        TEST(a_reader_that_is_gone_is_noticed),
        TEST(a_broken_record_ends_the_file),
        TEST(the_pieces_above_are_sound),
        TEST(a_status_is_never_raised),
        TEST(budgets_bound_the_tree),
        TEST(a_finding_that_finds_no_room_is_no_secret),
        TEST(short_memory_is_no_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

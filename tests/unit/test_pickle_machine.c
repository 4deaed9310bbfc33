#include "unit.h"

#include "formats/pickle/listing.h"
#include "formats/pickle/render.h"

/* Everything a run tells, as text: imports "c MODULE NAME;", calls "CALL;", oddities. */
struct log {
    struct buffer text;
};

static void on_import(void *self, struct pickle_machine *m, uint32_t index, size_t offset)
{
    struct log *log = self;
    (void)offset;
    buffer_add_text(&log->text, "c ");
    pickle_render_global(&m->globals[index], &log->text);
    buffer_add_text(&log->text, "; ");
}

static void on_call(void *self, struct pickle_machine *m, const struct pickle_call *call)
{
    struct log *log = self;
    pickle_render_call(m, call, STYLE_EVIDENCE, &log->text);
    buffer_add_text(&log->text, "; ");
}

static void on_anomaly(void *self, struct pickle_machine *m, enum pickle_anomaly what,
                       size_t offset)
{
    static const char *const names[] = {
        [ANOMALY_COMPUTED_NAME] = "!computed; ",
        [ANOMALY_EXTENSION] = "!extension; ",
        [ANOMALY_PROTOCOL] = "!protocol; ",
        [ANOMALY_OVERWRITTEN] = "!overwritten; ",
        [ANOMALY_HUGE_MEMO] = "!memo; ",
        [ANOMALY_HUGE_LENGTH] = "!length; ",
        [ANOMALY_FRAME] = "!frame; ",
    };
    struct log *log = self;
    (void)m, (void)offset;
    buffer_add_text(&log->text, names[what]);
}

static const char *const ends[] = {
    [PICKLE_STOPPED] = ".",   [PICKLE_TRUNCATED] = "truncated", [PICKLE_MALFORMED] = "x",
    [PICKLE_SPENT] = "spent", [PICKLE_LIMIT] = "limit",
};

static void check(const char *bytes, size_t len, unsigned reading, const char *wanted)
{
    struct log log;
    struct pickle_sink sink = {
        .self = &log, .import = on_import, .call = on_call, .anomaly = on_anomaly
    };
    struct arena *arena = arena_new(1 << 20);
    buffer_init(&log.text, 1 << 16);
    struct pickle_machine *m =
        pickle_machine_new(span_of(bytes, len), arena, NULL, &sink);
    m->reading = reading;
    enum pickle_end end = pickle_machine_run(m, 0);
    if (end == PICKLE_STOPPED) {
        buffer_add_text(&log.text, "= ");
        pickle_render_value(m, m->result, STYLE_EVIDENCE, &log.text);
    } else {
        buffer_add_text(&log.text, ends[end]);
    }
    assert_string_equal(log.text.text, wanted);
    pickle_machine_free(m);
    arena_free(arena);
    buffer_free(&log.text);
}

#define RUN(bytes, wanted)             RUN_AS(0, bytes, wanted)
#define RUN_FRAMED(bytes, wanted)      RUN_AS(READING_FRAMED, bytes, wanted)
#define RUN_SPARSE(bytes, wanted)      RUN_AS(READING_SPARSE, bytes, wanted)
#define RUN_AS(reading, bytes, wanted) check(bytes, sizeof(bytes) - 1, reading, wanted)

static void test_literals(void **state)
{
    (void)state;
    RUN("N.", "= None");
    RUN("\x88.", "= True");
    RUN("I01\n.", "= True");
    RUN("I00\n.", "= False");
    RUN("I0x1f\n.", "= 31");    /* strtol(base 0) */
    RUN("I010\n.", "= 8");      /* octal for C */
    RUN("I1_000\n.", "= 1000"); /* for Python */
    RUN("I1\0junk\n.", "= 1");  /* C strings end at a NUL */
    RUN("I\0junk\n.", "= 0");   /* and strtol() is content with nothing */
    RUN("I08\n.", "x");
    RUN("Ixyz\n.", "x");
    RUN("L0x10L\n.", "= 16");
    RUN("L-5\n.", "= -5");
    RUN("J\xff\xff\xff\xff.", "= -1");
    RUN("M\x01\x02.", "= 513");
    RUN("\x8a\x01\xff.", "= -1");
    RUN("\x8a\x00.", "= 0");
    RUN("\x8b\xff\xff\xff\xff.", "x");
    RUN("F1.5\0zz\n.", "= 1.5\\x00zz");
    RUN("F 1.0\n.", "= \\x201.0");
    RUN("Fabc\n.", "x");
    RUN("G\x3f\xf8\0\0\0\0\0\0.", "= 1.5");
    RUN("S'a\\x41\\n\\101'\n.", "= 'aA\\nA'");
    RUN("S\"it's\"\n.", "= \"it's\"");
    RUN("Sabc\n.", "x");
    RUN("S'\\x4'\n.", "x");
    RUN("V\\u006fs\\\\u\n.", "= 'os\\\\\\\\u'");
    RUN("V\\u12\n.", "x");
    RUN("U\x02os.", "= 'os'");
    RUN("X\x02\0\0\0\xc3\xa9.", "= '\xc3\xa9'");
    RUN("X\x03\0\0\0\xed\xa0\x80.", "= '\\xed\\xa0\\x80'"); /* surrogatepass */
    RUN("X\x01\0\0\0\xff.", "x");
    RUN("C\x03"
        "a\0\xff.",
        "= b'a\\x00\\xff'");
    RUN("\x96\x01\0\0\0\0\0\0\0x.", "= b'x'");
    RUN("\x8d\x02\0\0\0\0\0\0\0os.", "= 'os'");
    RUN("\x97\x98.", "= buffer");
}

static void test_containers(void **state)
{
    (void)state;
    RUN("(K\x01K\x02t.", "= (1, 2)");
    RUN("K\x01\x85.", "= (1,)");
    RUN("NNN\x87.", "= (None, None, None)");
    RUN("](K\x01K\x02"
        "e.",
        "= [1, 2]");
    RUN("]K\x01"
        "aK\x02"
        "a.",
        "= [1, 2]");
    RUN("(K\x01l.", "= [1]");
    RUN("}(U\x01"
        "aK\x01U\x01"
        "bK\x02u.",
        "= {'a': 1, 'b': 2}");
    RUN("}K\x01Ns.", "= {1: None}");
    RUN("(K\x01N"
        "d.",
        "= {1: None}");
    RUN("(NNNd.", "x");
    RUN("\x8f(K\x01\x90.", "= {1}");
    RUN("(K\x01\x91.", "= frozenset({1})");
    RUN("]\x94h\0"
        "a.",
        "= [[[[[[[...]]]]]]]"); /* a list in itself */
    RUN("](Ne0.", "x");
    RUN("(K\x01K\x02"
        "1N.",
        "= None");
    RUN("(0N.", "= None"); /* POP takes a mark off */
    RUN("N(0.", "= None");
    RUN("K\x01"
        "2\x86.",
        "= (1, 1)");
}

static void test_fences(void **state)
{
    (void)state;
    RUN("N(.", "x");
    RUN("N(00.", "x");
    RUN("K\x01(\x85.", "x");
    RUN("](a.", "x");
    RUN("(2.", "x");
    RUN("N(p0\n.", "x");
    RUN("e.", "x");
    RUN(".", "x");
    RUN("", "truncated");
    RUN("N", "truncated");
    RUN("\xff", "x");
}

static void test_memo(void **state)
{
    (void)state;
    RUN("K\x01q\0"
        "0h\0.",
        "= 1");
    RUN("K\x01p 1_0 \n0g10\n.", "= 1");
    RUN("K\x01p99999999999999999999\n0g0099999999999999999999\n.", "!memo; = 1");
    RUN("K\x01p99999999999999999999\n0g99999999999999999998\n.", "!memo; x");
    RUN("Np-1\n.", "x");
    RUN("h\x07.", "x");
    /* MEMOIZE takes the number of entries, whatever their indexes are */
    RUN("K\x01q\x05"
        "0K\x02\x94"
        "0h\x01.",
        "= 2");
    RUN("K\x01q\x01"
        "0K\x02\x94"
        "0h\x01.",
        "= 2");
    RUN("Nr\xff\xff\xff\x7f"
        "0j\xff\xff\xff\x7f.",
        "!memo; = None");
    RUN("U\x02osq\0"
        "0U\x03sysq\0"
        "0h\0U\x04name\x93.",
        "!overwritten; c sys.name; = sys.name");
}

static void test_imports(void **state)
{
    (void)state;
    RUN("cos\nsystem\n.", "c os.system; = os.system");
    RUN("c__builtin__\neval\n.", "c builtins.eval; = builtins.eval");
    RUN("\x80\x03"
        "c__builtin__\neval\n.",
        "c __builtin__.eval; = __builtin__.eval");
    RUN("citertools\nimap\n.", "c builtins.map; = builtins.map");
    RUN("ccommands\ngetoutput\n.", "c subprocess.getoutput; = subprocess.getoutput");
    RUN("U\x02osU\x06system\x93.", "c os.system; = os.system"); /* no PROTO needed */
    RUN("V\\u006fs\nS'sys\\x74em'\n\x93.", "c os.system; = os.system");
    RUN("K\x01K\x02\x93.", "x");
    RUN("C\x02osC\x06system\x93.", "x");
    RUN("ca\nb\nU\x01"
        "c\x93.",
        "c a.b; !computed; c ?.c; = ?.c");
    RUN("c\xc3\xa9\nx\n.", "c \xc3\xa9.x; = \xc3\xa9.x");
    RUN("c\xff\nx\n.", "x");
    RUN("cos\nsystem", "c os.syste; truncated"); /* the last byte passes for newline */
    RUN("\x80\x04N0\x80\x02N.", "!protocol; = None");
    RUN("\x80\x06N.", "x");
    RUN("N\x80\x02.", "!protocol; = None");
}

static void test_calls(void **state)
{
    (void)state;
    RUN("cos\nsystem\n(S'id'\ntR.", "c os.system; os.system('id'); = os.system(...)");
    RUN("cos\nsystem\n](S'id'\neR.", /* Python spreads any iterable */
        "c os.system; os.system(*['id']); = os.system(...)");
    RUN("cos\nsystem\nNR.", "c os.system; x");
    RUN("K\x01)R.", "x");
    RUN("(S'id'\nios\nsystem\n.", "c os.system; os.system('id'); = os.system(...)");
    RUN("ios\nsystem\n.",
        "c os.system; x"); /* Python imports before it looks for a mark */
    RUN("(cos\nsystem\nS'id'\no.", "c os.system; os.system('id'); = os.system(...)");
    RUN("ca\nB\nK\x01\x85\x81.", "c a.B; a.B.__new__(cls, 1); = a.B(...)");
    RUN("ca\nB\n)}U\x01kK\x01s\x92.", "c a.B; a.B.__new__(cls, **{'k': 1}); = a.B(...)");
    RUN("cos\nsystem\n(S'id'\ntR0N.",
        "c os.system; os.system('id'); = None"); /* popped */
    RUN("cos\nsystem\n(S'id'\ntR\xff", "c os.system; os.system('id'); x");
    RUN("ca\nf\n)R)R.", "c a.f; a.f(); a.f(...)(); = a.f(...)");
}

static void test_writes(void **state)
{
    (void)state;
    RUN("ca\nb\n}S'x'\nK\x01sb.", "c a.b; a.b.__dict__.update({'x': 1}); = a.b");
    RUN("ca\nB\n)\x81}b.",
        "c a.B; a.B.__new__(cls); a.B(...).__setstate__({}); = a.B(...)");
    RUN("ca\nb\nS'x'\na.", "c a.b; a.b.extend(['x']); = a.b");
    RUN("ca\nb\n(e.", "c a.b; a.b.extend([]); = a.b"); /* Python calls extend([]) */
    RUN("ca\nb\n(K\x01\x90.", "c a.b; a.b.add(1); = a.b");
    RUN("cos\nenviron\nS'A'\nS'B'\ns.",
        "c os.environ; os.environ['A'] = 'B'; = os.environ");
    RUN("}(K\x01u.", "x");
}

static void test_other_ways(void **state)
{
    (void)state;
    RUN("Pkey\n.", "persistent_load('key'); = persistent_load(...)");
    RUN("K\x05Q.", "persistent_load(5); = persistent_load(...)");
    RUN("\x82\x07.", "!extension; = extension(...)");
    RUN("\x82\0.", "!extension; x");
    RUN("ccopyreg\nadd_extension\n(S'os'\nS'system'\nK\x07tR0\x82\x07.",
        "c copyreg.add_extension; copyreg.add_extension('os', 'system', 7); !extension; "
        "c os.system; = os.system");
    RUN("ccopyreg\n_inverted_registry\nK\x07(S'os'\nS'system'\nts0\x82\x07.",
        "c copyreg._inverted_registry; copyreg._inverted_registry[7] = ('os', 'system'); "
        "!extension; c os.system; = os.system");
    RUN("ccopyreg\n_extension_cache\nK\x07"
        "ca\nb\ns0\x84\x07\0\0\0.",
        "c copyreg._extension_cache; c a.b; copyreg._extension_cache[7] = a.b; "
        "!extension; = a.b");
    /* a code is any key that equals the number, or what int() makes of the argument */
    RUN("ccopyreg\n_inverted_registry\nG\x40\x1c\0\0\0\0\0\0(S'os'\nS'system'"
        "\nts\x82\x07.",
        "c copyreg._inverted_registry; copyreg._inverted_registry[7.0] = ('os', "
        "'system'); !extension; c os.system; = os.system");
    RUN("ccopyreg\n_inverted_registry\nF7.0\n(S'os'\nS'system'\nts\x82\x07.",
        "c copyreg._inverted_registry; copyreg._inverted_registry[7.0] = ('os', "
        "'system'); !extension; c os.system; = os.system");
    RUN("ccopyreg\n_inverted_registry\n\x88(S'os'\nS'system'\nts\x82\x01.",
        "c copyreg._inverted_registry; copyreg._inverted_registry[True] = ('os', "
        "'system'); !extension; c os.system; = os.system");
    RUN("ccopyreg\nadd_extension\n(S'os'\nS'system'\nS'7'\ntR0\x82\x07.",
        "c copyreg.add_extension; copyreg.add_extension('os', 'system', '7'); "
        "!extension; c os.system; = os.system");
    RUN("ccopyreg\nadd_extension\n(S'os'\nS'system'"
        "\n\x8a\x09\x07\0\0\0\0\0\0\0\0tR0\x82\x07.",
        "c copyreg.add_extension; copyreg.add_extension('os', 'system', 7); !extension; "
        "c os.system; = os.system");
    /* what was imported stays cached, whatever is registered later … */
    RUN("ccopyreg\n_inverted_registry\nK\x07(S'a'\nS'b'\nts\x82\x07"
        "0K\x07(S'c'\nS'd'\nts0\x82\x07.",
        "c copyreg._inverted_registry; copyreg._inverted_registry[7] = ('a', 'b'); "
        "!extension; c a.b; copyreg._inverted_registry[7] = ('c', 'd'); !extension; "
        "= a.b");
    /* … until the cache is cleared, or the code removed and given again */
    RUN("ccopyreg\n_extension_cache\nK\x07"
        "ca\nb\ns0ccopyreg\nadd_extension\n(S'c'\nS'd'\nK\x07tR0"
        "ccopyreg\nclear_extension_cache\n)R0\x82\x07.",
        "c copyreg._extension_cache; c a.b; copyreg._extension_cache[7] = a.b; "
        "c copyreg.add_extension; copyreg.add_extension('c', 'd', 7); "
        "c copyreg.clear_extension_cache; copyreg.clear_extension_cache(); !extension; "
        "c c.d; = c.d");
    RUN("ccopyreg\nadd_extension\n(S'a'\nS'b'\nK\x07tR0ccopyreg\nremove_extension\n("
        "S'a'\nS'b'\nK\x07tR0ccopyreg\nadd_extension\n(S'c'\nS'd'\nK\x07tR0\x82\x07.",
        "c copyreg.add_extension; copyreg.add_extension('a', 'b', 7); "
        "c copyreg.remove_extension; copyreg.remove_extension('a', 'b', 7); "
        "c copyreg.add_extension; copyreg.add_extension('c', 'd', 7); !extension; "
        "c c.d; = c.d");
    /* a pair that is no literal, a code below 1 */
    RUN("ccopyreg\n_inverted_registry\nK\x07"
        "ca\nb\n)Rs\x82\x07.",
        "c copyreg._inverted_registry; c a.b; a.b(); copyreg._inverted_registry[7] = "
        "a.b(...); !extension; c ?.?; = ?.?");
    RUN("ccopyreg\n_inverted_registry\nJ\xff\xff\xff\xff(S'a'\nS'b'"
        "\nts\x84\xff\xff\xff\xff.",
        "c copyreg._inverted_registry; copyreg._inverted_registry[-1] = ('a', 'b'); "
        "!extension; c a.b; = a.b");
    /* the same far from the end, where another function decodes */
    RUN("ccopyreg\n_inverted_registry\nJ\xff\xff\xff\xff(S'a'\nS'b'"
        "\nts\x84\xff\xff\xff\xff"
        "NNNNNNNN00000000.",
        "c copyreg._inverted_registry; copyreg._inverted_registry[-1] = ('a', 'b'); "
        "!extension; c a.b; = a.b");
    RUN("c__builtin__\ngetattr\n(cos\npath\nS'x'\ntR.",
        "c builtins.getattr; c os.path; builtins.getattr(os.path, 'x'); = os.path.x");
    RUN("\x8e\0\0\0\x80\0\0\0\0", "!length; truncated");
}

static void test_frames(void **state)
{
    (void)state;
    /* inside, exactly at its end, longer than the input: nothing odd */
    RUN("\x80\x04\x95\x02\0\0\0\0\0\0\0N.", "= None");
    RUN("\x80\x04\x95\x40\0\0\0\0\0\0\0N.", "= None");
    /* the second operand of K crosses the end: dropped by a loader without peek() */
    RUN("\x80\x04\x95\x03\0\0\0\0\0\0\0NNM\x01\x02.", "!frame; = 513");
    RUN("\x80\x04\x95\x05\0\0\0\0\0\0\0NX\x02\0\0\0osN.", "!frame; = None");
    RUN_FRAMED("\x80\x04\x95\x02\0\0\0\0\0\0\0NU\x02osN.", "= None");
    RUN_FRAMED("\x80\x04\x95\x04\0\0\0\0\0\0\0NU\x02oab.", "= 'ab'");
    RUN_FRAMED("\x80\x04\x95\x03\0\0\0\0\0\0\0C\x02"
               "ab.",
               "= b'ab'"); /* bytes join */
    RUN_FRAMED("\x80\x04\x95\x03\0\0\0\0\0\0\0cos\nx\n.", "c .x; = .x");
}

struct listed {
    struct buffer lines, statements;
};

static void add_line(void *self, const struct pickle_line *line)
{
    struct listed *listed = self;
    buffer_printf(&listed->lines, "%zu %s", line->offset, line->opcode);
    if (line->operand.len)
        buffer_printf(&listed->lines, " %.*s", (int)line->operand.len,
                      (const char *)line->operand.ptr);
    if (line->note.len)
        buffer_printf(&listed->lines, " # %.*s", (int)line->note.len,
                      (const char *)line->note.ptr);
    buffer_add_text(&listed->lines, "\n");
}

static void add_statement(void *self, struct span text)
{
    struct listed *listed = self;
    buffer_add(&listed->statements, text);
    buffer_add_text(&listed->statements, "\n");
}

static void assert_listing(const char *stream, size_t len, const char *lines,
                           const char *statements)
{
    struct listed listed;
    const struct pickle_listener to = { .self = &listed,
                                        .line = add_line,
                                        .statement = add_statement };
    buffer_init(&listed.lines, 1 << 16);
    buffer_init(&listed.statements, 1 << 16);
    assert_true(pickle_list(span_of(stream, len), 0, false, UINT64_MAX, &to));
    assert_string_equal(listed.lines.text, lines);
    assert_string_equal(listed.statements.text, statements);
    buffer_free(&listed.lines);
    buffer_free(&listed.statements);
}
#define LISTING(stream, lines, statements)                                               \
    assert_listing(stream, sizeof(stream) - 1, lines, statements)

static void test_listings(void **state)
{
    (void)state;
    LISTING("cos\nsystem\n(S'id'\ntR\x85.",
            "0 GLOBAL 'os' 'system' # os.system\n"
            "11 MARK\n"
            "12 STRING \"'id'\"\n"
            "18 TUPLE\n"
            "19 REDUCE # v19 = os.system('id')\n"
            "20 TUPLE1\n"
            "21 STOP\n",
            "import os  # system\n"
            "v19 = os.system('id')\n"
            "return (v19,)\n");
    /* the import and the call of one instruction */
    LISTING("(S'id'\nios\nsystem\n.",
            "0 MARK\n"
            "1 STRING \"'id'\"\n"
            "7 INST 'os' 'system' # os.system; v7 = os.system('id')\n"
            "18 STOP\n",
            "import os  # system\n"
            "v7 = os.system('id')\n"
            "return v7\n");
}

static void test_listings_of_broken_streams(void **state)
{
    (void)state;
    LISTING("NR.",
            "0 NONE\n"
            "1 REDUCE # breaks here: the stack is empty\n",
            "# breaks at 1: the stack is empty\n");
    LISTING("N\xff.",
            "0 NONE\n"
            "1  # breaks here: no such opcode\n",
            "# breaks at 1: no such opcode\n");
    LISTING("NN",
            "0 NONE\n"
            "1 NONE\n"
            "2  # breaks here: the input ends without STOP\n",
            "# breaks at 2: the input ends without STOP\n");
    LISTING("NX\x05\0\0\0ab",
            "0 NONE\n"
            "1  # breaks here: the input ends without STOP\n",
            "# breaks at 1: the input ends without STOP\n");
}

static void test_every_opcode_has_a_row(void **state)
{
    (void)state;
    unsigned n = 0;
    for (int code = 0; code < 256; code++)
        n += pickle_opcodes[code].name != NULL;
    assert_int_equal(n, 68);
}

/* C since 3.15 keeps an index far ahead in a dictionary, which MEMOIZE does not count. */
static void test_sparse_memo(void **state)
{
    (void)state;
#define PUTS "X\1\0\0\0ar\x40\0\0\0" /* memo[64] */
    RUN(PUTS "0X\1\0\0\0b\x94"
             "0h\1.",
        "= 'b'");
    RUN_SPARSE(PUTS "0X\1\0\0\0b\x94"
                    "0h\0.",
               "= 'b'");
    RUN_SPARSE(PUTS "0X\1\0\0\0b\x94"
                    "0h\1.",
               "x");
    RUN_SPARSE(PUTS "0h\x40.", "= 'a'");
    /* an index below 32 is in the table, and so is one below twice its count */
    RUN_SPARSE("Nq\x1f"
               "0X\1\0\0\0b\x94"
               "0h\1.",
               "= 'b'");
    /* written again when the table has grown, it counts */
#define SIXTEEN "\x94\x94\x94\x94\x94\x94\x94\x94\x94\x94\x94\x94\x94\x94\x94\x94"
    RUN_SPARSE("Nq\x28" SIXTEEN SIXTEEN "q\x28"
               "0X\1\0\0\0b\x94"
               "0h\x21.",
               "= 'b'");
    RUN_SPARSE("Nq\x28" SIXTEEN SIXTEEN "0X\1\0\0\0b\x94"
               "0h\x20.",
               "= 'b'");
}

/* What a run says of other readings. */
static void test_disputes(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        unsigned disputed;
        size_t fork;
    } cases[] = {
        {"Nq\x28\x94.",                  5,  READING_SPARSE, 3       },
        { "Nq\x28q\x29.",                6,  0,              SIZE_MAX},
        { "Nq\x01\x94.",                 5,  0,              SIZE_MAX},
        { "\x95\2\0\0\0\0\0\0\0NK\x01.", 13, READING_FRAMED, 10      },
    };
    struct pickle_sink sink = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log log;
        struct arena *arena = arena_new(1 << 16);
        sink = (struct pickle_sink){
            .self = &log, .import = on_import, .call = on_call, .anomaly = on_anomaly
        };
        buffer_init(&log.text, 1 << 10);
        struct pickle_machine *m =
            pickle_machine_new(span_of(cases[i].bytes, cases[i].len), arena, NULL, &sink);
        pickle_machine_run(m, 0);
        assert_int_equal(m->disputed, cases[i].disputed);
        assert_true(m->fork == cases[i].fork);
        assert_int_equal(pickle_machine_next_reading(m, m->disputed),
                         cases[i].disputed != 0);
        assert_int_equal(m->reading, cases[i].disputed);
        buffer_free(&log.text);
        pickle_machine_free(m);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sparse_memo),
        cmocka_unit_test(test_disputes),
        cmocka_unit_test(test_literals),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_fences),
        cmocka_unit_test(test_memo),
        cmocka_unit_test(test_imports),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_other_ways),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_listings),
        cmocka_unit_test(test_listings_of_broken_streams),
        cmocka_unit_test(test_every_opcode_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

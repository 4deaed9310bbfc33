#include "origins/origins.h"

#include "origins/bundle.h"
#include "origins/reading.h"

#define PARSERS(X) X(git) X(hub) X(image) X(mlflow) X(dvc) X(wandb) X(civitai)

#define DECLARE(name) extern const struct origin_parser name##_origin;
PARSERS(DECLARE)
#undef DECLARE

enum parser_id {
#define NUMBER(name) PARSER_##name,
    PARSERS(NUMBER)
#undef NUMBER
        PARSER_COUNT
};

static const struct origin_parser *const parsers[PARSER_COUNT] = {
#define ROW(name) &name##_origin,
    PARSERS(ROW)
#undef ROW
};

static const enum parser_id parser_of[ORIGIN_KINDS] = {
#define ORIGIN(symbol, parser, pattern, beside) [ORIGIN_##symbol] = PARSER_##parser,
#include "origins/origins.def"
#undef ORIGIN
};

void origins_read(struct span bundle, struct arena *arena, struct budget *budget,
                  statement_sink *say, void *self)
{
    struct origin_reading r = {
        .arena = arena, .budget = budget, .say = say, .self = self
    };
    struct reader entries = reader_of(bundle, 0);
    void *states[PARSER_COUNT] = { NULL };
    while (reader_left(&entries) > 0 && bundle_next(&entries, &r.source)) {
        enum parser_id id = parser_of[r.source.kind];
        if (!states[id])
            states[id] = arena_alloc(arena, parsers[id]->state_size + 1);
        r.state = states[id];
        if (r.state)
            parsers[id]->read(&r);
    }
    for (size_t id = 0; id < PARSER_COUNT; id++)
        if (states[id] && parsers[id]->finish) {
            r.state = states[id];
            parsers[id]->finish(&r);
        }
    if (arena_exhausted(arena) && say) {
        struct statement s = { .kind = STATEMENT_PROBLEM,
                               .source = r.source.number,
                               .problem = PROBLEM_LIMIT,
                               .note = span_of_text("memory is spent") };
        say(self, &s);
    }
}

/* Every shipped registry is asked over a transport in memory, as the files of
 * fixtures/registries/ say: a reference, what the registry answers, what must follow
 * (also the findings: trust/renamed, trust/unsafe-listing).  Run from the source
 * directory. */
#include "table.h"

#include "core/json.h"
#include "registry/driver.h"
#include "registry/rest.h"

#include <dirent.h>
#include <string.h>

static const json_t *environment; /* of the case at hand */

static const char *variable(const char *name)
{
    return json_string_value(json_object_get(environment, name));
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* What was asked and of whom. */
struct registry_in_memory {
    const json_t *answers; /* "GET URL" → { status, headers, body or text } */
    const char *endpoint;
    size_t asked;
};

/* A body of JSON says that it is: MLflow's search refuses what says it is a form. */
static void expect_type_of_body(const struct rest_request *request)
{
    const char *type = NULL;
    for (size_t i = 0; i < request->header_count; i++)
        if (strcasecmp(request->headers[i].name, "Content-Type") == 0)
            type = request->headers[i].value;
    assert_true(!request->body.len == !type);
    assert_true(!type || strstr(type, "json"));
}

static bool answer(void *self, const struct rest_request *request, struct arena *arena,
                   struct rest_answer *ret_answer, struct error *error)
{
    struct registry_in_memory *m = self;
    struct span key = arena_printf(arena, "%s %s", request->method, request->url);
    json_t *found = json_object_get(m->answers, (const char *)key.ptr), *headers, *value;
    const char *name;
    m->asked++;
    assert_true(request->max_bytes == REST_ANSWER_MAX);
    expect_type_of_body(request);
    if (request->credentials)
        assert_true(strncmp(request->url, m->endpoint, strlen(m->endpoint)) == 0);
    if (json_is_array(found)) /* one after the other, by what is in the body */
        for (size_t i = 0; i < json_array_size(found); i++) {
            json_t *one = json_array_get(found, i);
            const char *holds = text_at(one, "when_body_has");
            if (span_find(request->body, holds, 0) != SIZE_MAX) {
                found = one;
                break;
            }
        }
    if (!json_is_object(found)) {
        *ret_answer = (struct rest_answer){ .status = 404 };
        return true;
    }
    if (text_at(found, "unreachable"))
        return error_set(error, ERROR_IO, "%s", text_at(found, "unreachable"));
    headers = json_object_get(found, "headers");
    struct rest_header *list =
        arena_array(arena, json_object_size(headers) + 1, sizeof *list);
    json_object_foreach(headers, name, value)
    {
        list[ret_answer->header_count++] =
            (struct rest_header){ .name = name, .value = json_string_value(value) };
    }
    ret_answer->headers = list;
    ret_answer->status = (int)json_integer_value(json_object_get(found, "status"));
    if (!ret_answer->status)
        ret_answer->status = 200;
    json_t *body = json_object_get(found, "body");
    const char *text = text_at(found, "text");
    char *dumped = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    ret_answer->body = arena_copy(arena, span_of_text(text ? text : dumped));
    free(dumped);
    return true;
}

static char *span_text(struct arena *arena, struct span s)
{
    return arena_text(arena, s);
}

/* ---- what must follow ------------------------------------------------------------ */

static void compare(const char *what, const char *key, const char *got,
                    const char *wanted)
{
    if (!got || !wanted || strcmp(got, wanted) != 0)
        fail_msg("%s %s: got \"%s\", wanted \"%s\"", what, key, got ? got : "(nothing)",
                 wanted ? wanted : "(nothing)");
}

static void expect_metadata(const struct rest_result *r, json_t *wanted,
                            struct arena *arena)
{
    const char *key;
    json_t *value;
    json_object_foreach(wanted, key, value)
    {
        const struct metadata *row = metadata_find(r->metadata, key);
        if (json_is_null(value) && !row)
            continue;
        compare("metadata", key, row ? span_text(arena, row->value) : NULL,
                json_string_value(value));
    }
}

/* All of them, in the entry's order. */
static void expect_checks(const struct rest_result *r, json_t *wanted,
                          struct arena *arena)
{
    const char *id;
    json_t *result;
    const struct provenance_check *c = r->checks;
    json_object_foreach(wanted, id, result)
    {
        assert_non_null(c);
        compare("check", "id", c->id, id);
        if (strcmp(check_result_name(c->result), json_string_value(result)) != 0)
            fail_msg("check %s: %s, wanted %s (%s)", id, check_result_name(c->result),
                     json_string_value(result), span_text(arena, c->evidence));
        assert_true(c->evidence.len > 0);
        c = c->next;
    }
    if (c)
        fail_msg("check %s was not expected", c->id);
}

static void expect_files(const struct rest_result *r, const json_t *wanted)
{
    const struct rest_file *f = r->files;
    assert_int_equal(r->file_count, json_array_size(wanted));
    for (size_t i = 0; i < json_array_size(wanted); i++, f = f->next) {
        const json_t *w = json_array_get(wanted, i);
        const char *url = text_at(w, "url"), *hash = text_at(w, "hash");
        char told[256] = "";
        if (text_at(w, "storage")) {
            compare("file", "storage", f->storage, text_at(w, "storage"));
            continue;
        }
        compare("file", "path", f->path, text_at(w, "path"));
        compare("file", "url", f->url, url);
        if (json_object_get(w, "size")) {
            assert_true(f->size_known);
            assert_int_equal(f->size, json_integer_value(json_object_get(w, "size")));
        }
        if (f->hashes)
            (void)snprintf(told, sizeof told, "%s:%s", f->hashes->algorithm,
                           f->hashes->value);
        compare("hash of", f->path, told, hash ? hash : "");
        if (text_at(w, "scan"))
            compare("scan of", f->path, f->scan, text_at(w, "scan"));
    }
}

/* Among the cases: trust/renamed and trust/unsafe-listing, in huggingface.json. */
static void expect_findings(const struct rest_result *r, const json_t *wanted)
{
    const struct finding *f = r->findings.first;
    for (size_t i = 0; i < json_array_size(wanted); i++) {
        assert_non_null(f);
        assert_string_equal(f->rule->id, json_string_value(json_array_get(wanted, i)));
        f = f->next;
    }
    if (f)
        fail_msg("finding %s was not expected", f->rule->id);
}

static void expect(const struct rest_result *r, const json_t *wanted, enum trust before,
                   struct arena *arena)
{
    assert_true(r->trust <= before);
    compare("trust", "level", trust_name(r->trust), text_at(wanted, "trust"));
    if (text_at(wanted, "rematch"))
        compare("rematch", "", r->rematch, text_at(wanted, "rematch"));
    else
        assert_null(r->rematch);
    if (r->listed != json_is_true(json_object_get(wanted, "listed")))
        fail_msg("listed: %d (%s)", r->listed, r->why_unlisted ? r->why_unlisted : "");
    assert_true(r->listed == (r->why_unlisted == NULL) || r->rematch);
    expect_metadata(r, json_object_get(wanted, "metadata"), arena);
    expect_checks(r, json_object_get(wanted, "checks"), arena);
    expect_files(r, json_object_get(wanted, "files"));
    expect_findings(r, json_object_get(wanted, "findings"));
    if (json_object_get(wanted, "wait"))
        assert_int_equal(r->wait, json_integer_value(json_object_get(wanted, "wait")));
}

/* ---- a case ---------------------------------------------------------------------- */

static bool describe(const struct rest_session *s, json_t *answers, struct arena *arena,
                     struct rest_result *ret, struct error *error)
{
    struct rest_root roots[8];
    size_t n = 0;
    const char *name;
    json_t *value;
    json_object_foreach(answers, name, value)
    {
        bool json = json_object_get(value, "body") != NULL;
        char *dumped =
            json ? json_dumps(json_object_get(value, "body"), JSON_COMPACT) : NULL;
        roots[n++] = (struct rest_root){
            .name = name,
            .json = json,
            .body =
                arena_copy(arena, span_of_text(json ? dumped : text_at(value, "text")))
        };
        free(dumped);
    }
    return rest_describe(s, roots, n, arena, ret, error);
}

static void run_case(const json_t *c)
{
    struct error error = { .code = ERROR_NONE };
    struct reference ref;
    struct rest_result result = { 0 };
    enum rest_refusal refusal = REST_ANSWERED;
    struct arena *arena = arena_new((size_t)64 << 20);
    json_t *answers = json_object_get(c, "answers");
    struct registry_in_memory memory = { .answers = answers };
    environment = json_object_get(c, "environment");
    const char *reference = text_at(c, "reference");
    if (!registries_resolve(table, reference, &ref, &error))
        fail_msg("%s: %s", reference, error.message);
    struct rest_session s = { .reference = &ref,
                              .trust = reference_trust(&ref, variable, NULL),
                              .now = 1790000000, /* 2026-09-21 */
                              .transport = answer,
                              .self = &memory };
    if (!reference_fill(&ref, variable, &error) ||
        !registry_endpoint(&ref, variable, arena, &s.endpoint, &s.own, &error))
        fail_msg("%s: %s", reference, error.message);
    compare("endpoint of", reference, s.endpoint, text_at(c, "endpoint"));
    memory.endpoint = s.endpoint;
    bool other = strcmp(ref.registry->driver, "json-rest") != 0;
    bool ok = other ? describe(&s, answers, arena, &result, &error)
                    : rest_resolve(&s, arena, &result, &refusal, &error);
    const char *refused = text_at(c, "refused");
    if (ok && !refused)
        expect(&result, json_object_get(c, "expect"), s.trust, arena);
    else if (ok)
        fail_msg("%s: was to be refused as %s", reference, refused);
    else if (!refused || strcmp(refused, rest_refusal_name(refusal)) != 0)
        fail_msg("%s: %s: %s", reference, rest_refusal_name(refusal), error.message);
    reference_free(&ref);
    arena_free(arena);
}

static int is_case_file(const struct dirent *d)
{
    return span_ends(span_of_text(d->d_name), ".json");
}

/* ---- every case is a test of its own ---------------------------------------------- */

enum { CASES_MAX = 400 };
static struct CMUnitTest tests[CASES_MAX];
static char names[CASES_MAX][160];
static size_t count, registries_covered;

static void test_case(void **state)
{
    run_case(*state);
}

static void test_every_registry_is_covered(void **state)
{
    (void)state;
    assert_int_equal(registries_covered, registries_count(table));
}

static void add_test(CMUnitTestFunction run, const char *name, json_t *state)
{
    (void)snprintf(names[count], sizeof names[count], "%s", name);
    tests[count] = (struct CMUnitTest){ .name = names[count],
                                        .test_func = run,
                                        .initial_state = state };
    count++;
}

static bool add_file(const char *id, json_t *all)
{
    const char *path = "fixtures/registries";
    char file[300], name[160];
    struct error error;
    (void)snprintf(file, sizeof file, "%s/%s", path, id);
    json_t *cases = json_read_file(file, &error);
    if (!cases)
        return false;
    json_array_append_new(all, cases);
    for (size_t i = 0; i < json_array_size(cases) && count + 1 < CASES_MAX; i++) {
        json_t *c = json_array_get(cases, i);
        (void)snprintf(name, sizeof name, "%s %s", id, text_at(c, "about"));
        add_test(test_case, name, c);
    }
    return true;
}

int main(void)
{
    struct dirent **files = NULL;
    json_t *all = json_array();
    int n = scandir("fixtures/registries", &files, is_case_file, alphasort);
    for (int i = 0; i < n; i++) {
        registries_covered += add_file(files[i]->d_name, all);
        free(files[i]);
    }
    free(files);
    add_test(test_every_registry_is_covered, "every registry is covered", NULL);
    int failed = _cmocka_run_group_tests("rest", tests, count, load_table, free_table);
    json_decref(all);
    return failed;
}

/* One request of an entry: its address, its pages, its directories. */
#include "registry/template.h"
#include "registry/uri.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_QUOTED = 200 };

/* One request on its way. */
struct call {
    struct scope *s;
    const json_t *request;
    struct root *root;
    struct buffer url;      /* of the first page, without what a page adds */
    json_t *body;           /* or NULL */
    const char *page_param; /* in the query */
    char page_value[1024];  /* "": not there */
    const char *next_url;   /* instead of `url`, in the arena */
    const char *current;    /* where the page at hand is from */
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

void root_refuse(struct scope *s, struct root *root, enum rest_refusal refusal,
                 const char *format, ...)
{
    struct buffer text;
    va_list args;
    va_start(args, format);
    buffer_init(&text, 1024);
    buffer_vprintf(&text, format, args);
    va_end(args);
    json_decref(root->body);
    root->body = NULL;
    root->refusal = refusal;
    root->reason = arena_text(s->arena, buffer_span(&text));
    buffer_free(&text);
}

/* ---- the address ----------------------------------------------------------------- */

static void add_encoded(struct buffer *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || (c && strchr("-._~", c));
        buffer_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

static void add_parameter(struct buffer *url, const char *name, struct span value)
{
    buffer_add_text(url, url->text && strchr(url->text, '?') ? "&" : "?");
    add_encoded(url, span_of_text(name));
    buffer_add_text(url, "=");
    add_encoded(url, value);
}

/* The address that an answer gives, which the entry bounds to some hosts. */
static bool take_url(struct call *c)
{
    char authority[URI_AUTHORITY_MAX + 1];
    const json_t *hosts = json_object_get(c->request, "hosts");
    struct value v = value_of(c->s, json_object_get(c->request, "url_ptr"));
    bool ok = value_text(&v, &c->url) && c->url.text && !c->url.truncated;
    value_free(&v);
    for (size_t i = 0; ok && i < c->url.len; i++)
        ok = (unsigned char)c->url.text[i] > 0x20 && (unsigned char)c->url.text[i] < 0x7f;
    if (!ok || same_origin(c->url.text, c->s->session->endpoint))
        return ok;
    ok = strncmp(c->url.text, "https://", 8) == 0 &&
         uri_authority_of(c->url.text, authority);
    for (size_t i = 0; ok && i < json_array_size(hosts); i++) {
        const char *const one[] = { json_string_value(json_array_get(hosts, i)), NULL };
        if (host_listed(authority, one))
            return true;
    }
    return false;
}

/* `except`: a parameter that a directory replaces. */
static bool build_url(struct call *c, const char *except, const char *instead)
{
    const char *name;
    json_t *template;
    buffer_clear(&c->url);
    if (!text_of(c->request, "url"))
        return take_url(c);
    if (!template_expand(c->s, text_of(c->request, "url"), AS_URL, &c->url))
        return false;
    json_object_foreach(json_object_get(c->request, "query"), name, template)
    {
        struct buffer value;
        buffer_init(&value, URL_MAX);
        bool replaced = except && strcmp(name, except) == 0;
        bool ok = replaced ||
                  template_expand(c->s, json_string_value(template), AS_TEXT, &value);
        if (ok)
            add_parameter(&c->url, name,
                          replaced ? span_of_text(instead) : buffer_span(&value));
        buffer_free(&value);
        if (!ok)
            return false;
    }
    return !c->url.truncated;
}

/* A body as the entry writes it, every text in it expanded. */
static json_t *build_body(struct scope *s, const json_t *template)
{
    const char *key;
    json_t *member, *made = NULL;
    if (json_is_string(template)) {
        struct buffer text;
        buffer_init(&text, VALUE_TEXT_MAX);
        if (template_expand(s, json_string_value(template), AS_TEXT, &text))
            made = json_stringn(text.text ? text.text : "", text.len);
        buffer_free(&text);
        return made;
    }
    const json_t *raw = json_object_get(template, "raw");
    if (json_is_string(raw) && json_object_size(template) == 1)
        return json_deep_copy(raw); /* braces of another language */
    if (!json_is_object(template) && !json_is_array(template))
        return json_deep_copy(template);
    made = json_is_object(template) ? json_object() : json_array();
    bool ok = made != NULL;
    for (size_t i = 0; ok && i < json_array_size(template); i++) {
        member = build_body(s, json_array_get(template, i));
        ok = member && json_array_append_new(made, member) == 0;
    }
    json_object_foreach((json_t *)(uintptr_t) template, key, member)
    {
        json_t *value = ok ? build_body(s, member) : NULL;
        ok = value && json_object_set_new(made, key, value) == 0;
    }
    if (!ok) {
        json_decref(made);
        return NULL;
    }
    return made;
}

/* The entry's headers, and what they leave unsaid of JSON; NULL when one cannot be made.
 */
static struct rest_header *build_headers(struct call *c, size_t *ret_count)
{
    json_t *headers = json_object_get(c->request, "headers"), *template;
    const char *name;
    struct rest_header *list =
        arena_array(c->s->arena, json_object_size(headers) + 2, sizeof *list);
    size_t n = 0;
    bool accepts = false, typed = c->body == NULL;
    json_object_foreach(headers, name, template)
    {
        struct buffer value;
        buffer_init(&value, URL_MAX);
        bool ok =
            list && template_expand(c->s, json_string_value(template), AS_TEXT, &value);
        for (size_t i = 0; ok && i < value.len; i++)
            ok = (unsigned char)value.text[i] >= 0x20 && value.text[i] != 0x7f;
        if (ok)
            list[n++] = (struct rest_header){
                .name = name, .value = arena_text(c->s->arena, buffer_span(&value))
            };
        buffer_free(&value);
        if (!ok)
            return NULL;
        accepts = accepts || strcasecmp(name, "accept") == 0;
        typed = typed || strcasecmp(name, "content-type") == 0;
    }
    if (list && !accepts)
        list[n++] = (struct rest_header){ .name = "Accept", .value = "application/json" };
    if (list && !typed)
        list[n++] =
            (struct rest_header){ .name = "Content-Type", .value = "application/json" };
    *ret_count = n;
    return list;
}

/* ---- one page -------------------------------------------------------------------- */

static struct span body_text(struct call *c)
{
    char *dumped = c->body ? json_dumps(c->body, JSON_COMPACT) : NULL;
    struct span copy =
        dumped ? arena_copy(c->s->arena, span_of_text(dumped)) : span_of(NULL, 0);
    free(dumped);
    return copy;
}

static const char *page_url(struct call *c)
{
    struct buffer url;
    if (c->next_url)
        return c->next_url;
    buffer_init(&url, URL_MAX);
    buffer_add(&url, buffer_span(&c->url));
    if (c->page_param && c->page_value[0])
        add_parameter(&url, c->page_param, span_of_text(c->page_value));
    char *copy = url.truncated ? NULL : arena_text(c->s->arena, buffer_span(&url));
    buffer_free(&url);
    return copy;
}

/* https, or http where the operator's own endpoint is. */
static bool url_allowed(const struct scope *s, const char *url)
{
    return strncmp(url, "https://", 8) == 0 || same_origin(url, s->session->endpoint);
}

static void refuse_answer(struct call *c, enum rest_refusal refusal,
                          const struct rest_answer *answer, json_t *body)
{
    struct buffer text;
    buffer_init(&text, TEXT_QUOTED);
    answer_text(c->s, answer, body, &text);
    root_refuse(c->s, c->root, refusal, "HTTP %d%s%s", answer->status,
                text.len ? ": " : "", text.text ? text.text : "");
    buffer_free(&text);
}

/* A redirect that is to be resolved anew, to a host that the entry allows. */
static void note_rematch(struct call *c, const struct rest_answer *answer)
{
    const json_t *hosts = json_object_get(c->request, "rematch");
    const char *to = header_find(answer->headers, answer->header_count, "Location");
    for (size_t i = 0; to && i < json_array_size(hosts); i++) {
        struct span allowed = arena_printf(c->s->arena, "https://%s",
                                           json_string_value(json_array_get(hosts, i)));
        if (allowed.len && strncmp(to, "https://", 8) == 0 &&
            same_origin(to, (const char *)allowed.ptr)) {
            c->s->result->rematch = arena_text(c->s->arena, span_of_text(to));
            return;
        }
    }
    root_refuse(c->s, c->root, REST_MALFORMED, "HTTP %d: redirected to \"%.*s\"",
                answer->status, TEXT_QUOTED, to ? to : "");
}

/* False: root says why it cannot be asked. */
static bool make_request(struct call *c, struct rest_request *ret_request)
{
    struct scope *s = c->s;
    const char *method = text_of(c->request, "method");
    struct rest_request q = { .id = text_of(c->request, "id"),
                              .method = method ? method : "GET",
                              .url = page_url(c),
                              .body = body_text(c),
                              .follow = !json_object_get(c->request, "rematch"),
                              .max_bytes = REST_ANSWER_MAX };
    q.headers = build_headers(c, &q.header_count);
    bool made = q.url && q.headers && (!c->body || q.body.len);
    if (!made || !url_allowed(s, q.url)) {
        root_refuse(s, c->root, REST_NOT_ASKED, "no address could be made for it");
        return false;
    }
    if (s->requests++ == REQUESTS_MAX) {
        root_refuse(s, c->root, REST_MALFORMED, "needs more than %d requests",
                    REQUESTS_MAX);
        return false;
    }
    q.credentials = s->session->own && same_origin(q.url, s->session->endpoint);
    *ret_request = q;
    return true;
}

/* Send it and take the answer apart.  False: root holds the refusal. */
static bool fetch(struct call *c, struct rest_answer *ret_answer, json_t **ret_body)
{
    struct scope *s = c->s;
    struct error error = { .code = ERROR_NONE };
    struct rest_request request;
    if (!make_request(c, &request))
        return false;
    c->current = request.url;
    if (!s->session->transport(s->session->self, &request, s->arena, ret_answer,
                               &error)) {
        root_refuse(s, c->root, REST_UNREACHABLE, "%s", error.message);
        return false;
    }
    if (ret_answer->url)
        c->current = ret_answer->url; /* where the next page must lie too */
    const char *parse = text_of(c->request, "parse");
    bool text = parse && strcmp(parse, "text") == 0;
    bool redirect = ret_answer->status >= 300 && ret_answer->status < 400;
    if (redirect && !request.follow) {
        note_rematch(c, ret_answer);
        return c->s->result->rematch != NULL;
    }
    json_t *body = text || redirect || !ret_answer->body.len
                       ? NULL
                       : answer_parse(ret_answer->body, &s->values, &error);
    enum rest_refusal refusal = answer_refusal(s, request.id, ret_answer, body);
    if (refusal != REST_ANSWERED) {
        refuse_answer(c, refusal, ret_answer, body);
    } else if (!body && !text) {
        root_refuse(s, c->root, REST_MALFORMED, "the answer %s",
                    ret_answer->body.len ? error.message : "is empty");
        refusal = REST_MALFORMED;
    }
    if (refusal != REST_ANSWERED) {
        json_decref(body);
        return false;
    }
    *ret_body = body;
    return true;
}

/* ---- pages ----------------------------------------------------------------------- */

/* The target of `<URL>; rel="next"`, or an empty span. */
static struct span link_next(const char *link)
{
    for (const char *c = link; (c = strchr(c, '<'));) {
        const char *end = strchr(c, '>');
        if (!end)
            break;
        const char *stop = strchr(end, '<');
        struct span rest = span_of(end, stop ? (size_t)(stop - end) : strlen(end));
        if (span_find(rest, "rel=\"next\"", 0) != SIZE_MAX ||
            span_find(rest, "rel=next", 0) != SIZE_MAX)
            return span_of(c + 1, (size_t)(end - c) - 1);
        c = end;
    }
    return span_of(NULL, 0);
}

/* Go on at `next`, which must lie where the first page did.  False: it does not. */
static bool turn_to_url(struct call *c, const char *current, struct span next)
{
    struct buffer url;
    buffer_init(&url, URL_MAX);
    if (span_starts(next, "/") && !span_starts(next, "//")) {
        const char *path = strchr(current + strlen("https://"), '/');
        buffer_add(&url,
                   span_of(current, path ? (size_t)(path - current) : strlen(current)));
    }
    buffer_add(&url, next);
    bool ok = !url.truncated && url.text && same_origin(url.text, current) &&
              strcmp(url.text, current) != 0;
    for (size_t i = 0; ok && i < url.len; i++)
        ok = url.text[i] > 0x20 && url.text[i] != 0x7f;
    if (ok)
        c->next_url = arena_text(c->s->arena, buffer_span(&url));
    buffer_free(&url);
    return ok && c->next_url;
}

static bool turn_to_token(struct call *c, const json_t *paginate, struct span token)
{
    const char *in = text_of(paginate, "in"), *param = text_of(paginate, "param");
    if (token.len >= sizeof c->page_value || memchr(token.ptr, 0, token.len) ||
        span_is(token, c->page_value))
        return false;
    memcpy(c->page_value, token.ptr, token.len);
    c->page_value[token.len] = '\0';
    if (!in || strcmp(in, "body") != 0) {
        c->page_param = param;
        return true;
    }
    return c->body && pointer_set(c->body, param, json_string(c->page_value));
}

enum turn { LAST_PAGE, NEXT_PAGE, NO_PAGE };

static enum turn turn_number(struct call *c, const json_t *paginate, json_t *page,
                             const json_t *items, size_t number)
{
    const char *total = text_of(paginate, "total");
    json_t *pages = NULL;
    json_int_t first = json_integer_value(json_object_get(paginate, "first"));
    if (json_array_size(items) == 0 ||
        (total && pointer_get(page, total, &pages) == VALUE_KNOWN &&
         json_is_integer(pages) && json_integer_value(pages) <= (json_int_t)number + 1))
        return LAST_PAGE;
    c->page_param = text_of(paginate, "param");
    (void)snprintf(c->page_value, sizeof c->page_value, "%lld",
                   (long long)first + (long long)number + 1);
    return NEXT_PAGE;
}

/* Where the next page is, if there is one. */
static enum turn turn_page(struct call *c, const json_t *paginate,
                           const struct rest_answer *answer, json_t *page,
                           const json_t *items, size_t number)
{
    const char *kind = text_of(paginate, "kind"), *more = text_of(paginate, "more");
    const char *link = header_find(answer->headers, answer->header_count, "Link");
    json_t *next = NULL, *going = NULL;
    struct buffer text;
    if (strcmp(kind, "page") == 0)
        return turn_number(c, paginate, page, items, number);
    if (more && pointer_get(page, more, &going) == VALUE_KNOWN && json_is_false(going))
        return LAST_PAGE;
    buffer_init(&text, URL_MAX);
    if (strcmp(kind, "link") == 0)
        buffer_add(&text, link ? link_next(link) : span_of(NULL, 0));
    else if (pointer_get(page, text_of(paginate, "next"), &next) == VALUE_KNOWN)
        (void)json_scalar_text(next, &text);
    bool bad = next && !json_is_null(next) && !json_is_string(next) &&
               !json_is_integer(next); /* a false end would hide files */
    enum turn turn = bad || json_is_true(going) ? NO_PAGE : LAST_PAGE;
    if (text.len > 0) {
        bool turned = strcmp(kind, "token") == 0
                          ? turn_to_token(c, paginate, buffer_span(&text))
                          : turn_to_url(c, c->current, buffer_span(&text));
        turn = turned ? NEXT_PAGE : NO_PAGE;
    }
    buffer_free(&text);
    return turn;
}

/* A further page's items behind those of the first. */
static bool append_items(struct root *root, const json_t *how, json_t *page)
{
    const char *items = text_of(how, "items");
    json_t *all = NULL, *more = NULL;
    enum value_state state = pointer_get(page, items, &more);
    if (state == VALUE_ABSENT)
        return true;
    return state == VALUE_KNOWN && pointer_get(root->body, items, &all) == VALUE_KNOWN &&
           json_is_array(all) && json_is_array(more) && json_array_extend(all, more) == 0;
}

static void start_pages(struct call *c, const json_t *paginate)
{
    const json_t *first = json_object_get(paginate, "first");
    c->next_url = NULL;
    c->page_param = NULL;
    c->page_value[0] = '\0';
    if (first) {
        c->page_param = text_of(paginate, "param");
        (void)snprintf(c->page_value, sizeof c->page_value, "%lld",
                       (long long)json_integer_value(first));
    }
}

/* All pages into root->body.  False: root holds the refusal. */
static bool run_pages(struct call *c)
{
    const json_t *paginate = json_object_get(c->request, "paginate");
    size_t max = (size_t)json_integer_value(json_object_get(paginate, "max"));
    start_pages(c, paginate);
    for (size_t number = 0;; number++) {
        struct rest_answer answer = { 0 };
        json_t *page = NULL, *items = NULL;
        if (!fetch(c, &answer, &page))
            return false;
        if (number == 0) {
            c->root->body = page;
            c->root->bytes = answer.body;
            c->root->headers = answer.headers;
            c->root->header_count = answer.header_count;
        }
        if (!paginate)
            return true;
        (void)pointer_get(page, text_of(paginate, "items"), &items);
        enum turn turn = turn_page(c, paginate, &answer, page, items, number);
        bool fits = number == 0 || append_items(c->root, paginate, page);
        if (number > 0)
            json_decref(page);
        if (!fits || turn == NO_PAGE) {
            root_refuse(c->s, c->root, REST_MALFORMED, "page %zu %s", number + 1,
                        fits ? "names a next page that is none, itself or elsewhere"
                             : "is not like the first");
            return false;
        }
        if (turn == LAST_PAGE)
            return true;
        if (number + 1 == (max ? max : PAGES_DEFAULT)) {
            root_refuse(c->s, c->root, REST_MALFORMED, "more than %zu pages", number + 1);
            return false;
        }
    }
}

/* ---- directories ----------------------------------------------------------------- */

struct tree {
    const json_t *recurse;
    json_t *todo; /* paths of directories below the first */
    size_t next, max_depth;
};

static size_t depth_of(const char *path)
{
    size_t depth = 1;
    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

/* Note the directories of one level; names of items become paths from the top. */
static bool note_directories(struct call *c, struct tree *t, json_t *body,
                             const char *below)
{
    json_t *items = NULL;
    const char *names = text_of(t->recurse, "names"), *at = text_of(t->recurse, "name");
    bool full = names && strcmp(names, "full") == 0;
    if (pointer_get(body, text_of(t->recurse, "items"), &items) != VALUE_KNOWN)
        return true;
    for (size_t i = 0; i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i), *name = NULL, *is_dir = NULL;
        if (pointer_get(item, at, &name) != VALUE_KNOWN || !json_is_string(name))
            continue;
        struct span path =
            below && !full
                ? arena_printf(c->s->arena, "%s/%s", below, json_string_value(name))
                : arena_copy(c->s->arena,
                             span_of(json_string_value(name), json_string_length(name)));
        if (below && !full)
            (void)pointer_set(item, at, json_stringn((const char *)path.ptr, path.len));
        json_t *wanted = json_object_get(t->recurse, "is");
        if (pointer_get(item, text_of(t->recurse, "dir"), &is_dir) != VALUE_KNOWN ||
            !(wanted ? json_equal(is_dir, wanted) : json_is_true(is_dir)))
            continue;
        const char *text = arena_text(c->s->arena, path);
        if (!text || !path_clean(text) || depth_of(text) > t->max_depth) {
            root_refuse(c->s, c->root, REST_MALFORMED,
                        "directories are named oddly or nested deeper than %zu",
                        t->max_depth);
            return false;
        }
        json_array_append_new(t->todo, json_string(text));
    }
    return true;
}

/* One directory below the first, into the same list of items. */
static bool run_directory(struct call *c, struct tree *t, const char *path)
{
    const char *param = text_of(t->recurse, "param");
    const char *top = text_of(json_object_get(c->request, "query"), param);
    const char *names = text_of(t->recurse, "names");
    struct root level = { .name = c->root->name };
    struct root *root = c->root;
    struct buffer value;
    buffer_init(&value, URL_MAX);
    if (!(names && strcmp(names, "full") == 0) && top &&
        template_expand(c->s, top, AS_TEXT, &value))
        buffer_add_text(&value, "/");
    buffer_add_text(&value, path);
    bool ok = !value.truncated && build_url(c, param, value.text);
    buffer_free(&value);
    c->root = &level;
    ok = ok && run_pages(c);
    c->root = root;
    if (!ok) {
        root_refuse(c->s, root, level.refusal ? level.refusal : REST_MALFORMED,
                    "directory \"%.*s\": %s", TEXT_QUOTED, path,
                    level.reason ? level.reason : "no address could be made for it");
        json_decref(level.body);
        return false;
    }
    ok = note_directories(c, t, level.body, path);
    if (ok && !append_items(root, t->recurse, level.body)) {
        root_refuse(c->s, root, REST_MALFORMED, "a directory is not like the first");
        ok = false;
    }
    json_decref(level.body);
    return ok;
}

static void run_tree(struct call *c)
{
    struct tree t = { .recurse = json_object_get(c->request, "recurse"),
                      .todo = json_array() };
    t.max_depth = (size_t)json_integer_value(json_object_get(t.recurse, "max_depth"));
    bool ok = t.todo && note_directories(c, &t, c->root->body, NULL);
    while (ok && t.next < json_array_size(t.todo))
        ok = run_directory(c, &t, json_string_value(json_array_get(t.todo, t.next++)));
    json_decref(t.todo);
}

void request_run(struct scope *s, const json_t *request, struct root *root)
{
    struct call c = { .s = s, .request = request, .root = root };
    const json_t *body = json_object_get(request, "body");
    buffer_init(&c.url, URL_MAX);
    s->missing[0] = '\0';
    bool ok = build_url(&c, NULL, NULL);
    if (ok && body)
        ok = (c.body = build_body(s, body)) != NULL;
    if (!ok)
        root_refuse(s, root, REST_NOT_ASKED,
                    *s->missing ? "needs {%s}, which is not known"
                                : "no address that may be asked%s",
                    s->missing);
    else if (run_pages(&c) && !s->result->rematch && json_object_get(request, "recurse"))
        run_tree(&c);
    json_decref(c.body);
    buffer_free(&c.url);
}

#include "sources/storage/xml.h"

#include <expat.h>
#include <string.h>

struct walk {
    XML_Parser parser;
    xml_element *end;
    void *self;
    struct buffer path, text[XML_DEPTH_MAX];
    size_t depth;
    const char *problem;
};

static void stop(struct walk *w, const char *problem)
{
    if (!w->problem)
        w->problem = problem;
    (void)XML_StopParser(w->parser, XML_FALSE);
}

static void on_start(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct walk *w = data;
    const char *colon = strrchr(name, ':');
    (void)attributes;
    if (w->depth == XML_DEPTH_MAX) {
        stop(w, "it is nested too deep");
        return;
    }
    buffer_init(&w->text[w->depth++], XML_TEXT_MAX);
    buffer_add_text(&w->path, w->path.len ? "/" : "");
    buffer_add_text(&w->path, colon ? colon + 1 : name);
    if (w->path.truncated)
        stop(w, "a name in it is too long");
}

static void on_text(void *data, const XML_Char *text, int length)
{
    struct walk *w = data;
    if (w->depth == 0)
        return;
    struct buffer *to = &w->text[w->depth - 1];
    buffer_add(to, span_of(text, (size_t)length));
    if (to->truncated)
        stop(w, "a text in it is too long");
}

static void on_end(void *data, const XML_Char *name)
{
    struct walk *w = data;
    (void)name;
    if (w->depth == 0 || w->problem)
        return;
    struct buffer *text = &w->text[--w->depth];
    if (!w->end(w->self, w->path.text, buffer_span(text)))
        stop(w, "");
    buffer_free(text);
    char *slash = strrchr(w->path.text, '/');
    w->path.len = slash ? (size_t)(slash - w->path.text) : 0;
    w->path.text[w->path.len] = '\0';
}

static void on_doctype(void *data, const XML_Char *name, const XML_Char *system,
                       const XML_Char *public, int internal)
{
    (void)name, (void)system, (void)public, (void)internal;
    stop(data, "it has a document type");
}

bool xml_walk(struct span document, xml_element *end, void *self, struct error *error)
{
    struct walk w = { .end = end, .self = self };
    bool ok;
    w.parser = document.len <= INT32_MAX ? XML_ParserCreate(NULL) : NULL;
    if (!w.parser)
        return error_set(error, ERROR_MEMORY, "out of memory");
    buffer_init(&w.path, XML_PATH_MAX);
    XML_SetUserData(w.parser, &w);
    XML_SetElementHandler(w.parser, on_start, on_end);
    XML_SetCharacterDataHandler(w.parser, on_text);
    XML_SetStartDoctypeDeclHandler(w.parser, on_doctype);
    ok = XML_Parse(w.parser, (const char *)document.ptr, (int)document.len, 1) ==
         XML_STATUS_OK;
    if (!ok && !w.problem)
        w.problem = XML_ErrorString(XML_GetErrorCode(w.parser));
    if (!ok && *w.problem)
        (void)error_set(error, ERROR_NETWORK, "the answer cannot be read as XML: %s",
                        w.problem);
    while (w.depth > 0)
        buffer_free(&w.text[--w.depth]);
    buffer_free(&w.path);
    XML_ParserFree(w.parser);
    return ok;
}

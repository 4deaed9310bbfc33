#include "integrity/sigstore/signing_config.h"

#include "integrity/sigstore/trust_root.h"
#include "integrity/strict_json.h"

#define MEDIA        "application/vnd.dev.sigstore.signingconfig.v0.2+json"
#define CLIENT_MEDIA "application/vnd.dev.sigstore.clienttrustconfig"

enum {
    VALUES_MAX = 1 << 16,
    ROWS_MAX = 64,
    FULCIO = 1,
    ISSUER = 1,
    REKOR = 2,
    STAMPER = 1
};

struct reading {
    struct arena *arena;
    const char *name;
    int64_t now;
    struct error *error;
};

/* A row of a list that may be used. */
struct candidate {
    struct span url, operator;
    int64_t version, start;
};

static bool refuse(const struct reading *r, const char *section, const char *what)
{
    return error_set(r->error, ERROR_CONFIG, "%s: %s: %s", r->name, section, what);
}

/* *ret_usable: in service now, in a version from 1 to `newest`. */
static bool read_row(const struct reading *r, const char *section, const json_t *row,
                     int64_t newest, struct candidate *ret_row, bool *ret_usable)
{
    struct trust_window window;
    struct candidate c = { .version = 0 };
    bool versioned;
    if (!json_is_object(row) || !strict_json_text(row, "url", &c.url) ||
        !strict_json_text(row, "operator", &c.operator) ||
        !strict_json_int64(row, "majorApiVersion", &versioned, &c.version) ||
        !trust_window_read(row, &window) || c.url.len == 0)
        return refuse(r, section,
                      "a row without an URL, or with a field of another type");
    while (c.url.len && c.url.ptr[c.url.len - 1] == '/')
        c.url.len--;
    c.start = window.start;
    *ret_usable =
        trust_window_contains(&window, r->now) && c.version >= 1 && c.version <= newest;
    *ret_row = c;
    return true;
}

static bool newer(const struct candidate *a, const struct candidate *b)
{
    return a->version != b->version ? a->version > b->version : a->start > b->start;
}

/* The newest of each operator, in the order of the list. */
static bool read_list(const struct reading *r, const json_t *config, const char *section,
                      int64_t newest, struct candidate *rows, size_t *ret_count)
{
    json_t *list = NULL, *row;
    size_t i, count = 0, at;
    if (!strict_json_array(config, section, &list) || json_array_size(list) > ROWS_MAX)
        return refuse(r, section, "no list, or too long a one");
    json_array_foreach(list, i, row)
    {
        struct candidate c;
        bool usable;
        if (!read_row(r, section, row, newest, &c, &usable))
            return false;
        for (at = 0; at < count && !span_equal(rows[at].operator, c.operator);)
            at++;
        if (usable && (at == count || newer(&c, &rows[at])))
            rows[at] = c;
        count += usable && at == count;
    }
    *ret_count = count;
    return true;
}

/* How many of `found` services are to be asked: "ANY" is one, "EXACT" says how many. */
static bool select_count(const struct reading *r, const json_t *config,
                         const char *section, size_t found, size_t *ret_count)
{
    json_t *selection = NULL;
    struct span how = { NULL, 0 };
    int64_t exact = 0;
    bool counted;
    if (!strict_json_object(config, section, &selection) ||
        !strict_json_text(selection, "selector", &how) ||
        !strict_json_int64(selection, "count", &counted, &exact))
        return refuse(r, section, "a field of another type");
    size_t want = 1;
    if (span_is(how, "ALL"))
        want = found;
    else if (span_is(how, "EXACT"))
        want = exact > 0 && exact <= SIGNING_SERVICES_MAX ? (size_t)exact : 0;
    else if (how.len && !span_is(how, "ANY"))
        return refuse(r, section, "the selector is none of ANY, ALL, EXACT");
    if (span_is(how, "EXACT") && (want == 0 || want > found))
        return refuse(r, section, "it asks for more services than there are");
    if (want > SIGNING_SERVICES_MAX)
        return refuse(r, section, "too many services");
    *ret_count = want < found ? want : found;
    return true;
}

static bool read_services(const struct reading *r, const json_t *config,
                          const char *section, const char *selection, int64_t newest,
                          struct signing_services *ret_services)
{
    struct candidate rows[ROWS_MAX];
    size_t found = 0, count = 0;
    if (!read_list(r, config, section, newest, rows, &found) ||
        !select_count(r, config, selection, found, &count))
        return false;
    struct signing_services s = { .count = count };
    for (size_t i = 0; i < count; i++)
        s.items[i] = (struct signing_service){ .url = arena_text(r->arena, rows[i].url),
                                               .version = (unsigned)rows[i].version };
    *ret_services = s;
    return true;
}

static bool read_config(const struct reading *r, const json_t *config,
                        struct signing_config *ret_config)
{
    struct signing_services authorities, issuers;
    struct signing_config out = { .authority = { .url = NULL } };
    bool dated = false;
    if (!read_services(r, config, "caUrls", "caConfig", FULCIO, &authorities) ||
        !read_services(r, config, "oidcUrls", "oidcConfig", ISSUER, &issuers) ||
        !read_services(r, config, "rekorTlogUrls", "rekorTlogConfig", REKOR, &out.logs) ||
        !read_services(r, config, "tsaUrls", "tsaConfig", STAMPER, &out.time_stampers))
        return false;
    if (authorities.count == 0)
        return refuse(r, "caUrls", "no certificate authority that is in service now");
    if (out.logs.count == 0)
        return refuse(r, "rekorTlogUrls", "no transparency log that is in service now");
    for (size_t i = 0; i < out.logs.count; i++)
        dated |= out.logs.items[i].version == 1;
    if (!dated && out.time_stampers.count == 0)
        return refuse(r, "tsaUrls",
                      "its logs know no time, and it has no time-stamp "
                      "authority that is in service now");
    out.authority = authorities.items[0];
    out.provider = issuers.items[0]; /* all zero when there is none */
    *ret_config = out;
    return !arena_exhausted(r->arena) ||
           error_set(r->error, ERROR_MEMORY, "%s: out of memory", r->name);
}

/* The configuration itself, or the one in a client trust configuration. */
static const json_t *config_object(const json_t *json)
{
    struct span media = { NULL, 0 };
    if (strict_json_text(json, "mediaType", &media) && span_starts(media, CLIENT_MEDIA)) {
        json = strict_json_field(json, "signingConfig");
        media.len = 0;
        (void)strict_json_text(json, "mediaType", &media);
    }
    return json_is_object(json) && span_is(media, MEDIA) ? json : NULL;
}

bool signing_config_read(struct arena *arena, struct span json, const char *name,
                         int64_t now, struct signing_config *ret_config,
                         struct error *error)
{
    struct strict_json_reason reason = { "" };
    const struct reading r = { .arena = arena, .name = name, .now = now, .error = error };
    json_t *tree = strict_json_read(json, SIGNING_CONFIG_BYTES_MAX, VALUES_MAX, &reason);
    const json_t *config = tree ? config_object(tree) : NULL;
    bool ok = false;
    if (!tree)
        (void)error_set(error, ERROR_CONFIG, "%s: %s", name, reason.text);
    else if (!config)
        (void)error_set(error, ERROR_CONFIG,
                        "%s: neither a Sigstore signing configuration 0.2 nor a client "
                        "trust configuration that holds one",
                        name);
    else
        ok = read_config(&r, config, ret_config);
    json_decref(tree);
    return ok;
}

#include "trust/store.h"

static bool is_hex(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') ||
              (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return s.len > 0;
}

/* One path component starting at *pos; moves *pos behind the '/' after it. */
static struct span next_component(struct span path, size_t *pos)
{
    size_t end = span_find(path, "/", *pos);
    struct span component = span_slice(path, *pos, end == SIZE_MAX ? path.len : end);
    *pos = end == SIZE_MAX ? path.len : end + 1;
    return component;
}

/* ORG--NAME; an organisation's name cannot hold "--". */
static bool split_repository(struct span component, struct hub_place *place)
{
    struct span repository = span_slice(component, strlen("models--"), component.len);
    size_t cut = span_find(repository, "--", 0);
    if (!span_starts(component, "models--") || repository.len == 0)
        return false;
    if (cut == SIZE_MAX) { /* a model without an organisation */
        place->organisation = (struct span){ 0 };
        place->model = repository;
        return true;
    }
    place->organisation = span_slice(repository, 0, cut);
    place->model = span_slice(repository, cut + 2, repository.len);
    return place->organisation.len > 0 && place->model.len > 0;
}

bool hub_place_find(struct span path, struct hub_place *ret_place)
{
    struct hub_place place = { 0 };
    bool found = false;
    for (size_t pos = 0; pos < path.len;) {
        size_t after;
        if (!split_repository(next_component(path, &pos), &place))
            continue;
        after = pos;
        if (!span_is(next_component(path, &after), "snapshots"))
            continue;
        place.revision = next_component(path, &after);
        if (place.revision.len == 0)
            continue;
        place.unit_end = (size_t)(place.revision.ptr - path.ptr) + place.revision.len;
        *ret_place = place; /* the innermost wins */
        found = true;
    }
    return found;
}

bool hub_blob_find(struct span link, struct span *ret_hex, bool *ret_git)
{
    size_t at = SIZE_MAX;
    for (size_t next = span_find(link, "blobs/", 0); next != SIZE_MAX;
         next = span_find(link, "blobs/", next + 1))
        at = next;
    if (at == SIZE_MAX)
        return false;
    struct span hex = span_slice(link, at + strlen("blobs/"), link.len);
    if (!is_hex(hex) || (hex.len != 64 && hex.len != 40))
        return false;
    *ret_hex = hex;
    *ret_git = hex.len == 40;
    return true;
}

/* Header fields of an answer: each line is one. */
#include "net/field.h"
#include "net/retry.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_clean(const char *text)
{
    for (; *text; text++)
        require((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static int64_t now(void *self)
{
    (void)self;
    return 1790000000;
}

static uint32_t most(void *self)
{
    (void)self;
    return UINT32_MAX;
}

static void require_sane(const struct fields *f)
{
    const struct clock clock = { .now = now, .random = most };
    struct challenge c;
    struct buffer target;
    uint64_t seconds, milliseconds;
    int64_t date;
    for (size_t i = 0; i < f->count; i++) {
        uint64_t first, last, total;
        require_clean(f->list[i].name);
        require_clean(f->list[i].value);
        (void)field_date(f->list[i].value, &date);
        if (field_content_range(f->list[i].value, &first, &last, &total))
            require(first <= last && last < total);
    }
    if (field_wait(f, 1790000000, &seconds) && field_exhausted(f))
        require(retry_status(429, f, false));
    if (retry_wait(f, 1, 120, &clock, &milliseconds))
        require(milliseconds <= 120 * 1000 * 5 / 4);
    buffer_init(&target, 8192);
    if (field_link_next(f, &target))
        require(target.len <= 8192);
    buffer_free(&target);
    if (field_challenge(f, &c))
        require(strlen(c.realm) < sizeof c.realm && strlen(c.scope) < sizeof c.scope);
    const char *validator = field_validator(f);
    require(!validator || strncmp(validator, "W/", 2) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fields f = { 0 };
    struct span rest = span_of(data, size);
    while (rest.len) {
        size_t end = span_find(rest, "\n", 0);
        end = end == SIZE_MAX ? rest.len : end + 1;
        if (!fields_add(&f, span_slice(rest, 0, end)))
            break;
        rest = span_slice(rest, end, rest.len);
    }
    require(f.count <= FIELDS_MAX);
    require_sane(&f);
    fields_free(&f);
    return 0;
}

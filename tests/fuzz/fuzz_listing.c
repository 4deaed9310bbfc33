/* What servers of storage tell: XML of a list, frames of git, a pointer of LFS, files and
 * the configuration of DVC.  The first byte picks. */
#include "core/ini.h"
#include "sources/git/dvc_file.h"
#include "sources/git/lfs.h"
#include "sources/git/pkt_line.h"
#include "sources/storage/xml.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool count(void *self, const char *path, struct span text)
{
    size_t *left = self;
    assert(strlen(path) < XML_PATH_MAX && text.len <= XML_TEXT_MAX);
    return --*left > 0;
}

static void read_frames(struct span bytes)
{
    struct reader r = reader_of(bytes, 0);
    struct buffer out;
    struct span why = { 0 };
    buffer_init(&out, 1 << 16);
    while (pkt_next(&r).kind != PKT_BAD)
        ;
    r = reader_of(bytes, 0);
    (void)pkt_side_band(&r, &out, &why);
    assert(out.len <= bytes.len);
    buffer_free(&out);
}

static void read_dvc(struct span bytes, struct arena *arena)
{
    struct dvc_out *outs = NULL;
    struct dvc_artifact artifact;
    struct error error;
    size_t passed = 0;
    (void)dvc_outs_read(bytes, "a/b.dvc", arena, &outs, &passed, &error);
    for (; outs; outs = outs->next)
        assert(strlen(outs->md5) == 32 && outs->path[0] != '/' &&
               !strstr(outs->path, "/../"));
    (void)dvc_artifact_find(bytes, "a/dvc.yaml", "a/m", arena, &artifact);
    (void)dvc_remote_find(bytes, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_slice(span_of(data, size), 1, size);
    struct arena *arena = size ? arena_new(16 << 20) : NULL;
    struct lfs_object object;
    struct error error = { 0 };
    size_t left = 1000;
    if (!arena)
        return 0;
    switch (data[0] % 4) {
    case 0:
        if (!xml_walk(bytes, count, &left, &error))
            assert(left == 0 || error.code != ERROR_NONE);
        break;
    case 1:
        read_frames(bytes);
        break;
    case 2:
        if (lfs_pointer_read(bytes, &object))
            assert(strlen(object.oid) == 64);
        break;
    default:
        read_dvc(bytes, arena);
    }
    arena_free(arena);
    return 0;
}

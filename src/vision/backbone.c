/* backbone: see backbone.h for the contract. */
#include "vision/backbone.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#include "base/buf.h"
#include "vision/backbone_graph.h"

enum { TEXT_MAX = 1 << 20 };

int layer_padding(int side, int kernel, int stride, int *ret_end)
{
    int all = (layer_side(side, stride) - 1) * stride + kernel - side;
    all = all < 0 ? 0 : all;
    *ret_end = all - all / 2;
    return all / 2;
}

static bool take_weights(struct backbone *backbone, struct span weights, struct err *err)
{
    unsigned char sha256[BACKBONE_SHA_BYTES];
    if (weights.len != backbone->weight_count * sizeof(float))
        return fail(err, E_INVALID, "the backbone %s has %zu bytes of weights, and %zu are wanted", backbone->id,
                    weights.len, backbone->weight_count * sizeof(float));
    SHA256((const unsigned char *)weights.ptr, weights.len, sha256);
    if (memcmp(sha256, backbone->weights_sha256, sizeof sha256) != 0)
        return fail(err, E_INVALID, "the weights of the backbone %s are damaged; install it again", backbone->id);
    backbone->weights = mem_alloc(weights.len);
    for (size_t i = 0; i < backbone->weight_count; i++) {
        const unsigned char *at = (const unsigned char *)weights.ptr + i * 4;
        uint32_t bits = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        memcpy(&backbone->weights[i], &bits, sizeof bits);
        if (!isfinite(backbone->weights[i]))
            return fail(err, E_INVALID, "weight %zu of the backbone %s is not a number", i, backbone->id);
    }
    return true;
}

static bool is_id(const char *id)
{
    size_t len = strlen(id);
    return len > 0 && len <= BACKBONE_ID_MAX && id[0] != '.' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

bool backbone_read(const char *id, struct span text, struct span weights, struct backbone **ret_backbone,
                   struct err *err)
{
    struct err why;
    if (!is_id(id))
        return fail(err, E_INVALID, "a backbone's name is 1 to %d letters, digits and -_.", BACKBONE_ID_MAX);
    struct backbone *backbone = mem_zero(1, sizeof *backbone);
    memcpy(backbone->id, id, strlen(id));
    if (!backbone_parse(backbone, text, &why)) {
        backbone_free(backbone);
        return fail(err, E_INVALID, "the backbone %s cannot be used: %s", id, why.text);
    }
    if (!take_weights(backbone, weights, err)) {
        backbone_free(backbone);
        return false;
    }
    SHA256((const unsigned char *)text.ptr, text.len, backbone->sha256);
    *ret_backbone = backbone;
    return true;
}

/* A whole file of the folder; E_NOT_FOUND if there is none. */
static bool read_file(int folder, const char *id, const char *name, size_t max, struct buf *ret_bytes, struct err *err)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return fail(err, E_INVALID, "the backbone %s has no %s; install it again", id, name);
    if (file < 0)
        return fail(err, E_OBJECT, "%s of the backbone %s cannot be read: %s", name, id, strerror(errno));
    buf_init(ret_bytes, max);
    struct stat st;
    bool done = fstat(file, &st) == 0 && st.st_size >= 0 && (uint64_t)st.st_size <= max &&
                buf_reserve(ret_bytes, (size_t)st.st_size + 1);
    while (done) {
        ssize_t got = read(file, ret_bytes->ptr + ret_bytes->len, ret_bytes->room - ret_bytes->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            done = got == 0;
            break;
        }
        ret_bytes->len += (size_t)got;
        done = ret_bytes->len < ret_bytes->room || buf_reserve(ret_bytes, 1);
    }
    close(file);
    if (!done) {
        buf_free(ret_bytes);
        return fail(err, E_OBJECT, "%s of the backbone %s cannot be read, or is too large", name, id);
    }
    return true;
}

static bool open_in(int folder, const char *id, struct backbone **ret_backbone, struct err *err)
{
    struct buf text, weights;
    if (!read_file(folder, id, "backbone.txt", TEXT_MAX, &text, err))
        return false;
    bool done = read_file(folder, id, "weights.bin", (size_t)WEIGHTS_MAX * sizeof(float), &weights, err);
    if (done) {
        done = backbone_read(id, buf_span(&text), buf_span(&weights), ret_backbone, err);
        buf_free(&weights);
    }
    buf_free(&text);
    return done;
}

bool backbone_open(const char *folder, struct backbone **ret_backbone, struct err *err)
{
    const char *slash = strrchr(folder, '/');
    const char *id = slash ? slash + 1 : folder;
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0 && (errno == ENOENT || errno == ENOTDIR))
        return fail(err, E_NOT_FOUND, "the backbone %s is not installed; `placard backbone install` installs it", id);
    if (at < 0)
        return fail(err, E_OBJECT, "the backbone %s cannot be read: %s", id, strerror(errno));
    bool done = open_in(at, id, ret_backbone, err);
    close(at);
    return done;
}

void backbone_free(struct backbone *backbone)
{
    if (!backbone)
        return;
    free(backbone->layers);
    free(backbone->weights);
    free(backbone);
}

const char *backbone_id(const struct backbone *backbone)
{
    return backbone->id;
}

const char *backbone_engine(const struct backbone *backbone)
{
    return backbone->foreign ? "onnxruntime" : "built-in";
}

const unsigned char *backbone_sha256(const struct backbone *backbone)
{
    return backbone->sha256;
}

int backbone_channels(const struct backbone *backbone, unsigned tap)
{
    CHECK(tap < BACKBONE_TAPS);
    return backbone->channels[tap];
}

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

enum { TEXT_MAX = 1 << 20, TRIAL_SIDE = 224 };

#define FILE_MAX ((size_t)WEIGHTS_MAX * sizeof(float))

int layer_padding(int side, int kernel, int stride, int *ret_end)
{
    int all = (layer_side(side, stride) - 1) * stride + kernel - side;
    all = all < 0 ? 0 : all;
    *ret_end = all - all / 2;
    return all / 2;
}

/* The bytes are those that backbone.txt was written for. */
static bool check_sum(const struct backbone *backbone, struct span bytes, struct err *err)
{
    unsigned char sha256[BACKBONE_SHA_BYTES];
    SHA256((const unsigned char *)bytes.ptr, bytes.len, sha256);
    return memcmp(sha256, backbone->weights_sha256, sizeof sha256) == 0 ||
           fail(err, E_INVALID, "the weights of the backbone %s are damaged; install it again", backbone->id);
}

static bool take_weights(struct backbone *backbone, struct span weights, struct err *err)
{
    if (weights.len != backbone->weight_count * sizeof(float))
        return fail(err, E_INVALID, "the backbone %s has %zu bytes of weights, and %zu are wanted", backbone->id,
                    weights.len, backbone->weight_count * sizeof(float));
    if (!check_sum(backbone, weights, err))
        return false;
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

/* Opens it and runs it once, which tells how many channels its taps have. */
static bool take_model(struct backbone *backbone, struct span model, struct err *err)
{
    struct foreign_tap taps[FOREIGN_TAPS];
    struct err why;
    if (!check_sum(backbone, model, err))
        return false;
    float *pixels = mem_zero((unsigned long)TRIAL_SIDE * TRIAL_SIDE * 3, sizeof *pixels);
    bool done = foreign_open(&backbone->spec, model, &backbone->foreign, &why) &&
                foreign_run(backbone->foreign, pixels, TRIAL_SIDE, TRIAL_SIDE, taps, &why);
    free(pixels);
    if (!done)
        return fail(err, why.code, "the backbone %s cannot be used: %s", backbone->id, why.text);
    for (unsigned t = 0; t < BACKBONE_TAPS; t++) {
        backbone->channels[t] = taps[t].channels;
        free(taps[t].data);
    }
    return true;
}

bool backbone_is_id(const char *id)
{
    size_t len = strlen(id);
    return len > 0 && len <= BACKBONE_ID_MAX && id[0] != '.' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == len;
}

/* The lines alone; weights or model are still to come. */
static bool begin(const char *id, struct span text, struct backbone **ret_backbone, struct err *err)
{
    struct err why;
    if (!backbone_is_id(id))
        return fail(err, E_INVALID, "a backbone's name is 1 to %d letters, digits and -_.", BACKBONE_ID_MAX);
    struct backbone *backbone = mem_zero(1, sizeof *backbone);
    memcpy(backbone->id, id, strlen(id));
    if (!backbone_parse(backbone, text, &why)) {
        backbone_free(backbone);
        return fail(err, E_INVALID, "the backbone %s cannot be used: %s", id, why.text);
    }
    SHA256((const unsigned char *)text.ptr, text.len, backbone->sha256);
    *ret_backbone = backbone;
    return true;
}

bool backbone_read(const char *id, struct span text, struct span weights, struct backbone **ret_backbone,
                   struct err *err)
{
    struct backbone *backbone;
    if (!begin(id, text, &backbone, err))
        return false;
    bool done = backbone->is_foreign ? fail(err, E_INVALID, "the backbone %s is a foreign model's", id)
                                     : take_weights(backbone, weights, err);
    if (done)
        *ret_backbone = backbone;
    else
        backbone_free(backbone);
    return done;
}

/* A whole file of the folder. */
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
    struct backbone *backbone = NULL;
    struct buf text, weights;
    if (!read_file(folder, id, "backbone.txt", TEXT_MAX, &text, err))
        return false;
    bool done = begin(id, buf_span(&text), &backbone, err);
    buf_free(&text);
    if (!done)
        return false;
    done = read_file(folder, id, backbone->is_foreign ? backbone->spec.file : "weights.bin", FILE_MAX, &weights, err);
    if (done) {
        done = backbone->is_foreign ? take_model(backbone, buf_span(&weights), err)
                                    : take_weights(backbone, buf_span(&weights), err);
        buf_free(&weights);
    }
    if (done)
        *ret_backbone = backbone;
    else
        backbone_free(backbone);
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
    foreign_free(backbone->foreign);
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
    return backbone->is_foreign ? "onnxruntime" : "built-in";
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

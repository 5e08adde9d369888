/* foreign: see foreign.h for the contract. */
#include "vision/foreign.h"

#include <dlfcn.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>

enum { API_VERSION = 17, CHANNELS_MAX = 8192, DIMS = 4 };

/* Places in the table of functions, and the few constants that go into them. */
enum {
    API_ERROR_MESSAGE = 2,
    API_CREATE_ENV = 3,
    API_CREATE_SESSION_FROM_ARRAY = 8,
    API_RUN = 9,
    API_CREATE_SESSION_OPTIONS = 10,
    API_SET_INTRA_OP_THREADS = 24,
    API_SET_INTER_OP_THREADS = 25,
    API_CREATE_TENSOR_WITH_DATA = 49,
    API_TENSOR_DATA = 51,
    API_ELEMENT_TYPE = 60,
    API_DIMENSION_COUNT = 61,
    API_DIMENSIONS = 62,
    API_TENSOR_SHAPE = 65,
    API_CREATE_CPU_MEMORY_INFO = 69,
    API_RELEASE_ENV = 92,
    API_RELEASE_STATUS = 93,
    API_RELEASE_MEMORY_INFO = 94,
    API_RELEASE_SESSION = 95,
    API_RELEASE_VALUE = 96,
    API_RELEASE_SHAPE = 99,
    API_RELEASE_SESSION_OPTIONS = 100,
    LOG_FATAL = 4,
    ALLOCATOR_DEVICE = 0,
    MEMORY_DEFAULT = 0,
    TYPE_FLOAT = 1
};

typedef void (*api_function)(void);

struct api_base {
    const api_function *(*api)(uint32_t version);
    const char *(*version)(void);
};

struct foreign {
    struct foreign_spec spec;
    const api_function *api;
    void *env, *session, *memory;
};

#define CALL(foreign, place, ...) ((void *(*)(__VA_ARGS__))(foreign)->api[place])

static void release(const struct foreign *foreign, int place, void *thing)
{
    if (thing)
        ((void (*)(void *))foreign->api[place])(thing);
}

/* A call's outcome: NULL is fine, all else a status with a message. */
static bool went_well(const struct foreign *foreign, void *status, const char *what, struct err *err)
{
    if (!status)
        return true;
    const char *why = ((const char *(*)(const void *))foreign->api[API_ERROR_MESSAGE])(status);
    fail(err, E_INVALID, "ONNX Runtime %s: %s", what, why ? why : "no reason given");
    release(foreign, API_RELEASE_STATUS, status);
    return false;
}

static bool load(struct foreign *foreign, struct err *err)
{
    const char *name = foreign->spec.library[0] ? foreign->spec.library : "libonnxruntime.so.1";
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL); /* for as long as the process lives: it cannot be unloaded */
    if (!library)
        return fail(err, E_NOT_READY, "ONNX Runtime is not there (%s); install it, or name it with `library=`",
                    dlerror());
    const struct api_base *(*base)(void);
    *(void **)&base = dlsym(library, "OrtGetApiBase");
    foreign->api = base ? base()->api(API_VERSION) : NULL;
    if (!foreign->api)
        return fail(err, E_NOT_READY, "%s is no ONNX Runtime of version 1.%d or later", name, API_VERSION);
    return true;
}

static bool open_session(struct foreign *foreign, struct span model, struct err *err)
{
    void *options = NULL;
    bool done =
        went_well(foreign,
                  CALL(foreign, API_CREATE_ENV, int, const char *, void **)(LOG_FATAL, "placard", &foreign->env),
                  "cannot begin", err) &&
        went_well(foreign,
                  CALL(foreign, API_CREATE_CPU_MEMORY_INFO, int, int, void **)(ALLOCATOR_DEVICE, MEMORY_DEFAULT,
                                                                               &foreign->memory),
                  "cannot begin", err) &&
        went_well(foreign, CALL(foreign, API_CREATE_SESSION_OPTIONS, void **)(&options), "cannot begin", err) &&
        went_well(foreign, CALL(foreign, API_SET_INTRA_OP_THREADS, void *, int)(options, 1), "cannot begin", err) &&
        went_well(foreign, CALL(foreign, API_SET_INTER_OP_THREADS, void *, int)(options, 1), "cannot begin", err) &&
        went_well(foreign,
                  CALL(foreign, API_CREATE_SESSION_FROM_ARRAY, const void *, const void *, size_t, const void *,
                       void **)(foreign->env, model.ptr, model.len, options, &foreign->session),
                  "refuses the model", err);
    release(foreign, API_RELEASE_SESSION_OPTIONS, options);
    return done;
}

bool foreign_open(const struct foreign_spec *spec, struct span model, struct foreign **ret_foreign, struct err *err)
{
    struct foreign *foreign = mem_zero(1, sizeof *foreign);
    foreign->spec = *spec;
    if (!load(foreign, err) || !open_session(foreign, model, err)) {
        foreign_free(foreign);
        return false;
    }
    *ret_foreign = foreign;
    return true;
}

void foreign_free(struct foreign *foreign)
{
    if (!foreign)
        return;
    if (foreign->api) {
        release(foreign, API_RELEASE_SESSION, foreign->session);
        release(foreign, API_RELEASE_MEMORY_INFO, foreign->memory);
        release(foreign, API_RELEASE_ENV, foreign->env);
    }
    free(foreign);
}

/* [row][column][channel] into [channel][row][column], or back. */
static void turn(const float *from, float *into, int outer, int inner)
{
    for (int i = 0; i < outer; i++)
        for (int j = 0; j < inner; j++)
            into[(size_t)j * (size_t)outer + (size_t)i] = from[(size_t)i * (size_t)inner + (size_t)j];
}

static bool tensor_of(const struct foreign *foreign, float *data, int height, int width, void **ret_value,
                      struct err *err)
{
    const int64_t first[DIMS] = { 1, 3, height, width }, last[DIMS] = { 1, height, width, 3 };
    size_t bytes = (size_t)height * (size_t)width * 3 * sizeof(float);
    return went_well(foreign,
                     CALL(foreign, API_CREATE_TENSOR_WITH_DATA, const void *, void *, size_t, const int64_t *, size_t,
                          int, void **)(foreign->memory, data, bytes, foreign->spec.channels_last ? last : first, DIMS,
                                        TYPE_FLOAT, ret_value),
                     "takes no such input", err);
}

static bool dims_of(const struct foreign *foreign, void *value, int64_t ret_dims[DIMS], struct err *err)
{
    void *shape = NULL;
    int type = 0;
    size_t count = 0;
    bool done =
        went_well(foreign, CALL(foreign, API_TENSOR_SHAPE, const void *, void **)(value, &shape), "gave no tensor",
                  err) &&
        went_well(foreign, CALL(foreign, API_ELEMENT_TYPE, const void *, int *)(shape, &type), "failed", err) &&
        went_well(foreign, CALL(foreign, API_DIMENSION_COUNT, const void *, size_t *)(shape, &count), "failed", err);
    if (done && (type != TYPE_FLOAT || count != DIMS))
        done = fail(err, E_INVALID, "a tap of the model is not four dimensions of floats");
    done = done &&
           went_well(foreign, CALL(foreign, API_DIMENSIONS, const void *, int64_t *, size_t)(shape, ret_dims, DIMS),
                     "failed", err);
    release(foreign, API_RELEASE_SHAPE, shape);
    return done;
}

static bool take_tap(const struct foreign *foreign, void *value, int tap, int height, int width,
                     struct foreign_tap *ret_tap, struct err *err)
{
    bool last = foreign->spec.channels_last;
    int down = 8 << tap, rows = (height + down - 1) / down, columns = (width + down - 1) / down;
    int64_t dims[DIMS];
    float *data;
    if (!dims_of(foreign, value, dims, err))
        return false;
    int64_t channels = last ? dims[3] : dims[1];
    if (dims[0] != 1 || dims[last ? 1 : 2] != rows || dims[last ? 2 : 3] != columns || channels < 1 ||
        channels > CHANNELS_MAX)
        return fail(err, E_INVALID,
                    "the tap c%d of the model is %lld x %lld x %lld x %lld; it should be at 1/%d of the image", tap + 3,
                    (long long)dims[0], (long long)dims[1], (long long)dims[2], (long long)dims[3], down);
    if (!went_well(foreign, CALL(foreign, API_TENSOR_DATA, void *, void **)(value, (void **)&data), "failed", err))
        return false;
    size_t count = (size_t)rows * (size_t)columns * (size_t)channels;
    *ret_tap = (struct foreign_tap){ (int)channels, rows, columns, mem_alloc(count * sizeof(float)) };
    if (last)
        memcpy(ret_tap->data, data, count * sizeof(float));
    else
        turn(data, ret_tap->data, (int)channels, rows * columns);
    bool finite = true;
    for (size_t i = 0; i < count; i++)
        finite &= isfinite(ret_tap->data[i]) != 0;
    return finite || fail(err, E_INVALID, "the tap c%d of the model holds what is no finite number", tap + 3);
}

bool foreign_run(const struct foreign *foreign, const float *pixels, int height, int width,
                 struct foreign_tap ret_taps[FOREIGN_TAPS], struct err *err)
{
    const char *const inputs[] = { foreign->spec.input };
    const char *const outputs[] = { foreign->spec.taps[0], foreign->spec.taps[1], foreign->spec.taps[2] };
    struct foreign_tap taps[FOREIGN_TAPS] = { { .data = NULL } };
    void *values[FOREIGN_TAPS] = { NULL }, *value = NULL;
    float *given = mem_alloc((unsigned long)height * (unsigned long)width * 3 * sizeof(float));
    if (foreign->spec.channels_last)
        memcpy(given, pixels, (size_t)height * (size_t)width * 3 * sizeof(float));
    else
        turn(pixels, given, height * width, 3);
    bool done = tensor_of(foreign, given, height, width, &value, err) &&
                went_well(foreign,
                          CALL(foreign, API_RUN, void *, const void *, const char *const *, void *const *, size_t,
                               const char *const *, size_t,
                               void **)(foreign->session, NULL, inputs, &value, 1, outputs, FOREIGN_TAPS, values),
                          "cannot run the model", err);
    for (int t = 0; t < FOREIGN_TAPS && done; t++)
        done = take_tap(foreign, values[t], t, height, width, &taps[t], err);
    for (int t = 0; t < FOREIGN_TAPS; t++) {
        release(foreign, API_RELEASE_VALUE, values[t]);
        if (done)
            ret_taps[t] = taps[t];
        else
            free(taps[t].data);
    }
    release(foreign, API_RELEASE_VALUE, value);
    free(given);
    return done;
}

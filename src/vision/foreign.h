/*
 * foreign: a model of the user's own, run by ONNX Runtime.
 *
 * The library is opened with dlopen when such a backbone is, and no header of it is needed to build: its C interface is
 * one table of functions to which only ever is appended (onnxruntime_c_api.h, OrtApi; version 17 is asked for, so 1.17
 * and every later one will do). A foreign is immutable and shared by threads; a run computes on the caller's thread
 * alone. Errors: E_NOT_READY where the library is missing, E_INVALID for a model that it refuses, or whose outputs are
 * not three taps at 1/8, 1/16 and 1/32.
 */
#ifndef PLACARD_VISION_FOREIGN_H
#define PLACARD_VISION_FOREIGN_H

#include "base/err.h"
#include "base/span.h"

enum { FOREIGN_NAME_MAX = 255, FOREIGN_TAPS = 3 };

/* What the sidecar says. */
struct foreign_spec {
    char library[FOREIGN_NAME_MAX + 1]; /* empty: libonnxruntime.so.1, wherever the system has it */
    char file[FOREIGN_NAME_MAX + 1];    /* in the backbone's folder */
    char input[FOREIGN_NAME_MAX + 1];   /* a tensor of floats (1, 3, height, width), or (1, height, width, 3) */
    char taps[FOREIGN_TAPS][FOREIGN_NAME_MAX + 1];
    bool channels_last; /* of the input and the taps */
};

struct foreign;

bool foreign_open(const struct foreign_spec *spec, struct span model, struct foreign **ret_foreign,
                  struct err *err) MUST_CHECK;
void foreign_free(struct foreign *foreign);

/* The taps of one run, channels last; the caller frees the data. */
struct foreign_tap {
    int channels, height, width;
    float *data;
};

/* `pixels` is [height][width][3], scaled as the model wants it. */
bool foreign_run(const struct foreign *foreign, const float *pixels, int height, int width,
                 struct foreign_tap ret_taps[FOREIGN_TAPS], struct err *err) MUST_CHECK;

#endif

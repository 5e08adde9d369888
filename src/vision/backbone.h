/*
 * backbone: a pretrained convolutional network as a folder: what it is called, how pixels go in, where features come
 * out.
 *
 *     backbone.txt   the graph in a text of our own, or the sidecar of a foreign model (docs/operating.md shows both)
 *     weights.bin    little-endian float32, layer after layer: weights [out][row][column][in], then bias [out]
 *     NOTICE         package, version, licence and sha256 of where the weights come from
 *
 * The first folder is the built-in engine's (oneDNN); a foreign model is a file for ONNX Runtime, which is opened with
 * dlopen when such a backbone is. backbone.txt names the sha256 of the other file, so the sha256 of backbone.txt stands
 * for the whole; a model that was trained on one backbone refuses another by it.
 *
 * A backbone is immutable and shared by threads; it must outlive every trunk on it. Errors: E_NOT_FOUND where there is
 * none, E_INVALID for one that is damaged or means nothing, E_OBJECT for a file that cannot be read, E_NOT_READY where
 * ONNX Runtime is missing. Sentences name the backbone, not the path.
 */
#ifndef PLACARD_VISION_BACKBONE_H
#define PLACARD_VISION_BACKBONE_H

#include "base/err.h"
#include "base/span.h"

/* Every backbone has three taps, c3, c4 and c5, at 1/8, 1/16 and 1/32 of the image's sides (rounded up). */
enum { BACKBONE_TAPS = 3, BACKBONE_SHA_BYTES = 32, BACKBONE_ID_MAX = 64 };

#define BACKBONE_DEFAULT "ssdlite-mobilenet-v2-coco"

struct backbone;

/* `folder` is the backbone's own, its last part the id: "backbones/ssdlite-mobilenet-v2-coco". */
bool backbone_open(const char *folder, struct backbone **ret_backbone, struct err *err) MUST_CHECK;

/* The same from memory (the built-in engine alone); the spans are copied. */
bool backbone_read(const char *id, struct span text, struct span weights, struct backbone **ret_backbone,
                   struct err *err) MUST_CHECK;
void backbone_free(struct backbone *backbone);

/* Whether a backbone may be called so. */
bool backbone_is_id(const char *id);

const char *backbone_id(const struct backbone *backbone);
const char *backbone_engine(const struct backbone *backbone);          /* "built-in" or "onnxruntime" */
const unsigned char *backbone_sha256(const struct backbone *backbone); /* BACKBONE_SHA_BYTES */
int backbone_channels(const struct backbone *backbone, unsigned tap);

#endif

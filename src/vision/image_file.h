/* image_file: the two file formats behind image.h; for image.c alone. */
#ifndef PLACARD_VISION_IMAGE_FILE_H
#define PLACARD_VISION_IMAGE_FILE_H

#include "vision/image.h"

/* Asked between a file's head and its pixels; false ends the decoding there. The first fault set stays. */
struct image_gate {
    const struct image_limits *limits;
    enum image_fault fault;
    int width, height; /* what the head says */
};
bool image_gate_admits(struct image_gate *gate, unsigned long width, unsigned long height);

/* With ret_image NULL the head alone is read. On false gate->fault says why. */
bool image_png(struct span bytes, struct image_gate *gate, struct image *ret_image);
bool image_jpeg(struct span bytes, struct image_gate *gate, int side, struct image *ret_image);

#endif

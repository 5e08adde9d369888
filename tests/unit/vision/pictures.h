/* pictures: PNG and JPEG files made for tests, of every kind that the formats know. */
#ifndef PLACARD_TESTS_VISION_PICTURES_H
#define PLACARD_TESTS_VISION_PICTURES_H

#include "base/buf.h"

enum { PICTURE_MAX = 128 << 20 };

/* The colour that the picture has at a place: smooth, so that a JPEG keeps it. Channels are 0 to 255. */
void picture_colour(int x, int y, int width, int height, unsigned char ret_rgb[3]);

struct picture {
    int width, height;
    int depth;         /* PNG: bits a channel; 0: 8 */
    int kind;          /* PNG: PNG_COLOR_TYPE_…; JPEG: number of channels, 0: 3 */
    bool interlaced;   /* PNG: Adam7; JPEG: progressive */
    bool transparent;  /* PNG: the left half is, by alpha or by tRNS */
    bool grey;         /* of the colours: red = green = blue */
    int quality;       /* JPEG; 0: 95 */
    bool adobe_marker; /* JPEG of four channels */
};

/* Adds the file to `ret_file`, a buf of PICTURE_MAX. */
void picture_png(const struct picture *picture, struct buf *ret_file);
void picture_jpeg(const struct picture *picture, struct buf *ret_file);

/* A PNG chunk with its length and CRC, to be put into a file. */
void picture_chunk(struct buf *ret_chunk, const char kind[4], struct span data);

#endif

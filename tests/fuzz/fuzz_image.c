/*
 * Fuzz target for vision/image: whatever the bytes are, there is an image of the size that the head said, or a fault.
 * Chunks of a PNG get their right sums after each mutation, or nothing behind the first check would ever be reached.
 */
#include <stdlib.h>

#include "base/check.h"
#include "vision/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak)); /* libFuzzer's */

/* Small sides are allowed so that files can be small, and large ones are not so that a run is short. */
static const struct image_limits limits = { .max_bytes = 1 << 16, .min_side = 1, .max_side = 300, .max_aspect = 40 };

static uint32_t crc_of(const uint8_t *data, size_t size)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void correct_sums(uint8_t *data, size_t size)
{
    size_t at = 8;
    while (size >= 12 && at <= size - 12) {
        size_t len = get_u32(data + at);
        if (len > size - 12 - at)
            return;
        uint32_t crc = crc_of(data + at + 4, len + 4);
        for (int i = 0; i < 4; i++)
            data[at + 8 + len + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += 12 + len;
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size > 0 && data[0] == 0x89 && seed % 8 != 0)
        correct_sums(data, size);
    return size;
}

static void check_size(int width, int height)
{
    int longer = width > height ? width : height, shorter = width > height ? height : width;
    CHECK(shorter >= limits.min_side && longer <= limits.max_side && longer <= shorter * limits.max_aspect);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size);
    struct image image, near;
    enum image_fault fault = IMAGE_OK, other = IMAGE_OK;
    int width = 0, height = 0;
    bool probed = image_probe(bytes, &limits, &width, &height, &fault);
    CHECK(probed == (fault == IMAGE_OK));
    if (probed)
        check_size(width, height);
    if (!image_decode(bytes, &limits, &image, &other)) {
        CHECK(other != IMAGE_OK && (probed || other == fault));
        return 0;
    }
    CHECK(probed && image.width == width && image.height == height);
    if (image_decode_near(bytes, &limits, 20, &near, &fault)) {
        CHECK(near.width <= width && near.height <= height && near.width * 8 >= width && near.height * 8 >= height);
        image_free(&near);
    }
    image_free(&image);
    return 0;
}

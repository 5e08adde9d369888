/*
 * gemm: products of row-major float matrices, on the calling thread alone.
 *
 * oneDNN underneath, which is told to use no threads of its own: results depend on the operands and the instruction
 * set, not on how busy the machine is. Any thread.
 */
#ifndef PLACARD_VISION_GEMM_H
#define PLACARD_VISION_GEMM_H

#include <stdbool.h>

/* Loops over channels are worth a version for wide registers; the widest that the processor has is taken at start. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&               \
    !defined(__SANITIZE_THREAD__)
#define WIDE_LOOPS __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define WIDE_LOOPS
#endif

struct matrix {
    const float *data;
    int rows, columns; /* as stored */
    bool turned;       /* its transpose is the operand */
    int stride;        /* numbers from one row to the next; 0: columns */
};

/* out [rows of a][columns of b] = a * b, or out += a * b. Inner sides must agree (CHECKed). */
void gemm(struct matrix a, struct matrix b, bool add, float *out);

#endif

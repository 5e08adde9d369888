/*
 * engine: the few words of oneDNN that vision/ speaks, with its failures taken as our own mistakes (a primitive that
 * exists at creation does not fail later; memory that is gone aborts as everywhere).
 *
 * One CPU engine serves the process. A stream belongs to one thread at a time. engine_alone() makes this thread compute
 * alone; every function that makes or runs primitives calls it, for OpenMP keeps the number of threads per thread.
 */
#ifndef PLACARD_VISION_ENGINE_H
#define PLACARD_VISION_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include <oneapi/dnnl/dnnl.h>

#include "base/check.h"

#define DNNL(call) CHECK((call) == dnnl_success)

enum { ENGINE_ALIGN = 64 };

dnnl_engine_t engine_cpu(void);
void engine_alone(void);
dnnl_stream_t engine_stream(void); /* the caller's, to be destroyed with dnnl_stream_destroy */

/* Zeroed, aligned to ENGINE_ALIGN; free() ends it. */
void *engine_alloc(size_t bytes);

/* Floats of `count` dimensions in a known order, or in whatever order the primitive likes (dnnl_format_tag_any). */
dnnl_memory_desc_t engine_desc(int count, const dnnl_dim_t *dims, dnnl_format_tag_t tag);
dnnl_memory_t engine_memory(const dnnl_memory_desc_t *desc, void *data);
bool engine_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b);

/* Copies `from` into `to`, between any two orders. */
void engine_copy(dnnl_stream_t stream, dnnl_memory_t from, dnnl_memory_t to);

#endif

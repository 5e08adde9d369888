/* engine: see engine.h for the contract. */
#include "vision/engine.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static dnnl_engine_t the_engine;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
    DNNL(dnnl_engine_create(&the_engine, dnnl_cpu, 0));
}

dnnl_engine_t engine_cpu(void)
{
    pthread_once(&made, make);
    return the_engine;
}

void engine_alone(void)
{
    omp_set_num_threads(1);
}

dnnl_stream_t engine_stream(void)
{
    dnnl_stream_t stream;
    DNNL(dnnl_stream_create(&stream, engine_cpu(), dnnl_stream_in_order));
    return stream;
}

void *engine_alloc(size_t bytes)
{
    bytes = (bytes + ENGINE_ALIGN - 1) / ENGINE_ALIGN * ENGINE_ALIGN;
    void *data = aligned_alloc(ENGINE_ALIGN, bytes ? bytes : ENGINE_ALIGN);
    CHECK(data);
    memset(data, 0, bytes);
    return data;
}

dnnl_memory_desc_t engine_desc(int count, const dnnl_dim_t *dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t all = { 0 };
    for (int i = 0; i < count; i++)
        all[i] = dims[i];
    DNNL(dnnl_memory_desc_init_by_tag(&desc, count, all, dnnl_f32, tag));
    return desc;
}

dnnl_memory_t engine_memory(const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_memory_t memory;
    DNNL(dnnl_memory_create(&memory, desc, engine_cpu(), data));
    return memory;
}

bool engine_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b)
{
    return dnnl_memory_desc_equal(a, b) != 0;
}

void engine_copy(dnnl_stream_t stream, dnnl_memory_t from, dnnl_memory_t to)
{
    const dnnl_memory_desc_t *from_desc, *to_desc;
    dnnl_primitive_desc_t how;
    dnnl_primitive_t copy;
    DNNL(dnnl_memory_get_memory_desc(from, &from_desc));
    DNNL(dnnl_memory_get_memory_desc(to, &to_desc));
    DNNL(dnnl_reorder_primitive_desc_create(&how, from_desc, engine_cpu(), to_desc, engine_cpu(), NULL));
    DNNL(dnnl_primitive_create(&copy, how));
    const dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, from }, { DNNL_ARG_TO, to } };
    DNNL(dnnl_primitive_execute(copy, stream, 2, args));
    DNNL(dnnl_stream_wait(stream));
    dnnl_primitive_destroy(copy);
    dnnl_primitive_desc_destroy(how);
}

/* gemm: see gemm.h. */
#include "vision/gemm.h"

#include <cblas.h>
#include <pthread.h>

#include "base/check.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void use_one_thread(void)
{
    openblas_set_num_threads(1);
}

void gemm(struct matrix a, struct matrix b, bool add, float *out)
{
    pthread_once(&once, use_one_thread);
    int rows = a.turned ? a.columns : a.rows, inner = a.turned ? a.rows : a.columns;
    int columns = b.turned ? b.rows : b.columns;
    CHECK(inner == (b.turned ? b.columns : b.rows));
    cblas_sgemm(CblasRowMajor, a.turned ? CblasTrans : CblasNoTrans, b.turned ? CblasTrans : CblasNoTrans, rows,
                columns, inner, 1.0f, a.data, a.stride ? a.stride : a.columns, b.data, b.stride ? b.stride : b.columns,
                add ? 1.0f : 0.0f, out, columns);
}

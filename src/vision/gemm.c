/* gemm: see gemm.h. */
#include "vision/gemm.h"

#include <string.h>

#include "vision/engine.h"

void gemm(struct matrix a, struct matrix b, bool add, float *out)
{
    int rows = a.turned ? a.columns : a.rows, inner = a.turned ? a.rows : a.columns;
    int columns = b.turned ? b.rows : b.columns;
    CHECK(inner == (b.turned ? b.columns : b.rows));
    if (inner == 0) { /* a sum of nothing; oneDNN would leave `out` as it is */
        if (!add)
            memset(out, 0, (size_t)rows * (size_t)columns * sizeof *out);
        return;
    }
    engine_alone();
    DNNL(dnnl_sgemm(a.turned ? 'T' : 'N', b.turned ? 'T' : 'N', rows, columns, inner, 1.0f, a.data,
                    a.stride ? a.stride : a.columns, b.data, b.stride ? b.stride : b.columns, add ? 1.0f : 0.0f, out,
                    columns));
}

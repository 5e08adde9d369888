/* tally: see tally.h for the contract. */
#include "api/tally.h"

static const int64_t bounds_us[TALLY_BOUNDS] = { 50,    100,   250,   500,    1000,    2500,    5000,
                                                 10000, 25000, 50000, 100000, 1000000, 10000000 };

static unsigned place_of(int operation)
{
    return operation < 0 ? OPERATIONS : (unsigned)operation;
}

static const char *name_of(unsigned place)
{
    return place < OPERATIONS ? operations[place].name : "Unknown";
}

void tally_add(struct tally *tally, int operation, unsigned fault, int64_t took_us)
{
    unsigned place = place_of(operation), bound = 0;
    while (bound < TALLY_BOUNDS && took_us > bounds_us[bound])
        bound++;
    atomic_fetch_add_explicit(&tally->ended[place][fault], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&tally->within[place][bound], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&tally->total_us[place], (uint_fast64_t)took_us, memory_order_relaxed);
}

static void print_times(const struct tally *tally, unsigned place, struct buf *out)
{
    const char *name = name_of(place), *family = "placard_request_seconds";
    uint64_t count = 0;
    for (unsigned b = 0; b < TALLY_BOUNDS; b++) {
        count += atomic_load(&tally->within[place][b]);
        buf_addf(out, "%s_bucket{operation=\"%s\",le=\"%g\"} %llu\n", family, name, (double)bounds_us[b] / 1e6,
                 (unsigned long long)count);
    }
    count += atomic_load(&tally->within[place][TALLY_BOUNDS]);
    buf_addf(out, "%s_bucket{operation=\"%s\",le=\"+Inf\"} %llu\n", family, name, (unsigned long long)count);
    buf_addf(out, "%s_sum{operation=\"%s\"} %.6f\n", family, name, (double)atomic_load(&tally->total_us[place]) / 1e6);
    buf_addf(out, "%s_count{operation=\"%s\"} %llu\n", family, name, (unsigned long long)count);
}

void tally_print(const struct tally *tally, struct buf *out)
{
    buf_add_str(out, "# HELP placard_requests_total Requests by operation and by the exception they ended with.\n"
                     "# TYPE placard_requests_total counter\n");
    for (unsigned place = 0; place <= OPERATIONS; place++)
        for (unsigned fault = 0; fault <= FAULTS; fault++) {
            uint64_t count = atomic_load(&tally->ended[place][fault]);
            if (count > 0 || (fault == FAULTS && place < OPERATIONS))
                buf_addf(out, "placard_requests_total{operation=\"%s\",code=\"%s\"} %llu\n", name_of(place),
                         fault < FAULTS ? fault_name((enum fault)fault) : "OK", (unsigned long long)count);
        }
    buf_add_str(out, "# HELP placard_request_seconds From the complete head of a request to its answer.\n"
                     "# TYPE placard_request_seconds histogram\n");
    for (unsigned place = 0; place <= OPERATIONS; place++)
        print_times(tally, place, out);
}

/*
 * pages: what the server answers beside the API, for those who operate it: /healthz (the process answers), /readyz (the
 * store takes a write and the objects can be asked) and /metrics (Prometheus text).
 */
#ifndef PLACARD_CLI_PAGES_H
#define PLACARD_CLI_PAGES_H

#include "api/gate.h"
#include "work/runner.h"
#include "work/workshop.h"

/* What the pages look at. Filled in before the listener starts, and outlives it. */
struct pages {
    struct store *store;
    struct object_store *objects; /* NULL: whether they can be asked is nothing of ours to say */
    struct runner *runner;
    struct workshop *workshop;
    const struct gate *gate;
};

enum { PAGES = 3 };

/* The pages of which `pages` is the context, for gate_options. */
void pages_list(struct pages *pages, struct gate_page ret_list[PAGES]);

#endif

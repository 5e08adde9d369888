/*
 * house: a store, an object directory and a runner in a temporary folder, for the tests of jobs.
 *
 * house_open / house_close make and remove everything; the runner is the real one.
 */
#ifndef PLACARD_TESTS_WORK_HOUSE_H
#define PLACARD_TESTS_WORK_HOUSE_H

#include "store/dataset.h"
#include "store/entry.h"
#include "store/project.h"
#include "work/runner.h"

struct house {
    char folder[64];
    struct store *store;
    struct object_store *objects;
    struct limits_box limits;
    struct runner *runner;
    struct arena arena;
    struct span project;
    struct err err;
};

void house_open(struct house *house);
void house_close(struct house *house);

/* Stops runner and store as a clean stop does, and starts both again on the same folder. */
void house_restart(struct house *house);

void house_manifest(struct house *house, const char *key, struct span content);

/* Creates a dataset from DATA/buckets/bucket/KEY and waits until it is settled. Returns its ARN. */
struct span house_create(struct house *house, enum dataset_type type, const char *key);
struct dataset_view house_wait(struct house *house, struct span arn);
struct dataset_view house_describe(struct house *house, struct span arn);

/* All entries, in order. */
struct span *house_entries(struct house *house, struct span arn, size_t *ret_count);

#endif

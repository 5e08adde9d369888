/*
 * catalog: the descriptions of all datasets in memory, by ARN, so that DescribeDataset costs no I/O.
 *
 * Written only by who holds the store's writer, after COMMIT and before anybody hears of it; read from any thread.
 * A reader copies a description out under one of 64 short locks.
 */
#ifndef PLACARD_STORE_CATALOG_H
#define PLACARD_STORE_CATALOG_H

#include "store/dataset.h"

struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *catalog);
void catalog_put(struct catalog *catalog, const struct dataset_view *view);
void catalog_remove(struct catalog *catalog, struct span arn);
bool catalog_get(struct catalog *catalog, struct arena *arena, struct span arn, struct dataset_view *ret_view);

#endif

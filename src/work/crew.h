/*
 * crew: a few threads that parse batches while the ingesting thread reads and writes.
 *
 * The ingesting thread takes an empty batch (crew_empty), fills it, hands it over (crew_submit) and takes the parsed
 * ones back in the order it submitted them (crew_parsed), giving each back with crew_recycle. Only that thread calls
 * these functions.
 */
#ifndef PLACARD_WORK_CREW_H
#define PLACARD_WORK_CREW_H

#include "work/batch.h"

struct crew;

struct crew *crew_new(const struct store *store, const struct manifest_limits *limits, unsigned threads);
void crew_free(struct crew *crew);

/* An empty batch, or NULL when all are under way. */
struct batch *crew_empty(struct crew *crew);
void crew_submit(struct crew *crew, struct batch *batch);

/* The oldest submitted batch once it is parsed; NULL when none is under way, or (`wait` false) not parsed yet. */
struct batch *crew_parsed(struct crew *crew, bool wait);
void crew_recycle(struct crew *crew, struct batch *batch);

#endif

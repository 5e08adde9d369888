/*
 * crew: a few threads that read, parse and pack a manifest while the ingesting thread writes what they hand it.
 *
 * Each thread takes its turn at the feed, fills its own memory with whole lines, and parses them there, so that lines
 * are still in its core's cache; what becomes of them goes into a batch. The ingesting thread takes the batches in the
 * order of the manifest (crew_parsed) and gives each back (crew_recycle). The feed belongs to the crew until crew_free.
 */
#ifndef PLACARD_WORK_CREW_H
#define PLACARD_WORK_CREW_H

#include "work/feed.h"

struct crew;

struct crew *crew_new(const struct store *store, const struct manifest_limits *limits, struct feed *feed,
                      unsigned threads);
void crew_free(struct crew *crew);

/*
 * The next batch, or *ret_batch NULL if it is not there after `wait_us`. Behind the batch that is the `last` there is
 * none. False with the feed's error where the feed failed, after all batches before that place.
 */
bool crew_parsed(struct crew *crew, int64_t wait_us, struct batch **ret_batch, struct err *err) MUST_CHECK;
void crew_recycle(struct crew *crew, struct batch *batch);

#endif

/*
 * hosting: the running half of the workshop: models in memory, each behind workers and a queue of bounded length.
 *
 * A worker is a thread with its own trunk and scratch, and answers one image at a time. There are as many as inference
 * units were asked for; where more may be had, one is added when an image finds all of them busy, and one that had
 * nothing to do for a while goes again. An image that finds the queue full is refused at once. Any thread.
 */
#ifndef PLACARD_WORK_HOSTING_H
#define PLACARD_WORK_HOSTING_H

#include "work/workshop.h"

struct hosting;

struct hosting *hosting_new(const struct workshop_options *options);
void hosting_free(struct hosting *hosting); /* unloads all */

/* As models.h says. */
bool hosting_load(struct hosting *hosting, const struct version *version, struct err *err) MUST_CHECK;
void hosting_unload(struct hosting *hosting, int64_t version_id);
bool hosting_detect(struct hosting *hosting, int64_t version_id, struct models_detection *detection,
                    struct err *err) MUST_CHECK;

bool hosting_follow(struct hosting *hosting, bool all, struct err *err) MUST_CHECK;

void hosting_metrics(struct hosting *hosting, struct buf *out);

#endif

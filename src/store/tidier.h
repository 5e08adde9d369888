/*
 * tidier: moves the write-ahead log into the database file, on a thread and a connection of its own. The bulk is moved
 * while others write; the writer is held only for what came meanwhile, so that the log can begin anew. Nobody else
 * moves the log while the store is open, which is what db_checkpoint's condition is kept by. What fails is logged and
 * tried again when it is asked next.
 */
#ifndef PLACARD_STORE_TIDIER_H
#define PLACARD_STORE_TIDIER_H

#include "base/span.h"

struct store;
struct tidier;

/* `place` is copied; the connection is opened when there is something to do for the first time. */
struct tidier *tidier_new(struct store *store, struct span place);
void tidier_free(struct tidier *tidier); /* ends what it is at first; NULL is allowed */

/* Soon; `shrink` also gives the log's space back to the file system. */
void tidier_ask(struct tidier *tidier, bool shrink);

#endif

/*
 * book: a dataset's labels as a job will leave them: names, ids in the order of first sight, and how many entries use,
 * box and declare each. One thread.
 */
#ifndef PLACARD_WORK_BOOK_H
#define PLACARD_WORK_BOOK_H

#include "base/arena.h"
#include "block/block.h"
#include "store/stage_rows.h"

struct book {
    struct label_count *labels; /* in the order of id, which rises; ids below the first new one may have gaps */
    size_t count;
    size_t room;
    int64_t next_id;
    bool *dirty;     /* changed since it was last written */
    bool *staged;    /* it has been written */
    uint32_t *slots; /* name -> 1 + place, open addressing */
    size_t slot_count;
    struct arena names;
};

void book_init(struct book *book);
void book_free(struct book *book);

/* Adds a label as read from the store, from those committed or those `staged`; ids must rise. */
void book_load(struct book *book, const struct label_count *label, bool staged);

/* The place of a label of that name, which is added with the next id if it is new. */
size_t book_place(struct book *book, struct span name);

/* The id of the label of that name, likewise. */
uint32_t book_id(struct book *book, struct span name);

/* The place of the label of that id, which the book holds (CHECKed). */
size_t book_place_of_id(const struct book *book, int64_t id);

/* Counts one entry in (+1) or out (-1); `flags` are BLOCK_USED | BLOCK_BOXED | BLOCK_DECLARED. */
void book_count(struct book *book, size_t place, unsigned flags, int delta);

/* Counts all entries of a packed block, whose label ids are the book's. */
void book_count_block(struct book *book, const struct block *block, int delta);

/* How many labels live: any count above 0. */
int64_t book_live(const struct book *book);

/* Writes the labels that changed. Inside a write. */
bool book_write(struct book *book, struct db *db, int64_t dataset_id, struct err *err) MUST_CHECK;

#endif

/* ingest: what ingest.c and duplicates.c share; for these two files. */
#ifndef PLACARD_WORK_INGEST_H
#define PLACARD_WORK_INGEST_H

#include "work/refs.h"

struct ingest {
    struct run *run;
    struct stage stage;
    struct refs refs;
    bool complete;       /* the last line was staged */
    const char *refused; /* the message the dataset fails with */
};

/* Seqs in rising order. */
struct seqs {
    int64_t *list;
    size_t count;
    size_t room;
};
void seqs_add(struct seqs *seqs, int64_t seq);
void seqs_free(struct seqs *seqs);

/* Entries whose source-ref an earlier one has; `refs` is sorted. Equal hashes are verified by the lines. */
bool duplicates_find(struct ingest *ingest, struct seqs *ret_repeated, struct err *err) MUST_CHECK;

/* Takes them out of the staged blocks, the counters and the refs, and reports their lines. */
bool duplicates_remove(struct ingest *ingest, const struct seqs *repeated, struct err *err) MUST_CHECK;

#endif

/* recount: what `fsck` does, for every command that makes or takes a database. */
#ifndef PLACARD_CLI_RECOUNT_H
#define PLACARD_CLI_RECOUNT_H

#include "base/conf.h"
#include "store/fsck.h"

/* The settings that say under which limits entries may have been read. */
#define RECOUNT_SETTINGS "limits", "limit"

/* Disagreements, and with `notes` what a pending job explains, go to standard output, a line each. */
bool recount(const struct conf_values *values, struct span place, bool notes, struct fsck_counts *ret_counts,
             struct err *err) MUST_CHECK;

/* "2 projects, … : all agrees" to standard output. */
void recount_print(const struct fsck_counts *counts);

#endif

/*
 * backbone_folder: the folder of backbones, and putting one into it.
 *
 * A backbone is written beside its place and renamed into it when it is whole and has been opened once, so that a
 * server never sees half of one. `backbone_draft_begin`, files by `backbone_draft_file`, then `backbone_draft_keep` or
 * `backbone_draft_drop`; both end it. One thread at a time.
 */
#ifndef PLACARD_CLI_BACKBONE_FOLDER_H
#define PLACARD_CLI_BACKBONE_FOLDER_H

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"

enum { BACKBONE_PATH_MAX = 4096 };

/* What `backbones` says, else DATA/backbones; as a C string. */
void backbone_folder(const struct conf_values *values, struct buf *ret_path);

struct backbone_draft {
    char folder[BACKBONE_PATH_MAX]; /* of all backbones */
    char place[BACKBONE_PATH_MAX];  /* of the draft: a fresh folder, its last part the backbone's id */
    char holder[BACKBONE_PATH_MAX]; /* which holds `place` */
    const char *id;                 /* the caller's */
};

/* Makes the folder of backbones if it is not there. */
bool backbone_draft_begin(const char *folder, const char *id, struct backbone_draft *ret_draft,
                          struct err *err) MUST_CHECK;
bool backbone_draft_file(const struct backbone_draft *draft, const char *name, struct span bytes,
                         struct err *err) MUST_CHECK;

/* In place of an older one of that id. */
bool backbone_draft_keep(struct backbone_draft *draft, struct err *err) MUST_CHECK;
void backbone_draft_drop(struct backbone_draft *draft);

/* A whole file, up to max_bytes; E_CONFIG with its path. */
bool backbone_read_file(const char *path, size_t max_bytes, struct buf *ret_bytes, struct err *err) MUST_CHECK;

#endif

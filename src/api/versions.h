/* versions: what CreateProjectVersion and CopyProjectVersion do alike. */
#ifndef PLACARD_API_VERSIONS_H
#define PLACARD_API_VERSIONS_H

#include "api/call.h"
#include "api/model.h"

/* The version yet to be made, as policies may name it: PROJECT/version/NAME/ *, without the project's number. */
struct span version_arn_to_be(const struct call *call, struct span project_arn, struct span name);

/* Whether the caller may have the output written there: E_INVALID without a bucket, E_DENIED. */
bool version_output_may(const struct call *call, const struct in_output_config *output, struct span project_arn,
                        struct span name, struct err *err) MUST_CHECK;

struct version_quotas version_quotas_now(const struct call *call);

/* `{"ProjectVersionArn":…}` */
void version_answer_arn(struct json_writer *w, struct span arn);

#endif

/* auth_inside: what the files of authenticate share. */
#ifndef PLACARD_AUTH_AUTH_INSIDE_H
#define PLACARD_AUTH_AUTH_INSIDE_H

#include "auth/authenticate.h"

/* The trimmed value; NULL ptr if it is not there. One that stands twice is E_AUTH_INCOMPLETE: which one would count? */
bool auth_find_header(const struct auth_request *request, struct span name, struct span *ret_value,
                      struct err *err) MUST_CHECK;

/* One or more of [a-z0-9-], AUTH_REGION_MAX at the most. */
bool auth_is_region(struct span text);

/* 20260102T030405Z, or as HTTP's Date has it: [Fri, ]2 Jan 2026 03:04:05 GMT (or +0000, -0000, UTC). */
bool auth_date_parse(struct span text, int64_t *ret_seconds) MUST_CHECK;

/* Fills in the caller of --auth none. */
void auth_none_principal(const struct auth_options *options, const struct auth_request *request, struct auth *ret_auth);

#endif

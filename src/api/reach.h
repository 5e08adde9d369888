/*
 * reach: which objects a caller may name. A bucket belongs to one account, and the caller's policy must allow the
 * action on the object (spec F.2). Where models are kept nobody may name anything.
 */
#ifndef PLACARD_API_REACH_H
#define PLACARD_API_REACH_H

#include "api/call.h"

/* E_OBJECT with AWS's sentence, the same for what is not there: nobody learns what lies in another's bucket. */
bool reach_read(const struct call *call, struct span bucket, struct span key, struct err *err) MUST_CHECK;

/* E_DENIED with AWS's sentence; `action` is s3:GetObject or s3:PutObject. For operations that know no E_OBJECT. */
bool reach_allowed(const struct call *call, const char *action, struct span bucket, struct span key,
                   struct err *err) MUST_CHECK;

#endif

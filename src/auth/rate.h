/*
 * rate: how many calls a second an account may make of an operation. Off where nothing is configured.
 *
 * A rate is `[ACCOUNT:]OPERATION=N[/BURST]`: N calls a second, and BURST (N if it is not said) at once after a pause.
 * With an account it is that account's; without one it is that of each account that has none of its own. The buckets
 * fill by the caller's clock. Any thread may take while another configures anew; accounts keep what their buckets hold.
 */
#ifndef PLACARD_AUTH_RATE_H
#define PLACARD_AUTH_RATE_H

#include "base/conf.h"
#include "base/err.h"
#include "base/span.h"

enum { RATE_MAX = 1000000 };

struct rates;

/* `operations` names all there are, in the order of their numbers, and outlives the rates. */
struct rates *rates_new(const char *const *operations, unsigned operation_count);
void rates_free(struct rates *rates);

/* Replaces all rates by these; of two for the same account and operation the last counts. E_CONFIG: nothing changes. */
bool rates_configure(struct rates *rates, const struct conf_list *texts, struct err *err) MUST_CHECK;

/* Takes one call; E_RATE "Provisioned Rate exceeded." when there is none left. now_us: clock_mono_us. */
bool rates_take(struct rates *rates, struct span account, unsigned operation, int64_t now_us,
                struct err *err) MUST_CHECK;

#endif

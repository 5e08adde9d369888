/*
 * page: the NextToken of listings (spec A.10): a position, bound by a signature to the operation, the caller's account
 * and region, the resource and the filters. It holds as long as the database does, restarts included, and says nothing
 * to whoever reads it.
 */
#ifndef PLACARD_API_PAGE_H
#define PLACARD_API_PAGE_H

#include "api/call.h"
#include "api/model.h"

#define PAGE_DEFAULT 100

/* What a token is good for. Everything but the position and the size of the page. */
struct page_scope {
    const char *operation;
    struct span resource; /* an ARN, or empty */
    const struct span
        *filters; /* each filter with its values as one text, in a fixed order; empty where it is not set */
    size_t filter_count;
};

/* An absent or empty token is position 0. E_TOKEN for one that we did not make for this. */
bool page_begin(const struct call *call, const struct page_scope *scope, struct span token, int64_t *ret_position,
                struct err *err) MUST_CHECK;

/* The token for a position of 1 or more, in the call's arena. */
struct span page_token(const struct call *call, const struct page_scope *scope, int64_t position);

/* MaxResults, or what it is when it is not given. */
unsigned page_size(struct model_integer max_results);

/* Values as one text, such that no two lists give the same. */
struct span page_filter(const struct call *call, const struct model_list *spans);

#endif

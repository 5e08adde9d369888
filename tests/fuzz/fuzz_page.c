/*
 * Fuzz target for api/page. The input is lines: an operation's name, a resource, a filter, a token; then 8 bytes for a
 * position and the rest to spoil a token with. Whatever is handed in: a token is taken only for the listing that it was
 * made for, whole, and says the position that it was made from.
 */
#include <stdlib.h>

#include "api/page.h"
#include "base/buf.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *open_store(void)
{
    struct store *store;
    struct buf place;
    struct err err;
    buf_init(&place, 4096);
    buf_addf(&place, "sqlite:%s", place_path("placard.db"));
    const struct store_options options = {
        .place = buf_span(&place), .partition = "aws", .readers = 1, .create = true
    };
    CHECK(store_open(&options, &store, &err));
    buf_free(&place);
    return store;
}

static void check_refused(const struct call *call, const struct page_scope *scope, struct span token)
{
    int64_t position;
    struct err err = { .code = E_OK };
    CHECK(!page_begin(call, scope, token, &position, &err) && err.code == E_TOKEN);
}

/* A guess is as good as a token only if it is the very one. */
static void check_guess(const struct call *call, const struct page_scope *scope, struct span guess)
{
    int64_t position;
    struct err err = { .code = E_OK };
    if (!page_begin(call, scope, guess, &position, &err))
        CHECK(err.code == E_TOKEN);
    else
        CHECK(guess.len == 0 ? position == 0 : span_eq(page_token(call, scope, position), guess));
}

static void check_own(const struct call *call, const struct page_scope *scope, int64_t position, struct span spoil)
{
    int64_t again;
    struct err err;
    struct span token = page_token(call, scope, position);
    CHECK(page_begin(call, scope, token, &again, &err) && again == position);
    struct page_scope other = *scope;
    other.operation = "Another";
    if (!span_is(span_str(scope->operation), other.operation))
        check_refused(call, &other, token);
    struct span longer[2] = { scope->filters[0], SPAN_NONE };
    other = *scope;
    other.filters = longer;
    other.filter_count = 2;
    check_refused(call, &other, token);
    char *spoilt = mem_dup(token.ptr, token.len);
    for (size_t i = 0; i + 1 < spoil.len; i += 2)
        spoilt[(uint8_t)spoil.ptr[i] % token.len] ^= spoil.ptr[i + 1];
    if (memcmp(spoilt, token.ptr, token.len) != 0)
        check_refused(call, scope, span_of(spoilt, token.len));
    free(spoilt);
}

/* Two lists give one text only if they are one list. */
static void check_filter(const struct call *call, struct span a, struct span b)
{
    struct span whole[] = { a, b }, joined[] = { span_of(a.ptr, a.len), SPAN_NONE };
    struct model_list two = { .items = whole, .count = 2, .given = true };
    struct model_list one = { .items = joined, .count = 1, .given = true };
    CHECK(!span_eq(page_filter(call, &two), page_filter(call, &one)));
    one.count = 2;
    CHECK(span_eq(page_filter(call, &two), page_filter(call, &one)) == (b.len == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store *store;
    static struct arena arena;
    if (!store)
        store = open_store();
    struct span rest = span_of(size ? (const char *)data : "", size);
    struct span name = span_cut(&rest, '\n'), resource = span_cut(&rest, '\n'), filter = span_cut(&rest, '\n');
    struct span guess = span_cut(&rest, '\n');
    uint64_t bits = 0;
    memcpy(&bits, rest.ptr ? rest.ptr : "", rest.len < sizeof bits ? rest.len : sizeof bits);
    int64_t position = (int64_t)(bits >> 1);
    if (name.len + resource.len + filter.len > 16384)
        return 0;
    char *operation = mem_dup(name.ptr, name.len);
    const struct api api = { .store = store, .partition = SPAN_LIT("aws") };
    const struct principal principal = { .account = SPAN_LIT("123456789012"), .region = SPAN_LIT("us-east-1") };
    const struct call call = { .api = &api, .principal = &principal, .arena = &arena };
    const struct page_scope scope = { operation, resource, &filter, 1 };
    check_guess(&call, &scope, guess);
    check_own(&call, &scope, position ? position : 1, span_from(rest, sizeof bits));
    check_filter(&call, resource, filter);
    arena_reset(&arena);
    free(operation);
    return 0;
}

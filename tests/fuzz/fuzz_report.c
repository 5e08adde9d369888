/*
 * Fuzz target for the query of the rejected-lines report (api/report), asked of an empty store: every query is refused
 * in words, and one that names a dataset of the caller's, however it is escaped, for the reason that there is none.
 */
#include <stdlib.h>

#include "api/report.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span own = SPAN_LIT("dataset=arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/");
    static struct store *store;
    struct arena arena;
    struct buf out;
    struct err err = { .code = E_OK };
    if (!store)
        store = open_store();
    arena_init(&arena);
    buf_init(&out, 1 << 20);
    const struct api api = { .store = store, .partition = SPAN_LIT("aws") };
    const struct principal principal = { .account = SPAN_LIT("123456789012"),
                                         .region = SPAN_LIT("us-east-1"),
                                         .root = true };
    const struct call call = { .api = &api, .principal = &principal, .arena = &arena };
    struct span query = span_of(size ? (const char *)data : "", size);
    CHECK(!report_answer(&call, query, &out, &err));
    CHECK((err.code == E_INVALID || err.code == E_NOT_FOUND) && err.text[0] != '\0' && out.len == 0);
    if (span_starts(query, own) && span_eq(span_from(query, own.len), SPAN_LIT("train/1")))
        CHECK(err.code == E_NOT_FOUND);
    buf_free(&out);
    arena_free(&arena);
    return 0;
}

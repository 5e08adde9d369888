/*
 * Fuzz target for the bucket names and keys of object/dir. Around the bucket lie a secret and links that lead to it.
 * The input is a bucket, a key and a version, as lines, then content. Whatever the names are, the secret is neither
 * read nor changed, and what was put under a name is what is read under it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "object/object.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 4096, PUTS_UNTIL_CLEAN = 500 };

static const struct span secret = { "the secret outside", 18 };
static struct object_store *store;

static void lay_out(void)
{
    struct err err;
    struct buf place;
    place_empty(place_path("root"));
    place_empty(place_path("root/bucket"));
    place_empty(place_path("root/bucket/sub"));
    place_empty(place_path("root/other"));
    place_write(place_path("root/bucket/a"), SPAN_LIT("an object"));
    place_write(place_path("root/other/secret"), secret);
    place_write(place_path("secret"), secret);
    CHECK(symlink("../../secret", place_path("root/bucket/up")) == 0);
    CHECK(symlink("/", place_path("root/bucket/top")) == 0);
    CHECK(symlink("../../other", place_path("root/bucket/sub/other")) == 0);
    CHECK(symlink("a", place_path("root/bucket/within")) == 0);
    CHECK(symlink("other", place_path("root/link")) == 0);
    CHECK(mkfifo(place_path("root/bucket/fifo"), S_IRUSR | S_IWUSR) == 0);
    object_store_close(store);
    buf_init(&place, 4096);
    buf_addf(&place, "dir:%s/root", place_folder());
    CHECK(object_store_open(buf_span(&place), &store, &err));
    buf_free(&place);
}

/* The object's beginning; false if it cannot be read. */
static bool read_object(struct object_name name, char into[CONTENT_MAX], size_t *ret_len)
{
    struct object_reader *reader;
    struct err err = { .code = E_OK };
    size_t got = 1;
    *ret_len = 0;
    if (!object_open(store, name, 0, SPAN_NONE, &reader, &err)) {
        CHECK(err.code == E_OBJECT);
        return false;
    }
    while (*ret_len < CONTENT_MAX && got > 0) {
        CHECK(object_read(reader, into + *ret_len, CONTENT_MAX - *ret_len, &got, &err));
        *ret_len += got;
    }
    object_close(reader);
    return true;
}

static void check_read(struct object_name name)
{
    char content[CONTENT_MAX];
    size_t len;
    struct object_info info;
    struct err err;
    bool there = read_object(name, content, &len);
    CHECK(there == object_stat(store, name, &info, &err));
    bool theirs = span_is(name.bucket, "other") && span_is(name.key, "secret");
    CHECK(!there || theirs || !span_eq(span_of(content, len), secret));
}

static void check_put(struct object_name name, struct span content)
{
    static unsigned puts;
    char back[CONTENT_MAX];
    size_t len;
    struct err err = { .code = E_OK };
    if (!object_put(store, name, content, &err)) {
        CHECK(err.code == E_OBJECT);
        return;
    }
    CHECK(read_object(name, back, &len) && span_eq(span_of(back, len), content));
    if (++puts % PUTS_UNTIL_CLEAN == 0)
        lay_out();
}

static void check_secret(void)
{
    char text[64];
    FILE *file = fopen(place_path("secret"), "rb");
    CHECK(file);
    size_t got = fread(text, 1, sizeof text, file);
    fclose(file);
    CHECK(span_eq(span_of(text, got), secret));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(size ? (const char *)data : "", size);
    struct object_name name = { span_cut(&rest, '\n'), span_cut(&rest, '\n'), span_cut(&rest, '\n') };
    if (!store)
        lay_out();
    check_read(name);
    struct span content = span_first(rest.ptr ? rest : SPAN_LIT("-"), CONTENT_MAX - 1);
    if (!span_eq(content, secret) && !span_is(name.bucket, "other"))
        check_put(name, content);
    check_secret();
    return 0;
}

/*
 * Fuzz target for files in the format of AWS's shared credentials (cli/home, cli/call_key). What is taken for a key can
 * stand in a header; what a server writes for itself is read back by both; the two readers agree where both find one.
 */
#include <stdlib.h>
#include <unistd.h>

#include "cli/call_key.h"
#include "cli/home.h"
#include "place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plain(struct span text, bool spaces)
{
    for (size_t i = 0; i < text.len; i++)
        CHECK((text.ptr[i] > ' ' || (spaces && text.ptr[i] == ' ')) && (unsigned char)text.ptr[i] < 0x7f);
}

/* False: the file is refused. */
static bool read_by_caller(const char *path, struct call_key *key)
{
    const struct call_key_wish wish = { .file = path, .profile = "default" };
    struct err err = { .code = E_OK };
    call_key_init(key);
    if (!call_key_find(&wish, key, &err)) {
        CHECK(err.code == E_CONFIG && err.text[0] != '\0');
        return false;
    }
    CHECK(key->id.len > 0 && key->secret.len > 0);
    check_plain(buf_span(&key->id), false);
    check_plain(buf_span(&key->token), false);
    check_plain(buf_span(&key->region), false);
    return true;
}

static bool read_by_server(const struct home *home, struct root_key *key)
{
    struct err err = { .code = E_OK };
    enum home_key found;
    if (!home_find_root_key(home, key, &found, &err)) {
        CHECK(err.code == E_CONFIG && err.text[0] != '\0');
        return false;
    }
    if (found == HOME_KEY_NONE) {
        home_fresh_key("AKIA", key);
        CHECK(home_keep_root_key(home, "us-east-1", key, &err));
    }
    CHECK(key->id[0] && key->secret[0] && !strpbrk(key->id, "/,="));
    check_plain(span_str(key->id), false);
    check_plain(span_str(key->secret), false);
    return true;
}

static void check_own(const struct home *home)
{
    struct root_key made, again;
    struct call_key key;
    CHECK(unlink(place_path("home/credentials")) == 0);
    CHECK(read_by_server(home, &made) && read_by_server(home, &again));
    CHECK(span_is(span_str(made.id), again.id) && span_is(span_str(made.secret), again.secret));
    CHECK(read_by_caller(place_path("home/credentials"), &key));
    CHECK(span_is(buf_span(&key.id), made.id) && span_is(buf_span(&key.secret), made.secret));
    call_key_free(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct home home;
    static char beside[] = "";
    const struct conf_values values = { .store = beside };
    struct root_key root;
    struct call_key key;
    struct err err;
    if (!home.path) {
        CHECK(unsetenv("PLACARD_ACCESS_KEY_ID") == 0 && unsetenv("PLACARD_SECRET_ACCESS_KEY") == 0);
        CHECK(home_open(place_path("home"), true, &home, &err) && home_lock(&home, &values, &err));
    }
    place_write(place_path("home/credentials"), span_of(size ? (const char *)data : "", size));
    bool server = read_by_server(&home, &root);
    bool caller = read_by_caller(place_path("home/credentials"), &key);
    if (server && caller)
        CHECK(span_is(buf_span(&key.id), root.id) && span_is(buf_span(&key.secret), root.secret));
    call_key_free(&key);
    if (size % 16 == 0)
        check_own(&home);
    return 0;
}

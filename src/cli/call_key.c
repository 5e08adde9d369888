/* call_key: see call_key.h for the contract. */
#include "cli/call_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "object/endpoint.h"

enum { TEXT_MAX = 16 * 1024, FILE_MAX = 1024 * 1024, PATH_ROOM = 4096 };

static const char region_default[] = "us-east-1";

void call_key_init(struct call_key *key)
{
    buf_init(&key->id, TEXT_MAX);
    buf_init(&key->secret, TEXT_MAX);
    buf_init(&key->token, TEXT_MAX);
    buf_init(&key->region, TEXT_MAX);
}

static void wipe(struct buf *buf)
{
    if (buf->ptr)
        explicit_bzero(buf->ptr, buf->room);
    buf_free(buf);
}

void call_key_free(struct call_key *key)
{
    wipe(&key->id);
    wipe(&key->secret);
    wipe(&key->token);
    wipe(&key->region);
}

static void set_text(struct buf *buf, struct span text)
{
    buf_clear(buf);
    buf_add(buf, text);
}

/* The variable's value; empty is as good as not set. */
static struct span variable(const char *name)
{
    return span_str(getenv(name));
}

/* False without an error: there is none of this prefix. Half a pair is E_CONFIG. */
static bool from_environment(const char *prefix, struct call_key *key, bool *ret_found, struct err *err)
{
    static const char *const names[] = { "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN" };
    struct buf *const parts[] = { &key->id, &key->secret, &key->token };
    char name[64];
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        snprintf(name, sizeof name, "%s_%s", prefix, names[i]);
        set_text(parts[i], variable(name));
    }
    *ret_found = key->id.len > 0 && key->secret.len > 0;
    if (!*ret_found && (key->id.len > 0 || key->secret.len > 0))
        return fail(err, E_CONFIG, "of %s_ACCESS_KEY_ID and %s_SECRET_ACCESS_KEY only one is set", prefix, prefix);
    return true;
}

/* *ret_found is false when there is no such file; any other failure is an error. */
static bool read_file(const char *path, struct buf *out, bool *ret_found, struct err *err)
{
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_found = fd >= 0;
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return true;
    while (fd >= 0 && buf_reserve(out, 4096)) {
        got = read(fd, out->ptr + out->len, 4096);
        if (got <= 0)
            break;
        out->len += (size_t)got;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (fd < 0 || got < 0)
        return fail(err, E_CONFIG, "%s cannot be read: %s", path, strerror(error));
    if (out->overflow)
        return fail(err, E_CONFIG, "%s is no credentials file: it is larger than 1 MiB", path);
    return true;
}

static void take_setting(struct span line, struct call_key *key)
{
    struct span value = line;
    struct span name = span_trim(span_cut(&value, '='));
    if (!value.ptr)
        return;
    value = span_trim(value);
    if (span_eq_nocase(name, SPAN_LIT("aws_access_key_id")))
        set_text(&key->id, value);
    else if (span_eq_nocase(name, SPAN_LIT("aws_secret_access_key")))
        set_text(&key->secret, value);
    else if (span_eq_nocase(name, SPAN_LIT("aws_session_token")))
        set_text(&key->token, value);
    else if (span_eq_nocase(name, SPAN_LIT("region")))
        set_text(&key->region, value);
}

/* Whether the line begins a `[section]`; then whether it is the profile's, which one that is not ended is not. */
static bool is_section(struct span line, struct span profile, bool *ret_ours)
{
    if (!span_starts(line, SPAN_LIT("[")))
        return false;
    *ret_ours = span_ends(line, SPAN_LIT("]")) && span_eq(span_trim(span_of(line.ptr + 1, line.len - 2)), profile);
    return true;
}

static bool take_profile(struct span text, struct span profile, struct call_key *key)
{
    bool ours = false, seen = false;
    while (text.ptr) {
        struct span line = span_cut(&text, '\n');
        if (span_ends(line, SPAN_LIT("\r")))
            line.len--;
        line = span_trim(line);
        if (is_section(line, profile, &ours))
            seen = seen || ours;
        else if (ours && line.len > 0 && line.ptr[0] != '#' && line.ptr[0] != ';')
            take_setting(line, key);
    }
    return seen;
}

static bool from_file(const char *path, const char *profile, struct call_key *key, bool *ret_found, struct err *err)
{
    struct buf text;
    buf_init(&text, FILE_MAX);
    bool done = read_file(path, &text, ret_found, err);
    if (done && *ret_found) {
        bool seen = take_profile(buf_span(&text), span_str(profile), key);
        if (!seen || key->id.len == 0 || key->secret.len == 0)
            done = fail(err, E_CONFIG, "%s has no %s [%s]", path, seen ? "whole pair of keys in" : "profile", profile);
    }
    wipe(&text);
    return done;
}

/* The files that are looked for when none is named, until one is there. */
static bool from_usual_files(const struct call_key_wish *wish, const char *profile, struct call_key *key,
                             bool *ret_found, struct err *err)
{
    char home[PATH_ROOM];
    const char *named = getenv("AWS_SHARED_CREDENTIALS_FILE");
    if (named && named[0]) {
        if (!from_file(named, profile, key, ret_found, err))
            return false;
        return *ret_found || fail(err, E_CONFIG, "%s, which AWS_SHARED_CREDENTIALS_FILE names, is not there", named);
    }
    if (!wish->aws) {
        if (!from_file("placard-data/credentials", profile, key, ret_found, err))
            return false;
        if (*ret_found)
            return true;
    }
    const char *folder = getenv("HOME");
    *ret_found = false;
    if (!folder || snprintf(home, sizeof home, "%s/.aws/credentials", folder) >= PATH_ROOM)
        return true;
    return from_file(home, profile, key, ret_found, err);
}

static bool find_keys(const struct call_key_wish *wish, struct call_key *key, struct err *err)
{
    bool found = false;
    struct span of_environment = variable("AWS_PROFILE");
    const char *profile = wish->profile ? wish->profile : of_environment.len > 0 ? of_environment.ptr : "default";
    if (wish->file) {
        if (!from_file(wish->file, profile, key, &found, err))
            return false;
        return found || fail(err, E_CONFIG, "there is no file %s", wish->file);
    }
    if (!wish->profile && !wish->aws && !from_environment("PLACARD", key, &found, err))
        return false;
    if (!found && !wish->profile && !from_environment("AWS", key, &found, err))
        return false;
    if (!found && !from_usual_files(wish, profile, key, &found, err))
        return false;
    return found || fail(err, E_CONFIG,
                         "there are no keys: not in %sAWS_ACCESS_KEY_ID, and no credentials file. Say --credentials "
                         "FILE, or --no-sign for a server that wants none",
                         wish->aws ? "" : "PLACARD_ACCESS_KEY_ID or ");
}

/* A flag or a variable goes before the profile's line. */
static bool find_region(const struct call_key_wish *wish, struct call_key *key, struct err *err)
{
    static const char *const names[] = { "PLACARD_REGION", "AWS_REGION", "AWS_DEFAULT_REGION" };
    struct span region = span_str(wish->region);
    for (unsigned i = 0; i < COUNT_OF(names) && region.len == 0; i++)
        region = variable(names[i]);
    if (region.len > 0)
        set_text(&key->region, region);
    else if (key->region.len == 0)
        set_text(&key->region, span_str(region_default));
    if (key->region.len > 63 || !endpoint_text_is_plain(buf_span(&key->region), "-"))
        return fail(err, E_CONFIG, "`" SPAN_FMT "` is not a region", SPAN_ARG(span_first(buf_span(&key->region), 100)));
    return true;
}

bool call_key_find(const struct call_key_wish *wish, struct call_key *ret_key, struct err *err)
{
    if (!wish->unsigned_call && !find_keys(wish, ret_key, err))
        return false;
    if (!find_region(wish, ret_key, err))
        return false;
    if (!wish->unsigned_call && !endpoint_text_is_plain(buf_span(&ret_key->id), "_-./+="))
        return fail(err, E_CONFIG, "the access key id holds characters that none has");
    for (size_t i = 0; i < ret_key->token.len; i++)
        if (ret_key->token.ptr[i] <= ' ' || ret_key->token.ptr[i] >= 127)
            return fail(err, E_CONFIG, "the session token holds characters that none has");
    return true;
}

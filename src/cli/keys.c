/* keys: access keys of accounts and their users, and temporary sessions made from them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "auth/keyring.h"
#include "auth/policy.h"
#include "base/clock.h"
#include "base/ident.h"
#include "cli/admin.h"
#include "json/json_writer.h"
#include "store/key.h"

enum { USER_MAX = 64, TTL_MAX_S = 129600, TOKEN_CHARACTERS = 160, POLICY_MAX = 128 * 1024 };

static bool is_account(struct span text)
{
    uint64_t number;
    return text.len == 12 && span_to_u64(text, UINT64_MAX, &number);
}

/* IAM's rule for user names. */
static bool is_user(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr("+=,.@_-", c)))
            return false;
    }
    return name.len > 0 && name.len <= USER_MAX;
}

static bool changed(const struct admin *admin, struct err *err)
{
    return !admin->keys_changed || admin->keys_changed(admin->ctx, err);
}

static bool is_profile(const char *name)
{
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '[' || *c == ']')
            return false;
    return name[0] != '\0';
}

/* What a new key or session says of itself, once: it is not shown again. */
struct outcome {
    const struct root_key *key;
    const char *token; /* NULL: none */
    struct span account;
    struct span user;
    int64_t expires_ms;
    const char *profile;
};

static void add_outcome_json(struct buf *out, const struct outcome *outcome)
{
    char expires[25];
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    json_key(&w, "AccessKeyId");
    json_add_string(&w, span_str(outcome->key->id));
    json_key(&w, "SecretAccessKey");
    json_add_string(&w, span_str(outcome->key->secret));
    if (outcome->token) {
        clock_extended_iso(outcome->expires_ms, expires);
        json_key(&w, "SessionToken");
        json_add_string(&w, span_str(outcome->token));
        json_key(&w, "Expiration");
        json_add_string(&w, span_str(expires));
    } else {
        json_key(&w, "Account");
        json_add_string(&w, outcome->account);
        if (outcome->user.len > 0) {
            json_key(&w, "User");
            json_add_string(&w, outcome->user);
        }
    }
    json_close_object(&w);
    json_writer_end(&w);
    buf_add_char(out, '\n');
}

static void add_outcome(struct buf *out, const struct outcome *outcome, bool json)
{
    if (json) {
        add_outcome_json(out, outcome);
        return;
    }
    buf_addf(out, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
             outcome->profile ? outcome->profile : "default", outcome->key->id, outcome->key->secret);
    if (outcome->token)
        buf_addf(out, "aws_session_token = %s\n", outcome->token);
}

/* The policy is read on the user's side and comes as `input`; --policy says only that there is one. */
static bool create(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                   struct err *err)
{
    const char *account = NULL, *user = NULL, *policy = NULL, *profile = NULL;
    bool json = false;
    const struct flag flags[] = { { "--account", NULL, &account },
                                  { "--user", NULL, &user },
                                  { "--policy", NULL, &policy },
                                  { "--profile", NULL, &profile },
                                  { "--json", &json, NULL } };
    struct root_key key;
    if (!command_flags(flags, COUNT_OF(flags), &argc, argv, err))
        return false;
    if (argc != 0)
        return fail(err, E_CONFIG, "`%s` is not expected; say `keys create --account N`", argv[0]);
    if (!account || !is_account(span_str(account)))
        return fail(err, E_CONFIG, "say which account with --account, 12 digits");
    if (user && !is_user(span_str(user)))
        return fail(err, E_CONFIG, "--user: a user's name is 1 to %d letters, digits and +=,.@_-", USER_MAX);
    if (policy && !user)
        return fail(err, E_CONFIG, "an account's root key needs no policy; name a user with --user");
    if (profile && !is_profile(profile))
        return fail(err, E_CONFIG, "--profile: `%s` cannot be a profile's name", profile);
    struct err bad;
    if (policy && !policy_check(input, &bad))
        return fail(err, E_CONFIG, "--policy: %s", bad.text);
    home_fresh_key("AKIA", &key);
    const struct key_row row = { .id = span_str(key.id),
                                 .secret = span_str(key.secret),
                                 .account = span_str(account),
                                 .user = span_str(user),
                                 .policy = policy ? input : SPAN_NONE,
                                 .created_ms = clock_wall_ms() };
    if (!key_add(admin->store, &row, err) || !changed(admin, err))
        return false;
    const struct outcome outcome = { .key = &key, .account = row.account, .user = row.user, .profile = profile };
    add_outcome(out, &outcome, json);
    return true;
}

static void add_key_json(struct buf *out, const struct key_row *row)
{
    struct json_writer w = json_writer_on(out);
    json_open_object(&w);
    json_key(&w, "AccessKeyId");
    json_add_string(&w, row->id);
    json_key(&w, "Account");
    json_add_string(&w, row->account);
    json_key(&w, "User");
    json_add_string(&w, row->user);
    json_key(&w, "Enabled");
    json_add_bool(&w, !row->disabled);
    json_key(&w, "Created");
    json_add_time_ms(&w, row->created_ms);
    json_key(&w, "Policy");
    json_add_string(&w, row->policy);
    json_close_object(&w);
    json_writer_end(&w);
    buf_add_char(out, '\n');
}

static void add_key_line(struct buf *out, const struct key_row *row)
{
    char created[25];
    clock_extended_iso(row->created_ms, created);
    buf_addf(out, SPAN_FMT "  " SPAN_FMT "  %s  %-8s  ", SPAN_ARG(row->id), SPAN_ARG(row->account), created,
             row->disabled ? "disabled" : "enabled");
    if (row->user.len == 0)
        buf_add_str(out, "root\n");
    else
        buf_addf(out, "user/" SPAN_FMT "%s\n", SPAN_ARG(row->user), row->policy.len ? "" : " (no policy: may nothing)");
}

static bool list(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                 struct err *err)
{
    bool json = false;
    const struct flag flags[] = { { "--json", &json, NULL } };
    struct arena arena;
    struct key_row *rows;
    size_t count;
    (void)input;
    if (!command_flags(flags, COUNT_OF(flags), &argc, argv, err))
        return false;
    if (argc != 0)
        return fail(err, E_CONFIG, "`keys list` takes no arguments");
    arena_init(&arena);
    bool done = key_list(admin->store, &arena, &rows, &count, err);
    for (size_t i = 0; done && i < count; i++) {
        if (json)
            add_key_json(out, &rows[i]);
        else
            add_key_line(out, &rows[i]);
    }
    arena_free(&arena);
    return done;
}

/* The one argument of a verb that takes a key's id. */
static bool only_key(int argc, const char **argv, const char *verb, struct span *ret_id, struct err *err)
{
    if (!command_flags(NULL, 0, &argc, argv, err))
        return false;
    if (argc != 1)
        return fail(err, E_CONFIG, "say `keys %s ACCESS-KEY-ID`", verb);
    *ret_id = span_str(argv[0]);
    return true;
}

static bool disable(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                    struct err *err)
{
    struct span id;
    (void)input;
    (void)out;
    return only_key(argc, argv, "disable", &id, err) && key_set_disabled(admin->store, id, true, err) &&
           changed(admin, err);
}

static bool enable(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                   struct err *err)
{
    struct span id;
    (void)input;
    (void)out;
    return only_key(argc, argv, "enable", &id, err) && key_set_disabled(admin->store, id, false, err) &&
           changed(admin, err);
}

static bool delete_key(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                       struct err *err)
{
    struct span id;
    (void)input;
    (void)out;
    return only_key(argc, argv, "delete", &id, err) && key_delete(admin->store, id, err) && changed(admin, err);
}

/* Whether sessions may be made from that key. */
static bool parent_exists(const struct admin *admin, struct span id, struct err *err)
{
    struct arena arena;
    struct key_row *rows;
    size_t count;
    if (id.len > 0 && span_is(id, admin->root_id))
        return true;
    arena_init(&arena);
    bool done = key_list(admin->store, &arena, &rows, &count, err), found = false, enabled = false;
    for (size_t i = 0; done && i < count; i++) {
        if (span_eq(rows[i].id, id)) {
            found = true;
            enabled = !rows[i].disabled;
        }
    }
    if (done && !found)
        done = fail(err, E_NOT_FOUND, "there is no access key " SPAN_FMT "%s", SPAN_ARG(id),
                    admin->root_id[0] ? "" : "; is it the root key? Its sessions can be made while the server runs");
    else if (done && !enabled)
        done = fail(err, E_INVALID, "the access key " SPAN_FMT " is disabled", SPAN_ARG(id));
    arena_free(&arena);
    return done;
}

static bool session(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                    struct err *err)
{
    const char *ttl_text = NULL, *profile = NULL;
    bool json = false;
    const struct flag flags[] = { { "--ttl", NULL, &ttl_text },
                                  { "--profile", NULL, &profile },
                                  { "--json", &json, NULL } };
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char token[TOKEN_CHARACTERS + 1];
    unsigned char digest[32];
    uint64_t ttl = 3600;
    struct root_key key;
    (void)input;
    if (!command_flags(flags, COUNT_OF(flags), &argc, argv, err))
        return false;
    if (argc != 1)
        return fail(err, E_CONFIG, "say `keys session ACCESS-KEY-ID --ttl SECONDS`");
    if (ttl_text && (!span_to_u64(span_str(ttl_text), TTL_MAX_S, &ttl) || ttl == 0))
        return fail(err, E_CONFIG, "--ttl: `%s` is not a number of seconds from 1 to %d", ttl_text, TTL_MAX_S);
    if (profile && !is_profile(profile))
        return fail(err, E_CONFIG, "--profile: `%s` cannot be a profile's name", profile);
    if (!parent_exists(admin, span_str(argv[0]), err))
        return false;
    home_fresh_key("ASIA", &key);
    ident_text(token, TOKEN_CHARACTERS, alphabet);
    if (EVP_Digest(token, TOKEN_CHARACTERS, digest, NULL, EVP_sha256(), NULL) != 1)
        return fail(err, E_INTERNAL, "SHA-256 failed");
    int64_t now = clock_wall_ms();
    const struct session_row row = { .id = span_str(key.id),
                                     .secret = span_str(key.secret),
                                     .parent = span_str(argv[0]),
                                     .token_sha256 = span_of(digest, sizeof digest),
                                     .expires_ms = now + (int64_t)ttl * 1000 };
    if (!session_add(admin->store, &row, now - KEYRING_EXPIRED_KEPT_MS, err) || !changed(admin, err))
        return false;
    const struct outcome outcome = { .key = &key, .token = token, .expires_ms = row.expires_ms, .profile = profile };
    add_outcome(out, &outcome, json);
    return true;
}

bool admin_keys(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                struct err *err)
{
    static const char *const verbs[] = { "create", "list", "disable", "enable", "delete", "session" };
    static admin_function *const functions[] = { create, list, disable, enable, delete_key, session };
    int verb = command_verb(verbs, COUNT_OF(verbs), argc, argv, err);
    return verb >= 0 && functions[verb](admin, input, argc - 1, argv + 1, out, err);
}

/* --- the user's side -----------------------------------------------------------------------------------------------
 */

/* The whole file, or standard input for "-". */
static bool read_policy(const char *path, struct buf *ret_text, struct err *err)
{
    bool standard = span_is(span_str(path), "-");
    int file = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fail(err, E_CONFIG, "--policy: %s cannot be read: %s", path, strerror(errno));
    ssize_t got = 1;
    while (got != 0 && buf_reserve(ret_text, 4096)) {
        got = read(file, ret_text->ptr + ret_text->len, 4096);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        ret_text->len += (size_t)got;
    }
    int why = errno;
    if (!standard)
        close(file);
    if (ret_text->overflow)
        return fail(err, E_CONFIG, "--policy: %s is over %d bytes", path, POLICY_MAX);
    return got == 0 || fail(err, E_CONFIG, "--policy: %s cannot be read: %s", path, strerror(why));
}

static const char *policy_path(int argc, const char **argv)
{
    for (int i = 0; i < argc; i++) {
        struct span value = span_str(argv[i]);
        if (span_is(span_cut(&value, '='), "--policy"))
            return value.ptr ? value.ptr : i + 1 < argc ? argv[i + 1] : NULL;
    }
    return NULL;
}

static enum status run(int argc, const char **argv)
{
    struct buf policy;
    struct err err;
    const char *path = policy_path(argc, argv);
    buf_init(&policy, POLICY_MAX + 4096);
    enum status status = path && !read_policy(path, &policy, &err)
                             ? command_failed(&command_keys, &err)
                             : admin_command(&command_keys, buf_span(&policy), argc, argv);
    buf_free(&policy);
    return status;
}

const struct command command_keys = {
    .name = "keys",
    .summary = "create, list, disable, enable and delete access keys; make temporary ones",
    .help =
        "Usage: placard keys create --account N [--user NAME [--policy FILE]] [--profile NAME] [--json]\n"
        "       placard keys list [--json]\n"
        "       placard keys disable|enable|delete ACCESS-KEY-ID\n"
        "       placard keys session ACCESS-KEY-ID [--ttl SECONDS] [--profile NAME] [--json]\n"
        "each with [--data DIR] [--config FILE]\n\n"
        "create   makes a key for an account of 12 digits and prints it, once, as an AWS credentials file. Without\n"
        "         --user it is a key of the account's root, which may do everything in the account; with --user it\n"
        "         may do what the IAM-style policy in FILE allows (- reads standard input), without one nothing.\n"
        "list     shows the keys made here, never a secret; the server's own root key is in DATA/credentials.\n"
        "disable  refuses the key until enable; its sessions are refused too.\n"
        "delete   removes the key and its sessions.\n"
        "session  makes temporary credentials with the key's rights, for 1 to 129600 seconds (3600).\n\n"
        "A running server obeys before the command returns.\n\n"
        "Examples:\n"
        "  placard keys create --account 000000000042 >team.credentials\n"
        "  placard keys create --account 000000000042 --user ann --policy reader.json --profile ann\n"
        "  placard keys session AKIA… --ttl 900 --json\n",
    .run = run,
};

/* buckets: which account a bucket belongs to. */
#include "cli/admin.h"
#include "store/key.h"

static bool is_account(struct span text)
{
    uint64_t number;
    return text.len == 12 && span_to_u64(text, UINT64_MAX, &number);
}

/* The rule of S3's names, as far as it keeps a name from being a path: no slash, no dot in front. */
static bool is_bucket(struct span name)
{
    if (name.len < 3 || name.len > 255 || name.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '-' || c == '_';
        if (!good)
            return false;
    }
    return true;
}

static bool assign(const struct admin *admin, int argc, const char **argv, struct buf *out, struct err *err)
{
    if (argc != 2)
        return fail(err, E_CONFIG, "say `buckets assign BUCKET ACCOUNT`");
    struct span bucket = span_str(argv[0]), account = span_str(argv[1]);
    if (!is_bucket(bucket))
        return fail(err, E_CONFIG, "`%s` is not a bucket's name", argv[0]);
    if (!is_account(account))
        return fail(err, E_CONFIG, "`%s` is not an account; it has 12 digits", argv[1]);
    if (!bucket_assign(admin->store, bucket, account, err))
        return false;
    buf_addf(out, "%s belongs to %s\n", argv[0], argv[1]);
    return true;
}

static bool list(const struct admin *admin, int argc, struct buf *out, struct err *err)
{
    struct arena arena;
    struct bucket_row *rows;
    size_t count;
    if (argc != 0)
        return fail(err, E_CONFIG, "`buckets list` takes no arguments");
    arena_init(&arena);
    bool done = bucket_list(admin->store, &arena, &rows, &count, err);
    for (size_t i = 0; done && i < count; i++)
        buf_addf(out, SPAN_FMT "  " SPAN_FMT "\n", SPAN_ARG(rows[i].account), SPAN_ARG(rows[i].name));
    if (done)
        buf_addf(out, "%s  (every other bucket)\n", admin->account);
    arena_free(&arena);
    return done;
}

bool admin_buckets(const struct admin *admin, struct span input, int argc, const char **argv, struct buf *out,
                   struct err *err)
{
    static const char *const verbs[] = { "list", "assign" };
    (void)input;
    int verb = command_verb(verbs, COUNT_OF(verbs), argc, argv, err);
    if (verb < 0 || !command_flags(NULL, 0, &argc, argv, err))
        return false;
    return verb == 0 ? list(admin, argc - 1, out, err) : assign(admin, argc - 1, argv + 1, out, err);
}

static enum status run(int argc, const char **argv)
{
    return admin_command(&command_buckets, SPAN_NONE, argc, argv);
}

const struct command command_buckets = {
    .name = "buckets",
    .summary = "show and set which account a bucket belongs to",
    .help = "Usage: placard buckets list [--data DIR] [--config FILE]\n"
            "       placard buckets assign BUCKET ACCOUNT [--data DIR] [--config FILE]\n\n"
            "A bucket belongs to one account, the server's default one unless it is assigned to another. Callers of\n"
            "other accounts cannot read manifests from it. Takes effect at once, also in a running server.\n\n"
            "Examples:\n"
            "  placard buckets list --data placard-data\n"
            "  placard buckets assign photos 000000000042 --data placard-data\n",
    .run = run,
};

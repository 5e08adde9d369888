/*
 * backbone_add: `placard backbone add`: a model of the user's own for ONNX Runtime, with a sidecar that says how pixels
 * go in and where features come out. It is opened and run once before it is put in place.
 */
#include <stdio.h>

#include <openssl/sha.h>

#include "cli/backbone.h"
#include "cli/backbone_folder.h"
#include "vision/backbone.h"

enum { MODEL_MAX = 512 << 20, SIDECAR_MAX = 1 << 16 };

static const char model_file[] = "model.onnx";

/* The sidecar has lines `input`, `model` and three of `tap`; backbone.txt is these with what the user cannot know. */
static bool compose(struct span sidecar, struct span model, struct buf *ret_text, struct err *err)
{
    unsigned char sha256[SHA256_DIGEST_LENGTH];
    struct span rest = sidecar, input = span_cut(&rest, '\n'), about = span_cut(&rest, '\n');
    if (!span_starts(input, SPAN_LIT("input ")) || !span_starts(about, SPAN_LIT("model ")))
        return fail(err, E_CONFIG, "the sidecar begins with a line `input` and a line `model`; see --help");
    SHA256((const unsigned char *)model.ptr, model.len, sha256);
    buf_addf(ret_text, "placard-backbone 1\n" SPAN_FMT "\nmodel file=%s sha256=", SPAN_ARG(input), model_file);
    buf_add_hex(ret_text, sha256, sizeof sha256);
    buf_addf(ret_text, " " SPAN_FMT "\n" SPAN_FMT, SPAN_ARG(span_from(about, 6)), SPAN_ARG(rest));
    return true;
}

static bool write_files(const struct backbone_draft *draft, struct span text, struct span model, struct err *err)
{
    struct backbone *backbone;
    if (!backbone_draft_file(draft, "backbone.txt", text, err) || !backbone_draft_file(draft, model_file, model, err) ||
        !backbone_open(draft->place, &backbone, err))
        return false;
    backbone_free(backbone);
    return true;
}

static bool put(const char *folder, const char *id, struct span text, struct span model, struct err *err)
{
    struct backbone_draft draft;
    if (!backbone_draft_begin(folder, id, &draft, err))
        return false;
    if (!write_files(&draft, text, model, err)) {
        backbone_draft_drop(&draft);
        return false;
    }
    return backbone_draft_keep(&draft, err);
}

bool backbone_add(const char *folder, const char *id, const char *model_path, const char *sidecar_path, struct err *err)
{
    struct buf model, sidecar, text;
    if (!backbone_is_id(id))
        return fail(err, E_CONFIG, "`%s` is no name for a backbone: 1 to %d letters, digits and -_.", id,
                    BACKBONE_ID_MAX);
    if (!backbone_read_file(sidecar_path, SIDECAR_MAX, &sidecar, err))
        return false;
    if (!backbone_read_file(model_path, MODEL_MAX, &model, err)) {
        buf_free(&sidecar);
        return false;
    }
    buf_init(&text, 2 * SIDECAR_MAX);
    bool done = compose(buf_span(&sidecar), buf_span(&model), &text, err) &&
                put(folder, id, buf_span(&text), buf_span(&model), err);
    if (done)
        printf("Added %s in %s\n", id, folder);
    buf_free(&text);
    buf_free(&model);
    buf_free(&sidecar);
    return done;
}

/* side: see side.h for the contract. */
#include "train/side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "train/file.h"

enum { PIECE = 1024 * 1024 };

const struct train_error_text train_error_texts[TRAIN_ERRORS] = {
    [TRAIN_TOO_MANY_INVALID] = { "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST",
                                 "The manifest file contains too many invalid rows." },
    [TRAIN_SEVERAL_BUCKETS] = { "ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS",
                                "The manifest file contains images from multiple S3 buckets." },
    [TRAIN_BUCKET_OWNER] = { "ERROR_INVALID_IMAGES_S3_BUCKET_OWNER", "Invalid owner id for images S3 bucket." },
    [TRAIN_IMAGES_FORBIDDEN] = { "ERROR_INVALID_PERMISSIONS_IMAGES_S3_BUCKET",
                                 "The permissions for the images S3 bucket are invalid." },
    [TRAIN_NO_IMAGE_COPIED] = { "ERROR_FAILED_IMAGES_S3_COPY", "Failed to copy images from S3 bucket." },
    [TRAIN_TOO_MANY_LABELS] = { "ERROR_MANIFEST_TOO_MANY_LABELS", "The manifest file has too many labels." },
    [TRAIN_TOO_FEW_LABELS] = { "ERROR_MANIFEST_TOO_FEW_LABELS", "The manifest file has too few labels." },
    [TRAIN_TOO_FEW_USABLE_LABELS] = { "ERROR_MANIFEST_TOO_FEW_USABLE_LABELS",
                                      "The manifest file has too few usable labels." },
    [TRAIN_TOO_FEW_FOR_SPLIT] = { "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_AUTOSPLIT",
                                  "The manifest file contains insufficient labeled images per label to perform "
                                  "auto-split." },
    [TRAIN_LABEL_OVERLAP] = { "ERROR_INSUFFICIENT_LABEL_OVERLAP",
                              "Less than 50% label overlap between the training and testing manifest files." },
    [TRAIN_USABLE_LABEL_OVERLAP] = { "ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP",
                                     "Less than 50% usable label overlap between the training and testing manifest "
                                     "files." },
};

static const char *const file_names[TRAIN_SIDES] = { "train.lines", "test.lines" };

void side_init(struct side *side)
{
    *side = (struct side){ 0 };
    intern_init(&side->refs);
}

void side_free(struct side *side)
{
    if (side->content.len > 0)
        munmap((void *)(uintptr_t)side->content.ptr, side->content.len);
    free(side->lines);
    free(side->labels);
    free(side->boxes);
    intern_free(&side->refs);
}

struct manifest_limits side_limits(const struct train_request *request)
{
    return (struct manifest_limits){ .line_chars = (uint32_t)request->line_chars,
                                     .label_chars = (uint32_t)request->label_chars,
                                     .labels_per_line = (uint32_t)request->labels_per_image,
                                     .boxes_per_line = (uint32_t)request->boxes_per_image,
                                     .side_min_px = (uint32_t)request->side_min_px,
                                     .side_max_px = (uint32_t)request->side_max_px };
}

struct object_name side_image(const struct side *side, const struct line *line)
{
    struct span key = span_from(side->refs.texts[line->ref], sizeof "s3://" - 1);
    struct span bucket = span_cut(&key, '/');
    return (struct object_name){ .bucket = bucket, .key = key };
}

/* --- fetching ------------------------------------------------------------------------------------------------------
 */

/* Appends one object to `file`, with a line end behind its last line. */
static bool fetch_object(struct object_store *objects, struct object_name name, int file, uint64_t *total,
                         uint64_t bytes_max, bool *ret_too_large, struct err *err)
{
    struct object_reader *reader;
    struct object_info info;
    if (!object_stat(objects, name, &info, err) || !object_open(objects, name, 0, span_str(info.etag), &reader, err))
        return false;
    uint64_t before = *total;
    char *piece = mem_alloc(PIECE), last = '\n';
    bool done = true;
    for (size_t got = 1; done && got > 0 && !*ret_too_large;) {
        done = object_read(reader, piece, PIECE, &got, err);
        if (!done || got == 0)
            break;
        *total += got;
        last = piece[got - 1];
        *ret_too_large = bytes_max > 0 && *total > bytes_max;
        done = write(file, piece, got) == (ssize_t)got || fail(err, E_INTERNAL, "a manifest cannot be kept");
    }
    if (done && !*ret_too_large && *total - before != info.bytes)
        done = fail(err, E_INTERNAL, "the object store gave %llu bytes of a manifest of %llu",
                    (unsigned long long)(*total - before), (unsigned long long)info.bytes);
    if (done && last != '\n')
        done = write(file, "\n", 1) == 1 || fail(err, E_INTERNAL, "a manifest cannot be kept");
    free(piece);
    object_close(reader);
    return done;
}

/* Fetches the manifests into the file, unless an earlier attempt has. */
static bool fetch(struct side *side, unsigned number, const char *path, const struct train_request *request,
                  struct object_store *objects, struct err *err)
{
    struct buf fresh;
    if (access(path, F_OK) == 0)
        return true;
    buf_init(&fresh, TRAIN_PATH_ROOM);
    buf_addf(&fresh, "%s.tmp", path);
    int file = open(buf_cstr(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = file >= 0 || fail(err, E_INTERNAL, "%s cannot be written", buf_cstr(&fresh)), too_large = false;
    uint64_t total = 0;
    for (size_t i = 0; done && i < request->manifest_counts[number] && !too_large; i++)
        done = fetch_object(objects, request->manifests[number][i], file, &total, (uint64_t)request->manifest_bytes,
                            &too_large, err);
    if (done && too_large) {
        side->file_error = "The manifest file size exceeds the maximum supported size.";
    } else if (!done && (err->code == E_OBJECT || err->code == E_OBJECT_DENIED)) {
        side->file_error = err->code == E_OBJECT ? "The manifest file extension or contents are invalid."
                                                 : "The S3 bucket permissions are incorrect.";
        done = true;
    } else if (done) {
        done = file_publish(file, buf_cstr(&fresh), path, err);
    }
    if (file >= 0)
        close(file);
    buf_free(&fresh);
    return done;
}

static bool map(struct side *side, const char *path, struct err *err)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool done = file >= 0 && fstat(file, &info) == 0;
    if (done && info.st_size > 0) {
        void *at = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        done = at != MAP_FAILED;
        if (done)
            side->content = span_of(at, (size_t)info.st_size);
    }
    if (file >= 0)
        close(file);
    return done || fail(err, E_INTERNAL, "%s cannot be read", path);
}

/* --- judging -------------------------------------------------------------------------------------------------------
 */

static struct line *add_line(struct side *side)
{
    if (side->count == side->room) {
        side->room = side->room ? side->room * 2 : 1024;
        side->lines = mem_grow(side->lines, side->room * sizeof *side->lines);
    }
    struct line *line = &side->lines[side->count++];
    *line = (struct line){ .ref = UINT32_MAX, .image = UINT32_MAX };
    return line;
}

static void add_labels(struct side *side, struct line *line, const struct manifest_offer *offer, struct intern *names)
{
    line->first_label = (uint32_t)side->label_count;
    for (size_t i = 0; i < offer->label_count; i++) {
        if (side->label_count == side->label_room) {
            side->label_room = side->label_room ? side->label_room * 2 : 1024;
            side->labels = mem_grow(side->labels, side->label_room * sizeof *side->labels);
        }
        side->labels[side->label_count++] = intern_add(names, offer->labels[i], NULL);
    }
    line->label_count = (uint32_t)offer->label_count;
}

static void add_boxes(struct side *side, struct line *line, const struct manifest_offer *offer, struct intern *names)
{
    line->first_box = (uint32_t)side->box_count;
    for (size_t i = 0; i < offer->box_count; i++) {
        const struct manifest_box *box = &offer->boxes[i];
        if (side->box_count == side->box_room) {
            side->box_room = side->box_room ? side->box_room * 2 : 1024;
            side->boxes = mem_grow(side->boxes, side->box_room * sizeof *side->boxes);
        }
        side->boxes[side->box_count++] = (struct learn_box){ .label = intern_add(names, box->label, NULL),
                                                             .left = box->left,
                                                             .top = box->top,
                                                             .width = box->width,
                                                             .height = box->height };
    }
    line->box_count = (uint32_t)offer->box_count;
}

static void note_bucket(struct side *side, const struct line *line)
{
    struct span bucket = side_image(side, line).bucket;
    if (!side->bucket.ptr)
        side->bucket = bucket;
    else if (!span_eq(bucket, side->bucket))
        side->several_buckets = true;
}

static void judge_line(struct side *side, struct manifest_reader *reader, struct span text, struct intern *names)
{
    struct manifest_verdict verdict;
    struct manifest_offer offer;
    bool fresh = true;
    manifest_read(reader, text, &verdict);
    if (verdict.fate == MANIFEST_BLANK)
        return;
    struct line *line = add_line(side);
    line->text = text;
    if (verdict.fate == MANIFEST_KEPT) {
        line->ref = intern_add(&side->refs, verdict.source_ref, &fresh);
        note_bucket(side, line);
    }
    manifest_offer(reader, &verdict, &offer);
    line->repeated = !fresh;
    if (offer.invalid || line->repeated) {
        line->fate = LINE_INVALID;
        return;
    }
    line->fate = offer.warning == MANIFEST_NO_WARNING ? LINE_USABLE : LINE_IGNORED;
    add_labels(side, line, &offer, names);
    add_boxes(side, line, &offer, names);
}

static void judge_lines(struct side *side, const struct train_request *request, struct intern *names)
{
    const struct manifest_limits limits = side_limits(request);
    struct manifest_reader *reader = manifest_reader_new(&limits);
    struct span rest = side->content;
    uint32_t number = 0;
    while (rest.ptr && rest.len > 0 && !side->file_error) {
        judge_line(side, reader, span_cut(&rest, '\n'), names);
        if (request->manifest_lines > 0 && ++number > request->manifest_lines)
            side->file_error = "The manifest file has too many rows.";
    }
    manifest_reader_free(reader);
}

/* A file of which no line is JSON is none of ours. */
static bool nothing_is_json(const struct side *side)
{
    for (size_t i = 0; i < side->count; i++)
        if (side->lines[i].ref != UINT32_MAX)
            return false;
    return true;
}

bool side_load(struct side *side, unsigned number, const char *folder, const struct train_request *request,
               struct object_store *objects, struct intern *names, struct err *err)
{
    struct buf path;
    buf_init(&path, TRAIN_PATH_ROOM);
    bool done = fetch(side, number, file_path(&path, folder, file_names[number]), request, objects, err);
    if (done && !side->file_error)
        done = map(side, buf_cstr(&path), err);
    buf_free(&path);
    if (!done || side->file_error)
        return done;
    judge_lines(side, request, names);
    if (!side->file_error && side->count == 0)
        side->file_error = "The manifest file is empty.";
    else if (!side->file_error && nothing_is_json(side))
        side->file_error = "The manifest file extension or contents are invalid.";
    return true;
}

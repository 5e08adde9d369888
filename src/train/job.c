/* job: what the learn_job of a training is made of: pixels, kept features, checkpoints, progress; and its threads. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "train/file.h"
#include "train/training.h"

enum {
    CHECKPOINT_MAX = 1024 * 1024 * 1024,
    FEATURES_MAX = 256 * 1024 * 1024,
    LOOK_MS = 200, /* how long the machine is watched for idle cores */
    THREADS_MOST = 64,
    STAT_ROOM = 4096
};

/* What a checkpoint begins with: it is this job's, and whole. */
struct checkpoint_head {
    uint64_t seed;
    unsigned char backbone[BACKBONE_SHA_BYTES];
    uint64_t kind;
    uint64_t sum;
};

static struct checkpoint_head head_of(const struct training *training, struct span bytes)
{
    struct checkpoint_head head = { .seed = training->chosen.seed,
                                    .kind = training->chosen.kind,
                                    .sum = XXH3_64bits(bytes.ptr, bytes.len) };
    memcpy(head.backbone, backbone_sha256(training->backbone), sizeof head.backbone);
    return head;
}

int64_t training_spent_ms(const struct training *training)
{
    return training->before_ms + (clock_mono_us() - training->begun_us) / 1000;
}

static bool save_checkpoint(void *ctx, struct span bytes, struct err *err)
{
    struct training *training = ctx;
    struct buf path, content;
    const struct checkpoint_head head = head_of(training, bytes);
    char spent[32];
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&content, CHECKPOINT_MAX);
    buf_add(&content, span_of(&head, sizeof head));
    buf_add(&content, bytes);
    snprintf(spent, sizeof spent, "%lld\n", (long long)training_spent_ms(training));
    bool done = !content.overflow &&
                file_replace(file_path(&path, training->run->folder, "checkpoint"), buf_span(&content), true, err) &&
                file_replace(file_path(&path, training->run->folder, "spent"), span_str(spent), false, err);
    buf_free(&content);
    buf_free(&path);
    return done;
}

static bool load_checkpoint(void *ctx, struct buf *ret_checkpoint)
{
    struct training *training = ctx;
    struct buf path, content;
    struct checkpoint_head head;
    struct err err;
    buf_init(&path, TRAIN_PATH_ROOM);
    buf_init(&content, CHECKPOINT_MAX);
    bool found =
        file_read(file_path(&path, training->run->folder, "checkpoint"), &content, &err) && content.len >= sizeof head;
    if (found) {
        struct span bytes = span_from(buf_span(&content), sizeof head);
        const struct checkpoint_head want = head_of(training, bytes);
        memcpy(&head, content.ptr, sizeof head);
        found = memcmp(&head, &want, sizeof head) == 0;
        if (found)
            buf_add(ret_checkpoint, bytes);
    }
    buf_free(&content);
    buf_free(&path);
    return found && !ret_checkpoint->overflow;
}

static bool decode(void *ctx, bool test, size_t i, int least_side, struct image *ret_image, struct err *err)
{
    struct training *training = ctx;
    const struct side *side = &training->sides[test];
    const struct line *line = &side->lines[training->chosen.lines[test][i]];
    const struct image_limits limits = check_limits(training->request);
    return check_fetch(training->objects, side_image(side, line), &limits, least_side, ret_image, err);
}

static bool recall(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct buf *ret_bytes)
{
    struct training *training = ctx;
    const struct features_name name = { key, backbone_sha256(training->backbone), what };
    return features_get(training->features, &name, ret_bytes);
}

static void keep(void *ctx, const unsigned char key[LEARN_KEY_BYTES], const char *what, struct span bytes)
{
    struct training *training = ctx;
    const struct features_name name = { key, backbone_sha256(training->backbone), what };
    features_put(training->features, &name, bytes);
}

static void say_progress(void *ctx, const char *phase, double share)
{
    struct training *training = ctx;
    training->run->progress(training->run->ctx, phase, share);
}

void training_fill_job(struct training *training)
{
    if (training->threads == 0)
        training->threads = training_threads(training->request);
    training->job = (struct learn_job){ .backbone = training->backbone,
                                        .label_count = training->chosen.label_count,
                                        .seed = training->chosen.seed,
                                        .threads = training->threads,
                                        .train = training->chosen.sets[0],
                                        .test = training->chosen.sets[1],
                                        .pixels = decode,
                                        .cached = training->features ? recall : NULL,
                                        .cache = training->features ? keep : NULL,
                                        .resume = load_checkpoint,
                                        .checkpoint = save_checkpoint,
                                        .progress = say_progress,
                                        .stop = training->run->stop,
                                        .ctx = training };
}

/* Jiffies of all cores since the start: all, and idle ones. */
static bool read_idle(uint64_t *ret_all, uint64_t *ret_idle)
{
    char text[STAT_ROOM];
    int file = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = file >= 0 ? read(file, text, sizeof text) : -1;
    if (file >= 0)
        close(file);
    struct span rest = span_of(text, got > 0 ? (size_t)got : 0), line = span_cut(&rest, '\n');
    if (!span_starts(line, SPAN_LIT("cpu ")))
        return false;
    uint64_t all = 0, value;
    span_cut(&line, ' ');
    for (unsigned field = 0; line.ptr && field < 9;) {
        struct span word = span_cut(&line, ' ');
        if (word.len == 0)
            continue;
        if (!span_to_u64(word, UINT64_MAX, &value))
            return false;
        if (field == 3)
            *ret_idle = value;
        all += value;
        field++;
    }
    *ret_all = all;
    return true;
}

unsigned training_threads(const struct train_request *request)
{
    const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };
    uint64_t all[2], idle[2];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (request->threads > 0)
        return (unsigned)(request->threads < THREADS_MOST ? request->threads : THREADS_MOST);
    if (cores < 1 || !read_idle(&all[0], &idle[0]))
        return 1;
    nanosleep(&pause, NULL);
    if (!read_idle(&all[1], &idle[1]) || all[1] <= all[0])
        return 1;
    double share = (double)(idle[1] - idle[0]) / (double)(all[1] - all[0]);
    unsigned threads = (unsigned)((double)cores * share + 0.5);
    return threads < 1 ? 1 : threads > THREADS_MOST ? THREADS_MOST : threads;
}

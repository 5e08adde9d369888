/*
 * manifest_lines: how many manifest lines a second one thread reads, judges and rewrites.
 *
 *     manifest_lines [FILE]
 *
 * Without a file, 250,000 object-localization lines of two to five boxes are made in memory. Each kind of line is
 * measured: clean ones, the same as the server lists them (keys to take out), and ones with a box off the frame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "manifest/manifest.h"

enum { LINES = 250000, ROUNDS = 3 };

static void make_line(struct buf *out, unsigned number, bool off_frame)
{
    unsigned boxes = 2 + number % 4;
    buf_addf(out,
             "{\"source-ref\":\"s3://images/train/site-%02u/IMG_%07u.jpg\",\"boxes\":{\"image_size\":[{\"width\":1920,"
             "\"height\":1080,\"depth\":3}],\"annotations\":[",
             number % 17, number);
    for (unsigned i = 0; i < boxes; i++)
        buf_addf(out, "%s{\"class_id\":%u,\"top\":%u,\"left\":%u,\"width\":%u,\"height\":%u}", i ? "," : "", i % 3,
                 (number * 7 + i) % 900, off_frame && i == 0 ? 1900 : (number * 13 + i) % 1500, 50 + i, 60 + i);
    buf_add_str(out, "]},\"boxes-metadata\":{\"objects\":[");
    for (unsigned i = 0; i < boxes; i++)
        buf_add_str(out, i ? ",{\"confidence\":1}" : "{\"confidence\":1}");
    buf_add_str(out, "],\"class-map\":{\"0\":\"Echo\",\"1\":\"Echo Dot\",\"2\":\"Echo Show\"},\"type\":\"groundtruth/"
                     "object-detection\",\"human-annotated\":\"yes\",\"creation-date\":\"2023-07-27T16:41:24.738000\","
                     "\"job-name\":\"labeling-job/boxes\"}}\n");
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads every line; what is stored goes to `listed`, if given. */
static void measure(const char *what, struct span text, struct buf *listed)
{
    struct manifest_reader *reader = manifest_reader_new(&manifest_limits_default);
    double best_s = 0;
    size_t lines = 0, errors = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double from_s = now_s();
        lines = errors = 0;
        if (listed)
            buf_clear(listed);
        for (struct span rest = text; rest.ptr && rest.len > 0; lines++) {
            struct manifest_verdict verdict;
            manifest_read(reader, span_cut(&rest, '\n'), &verdict);
            errors += verdict.error || verdict.fate == MANIFEST_DROPPED;
            if (listed && round == ROUNDS - 1) {
                buf_add(listed, verdict.line);
                buf_add_char(listed, '\n');
            }
        }
        double took_s = now_s() - from_s;
        if (round == 0 || took_s < best_s)
            best_s = took_s;
    }
    printf("%-10s %zu lines of %zu bytes, %zu in error: %.0f lines/s, %.0f MB/s\n", what, lines, text.len / lines,
           errors, (double)lines / best_s, (double)text.len / best_s / 1e6);
    manifest_reader_free(reader);
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    char chunk[1 << 16];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_add(out, span_of(chunk, got));
    bool ok = !ferror(file) && !out->overflow && out->len > 0;
    fclose(file);
    return ok;
}

int main(int argc, char **argv)
{
    struct buf text, listed;
    buf_init(&text, (size_t)2 << 30);
    buf_init(&listed, (size_t)4 << 30);
    if (argc > 1) {
        if (!read_file(argv[1], &text)) {
            fprintf(stderr, "%s: cannot be read\n", argv[1]);
            return 1;
        }
    } else {
        for (unsigned i = 0; i < LINES; i++)
            make_line(&text, i, false);
    }
    measure("as given", buf_span(&text), &listed);
    measure("listed", buf_span(&listed), NULL);
    if (argc == 1) {
        buf_clear(&text);
        for (unsigned i = 0; i < LINES; i++)
            make_line(&text, i, true);
        measure("off frame", buf_span(&text), NULL);
    }
    buf_free(&text);
    buf_free(&listed);
    return 0;
}

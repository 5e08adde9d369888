/* sides: see sides.h for the contract. */
#include "sides.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/sha256.h"
#include "train/file.h"

static void write_lines(const char *folder, const char *name, const char *const *lines)
{
    struct buf text, path;
    struct err err;
    buf_init(&text, 1 << 24);
    buf_init(&path, 4096);
    for (; *lines; lines++)
        buf_addf(&text, "%s\n", *lines);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\'')
            text.ptr[i] = '"';
    CHECK(file_replace(file_path(&path, folder, name), buf_span(&text), false, &err));
    buf_free(&text);
    buf_free(&path);
}

/* Every image is sound, and looks like no other: its key is the hash of its name. */
static void check_images_of(struct side *side)
{
    for (size_t i = 0; i < side->count; i++) {
        struct line *line = &side->lines[i];
        if (line->fate != LINE_USABLE)
            continue;
        sha256_of(side->refs.texts[line->ref], line->key);
        sha256_of(span_of(line->key, sizeof line->key), line->look);
        line->width = 640;
        line->height = 480;
    }
}

void sides_open(struct sides *all, const char *const *train, const char *const *test)
{
    struct err err;
    *all = (struct sides){ .folder = "/tmp/placard-sides-XXXXXX",
                           .request = { .version_arn = SPAN_LIT("arn:aws:rekognition:us-east-1:123456789012:project/p/"
                                                                "version/v/1"),
                                        .account = SPAN_LIT("123456789012"),
                                        .default_account = SPAN_LIT("123456789012"),
                                        .split = !test,
                                        .labels = 250,
                                        .line_chars = 100000,
                                        .label_chars = 256,
                                        .labels_per_image = 50,
                                        .boxes_per_image = 50,
                                        .side_min_px = 64,
                                        .side_max_px = 4096,
                                        .dropped_percent = 20 } };
    CHECK(mkdtemp(all->folder));
    intern_init(&all->names);
    chosen_init(&all->chosen);
    for (unsigned i = 0; i < TRAIN_SIDES; i++)
        side_init(&all->sides[i]);
    write_lines(all->folder, "train.lines", train);
    CHECK(side_load(&all->sides[0], 0, all->folder, &all->request, NULL, &all->names, &err));
    if (test) {
        write_lines(all->folder, "test.lines", test);
        CHECK(side_load(&all->sides[1], 1, all->folder, &all->request, NULL, &all->names, &err));
    }
    check_images_of(&all->sides[0]);
    check_images_of(&all->sides[1]);
}

void sides_choose(struct sides *all)
{
    choose_rows(&all->sides[0], &all->request);
    choose_rows(&all->sides[1], &all->request);
    choose_labels(all->sides, &all->request, &all->names, &all->chosen);
}

void sides_close(struct sides *all)
{
    struct err err;
    for (unsigned i = 0; i < TRAIN_SIDES; i++)
        side_free(&all->sides[i]);
    chosen_free(&all->chosen);
    intern_free(&all->names);
    CHECK(file_remove_folder(all->folder, &err));
}

#define COMMON "'human-annotated':'yes','creation-date':'2020-03-06T17:46:39.176'"

static char *taken(struct buf *text)
{
    char *line = mem_dup(text->ptr, text->len);
    buf_free(text);
    return line;
}

char *labeled_line(const char *name, const char *labels)
{
    struct buf text;
    struct span rest = span_str(labels);
    buf_init(&text, 1 << 20);
    buf_addf(&text, "{'source-ref':'s3://bucket/%s'", name);
    for (unsigned i = 0; rest.ptr; i++) {
        struct span label = span_cut(&rest, '|');
        buf_addf(&text,
                 ",'a%u':1,'a%u-metadata':{'confidence':1,'class-name':'" SPAN_FMT "'," COMMON
                 ",'type':'groundtruth/image-classification'}",
                 i, i, SPAN_ARG(label));
    }
    buf_add_char(&text, '}');
    return taken(&text);
}

char *boxed_line(const char *name, const char *labels)
{
    struct buf text, map, objects;
    struct span rest = span_str(labels);
    buf_init(&text, 1 << 20);
    buf_init(&map, 1 << 20);
    buf_init(&objects, 1 << 20);
    buf_addf(&text, "{'source-ref':'s3://bucket/%s','b':{'image_size':[{'width':640,'height':480,'depth':3}],", name);
    buf_add_str(&text, "'annotations':[");
    for (unsigned i = 0; rest.ptr; i++) {
        struct span label = span_cut(&rest, '|');
        const char *comma = i > 0 ? "," : "";
        buf_addf(&text, "%s{'class_id':%u,'left':%u,'top':120,'width':64,'height':48}", comma, i, 64 * i);
        buf_addf(&map, "%s'%u':'" SPAN_FMT "'", comma, i, SPAN_ARG(label));
        buf_addf(&objects, "%s{'confidence':1}", comma);
    }
    buf_addf(&text,
             "]},'b-metadata':{'objects':[" SPAN_FMT "],'class-map':{" SPAN_FMT "}," COMMON
             ",'type':'groundtruth/object-detection'}}",
             SPAN_ARG(buf_span(&objects)), SPAN_ARG(buf_span(&map)));
    buf_free(&map);
    buf_free(&objects);
    return taken(&text);
}

/* render: what several answers have in common, as spec M shapes it. */
#ifndef PLACARD_API_RENDER_H
#define PLACARD_API_RENDER_H

#include "json/json_writer.h"
#include "store/dataset.h"
#include "store/version.h"

/* `"key":"text"` */
void render_text(struct json_writer *w, const char *key, struct span text);

/* `"key":1690476084.738` */
void render_time(struct json_writer *w, const char *key, int64_t wall_ms);

/* `"key":7` */
void render_count(struct json_writer *w, const char *key, int64_t count);

/* `{}`, the whole of many answers. Always true. */
bool render_nothing(struct json_writer *w);

/* A DatasetDescription; every member always. */
void render_description(struct json_writer *w, const struct dataset_view *view);

/* A DatasetMetadata, as DescribeProjects lists it; every member always. */
void render_metadata(struct json_writer *w, const struct dataset_view *view);

/* A ProjectVersionDescription, with the members that its state has (spec B.6). The arena is for names of objects. */
void render_version(struct json_writer *w, struct arena *arena, const struct version *version);

#endif

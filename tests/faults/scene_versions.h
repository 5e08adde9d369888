/* scene_versions: the scenes of model versions and project policies; the inner side of scene. */
#ifndef PLACARD_TESTS_FAULTS_SCENE_VERSIONS_H
#define PLACARD_TESTS_FAULTS_SCENE_VERSIONS_H

#include "scene.h"
#include "work/models.h"

/* Trains, copies, loads and drops at once, and keeps nothing: what is swept is the rows. */
extern const struct models scene_models;

bool scene_put_policy(struct set *set, struct err *err);
bool scene_delete_policy(struct set *set, struct err *err);
bool scene_create_version(struct set *set, struct err *err);
bool scene_copy_version(struct set *set, struct err *err);
bool scene_start_version(struct set *set, struct err *err);
bool scene_stop_version(struct set *set, struct err *err);
bool scene_delete_version(struct set *set, struct err *err);

/* In set->models: a policy and a trained version; set->trained. */
void scene_make_version(struct set *set);

/* What the project has of both. Where a job was given up the code of datasets stands, too: SERVICE_ERROR. */
void scene_digest_versions(struct set *set, struct arena *arena, struct span project_arn, struct buf *out);

#endif

/*
 * driver: what a kind of object store is to object.c, and what the kinds share.
 *
 * A driver's store and reader begin with the structs below; object.c fills `driver` in. The names that reach a driver
 * have been checked by object.c (name_is_sound): a driver adds what only its kind knows. A reader outlives
 * no store.
 */
#ifndef PLACARD_OBJECT_DRIVER_H
#define PLACARD_OBJECT_DRIVER_H

#include "object/object.h"

#define OBJECT_KEY_MAX 1024
#define OBJECT_BUCKET_MAX 255

struct object_driver {
    const char *scheme; /* with its colon */
    bool (*open)(struct span place, struct object_store **ret_store, struct err *err);
    void (*close)(struct object_store *store);
    bool (*stat)(struct object_store *store, struct object_name name, struct object_info *ret_info, struct err *err);
    bool (*open_reader)(struct object_store *store, struct object_name name, uint64_t offset, struct span etag,
                        struct object_reader **ret_reader, struct err *err);
    bool (*read)(struct object_reader *reader, void *into, size_t room, size_t *ret_got, struct err *err);
    void (*close_reader)(struct object_reader *reader);
    bool (*put)(struct object_store *store, struct object_name name, struct span content, struct err *err);
    bool (*remove)(struct object_store *store, struct object_name name, struct err *err); /* the current version */
    bool (*make_bucket)(struct object_store *store, struct span bucket, struct err *err);
};

struct object_store {
    const struct object_driver *driver;
};

struct object_reader {
    const struct object_driver *driver;
};

extern const struct object_driver object_dir;
extern const struct object_driver object_s3;

/* The three sentences a client may read: AWS's own for the first two (spec A.5.1, D.5), ours for the third. */
bool object_fail_unreadable(struct err *err);
bool object_fail_denied(struct err *err); /* the first one, with a code of its own */
bool object_fail_unwritable(struct err *err);
bool object_fail_changed(struct err *err);

#endif

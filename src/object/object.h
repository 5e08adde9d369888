/*
 * object: the object store, behind one face: a directory (a bucket is a folder) or any S3 endpoint.
 *
 * Thread-safe: any number of threads may use one store; a reader or writer belongs to one. Errors: E_OBJECT for what
 * the caller named and cannot be read or written (absent, forbidden, escaping the bucket), with AWS's sentence of spec
 * A.5.1 for reading and of D.5 for writing; E_OBJECT_DENIED, with the same sentence, where the store says that reading
 * is forbidden (some say so of what is absent, too); E_OBJECT_CHANGED when the etag or the length is another than
 * expected; E_INTERNAL for a store that fails (timeouts and 5xx after retries, I/O errors).
 */
#ifndef PLACARD_OBJECT_OBJECT_H
#define PLACARD_OBJECT_OBJECT_H

#include "base/err.h"
#include "base/span.h"

struct object_store;
struct object_reader;

#define OBJECT_ETAG_ROOM 128
#define OBJECT_VERSION_ROOM 1025

/* Names one object; version is empty for "the current one". */
struct object_name {
    struct span bucket;
    struct span key;
    struct span version;
};

struct object_info {
    uint64_t bytes;
    char etag[OBJECT_ETAG_ROOM]; /* changes whenever the content does; for a directory made of inode, size and times */
};

/* `dir:PATH` or `s3:URL` (see docs/operating.md for the URL's parts). A directory is made if it is not there. */
bool object_store_open(struct span place, struct object_store **ret_store, struct err *err) MUST_CHECK;
void object_store_close(struct object_store *store);

bool object_stat(struct object_store *store, struct object_name name, struct object_info *ret_info,
                 struct err *err) MUST_CHECK;

/* Reads from byte `offset` on. `etag` (empty: any) must be the object's, at opening and until its last byte. */
bool object_open(struct object_store *store, struct object_name name, uint64_t offset, struct span etag,
                 struct object_reader **ret_reader, struct err *err) MUST_CHECK;

/* Up to `room` bytes; *ret_got == 0 is the end. */
bool object_read(struct object_reader *reader, void *into, size_t room, size_t *ret_got, struct err *err) MUST_CHECK;
void object_close(struct object_reader *reader);

/* Replaces or creates the object whole: a reader sees the old content or the new one, durable on return. */
bool object_put(struct object_store *store, struct object_name name, struct span content, struct err *err) MUST_CHECK;

/* Done too if there is no such object, or no such bucket. In a directory the folders that it leaves empty go, too. */
bool object_remove(struct object_store *store, struct object_name name, struct err *err) MUST_CHECK;

/* Done too if the bucket is there already and ours. A put makes no bucket. */
bool object_bucket_make(struct object_store *store, struct span bucket, struct err *err) MUST_CHECK;

/* What a test may count, delay and break: called before each call of a driver, and true makes it fail (E_INTERNAL). Of
   a read the name is empty. */
enum object_call {
    OBJECT_CALL_STAT,
    OBJECT_CALL_OPEN,
    OBJECT_CALL_READ,
    OBJECT_CALL_PUT,
    OBJECT_CALL_BUCKET,
    OBJECT_CALL_REMOVE
};
#define OBJECT_CALLS (OBJECT_CALL_REMOVE + 1)
typedef bool object_fault_hook(void *ctx, enum object_call call, struct object_name name);
/* Process-wide, for tests only, while no other thread is in the room; NULL removes it. */
void object_set_fault(object_fault_hook *hook, void *ctx);

/* 3 to 255 of [0-9A-Za-z.-_], as the API's model says (spec M). */
bool object_bucket_is_sound(struct span bucket);

#endif

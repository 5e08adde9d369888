/* object: see object.h for the contract. Choice of the driver, and the checks that hold for every kind. */
#include "object/object.h"

#include <stdatomic.h>

#include "object/driver.h"

static const struct object_driver *const drivers[] = { &object_dir, &object_s3 };

static _Atomic(object_fault_hook *) fault_hook;
static void *fault_ctx;

void object_set_fault(object_fault_hook *hook, void *ctx)
{
    fault_ctx = ctx;
    atomic_store(&fault_hook, hook);
}

static bool broken(enum object_call call, struct object_name name, struct err *err)
{
    object_fault_hook *hook = atomic_load_explicit(&fault_hook, memory_order_acquire);
    if (!hook || !hook(fault_ctx, call, name))
        return false;
    fail(err, E_INTERNAL, "injected fault");
    return true;
}

static const char unreadable[] =
    "Unable to get object metadata from S3. Check object key, region and/or access permissions.";

bool object_fail_unreadable(struct err *err)
{
    return fail(err, E_OBJECT, "%s", unreadable);
}

bool object_fail_denied(struct err *err)
{
    return fail(err, E_OBJECT_DENIED, "%s", unreadable);
}

bool object_fail_unwritable(struct err *err)
{
    return fail(err, E_OBJECT, "Unable to write to output S3 bucket.");
}

bool object_fail_changed(struct err *err)
{
    return fail(err, E_OBJECT_CHANGED, "The object was changed while it was being read.");
}

bool object_bucket_is_sound(struct span bucket)
{
    if (bucket.len < 3 || bucket.len > OBJECT_BUCKET_MAX)
        return false;
    for (size_t i = 0; i < bucket.len; i++) {
        char c = bucket.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!plain && c != '.' && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* What no kind of store takes: a driver may rely on it, and on a NUL never ending a name early. */
static bool name_is_sound(struct object_name name)
{
    return object_bucket_is_sound(name.bucket) && name.key.len > 0 && name.key.len <= OBJECT_KEY_MAX &&
           !memchr(name.key.ptr, '\0', name.key.len) && name.version.len < OBJECT_VERSION_ROOM &&
           (name.version.len == 0 || !memchr(name.version.ptr, '\0', name.version.len));
}

bool object_store_open(struct span place, struct object_store **ret_store, struct err *err)
{
    for (unsigned i = 0; i < COUNT_OF(drivers); i++) {
        struct span scheme = span_str(drivers[i]->scheme);
        if (!span_starts(place, scheme))
            continue;
        if (!drivers[i]->open(span_from(place, scheme.len), ret_store, err))
            return false;
        (*ret_store)->driver = drivers[i];
        return true;
    }
    return fail(err, E_CONFIG, "The object store `" SPAN_FMT "` is of no known kind; use dir:PATH or s3:URL.",
                SPAN_ARG(span_first(place, 200)));
}

void object_store_close(struct object_store *store)
{
    if (store)
        store->driver->close(store);
}

bool object_stat(struct object_store *store, struct object_name name, struct object_info *ret_info, struct err *err)
{
    if (!name_is_sound(name))
        return object_fail_unreadable(err);
    return !broken(OBJECT_CALL_STAT, name, err) && store->driver->stat(store, name, ret_info, err);
}

bool object_open(struct object_store *store, struct object_name name, uint64_t offset, struct span etag,
                 struct object_reader **ret_reader, struct err *err)
{
    if (!name_is_sound(name))
        return object_fail_unreadable(err);
    if (etag.len >= OBJECT_ETAG_ROOM)
        return object_fail_changed(err); /* no object ever had it */
    if (broken(OBJECT_CALL_OPEN, name, err) || !store->driver->open_reader(store, name, offset, etag, ret_reader, err))
        return false;
    (*ret_reader)->driver = store->driver;
    return true;
}

bool object_read(struct object_reader *reader, void *into, size_t room, size_t *ret_got, struct err *err)
{
    CHECK(room > 0);
    return !broken(OBJECT_CALL_READ, (struct object_name){ 0 }, err) &&
           reader->driver->read(reader, into, room, ret_got, err);
}

void object_close(struct object_reader *reader)
{
    if (reader)
        reader->driver->close_reader(reader);
}

bool object_put(struct object_store *store, struct object_name name, struct span content, struct err *err)
{
    if (!name_is_sound(name) || name.version.len > 0)
        return object_fail_unwritable(err);
    return !broken(OBJECT_CALL_PUT, name, err) && store->driver->put(store, name, content, err);
}

bool object_remove(struct object_store *store, struct object_name name, struct err *err)
{
    if (!name_is_sound(name) || name.version.len > 0)
        return object_fail_unwritable(err);
    return !broken(OBJECT_CALL_REMOVE, name, err) && store->driver->remove(store, name, err);
}

bool object_bucket_make(struct object_store *store, struct span bucket, struct err *err)
{
    if (!object_bucket_is_sound(bucket))
        return object_fail_unwritable(err);
    struct object_name name = { .bucket = bucket };
    return !broken(OBJECT_CALL_BUCKET, name, err) && store->driver->make_bucket(store, bucket, err);
}

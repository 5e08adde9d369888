/*
 * s3: the object store that is an S3 endpoint.
 *
 * A broken download goes on at the byte it reached, and only of the same object: the etag travels as If-Match and is
 * compared with the answer's as well, for servers that ignore it. Keys come from PLACARD_S3_ACCESS_KEY_ID,
 * PLACARD_S3_SECRET_ACCESS_KEY and PLACARD_S3_SESSION_TOKEN, else from the AWS_ variables of those names; they are read
 * once, at opening, and never logged.
 */
#include <stdlib.h>

#include "object/answer.h"
#include "object/driver.h"
#include "object/s3_client.h"

struct s3_store {
    struct object_store base;
    struct s3_client client;
};

struct s3_reader {
    struct object_reader base;
    struct s3_call call;
    char *names; /* what call.name points into */
    struct object_info info;
    uint64_t at;
    bool flowing; /* an answer is open, its body at `at` */
};

static struct s3_client *client_of(struct object_store *base)
{
    return &((struct s3_store *)base)->client;
}

static bool answer_etag(const struct s3_call *call, char ret_etag[OBJECT_ETAG_ROOM], struct err *err)
{
    struct span etag;
    if (!transport_header(call->transport, "ETag", &etag) || etag.len == 0 || etag.len >= OBJECT_ETAG_ROOM)
        return fail(err, E_INTERNAL, "the object store gave no usable ETag");
    memcpy(ret_etag, etag.ptr, etag.len);
    ret_etag[etag.len] = '\0';
    return true;
}

static bool answer_length(const struct s3_call *call, uint64_t *ret_bytes, struct err *err)
{
    struct span length;
    if (!transport_header(call->transport, "Content-Length", &length) || !span_to_u64(length, INT64_MAX, ret_bytes))
        return fail(err, E_INTERNAL, "the object store gave no length");
    return true;
}

static bool stat_object(struct s3_client *client, struct object_name name, struct object_info *ret_info,
                        struct err *err)
{
    struct s3_call call;
    struct object_info info;
    unsigned status;
    s3_call_init(&call, client, "HEAD", name);
    bool done = s3_call_exchange(&call, &status, err);
    if (done && status != 200)
        done = s3_call_fail_status(&call, status, err);
    done = done && answer_etag(&call, info.etag, err) && answer_length(&call, &info.bytes, err);
    if (done)
        *ret_info = info;
    s3_call_free(&call);
    return done;
}

static bool s3_stat(struct object_store *base, struct object_name name, struct object_info *ret_info, struct err *err)
{
    return stat_object(client_of(base), name, ret_info, err);
}

static bool answer_range(const struct s3_call *call, uint64_t *ret_bytes, struct err *err)
{
    struct span range;
    if (!transport_header(call->transport, "Content-Range", &range))
        return fail(err, E_INTERNAL, "the object store gave a part without saying which");
    return answer_range_total(range, call->offset, ret_bytes) ||
           fail(err, E_INTERNAL, "the object store gave another part than was asked for");
}

/* 416: there is nothing at the offset. That is right at the very end of the object, and a change anywhere else. */
static bool reader_at_end(struct s3_reader *reader, struct object_info *ret_info, struct err *err)
{
    struct object_info info;
    transport_end(reader->call.transport);
    if (!stat_object(reader->call.client, reader->call.name, &info, err))
        return false;
    if (info.bytes != reader->at)
        return object_fail_changed(err);
    *ret_info = info;
    return true;
}

/* Asks for the object from `at` on, and makes sure that it is the one whose reading began. */
static bool reader_flow(struct s3_reader *reader, struct err *err)
{
    struct s3_call *call = &reader->call;
    struct object_info info = { 0 };
    unsigned status;
    call->offset = reader->at;
    call->etag = span_str(reader->info.etag);
    if (!s3_call_exchange(call, &status, err))
        return false;
    bool done = false;
    if (status == 416 && reader->at > 0)
        done = reader_at_end(reader, &info, err);
    else if (status == 206 || (status == 200 && reader->at == 0))
        done = answer_etag(call, info.etag, err) &&
               (status == 206 ? answer_range(call, &info.bytes, err) : answer_length(call, &info.bytes, err));
    else if (status == 200)
        fail(err, E_INTERNAL, "the object store gives no parts of objects");
    else
        s3_call_fail_status(call, status, err);
    bool known = reader->info.etag[0] != '\0';
    if (done && ((known && strcmp(info.etag, reader->info.etag) != 0) || reader->at > info.bytes))
        done = object_fail_changed(err);
    reader->flowing = done && status != 416;
    if (!done)
        transport_end(call->transport);
    else
        reader->info = info;
    return done;
}

static void s3_close_reader(struct object_reader *base)
{
    struct s3_reader *reader = (struct s3_reader *)base;
    s3_call_free(&reader->call);
    free(reader->names);
    free(reader);
}

static bool s3_open_reader(struct object_store *base, struct object_name name, uint64_t offset, struct span etag,
                           struct object_reader **ret_reader, struct err *err)
{
    struct s3_reader *reader = mem_zero(1, sizeof *reader);
    size_t bucket = name.bucket.len, key = name.key.len, version = name.version.len;
    reader->names = mem_alloc(bucket + key + version + 1);
    memcpy(reader->names, name.bucket.ptr, bucket);
    memcpy(reader->names + bucket, name.key.ptr, key);
    if (version > 0)
        memcpy(reader->names + bucket + key, name.version.ptr, version);
    struct object_name own = { span_of(reader->names, bucket), span_of(reader->names + bucket, key),
                               span_of(reader->names + bucket + key, version) };
    s3_call_init(&reader->call, client_of(base), "GET", own);
    reader->at = offset;
    if (etag.len > 0)
        memcpy(reader->info.etag, etag.ptr, etag.len);
    if (!reader_flow(reader, err)) {
        s3_close_reader(&reader->base);
        return false;
    }
    *ret_reader = &reader->base;
    return true;
}

static bool s3_read(struct object_reader *base, void *into, size_t room, size_t *ret_got, struct err *err)
{
    struct s3_reader *reader = (struct s3_reader *)base;
    while (reader->at < reader->info.bytes) {
        struct err why = { .text = "it ended early" };
        size_t got;
        if (!reader->flowing && !reader_flow(reader, err))
            return false;
        if (!reader->flowing) /* more had been announced than there is */
            break;
        uint64_t left = reader->info.bytes - reader->at;
        if (transport_read(reader->call.transport, into, room < left ? room : (size_t)left, &got, &why) && got > 0) {
            reader->at += got;
            reader->call.failures = 0;
            *ret_got = got;
            return true;
        }
        reader->flowing = false;
        if (!s3_call_go_on(&reader->call, why.text, err))
            return false;
    }
    *ret_got = 0;
    return true;
}

/* Sends content and reads the answer out, so that the connection serves again. Any status is an answer. */
static bool send_content(struct s3_call *call, struct span content, unsigned *ret_status, struct err *err)
{
    char some[1024];
    size_t got;
    call->body = content;
    call->writes = true;
    if (!s3_call_exchange(call, ret_status, err))
        return false;
    if (*ret_status == 200)
        while (transport_read(call->transport, some, sizeof some, &got, NULL) && got > 0)
            continue;
    return true;
}

static bool s3_put(struct object_store *base, struct object_name name, struct span content, struct err *err)
{
    struct s3_call call;
    unsigned status;
    s3_call_init(&call, client_of(base), "PUT", name);
    bool done = send_content(&call, content, &status, err);
    if (done && status != 200)
        done = s3_call_fail_status(&call, status, err);
    s3_call_free(&call);
    return done;
}

static bool s3_remove(struct object_store *base, struct object_name name, struct err *err)
{
    struct s3_call call;
    unsigned status;
    s3_call_init(&call, client_of(base), "DELETE", name);
    call.writes = true;
    bool done = s3_call_exchange(&call, &status, err);
    if (done && status != 204 && status != 200 && status != 404)
        done = s3_call_fail_status(&call, status, err);
    s3_call_free(&call);
    return done;
}

/* A bucket that we may look into is as good as one that we made. */
static bool bucket_is_ours(struct s3_client *client, struct span bucket, struct err *err)
{
    struct s3_call call;
    unsigned status;
    s3_call_init(&call, client, "HEAD", (struct object_name){ .bucket = bucket });
    call.writes = true;
    bool done = s3_call_exchange(&call, &status, err);
    if (done && status != 200)
        done = s3_call_fail_status(&call, status, err);
    s3_call_free(&call);
    return done;
}

static bool s3_make_bucket(struct object_store *base, struct span bucket, struct err *err)
{
    struct s3_client *client = client_of(base);
    struct s3_call call;
    struct buf body;
    unsigned status;
    buf_init(&body, 1024);
    /* us-east-1 is where a bucket is when no place is named, and must not be named. */
    if (strcmp(client->address.region, "us-east-1") != 0)
        buf_addf(&body,
                 "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                 "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
                 client->address.region);
    s3_call_init(&call, client, "PUT", (struct object_name){ .bucket = bucket });
    bool done = send_content(&call, buf_span(&body), &status, err);
    if (done && status == 409)
        done = bucket_is_ours(client, bucket, err);
    else if (done && status != 200)
        done = s3_call_fail_status(&call, status, err);
    s3_call_free(&call);
    buf_free(&body);
    return done;
}

static void s3_close(struct object_store *base)
{
    s3_client_free(client_of(base));
    free(base);
}

static bool s3_open(struct span place, struct object_store **ret_store, struct err *err)
{
    struct s3_store *store = mem_zero(1, sizeof *store);
    if (!s3_client_init(&store->client, place, err)) {
        free(store);
        return false;
    }
    *ret_store = &store->base;
    return true;
}

const struct object_driver object_s3 = {
    .scheme = "s3:",
    .open = s3_open,
    .close = s3_close,
    .stat = s3_stat,
    .open_reader = s3_open_reader,
    .read = s3_read,
    .close_reader = s3_close_reader,
    .put = s3_put,
    .remove = s3_remove,
    .make_bucket = s3_make_bucket,
};

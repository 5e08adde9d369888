/* internal: the store's own struct, for the files of this room alone. */
#ifndef PLACARD_STORE_INTERNAL_H
#define PLACARD_STORE_INTERNAL_H

#include <pthread.h>

#include "block/block.h"
#include "json/json.h"
#include "store/catalog.h"
#include "store/store.h"

#define STORE_READERS_MAX 64

struct store_reader {
    struct db *db;
    struct block_packer *packer;
    struct json_parser *json;
};

/* News for the catalog, gathered in a write transaction and told after its COMMIT. */
struct publication {
    struct publication *next;
    bool gone;
    struct dataset_view view;
};

/* A project of which a version has changed, likewise for the watcher. */
struct told {
    struct told *next;
    int64_t project_id;
};

struct store {
    const char *partition;
    bool shared;
    struct catalog *catalog; /* empty where it is shared */
    unsigned char hash_secret[32];
    unsigned char token_secret[32];

    pthread_mutex_t lock; /* the five below */
    pthread_cond_t api_turn, job_turn;
    unsigned api_waiting;
    bool busy;
    bool job_due; /* a job's patience is over: it goes next */
    struct store_waits waits;

    struct db *keeper; /* of leases (job_renew), where it is shared; used by one thread, while the writer may be busy */

    struct db *writer; /* these belong to who made busy true */
    struct arena published;
    struct publication *publications;
    struct told *told;
    unsigned tidied_pages; /* of the log when that was last asked for */

    struct tidier *tidier;

    pthread_mutex_t watch_lock; /* the two below */
    void (*watch)(void *ctx, int64_t project_id);
    void *watch_ctx;

    pthread_mutex_t reader_lock; /* the readers */
    pthread_cond_t reader_free;
    struct store_reader readers[STORE_READERS_MAX];
    unsigned reader_count;
    struct store_reader *idle[STORE_READERS_MAX];
    unsigned idle_count;
};

/* Waits for one's turn to write and keeps all others out, without a transaction. */
void store_gate_take(struct store *store, enum store_who who);
void store_gate_give(struct store *store);

/* Inside a write: what the catalog will say of this dataset once the transaction is committed (`arn` if it is gone). */
bool store_publish(struct store *store, struct db *db, int64_t dataset_id, struct span arn, struct err *err) MUST_CHECK;

/* Inside a write: the watcher will hear of the project once the transaction is committed. */
void store_tell(struct store *store, int64_t project_id);

/* The packer and the parser that go with a read connection. */
struct block_packer *store_reader_packer(struct store *store, const struct db *db);
struct json_parser *store_reader_json(struct store *store, const struct db *db);

#endif

/* catalog: see catalog.h for the contract. A chained hash table per shard, grown as it fills. */
#include "store/catalog.h"

#include <pthread.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { SHARDS = 64, SLOTS_FIRST = 16 };

struct node {
    struct node *next;
    uint64_t hash;
    struct dataset_view view; /* its spans point behind this struct */
};

struct shard {
    pthread_mutex_t lock;
    struct node **slots;
    size_t slot_count;
    size_t used;
};

struct catalog {
    struct shard shards[SHARDS];
};

struct catalog *catalog_new(void)
{
    struct catalog *catalog = mem_zero(1, sizeof *catalog);
    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &catalog->shards[i];
        CHECK(pthread_mutex_init(&shard->lock, NULL) == 0);
        shard->slot_count = SLOTS_FIRST;
        shard->slots = mem_zero(SLOTS_FIRST, sizeof *shard->slots);
    }
    return catalog;
}

void catalog_free(struct catalog *catalog)
{
    for (unsigned i = 0; catalog && i < SHARDS; i++) {
        struct shard *shard = &catalog->shards[i];
        for (size_t s = 0; s < shard->slot_count; s++) {
            while (shard->slots[s]) {
                struct node *next = shard->slots[s]->next;
                free(shard->slots[s]);
                shard->slots[s] = next;
            }
        }
        free(shard->slots);
        pthread_mutex_destroy(&shard->lock);
    }
    free(catalog);
}

static uint64_t hash_of(struct span arn)
{
    return XXH3_64bits(arn.ptr, arn.len);
}

static struct shard *shard_of(struct catalog *catalog, uint64_t hash)
{
    return &catalog->shards[hash >> 58];
}

/* Where the pointer to that ARN's node is or belongs. */
static struct node **find(struct shard *shard, uint64_t hash, struct span arn)
{
    struct node **at = &shard->slots[hash & (shard->slot_count - 1)];
    while (*at && !((*at)->hash == hash && span_eq((*at)->view.arn, arn)))
        at = &(*at)->next;
    return at;
}

static void grow(struct shard *shard)
{
    size_t count = shard->slot_count * 2;
    struct node **slots = mem_zero(count, sizeof *slots);
    for (size_t s = 0; s < shard->slot_count; s++) {
        while (shard->slots[s]) {
            struct node *node = shard->slots[s];
            shard->slots[s] = node->next;
            node->next = slots[node->hash & (count - 1)];
            slots[node->hash & (count - 1)] = node;
        }
    }
    free(shard->slots);
    shard->slots = slots;
    shard->slot_count = count;
}

static struct node *node_new(uint64_t hash, const struct dataset_view *view)
{
    struct node *node = mem_alloc(sizeof *node + view->arn.len + view->message.len);
    char *text = (char *)(node + 1);
    memcpy(text, view->arn.ptr, view->arn.len);
    memcpy(text + view->arn.len, view->message.ptr, view->message.len);
    node->next = NULL;
    node->hash = hash;
    node->view = *view;
    node->view.arn = span_of(text, view->arn.len);
    node->view.message = span_of(text + view->arn.len, view->message.len);
    return node;
}

void catalog_put(struct catalog *catalog, const struct dataset_view *view)
{
    uint64_t hash = hash_of(view->arn);
    struct node *node = node_new(hash, view);
    struct shard *shard = shard_of(catalog, hash);
    pthread_mutex_lock(&shard->lock);
    struct node **at = find(shard, hash, view->arn);
    struct node *old = *at;
    node->next = old ? old->next : NULL;
    *at = node;
    if (!old && ++shard->used > shard->slot_count)
        grow(shard);
    pthread_mutex_unlock(&shard->lock);
    free(old);
}

void catalog_remove(struct catalog *catalog, struct span arn)
{
    uint64_t hash = hash_of(arn);
    struct shard *shard = shard_of(catalog, hash);
    pthread_mutex_lock(&shard->lock);
    struct node **at = find(shard, hash, arn);
    struct node *old = *at;
    if (old) {
        *at = old->next;
        shard->used--;
    }
    pthread_mutex_unlock(&shard->lock);
    free(old);
}

bool catalog_get(struct catalog *catalog, struct arena *arena, struct span arn, struct dataset_view *ret_view)
{
    uint64_t hash = hash_of(arn);
    struct shard *shard = shard_of(catalog, hash);
    pthread_mutex_lock(&shard->lock);
    const struct node *node = *find(shard, hash, arn);
    if (node) {
        *ret_view = node->view;
        ret_view->arn = arn;
        ret_view->message = arena_copy(arena, node->view.message);
    }
    pthread_mutex_unlock(&shard->lock);
    return node != NULL;
}

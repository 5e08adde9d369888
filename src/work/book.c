/* book: see book.h for the contract. */
#include "work/book.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* How many labels are worth writing at once, and among how many times as many. */
enum { MANY = 8, SPARSE = 4 };

void book_init(struct book *book)
{
    *book = (struct book){ .next_id = 1 };
    arena_init(&book->names);
}

void book_free(struct book *book)
{
    free(book->labels);
    free(book->dirty);
    free(book->staged);
    free(book->slots);
    arena_free(&book->names);
}

static size_t slot_of(const struct book *book, struct span name)
{
    size_t at = XXH3_64bits(name.ptr, name.len) & (book->slot_count - 1);
    while (book->slots[at] && !span_eq(book->labels[book->slots[at] - 1].name, name))
        at = (at + 1) & (book->slot_count - 1);
    return at;
}

static void slots_grow(struct book *book)
{
    book->slot_count = book->slot_count ? book->slot_count * 2 : 512;
    free(book->slots);
    book->slots = mem_zero(book->slot_count, sizeof *book->slots);
    for (size_t i = 0; i < book->count; i++)
        book->slots[slot_of(book, book->labels[i].name)] = (uint32_t)(i + 1);
}

static size_t push(struct book *book, const struct label_count *label)
{
    CHECK(label->id >= book->next_id && label->id < UINT32_MAX);
    if (book->count == book->room) {
        book->room = book->room ? book->room * 2 : 256;
        book->labels = mem_grow(book->labels, book->room * sizeof *book->labels);
        book->dirty = mem_grow(book->dirty, book->room * sizeof *book->dirty);
        book->staged = mem_grow(book->staged, book->room * sizeof *book->staged);
    }
    if ((book->count + 1) * 2 > book->slot_count)
        slots_grow(book);
    size_t place = book->count++;
    book->labels[place] = *label;
    book->labels[place].name = arena_copy(&book->names, label->name);
    book->dirty[place] = book->staged[place] = false;
    book->slots[slot_of(book, label->name)] = (uint32_t)(place + 1);
    book->next_id = label->id + 1;
    return place;
}

void book_load(struct book *book, const struct label_count *label, bool staged)
{
    size_t place = push(book, label); /* first, for it may move the rest */
    book->staged[place] = staged;
}

size_t book_place(struct book *book, struct span name)
{
    if (book->slot_count) {
        size_t slot = slot_of(book, name);
        if (book->slots[slot])
            return book->slots[slot] - 1;
    }
    struct label_count fresh = { .id = book->next_id, .name = name };
    size_t place = push(book, &fresh);
    book->dirty[place] = true;
    return place;
}

uint32_t book_id(struct book *book, struct span name)
{
    size_t place = book_place(book, name); /* first, for it may move the labels */
    return (uint32_t)book->labels[place].id;
}

size_t book_place_of_id(const struct book *book, int64_t id)
{
    size_t low = 0, high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (book->labels[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    CHECK(low < book->count && book->labels[low].id == id);
    return low;
}

static void count_many(struct book *book, size_t place, int64_t used, int64_t boxed, int64_t declared)
{
    struct label_count *label = &book->labels[place];
    label->entries += used;
    label->boxed += boxed;
    label->declared += declared;
    CHECK(label->entries >= 0 && label->boxed >= 0 && label->declared >= 0);
    book->dirty[place] = true;
}

void book_count(struct book *book, size_t place, unsigned flags, int delta)
{
    count_many(book, place, flags & BLOCK_USED ? delta : 0, flags & BLOCK_BOXED ? delta : 0,
               flags & BLOCK_DECLARED ? delta : 0);
}

void book_count_block(struct book *book, const struct block *block, int delta)
{
    for (unsigned i = 0; i < block->label_count; i++) {
        const struct block_label *label = &block->labels[i];
        count_many(book, book_place_of_id(book, label->id), delta * (int64_t)block_set_count(&label->used),
                   delta * (int64_t)block_set_count(&label->boxed), delta * (int64_t)block_set_count(&label->declared));
    }
}

int64_t book_live(const struct book *book)
{
    int64_t live = 0;
    for (size_t i = 0; i < book->count; i++)
        live += book->labels[i].entries > 0 || book->labels[i].boxed > 0 || book->labels[i].declared > 0;
    return live;
}

/* Each label by itself. */
static bool write_each(struct book *book, struct db *db, int64_t dataset_id, struct err *err)
{
    for (size_t i = 0; i < book->count; i++) {
        if (!book->dirty[i])
            continue;
        if (!stage_label_put(db, dataset_id, &book->labels[i], err))
            return false;
        book->dirty[i] = false;
        book->staged[i] = true;
    }
    return true;
}

/* Those from `first` to `last` all at once, in place of what is staged of them. */
static bool write_range(struct book *book, size_t first, size_t last, struct db *db, int64_t dataset_id,
                        struct err *err)
{
    const struct label_count *labels = book->labels;
    if (!stage_labels_clear_range(db, dataset_id, labels[first].id, labels[last].id, err))
        return false;
    for (size_t i = first; i <= last; i++) {
        if (!book->dirty[i] && !book->staged[i])
            continue;
        if (!stage_label_append(db, dataset_id, &labels[i], err))
            return false;
        book->dirty[i] = false;
        book->staged[i] = true;
    }
    return true;
}

bool book_write(struct book *book, struct db *db, int64_t dataset_id, struct err *err)
{
    size_t dirty = 0, first = 0, last = 0;
    for (size_t i = 0; i < book->count; i++) {
        if (!book->dirty[i])
            continue;
        first = dirty++ ? first : i;
        last = i;
    }
    if (dirty < MANY || dirty * SPARSE < last - first + 1)
        return write_each(book, db, dataset_id, err);
    return write_range(book, first, last, db, dataset_id, err);
}

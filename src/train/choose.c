/* choose: see choose.h for the contract. */
#include "train/choose.h"

#include <stdlib.h>

#include "train/sets.h"

void chosen_init(struct chosen *chosen)
{
    *chosen = (struct chosen){ 0 };
    arena_init(&chosen->arena);
}

void chosen_free(struct chosen *chosen)
{
    arena_free(&chosen->arena);
}

static void blame(unsigned *errors, enum train_error error)
{
    *errors |= 1u << error;
}

/* --- rows ----------------------------------------------------------------------------------------------------------
 */

static bool owns_bucket(const struct train_request *request, struct span bucket)
{
    for (size_t i = 0; i < request->bucket_count; i++)
        if (span_eq(request->buckets[i].name, bucket))
            return span_eq(request->buckets[i].account, request->account);
    return span_eq(request->default_account, request->account);
}

void choose_rows(struct side *side, const struct train_request *request)
{
    size_t counted = 0, invalid = 0, unread = 0, forbidden = 0, sound = 0;
    for (size_t i = 0; i < side->count; i++) {
        counted += side->lines[i].fate != LINE_IGNORED; /* an image without annotations weighs for neither */
        invalid += side->lines[i].fate == LINE_INVALID;
        unread += side->lines[i].unread;
        forbidden += side->lines[i].forbidden;
        sound += side->lines[i].fate == LINE_USABLE;
    }
    if (unread > 0 && sound == 0)
        blame(&side->errors, forbidden == unread ? TRAIN_IMAGES_FORBIDDEN : TRAIN_NO_IMAGE_COPIED);
    if (request->dropped_percent > 0 && invalid * 100 > counted * (uint64_t)request->dropped_percent)
        blame(&side->errors, TRAIN_TOO_MANY_INVALID);
    if (side->several_buckets)
        blame(&side->errors, TRAIN_SEVERAL_BUCKETS);
    if (side->bucket.ptr && !owns_bucket(request, side->bucket))
        blame(&side->errors, TRAIN_BUCKET_OWNER);
}

/* --- the kind ------------------------------------------------------------------------------------------------------
 */

struct census {
    size_t labeled, boxed; /* lines that have only image-level labels; that have boxes */
    size_t named;          /* lines that have image-level labels */
};

static struct census count_lines(const struct side *side)
{
    struct census census = { 0 };
    for (size_t i = 0; i < side->count; i++) {
        const struct line *line = &side->lines[i];
        if (line->fate != LINE_USABLE)
            continue;
        census.boxed += line->box_count > 0;
        census.named += line->label_count > 0;
        census.labeled += line->label_count > 0 && line->box_count == 0;
    }
    return census;
}

/* Which labels lines of a side have: of any kind, and those that the model can use. Bits 1 << side. */
struct uses {
    unsigned char *any, *usable;
};

static void note_uses(const struct side *side, unsigned number, bool boxes, bool labels, struct uses *uses)
{
    for (size_t i = 0; i < side->count; i++) {
        const struct line *line = &side->lines[i];
        if (line->fate != LINE_USABLE)
            continue;
        for (uint32_t k = 0; k < line->label_count; k++) {
            uint32_t name = side->labels[line->first_label + k];
            uses->any[name] |= (unsigned char)(1u << number);
            if (labels)
                uses->usable[name] |= (unsigned char)(1u << number);
        }
        for (uint32_t k = 0; k < line->box_count; k++) {
            uint32_t name = side->boxes[line->first_box + k].label;
            uses->any[name] |= (unsigned char)(1u << number);
            if (boxes)
                uses->usable[name] |= (unsigned char)(1u << number);
        }
    }
}

static size_t count_of(const unsigned char *set, size_t names, unsigned bits)
{
    size_t count = 0;
    for (size_t i = 0; i < names; i++)
        count += (set[i] & bits) == bits;
    return count;
}

static void check_side_labels(struct side *side, unsigned number, const struct uses *uses, size_t names, size_t least,
                              const struct train_request *request)
{
    size_t any = count_of(uses->any, names, 1u << number), usable = count_of(uses->usable, names, 1u << number);
    if (request->labels > 0 && any > (size_t)request->labels)
        blame(&side->errors, TRAIN_TOO_MANY_LABELS);
    if (any < least)
        blame(&side->errors, TRAIN_TOO_FEW_LABELS);
    else if (usable < least)
        blame(&side->errors, TRAIN_TOO_FEW_USABLE_LABELS);
}

static void check_overlap(struct chosen *chosen, const struct uses *uses, size_t names)
{
    size_t any = count_of(uses->any, names, 1), shared = count_of(uses->any, names, 3);
    size_t usable = count_of(uses->usable, names, 1), shared_usable = count_of(uses->usable, names, 3);
    if (shared * 2 < any)
        blame(&chosen->errors, TRAIN_LABEL_OVERLAP);
    else if (shared_usable * 2 < usable)
        blame(&chosen->errors, TRAIN_USABLE_LABEL_OVERLAP);
}

struct named {
    struct span name;
    uint32_t number;
};

static int by_name(const void *a, const void *b)
{
    return span_compare(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The model's labels: what training lines use, in the order of their bytes. */
static void list_labels(struct chosen *chosen, const struct uses *uses, const struct intern *names)
{
    struct named *list = mem_alloc((names->count + 1) * sizeof *list);
    for (uint32_t i = 0; i < names->count; i++)
        if (uses->usable[i] & 1)
            list[chosen->label_count++] = (struct named){ names->texts[i], i };
    qsort(list, chosen->label_count, sizeof *list, by_name);
    chosen->labels = arena_alloc(&chosen->arena, (chosen->label_count + 1) * sizeof *chosen->labels);
    chosen->place_of = arena_alloc(&chosen->arena, (names->count + 1) * sizeof *chosen->place_of);
    for (uint32_t i = 0; i < names->count; i++)
        chosen->place_of[i] = UINT32_MAX;
    for (size_t i = 0; i < chosen->label_count; i++) {
        chosen->labels[i] = list[i].name;
        chosen->place_of[list[i].number] = (uint32_t)i;
    }
    free(list);
}

void choose_labels(struct side sides[TRAIN_SIDES], const struct train_request *request, const struct intern *names,
                   struct chosen *chosen)
{
    const struct census train = count_lines(&sides[0]), test = count_lines(&sides[1]);
    bool detection = train.boxed > 0 && train.boxed >= train.labeled;
    bool boxes_test = !detection && !request->split && test.named == 0 && test.boxed > 0;
    size_t least = detection ? 1 : 2;
    struct uses uses = { mem_zero(names->count + 1, 1), mem_zero(names->count + 1, 1) };
    note_uses(&sides[0], 0, detection, !detection, &uses);
    note_uses(&sides[1], 1, detection || boxes_test, !detection, &uses);
    check_side_labels(&sides[0], 0, &uses, names->count, least, request);
    if (!request->split) {
        check_side_labels(&sides[1], 1, &uses, names->count, least, request);
        check_overlap(chosen, &uses, names->count);
    }
    chosen->kind = detection ? MODEL_DETECTION : MODEL_SINGLE_LABEL;
    list_labels(chosen, &uses, names);
    free(uses.any);
    free(uses.usable);
    if (sides[0].errors || sides[1].errors || chosen->errors)
        return;
    sets_settle(&sides[0], chosen, false);
    if (request->split && !sets_split(sides, chosen)) {
        blame(&sides[0].errors, TRAIN_TOO_FEW_FOR_SPLIT);
        return;
    }
    if (!request->split)
        sets_settle(&sides[1], chosen, boxes_test);
    chosen->known = true;
    sets_fill(sides, chosen, boxes_test);
}

const char *choose_message(const struct side sides[TRAIN_SIDES], const struct chosen *chosen)
{
    const unsigned errors[] = { sides[0].errors, sides[1].errors, chosen->errors };
    for (size_t i = 0; i < COUNT_OF(errors); i++)
        if (errors[i])
            return train_error_texts[__builtin_ctz(errors[i])].message;
    return NULL;
}

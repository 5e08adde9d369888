/* A runner whose claim was taken from it, as tests/model/lease.pml has it: it may write nothing, not even tidy up. */
#include "house.h" /* before cmocka.h, which has a macro called fail */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "work/stage.h"

/* One claim on the dataset's job, and what a runner works with. */
struct hand {
    struct job job;
    struct run run;
    struct stage stage;
    atomic_bool stopping;
    atomic_uint_least64_t lines, entries;
};

static void claim(struct house *house, struct hand *hand, const char *owner)
{
    bool found;
    *hand = (struct hand){ .run = { .store = house->store, .arena = &house->arena } };
    hand->run.job = &hand->job;
    hand->run.stopping = &hand->stopping;
    hand->run.lines_read = &hand->lines;
    hand->run.entries_written = &hand->entries;
    assert_true(
        job_claim(house->store, &house->arena, JOB_LANE_DATASETS, span_str(owner), &hand->job, &found, &house->err));
    assert_true(found);
}

static void stage_one_entry(struct house *house, struct hand *hand)
{
    const struct block_entry entry = { .seq = 1, .hash = 7 };
    struct stage *stage = &hand->stage;
    assert_true(stage_open(stage, &hand->run, hand->job.dataset_id, false, &house->err));
    assert_true(stage_turn(stage, &house->err));
    assert_true(stage_put(stage, &entry, SPAN_LIT("{}"), NULL, 0, true, &house->err));
    stage_count(stage, 0, NULL, 0, 1);
    stage->progress.next_seq = 2;
    assert_true(stage_flush(stage, &house->err));
    assert_true(stage_pause(stage, true, &house->err));
}

static void who_lost_the_claim_undoes_nothing(void **state)
{
    (void)state;
    struct house house;
    struct hand early, late;
    struct span arn;
    house_open(&house);
    runner_stop(house.runner);
    house.runner = NULL;
    struct dataset_new wish = { .project_arn = house.project, .type = DATASET_TRAIN };
    assert_true(dataset_create(house.store, &house.arena, &wish, &arn, &house.err));
    claim(&house, &early, "early");
    assert_true(job_void_leases(house.store, &house.err));
    claim(&house, &late, "late");
    stage_one_entry(&house, &late);
    assert_false(stage_open(&early.stage, &early.run, early.job.dataset_id, false, &house.err));
    assert_int_equal(house.err.code, E_LOST_LEASE);
    assert_true(stage_finish(&late.stage, NULL, DATASET_CREATE_COMPLETE, "made", &house.err));
    stage_close(&late.stage);
    size_t count;
    house_entries(&house, arn, &count);
    assert_int_equal(count, 1);
    assert_int_equal(house_describe(&house, arn).stats.total, 1);
    house_close(&house);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_lost_the_claim_undoes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

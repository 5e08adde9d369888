/*
 * distribute: two datasets that flip at once, and the deletion of one of them, for spin. Beside lease.pml, which has the
 * jobs of one dataset; what is said there of transactions, mishaps and `C:` holds here.
 *
 * A training dataset of two blocks with two entries each, and an empty test dataset. A distribution moves the second
 * entry of each block: the block is rewritten without it, and the moved ones are staged in the test dataset; or it is
 * given up, for a label could not be on both sides. A copy of the training dataset may be promised before it or after.
 * Then one of the two datasets is deleted, maybe while the distribution still settles. Two runners take the jobs, and a
 * claim can be taken from one that is still at work: that is a lease that runs out while its owner lives, slow or cut
 * off, and goes on in the belief that it holds it.
 *
 * The variable BROKEN of the environment breaks one rule of the protocol; each must be found:
 */
#define LEASE_UNCHECKED 1    /* a write does not ask whose the job is */
#define ATTEMPT_UNCHECKED 2  /* the owner alone is asked for */
#define FLIP_APART 3         /* the two datasets flip in two transactions */
#define UNDO_ONE_SIDE 4      /* of a distribution given up, what is staged in the test dataset stays */
#define REFS_OF_ALL 5        /* with a dead block go the refs of all that was in it */
#define REFS_STAY 6          /* with a dead block goes no ref */
#define DELETE_BESIDE_COPY 7 /* and while a copy reads */
#define SETTLE_BESIDE_COPY 8 /* likewise */
#define GIVE_UP_ONE_SIDE 9   /* a distribution given up frees one dataset */

#ifndef MISHAPS
#define MISHAPS 2
#endif
#define HOPELESS 1

#define TRAIN 0
#define TEST 1
#define GENERATIONS 4 /* 0 to 2; a runner that comes too late looks for a third */
#define PLACES 16
#define AT(d, p, born) ((d) * 8 + (p) * GENERATIONS + (born))

/* The table block: a bit for each entry in it, 0 where there is no row; the generation it dies in, 0 for none. The table
   entry_ref likewise. The datasets' rows. */
byte entries[PLACES];
byte died[PLACES];
byte refs[2];
byte generation[2];
bool busy[2];
bool there[2];
bool deleting[2];

byte copied[2]; /* the blocks of the copy's dataset */

#define DISTRIBUTE 0
#define COPY 1
#define DELETE 2
#define JOBS 3
#define STAGING 1
#define GIVING_UP 2
#define SETTLING 3
typedef job_row {
    byte phase; /* 0: no row */
    byte owner;
    byte attempt;
    byte failures;
    byte cursor;
};
job_row job[JOBS];
byte pinned; /* other_gen of the copy */
byte victim; /* dataset_id of the deletion */

/* How things ought to be: what each block place of each dataset shows. */
byte want[4];
byte want_copy[2];
byte mishaps;
bool promised_all;
byte broken;

/* --- what a reader sees --- */

/* C: store/stage_read.c stage_blocks, stage_block_at */
#define SEEN_OF(d, p, born, at) \
    (((born) <= (at) && (died[AT(d, p, born)] == 0 || died[AT(d, p, born)] > (at))) * entries[AT(d, p, born)])
#define SEEN(d, p, at) (SEEN_OF(d, p, 1, at) + SEEN_OF(d, p, 2, at) + SEEN_OF(d, p, 3, at))
#define WANT(d) (want[(d) * 2] + want[(d) * 2 + 1])

inline check_side(d)
{
    assert(deleting[d] || (SEEN(d, 0, generation[d]) == want[(d) * 2] && SEEN(d, 1, generation[d]) == want[(d) * 2 + 1]));
    assert(deleting[d] || (refs[d] & WANT(d)) == WANT(d)) /* found by its source-ref */
}

inline check()
{
    check_side(TRAIN);
    check_side(TEST)
}

inline check_end()
{
    for (i : 0 .. JOBS - 1) {
        assert(job[i].phase == 0)
    }
    for (i : 0 .. 1) {
        assert(!busy[i] && there[i] == !deleting[i]);
        assert(refs[i] == (there[i] -> WANT(i) : 0));
        assert(!there[i] || (SEEN(i, 0, generation[i]) == want[i * 2] && SEEN(i, 1, generation[i]) == want[i * 2 + 1]))
    }
    for (i : 0 .. PLACES - 1) {
        assert(died[i] == 0);
        assert(entries[i] == 0 || (there[i / 8] && i % GENERATIONS <= generation[i / 8]))
    }
}

/* --- the client --- */

inline promise_copy()
{
    job[COPY].phase = STAGING;
    pinned = generation[TRAIN];
    want_copy[0] = want[0];
    want_copy[1] = want[1]
}

/* C: store/dataset.c promise_copy, dataset_drop; store/job.c job_insert */
proctype client()
{
    byte i;
    if
    :: atomic { promise_copy() }
    :: skip
    fi;
    atomic { job[DISTRIBUTE].phase = STAGING; busy[TRAIN] = true; busy[TEST] = true };
    atomic { !busy[TRAIN] };
    if
    :: atomic { want_copy[0] == 0; promise_copy() }
    :: skip
    fi;
    if
    :: victim = TRAIN
    :: victim = TEST
    fi;
    atomic { assert(!busy[victim]); deleting[victim] = true; job[DELETE].phase = STAGING };
    atomic {
        promised_all = true;
        job[DISTRIBUTE].phase + job[COPY].phase + job[DELETE].phase == 0;
        check_end()
    }
}

/* --- claims --- */

/* C: store/job.c job_claim, pick, take */
#define COPY_READS (job[COPY].phase == STAGING)
#define CLAIMABLE_DISTRIBUTE \
    (job[DISTRIBUTE].phase && job[DISTRIBUTE].owner == 0 && \
     !(job[DISTRIBUTE].phase == SETTLING && COPY_READS && broken != SETTLE_BESIDE_COPY))
#define CLAIMABLE_COPY (job[COPY].phase && job[COPY].owner == 0)
#define CLAIMABLE_DELETE \
    (job[DELETE].phase && job[DELETE].owner == 0 && \
     !(victim == TRAIN && COPY_READS && broken != DELETE_BESIDE_COPY))

inline take(k)
{
    j = k;
    job[j].owner = me;
    job[j].attempt++;
    mine = job[j].attempt;
    phase = job[j].phase;
    cursor = job[j].cursor
}

/* C: store/job.c touched_mine, job_checkpoint, job_finish, job_release */
#define IS_MINE (job[j].phase && job[j].owner == me && (job[j].attempt == mine || broken == ATTEMPT_UNCHECKED))
#define MAY_WRITE (broken == LEASE_UNCHECKED || IS_MINE)

/* C: store/job.c job_void_leases */
#define TAKE_FROM_ITS_RUNNER(k) \
    atomic { mishaps < MISHAPS && !promised_all && job[k].owner; mishaps++; job[k].owner = 0 }
proctype recovery()
{
end:
    do
    :: TAKE_FROM_ITS_RUNNER(DISTRIBUTE)
    :: TAKE_FROM_ITS_RUNNER(COPY)
    :: TAKE_FROM_ITS_RUNNER(DELETE)
    od
}

/* C: work/runner.c run_job; work/stage.c abort_turn */
#define STEP(what) \
    if \
    :: atomic { MAY_WRITE; what; check() } \
    :: atomic { !MAY_WRITE; goto lost } \
    :: atomic { mishaps < MISHAPS; mishaps++; goto crashed } \
    :: atomic { mishaps < MISHAPS; mishaps++; goto failed } \
    fi

/* --- rows that jobs write --- */

/* C: work/distribute.c rewrite; work/stage.c stage_kill, stage_put, stage_flush; store/stage_rows.c stage_block_kill */
inline rewrite_train(p, keeps)
{
    if
    :: entries[AT(TRAIN, p, gen[TRAIN] - 1)] -> died[AT(TRAIN, p, gen[TRAIN] - 1)] = gen[TRAIN]
    :: else
    fi;
    entries[AT(TRAIN, p, gen[TRAIN])] = keeps;
    died[AT(TRAIN, p, gen[TRAIN])] = 0
}

/* C: work/distribute.c move, last_block */
inline put_test(p, moved)
{
    entries[AT(TEST, p, gen[TEST])] = moved;
    died[AT(TEST, p, gen[TEST])] = 0;
    refs[TEST] = refs[TEST] | moved
}

/* C: store/stage_rows.c undo_one, undo_refs, stage_block_drop */
#define ANY_STAGED(d, at) (entries[AT(d, 0, at)] || entries[AT(d, 1, at)])
inline undo_one(d, at)
{
    i = (entries[AT(d, 0, at)] -> AT(d, 0, at) : AT(d, 1, at));
    if
    :: d == TEST -> refs[TEST] = refs[TEST] & (15 - entries[i])
    :: else
    fi;
    entries[i] = 0;
    died[i] = 0;
    i = 0
}

/* C: store/stage_rows.c stage_undo_some */
inline undo_last(d, at)
{
    for (i : d * 8 .. d * 8 + 7) {
        if
        :: died[i] == at -> died[i] = 0
        :: else
        fi
    }
    i = 0
}

/* C: store/stage_rows.c stage_flip; work/stage.c flip, stage_finish */
inline flip_train()
{
    generation[TRAIN] = gen[TRAIN];
    busy[TRAIN] = false;
    want[0] = 1;
    want[1] = 4
}
inline flip_test()
{
    generation[TEST] = gen[TEST];
    busy[TEST] = false;
    want[2] = 2;
    want[3] = 8
}
inline settle_from_now()
{
    job[j].phase = SETTLING;
    job[j].cursor = gen[TRAIN]
}

/* C: store/job.c job_finish */
inline finish()
{
    job[j].phase = 0;
    job[j].owner = 0
}

/* C: work/stage.c stage_give_up; work/runner.c lose_hope */
inline give_up()
{
    job[j].phase = GIVING_UP;
    phase = GIVING_UP
}

/* C: work/remove.c settle_refs_of, still_there; store/stage_read.c stage_dead_blocks */
#define IS_DEAD(k) (died[k] && died[k] <= cursor)
#define DEAD_OF(p) (IS_DEAD(AT(TRAIN, p, 1)) * entries[AT(TRAIN, p, 1)] + IS_DEAD(AT(TRAIN, p, 2)) * entries[AT(TRAIN, p, 2)])
#define GONE_OF(p) \
    (broken == REFS_STAY -> 0 : \
     DEAD_OF(p) & (broken == REFS_OF_ALL -> 15 : 15 - SEEN(TRAIN, p, generation[TRAIN])))

/* C: store/stage_rows.c stage_settle_some */
#define ANY_DEAD (DEAD_OF(0) || DEAD_OF(1))
inline settle_one()
{
    do
    :: i < 7 && !IS_DEAD(i) -> i++
    :: else -> break
    od;
    entries[i] = 0;
    died[i] = 0;
    i = 0
}

/* C: store/stage_rows.c stage_remove_some */
#define ANY_BLOCK(d) \
    (entries[AT(d, 0, 1)] || entries[AT(d, 0, 2)] || entries[AT(d, 1, 1)] || entries[AT(d, 1, 2)])
inline remove_one(d)
{
    i = d * 8;
    do
    :: i < d * 8 + 7 && entries[i] == 0 -> i++
    :: else -> break
    od;
    entries[i] = 0;
    died[i] = 0;
    i = 0
}

/* C: store/stage_rows.c remove_last */
inline remove_row(d)
{
    there[d] = false;
    if
    :: d == TRAIN -> job[DISTRIBUTE].phase = 0; job[DISTRIBUTE].owner = 0
    :: else
    fi
}

/* --- the runner --- */

/* C: work/runner.c run_jobs, run_phase, hopeless, runner_start */
proctype runner(byte me)
{
    byte j, mine, phase, cursor; /* struct job as it was claimed */
    byte gen[2];                 /* struct stage, of each */
    byte i, gone;
claim:
    gen[0] = 0; gen[1] = 0; i = 0; j = 0; mine = 0; phase = 0; cursor = 0; gone = 0;
end:
    if
    :: atomic { CLAIMABLE_DISTRIBUTE; take(DISTRIBUTE) }
    :: atomic { !CLAIMABLE_DISTRIBUTE && CLAIMABLE_COPY; take(COPY) }
    :: atomic { !CLAIMABLE_DISTRIBUTE && !CLAIMABLE_COPY && CLAIMABLE_DELETE; take(DELETE) }
    fi;
    if
    :: phase == STAGING && j == DISTRIBUTE && job[j].failures >= HOPELESS -> STEP(give_up())
    :: else
    fi;
    if
    :: phase == GIVING_UP -> goto giving_up
    :: phase == SETTLING -> goto settling
    :: phase == STAGING && j == COPY -> goto copying
    :: phase == STAGING && j == DELETE -> goto removing
    :: else
    fi;

    /* C: work/distribute.c run_distribute; work/stage.c stage_open, undo_leftovers, undo_part */
    gen[TRAIN] = generation[TRAIN] + 1;
    do
    :: ANY_STAGED(TRAIN, gen[TRAIN]) ->
        STEP(if :: ANY_STAGED(TRAIN, gen[TRAIN]) -> undo_one(TRAIN, gen[TRAIN]) :: else fi)
    :: !ANY_STAGED(TRAIN, gen[TRAIN]) -> break
    od;
    STEP(undo_last(TRAIN, gen[TRAIN]));
    gen[TEST] = generation[TEST] + 1;
    do
    :: ANY_STAGED(TEST, gen[TEST]) ->
        STEP(if :: ANY_STAGED(TEST, gen[TEST]) -> undo_one(TEST, gen[TEST]) :: else fi)
    :: !ANY_STAGED(TEST, gen[TEST]) -> break
    od;
    STEP(undo_last(TEST, gen[TEST]));
    if
    :: STEP(give_up()); goto giving_up /* a label cannot be on both sides */
    :: skip
    fi;
    STEP(rewrite_train(0, 1); put_test(0, 2));
    STEP(rewrite_train(1, 4)); /* what moves is in memory until the block is full, or the last */
    STEP(put_test(1, 8));
    if
    :: broken == FLIP_APART -> STEP(flip_train()); STEP(flip_test(); settle_from_now())
    :: else -> STEP(flip_train(); flip_test(); settle_from_now())
    fi;
    goto release;

giving_up: /* C: work/remove.c run_giving_up, one_part, undo_some, fail_datasets; store/stage_rows.c stage_fail */
    do
    :: ANY_STAGED(TRAIN, generation[TRAIN] + 1) ->
        STEP(if :: ANY_STAGED(TRAIN, generation[TRAIN] + 1) -> undo_one(TRAIN, generation[TRAIN] + 1) :: else fi)
    :: !ANY_STAGED(TRAIN, generation[TRAIN] + 1) && ANY_STAGED(TEST, generation[TEST] + 1) && broken != UNDO_ONE_SIDE ->
        STEP(if :: ANY_STAGED(TEST, generation[TEST] + 1) -> undo_one(TEST, generation[TEST] + 1) :: else fi)
    :: !ANY_STAGED(TRAIN, generation[TRAIN] + 1) && (!ANY_STAGED(TEST, generation[TEST] + 1) || broken == UNDO_ONE_SIDE) ->
        break
    od;
    STEP(undo_last(TRAIN, generation[TRAIN] + 1); undo_last(TEST, generation[TEST] + 1); busy[TRAIN] = false;
         busy[TEST] = (broken == GIVE_UP_ONE_SIDE -> busy[TEST] : false); finish());
    goto claim;

settling: /* C: work/remove.c run_settling, settle_refs, settle_some */
    do
    :: i < 2 ->
        gone = (i == 0 -> GONE_OF(0) : GONE_OF(1)); /* a read of its own */
        STEP(refs[TRAIN] = refs[TRAIN] & (15 - gone); i++)
    :: else -> break
    od;
    i = 0;
    do
    :: ANY_DEAD -> STEP(if :: ANY_DEAD -> settle_one() :: else fi)
    :: !ANY_DEAD -> break
    od;
    STEP(finish());
    goto claim;

copying: /* C: work/copy.c run_create_copy, copy_blocks */
    do
    :: cursor < 2 ->
        i = (cursor == 0 -> SEEN(TRAIN, 0, pinned) : SEEN(TRAIN, 1, pinned));
        STEP(copied[cursor] = i; i = 0; cursor++; job[j].cursor = cursor)
    :: else -> break
    od;
    STEP(assert(copied[0] == want_copy[0] && copied[1] == want_copy[1]); finish());
    goto claim;

removing: /* C: work/remove.c run_delete, delete_some */
    do
    :: ANY_BLOCK(victim) -> STEP(if :: ANY_BLOCK(victim) -> remove_one(victim) :: else fi)
    :: !ANY_BLOCK(victim) -> break
    od;
    STEP(refs[victim] = 0);
    STEP(remove_row(victim); finish());
    goto claim;

release: /* C: store/job.c job_release */
    atomic {
        if
        :: MAY_WRITE -> job[j].owner = 0
        :: else
        fi
    }
    goto claim;

failed:
    atomic {
        if
        :: MAY_WRITE -> job[j].owner = 0; job[j].failures = (job[j].failures < HOPELESS -> job[j].failures + 1 : HOPELESS)
        :: else
        fi
    }
    goto claim;

crashed:
    atomic {
        if
        :: job[j].owner == me && job[j].attempt == mine -> job[j].owner = 0
        :: else
        fi
    }
    goto claim;

lost:
    goto claim
}

init
{
    atomic {
        c_code { now.broken = getenv("BROKEN") ? atoi(getenv("BROKEN")) : 0; };
        entries[AT(TRAIN, 0, 1)] = 3; entries[AT(TRAIN, 1, 1)] = 12;
        refs[TRAIN] = 15;
        generation[TRAIN] = 1; generation[TEST] = 1;
        there[TRAIN] = true; there[TEST] = true;
        want[0] = 3; want[1] = 12;
        run client();
        run recovery();
        run runner(1); /* of one owner, as the threads of a process are */
        run runner(1)
    }
}

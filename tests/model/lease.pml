/*
 * lease: the protocol of jobs, leases and generations, for spin.
 *
 * One dataset and four jobs on it: an ingest of entries 1 and 2 (it goes on at its cursor), an update that replaces
 * entry 2 and appends entry 3 and one that replaces entry 1 (both begin anew), and a copy of the dataset as it is when
 * the copy is promised. Two runners take them, as two processes would: a claim can be taken from a runner that is still
 * at work, which is more than one server on SQLite ever sees and just what a lease that runs out on another engine
 * means. Between any two transactions a runner may crash, fail and be tried again, or lose its claim, MISHAPS times in
 * all; the client's limits may refuse an operation; and all interleavings are looked at.
 *
 * A transaction of the store is one `atomic`, entered when it commits; what a runner has read before stays in its own
 * variables and may be old. After each one `check` asserts what a reader would see. At the very end nothing promised is
 * left undone and nothing staged or dead is left over.
 *
 * Each part says which C functions it stands for: `C:`, then file and functions; the test that runs this model looks
 * for them. What is left out: several entries in a block (a block is one entry here), label counts, which are written in
 * the same transactions. Distribute, which flips two datasets in one transaction, and Delete are in distribute.pml.
 *
 * The variable BROKEN of the environment breaks one rule of the protocol; each must be found:
 */
#define LEASE_UNCHECKED 1    /* a write does not ask whose the job is */
#define UNDO_UNCHECKED 2     /* leftovers are removed without asking */
#define FINISH_APART 3       /* the flip and the job's end are two transactions */
#define CURSOR_APART 4       /* entries and the cursor are two transactions */
#define ATTEMPT_UNCHECKED 5  /* the owner alone is asked for, which the threads of a process share */
#define MARKS_STAY 6         /* undoing leaves the marks of what was to die */
#define SETTLE_TOO_MUCH 7    /* what dies in a generation to come is removed too */
#define SETTLE_BESIDE_COPY 8 /* and while a copy reads */
#define REFS_STAY 9          /* undoing leaves the refs of entries that never came to be */
#define READ_STAGED 10       /* a reader takes what is born in the next generation */
#define IN_PLACE 11          /* an update writes into the committed generation */

#ifndef MISHAPS
#define MISHAPS 2
#endif
#define HOPELESS 1 /* failures after which a job is given up; RUNNER_FAILURES in C */

#define SEQS 4        /* 1 to 3 are used */
#define GENERATIONS 5 /* 0 to 3; a runner that comes too late looks for a fourth */
#define PLACES 20
#define AT(seq, born) ((seq) * GENERATIONS + (born))

/* The table block: the value of the entry in it, 0 where there is no row; and the generation it dies in, 0 for none. */
byte value[PLACES];
byte died[PLACES];
bool ref[SEQS]; /* the table entry_ref */

/* The row of the dataset. */
byte generation;
byte next_seq = 1;
bool busy; /* its status is …_IN_PROGRESS */

byte copied[SEQS]; /* the blocks of the copy's dataset */

/* The table job. */
#define CREATE 0
#define UPDATE 1
#define UPDATE_AGAIN 2
#define COPY 3
#define JOBS 4
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

/* What nobody in the program knows: how things ought to be. */
byte want[SEQS];      /* of the committed generation */
byte want_copy[SEQS]; /* when the copy was promised */
byte mishaps;
bool promised_all;
byte broken;

/* --- what a reader sees --- */

/* C: store/stage_read.c stage_blocks, stage_block_at */
#define VISIBLE(seq, born, at) \
    (value[AT(seq, born)] && (born) <= (at) && (died[AT(seq, born)] == 0 || died[AT(seq, born)] > (at)))
#define SEEN(seq, at) \
    (VISIBLE(seq, 0, at) + VISIBLE(seq, 1, at) + VISIBLE(seq, 2, at) + VISIBLE(seq, 3, at))
#define VALUE_SEEN(seq, at) \
    (VISIBLE(seq, 0, at) * value[AT(seq, 0)] + VISIBLE(seq, 1, at) * value[AT(seq, 1)] + \
     VISIBLE(seq, 2, at) * value[AT(seq, 2)] + VISIBLE(seq, 3, at) * value[AT(seq, 3)])
#define BORN_SEEN(seq, at) (VISIBLE(seq, 1, at) * 1 + VISIBLE(seq, 2, at) * 2 + VISIBLE(seq, 3, at) * 3)

#define READ_AT (broken == READ_STAGED -> generation + 1 : generation)

inline check_entry(seq)
{
    assert(SEEN(seq, READ_AT) == (want[seq] != 0));                 /* neither lost nor doubled */
    assert(!SEEN(seq, READ_AT) || VALUE_SEEN(seq, READ_AT) == want[seq]); /* never half of an operation */
    assert(!want[seq] || ref[seq])                                  /* found by its source-ref */
}

inline check()
{
    check_entry(1);
    check_entry(2);
    check_entry(3)
}

inline check_end()
{
    assert(!busy);
    for (i : 0 .. JOBS - 1) {
        assert(job[i].phase == 0)
    }
    for (i : 0 .. PLACES - 1) {
        assert(died[i] == 0);
        assert(value[i] == 0 || value[i] == want[i / GENERATIONS])
    }
    for (i : 1 .. SEQS - 1) {
        assert(SEEN(i, generation) == (want[i] != 0));
        assert(ref[i] == (want[i] != 0))
    }
}

/* --- the client --- */

/* C: store/job.c job_insert */
inline promise(j)
{
    job[j].phase = STAGING
}

/* C: store/dataset.c update_in, promise_copy */
proctype client()
{
    byte i;
    atomic { promise(CREATE); busy = true }
    atomic { !busy };
    if
    :: atomic { generation > 0; promise(COPY); pinned = generation;
                for (i : 1 .. SEQS - 1) { want_copy[i] = want[i] } }
    :: skip
    fi;
    if
    :: atomic { generation > 0; promise(UPDATE); busy = true }
    :: atomic { generation == 0; goto last }
    fi;
    atomic { !busy };
    if
    :: atomic { job[COPY].phase == 0 && want_copy[1] == 0; promise(COPY); pinned = generation;
                for (i : 1 .. SEQS - 1) { want_copy[i] = want[i] } }
    :: skip
    fi;
    atomic { promise(UPDATE_AGAIN); busy = true };
    atomic { !busy };
last:
    atomic {
        promised_all = true;
        job[CREATE].phase + job[UPDATE].phase + job[UPDATE_AGAIN].phase + job[COPY].phase == 0;
        check_end()
    }
}

/* --- claims --- */

/* C: store/job.c job_claim, pick, take; CLAIMABLE */
#define SETTLES_UNDER_COPY(j) (job[j].phase == SETTLING && job[COPY].phase == STAGING && broken != SETTLE_BESIDE_COPY)
#define CLAIMABLE(j) (job[j].phase && job[j].owner == 0 && !SETTLES_UNDER_COPY(j))

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
#define TAKE_FROM_ITS_RUNNER(j) atomic { mishaps < MISHAPS && !promised_all && job[j].owner; mishaps++; job[j].owner = 0 }
proctype recovery()
{
end:
    do
    :: TAKE_FROM_ITS_RUNNER(CREATE)
    :: TAKE_FROM_ITS_RUNNER(UPDATE)
    :: TAKE_FROM_ITS_RUNNER(UPDATE_AGAIN)
    :: TAKE_FROM_ITS_RUNNER(COPY)
    od
}

/* A step of a runner: what it does if the job is its own, or the end of its work on it, or a mishap before it. */
/* C: work/runner.c run_job; work/stage.c abort_turn */
#define STEP(what) \
    if \
    :: atomic { MAY_WRITE; what; check() } \
    :: atomic { !MAY_WRITE; goto lost } \
    :: atomic { mishaps < MISHAPS; mishaps++; goto crashed } \
    :: atomic { mishaps < MISHAPS; mishaps++; goto failed } \
    fi

/* --- rows that jobs write --- */

/* C: store/stage_rows.c stage_block_put */
inline put(seq, what)
{
    value[AT(seq, (broken == IN_PLACE && what == 2 -> gen - 1 : gen))] = what;
    died[AT(seq, gen)] = 0
}

/* C: work/stage.c stage_kill; store/stage_rows.c stage_block_kill */
inline kill(seq, born)
{
    died[AT(seq, born)] = gen
}

/* C: store/stage_rows.c undo_one, undo_refs, stage_block_drop */
#define IS_STAGED(seq, at) (value[AT(seq, at)] != 0)
#define ANY_STAGED(at) (IS_STAGED(1, at) || IS_STAGED(2, at) || IS_STAGED(3, at))
inline undo_one(at)
{
    if
    :: IS_STAGED(1, at) -> i = 1
    :: !IS_STAGED(1, at) && IS_STAGED(2, at) -> i = 2
    :: !IS_STAGED(1, at) && !IS_STAGED(2, at) -> i = 3
    fi;
    value[AT(i, at)] = 0;
    died[AT(i, at)] = 0;
    if
    :: i >= next_seq && broken != REFS_STAY -> ref[i] = false
    :: else
    fi;
    i = 0
}

/* C: store/stage_rows.c stage_undo_some */
inline undo_last(at)
{
    for (i : 0 .. PLACES - 1) {
        if
        :: died[i] == at && broken != MARKS_STAY -> died[i] = 0
        :: else
        fi
    }
    i = 0
}

/* C: store/stage_rows.c stage_settle_some */
#define IS_DEAD(k) (died[k] && (died[k] <= cursor || broken == SETTLE_TOO_MUCH))
#define ANY_DEAD_OF(seq) (IS_DEAD(AT(seq, 1)) || IS_DEAD(AT(seq, 2)) || IS_DEAD(AT(seq, 3)))
#define ANY_DEAD (ANY_DEAD_OF(1) || ANY_DEAD_OF(2) || ANY_DEAD_OF(3))
inline settle_one()
{
    do
    :: i < PLACES - 1 && !IS_DEAD(i) -> i++
    :: else -> break
    od;
    value[i] = 0;
    died[i] = 0;
    i = 0
}

/* C: store/stage_rows.c stage_flip; work/stage.c flip */
inline flip()
{
    generation = gen;
    busy = false;
    if
    :: j == CREATE -> want[1] = 1; want[2] = 1; next_seq = 3
    :: j == UPDATE -> want[2] = 2; want[3] = 2; next_seq = 4
    :: j == UPDATE_AGAIN -> want[1] = 3
    fi
}

/* C: store/job.c job_finish */
inline finish()
{
    job[j].phase = 0;
    job[j].owner = 0
}

/* C: work/stage.c stage_finish */
inline settle_from_now()
{
    job[j].phase = SETTLING;
    job[j].cursor = gen
}

/* C: work/stage.c stage_give_up; work/runner.c lose_hope */
inline give_up()
{
    job[j].phase = GIVING_UP;
    phase = GIVING_UP
}

/* --- the runner --- */

/* C: work/runner.c run_jobs, run_phase, hopeless, runner_start */
proctype runner(byte me)
{
    byte j, mine, phase, cursor; /* struct job as it was claimed */
    byte gen, born, i;           /* struct stage */
claim:
    gen = 0; born = 0; i = 0; j = 0; mine = 0; phase = 0; cursor = 0;
end:
    if
    :: atomic { CLAIMABLE(CREATE); take(CREATE) }
    :: atomic { !CLAIMABLE(CREATE) && CLAIMABLE(UPDATE); take(UPDATE) }
    :: atomic { !CLAIMABLE(CREATE) && !CLAIMABLE(UPDATE) && CLAIMABLE(UPDATE_AGAIN); take(UPDATE_AGAIN) }
    :: atomic { !CLAIMABLE(CREATE) && !CLAIMABLE(UPDATE) && !CLAIMABLE(UPDATE_AGAIN) && CLAIMABLE(COPY); take(COPY) }
    fi;
    if
    :: phase == STAGING && j != COPY && job[j].failures >= HOPELESS -> STEP(give_up())
    :: else
    fi;
    if
    :: phase == GIVING_UP -> goto giving_up
    :: phase == SETTLING -> goto settling
    :: phase == STAGING && j == COPY -> goto copying
    :: else
    fi;

    /* C: work/stage.c stage_open */
    gen = generation + 1;
    if
    :: j == CREATE && cursor > 0 -> goto ingesting
    :: else
    fi;

    /* C: work/stage.c undo_leftovers, undo_part */
    do
    :: ANY_STAGED(gen) ->
        if
        :: broken == UNDO_UNCHECKED -> atomic { ANY_STAGED(gen) -> undo_one(gen); check() }
        :: else -> STEP(if :: ANY_STAGED(gen) -> undo_one(gen) :: else fi)
        fi
    :: !ANY_STAGED(gen) -> break
    od;
    STEP(undo_last(gen));
    if
    :: j == CREATE -> goto ingesting
    :: j == UPDATE -> goto updating
    :: j == UPDATE_AGAIN -> goto updating_again
    fi;

ingesting: /* C: work/ingest.c run_create_manifest, take, write_blocks; work/stage.c stage_pause, checkpoint */
    do
    :: cursor < 2 ->
        if
        :: broken == CURSOR_APART ->
            STEP(put(cursor + 1 + (value[AT(cursor + 1, gen)] != 0), 1));
            STEP(cursor++; job[j].cursor = cursor)
        :: else -> STEP(put(cursor + 1, 1); cursor++; job[j].cursor = cursor)
        fi
    :: cursor == 2 -> break
    od;
    /* C: work/refs.c refs_write; store/ref_pages.c ref_page_put */
    STEP(ref[1] = true);
    STEP(ref[2] = true);
    if
    :: broken == FINISH_APART -> STEP(flip()); STEP(finish())
    :: else -> STEP(flip(); finish())
    fi;
    goto claim;

updating: /* C: work/update.c run_update, replace, rewrite, append; work/stage.c stage_put, stage_flush, write_refs */
    born = BORN_SEEN(2, gen - 1);
    STEP(kill(2, born); put(2, 2));
    STEP(put(3, 2); ref[3] = true);
    if
    :: STEP(flip(); settle_from_now()); goto release
    :: STEP(give_up()); goto giving_up /* over a limit of the client's */
    fi;

updating_again:
    born = BORN_SEEN(1, gen - 1);
    STEP(kill(1, born); put(1, 3));
    STEP(flip(); settle_from_now());
    goto release;

copying: /* C: work/copy.c run_create_copy, copy_blocks */
    do
    :: cursor < SEQS - 1 ->
        i = VALUE_SEEN(cursor + 1, pinned); /* a read of its own */
        STEP(cursor++; copied[cursor] = i; i = 0; job[j].cursor = cursor)
    :: else -> break
    od;
    STEP(assert(copied[1] == want_copy[1] && copied[2] == want_copy[2] && copied[3] == want_copy[3]); finish());
    goto claim;

giving_up: /* C: work/remove.c run_giving_up, one_part, undo_some, fail_datasets; store/stage_rows.c stage_fail */
    do
    :: ANY_STAGED(generation + 1) -> STEP(if :: ANY_STAGED(generation + 1) -> undo_one(generation + 1) :: else fi)
    :: !ANY_STAGED(generation + 1) -> break
    od;
    STEP(undo_last(generation + 1); busy = false; finish());
    goto claim;

settling: /* C: work/remove.c run_settling, settle_some */
    do
    :: ANY_DEAD -> STEP(if :: ANY_DEAD -> settle_one() :: else fi)
    :: !ANY_DEAD -> break
    od;
    STEP(finish());
    goto claim;

release: /* C: store/job.c job_release */
    atomic {
        if
        :: MAY_WRITE -> job[j].owner = 0
        :: else
        fi
    }
    goto claim;

failed: /* it is tried again, or given up */
    atomic {
        if
        :: MAY_WRITE -> job[j].owner = 0; job[j].failures = (job[j].failures < HOPELESS -> job[j].failures + 1 : HOPELESS)
        :: else
        fi
    }
    goto claim;

crashed: /* the process is gone; the next one voids what it held */
    atomic {
        if
        :: job[j].owner == me && job[j].attempt == mine -> job[j].owner = 0
        :: else
        fi
    }
    goto claim;

lost: /* nothing may be written any more */
    goto claim
}

init
{
    atomic {
        c_code { now.broken = getenv("BROKEN") ? atoi(getenv("BROKEN")) : 0; };
        run client();
        run recovery();
        run runner(1); /* of one owner, as the threads of a process are */
        run runner(1)
    }
}

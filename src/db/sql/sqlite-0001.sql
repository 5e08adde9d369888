-- Schema 1. Times are milliseconds since 1970 UTC, sequences and ids integers, enums the numbers of the headers in
-- src/store. A row of block or label is named by its dataset first, so that every large table can be spread by it.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE project (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    arn        TEXT    NOT NULL UNIQUE,
    account    TEXT    NOT NULL,
    region     TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (account, region, name)
);

-- generation and the counters are the committed ones; what a job is preparing is born in generation + 1.
CREATE TABLE dataset (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    arn          TEXT    NOT NULL UNIQUE,
    project_id   INTEGER NOT NULL REFERENCES project (id),
    type         INTEGER NOT NULL,
    status       INTEGER NOT NULL,
    message_code INTEGER NOT NULL,
    message      TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL,
    updated_ms   INTEGER NOT NULL,
    generation   INTEGER NOT NULL DEFAULT 0,
    next_seq     INTEGER NOT NULL DEFAULT 1,
    bucket       TEXT    NOT NULL DEFAULT '',
    total        INTEGER NOT NULL DEFAULT 0,
    labeled      INTEGER NOT NULL DEFAULT 0,
    labels       INTEGER NOT NULL DEFAULT 0,
    errors       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (project_id, type)
);

-- Committed labels; a row lives while any of its counts is above 0. id is the order of first sight.
CREATE TABLE label (
    dataset_id INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    entries    INTEGER NOT NULL,
    boxed      INTEGER NOT NULL,
    declared   INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, id),
    UNIQUE (dataset_id, name)
) WITHOUT ROWID;

-- The labels as a dataset's running job will leave them, written with its cursor and moved to label by the flip.
CREATE TABLE staged_label (
    dataset_id INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    entries    INTEGER NOT NULL,
    boxed      INTEGER NOT NULL,
    declared   INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, id)
) WITHOUT ROWID;

-- Up to 128 entries or 1 MiB: an index (src/block/block.h) and one zstd frame. A reader at generation g sees the rows
-- with born <= g and (died IS NULL OR died > g); those never overlap.
CREATE TABLE block (
    dataset_id INTEGER NOT NULL,
    first_seq  INTEGER NOT NULL,
    born       INTEGER NOT NULL,
    died       INTEGER,
    last_seq   INTEGER NOT NULL,
    entries    INTEGER NOT NULL,
    idx        BLOB    NOT NULL,
    data       BLOB    NOT NULL,
    PRIMARY KEY (dataset_id, first_seq, born)
);
CREATE INDEX block_died ON block (dataset_id, died) WHERE died IS NOT NULL;
CREATE INDEX block_born ON block (dataset_id, born);

-- Finds an entry by the keyed hash of its source-ref; the line itself decides. While a job is pending for the dataset
-- it may hold more than the truth, never less.
CREATE TABLE entry_ref (
    dataset_id INTEGER NOT NULL,
    hash       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, hash, seq)
) WITHOUT ROWID;

-- Lines dropped by the last create or update (spec D.5.2).
CREATE TABLE rejected (
    dataset_id INTEGER NOT NULL,
    line       INTEGER NOT NULL,
    code       INTEGER NOT NULL,
    value      TEXT    NOT NULL,
    PRIMARY KEY (dataset_id, line)
) WITHOUT ROWID;

CREATE TABLE tag (
    arn   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (arn, key)
) WITHOUT ROWID;

-- A promise made to a client. phase: 0 staging, 1 settling (the flip is done or given up, leftovers are being removed).
CREATE TABLE job (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        INTEGER NOT NULL,
    phase       INTEGER NOT NULL DEFAULT 0,
    dataset_id  INTEGER NOT NULL,
    other_id    INTEGER NOT NULL DEFAULT 0,
    other_gen   INTEGER NOT NULL DEFAULT 0,
    source      BLOB    NOT NULL DEFAULT x'',
    owner       TEXT    NOT NULL DEFAULT '',
    attempt     INTEGER NOT NULL DEFAULT 0,
    lease_ms    INTEGER NOT NULL DEFAULT 0,
    failures    INTEGER NOT NULL DEFAULT 0,
    not_before_ms INTEGER NOT NULL DEFAULT 0,
    claim_cursor INTEGER NOT NULL DEFAULT -1,
    cursor      INTEGER NOT NULL DEFAULT 0,
    progress    BLOB    NOT NULL DEFAULT x'',
    created_ms  INTEGER NOT NULL
);
CREATE INDEX job_dataset ON job (dataset_id);
CREATE INDEX job_other ON job (other_id);

CREATE TABLE access_key (
    id         TEXT PRIMARY KEY,
    secret     TEXT    NOT NULL,
    account    TEXT    NOT NULL,
    user       TEXT    NOT NULL,
    policy     TEXT    NOT NULL,
    disabled   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE session (
    id           TEXT PRIMARY KEY,
    secret       TEXT    NOT NULL,
    parent       TEXT    NOT NULL,
    token_sha256 BLOB    NOT NULL,
    expires_ms   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE bucket (
    name    TEXT PRIMARY KEY,
    account TEXT NOT NULL
) WITHOUT ROWID;

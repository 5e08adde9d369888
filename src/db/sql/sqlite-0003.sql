-- Schema 3: model versions, what they were given, project policies. Times, ids and enums as in schema 1.

-- One row a model version. f1 holds the bits of a float; outputs is a set of enum version_output. The datasets are
-- those that the training reads (0: none, or a copy); split: the test dataset was made for it.
CREATE TABLE project_version (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    arn              TEXT    NOT NULL UNIQUE,
    project_id       INTEGER NOT NULL REFERENCES project (id),
    name             TEXT    NOT NULL,
    status           INTEGER NOT NULL,
    message          TEXT    NOT NULL,
    created_ms       INTEGER NOT NULL,
    ended_ms         INTEGER NOT NULL DEFAULT 0,
    billable_s       INTEGER NOT NULL DEFAULT 0,
    f1               INTEGER NOT NULL DEFAULT 0,
    outputs          INTEGER NOT NULL DEFAULT 0,
    output_bucket    TEXT    NOT NULL,
    output_prefix    TEXT    NOT NULL,
    kms_key          TEXT    NOT NULL DEFAULT '',
    description      TEXT    NOT NULL DEFAULT '',
    mode             INTEGER NOT NULL DEFAULT 0,
    split            INTEGER NOT NULL DEFAULT 0,
    train_dataset_id INTEGER NOT NULL DEFAULT 0,
    test_dataset_id  INTEGER NOT NULL DEFAULT 0,
    min_units        INTEGER NOT NULL DEFAULT 0,
    max_units        INTEGER NOT NULL DEFAULT 0,
    source_arn       TEXT    NOT NULL DEFAULT '',
    UNIQUE (project_id, name)
);
CREATE INDEX project_version_status ON project_version (status);

-- The manifests that a training without datasets was given. side: 0 training, 1 testing.
CREATE TABLE version_asset (
    version_id INTEGER NOT NULL,
    side       INTEGER NOT NULL,
    place      INTEGER NOT NULL,
    bucket     TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    PRIMARY KEY (version_id, side, place)
) WITHOUT ROWID;

CREATE TABLE project_policy (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id INTEGER NOT NULL REFERENCES project (id),
    name       TEXT    NOT NULL,
    revision   TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    UNIQUE (project_id, name)
);

-- A job works on a dataset or on a version; a copy reads source_version_id. cancelled: an operator has asked.
ALTER TABLE job ADD COLUMN version_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN source_version_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_version ON job (version_id) WHERE version_id > 0;

-- Schema 4: numbers that only grow have a table of their own. last_number: the last id given out in an ARN; keys and
-- versions count the changes of access keys and of model versions, for servers that share a database.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO counter (name, value) SELECT 'last_number', CAST(value AS INTEGER) FROM meta WHERE key = 'last_number';
DELETE FROM meta WHERE key IN ('last_number', 'ping');

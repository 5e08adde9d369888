-- Schema 2. The refs that a dataset was made with, which come all at once and in order, are kept in pages; those of
-- later updates stay rows of entry_ref. Together they are the dataset's refs. A page holds up to a few hundred pairs
-- (src/store/ref_pages.h), none below first_hash and, but for equal hashes, none at or above the next page's.
CREATE TABLE ref_page (
    dataset_id INTEGER NOT NULL,
    first_hash INTEGER NOT NULL,
    pairs      BLOB    NOT NULL,
    PRIMARY KEY (dataset_id, first_hash)
);

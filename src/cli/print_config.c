/* print-config: every setting, its value and where it came from, as a file that reads back the same. */
#include "cli/command.h"

enum { TEXT_MAX = 1024 * 1024 };

static enum status run(int argc, const char **argv)
{
    struct conf conf;
    struct err err;
    struct buf text;
    buf_init(&text, TEXT_MAX);
    bool done = command_conf(&conf, NULL, &argc, argv, &err);
    if (done && argc > 0)
        done = conf_unknown_flag(argv[0], &err);
    if (done)
        conf_print(&conf, &text);
    enum status status =
        done ? command_print(&command_print_config, buf_span(&text)) : command_failed(&command_print_config, &err);
    conf_free(&conf);
    buf_free(&text);
    return status;
}

const struct command command_print_config = {
    .name = "print-config",
    .summary = "print the whole configuration and where each value came from",
    .help = "Usage: placard print-config [--config FILE] [any flag of serve]\n\n"
            "The output is a configuration file that means the same.\n\n"
            "Example:\n"
            "  placard print-config --listen 0.0.0.0:8790 >placard.conf\n",
    .run = run,
};

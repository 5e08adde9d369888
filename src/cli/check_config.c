/* check-config: whether `serve` would take this configuration. */
#include "cli/command.h"
#include "cli/settings.h"

static enum status run(int argc, const char **argv)
{
    struct conf conf;
    struct settings settings;
    struct err err;
    bool done = command_conf(&conf, NULL, &argc, argv, &err);
    if (done && argc > 0)
        done = conf_unknown_flag(argv[0], &err);
    done = done && settings_of(&conf.values, &settings, &err);
    conf_free(&conf);
    return done ? command_print(&command_check_config, SPAN_LIT("The configuration is good.\n"))
                : command_failed(&command_check_config, &err);
}

const struct command command_check_config = {
    .name = "check-config",
    .summary = "say whether serve would take a configuration",
    .help =
        "Usage: placard check-config [--config FILE] [any flag of serve]\n\n"
        "Reads flags, PLACARD_* variables and the file as serve does and checks them; names what is wrong and exits\n"
        "2, or exits 0. Touches neither the data nor the network.\n\n"
        "Example:\n"
        "  placard check-config --config /etc/placard/placard.conf\n",
    .run = run,
};

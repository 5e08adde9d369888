/* version: which program this is. */
#include "cli/command.h"

static enum status run(int argc, const char **argv)
{
    struct err err;
    if (argc > 0) {
        fail(&err, E_CONFIG, "`%s` is not expected here", argv[0]);
        return command_failed(&command_version, &err);
    }
    return command_print(&command_version, SPAN_LIT("placard " PLACARD_VERSION "\n"));
}

const struct command command_version = {
    .name = "version",
    .summary = "print the version",
    .help = "Usage: placard version\n",
    .run = run,
};

/* `telos restore`: a data directory from a backup, with every erasure that is known of applied again. */
#include "main/commands.h"

#include "engine/engine.h"
#include "main/file.h"

#include <unistd.h>

static enum status restore(struct run *run)
{
    const char *data = config_get(&run->config, SETTING_DATA);
    const struct err *error = file_make_directory(run->arena, data);
    if (!error)
        error = engine_restore(run->arena, run->arguments[0], data, config_get(&run->config, SETTING_MASTER_KEY_FILE));
    if (error) {
        (void)rmdir(data); /* only where it was made for nothing, and so is empty */
        return run_fail(run, error);
    }
    struct buf text;
    struct jsonw w;
    body_begin(run, &text, &w);
    body_add(&w, "backup", run->arguments[0]);
    body_add(&w, "data", data);
    jsonw_object_end(&w);
    if (run->out.json)
        output_json(&run->out, buf_str(&text));
    else
        output_text(&run->out, "restored into %s; start it with: telos serve --data %s\n", data, data);
    return STATUS_DONE;
}

static const struct action actions[] = {{NULL, "DIR --data DATA", "", 1, 1, restore}};
static const struct option options[] = {
    {"--master-key-file", "FILE", "the master key, where it is not in the data directory", false},
};

const struct command command_restore = {
    .name = "restore",
    .summary = "make a data directory from a backup; no destroyed key and no withdrawn consent comes back",
    .about = "The data directory must be empty, or not in use: its tombstones.log and refusals.log are applied to what "
             "comes from the\n"
             "backup; on another machine, bring them along. The master key must be there already, in DATA/keys/master.key "
             "or by\n"
             "--master-key-file.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_DATA,
    .example = "  telos restore /mnt/backup/telos-2026-11-24 --data /var/lib/telos\n",
};

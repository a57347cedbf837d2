/* Settings from the environment and telos.yaml; the contract is in config.h. */
#include "main/config.h"

#include "policy/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/file.h"

enum { CONFIG_BYTES_MAX = 64 * 1024 };

static const struct setting_row {
    const char *key, *environment, *otherwise;
    bool is_path;
    const char *help;
} rows[] = {
#define X(code, key, environment, otherwise, path, help) {key, environment, otherwise, path, help},
    SETTINGS(X)
#undef X
};

const char *setting_key(enum setting setting) { return rows[setting].key; }
const char *setting_environment(enum setting setting) { return rows[setting].environment; }
const char *setting_help(enum setting setting) { return rows[setting].help; }
const char *setting_default(enum setting setting) { return rows[setting].otherwise; }

static const struct err *unknown_key(struct arena *arena, const char *file, const struct node *key)
{
    str names[SETTING_COUNT];
    for (int i = 0; i < SETTING_COUNT; i++)
        names[i] = str_of(rows[i].key);
    if (str_equal(key->text, STR("token")))
        return err_new(arena, ERR_INVALID,
                       "%s:%u: this file is no place for secrets: write the token into a file of its own and name that "
                       "in `token_file`",
                       file, key->line);
    str near = str_nearest(key->text, names, SETTING_COUNT);
    if (near.data)
        return err_new(arena, ERR_INVALID, "%s:%u: `%.*s` is unknown: did you mean `%.*s`?", file, key->line, STR_FMT(key->text), STR_FMT(near));
    return err_new(arena, ERR_INVALID, "%s:%u: `%.*s` is no setting of Telos; `telos help serve` lists them", file, key->line, STR_FMT(key->text));
}

/* A relative path in the file is meant from the file's folder. */
static const char *path_beside(struct arena *arena, const char *file, str value)
{
    const char *slash = strrchr(file, '/');
    if (!slash || str_starts(value, STR("/")))
        return str_z(arena, value);
    return arena_printf(arena, "%.*s/%.*s", (int)(slash - file), file, STR_FMT(value));
}

static const struct err *file_apply(struct arena *arena, const char *file, str text, struct config *config)
{
    policy_problems problems = {0};
    struct node root;
    if (str_empty(str_trim(text)))
        return NULL;
    if (!yaml_read(arena, text, arena, &problems, &root) || problems.count)
        return err_new(arena, ERR_INVALID, "%s", str_z(arena, policy_problems_text(arena, file, &problems)));
    if (root.kind == NODE_NULL)
        return NULL;
    if (root.kind != NODE_MAP)
        return err_new(arena, ERR_INVALID, "%s:%u: settings are written as `name: value`, a line each", file, root.line);
    for (uint32_t i = 0; i < root.count; i++) {
        const struct node *key = &root.entries[i].key, *value = &root.entries[i].value;
        int setting = 0;
        while (setting < SETTING_COUNT && !str_equal(key->text, str_of(rows[setting].key)))
            setting++;
        if (setting == SETTING_COUNT)
            return unknown_key(arena, file, key);
        if (value->kind == NODE_NULL)
            continue;
        if (value->kind != NODE_SCALAR)
            return err_new(arena, ERR_INVALID, "%s:%u: `%s` takes one value", file, value->line, rows[setting].key);
        config->values[setting] = rows[setting].is_path ? path_beside(arena, file, value->text) : str_z(arena, value->text);
        config->origins[setting] = ORIGIN_FILE;
    }
    return NULL;
}

static const char *file_found(const char *file)
{
    static const char *const places[] = {"telos.yaml", "/etc/telos/telos.yaml"};
    if (file)
        return file;
    file = getenv("TELOS_CONFIG");
    if (file && *file)
        return file;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

const struct err *config_load(struct arena *arena, const char *file, struct config *ret_config)
{
    struct config config = {.file = file_found(file)};
    for (int i = 0; i < SETTING_COUNT; i++)
        config.values[i] = rows[i].otherwise;
    if (config.file) {
        str text;
        TRY(file_read(arena, config.file, CONFIG_BYTES_MAX, &text));
        TRY(file_apply(arena, config.file, text, &config));
    }
    config.file_log = config.origins[SETTING_LOG] == ORIGIN_FILE ? config.values[SETTING_LOG] : NULL;
    for (int i = 0; i < SETTING_COUNT; i++) {
        const char *value = getenv(rows[i].environment);
        if (!value || !*value)
            continue;
        config.values[i] = value;
        config.origins[i] = ORIGIN_ENVIRONMENT;
    }
    *ret_config = config;
    return NULL;
}

bool config_flag(struct config *config, const char *flag, const char *value)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        const char *a = flag + 2, *b = rows[i].key;
        while (*a && (*a == *b || (*a == '-' && *b == '_')))
            a++, b++;
        if (*a || *b)
            continue;
        config->values[i] = value ? value : "yes";
        config->origins[i] = ORIGIN_FLAG;
        return true;
    }
    return false;
}

bool config_yes(const struct config *config, enum setting setting)
{
    static const char *const words[] = {"yes", "true", "on", "1"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (config->values[setting] && strcmp(config->values[setting], words[i]) == 0)
            return true;
    return false;
}

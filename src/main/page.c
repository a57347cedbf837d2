/* Lists as tables; the contract is in page.h. */
#include "main/page.h"

#include "main/commands.h"

enum status run_page(struct run *run, str path, str purpose, const struct page_columns *columns, const char *none, size_t *ret_count)
{
    struct http_reply reply;
    struct table table;
    path = path_with(run->arena, path, "limit", run_option(run, "--limit"));
    path = path_with(run->arena, path, "cursor", run_option(run, "--cursor"));
    enum status status = run_get(run, path, purpose, &reply);
    if (status)
        return status;
    const struct json *items = page_items(&reply.json);
    size_t count = items ? items->count : 0;
    if (ret_count)
        *ret_count = count;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    if (!count) {
        output_text(&run->out, "%s\n", none);
    } else {
        table_init(&table, run->arena, columns->heads, columns->count);
        table_add_items(&table, items, columns->paths);
        table_print(&run->out, &table);
    }
    str next = json_string(json_get(&reply.json, STR("next")));
    if (next.length)
        output_note("there is more: --cursor %.*s", STR_FMT(next));
    return STATUS_DONE;
}

// The shim to simdjson; the only C++ in Telos. The contract is in json_index_private.h.
//
// 1. Linked with simdjson's library, so the instruction set is chosen when the program runs, not when it is built.
// 2. One parser a thread, which grows to the largest usual text and is used again.
#include "base/json_index_private.h"

#include <memory>
#include <simdjson.h>

namespace {

constexpr size_t capacity_first = 64 * 1024;
constexpr size_t capacity_kept_max = 1024 * 1024;

struct indexer {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
    size_t capacity = 0;
};

thread_local indexer thread_indexer;

bool indexer_grow(indexer &indexer, size_t length) {
    size_t capacity = capacity_first;
    while (capacity < length)
        capacity *= 2;
    indexer.capacity = 0;
    simdjson::error_code error =
        simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1, indexer.parser);
    if (error)
        return false;
    indexer.capacity = capacity;
    return true;
}

} // namespace

json_index_result json_index(const char *text, size_t length, const uint32_t **ret_positions, size_t *ret_count) {
    indexer &indexer = thread_indexer;
    if (length > indexer.capacity && !indexer_grow(indexer, length))
        return JSON_INDEX_MEMORY;
    simdjson::error_code error =
        indexer.parser->stage1(reinterpret_cast<const uint8_t *>(text), length, simdjson::stage1_mode::regular);
    if (error == simdjson::UTF8_ERROR)
        return JSON_INDEX_UTF8;
    if (error)
        return JSON_INDEX_BROKEN;
    *ret_positions = indexer.parser->structural_indexes.get();
    *ret_count = indexer.parser->n_structural_indexes;
    return JSON_INDEX_FINE;
}

void json_index_trim(void) {
    if (thread_indexer.capacity > capacity_kept_max) {
        thread_indexer.parser.reset();
        thread_indexer.capacity = 0;
    }
}

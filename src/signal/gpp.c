/* The header of a GPP string, and its sections. The layout is in gpp.h. */
#include "signal/gpp.h"
#include "base/limits.h"
#include "signal/bits_private.h"

enum { HEADER_TYPE = 3, HEADER_VERSION = 1, SECTION_EUROPE = 2, SECTION_CANADA = 5, SECTION_US_PRIVACY = 6 };

#define X(code, name, text) [code] = {name, text},
static const struct {
    const char *name, *text;
} faults[] = {GPP_FAULTS(X)};
#undef X

const char *gpp_fault_name(enum gpp_fault fault) { return faults[fault].name; }
const char *gpp_fault_text(enum gpp_fault fault) { return faults[fault].text; }

/* The ids of the sections; GPP_HEADER where it is no header, or names more than Telos reads. */
static enum gpp_fault header_read(struct arena *arena, str text, uint16_t ids[GPP_SECTIONS_MAX], unsigned *ret_count)
{
    struct bits bits;
    if (str_empty(text) || !bits_open(arena, text, &bits) || bits_read(&bits, 6) != HEADER_TYPE || bits_read(&bits, 6) != HEADER_VERSION)
        return GPP_NOT_GPP;
    unsigned ranges = (unsigned)bits_read(&bits, 12), count = 0;
    uint32_t last = 0;
    for (unsigned i = 0; i < ranges; i++) {
        bool range = bits_read(&bits, 1);
        uint32_t step = bits_fibonacci(&bits), more = range && step ? bits_fibonacci(&bits) : 0;
        if (!step || (range && !more) || last + step + more > UINT16_MAX || count + more + 1 > GPP_SECTIONS_MAX)
            return GPP_HEADER;
        for (uint32_t id = last + step; id <= last + step + more; id++)
            ids[count++] = (uint16_t)id;
        last += step + more;
    }
    *ret_count = count;
    return bits.past || !bits_rest_empty(&bits) ? GPP_HEADER : GPP_FINE;
}

static void section_read(struct arena *arena, struct gpp_section *section)
{
    if (section->id == SECTION_EUROPE || section->id == SECTION_CANADA) {
        struct tcf *tcf = arena_new(arena, struct tcf);
        bool europe = section->id == SECTION_EUROPE;
        section->kind = europe ? GPP_EUROPE : GPP_CANADA;
        section->tcf = tcf;
        section->fault = (europe ? tcf_read : tcf_read_canada)(arena, section->text, tcf) ? GPP_FINE : GPP_TCF;
        return;
    }
    struct us_section *us = arena_new(arena, struct us_section);
    section->us = us;
    section->kind = section->id == SECTION_US_PRIVACY ? GPP_US_PRIVACY : *gpp_section_name(section->id) ? GPP_US : GPP_OTHER;
    section->fault = section->kind == GPP_US_PRIVACY ? us_privacy_read(section->text, us) : us_section_read(arena, section->id, section->text, us);
}

bool gpp_read(struct arena *arena, str text, struct gpp *ret_gpp)
{
    uint16_t ids[GPP_SECTIONS_MAX];
    unsigned count = 0, found = 0;
    str rest = text, part;
    *ret_gpp = (struct gpp){0};
    if (text.length > LIMIT_SIGNAL_BYTES || !str_split(&rest, '~', &part)) {
        ret_gpp->fault = GPP_NOT_GPP;
        return false;
    }
    ret_gpp->fault = header_read(arena, part, ids, &count);
    if (ret_gpp->fault)
        return false;
    struct gpp_section *sections = arena_array(arena, struct gpp_section, count ? count : 1);
    for (; str_split(&rest, '~', &part); found++) {
        if (found == count || str_empty(part)) {
            ret_gpp->fault = GPP_SECTIONS;
            return false;
        }
        sections[found] = (struct gpp_section){.id = ids[found], .text = part};
        section_read(arena, &sections[found]);
    }
    ret_gpp->fault = found == count ? GPP_FINE : GPP_SECTIONS;
    if (ret_gpp->fault)
        return false;
    ret_gpp->count = (uint16_t)count;
    ret_gpp->sections = sections;
    return true;
}

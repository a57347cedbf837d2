/* What the parts of the loader share: the policy being made, where its problems go, and the readers of single values.
 *
 * 1. Names are declared first (load.c), then contents are read, so that the order of sections in the file does not matter.
 * 2. A reader that finds a problem reports it and goes on; whether the policy loads is decided once, at the end.
 * 3. What the policy keeps is copied into its arena; the tree dies after loading.
 */
#ifndef TELOS_POLICY_LOAD_PRIVATE_H
#define TELOS_POLICY_LOAD_PRIVATE_H

#include "policy/yaml_private.h"

typedef VEC(str) str_vec;

struct loader {
    struct policy *policy;
    struct arena *arena; /* the policy's */
    struct arena *scratch; /* until the end of loading */
    struct arena *problem_arena; /* the caller's */
    policy_problems *problems;
    const struct policy_input *input;
    str where; /* "purpose `newsletter`": begins each problem's text */
    const char *key; /* "`title`": what is being read, for problems of single values */
};

/* One known key of a map: its reader gets the field at `offset` of the target. */
struct member {
    const char *name;
    void (*read)(struct loader *loader, const struct node *value, void *field);
    size_t offset;
};

/* --- load_value.c: single values and lists */
void problem_at(struct loader *loader, const struct node *node, str suggestion, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* No further problem would be reported, so nothing need be spent on finding words for it. */
static inline bool problems_full(const struct loader *loader)
{
    return loader->problems->count >= LIMIT_POLICY_PROBLEMS;
}
/* Begins each problem's text until the next call: "purpose `newsletter`". */
void where_set(struct loader *loader, const char *what, str name);
str shown(str text); /* so that a problem's text stays a line */
const struct member *member_find(const struct member *members, size_t count, str name);
/* The key's nearest neighbour in the table, as a problem. */
void member_unknown(struct loader *loader, const struct node *key, const struct member *members, size_t count);
/* Reads a map by the table; unknown keys are problems with suggestions. Duplicates are reported by yaml.c; the first one counts. */
void members_read(struct loader *loader, const struct node *map, const struct member *members, size_t count, void *target);
bool expect_map(struct loader *loader, const struct node *node, const char *what);
bool expect_text(struct loader *loader, const struct node *node, const char *what);
/* A scalar, or a list of scalars, visited one by one. */
void each_text(struct loader *loader, const struct node *node, const char *what,
               void (*visit)(struct loader *loader, const struct node *item, void *context), void *context);
str keep(struct loader *loader, const struct node *node);
bool name_valid(str name);
bool country_shaped(str text); /* "HU" */
bool jurisdiction_shaped(str text); /* "HU", "US-CA", "EU" */
/* Position of the scalar's text among `words`, or -1 with a problem that names them. */
int read_word(struct loader *loader, const struct node *node, const char *what, const char *const *words, size_t count);
bool parse_time(struct loader *loader, const struct node *node, int64_t *ret_ms);
bool parse_duration(struct loader *loader, const struct node *node, str text, struct duration *ret_duration);

void read_text(struct loader *loader, const struct node *value, void *field); /* str */
void read_texts(struct loader *loader, const struct node *value, void *field); /* VEC(str) */
void read_flag(struct loader *loader, const struct node *value, void *field); /* bool */
void read_number(struct loader *loader, const struct node *value, void *field); /* uint32_t, 0 to 1,000,000,000 */
void read_count(struct loader *loader, const struct node *value, void *field); /* uint32_t, 1 to 1,000,000,000 */
void read_time(struct loader *loader, const struct node *value, void *field); /* int64_t milliseconds */
void read_duration(struct loader *loader, const struct node *value, void *field); /* struct duration */
void read_country(struct loader *loader, const struct node *value, void *field); /* str */
void read_jurisdiction(struct loader *loader, const struct node *value, void *field); /* str */
void read_nothing(struct loader *loader, const struct node *value, void *field); /* read elsewhere */
void read_secret(struct loader *loader, const struct node *value, void *field); /* a problem: no secret stands in a policy */

/* Looks a name up; unknown ones are problems with a suggestion out of the map. */
const void *find_named(struct loader *loader, const struct node *node, const struct map *names, const char *what, const char *section);
const struct purpose *find_purpose(struct loader *loader, const struct node *node);
const struct notice *find_notice(struct loader *loader, const struct node *node);
/* Declared in the file, or one of the well-known categories, which then exists from its first use. */
const struct category *find_category(struct loader *loader, const struct node *node);
void read_purposes(struct loader *loader, const struct node *value, void *field); /* purpose_mask */
/* local.c: a text, or one a language; `text` becomes the English one, else the first */
void read_local(struct loader *loader, const struct node *value, str *text, local_texts *texts);
bool language_shaped(str text); /* "hu", "pt-BR" */
void read_categories(struct loader *loader, const struct node *value, void *field); /* struct category_set */

/* --- the sections */
/* load_signal.c: of a purpose, of a source, of a destination, of the settings */
void read_tcf(struct loader *loader, const struct node *value, void *purpose);
void read_tcf_custom(struct loader *loader, const struct node *value, void *purpose);
void read_tcf_features(struct loader *loader, const struct node *value, void *purpose);
void read_gpp_uses(struct loader *loader, const struct node *value, void *field); /* uint8_t */
void read_modes(struct loader *loader, const struct node *value, void *purpose);
void read_signal_kinds(struct loader *loader, const struct node *value, void *field); /* uint8_t */
void read_vendor(struct loader *loader, const struct node *value, void *field); /* uint16_t */
void vendor_check(struct loader *loader, const struct node *node, const struct destination *destination);
void read_own_purposes(struct loader *loader, const struct node *value, void *field); /* bool: core */
size_t well_known_count(void); /* load_data.c: how many categories may come into being by use */
/* Calls `load` for each entry that is a map, or has no value, with the item declared under its name. */
void each_declared(struct loader *loader, const struct node *section, const char *what, const struct map *names,
                   void (*load)(struct loader *loader, const struct node *node, void *item)); /* load.c */
void load_controller(struct loader *loader, const struct node *section); /* load_settings.c */
void load_settings(struct loader *loader, const struct node *section);
void load_transfers(struct loader *loader, const struct node *section);
void load_signals(struct loader *loader, const struct node *section);
void load_traits(struct loader *loader, const struct node *section);
void load_topics(struct loader *loader, const struct node *section);
void load_categories(struct loader *loader, const struct node *section); /* load_data.c */
void load_fields(struct loader *loader, const struct node *section);
void load_notices(struct loader *loader, const struct node *section);
void load_purposes(struct loader *loader, const struct node *section); /* load_purpose.c */
/* load_basis.c: the basis, what it cites, and whether that is all there */
void read_basis(struct loader *loader, const struct node *value, void *purpose);
void read_contract(struct loader *loader, const struct node *value, void *purpose);
void read_balancing_test(struct loader *loader, const struct node *value, void *purpose);
void read_review(struct loader *loader, const struct node *value, void *purpose);
void basis_check(struct loader *loader, const struct node *node, struct purpose *purpose);
void load_sources(struct loader *loader, const struct node *section); /* load_flow.c */
void load_destinations(struct loader *loader, const struct node *section);
void load_identity(struct loader *loader, const struct node *section); /* load_identity.c */
void load_rights(struct loader *loader, const struct node *section); /* load_rights.c */
/* Category that an identity key takes from the field rule its path falls under: of exactly this path, or of any. */
uint16_t field_rule_exact(const struct policy *policy, str path);
uint16_t field_rule_any(const struct policy *policy, str path);

/* --- field.c: the trie */
struct field_rules; /* the rules as they are written, before `*` is worked out */
struct field_rules *field_rules_new(struct arena *arena);
/* NULL when added, else what is wrong with the path. */
const char *field_rules_add(struct field_rules *rules, str path, uint16_t category, bool not_personal);
/* The trie that walks go through, in `arena`; NULL when it passes LIMIT_FIELD_NODES. */
struct field_node *field_rules_compile(const struct field_rules *rules, struct arena *arena);

#endif

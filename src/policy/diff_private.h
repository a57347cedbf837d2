/* What the parts of the difference share: where changes go, and the comparisons that all of them make. */
#ifndef TELOS_POLICY_DIFF_PRIVATE_H
#define TELOS_POLICY_DIFF_PRIVATE_H

#include "policy/policy.h"

struct differ {
    struct arena *arena; /* the caller's */
    const struct policy *before, *after; /* `before` may be NULL: the first policy */
    purpose_mask in_use; /* purposes of `before` with data or consents */
    policy_changes *changes;
    str where; /* "purpose `newsletter`" */
    uint16_t old_purpose, new_purpose; /* that changes are about, or SLOT_NONE */
};

void differ_where(struct differ *differ, const char *what, str name);
void change_add(struct differ *differ, enum change_weight weight, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The words of one value each; nothing is added where the two are equal. */
void text_compare(struct differ *differ, enum change_weight weight, const char *what, str before, str after);
/* The same of texts in several languages. */
void local_compare(struct differ *differ, enum change_weight weight, const char *what, str before, const local_texts *befores, str after,
                   const local_texts *afters);
void flag_compare(struct differ *differ, enum change_weight on, enum change_weight off, const char *now_on, const char *now_off, bool before,
                  bool after);
void number_compare(struct differ *differ, enum change_weight weight, const char *what, int64_t before, int64_t after);
void time_compare(struct differ *differ, enum change_weight weight, const char *what, int64_t before_ms, int64_t after_ms);
/* What is in one list and not in the other. */
typedef VEC(str) str_list;
void list_compare(struct differ *differ, enum change_weight lost, enum change_weight gained, const char *no_longer, const char *newly,
                  const str_list *before, const str_list *after);
/* Negative: the second is shorter. Counted from one fixed day, so that months and days can be compared. */
int duration_compare(struct duration before, struct duration after);
str duration_words(struct arena *arena, struct duration duration);
str date_words(struct arena *arena, int64_t time_ms);
str quoted_list(struct arena *arena, const str_list *names); /* "`a`, `b`" */
void purpose_names(struct arena *arena, const struct policy *policy, purpose_mask mask, str_list *ret_names);
void category_names(struct arena *arena, const struct policy *policy, const struct category_set *set, str_list *ret_names);
str slot_name(const struct policy *policy, uint16_t purpose); /* empty for SLOT_NONE */

/* Worst first; of equal weight in the order in which they were added. */
void changes_sort(struct arena *arena, policy_changes *changes);

void diff_purposes(struct differ *differ); /* diff_purpose.c */
void diff_notices(struct differ *differ);
void diff_sources(struct differ *differ); /* diff_flow.c */
void diff_destinations(struct differ *differ);

#endif

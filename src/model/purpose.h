/* Purposes as sets, and the six lawful bases. */
#ifndef TELOS_MODEL_PURPOSE_H
#define TELOS_MODEL_PURPOSE_H

#include <stdbool.h>
#include <stdint.h>

/* GDPR Art. 6(1): code, policy spelling, article, DPV IRI */
#define BASES(X)                                                                                                       \
    X(BASIS_CONSENT, "consent", "6(1)(a)", "eu-gdpr:A6-1-a")                                                           \
    X(BASIS_CONTRACT, "contract", "6(1)(b)", "eu-gdpr:A6-1-b")                                                         \
    X(BASIS_LEGAL_OBLIGATION, "legal_obligation", "6(1)(c)", "eu-gdpr:A6-1-c")                                         \
    X(BASIS_VITAL_INTEREST, "vital_interest", "6(1)(d)", "eu-gdpr:A6-1-d")                                             \
    X(BASIS_PUBLIC_TASK, "public_task", "6(1)(e)", "eu-gdpr:A6-1-e")                                                   \
    X(BASIS_LEGITIMATE_INTEREST, "legitimate_interest", "6(1)(f)", "eu-gdpr:A6-1-f")
enum basis {
#define X(code, name, article, iri) code,
    BASES(X)
#undef X
        BASIS_COUNT
};
const char *basis_name(enum basis basis);
const char *basis_article(enum basis basis);
const char *basis_iri(enum basis basis);
/* A law orders the processing, or gives the task: an erasure leaves it, restricted to that (Art. 17(3)(b)). */
static inline bool basis_outlives_erasure(enum basis basis) { return basis == BASIS_LEGAL_OBLIGATION || basis == BASIS_PUBLIC_TASK; }

typedef uint64_t purpose_mask; /* a bit a purpose slot of one policy version */

#endif

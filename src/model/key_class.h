/* The keys that each profile has in the vault, one a retention class: so erasure can destroy one and keep what a law orders kept. */
#ifndef TELOS_MODEL_KEY_CLASS_H
#define TELOS_MODEL_KEY_CLASS_H

/* class, name, what it seals */
#define KEY_CLASSES(X)                                                                                                 \
    X(KEY_EVIDENCE, "evidence", "the salt of commitments, consent records, identifier values")                                  \
    X(KEY_CONSENT, "consent", "data that rests on consent alone")                                     \
    X(KEY_CONTRACT, "contract", "data with a contract or an interest behind it")                                                                  \
    X(KEY_LEGAL, "legal", "data that a law orders kept, or a task that it gives")                                      \
    X(KEY_HOLD, "hold", "messages that wait for their consent")
enum key_class {
#define X(code, name, what) code,
    KEY_CLASSES(X)
#undef X
        KEY_CLASS_COUNT
};
#define KEY_CLASS_BIT(class) ((uint8_t)(1u << (class)))
#define KEY_CLASS_ALL ((uint8_t)((1u << KEY_CLASS_COUNT) - 1))

#endif

/* Each limit of Telos in one list: its name, its value, why, and what the user sees at it. docs/limits.md is made from it. */
#ifndef TELOS_BASE_LIMITS_H
#define TELOS_BASE_LIMITS_H

#define LIMITS(X) \
    X(LIMIT_MESSAGE_BYTES, 32 * 1024, "Segment's limit for one message", "413, or that message `invalid` in a batch") \
    X(LIMIT_BATCH_BYTES, 500 * 1024, "Segment's limit for one batch", "413") \
    X(LIMIT_IMPORT_BYTES, 5 * 1024 * 1024, "history comes in bigger pieces", "413") \
    X(LIMIT_BATCH_MESSAGES, 2500, "Segment's limit for one batch", "413") \
    X(LIMIT_IMPORT_RECORD_BYTES, 1024 * 1024, "one line or CSV record of an import file", "a reject with its line") \
    X(LIMIT_IMPORT_COLUMNS, 1024, "columns of a CSV file", "status 2") \
    X(LIMIT_API_BODY_BYTES, 1024 * 1024, "API calls other than collecting", "413") \
    X(LIMIT_POLICY_BYTES, 4 * 1024 * 1024, "1,000 fields and notices fit many times", "413 or policy error") \
    X(LIMIT_POLICY_NODES, 250000, "values in one policy, YAML aliases written out", "policy refused") \
    X(LIMIT_POLICY_DEPTH, 16, "nesting of a policy file", "policy refused") \
    X(LIMIT_POLICY_PROBLEMS, 100, "problems reported at once", "mend these first") \
    X(LIMIT_POLICY_LIST, 256, "names in one list of a policy", "policy refused") \
    X(LIMIT_POLICY_TEXT_BYTES, 4096, "one text in a policy", "policy refused") \
    X(LIMIT_NAME_BYTES, 64, "a name of a purpose, category, source, …", "policy refused") \
    X(LIMIT_NOTICE_BYTES, 1024 * 1024, "one notice in one language", "policy refused") \
    X(LIMIT_FIELD_NODES, 65536, "field rules with every combination of `*` worked out", "policy refused") \
    X(LIMIT_HEADER_BYTES, 16 * 1024, "request head; MHD wipes that much a request", "414, 431 or close") \
    X(LIMIT_QUERY_PAIRS, 256, "parameters of one address; a pixel has a few dozen", "400 invalid") \
    X(LIMIT_JSON_DEPTH, 64, "deeper nesting is an attack or a mistake", "400 malformed") \
    X(LIMIT_JSON_NODES, 200000, "bounds the memory of one request", "400 malformed") \
    X(LIMIT_STRING_BYTES, 32 * 1024, "one value cannot be longer than a message", "message `invalid`") \
    X(LIMIT_FIELD_NAME_BYTES, 512, "a flattened path", "field left out, reason `field_name_too_long`") \
    X(LIMIT_SIGNAL_BYTES, 16 * 1024, "one consent string; real ones are below 3 KB", "it is unreadable, so it denies") \
    X(LIMIT_IDENTIFIER_BYTES, 512, "one identifier value", "identifier ignored, reason `identifier_invalid`") \
    X(LIMIT_MESSAGE_IDENTIFIERS, 16, "identifiers named by one message", "the rest is ignored, reason given") \
    X(LIMIT_PURPOSES, 64, "purposes in one policy version: a purpose set is one machine word", "policy refused") \
    X(LIMIT_CATEGORIES, 1024, "categories in one policy version", "policy refused") \
    X(LIMIT_FIELDS, 4096, "field rules in one policy version", "policy refused") \
    X(LIMIT_SOURCES, 1024, "sources in one policy version", "policy refused") \
    X(LIMIT_DESTINATIONS, 256, "destinations in one policy version", "policy refused") \
    X(LIMIT_NOTICES, 1024, "notices in one policy version", "policy refused") \
    X(LIMIT_IDENTITY_KEYS, 64, "identifier types in one policy version", "policy refused") \
    X(LIMIT_POLICY_VERSIONS, 100000, "kept for ever, so that any day can be explained", "409 conflict") \
    X(LIMIT_PROFILE_IDENTIFIERS, 1000, "identifiers of one person, whatever the policy says", "join refused, recorded") \
    X(LIMIT_PROFILE_MEMBERS, 256, "profiles merged into one person", "join refused, recorded") \
    X(LIMIT_PROFILE_FACTS, 20000, "facts of one person", "message trimmed, reason `too_many_facts`") \
    X(LIMIT_PROFILE_CONSENTS, 10000, "consent records of one person", "409 conflict") \
    X(LIMIT_PROFILE_HELD, 1000, "held messages of one person", "dropped with reason `hold_full`") \
    X(LIMIT_DECIDE_QUESTIONS, 1000, "questions in one call", "413") \
    X(LIMIT_PAGE_ITEMS, 1000, "items in one page of a list", "page is shorter; follow `next`") \
    X(LIMIT_DEDUPE_IDS, 8 * 1024 * 1024, "message ids remembered (24 h at most)", "an older duplicate is stored again") \
    X(LIMIT_PERSON_CACHE_BYTES, 288 * 1024 * 1024, "heads of people that messages name again and again", "they are read from the store") \
    X(LIMIT_VIEW_CACHE_BYTES, 192 * 1024 * 1024, "views of people that are asked for again, packed", "they are made anew") \
    X(LIMIT_COMMIT_MESSAGES, 10000, "messages in one commit", "the next commit takes the rest") \
    X(LIMIT_QUEUE_BYTES, 64 * 1024 * 1024, "request bodies waiting for a commit", "429 with Retry-After") \
    X(LIMIT_CONNECTIONS, 12000, "open connections; the setting `connections`", "503, and the connection is closed") \
    X(LIMIT_CONNECTION_IDLE_S, 60, "nothing moves on a connection; the setting `idle_seconds`", "it is closed") \
    X(LIMIT_REPLY_BYTES, 64 * 1024 * 1024, "one reply of the API", "413; ask for smaller pages") \
    X(LIMIT_REQUEST_RECEIVE_S, 120, "time to send one request; the setting `request_seconds`", "the connection is closed") \
    X(LIMIT_SLOW_REQUESTS, 1024, "requests waiting for a worker", "429 with Retry-After") \
    X(LIMIT_JOBS, 4, "audits, exports and the like at the same time", "429 with Retry-After") \
    X(LIMIT_STREAM_BUFFER_BYTES, 256 * 1024, "changes waiting for a slow reader of a stream", "it falls behind, and catches up") \
    X(LIMIT_LIVE_BUFFER_BYTES, 1024 * 1024, "messages waiting for a watcher of the live feed: a batch of an SDK's size fits", "it is told how many it missed") \
    X(LIMIT_LIVE_CLIENTS, 32, "watchers of the live feed", "429 with Retry-After") \
    X(LIMIT_STREAM_CLIENTS, 256, "open event streams", "429 with Retry-After") \
    X(LIMIT_DELIVERY_IN_FLIGHT, 32, "requests under way to one destination", "the others wait in the outbox") \
    X(LIMIT_DELIVERY_ATTEMPTS, 30, "attempts at one delivery, about three days", "dead letter with its reason") \
    X(LIMIT_DELIVERY_BODY_BYTES, 1024 * 1024, "one delivery", "dead letter `too_large`") \
    X(LIMIT_DELIVERY_WINDOW_BYTES, 8 * 1024 * 1024, "bodies under way to one destination", "the others wait in the outbox") \
    X(LIMIT_DELIVERY_RETRY_S, 3600, "longest wait between two attempts", "the next attempt comes then") \
    X(LIMIT_DELIVERY_RETRY_AFTER_S, 24 * 3600, "longest Retry-After that is believed", "asked again after a day") \
    X(LIMIT_DELIVERY_TIMEOUT_S, 60, "longest `timeout` of a destination", "policy refused") \
    X(LIMIT_DELIVERY_REPLY_BYTES, 64 * 1024, "reply of a destination, read and thrown away", "the rest is not read") \
    X(LIMIT_KAFKA_SOURCES, 64, "sources of kind kafka, a thread each", "policy refused") \
    X(LIMIT_KAFKA_SESSION_S, 300, "longest `session_timeout` of a kafka source", "policy refused") \
    X(LIMIT_KAFKA_BUFFER_BYTES, 32 * 1024 * 1024, "records of one kafka source read ahead", "its partitions are paused") \
    X(LIMIT_RIGHTS_TEXT_BYTES, 16 * 1024, "what a person writes with a rights request", "400 invalid") \
    X(LIMIT_RIGHTS_STEPS, 200, "steps in the history of one rights request", "409 conflict") \
    X(LIMIT_RIGHTS_RECIPIENTS, 1000, "recipients tracked by one rights request", "the others are told all the same") \
    X(LIMIT_RIGHTS_RECORD_BYTES, 2 * 1024 * 1024, "steps and recipients of one rights request", "never: the two above keep it shorter") \
    X(LIMIT_RIGHTS_OPEN, 50, "open rights requests of one person", "409 conflict") \
    X(LIMIT_CERTIFICATES, 10, "certificates in the file that replies are signed by", "further ones are not served") \
    X(LIMIT_RIGHTS_CALLBACKS, 5, "addresses that are told of one request's status", "400 invalid") \
    X(LIMIT_AUDIT_EXPORT_MIB, 64 * 1024, "one archive of the evidence", "the download breaks off, and the log says so; take a shorter time") \
    X(LIMIT_RIGHTS_EXPORT_BYTES, 1024 * 1024 * 1024, "one export of a person", "the download breaks off, and the log says so") \
    X(LIMIT_CAMPAIGNS, 4, "notices whose renewal is counted in memory, 16 bytes a profile each", "another one is counted anew") \
    X(LIMIT_LINK_LIFE_S, 30 * 24 * 3600, "a link to somebody's own page can be lost or passed on", "400; ask for less") \
    X(LIMIT_LINK_LIFE_DEFAULT_S, 7 * 24 * 3600, "the same, where nothing is said", "the link expires") \
    X(LIMIT_USERS, 10000, "users of the console, removed ones too", "409 conflict") \
    X(LIMIT_USER_SESSIONS, 20, "sessions of one user", "the oldest one ends") \
    X(LIMIT_USER_TEXT_BYTES, 256, "name, title or e-mail address of a user", "400") \
    X(LIMIT_PASSWORD_MIN, 12, "a short password is guessed", "400") \
    X(LIMIT_PASSWORD_BYTES, 256, "a password", "400") \
    X(LIMIT_SESSION_IDLE_S, 1800, "a session without a request; the setting `session_idle_seconds`", "401; sign in again") \
    X(LIMIT_SESSION_LIFE_S, 12 * 3600, "a session in any case; the setting `session_seconds`", "401; sign in again") \
    X(LIMIT_SETUP_LINK_S, 3600, "a one-time link of the first admin", "a new start of `telos serve` prints another") \
    X(LIMIT_USER_LINK_S, 3 * 24 * 3600, "a one-time link by which a user sets a password", "an admin makes another") \
    X(LIMIT_SIGN_IN_BYTES, 16 * 1024, "a sign-in, or a user that is made or changed", "413") \
    X(LIMIT_LOGINS_WAITING, 32, "passwords waiting to be checked, 64 MB of memory each while it is", "429 with Retry-After") \
    X(LIMIT_LOGIN_WINDOW_S, 900, "the time that failed sign-ins are counted in", "they are forgotten") \
    X(LIMIT_LOGIN_USER_FAILURES, 10, "failed sign-ins with one name in that time", "429 with Retry-After") \
    X(LIMIT_LOGIN_ADDRESS_FAILURES, 30, "failed sign-ins from one address (IPv6: /64) in that time", "429 with Retry-After") \
    X(LIMIT_LOGIN_PLACES, 4096, "names and addresses whose failures are remembered", "the oldest one is forgotten") \
    X(LIMIT_GZIP_RATIO_BYTES, 5 * 1024 * 1024, "a gzip body once unpacked", "413")

enum {
#define X(name, value, reason, answer) name = (value),
    LIMITS(X)
#undef X
};

#endif

/* Every named fault point of the store, sorted. `telos debug fail POINT` and the tests arm them; docs name them alike. */
#ifndef TELOS_STORE_DEBUG_POINTS_H
#define TELOS_STORE_DEBUG_POINTS_H

/* code, name, what happens there */
#define FAULT_POINTS(X)                                                                                                \
    X(FAULT_BACKUP, "backup", "a backup fails")                                                                        \
    X(FAULT_DISK_FULL, "disk_full", "writing to a file of the store fails with ENOSPC")                                \
    X(FAULT_EXIT_AFTER_SAVE, "exit_after_save", "the process ends at once after a commit, before anyone is told")      \
    X(FAULT_EXIT_BEFORE_SAVE, "exit_before_save", "the process ends at once before a commit")                          \
    X(FAULT_EXIT_IN_SYNC, "exit_in_sync", "the process ends at once where a file of the store would be made durable")  \
    X(FAULT_EXIT_IN_WRITE, "exit_in_write", "the process ends at once in the middle of writing a file of the store")   \
    X(FAULT_LOAD, "load", "a load fails")                                                                              \
    X(FAULT_READ, "read", "any other reading fails")                                                                   \
    X(FAULT_SAVE, "save", "a save fails and nothing of it happened")                                                   \
    X(FAULT_SYNC, "sync", "fsync of a file of the store fails with EIO")                                               \
    X(FAULT_TIDY, "tidy", "housekeeping fails")

enum fault {
#define X(code, name, what) code,
    FAULT_POINTS(X)
#undef X
        FAULT_COUNT
};

#endif

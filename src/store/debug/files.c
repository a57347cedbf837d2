/* A layer between SQLite and the system's files (a VFS) in which writing and syncing can be made to fail. SQLite knows such layers by name
 * for the whole process, so this one is the only state of its kind. */
#include "store/debug/debug.h"
#include "store/debug/debug_private.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct armed points[FAULT_COUNT];
static sqlite3_vfs layer, *below;
static sqlite3_io_methods methods;
static pthread_once_t registered = PTHREAD_ONCE_INIT;
static _Atomic bool ready;

struct layer_file {
    sqlite3_file base;
    sqlite3_file *file; /* the system's, behind this struct */
};
static sqlite3_file *below_of(sqlite3_file *file) { return ((struct layer_file *)(void *)file)->file; }

static int layer_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 offset)
{
    if (armed_hit(&points[FAULT_DISK_FULL])) {
        errno = ENOSPC;
        return SQLITE_FULL;
    }
    if (armed_hit(&points[FAULT_EXIT_IN_WRITE])) {
        (void)below_of(file)->pMethods->xWrite(below_of(file), data, amount / 2, offset); /* a torn write */
        _exit(9);
    }
    return below_of(file)->pMethods->xWrite(below_of(file), data, amount, offset);
}

static int layer_sync(sqlite3_file *file, int flags)
{
    if (armed_hit(&points[FAULT_EXIT_IN_SYNC]))
        _exit(9);
    if (armed_hit(&points[FAULT_SYNC])) {
        errno = EIO;
        return SQLITE_IOERR_FSYNC;
    }
    return below_of(file)->pMethods->xSync(below_of(file), flags);
}

static int layer_close(sqlite3_file *file) { return below_of(file)->pMethods->xClose(below_of(file)); }
static int layer_read(sqlite3_file *file, void *data, int amount, sqlite3_int64 offset)
{
    return below_of(file)->pMethods->xRead(below_of(file), data, amount, offset);
}
static int layer_truncate(sqlite3_file *file, sqlite3_int64 size) { return below_of(file)->pMethods->xTruncate(below_of(file), size); }
static int layer_size(sqlite3_file *file, sqlite3_int64 *ret) { return below_of(file)->pMethods->xFileSize(below_of(file), ret); }
static int layer_lock(sqlite3_file *file, int lock) { return below_of(file)->pMethods->xLock(below_of(file), lock); }
static int layer_unlock(sqlite3_file *file, int lock) { return below_of(file)->pMethods->xUnlock(below_of(file), lock); }
static int layer_reserved(sqlite3_file *file, int *ret) { return below_of(file)->pMethods->xCheckReservedLock(below_of(file), ret); }
static int layer_control(sqlite3_file *file, int op, void *argument)
{
    return below_of(file)->pMethods->xFileControl(below_of(file), op, argument);
}
static int layer_sector(sqlite3_file *file) { return below_of(file)->pMethods->xSectorSize(below_of(file)); }
static int layer_device(sqlite3_file *file) { return below_of(file)->pMethods->xDeviceCharacteristics(below_of(file)); }
static int layer_map(sqlite3_file *file, int region, int size, int extend, void volatile **ret)
{
    return below_of(file)->pMethods->xShmMap(below_of(file), region, size, extend, ret);
}
static int layer_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return below_of(file)->pMethods->xShmLock(below_of(file), offset, count, flags);
}
static void layer_barrier(sqlite3_file *file) { below_of(file)->pMethods->xShmBarrier(below_of(file)); }
static int layer_unmap(sqlite3_file *file, int remove) { return below_of(file)->pMethods->xShmUnmap(below_of(file), remove); }

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct layer_file *own = (struct layer_file *)(void *)file;
    (void)vfs;
    own->file = (sqlite3_file *)(void *)(own + 1);
    int code = below->xOpen(below, name, own->file, flags, ret_flags);
    file->pMethods = own->file->pMethods ? &methods : NULL;
    return code;
}

static void layer_register(void)
{
    below = sqlite3_vfs_find(NULL);
    if (!below)
        abort();
    layer = *below;
    layer.zName = "telos-debug";
    layer.pNext = NULL;
    layer.szOsFile = (int)sizeof(struct layer_file) + below->szOsFile;
    layer.xOpen = layer_open;
    /* version 2: without direct mapping of the file, which would pass the layer by */
    methods = (sqlite3_io_methods){2, layer_close, layer_read, layer_write, layer_truncate, layer_sync, layer_size, layer_lock, layer_unlock,
                                   layer_reserved, layer_control, layer_sector, layer_device, layer_map, layer_shm_lock, layer_barrier,
                                   layer_unmap, NULL, NULL};
    if (sqlite3_vfs_register(&layer, 1) != SQLITE_OK)
        abort();
    ready = true;
}

void store_debug_files(void) { (void)pthread_once(&registered, layer_register); /* cannot fail with a static once */ }

struct armed *files_armed(void) { return ready ? points : NULL; }

#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

const int sluice_clone_newnet = CLONE_NEWNET;
const int sluice_clone_newns = CLONE_NEWNS;
const int sluice_clone_newuser = CLONE_NEWUSER;

int sluice_setns(int fd, int type) { return setns(fd, type); }
int sluice_unshare(int flags) { return unshare(flags); }
int sluice_accept(int fd, int flags) { return accept4(fd, NULL, NULL, flags); }

const char *sluice_errno_name(int number) { return strerrorname_np(number); }
const char *sluice_errno_text(int number) { return strerrordesc_np(number); }
void sluice_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

int sluice_is_mount_root(const char *path) {
    struct statx about;
    if (statx(AT_FDCWD, path, 0, 0, &about) != 0)
        return -1;
    return (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

const unsigned long sluice_ms_bind = MS_BIND;
const unsigned long sluice_ms_recursive = MS_REC;
const unsigned long sluice_ms_private = MS_PRIVATE;
const unsigned long sluice_ms_shared = MS_SHARED;
const int sluice_mnt_detach = MNT_DETACH;

int sluice_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count)
{
    /* A null pointer would bind NULL; an empty value is not NULL. */
    return sqlite3_bind_blob(statement, index, bytes ? bytes : "", count, SQLITE_TRANSIENT);
}

int sluice_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count)
{
    return sqlite3_bind_text(statement, index, bytes ? bytes : "", count, SQLITE_TRANSIENT);
}

int sluice_sqlite_keep_wal(sqlite3 *database, int keep)
{
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep, (int *)0);
}

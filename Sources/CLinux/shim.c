#define _GNU_SOURCE
#include "CLinux.h"

const int sluice_clone_newnet = CLONE_NEWNET;
const int sluice_clone_newns = CLONE_NEWNS;
const int sluice_clone_newuser = CLONE_NEWUSER;

int sluice_setns(int fd, int type) { return setns(fd, type); }
int sluice_unshare(int flags) { return unshare(flags); }
int sluice_accept(int fd, int flags) { return accept4(fd, NULL, NULL, flags); }

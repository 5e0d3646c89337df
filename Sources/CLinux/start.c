/* Starting a program in a network namespace, without power. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Between fork and exec: system calls only. Changing the user takes the power away; what is left in a user namespace that
 * knows no other user is taken here. */
static void give_up_power(unsigned int user, unsigned int group)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_setgroups, 0, NULL);
    if ((syscall(SYS_setresgid, group, group, group) != 0 || syscall(SYS_setresuid, user, user, user) != 0) &&
        errno != EINVAL)
        _exit(125);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    if (syscall(SYS_capset, &header, none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(126);
}

int sluice_start_program(const char *path, char *const *arguments, int network, unsigned int user, unsigned int group)
{
    char *const environment[] = {"PATH=/nonexistent", NULL};
    pid_t child = fork();
    if (child != 0)
        return child;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Not the terminal's: who interrupts the daemon does not interrupt it. */
    setsid();
    if (chdir("/") != 0 || setns(network, CLONE_NEWNET) != 0)
        _exit(124);
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    syscall(SYS_close_range, 3u, ~0u, 0u);
    give_up_power(user, group);
    execve(path, arguments, environment);
    _exit(127);
}

int sluice_user(const char *name, unsigned int *user, unsigned int *group)
{
    struct passwd *entry = getpwnam(name);
    if (!entry)
        return 0;
    *user = entry->pw_uid;
    *group = entry->pw_gid;
    return 1;
}

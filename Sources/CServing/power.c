/* Starting the process that serves guests, and what it gives up before it hears the first of them. */
#define _GNU_SOURCE
#include "CServing.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

/* Runs between fork and exec: system calls only. */
static void become_nobody(uint32_t user, uint32_t group)
{
    /* What is dropped from the bounding set no program can bring back; it takes power to do, so it comes first. */
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_SET_SECUREBITS,
          SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (user != 0) {
        syscall(SYS_setgroups, 0, NULL);
        if (syscall(SYS_setresgid, group, group, group) != 0 || syscall(SYS_setresuid, user, user, user) != 0) {
            /* A user namespace that has no such user: what follows takes the power all the same. */
            if (errno != EINVAL)
                _exit(125);
        }
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2];
    memset(none, 0, sizeof none);
    if (syscall(SYS_capset, &header, none) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(126);
}

int serving_start(const char *path, const char *argument, int control, uint32_t user, uint32_t group)
{
    char *const arguments[] = {(char *)path, (char *)argument, NULL};
    char *const environment[] = {"PATH=/nonexistent", "SWIFT_BACKTRACE=enable=no", NULL};
    /* Opened before power goes: the file need not be readable for the user that it becomes. */
    int program = open(path, O_PATH | O_CLOEXEC);
    if (program < 0)
        return -1;
    pid_t child = fork();
    if (child != 0) {
        int failure = errno;
        close(program);
        errno = failure;
        return child;
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Not the terminal's: who interrupts the daemon does not interrupt what it serves. */
    setsid();
    if (chdir("/") != 0)
        _exit(127);
    /* Nor does it keep what others wait for the end of: it may outlive the daemon, and speaks by its channel alone. */
    int null = open("/dev/null", O_RDWR);
    if (null < 0)
        _exit(127);
    for (int standard = 0; standard < 3; standard++)
        dup2(null, standard);
    if (control == 3)
        fcntl(3, F_SETFD, 0);
    else if (program == 3) {
        program = fcntl(program, F_DUPFD_CLOEXEC, 4);
        dup2(control, 3);
    } else
        dup2(control, 3);
    syscall(SYS_close_range, 4u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);
    become_nobody(user, group);
    syscall(SYS_execveat, program, "", arguments, environment, 0x1000 /* AT_EMPTY_PATH */);
    _exit(127);
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "which system calls are which is not known here"
#endif

#define ALLOW(number) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#define LOW_HALF(argument) (offsetof(struct seccomp_data, args) + 8 * (argument))

/* Memory may be had, but not as program. */
#define ALLOW_UNLESS_EXECUTABLE(number)                                                                       \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 4),                                                      \
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_HALF(2)), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int serving_confine(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        /* The traffic itself, the busiest first. */
        ALLOW(SYS_recvmmsg), ALLOW(SYS_sendmmsg), ALLOW(SYS_epoll_pwait), ALLOW(SYS_recvfrom), ALLOW(SYS_sendto),
        ALLOW(SYS_epoll_ctl), ALLOW(SYS_accept4), ALLOW(SYS_close), ALLOW(SYS_connect), ALLOW(SYS_recvmsg),
        ALLOW(SYS_sendmsg), ALLOW(SYS_shutdown), ALLOW(SYS_read), ALLOW(SYS_write), ALLOW(SYS_writev),
#ifdef SYS_epoll_wait
        ALLOW(SYS_epoll_wait),
#endif
        /* What the language's runtime and C's library need to live, and to die. */
        ALLOW(SYS_futex), ALLOW(SYS_clock_gettime), ALLOW(SYS_getrandom), ALLOW(SYS_brk), ALLOW(SYS_munmap),
        ALLOW(SYS_mremap), ALLOW(SYS_madvise), ALLOW(SYS_rt_sigreturn), ALLOW(SYS_rt_sigprocmask),
        ALLOW(SYS_rt_sigaction), ALLOW(SYS_sigaltstack), ALLOW(SYS_getpid), ALLOW(SYS_gettid), ALLOW(SYS_tgkill),
        ALLOW(SYS_exit), ALLOW(SYS_exit_group), ALLOW(SYS_restart_syscall), ALLOW(SYS_sched_yield),
        /* Says at most what one of its own descriptors is. */
        ALLOW(SYS_fcntl), ALLOW(SYS_fstat), ALLOW(SYS_getsockopt),
        ALLOW_UNLESS_EXECUTABLE(SYS_mmap), ALLOW_UNLESS_EXECUTABLE(SYS_mprotect),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {.len = sizeof rules / sizeof *rules, .filter = rules};
    /* Nobody of the same user may look into it or steer it. */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

int serving_reap(int process, int wait, int *status)
{
    pid_t ended;
    do
        ended = waitpid(process, status, wait ? 0 : WNOHANG);
    while (ended < 0 && errno == EINTR);
    return ended == process || (ended < 0 && errno == ECHILD);
}

int serving_signal(int process, int number) { return kill(process, number); }

void serving_pause(int milliseconds) { usleep((useconds_t)milliseconds * 1000); }

int serving_raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -1;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

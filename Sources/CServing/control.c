/* What connects the daemon with the process that serves guests: packets that keep their borders and carry descriptors. */
#define _GNU_SOURCE
#include "CServing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* Room for what a daemon says while the process is busy. */
static int with_room(int fd)
{
    int room = 4 << 20;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return fd;
}

int serving_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -1;
    with_room(ends[0]);
    with_room(ends[1]);
    return 0;
}

static int control_name(const char *path, struct sockaddr_un *name)
{
    *name = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(name->sun_path, path);
    return 0;
}

int serving_control_listen(const char *path)
{
    struct sockaddr_un name;
    if (control_name(path, &name) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    unlink(path);
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || chmod(path, 0600) != 0 || listen(fd, 4) != 0) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

int serving_control_connect(const char *path)
{
    struct sockaddr_un name;
    if (control_name(path, &name) != 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return with_room(fd);
}

int serving_control_accept(int fd)
{
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    return accepted < 0 ? -1 : with_room(accepted);
}

int serving_duplicate(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 0); }

union descriptors {
    struct cmsghdr head;
    uint8_t room[CMSG_SPACE(sizeof(int) * SERVING_MOST_DESCRIPTORS)];
};

long serving_control_send(int fd, const uint8_t *bytes, size_t length, const int *fds, int count, int wait)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    union descriptors control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > SERVING_MOST_DESCRIPTORS) {
        errno = EINVAL;
        return -1;
    }
    if (count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * (size_t)count);
    }
    long sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    while (sent < 0 && errno == EINTR);
    return sent;
}

long serving_control_receive(int fd, uint8_t *bytes, size_t room, int *fds, int *count, int wait)
{
    struct iovec part = {.iov_base = bytes, .iov_len = room};
    union descriptors control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    long length;
    do
        length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    while (length < 0 && errno == EINTR);
    int most = *count;
    *count = 0;
    if (length < 0)
        return length;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        int found = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < found; i++) {
            int one;
            memcpy(&one, CMSG_DATA(c) + sizeof(int) * (size_t)i, sizeof one);
            if (*count < most)
                fds[(*count)++] = one;
            else
                close(one);
        }
    }
    return length;
}

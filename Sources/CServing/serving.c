#define _GNU_SOURCE
#include "CServing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockios.h>

int serving_errno(void) { return errno; }

/* --- waiting ------------------------------------------------------------------------------------------------ */

int serving_poll_new(void) { return epoll_create1(EPOLL_CLOEXEC); }

int serving_poll_set(int poll, int fd, int is_new, int readable, int writable, uint64_t tag)
{
    struct epoll_event event = {.events = (readable ? EPOLLIN | EPOLLRDHUP : 0) | (writable ? EPOLLOUT : 0)};
    event.data.u64 = tag;
    if (!readable && !writable)
        return epoll_ctl(poll, EPOLL_CTL_DEL, fd, &event);
    return epoll_ctl(poll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

int serving_poll_wait(int poll, struct serving_event *events, int most, int milliseconds)
{
    struct epoll_event found[256];
    int count = epoll_wait(poll, found, most < 256 ? most : 256, milliseconds);
    if (count < 0)
        return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        events[i].tag = found[i].data.u64;
        events[i].readable = (found[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        events[i].writable = (found[i].events & EPOLLOUT) != 0;
    }
    return count;
}

uint64_t serving_monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t serving_wall_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec;
}

/* --- datagrams ---------------------------------------------------------------------------------------------- */

struct serving_batch {
    int count;
    int staged;
    size_t room;
    struct mmsghdr *messages;
    struct iovec *parts;
    struct sockaddr_in *peers;
    struct serving_datagram *datagrams;
    uint8_t *bytes;
    union control {
        struct cmsghdr head;
        uint8_t room[CMSG_SPACE(sizeof(struct in_pktinfo))];
    } *controls;
};

struct serving_batch *serving_batch_new(int count, size_t room)
{
    struct serving_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->count = count;
    batch->room = room;
    batch->messages = calloc((size_t)count, sizeof *batch->messages);
    batch->parts = calloc((size_t)count, sizeof *batch->parts);
    batch->peers = calloc((size_t)count, sizeof *batch->peers);
    batch->datagrams = calloc((size_t)count, sizeof *batch->datagrams);
    batch->controls = calloc((size_t)count, sizeof *batch->controls);
    batch->bytes = calloc((size_t)count, room);
    if (!batch->messages || !batch->parts || !batch->peers || !batch->datagrams || !batch->controls || !batch->bytes) {
        serving_batch_free(batch);
        return NULL;
    }
    return batch;
}

void serving_batch_free(struct serving_batch *batch)
{
    if (!batch)
        return;
    free(batch->messages);
    free(batch->parts);
    free(batch->peers);
    free(batch->datagrams);
    free(batch->controls);
    free(batch->bytes);
    free(batch);
}

static void prepare(struct serving_batch *batch, int index, size_t length)
{
    struct msghdr *header = &batch->messages[index].msg_hdr;
    batch->parts[index].iov_base = batch->bytes + (size_t)index * batch->room;
    batch->parts[index].iov_len = length;
    header->msg_name = &batch->peers[index];
    header->msg_namelen = sizeof batch->peers[index];
    header->msg_iov = &batch->parts[index];
    header->msg_iovlen = 1;
    header->msg_control = &batch->controls[index];
    header->msg_controllen = sizeof batch->controls[index];
    header->msg_flags = 0;
}

int serving_batch_receive(struct serving_batch *batch, int fd)
{
    for (int i = 0; i < batch->count; i++)
        prepare(batch, i, batch->room);
    int count = recvmmsg(fd, batch->messages, (unsigned)batch->count, MSG_DONTWAIT, NULL);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        struct msghdr *header = &batch->messages[i].msg_hdr;
        struct serving_datagram *datagram = &batch->datagrams[i];
        datagram->bytes = batch->parts[i].iov_base;
        datagram->length = batch->messages[i].msg_len;
        datagram->address = ntohl(batch->peers[i].sin_addr.s_addr);
        datagram->port = ntohs(batch->peers[i].sin_port);
        datagram->is_cut = (header->msg_flags & MSG_TRUNC) != 0;
        datagram->local = 0;
        datagram->link = 0;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
            if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                struct in_pktinfo info;
                memcpy(&info, CMSG_DATA(c), sizeof info);
                datagram->local = ntohl(info.ipi_addr.s_addr);
                datagram->link = info.ipi_ifindex;
            }
    }
    return count;
}

struct serving_datagram *serving_batch_at(struct serving_batch *batch, int index) { return &batch->datagrams[index]; }

int serving_batch_stage(struct serving_batch *batch, const uint8_t *bytes, size_t length, uint32_t address, uint16_t port,
                        uint32_t local, int32_t link)
{
    int index = batch->staged;
    if (index == batch->count || length > batch->room)
        return 0;
    prepare(batch, index, length);
    memcpy(batch->parts[index].iov_base, bytes, length);
    batch->peers[index] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    batch->peers[index].sin_addr.s_addr = htonl(address);
    struct msghdr *header = &batch->messages[index].msg_hdr;
    if (local == 0 && link == 0) {
        header->msg_control = NULL;
        header->msg_controllen = 0;
    } else {
        struct in_pktinfo info = {.ipi_ifindex = link, .ipi_spec_dst.s_addr = htonl(local)};
        struct cmsghdr *c = CMSG_FIRSTHDR(header);
        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof info);
        memcpy(CMSG_DATA(c), &info, sizeof info);
    }
    batch->staged++;
    return 1;
}

int serving_batch_send(struct serving_batch *batch, int fd)
{
    int sent = 0;
    while (sent < batch->staged) {
        int count = sendmmsg(fd, batch->messages + sent, (unsigned)(batch->staged - sent), MSG_DONTWAIT);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            break;
        /* One that cannot be sent (nobody there, no route) must not hold up those behind it. */
        sent += count > 0 ? count : 1;
    }
    batch->staged = 0;
    return sent;
}

/* --- sockets ------------------------------------------------------------------------------------------------ */

static struct sockaddr_in name(uint32_t address, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    name.sin_addr.s_addr = htonl(address);
    return name;
}

/* Milliseconds. */
static const int unacknowledged = 10000;

int serving_listen(int type, uint32_t address, uint16_t port, int receive_room)
{
    int is_stream = type == 1;
    int fd = socket(AF_INET, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
    if (is_stream) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        /* Connections have this from here. What their end does not acknowledge is given up, also when nobody holds them
         * any more: the address may have become another guest's. */
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged, sizeof unacknowledged);
    } else {
        setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one);
        setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
        /* Answers fit, or say that they do not: nobody needs our datagrams in pieces, or is told of a small path. */
        int never = IP_PMTUDISC_DONT;
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof never);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &receive_room, sizeof receive_room) != 0)
            setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_room, sizeof receive_room);
    }
    struct sockaddr_in own = name(address, port);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) != 0 || (is_stream && listen(fd, 512) != 0)) {
        int failure = errno;
        close(fd);
        errno = failure;
        return -1;
    }
    return fd;
}

int serving_asker(int type)
{
    return socket(AF_INET, (type == 1 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int serving_disconnect(int fd)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    return connect(fd, &nobody, sizeof nobody);
}

int serving_connect(int fd, uint32_t address, uint16_t port)
{
    struct sockaddr_in peer = name(address, port);
    serving_disconnect(fd);
    if (connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0)
        return 0;
    return errno == EINPROGRESS ? 1 : -1;
}

int serving_accept(int fd, uint32_t *address, uint16_t *port)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    int accepted = accept4(fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0)
        return -1;
    *address = ntohl(peer.sin_addr.s_addr);
    *port = ntohs(peer.sin_port);
    return accepted;
}

long serving_read(int fd, uint8_t *bytes, size_t room)
{
    long count;
    do
        count = recv(fd, bytes, room, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    return count;
}

long serving_write(int fd, const uint8_t *bytes, size_t length)
{
    long count;
    do
        count = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    return count;
}

void serving_close(int fd) { close(fd); }

uint64_t serving_namespace_of(int fd)
{
    int file = ioctl(fd, SIOCGSKNS);
    struct stat about;
    if (file < 0)
        return 0;
    int failed = fstat(file, &about);
    close(file);
    return failed ? 0 : (uint64_t)about.st_ino;
}

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

int sluice_stay_on_this_processor(void) {
    cpu_set_t here;
    int processor = sched_getcpu();
    if (processor < 0)
        return -1;
    CPU_ZERO(&here);
    CPU_SET(processor, &here);
    return sched_setaffinity(0, sizeof here, &here);
}

const char *sluice_errno_name(int number) { return strerrorname_np(number); }
const char *sluice_errno_text(int number) { return strerrordesc_np(number); }
void sluice_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

int sluice_is_mount_root(const char *path) {
    struct statx about;
    if (statx(AT_FDCWD, path, 0, 0, &about) != 0)
        return -1;
    return (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

ssize_t sluice_receive_netlink(int fd, void *buffer, size_t size, int *namespace_id, int *truncated) {
    struct sockaddr_nl sender;
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int)) * 2];
    } control;
    struct msghdr message = {
        .msg_name = &sender,
        .msg_namelen = sizeof sender,
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
    if (length < 0)
        return length;
    /* Only the kernel may speak as port 0; anybody else's message is dropped. */
    if (message.msg_namelen < sizeof sender || sender.nl_pid != 0)
        return 0;
    *namespace_id = -1;
    *truncated = (message.msg_flags & MSG_TRUNC) != 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID)
            memcpy(namespace_id, CMSG_DATA(c), sizeof *namespace_id);
    return length;
}

void sluice_sleep_sharply(void) { prctl(PR_SET_TIMERSLACK, 1L); }

enum { frames_at_once = 64 };

int sluice_send_frames(int fd, struct iovec *frames, unsigned count) {
    struct mmsghdr messages[frames_at_once];
    if (count > frames_at_once)
        count = frames_at_once;
    memset(messages, 0, sizeof messages[0] * count);
    for (unsigned i = 0; i < count; i++) {
        messages[i].msg_hdr.msg_iov = &frames[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    return sendmmsg(fd, messages, count, 0);
}

int sluice_receive_frames(int fd, void *buffer, size_t slot, struct sluice_frame *frames, unsigned count) {
    struct mmsghdr messages[frames_at_once];
    struct iovec parts[frames_at_once];
    struct sockaddr_ll senders[frames_at_once];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    } control[frames_at_once];
    if (count > frames_at_once)
        count = frames_at_once;
    memset(messages, 0, sizeof messages[0] * count);
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = (char *)buffer + i * slot, .iov_len = slot};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &senders[i],
            .msg_namelen = sizeof senders[i],
            .msg_iov = &parts[i],
            .msg_iovlen = 1,
            .msg_control = &control[i],
            .msg_controllen = sizeof control[i],
        };
    }
    int received = recvmmsg(fd, messages, count, MSG_DONTWAIT, NULL);
    for (int i = 0; i < received; i++) {
        struct msghdr *message = &messages[i].msg_hdr;
        struct sluice_frame *frame = &frames[i];
        memset(frame, 0, sizeof *frame);
        frame->length = frame->original_length = messages[i].msg_len;
        frame->link = senders[i].sll_ifindex;
        frame->is_outgoing = senders[i].sll_pkttype == PACKET_OUTGOING;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
                struct timespec time;
                memcpy(&time, CMSG_DATA(c), sizeof time);
                frame->seconds = time.tv_sec;
                frame->nanoseconds = (unsigned)time.tv_nsec;
            } else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
                struct tpacket_auxdata about;
                memcpy(&about, CMSG_DATA(c), sizeof about);
                frame->original_length = about.tp_len;
                frame->has_vlan = (about.tp_status & TP_STATUS_VLAN_VALID) != 0;
                frame->vlan_tci = about.tp_vlan_tci;
                frame->vlan_type = about.tp_status & TP_STATUS_VLAN_TPID_VALID ? about.tp_vlan_tpid : 0x8100;
            }
        }
    }
    return received;
}

int sluice_new_tap(const char *name) {
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -1;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
    /* Without an owner a lasting tap is open to everybody who may open /dev/net/tun. */
    if (ioctl(fd, TUNSETIFF, &request) == 0 && ioctl(fd, TUNSETOWNER, 0UL) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

int sluice_keep_tap(int fd) { return ioctl(fd, TUNSETPERSIST, 1UL); }

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

struct MHD_Daemon *sluice_http_start(
    const struct sluice_http_options *options, void *context,
    void *(*began)(void *context, const char *target, struct MHD_Connection *connection),
    MHD_AccessHandlerCallback advanced,
    void (*completed)(
        void *context, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code))
{
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->key},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    if (options->certificate)
        flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, advanced, context,
        MHD_OPTION_LISTEN_SOCKET, options->listener,
        MHD_OPTION_URI_LOG_CALLBACK, began, context,
        MHD_OPTION_NOTIFY_COMPLETED, completed, context,
        MHD_OPTION_CONNECTION_LIMIT, options->connections,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_memory,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)16384,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, options->certificate ? tls : plain,
        MHD_OPTION_END);
}

void sluice_http_peer(struct MHD_Connection *connection, char *text, size_t size)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    text[0] = 0;
    if (!info || !info->client_addr)
        return;
    socklen_t length =
        info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(info->client_addr, length, text, size, NULL, 0, NI_NUMERICHOST) != 0)
        text[0] = 0;
}

/* The one door to C: every system header that Swift needs, included once and in an order that compiles.
 *
 * One umbrella target instead of a module for each library: the kernel's and the C library's headers define the
 * same structures, and two Clang modules that each carry a copy cannot be imported together.
 */
#ifndef SLUICE_CLINUX_H
#define SLUICE_CLINUX_H

/* The C library's view of sockets must come before any linux/ header. */
#include <netinet/in.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/uio.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/veth.h>
#include <linux/if_bridge.h>
#include <linux/if_packet.h>
#include <linux/magic.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/net_namespace.h>
#include <linux/fib_rules.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/gen.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

#include <netlink/netlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <netlink/socket.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/link/vlan.h>
#include <netlink/route/link/vxlan.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

#include <crypt.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <nettle/bignum.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/base64.h>
#include <nettle/rsa.h>
#include <sqlite3.h>

/* --- what Swift cannot see by itself: names under _GNU_SOURCE, variadic functions, cast macros --------------- */

int sluice_setns(int fd, int type);
int sluice_unshare(int flags);
extern const int sluice_clone_newnet;
extern const int sluice_clone_newns;
extern const int sluice_clone_newuser;
int sluice_accept(int fd, int flags);
/* Keeps the calling thread on the processor that it runs on. */
int sluice_stay_on_this_processor(void);

/* Makes sleeping of the calling thread end when it should, and not when it is convenient. */
void sluice_sleep_sharply(void);

/* Many frames by one packet socket in one call; how many were taken, or -1. At most 64 at once. */
struct iovec;
int sluice_send_frames(int fd, struct iovec *frames, unsigned count);

/* A frame as a packet socket tells of it. A VLAN tag is not among the bytes but here. */
struct sluice_frame {
    unsigned length, original_length;
    long long seconds;
    unsigned nanoseconds;
    int link;
    unsigned short vlan_tci, vlan_type;
    unsigned char has_vlan, is_outgoing;
};

/* Up to 64 frames that are there, each into its slot of `buffer`; how many, or -1. */
int sluice_receive_frames(int fd, void *buffer, size_t slot, struct sluice_frame *frames, unsigned count);

/* The symbolic name of an errno (`ENOENT`) and its text; static strings, NULL for a number nobody knows. */
const char *sluice_errno_name(int number);
const char *sluice_errno_text(int number);

/* Names the calling thread as tools show it; at most 15 bytes. */
void sluice_name_thread(const char *name);

/* 1: a file system is mounted exactly there, 0: not, -1: errno. */
int sluice_is_mount_root(const char *path);

/* One datagram of a netlink socket that listens to all namespaces: recvmsg, with the number of the namespace it is
 * about (-1: the socket's own) taken from the control message. *truncated says that the buffer was too small. */
ssize_t sluice_receive_netlink(int fd, void *buffer, size_t size, int *namespace_id, int *truncated);

/* A new tap of the calling thread's network namespace, which only root may open and which goes with the descriptor: that,
 * or -1 with errno. The second makes it stay. */
int sluice_new_tap(const char *name);
int sluice_keep_tap(int fd);

/* Starts a program in a network namespace as another user, without capabilities and with no way to get any, and with no
 * descriptors but /dev/null. It outlives whoever starts it. The new process, or -1 with errno. */
int sluice_start_program(const char *path, char *const *arguments, int network, unsigned int user, unsigned int group);
/* 0 when there is no such user. */
int sluice_user(const char *name, unsigned int *user, unsigned int *group);

extern const unsigned long sluice_ms_bind;
extern const unsigned long sluice_ms_recursive;
extern const unsigned long sluice_ms_private;
extern const unsigned long sluice_ms_shared;
extern const int sluice_mnt_detach;

/* Binding copies the bytes: SQLITE_TRANSIENT is a cast macro. */
int sluice_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count);
int sluice_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count);
/* Whether closing the last connection leaves the write-ahead log as it is. */
int sluice_sqlite_keep_wal(sqlite3 *database, int keep);

/* An HTTP daemon with one epoll thread on a listening socket. MHD_start_daemon is variadic. */
struct sluice_http_options {
    int listener;
    unsigned int connections;
    unsigned int idle_seconds;
    size_t connection_memory;
    /* PEM, or NULL for plain HTTP. */
    const char *certificate;
    const char *key;
};
struct MHD_Daemon *sluice_http_start(
    const struct sluice_http_options *options, void *context,
    void *(*began)(void *context, const char *target, struct MHD_Connection *connection),
    MHD_AccessHandlerCallback advanced,
    void (*completed)(
        void *context, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code));

/* The client's numeric address without its port, or an empty text. */
void sluice_http_peer(struct MHD_Connection *connection, char *text, size_t size);

#endif

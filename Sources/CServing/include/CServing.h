/* What the process that serves guests asks of the kernel. It loads no library but C's own, so this door to C is its own
 * too; and since it may meet `CLinux` in one program, it declares nothing that the system's headers do. */
#ifndef SLUICE_CSERVING_H
#define SLUICE_CSERVING_H

#include <stddef.h>
#include <stdint.h>

/* Every function returns -1, or less than 0, with errno where it fails. */
int serving_errno(void);

/* --- waiting ------------------------------------------------------------------------------------------------ */

struct serving_event {
    uint64_t tag;
    uint32_t readable; /* or broken: reading says how */
    uint32_t writable;
};

int serving_poll_new(void);
/* Interest 0 takes the descriptor out. */
int serving_poll_set(int poll, int fd, int is_new, int readable, int writable, uint64_t tag);
int serving_poll_wait(int poll, struct serving_event *events, int most, int milliseconds);
uint64_t serving_monotonic_ms(void);
uint64_t serving_wall_seconds(void);

/* --- datagrams of IPv4, many at a time ---------------------------------------------------------------------- */

struct serving_batch;
struct serving_datagram {
    uint8_t *bytes;
    uint32_t length;
    uint32_t address; /* of the peer, in host order */
    uint16_t port;
    uint16_t is_cut;
    uint32_t local; /* the address that it came to, or is to leave from; 0 leaves it to the kernel */
    int32_t link;   /* the link that it came by, or is to leave by; 0 leaves it to the kernel */
};

struct serving_batch *serving_batch_new(int count, size_t room);
void serving_batch_free(struct serving_batch *batch);
/* How many came: 0 for none. */
int serving_batch_receive(struct serving_batch *batch, int fd);
struct serving_datagram *serving_batch_at(struct serving_batch *batch, int index);
/* Copies one to be sent; 0 when the batch is full. */
int serving_batch_stage(struct serving_batch *batch, const uint8_t *bytes, size_t length, uint32_t address, uint16_t port,
                        uint32_t local, int32_t link);
/* Sends what is staged, as far as the kernel takes it without waiting; how many went. */
int serving_batch_send(struct serving_batch *batch, int fd);

/* --- sockets of IPv4 ---------------------------------------------------------------------------------------- */

/* For a service at an address: type 1 stream, 2 datagram. Reusable at once, whether or not the address is there yet. */
int serving_listen(int type, uint32_t address, uint16_t port, int receive_room);
/* One that asks others: not bound to anything. */
int serving_asker(int type);
/* Leads an asker to a peer, with a port that the kernel chooses anew. 0, or 1 when a stream is still connecting. */
int serving_connect(int fd, uint32_t address, uint16_t port);
/* Parts an asker from its peer and its port. */
int serving_disconnect(int fd);
int serving_accept(int fd, uint32_t *address, uint16_t *port);
/* Bytes, or -1; errno EAGAIN (11) means later. */
long serving_read(int fd, uint8_t *bytes, size_t room);
long serving_write(int fd, const uint8_t *bytes, size_t length);
void serving_close(int fd);
/* The inode of the network namespace that a socket is in; 0 when the kernel does not say. */
uint64_t serving_namespace_of(int fd);

/* --- between the daemon and the process --------------------------------------------------------------------- */

#define SERVING_MOST_DESCRIPTORS 32

/* Packets that keep their borders and carry descriptors. */
int serving_pair(int ends[2]);
int serving_control_listen(const char *path);
int serving_control_connect(const char *path);
int serving_control_accept(int fd);
int serving_duplicate(int fd);
/* wait: whether to wait for room. Bytes sent, or -1. */
long serving_control_send(int fd, const uint8_t *bytes, size_t length, const int *fds, int count, int wait);
/* Bytes, 0 at the end. *count: in, the room in fds; out, how many came. */
long serving_control_receive(int fd, uint8_t *bytes, size_t room, int *fds, int *count, int wait);

/* --- starting it, and giving up power ------------------------------------------------------------------------- */

/* Starts a program with a descriptor as its descriptor 3 and none of its own but /dev/null. It runs as the
 * user and group given, or, where those do not exist (a user namespace that knows one user), as it is; in both cases
 * without any capability and without the means to get one. The process's id, or -1. */
int serving_start(const char *path, const char *argument, int control, uint32_t user, uint32_t group);
/* From here on nothing but what serving takes: no file, no socket, no program, no other process. */
int serving_confine(void);
/* 1 when the process has ended: it is reaped, and *status is as of waitpid. */
int serving_reap(int process, int wait, int *status);
int serving_signal(int process, int number);
void serving_pause(int milliseconds);
int serving_raise_descriptors(void);

#endif

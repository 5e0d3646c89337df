/* Frames from one port of a bridge to another, as fast as one processor sends them: what they cost is this process's own
 * processor time, the bridge's and the receiver's work included, which the kernel does on the way.
 *
 *   frames SENDER RECEIVER OWN MAC FROM TO SIZE SECONDS
 *                                  -> frames per processor second, per wall second, of them not arrived
 *
 * SENDER and RECEIVER are files of network namespaces with an eth0 each, or, as FILE:NAME, taps in them. OWN and FROM are the
 * sender's MAC and address, MAC and TO the receiver's. Where it has a network stack the receiver has a socket that is full, so
 * that this costs the same whoever is asked; from a tap every frame is read, as a virtual machine monitor does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "measuring.h"

enum { BATCH = 64 };

/* What a socket has let go of because it was full, and what it has. A tap lets go of nothing; what others say to everybody
 * is of another size. */
static long arrived(int receiver, size_t tap_size)
{
	static long taken;
	char bytes[2048];
	ssize_t got;
	while ((got = read(receiver, bytes, tap_size ? sizeof bytes : 1)) >= 0)
		taken += !tap_size || (size_t)got == tap_size;
	if (tap_size)
		return taken;
	uint32_t info[9] = { 0 };
	socklen_t length = sizeof info;
	/* SO_MEMINFO: the ninth number counts drops. */
	if (getsockopt(receiver, SOL_SOCKET, SO_MEMINFO, info, &length) != 0)
		die("meminfo");
	return taken + info[8];
}

static void read_mac(const char *text, uint8_t *mac)
{
	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3, mac + 4, mac + 5) != 6)
		die("MAC");
}

static int open_tap(const char *place)
{
	const char *name = strrchr(place, ':') + 1;
	char file[256];
	snprintf(file, sizeof file, "%.*s", (int)(name - 1 - place), place);
	enter(file);
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0)
		die(place);
	return tap;
}

static int open_receiver(const char *place, const char *address)
{
	enter(place);
	int receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(9) };
	int small = 1;
	setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	if (inet_pton(AF_INET, address, &there.sin_addr) != 1
	    || bind(receiver, (struct sockaddr *)&there, sizeof there) != 0)
		die("receiver");
	return receiver;
}

static int open_sender(const char *place)
{
	enter(place);
	int sender = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("eth0") };
	if (bind(sender, (struct sockaddr *)&here, sizeof here) != 0)
		die("sender");
	return sender;
}

/* A datagram, with the link's header before it. */
static void write_frame(uint8_t *frame, size_t size, const char *own, const char *other, const char *from, const char *to)
{
	read_mac(other, frame);
	read_mac(own, frame + 6);
	frame[12] = 8;
	uint8_t *ip = frame + 14, *udp = ip + 20;
	ip[0] = 0x45;
	ip[2] = (size - 14) >> 8;
	ip[3] = (size - 14) & 0xff;
	ip[8] = 64;
	ip[9] = 17;
	if (inet_pton(AF_INET, from, ip + 12) != 1 || inet_pton(AF_INET, to, ip + 16) != 1)
		die("address");
	uint16_t sum = checksum(ip, 20);
	memcpy(ip + 10, &sum, 2);
	udp[0] = 0x27;
	udp[3] = 9;
	udp[4] = (size - 34) >> 8;
	udp[5] = (size - 34) & 0xff;
}

/* A bridge opens a port a little after somebody has its tap, and then learns who is there. */
static void await_path(int sender, int receiver, const uint8_t *frame, size_t size)
{
	double end = seconds(CLOCK_MONOTONIC) + 10;
	char bytes[2048];
	while (read(receiver, bytes, sizeof bytes) < 0) {
		if (seconds(CLOCK_MONOTONIC) > end || (write(sender, frame, size) < 0 && errno != EIO))
			die("no way");
		usleep(1000);
	}
}

int main(int count, char **word)
{
	if (count != 9) {
		fprintf(stderr, "usage: frames SENDER RECEIVER OWN MAC FROM TO SIZE SECONDS\n");
		return 64;
	}
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof set, &set);

	bool is_tap = strchr(word[1], ':') != NULL;
	int receiver = is_tap ? open_tap(word[2]) : open_receiver(word[2], word[6]);
	int sender = is_tap ? open_tap(word[1]) : open_sender(word[1]);
	size_t size = strtoul(word[7], NULL, 10);
	uint8_t frame[2048] = { 0 };
	if (size < 42 || size > sizeof frame)
		die("size");
	if (is_tap) {
		uint8_t greeting[2048] = { 0 };
		write_frame(greeting, size, word[4], word[3], word[6], word[5]);
		await_path(receiver, sender, greeting, size);
	}
	write_frame(frame, size, word[3], word[4], word[5], word[6]);
	if (is_tap)
		await_path(sender, receiver, frame, size);

	struct iovec part = { frame, size };
	struct mmsghdr batch[BATCH];
	memset(batch, 0, sizeof batch);
	for (int i = 0; i < BATCH; i++)
		batch[i].msg_hdr = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
	double length = strtod(word[8], NULL), warm = length / 10, start = 0, spent = 0, now;
	double began = seconds(CLOCK_MONOTONIC);
	long sent = 0, before = 0;
	for (;;) {
		int done = 0;
		if (is_tap) {
			while (done < BATCH && write(sender, frame, size) == (ssize_t)size)
				done++;
			arrived(receiver, size);
		} else {
			done = sendmmsg(sender, batch, BATCH, 0);
		}
		if (done < 0 && errno != ENOBUFS)
			die("send");
		sent += done > 0 ? done : 0;
		now = seconds(CLOCK_MONOTONIC);
		if (start == 0 && now - began > warm) {
			sent = 0;
			before = arrived(receiver, is_tap ? size : 0);
			start = seconds(CLOCK_MONOTONIC);
			spent = seconds(CLOCK_PROCESS_CPUTIME_ID);
		} else if (start > 0 && now - start > length) {
			break;
		}
	}
	spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - spent;
	usleep(20000);
	printf("%.1f %.1f %ld\n", sent / spent, sent / (now - start), sent - (arrived(receiver, is_tap ? size : 0) - before));
	return 0;
}

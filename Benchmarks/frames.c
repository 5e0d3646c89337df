/* Frames from one port of a bridge to another, as fast as one processor sends them: what they cost is this process's own
 * processor time, the bridge's and the receiver's work included, which the kernel does on the way.
 *
 *   frames SENDER RECEIVER MAC FROM TO SIZE SECONDS
 *                                  -> frames per processor second, per wall second, of them not arrived
 *
 * SENDER and RECEIVER are files of network namespaces with an eth0 each. MAC and TO are the receiver's, FROM is the sender's
 * address. The receiver has a socket that is full, so that its own stack costs the same whoever is asked.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
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

static uint16_t checksum(const uint8_t *bytes, size_t count)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < count; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

/* What a socket has let go of because it was full, and what it has. */
static long arrived(int receiver)
{
	static long taken;
	char byte;
	while (recv(receiver, &byte, 1, MSG_DONTWAIT) >= 0)
		taken++;
	uint32_t info[9] = { 0 };
	socklen_t length = sizeof info;
	/* SO_MEMINFO: the ninth number counts drops. */
	if (getsockopt(receiver, SOL_SOCKET, SO_MEMINFO, info, &length) != 0)
		die("meminfo");
	return taken + info[8];
}

int main(int count, char **word)
{
	if (count != 8) {
		fprintf(stderr, "usage: frames SENDER RECEIVER MAC FROM TO SIZE SECONDS\n");
		return 64;
	}
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof set, &set);

	enter(word[2]);
	int receiver = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(9) };
	int small = 1;
	setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	if (inet_pton(AF_INET, word[5], &there.sin_addr) != 1
	    || bind(receiver, (struct sockaddr *)&there, sizeof there) != 0)
		die("receiver");

	enter(word[1]);
	int sender = socket(AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("eth0") };
	struct ifreq own = { .ifr_name = "eth0" };
	if (bind(sender, (struct sockaddr *)&here, sizeof here) != 0 || ioctl(sender, SIOCGIFHWADDR, &own) != 0)
		die("sender");
	size_t size = strtoul(word[6], NULL, 10);
	uint8_t frame[2048] = { 0 };
	if (size < 42 || size > sizeof frame
	    || sscanf(word[3], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", frame, frame + 1, frame + 2, frame + 3, frame + 4, frame + 5) != 6)
		die("frame");
	memcpy(frame + 6, own.ifr_hwaddr.sa_data, 6);
	frame[12] = 8;
	uint8_t *ip = frame + 14, *udp = ip + 20;
	ip[0] = 0x45;
	ip[2] = (size - 14) >> 8;
	ip[3] = (size - 14) & 0xff;
	ip[8] = 64;
	ip[9] = 17;
	if (inet_pton(AF_INET, word[4], ip + 12) != 1 || inet_pton(AF_INET, word[5], ip + 16) != 1)
		die("address");
	uint16_t sum = checksum(ip, 20);
	memcpy(ip + 10, &sum, 2);
	udp[0] = 0x27;
	udp[3] = 9;
	udp[4] = (size - 34) >> 8;
	udp[5] = (size - 34) & 0xff;

	struct iovec part = { frame, size };
	struct mmsghdr batch[BATCH];
	memset(batch, 0, sizeof batch);
	for (int i = 0; i < BATCH; i++)
		batch[i].msg_hdr = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1 };
	double length = strtod(word[7], NULL), warm = length / 10, start = 0, spent = 0, now;
	double began = seconds(CLOCK_MONOTONIC);
	long sent = 0, before = 0;
	for (;;) {
		int done = sendmmsg(sender, batch, BATCH, 0);
		if (done < 0 && errno != ENOBUFS)
			die("send");
		sent += done > 0 ? done : 0;
		now = seconds(CLOCK_MONOTONIC);
		if (start == 0 && now - began > warm) {
			sent = 0;
			before = arrived(receiver);
			start = seconds(CLOCK_MONOTONIC);
			spent = seconds(CLOCK_PROCESS_CPUTIME_ID);
		} else if (start > 0 && now - start > length) {
			break;
		}
	}
	spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - spent;
	usleep(20000);
	printf("%.1f %.1f %ld\n", sent / spent, sent / (now - start), sent - (arrived(receiver) - before));
	return 0;
}

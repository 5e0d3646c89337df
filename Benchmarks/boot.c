/* Hosts that ask for their addresses at once: DISCOVER, OFFER, REQUEST, ACK for each, so many under way at a time.
 *
 *   boot WINDOW SECONDS < HOSTS      -> seconds until the last was bound, hosts bound, questions that were asked again
 *
 * A line of HOSTS is the file of a network namespace and a MAC. Hosts of one namespace share a socket on its eth0. Who is not
 * answered within half a second asks again, with all that it had asked before; after SECONDS no more is waited for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "measuring.h"

enum { LINE = 256, PATIENCE = 500, MAGIC = 0x63825363 };
enum state { IDLE, ASKED, CHOSEN, BOUND };

struct host {
	uint8_t mac[6];
	int socket;
	enum state state;
	uint32_t address, server;
	double asked;
};

struct __attribute__((packed)) message {
	struct ethhdr link;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t op, kind, length, hops;
	uint32_t id;
	uint16_t seconds, flags;
	uint32_t own, your, next, relay;
	uint8_t hardware[16], names[192];
	uint32_t magic;
	uint8_t options[64];
};

static struct host *hosts;
static uint32_t count, bound, again;

static void ask(uint32_t number, double now)
{
	struct host *host = &hosts[number];
	struct message m = { .op = 1, .kind = 1, .length = 6, .id = htonl(number + 1), .magic = htonl(MAGIC) };
	memset(m.link.h_dest, 0xff, 6);
	memcpy(m.link.h_source, host->mac, 6);
	m.link.h_proto = htons(ETH_P_IP);
	memcpy(m.hardware, host->mac, 6);
	uint8_t *at = m.options;
	*at++ = 53, *at++ = 1, *at++ = host->state == ASKED ? 1 : 3;
	if (host->state == CHOSEN) {
		*at++ = 50, *at++ = 4, memcpy(at, &host->address, 4), at += 4;
		*at++ = 54, *at++ = 4, memcpy(at, &host->server, 4), at += 4;
	}
	*at++ = 55, *at++ = 4, *at++ = 1, *at++ = 3, *at++ = 6, *at++ = 15;
	*at++ = 255;
	size_t length = sizeof m - sizeof m.link;
	m.ip = (struct iphdr){ .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = 0xffffffff,
			       .tot_len = htons(length) };
	m.ip.check = checksum(&m.ip, sizeof m.ip);
	m.udp = (struct udphdr){ .source = htons(68), .dest = htons(67), .len = htons(length - sizeof m.ip) };
	host->asked = now;
	if (send(host->socket, &m, sizeof m, 0) < 0 && errno != ENOBUFS)
		die("send");
}

/* The kind of message and the server it came from; 0 for what is none. */
static int kind(const uint8_t *option, const uint8_t *end, uint32_t *server)
{
	int found = 0;
	while (option + 2 <= end && *option != 255) {
		if (*option == 0) {
			option++;
			continue;
		}
		if (option + 2 + option[1] > end)
			return 0;
		if (*option == 53)
			found = option[2];
		if (*option == 54 && option[1] == 4)
			memcpy(server, option + 2, 4);
		option += 2 + option[1];
	}
	return found;
}

/* How many were bound by what came. */
static void hear(int socket, double now)
{
	static uint8_t bytes[2048];
	for (;;) {
		ssize_t length = recv(socket, bytes, sizeof bytes, MSG_DONTWAIT);
		if (length < 0)
			return;
		struct message *m = (struct message *)bytes;
		if (length < (ssize_t)offsetof(struct message, options) || m->op != 2)
			continue;
		uint32_t number = ntohl(m->id) - 1, server = 0;
		if (number >= count || memcmp(hosts[number].mac, m->hardware, 6) != 0)
			continue;
		struct host *host = &hosts[number];
		int what = kind(m->options, bytes + length, &server);
		if (what == 2 && host->state == ASKED) {
			host->state = CHOSEN, host->address = m->your, host->server = server;
			ask(number, now);
		} else if (what == 5 && host->state == CHOSEN) {
			host->state = BOUND;
			bound++;
		}
	}
}

static int listening(const char *space)
{
	enter(space);
	int file = socket(AF_PACKET, SOCK_RAW, 0);
	/* UDP to port 68 and nothing else. */
	struct sock_filter rules[] = {
		{ BPF_LD | BPF_H | BPF_ABS, 0, 0, 12 }, { BPF_JMP | BPF_JEQ | BPF_K, 0, 5, ETH_P_IP },
		{ BPF_LD | BPF_B | BPF_ABS, 0, 0, 23 }, { BPF_JMP | BPF_JEQ | BPF_K, 0, 3, IPPROTO_UDP },
		{ BPF_LD | BPF_H | BPF_ABS, 0, 0, 36 }, { BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 68 },
		{ BPF_RET | BPF_K, 0, 0, 2048 }, { BPF_RET | BPF_K, 0, 0, 0 },
	};
	struct sock_fprog filter = { .len = sizeof rules / sizeof *rules, .filter = rules };
	struct sockaddr_ll here = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
				    .sll_ifindex = if_nametoindex("eth0") };
	int room = 8 << 20;
	if (file < 0 || setsockopt(file, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0
	    || setsockopt(file, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0
	    || bind(file, (struct sockaddr *)&here, sizeof here) != 0)
		die(space);
	return file;
}

static void read_hosts(int poll)
{
	char line[LINE], space[LINE], last[LINE] = "";
	int file = -1;
	while (fgets(line, sizeof line, stdin)) {
		struct host host = { 0 };
		uint8_t *m = host.mac;
		if (sscanf(line, "%255s %hhx:%hhx:%hhx:%hhx:%hhx:%hhx", space, m, m + 1, m + 2, m + 3, m + 4, m + 5) != 7)
			continue;
		if (strcmp(space, last) != 0) {
			file = listening(space);
			struct epoll_event event = { .events = EPOLLIN, .data.fd = file };
			if (epoll_ctl(poll, EPOLL_CTL_ADD, file, &event) != 0)
				die("epoll_ctl");
			strcpy(last, space);
		}
		host.socket = file;
		hosts = realloc(hosts, (count + 1) * sizeof *hosts);
		hosts[count++] = host;
	}
}

int main(int words, char **word)
{
	if (words != 3) {
		fprintf(stderr, "usage: boot WINDOW SECONDS < HOSTS\n");
		return 64;
	}
	uint32_t window = atoi(word[1]), next = 0;
	struct rlimit files = { 65536, 65536 };
	setrlimit(RLIMIT_NOFILE, &files);
	int poll = epoll_create1(EPOLL_CLOEXEC);
	read_hosts(poll);

	double start = seconds(CLOCK_MONOTONIC), now = start, looked = start, end = start + atof(word[2]);
	while (bound < count && now < end) {
		while (next < count && next - bound < window) {
			hosts[next].state = ASKED;
			ask(next++, now);
		}
		struct epoll_event events[256];
		int ready = epoll_wait(poll, events, 256, 10);
		now = seconds(CLOCK_MONOTONIC);
		for (int i = 0; i < ready; i++)
			hear(events[i].data.fd, now);
		if (now - looked < 0.05)
			continue;
		looked = now;
		for (uint32_t i = 0; i < next; i++) {
			if (hosts[i].state == BOUND || now - hosts[i].asked < PATIENCE / 1e3)
				continue;
			again++;
			ask(i, now);
		}
	}
	printf("%f %u %u\n", now - start, bound, again);
	return 0;
}

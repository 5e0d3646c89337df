/* What the kernel and the disk cost by themselves: the peers that the daemon's figures stand beside.
 *
 *   peer load N     one batch that adds N elements to an empty set       -> microseconds
 *   peer add N      one element more beside N, 1,000 times               -> p50 and p99 in microseconds
 *   peer sync DIR   4 KiB written and fdatasync'ed in DIR, 1,000 times   -> p50 and p99 in microseconds
 *
 * The set is the router's own `guest-identities`: interface name, Ethernet address, IPv4 address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

static struct mnl_socket *nl;
static uint32_t seq = 1;
static char *buffer;
static size_t used;

enum { KEY = 28, ROOM = 64 << 20 };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct nlmsghdr *message(uint16_t type, uint16_t flags)
{
	return nftnl_nlmsg_build_hdr(buffer + used, type, NFPROTO_INET, flags | NLM_F_ACK, seq++);
}

static void done(struct nlmsghdr *header) { used += header->nlmsg_len; }

static void begin(void)
{
	used = 0;
	nftnl_batch_begin(buffer, seq++);
	used += ((struct nlmsghdr *)buffer)->nlmsg_len;
}

static void commit(unsigned answers)
{
	char reply[8192];
	nftnl_batch_end(buffer + used, seq++);
	used += ((struct nlmsghdr *)(buffer + used))->nlmsg_len;
	if (mnl_socket_sendto(nl, buffer, used) < 0)
		die("send");
	while (answers > 0) {
		ssize_t count = mnl_socket_recvfrom(nl, reply, sizeof reply);
		if (count < 0)
			die("receive");
		for (struct nlmsghdr *h = (void *)reply; mnl_nlmsg_ok(h, count); h = mnl_nlmsg_next(h, (int *)&count)) {
			struct nlmsgerr *error = mnl_nlmsg_get_payload(h);
			if (h->nlmsg_type == NLMSG_ERROR && error->error != 0) {
				errno = -error->error;
				die("kernel");
			}
			answers--;
		}
	}
}

static void element(struct nftnl_set *set, uint32_t number)
{
	unsigned char key[KEY] = { 0 };
	uint32_t address = htonl(0x0a000000 + number), mac = htonl(number);
	struct nftnl_set_elem *e = nftnl_set_elem_alloc();
	memcpy(key, "eth0", 4);
	key[16] = 2;
	memcpy(key + 18, &mac, 4);
	memcpy(key + 24, &address, 4);
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, KEY);
	nftnl_set_elem_add(set, e);
}

static unsigned elements(uint32_t from, uint32_t count)
{
	unsigned messages = 0;
	while (count > 0) {
		uint32_t part = count > 800 ? 800 : count;
		struct nftnl_set *set = nftnl_set_alloc();
		nftnl_set_set_str(set, NFTNL_SET_TABLE, "peer");
		nftnl_set_set_str(set, NFTNL_SET_NAME, "guest-identities");
		for (uint32_t i = 0; i < part; i++)
			element(set, from + i);
		struct nlmsghdr *h = message(NFT_MSG_NEWSETELEM, NLM_F_CREATE);
		nftnl_set_elems_nlmsg_build_payload(h, set);
		done(h);
		nftnl_set_free(set);
		from += part;
		count -= part;
		messages++;
	}
	return messages;
}

static void create(void)
{
	struct nftnl_table *table = nftnl_table_alloc();
	struct nftnl_set *set = nftnl_set_alloc();
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, "peer");
	nftnl_set_set_str(set, NFTNL_SET_TABLE, "peer");
	nftnl_set_set_str(set, NFTNL_SET_NAME, "guest-identities");
	nftnl_set_set_u32(set, NFTNL_SET_ID, 1);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, (41 << 12) | (9 << 6) | 7);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, KEY);
	begin();
	struct nlmsghdr *h = message(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nftnl_table_nlmsg_build_payload(h, table);
	done(h);
	h = message(NFT_MSG_NEWSET, NLM_F_CREATE);
	nftnl_set_nlmsg_build_payload(h, set);
	done(h);
	commit(2);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void report(double *times, int count)
{
	qsort(times, count, sizeof *times, compare);
	printf("%.1f %.1f\n", times[count / 2], times[count * 99 / 100]);
}

int main(int argc, char **argv)
{
	double times[1000];
	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "sync")) {
		char path[4096], block[4096];
		memset(block, 'x', sizeof block);
		snprintf(path, sizeof path, "%s/peer.sync", argv[2]);
		int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
		if (file < 0)
			die(path);
		for (int i = 0; i < 1000; i++) {
			double start = now();
			if (write(file, block, sizeof block) != sizeof block || fdatasync(file) != 0)
				die("write");
			times[i] = now() - start;
		}
		unlink(path);
		report(times, 1000);
		return 0;
	}
	int size = ROOM;
	uint32_t count = strtoul(argv[2], NULL, 10);
	buffer = malloc(ROOM);
	nl = mnl_socket_open(NETLINK_NETFILTER);
	if (buffer == NULL || nl == NULL || mnl_socket_bind(nl, 0, 0) < 0)
		die("netlink");
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	create();
	begin();
	double start = now();
	commit(elements(0, count));
	double loaded = now() - start;
	if (!strcmp(argv[1], "load")) {
		printf("%.1f\n", loaded);
		return 0;
	}
	for (int i = 0; i < 1000; i++) {
		start = now();
		begin();
		commit(elements(count + i, 1));
		times[i] = now() - start;
	}
	report(times, 1000);
	return 0;
}

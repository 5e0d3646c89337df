/* What the kernel and the disk cost by themselves: the peers that the daemon's figures stand beside.
 *
 *   peer load N         one batch that adds N elements to an empty set       -> microseconds
 *   peer add N          one element more beside N, 1,000 times               -> p50 and p99 in microseconds
 *   peer forwards N     one batch that adds N port forwards to empty sets, and a dump of them all
 *                                                                            -> microseconds of both, and processor
 *                                                                               microseconds of both
 *   peer forward N      one port forward more beside N, and one less, 1,000 times
 *                                                                            -> p50 of more, p50 of less
 *   peer sync DIR       4 KiB written and fdatasync'ed in DIR, 1,000 times   -> p50 and p99 in microseconds
 *
 * The sets are the router's own. Guests: `guest-identities` (interface name, Ethernet address, IPv4 address). Port forwards
 * with their firewall rules: `port-forwards`, a map, and three sets that count, all by address, protocol and port.
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
#include <libnftnl/expr.h>
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

static double microseconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static double now(void) { return microseconds(CLOCK_MONOTONIC); }
static double spent(void) { return microseconds(CLOCK_PROCESS_CPUTIME_ID); }

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

/* The sets that an element is added to: one for guests, four for port forwards. */
struct kind {
	const char *name;
	int isMap, counts;
};
static const struct kind guests[] = { { "guest-identities", 0, 0 }, { 0 } };
static const struct kind forwards[] = {
	{ "port-forwards", 1, 0 }, { "firewall-ports", 0, 1 }, { "forward-sent", 0, 1 }, { "forward-received", 0, 1 }, { 0 },
};
static const struct kind *kinds = guests;

static void forward(struct nftnl_set *set, const struct kind *kind, uint32_t number)
{
	unsigned char key[12] = { 100, 64, 2, 2, 6 }, data[8] = { 10, 0, 0, 10 };
	uint16_t port = htons(1024 + number);
	struct nftnl_set_elem *e = nftnl_set_elem_alloc();
	memcpy(key + 8, &port, 2);
	memcpy(data + 4, &port, 2);
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, sizeof key);
	if (kind->isMap)
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_DATA, data, sizeof data);
	nftnl_set_elem_add(set, e);
}

static void element(struct nftnl_set *set, const struct kind *kind, uint32_t number)
{
	if (kinds == forwards) {
		forward(set, kind, number);
		return;
	}
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

/* Adds elements to every set, or takes them away. */
static unsigned elements(uint16_t type, uint32_t from, uint32_t count)
{
	unsigned messages = 0;
	for (const struct kind *kind = kinds; kind->name != NULL; kind++)
		for (uint32_t at = 0; at < count; at += 800) {
			struct nftnl_set *set = nftnl_set_alloc();
			nftnl_set_set_str(set, NFTNL_SET_TABLE, "peer");
			nftnl_set_set_str(set, NFTNL_SET_NAME, kind->name);
			for (uint32_t i = at; i < count && i < at + 800; i++)
				element(set, kind, from + i);
			struct nlmsghdr *h = message(type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
			nftnl_set_elems_nlmsg_build_payload(h, set);
			done(h);
			nftnl_set_free(set);
			messages++;
		}
	return messages;
}

/* Every element of every set, read into libnftnl's form. */
static unsigned dump(void)
{
	static char reply[64 << 10];
	unsigned found = 0;
	for (const struct kind *kind = kinds; kind->name != NULL; kind++) {
		struct nftnl_set *ask = nftnl_set_alloc(), *all = nftnl_set_alloc();
		nftnl_set_set_str(ask, NFTNL_SET_TABLE, "peer");
		nftnl_set_set_str(ask, NFTNL_SET_NAME, kind->name);
		struct nlmsghdr *h = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, seq++);
		nftnl_set_elems_nlmsg_build_payload(h, ask);
		if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
			die("ask");
		for (int more = 1; more;) {
			ssize_t count = mnl_socket_recvfrom(nl, reply, sizeof reply);
			if (count < 0)
				die("receive");
			for (h = (void *)reply; mnl_nlmsg_ok(h, count); h = mnl_nlmsg_next(h, (int *)&count))
				if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
					more = 0;
				else
					nftnl_set_elems_nlmsg_parse(h, all);
		}
		struct nftnl_set_elems_iter *iterator = nftnl_set_elems_iter_create(all);
		while (nftnl_set_elems_iter_next(iterator) != NULL)
			found++;
		nftnl_set_elems_iter_destroy(iterator);
		nftnl_set_free(ask);
		nftnl_set_free(all);
	}
	return found;
}

enum { IPV4 = 7, INTERFACE = 41, ETHER = 9, PROTOCOL = 12, SERVICE = 13 };

static void create(void)
{
	struct nftnl_table *table = nftnl_table_alloc();
	unsigned messages = 1, id = 1;
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, "peer");
	begin();
	struct nlmsghdr *h = message(NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nftnl_table_nlmsg_build_payload(h, table);
	done(h);
	for (const struct kind *kind = kinds; kind->name != NULL; kind++) {
		struct nftnl_set *set = nftnl_set_alloc();
		nftnl_set_set_str(set, NFTNL_SET_TABLE, "peer");
		nftnl_set_set_str(set, NFTNL_SET_NAME, kind->name);
		nftnl_set_set_u32(set, NFTNL_SET_ID, id++);
		if (kinds == guests) {
			nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, (INTERFACE << 12) | (ETHER << 6) | IPV4);
			nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, KEY);
		} else {
			nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, (IPV4 << 12) | (PROTOCOL << 6) | SERVICE);
			nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, 12);
		}
		if (kind->isMap) {
			nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP);
			nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, (IPV4 << 6) | SERVICE);
			nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, 8);
		}
		if (kind->counts)
			nftnl_set_add_expr(set, nftnl_expr_alloc("counter"));
		h = message(NFT_MSG_NEWSET, NLM_F_CREATE);
		nftnl_set_nlmsg_build_payload(h, set);
		done(h);
		nftnl_set_free(set);
		messages++;
	}
	commit(messages);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double part(double *times, int count, int percent)
{
	qsort(times, count, sizeof *times, compare);
	return times[count * percent / 100];
}

static void report(double *times, int count)
{
	printf("%.1f %.1f\n", part(times, count, 50), part(times, count, 99));
}

int main(int argc, char **argv)
{
	double times[1000], less[1000];
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
	if (!strncmp(argv[1], "forward", 7))
		kinds = forwards;
	create();
	double start = now(), work = spent();
	begin();
	commit(elements(NFT_MSG_NEWSETELEM, 0, count));
	double loaded = now() - start, loading = spent() - work;
	if (!strcmp(argv[1], "load")) {
		printf("%.1f\n", loaded);
		return 0;
	}
	if (!strcmp(argv[1], "forwards")) {
		start = now();
		work = spent();
		if (dump() != 4 * count)
			return 1;
		printf("%.1f %.1f %.1f %.1f\n", loaded, now() - start, loading, spent() - work);
		return 0;
	}
	for (int i = 0; i < 1000; i++) {
		start = now();
		begin();
		commit(elements(NFT_MSG_NEWSETELEM, count + i, 1));
		times[i] = now() - start;
		if (kinds == guests)
			continue;
		start = now();
		begin();
		commit(elements(NFT_MSG_DELSETELEM, count + i, 1));
		less[i] = now() - start;
	}
	if (kinds == forwards)
		printf("%.1f %.1f\n", part(times, 1000, 50), part(less, 1000, 50));
	else
		report(times, 1000);
	return 0;
}

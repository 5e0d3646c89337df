/* TCP through a router, from one thread of one process that holds both ends: what the packets cost is this process's own
 * processor time, whatever else the machine does.
 *
 *   traffic connect CLIENT SERVER LISTEN TARGET PORT COUNT SECONDS
 *       one connection after the other (a byte there and back, then a reset), to PORT, PORT + 1 … PORT + COUNT - 1 in an
 *       order that jumps                         -> connections per processor second, per wall second, and what
 *                                                   99 of 100 connections took less than, in microseconds
 *   traffic bulk CLIENT SERVER LISTEN TARGET PORT BACK SECONDS
 *       one connection, as many bytes as it takes, to the server or (BACK 1) from it
 *                                                -> MB per processor second, per wall second, 0
 *   traffic hold CLIENT SERVER LISTEN TARGET PORT COUNT
 *       COUNT connections to PORT + 1, and one to PORT that never pauses. Says "ready", goes on until its input ends, then
 *       asks each of the COUNT once more         -> when the one last moved a byte (monotonic seconds), rounds, resets
 *
 * CLIENT and SERVER are files of network namespaces. The server listens at LISTEN, an address and a port, whatever the
 * port that TARGET is asked for.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "measuring.h"

static struct sockaddr_in address(const char *host, unsigned port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		die(host);
	return a;
}

static void set(int file, int level, int option, int value)
{
	if (setsockopt(file, level, option, &value, sizeof value) != 0)
		die("setsockopt");
}

/* Nothing waits for ever. */
static void patience(int file)
{
	struct timeval limit = { .tv_sec = 5 };
	setsockopt(file, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static int listening(const char *where)
{
	char host[64] = "";
	const char *colon = strchr(where, ':');
	if (colon == NULL || (size_t)(colon - where) >= sizeof host)
		exit(2);
	memcpy(host, where, colon - where);
	struct sockaddr_in a = address(host, atoi(colon + 1));
	int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set(file, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(file, (struct sockaddr *)&a, sizeof a) != 0 || listen(file, 64) != 0)
		die(where);
	patience(file);
	return file;
}

static void pair(int listener, const struct sockaddr_in *target, int ends[2])
{
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	patience(ends[0]);
	if (connect(ends[0], (const struct sockaddr *)target, sizeof *target) != 0)
		die("connect");
	ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (ends[1] < 0)
		die("accept");
	patience(ends[1]);
}

static int echo(const int ends[2])
{
	char byte = 'x';
	return send(ends[0], &byte, 1, MSG_NOSIGNAL) == 1 && recv(ends[1], &byte, 1, 0) == 1
	    && send(ends[1], &byte, 1, MSG_NOSIGNAL) == 1 && recv(ends[0], &byte, 1, 0) == 1;
}

static void reset(const int ends[2])
{
	struct linger now = { .l_onoff = 1 };
	setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(ends[0]);
	close(ends[1]);
}

/* A connection and a byte through it and back. Somebody who looks after the server's health connects too, and goes. */
static void served(int listener, const struct sockaddr_in *target, int ends[2])
{
	char byte = 'x';
	ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	patience(ends[0]);
	if (connect(ends[0], (const struct sockaddr *)target, sizeof *target) != 0)
		die("connect");
	if (send(ends[0], &byte, 1, MSG_NOSIGNAL) != 1)
		die("send");
	for (;;) {
		ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (ends[1] < 0)
			die("accept");
		patience(ends[1]);
		if (recv(ends[1], &byte, 1, 0) == 1)
			break;
		close(ends[1]);
	}
	if (send(ends[1], &byte, 1, MSG_NOSIGNAL) != 1 || recv(ends[0], &byte, 1, 0) != 1)
		die("echo");
}

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;
	return (x > y) - (x < y);
}

static void connects(int listener, struct sockaddr_in target, unsigned port, unsigned count, double limit)
{
	enum { MOST = 1 << 20 };
	static float took[MOST];
	unsigned made = 0;
	double start = seconds(CLOCK_MONOTONIC), spent = seconds(CLOCK_PROCESS_CPUTIME_ID), now;
	do {
		int ends[2];
		target.sin_port = htons(port + made * 7919u % count);
		double began = seconds(CLOCK_MONOTONIC);
		served(listener, &target, ends);
		now = seconds(CLOCK_MONOTONIC);
		took[made % MOST] = (now - began) * 1e6;
		reset(ends);
		made++;
	} while (now - start < limit);
	spent = seconds(CLOCK_PROCESS_CPUTIME_ID) - spent;
	unsigned kept = made < MOST ? made : MOST;
	qsort(took, kept, sizeof *took, ascending);
	printf("%.1f %.1f %.1f\n", made / spent, made / (now - start), took[kept * 99ull / 100]);
}

static void bulk(int listener, struct sockaddr_in target, int back, double limit)
{
	static char block[256 << 10];
	int ends[2];
	pair(listener, &target, ends);
	int from = ends[back ? 1 : 0], to = ends[back ? 0 : 1];
	fcntl(from, F_SETFL, O_NONBLOCK);
	fcntl(to, F_SETFL, O_NONBLOCK);
	double moved = 0, start = 0, spent = 0, now, begin = seconds(CLOCK_MONOTONIC);
	do {
		ssize_t sent = send(from, block, sizeof block, MSG_NOSIGNAL), got;
		if (sent < 0 && errno != EAGAIN)
			die("send");
		int idle = sent < 0;
		while ((got = recv(to, block, sizeof block, 0)) > 0) {
			moved += got;
			idle = 0;
		}
		if (got == 0 || (got < 0 && errno != EAGAIN))
			die("receive");
		if (idle) {
			struct pollfd wait[2] = { { from, POLLOUT, 0 }, { to, POLLIN, 0 } };
			poll(wait, 2, 100);
		}
		now = seconds(CLOCK_MONOTONIC);
		/* The first tenth is for the window to open. */
		if (start == 0 && now - begin > limit / 10) {
			moved = 0;
			start = now;
			spent = seconds(CLOCK_PROCESS_CPUTIME_ID);
		}
	} while (now - begin < limit);
	printf("%.1f %.1f 0\n", moved / 1e6 / (seconds(CLOCK_PROCESS_CPUTIME_ID) - spent), moved / 1e6 / (now - start));
	reset(ends);
}

static void hold(int listener, struct sockaddr_in target, unsigned port, unsigned count)
{
	int (*others)[2] = calloc(count, sizeof *others), one[2];
	char byte = 'x';
	unsigned resets = 0, rounds = 0;
	double last = 0;
	struct pollfd input = { 0, POLLIN, 0 };
	target.sin_port = htons(port);
	pair(listener, &target, one);
	target.sin_port = htons(port + 1);
	for (unsigned i = 0; i < count; i++)
		pair(listener, &target, others[i]);
	for (int end = 0; end < 2; end++) {
		fcntl(one[end], F_SETFL, O_NONBLOCK);
		set(one[end], IPPROTO_TCP, TCP_NODELAY, 1);
	}
	puts("ready");
	fflush(stdout);
	for (unsigned i = 0; poll(&input, 1, 0) == 0; i++) {
		/* Both ways, without waiting for answers: a byte that arrives is the proof that the way is open. */
		for (int end = 0; end < 2; end++) {
			send(one[end], &byte, 1, MSG_NOSIGNAL);
			while (recv(one[1 - end], &byte, 1, 0) == 1)
				last = seconds(CLOCK_MONOTONIC);
		}
		if (i % 8 == 0) {
			resets += !echo(others[rounds % count]);
			rounds++;
		}
		poll(NULL, 0, 1);
	}
	for (unsigned i = 0; i < count; i++)
		resets += !echo(others[i]);
	printf("%.6f %u %u\n", last, rounds, resets);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 8192, 8192 };
	if (argc < 8)
		return 2;
	setrlimit(RLIMIT_NOFILE, &files);
	unsigned port = atoi(argv[6]);
	enter(argv[3]);
	int listener = listening(argv[4]);
	enter(argv[2]);
	struct sockaddr_in target = address(argv[5], port);
	if (!strcmp(argv[1], "hold") && argc == 8) {
		hold(listener, target, port, atoi(argv[7]));
		return 0;
	}
	if (argc != 9)
		return 2;
	/* On one processor, so that what one end sends is worked on before the call returns, and is ours. */
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof set, &set);
	if (!strcmp(argv[1], "connect"))
		connects(listener, target, port, atoi(argv[7]), atof(argv[8]));
	else if (!strcmp(argv[1], "bulk"))
		bulk(listener, target, atoi(argv[7]), atof(argv[8]));
	else
		return 2;
	return 0;
}

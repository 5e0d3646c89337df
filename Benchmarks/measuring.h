/* What programs that measure packets have in common. They define _GNU_SOURCE. */
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || setns(file, CLONE_NEWNET) != 0)
		die(path);
	close(file);
}

/* One's complement sum of a header. */
static inline uint16_t checksum(const void *start, size_t length)
{
	const uint8_t *bytes = start;
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A DNS forwarder over UDP that delays every answer and counts the questions: late ADDRESS PORT UPSTREAM-ADDRESS UPSTREAM-PORT
 * A datagram "d50" sets the delay to 50 ms, "d50+-10" to between 40 and 60 ms, in whatever order: how long, the question tells, so that runs compare.
 * "c" asks for the count; all are answered with it. Questions for names with a label that begins with "silent" get no answer. It ends by a signal. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 65536, HEADER = 12, FLAGS = 2, COUNTS = 4, TYPE_AND_CLASS = 4, BUFFER = 8 << 20 };

struct question {
	struct sockaddr_in asker;
	uint8_t id[2];
	int64_t delay;
};

struct reply {
	struct sockaddr_in asker;
	int64_t due; /* microseconds */
	uint8_t *message;
	size_t size;
};

static struct question questions[SLOTS];
static struct reply replies[SLOTS]; /* a ring, in order of due */
static unsigned next_question, first_reply, end_reply;
static unsigned long count;
static int64_t delay, jitter; /* microseconds */

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000) + time.tv_nsec / 1000;
}

static struct sockaddr_in read_address(const char *address, const char *port)
{
	struct sockaddr_in result = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	inet_pton(AF_INET, address, &result.sin_addr);
	return result;
}

static int open_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), size = BUFFER;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return fd;
}

static void obey(int listener, const uint8_t *command, const struct sockaddr_in *asker)
{
	char text[32];
	if (command[0] == 'd') {
		const char *plus = strstr((const char *)command, "+-");
		delay = atoi((const char *)command + 1) * INT64_C(1000);
		jitter = plus != NULL ? atoi(plus + 2) * INT64_C(1000) : 0;
	}
	int size = snprintf(text, sizeof(text), "%lu", count);
	sendto(listener, text, (size_t)size, 0, (const struct sockaddr *)asker, sizeof(*asker));
}

/* Size: at least a header. */
static bool is_silent(const uint8_t *message, size_t size)
{
	const uint8_t *end = message + size;
	for (const uint8_t *label = message + HEADER; label<end && * label> 0 && *label < end - label; label += 1 + *label)
		if (*label > 6 && memcmp(label + 1, "silent", 6) == 0)
			return true;
	return false;
}

static uint64_t hash(uint64_t seed, const uint8_t *bytes, size_t size) /* FNV-1a */
{
	for (size_t i = 0; i < size; i++)
		seed = (seed ^ bytes[i]) * UINT64_C(1099511628211);
	return seed;
}

/* By the flags and the question: asked once more with CD, it is another packet. Size: at least a header. */
static int64_t choose_delay(const uint8_t *message, size_t size)
{
	size_t question = HEADER;
	while (question < size && message[question] > 0)
		question += 1 + message[question];
	question += 1 + TYPE_AND_CLASS;
	uint64_t flags = hash(UINT64_C(14695981039346656037), message + FLAGS, COUNTS - FLAGS);
	uint64_t chosen = hash(flags, message + HEADER, (question < size ? question : size) - HEADER);
	return delay - jitter + (int64_t)((chosen >> 16) % (uint64_t)(2 * jitter + 1)); /* its lowest bits know too little of the name */
}

static void take_questions(int listener, int upstream)
{
	uint8_t message[4096 + 1];
	struct sockaddr_in asker;
	socklen_t length = sizeof(asker);
	for (ssize_t size; (size = recvfrom(listener, message, sizeof(message) - 1, 0, (struct sockaddr *)&asker, &length)) > 0; length = sizeof(asker)) {
		message[size] = '\0';
		if (size < HEADER) {
			obey(listener, message, &asker);
			continue;
		}
		count++;
		if (is_silent(message, (size_t)size))
			continue;
		unsigned slot = next_question++ % SLOTS;
		questions[slot] = (struct question){ .asker = asker, .id = { message[0], message[1] }, .delay = choose_delay(message, (size_t)size) };
		message[0] = (uint8_t)(slot >> 8);
		message[1] = (uint8_t)slot;
		send(upstream, message, (size_t)size, 0);
	}
}

/* The place in the ring for one that is due then. */
static struct reply *add_reply(int64_t due)
{
	unsigned place = end_reply++;
	for (; place != first_reply && replies[(place - 1) % SLOTS].due > due; place--)
		replies[place % SLOTS] = replies[(place - 1) % SLOTS];
	return &replies[place % SLOTS];
}

static void take_answers(int upstream)
{
	uint8_t message[4096];
	for (ssize_t size; (size = recv(upstream, message, sizeof(message), 0)) >= HEADER;) {
		const struct question *question = &questions[message[0] << 8 | message[1]];
		memcpy(message, question->id, sizeof(question->id));
		int64_t due = now() + question->delay;
		struct reply *reply = add_reply(due);
		*reply = (struct reply){ .asker = question->asker, .due = due, .message = malloc((size_t)size), .size = (size_t)size };
		if (reply->message == NULL)
			abort();
		memcpy(reply->message, message, (size_t)size);
	}
}

/* Gives the milliseconds until the next one is due; -1: none waits. */
static int send_due(int listener)
{
	for (; first_reply != end_reply; first_reply++) {
		struct reply *reply = &replies[first_reply % SLOTS];
		int64_t left = reply->due - now();
		if (left > 0)
			return (int)((left + 999) / 1000);
		sendto(listener, reply->message, reply->size, 0, (const struct sockaddr *)&reply->asker, sizeof(reply->asker));
		free(reply->message);
	}
	return -1;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	int listener = open_socket(), upstream = open_socket();
	struct sockaddr_in here = read_address(argv[1], argv[2]), there = read_address(argv[3], argv[4]);
	if (bind(listener, (struct sockaddr *)&here, sizeof(here)) != 0 || connect(upstream, (struct sockaddr *)&there, sizeof(there)) != 0) {
		perror("late");
		return 1;
	}
	struct pollfd descriptors[] = { { .fd = listener, .events = POLLIN }, { .fd = upstream, .events = POLLIN } };
	while (true) {
		poll(descriptors, 2, send_due(listener));
		take_questions(listener, upstream);
		take_answers(upstream);
	}
}

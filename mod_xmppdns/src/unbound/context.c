/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* A thread of ours that gets questions through one mailbox, hands them to libunbound, and gives the answers back through another. */
#include "context.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/turns.h"
#include "dns/name.h"
#include "dns/packet.h"
#include "dns/type.h"
#include "event_api.h"
#include "event_loop.h"
#include "keys.h"
#include "library.h"
#include "reason.h"
#include "threads.h"

enum {
	ASKED_AT_ONCE = 16, /* then answers have their turn: few unfinished questions stay in the processor's caches */
	LEAST_SWEEP = 1000,
	MOST_SEEN = 4096,         /* bytes of a packet; one of more gives no glimpse */
	LONGEST_HOLD = 50 * 1000, /* microseconds */
	LONG_SILENCE = 5000,      /* ms: libunbound gives up no server that has been silent for less */
	SECURITY_BOGUS = 1,       /* as ub_resolve_event's callback says it */
	SECURITY_SECURE = 2,
	CLASS_IN = 1,
	RCODE_NOERROR = 0,
	RCODE_SERVFAIL = 2
};

/* One question on its way: from the server to the context's thread, from there to libunbound, and back with its answer. A dropped one
 * goes the same way, for libunbound answers it all the same. (ub_cancel would only hide the answer, and with it the moment from which
 * libunbound has forgotten the question.) One without on_answer is a glimpse, which only comes back. */
struct context_flight {
	/* the server's */
	struct context_flight *previous, *next; /* among the context's */
	struct context_question *question;      /* not owned; NULL when dropped */
	on_context_answer on_answer;
	void *asker;
	/* handed over and back */
	struct mail mail;
	struct answer *answer; /* owned; NULL until it is known */
	/* the thread's */
	struct turn turn;
	/* both sides' */
	struct context *context;
	atomic_bool dropped, with_library;
	bool wants_glimpse;
	uint16_t qtype;
	char qname[];
};

struct context {
	struct thread thread; /* first; it is deleted when the server knows us no longer: then all of us is the thread's */
	/* the server's */
	struct context_flight *flights;  /* owned; a list */
	struct context_flight *glimpses; /* owned; a list of those that are not taken */
	unsigned in_flight;
	/* both sides' */
	struct settings *settings;      /* a reference */
	struct upstream_config *config; /* a reference */
	enum role role;
	struct mailbox asked, answered; /* flights */
	/* the thread's */
	struct event_loop *loop; /* owned */
	struct ub_ctx *ub;       /* owned; NULL until the first question, and when libunbound refuses the settings */
	bool closing;            /* libunbound is being ended: what its callbacks say is of no interest */
	struct turns turns;      /* flights: those that libunbound has been asked, dropped ones included, have the places */
	unsigned waiting_count, sweep_at;
	unsigned glimpses_wanted;            /* by how many flights that libunbound has been asked */
	unsigned glimpses_left;              /* no more than that: who floods us with packets must not fill the memory with glimpses */
	struct keys keys;                    /* that it has been asked for */
	const struct context_flight *asking; /* not owned; what libunbound is being asked, NULL once that is answered */
	int64_t silent_since;                /* when the first question was sent after the last that was answered; 0: nothing waits for the servers */
	bool gave_up;                        /* libunbound has given the servers up: what it was asked waits for a new ub_ctx */
};

/* In the context's thread */

/* The flight goes back to the server; the thread does not know it any more. */
static void return_flight(struct context_flight *flight)
{
	leave_turn(&flight->context->turns, &flight->turn);
	post_mail(&flight->context->answered, &flight->mail);
}

static struct context_flight *mailed_flight(struct mail *mail)
{
	return (struct context_flight *)((char *)mail - offsetof(struct context_flight, mail));
}

static struct context_flight *flight_of(struct turn *turn)
{
	return (struct context_flight *)((char *)turn - offsetof(struct context_flight, turn));
}

static struct answer *create_failure(const struct context_flight *flight, enum outcome outcome, const char *reason)
{
	return create_answer(
		&(struct answer_source){ .outcome = outcome, .qtype = flight->qtype, .qclass = CLASS_IN, .qname = flight->qname, .reason = reason });
}

/* libunbound's own error. */
static struct answer *convert_error(const struct context_flight *flight, int error)
{
	char reason[128];
	snprintf(reason, sizeof(reason), "libunbound: %s", ub_strerror(error));
	return create_failure(flight, error == UB_SYNTAX ? OUTCOME_NAME : OUTCOME_SYSTEM, reason);
}

static struct answer *convert_packet(const struct context_flight *flight, const void *packet, size_t size, bool secure)
{
	char reason[128];
	unsigned limit = flight->context->settings->max_answer_size;
	if (size <= limit)
		return create_packet_answer(packet, size, flight->qname, flight->qtype, secure);
	snprintf(reason, sizeof(reason), "the answer is too large: %zu bytes, and max_answer_size is %u", size, limit);
	return create_failure(flight, OUTCOME_SERVFAIL, reason);
}

static bool is_dropped(const struct context_flight *flight)
{
	return atomic_load_explicit(&flight->dropped, memory_order_relaxed);
}

/* Behind others of its zone: whoever owns one that is silent waits for himself. The zone is not known, but it is not above the last two labels, and
 * below a suffix like co.uk it is most often at the last three. */
static void await_turn(struct context *context, struct context_flight *flight)
{
	if (wait_for_turn(&context->turns, &flight->turn, last_labels(flight->qname, 2), last_labels(flight->qname, 3), 0)) {
		context->waiting_count++;
		return;
	}
	flight->answer = create_failure(flight, OUTCOME_SYSTEM, "out of memory");
	return_flight(flight);
}

/* After some 12 s of silence libunbound sends a server nothing for some seconds, and answers SERVFAIL at once: also the first questions after an
 * outage. No option keeps it from that: infra-host-ttl bounds the seconds, and infra-keep-probing lets one question through. */
static bool is_long_silent(const struct context *context)
{
	return context->silent_since != 0 && monotonic_ms() - context->silent_since > LONG_SILENCE;
}

static bool is_forged(int security, const char *why_bogus)
{
	return security == SECURITY_BOGUS && !(why_bogus != NULL && is_want_of_answer(why_bogus));
}

static struct answer *convert_result(
	const struct context_flight *flight, int rcode, const void *packet, int size, int security, const char *why_bogus)
{
	if (is_dropped(flight))
		return NULL;
	if (security == SECURITY_BOGUS)
		return create_failure(
			flight, is_forged(security, why_bogus) ? OUTCOME_BOGUS : OUTCOME_SERVFAIL, why_bogus != NULL ? why_bogus : "DNSSEC validation failed");
	if (rcode != RCODE_NOERROR || packet == NULL || size < 0)
		return create_rcode_failure(flight->qname, flight->qtype, (uint16_t)(rcode != RCODE_NOERROR ? rcode : RCODE_SERVFAIL));
	return convert_packet(flight, packet, (size_t)size, security == SECURITY_SECURE);
}

static void post_glimpse(struct context *context, const uint8_t *packet, size_t size, const struct claim *claim)
{
	struct answer *answer = create_packet_answer(packet, size, claim->qname, claim->qtype, false);
	bool is_useful = answer != NULL && answer->outcome == OUTCOME_ANSWERED && answer->record_count > 0;
	struct context_flight *glimpse = is_useful ? calloc(1, sizeof(*glimpse) + 1) : NULL;
	if (glimpse == NULL) {
		release_answer(answer);
		return;
	}
	answer->is_signed = claim->is_signed;
	glimpse->context = context;
	glimpse->answer = answer;
	context->glimpses_left--;
	post_mail(&context->answered, &glimpse->mail);
}

/* A key that is missing when the answer comes is asked for once more, which takes a whole round trip: half of that it may wait. Not where libunbound asks from
 * the root, for then its way to a key leads by such answers. */
static struct hold choose_hold(const struct context *context, const struct claim *claim)
{
	const struct key *key = find_missing_key(&context->keys, claim->qname, claim->qtype, claim->is_signed);
	if (key == NULL || context->config->recursive)
		return (struct hold){ .until = NULL };
	int64_t now = monotonic_us(), half = (now - key->asked_at) / 2;
	return (struct hold){ .until = key, .until_time = now + (half < LONGEST_HOLD ? half : LONGEST_HOLD) };
}

static bool is_datagram(int fd)
{
	int type = 0;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){ sizeof(type) }) == 0 && type == SOCK_DGRAM;
}

/* Looks at a packet, and leaves it to libunbound. Not at what comes over TCP: a look would take away the error of a connection that was refused. (Over UDP
 * libunbound makes nothing of errors.) Nor while questions wait for a place: then this thread is what they wait for. */
static struct hold look_at_packet(void *data, int fd)
{
	struct context *context = data;
	uint8_t packet[MOST_SEEN];
	struct claim claim;
	bool is_of_use = context->glimpses_left > 0 || context->keys.list.first != NULL;
	ssize_t size = is_of_use && context->waiting_count == 0 && is_datagram(fd) ? recv(fd, packet, sizeof(packet), MSG_PEEK | MSG_DONTWAIT) : 0;
	if (size <= 0 || !read_claim(packet, (size_t)size, &claim))
		return (struct hold){ .until = NULL };
	if (context->glimpses_left > 0 && claim.qtype == TYPE_SRV)
		post_glimpse(context, packet, (size_t)size, &claim);
	return choose_hold(context, &claim);
}

static void end_wait_for_key(struct context *context, const struct context_flight *flight)
{
	struct key *key = take_key(&context->keys, flight->qname);
	if (key != NULL)
		release_held(context->loop, key);
	free(key);
}

/* What libunbound has been asked, and what it answers, or refuses. */
static void count_in(struct context *context, const struct context_flight *flight)
{
	context->glimpses_wanted += flight->wants_glimpse;
	context->glimpses_left += flight->wants_glimpse;
	note_key(&context->keys, flight->qname, flight->qtype);
}

static void count_out(struct context *context, const struct context_flight *flight)
{
	context->glimpses_wanted -= flight->wants_glimpse;
	if (context->glimpses_left > context->glimpses_wanted)
		context->glimpses_left = context->glimpses_wanted;
	if (flight->qtype == TYPE_DS || flight->qtype == TYPE_DNSKEY)
		end_wait_for_key(context, flight);
}

static void on_unbound_answer(void *data, int rcode, void *packet, int size, int security, char *why_bogus, int was_ratelimited)
{
	struct context_flight *flight = data;
	struct context *context = flight->context;
	(void)was_ratelimited;
	if (context->closing)
		return;
	count_out(context, flight);
	bool at_once = flight == context->asking, is_failure = rcode == RCODE_SERVFAIL && !is_forged(security, why_bogus);
	if (at_once)
		context->asking = NULL;
	else if (!is_failure)
		context->silent_since = 0;
	if (at_once && is_failure && is_long_silent(context))
		context->gave_up = true;
	if (context->gave_up) {
		leave_turn(&context->turns, &flight->turn);
		await_turn(context, flight);
		return;
	}
	flight->answer = convert_result(flight, rcode, packet, size, security, why_bogus);
	return_flight(flight);
}

/* patient: in the context's thread; else before that runs. False with a message. */
static bool start_library(struct context *context, bool patient, struct problem *problem)
{
	context->ub = set_up_library(context->loop, patient, context->settings, context->config, context->role, problem);
	if (take_shortage(context->loop) && context->ub == NULL)
		report_memory(problem);
	watch_exit();
	return context->ub != NULL;
}

static void ask_library(struct context *context, struct context_flight *flight)
{
	atomic_store_explicit(&flight->with_library, true, memory_order_relaxed);
	context->asking = flight;
	count_in(context, flight);
	/* a known answer comes before it returns */
	int error = ub_resolve_event(context->ub, flight->qname, flight->qtype, CLASS_IN, flight, on_unbound_answer, NULL);
	bool is_sent = error == UB_NOERROR && context->asking != NULL;
	context->asking = NULL;
	if (is_sent && context->silent_since == 0)
		context->silent_since = monotonic_ms();
	if (error == UB_NOERROR)
		return;
	count_out(context, flight);
	flight->answer = convert_error(flight, error);
	return_flight(flight);
}

/* While libunbound takes no more, dropped questions would pile up. */
static void sweep_waiting(struct context *context)
{
	for (struct turn *turn = first_waiting(&context->turns), *next; turn != NULL; turn = next) {
		next = waiting_after(turn);
		if (!is_dropped(flight_of(turn)))
			continue;
		context->waiting_count--;
		return_flight(flight_of(turn));
	}
	context->sweep_at = 2 * context->waiting_count + LEAST_SWEEP;
}

static void take_questions(struct context *context)
{
	for (struct mail *mail = take_mail(&context->asked), *next; mail != NULL; mail = next) {
		next = mail->next;
		await_turn(context, mailed_flight(mail));
	}
	if (context->waiting_count >= context->sweep_at)
		sweep_waiting(context);
}

/* Settings that libunbound refuses are tried again with the next question: the reason may be gone. */
static void fail_waiting(struct context *context, const char *problem)
{
	for (struct turn *turn; (turn = first_waiting(&context->turns)) != NULL;) {
		flight_of(turn)->answer = create_failure(flight_of(turn), OUTCOME_SYSTEM, problem);
		return_flight(flight_of(turn));
	}
	context->waiting_count = 0;
}

/* The new one, made with the next question, knows nothing of the silence. */
static void leave_library(struct context *context, bool patient)
{
	end_library(context->ub, patient);
	context->ub = NULL;
	context->silent_since = 0;
	context->gave_up = false;
}

static bool can_ask(struct context *context)
{
	return next_turn(&context->turns) != NULL;
}

static void ask_waiting(struct context *context)
{
	struct problem problem;
	if (can_ask(context) && context->ub == NULL && !start_library(context, true, &problem))
		fail_waiting(context, problem.text);
	struct turn *turn;
	for (int i = 0; i < ASKED_AT_ONCE && !context->gave_up && (turn = next_turn(&context->turns)) != NULL; i++) {
		take_place(&context->turns, turn);
		context->waiting_count--;
		if (is_dropped(flight_of(turn)))
			return_flight(flight_of(turn));
		else
			ask_library(context, flight_of(turn));
	}
	if (context->gave_up)
		leave_library(context, true);
}

static void stop_library(struct context *context, bool patient)
{
	context->closing = true;
	leave_library(context, patient);
	free_keys(&context->keys);
	delete_event_loop(context->loop);
}

static void free_flight(struct context_flight *flight)
{
	release_answer(flight->answer);
	free(flight);
}

static void free_flights(struct context_flight *flights)
{
	for (struct context_flight *next; flights != NULL; flights = next) {
		next = flights->next;
		free_flight(flights);
	}
}

static bool is_glimpse(const struct context_flight *flight)
{
	return flight->on_answer == NULL;
}

/* Those that are still in the mailbox. */
static void free_posted_glimpses(struct context *context)
{
	for (struct mail *mail = take_mail(&context->answered), *next; mail != NULL; mail = next) {
		next = mail->next;
		if (is_glimpse(mailed_flight(mail)))
			free_flight(mailed_flight(mail));
	}
}

/* What both sides have; only one of them is left. */
static void close_context(struct context *context)
{
	free_flights(context->flights);
	free_flights(context->glimpses);
	close_turns(&context->turns);
	close_mailbox(&context->asked);
	close_mailbox(&context->answered);
	release_settings(context->settings);
	release_upstream(context->config);
}

static void run_context(struct thread *thread)
{
	struct context *context = (struct context *)thread;
	while (!has_to_end(thread)) {
		wait_for_events(context->loop, !can_ask(context));
		begin_work();
		run_events(context->loop);
		take_questions(context);
		ask_waiting(context);
		end_work();
	}
	begin_work();
	stop_library(context, true);
	end_work();
	if (is_deleted(thread)) {
		free_posted_glimpses(context);
		close_context(context);
	}
}

/* In the server's thread */

static void unlink_flight(struct context_flight *flight)
{
	if (flight->previous != NULL)
		flight->previous->next = flight->next;
	else
		flight->context->flights = flight->next;
	if (flight->next != NULL)
		flight->next->previous = flight->previous;
}

static void link_flight(struct context *context, struct context_flight *flight)
{
	flight->context = context;
	flight->next = context->flights;
	if (flight->next != NULL)
		flight->next->previous = flight;
	context->flights = flight;
}

/* The question is no longer under way. */
static void detach_question(struct context_flight *flight)
{
	if (flight->question == NULL)
		return;
	*flight->question = (struct context_question){ .flight = NULL };
	flight->question = NULL;
	flight->context->in_flight--;
}

static bool open_descriptors(struct context *context)
{
	context->asked.fd = context->answered.fd = -1;
	if (!open_mailbox(&context->asked) || !open_mailbox(&context->answered))
		return false;
	context->loop = create_event_loop(context->asked.fd);
	if (context->loop == NULL)
		return false;
	watch_reads(context->loop, look_at_packet, context);
	return true;
}

static bool open_context(struct context *context, enum set_up when, struct problem *problem)
{
	open_turns(&context->turns, most_questions(context->settings, context->config, context->role));
	context->sweep_at = LEAST_SWEEP;
	bool is_open = open_descriptors(context);
	if (is_open && when == SET_UP_NOW && !start_library(context, false, problem))
		return false;
	context->thread.run = run_context;
	context->thread.bell = &context->asked;
	if (is_open && start_thread(&context->thread))
		return true;
	return report_problem(problem, PROBLEM_SYSTEM, "cannot start a thread for libunbound: %s", strerror(errno));
}

struct context *create_context(struct settings *settings, struct upstream_config *config, enum role role, enum set_up when, struct problem *problem)
{
	watch_process();
	join_ended_threads();
	struct context *context = calloc(1, sizeof(*context));
	if (context == NULL) {
		report_memory(problem);
		return NULL;
	}
	context->settings = hold_settings(settings);
	context->config = hold_upstream(config);
	context->role = role;
	if (open_context(context, when, problem))
		return context;
	stop_library(context, false);
	close_context(context);
	free(context);
	return NULL;
}

void delete_context(struct context *context, bool forked)
{
	if (context == NULL)
		return;
	for (struct context_flight *flight = context->flights; flight != NULL; flight = flight->next)
		detach_question(flight);
	if (forked) { /* libunbound, its loop and its answers stay as the thread that is not here left them */
		for (struct context_flight *flight = context->flights; flight != NULL; flight = flight->next)
			flight->answer = NULL;
		close_context(context);
		free(context);
		return;
	}
	end_thread(&context->thread);
}

int context_fd(const struct context *context)
{
	return context->answered.fd;
}

unsigned context_in_flight(const struct context *context)
{
	return context->in_flight;
}

bool ask_context(struct context *context, const char *qname, uint16_t qtype, bool wants_glimpse, struct context_question *question,
	on_context_answer on_answer, void *asker)
{
	size_t size = strlen(qname) + 1;
	struct context_flight *flight = calloc(1, sizeof(*flight) + size);
	*question = (struct context_question){ .flight = flight };
	if (flight == NULL)
		return false;
	flight->question = question;
	flight->on_answer = on_answer;
	flight->asker = asker;
	flight->wants_glimpse = wants_glimpse && qtype == TYPE_SRV;
	flight->qtype = qtype;
	memcpy(flight->qname, qname, size);
	link_flight(context, flight);
	context->in_flight++;
	post_mail(&context->asked, &flight->mail);
	return true;
}

bool is_with_library(const struct context_question *question)
{
	return question->flight != NULL && atomic_load_explicit(&question->flight->with_library, memory_order_relaxed);
}

void drop_question(struct context_question *question)
{
	struct context_flight *flight = question->flight;
	if (flight == NULL)
		return;
	detach_question(flight);
	atomic_store_explicit(&flight->dropped, true, memory_order_relaxed);
}

static void keep_glimpse(struct context_flight *glimpse)
{
	glimpse->next = glimpse->context->glimpses;
	glimpse->context->glimpses = glimpse;
}

struct answer *take_glimpse(struct context *context)
{
	struct context_flight *glimpse = context->glimpses;
	if (glimpse == NULL)
		return NULL;
	struct answer *answer = glimpse->answer;
	context->glimpses = glimpse->next;
	free(glimpse);
	return answer;
}

static void deliver(struct context_flight *flight)
{
	bool wanted = flight->question != NULL;
	on_context_answer on_answer = flight->on_answer;
	void *asker = flight->asker;
	struct answer *answer = flight->answer;
	detach_question(flight);
	unlink_flight(flight);
	free(flight);
	if (wanted)
		on_answer(asker, answer);
	else
		release_answer(answer);
}

void process_context(struct context *context)
{
	free_flights(context->glimpses);
	context->glimpses = NULL;
	for (struct mail *mail = take_mail(&context->answered), *next; mail != NULL; mail = next) {
		next = mail->next;
		if (is_glimpse(mailed_flight(mail)))
			keep_glimpse(mailed_flight(mail));
		else
			deliver(mailed_flight(mail));
	}
}

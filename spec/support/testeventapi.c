/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: 2026 the mod_xmppdns founders */
/* Our declarations of libunbound's event API beside the system's own, where its header is installed: what differs does not compile. */
#include <stddef.h>

/* ours under names of their own */
#define ub_event our_event
#define ub_event_base our_base
#define ub_event_vmt our_event_vmt
#define ub_event_base_vmt our_base_vmt
#define ub_ctx_create_ub_event our_create
#define ub_resolve_event our_resolve
#include "unbound/event_api.h"
enum { OUR_TIMEOUT = UB_EV_TIMEOUT, OUR_READ = UB_EV_READ, OUR_WRITE = UB_EV_WRITE, OUR_PERSIST = UB_EV_PERSIST, OUR_MAGIC = UB_EVENT_MAGIC };
#undef ub_event
#undef ub_event_base
#undef ub_event_vmt
#undef ub_event_base_vmt
#undef ub_ctx_create_ub_event
#undef ub_resolve_event

#if __has_include(<unbound-event.h>)
#include <unbound-event.h>

#define SAME_PLACE(ours, theirs, member)                                                                                                             \
	_Static_assert(offsetof(struct ours, member) == offsetof(struct theirs, member)                                                                  \
			&& sizeof(((struct ours *)0)->member) == sizeof(((struct theirs *)0)->member),                                                           \
		#member)

_Static_assert(OUR_TIMEOUT == UB_EV_TIMEOUT && OUR_READ == UB_EV_READ && OUR_WRITE == UB_EV_WRITE, "bits");
_Static_assert(OUR_PERSIST == UB_EV_PERSIST && OUR_MAGIC == UB_EVENT_MAGIC, "bits");

_Static_assert(sizeof(struct our_event) == sizeof(struct ub_event), "event");
SAME_PLACE(our_event, ub_event, magic);
SAME_PLACE(our_event, ub_event, vmt);
_Static_assert(sizeof(struct our_base) == sizeof(struct ub_event_base), "base");
SAME_PLACE(our_base, ub_event_base, magic);
SAME_PLACE(our_base, ub_event_base, vmt);

_Static_assert(sizeof(struct our_event_vmt) == sizeof(struct ub_event_vmt), "event's functions");
SAME_PLACE(our_event_vmt, ub_event_vmt, add_bits);
SAME_PLACE(our_event_vmt, ub_event_vmt, del_bits);
SAME_PLACE(our_event_vmt, ub_event_vmt, set_fd);
SAME_PLACE(our_event_vmt, ub_event_vmt, free);
SAME_PLACE(our_event_vmt, ub_event_vmt, add);
SAME_PLACE(our_event_vmt, ub_event_vmt, del);
SAME_PLACE(our_event_vmt, ub_event_vmt, add_timer);
SAME_PLACE(our_event_vmt, ub_event_vmt, del_timer);
SAME_PLACE(our_event_vmt, ub_event_vmt, add_signal);
SAME_PLACE(our_event_vmt, ub_event_vmt, del_signal);
SAME_PLACE(our_event_vmt, ub_event_vmt, winsock_unregister_wsaevent);
SAME_PLACE(our_event_vmt, ub_event_vmt, winsock_tcp_wouldblock);

_Static_assert(sizeof(struct our_base_vmt) == sizeof(struct ub_event_base_vmt), "base's functions");
SAME_PLACE(our_base_vmt, ub_event_base_vmt, free);
SAME_PLACE(our_base_vmt, ub_event_base_vmt, dispatch);
SAME_PLACE(our_base_vmt, ub_event_base_vmt, loopexit);
SAME_PLACE(our_base_vmt, ub_event_base_vmt, new_event);
SAME_PLACE(our_base_vmt, ub_event_base_vmt, new_signal);
SAME_PLACE(our_base_vmt, ub_event_base_vmt, winsock_register_wsaevent);

/* What is called, and what calls. */
_Static_assert(__builtin_types_compatible_p(answer_callback, ub_event_callback_type), "answer's callback");
_Static_assert(__builtin_types_compatible_p(__typeof__(our_resolve), __typeof__(ub_resolve_event)), "ub_resolve_event");
#endif

# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
"""A DNS server which misbehaves on purpose, for specs: misdns.lua starts it, scripts it and lists its faults.

Usage: misdns.py ADDRESS|- PORT|0 [UPSTREAM-ADDRESS UPSTREAM-PORT]
It prints "ready ADDRESS PORT CONTROL-PORT" or what is wrong, takes one control connection (a JSON object a line, answered by one), and ends with it.
"""

import asyncio
import collections
import json
import os
import random
import socket
import struct
import sys
import time

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

QR, AA, TC, RD, RA, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = 1, 2, 3, 4, 5
MAX_MESSAGE = 65535


class Query:
	"""The parts of a query that rules and log ask for, read by hand: decoding in full costs ten times as much."""

	__slots__ = ("wire", "id", "flags", "name", "type", "question_end", "edns", "do", "transport", "port", "time", "rule")

	def __init__(self, wire, transport, port):
		self.wire, self.transport, self.port, self.time, self.rule = wire, transport, port, time.time(), None
		self.id, self.flags, questions, answers, authorities, additionals = struct.unpack_from("!6H", wire)
		if self.flags & QR or questions != 1:
			raise ValueError("not a query")
		at, labels = 12, []
		while wire[at]:
			if wire[at] > 63:
				raise ValueError("compressed question")
			labels.append(wire[at + 1:at + 1 + wire[at]])
			at += 1 + wire[at]
		self.name = b".".join(labels).decode("latin-1").lower() or "."
		self.type = struct.unpack_from("!H", wire, at + 1)[0]
		self.question_end = at = at + 5
		if len(wire) < at:
			raise ValueError("question cut short")
		self.edns, self.do = 0, False
		if additionals and not answers and not authorities and wire[at:at + 3] == b"\0\0\x29":
			self.edns, _, _, flags = struct.unpack_from("!HBBH", wire, at + 3)
			self.do = bool(flags & 0x8000)

	def log_entry(self):
		return {
			"time": self.time, "transport": self.transport, "port": self.port, "name": self.name, "type": type_text(self.type), "id": self.id,
			"rd": bool(self.flags & RD), "ad": bool(self.flags & AD), "cd": bool(self.flags & CD), "do_": self.do, "edns": self.edns, "rule": self.rule,
		}

	def answer(self, rcode=0, flags=0, records=b"", count=0, edns=True):
		"""An answer made by hand: this question, count records in wire form, and EDNS if the query had it."""
		opt = struct.pack("!BHHBBHH", 0, 41, 1232, 0, 0, 0x8000 if self.do else 0, 0) if edns and self.edns else b""
		flags |= QR | RA | self.flags & (RD | CD) | rcode
		return struct.pack("!6H", self.id, flags, 1, count, 0, 1 if opt else 0) + self.wire[12:self.question_end] + records + opt

	def record(self, rdata, owner=b"\xc0\x0c", ttl=300):
		return owner + struct.pack("!HHIH", self.type, 1, ttl, len(rdata)) + rdata


def type_text(number, known={}):
	if number not in known:
		known[number] = dns.rdatatype.to_text(number)
	return known[number]


def canonical(name):
	return name.rstrip(".").lower() or "."


def decode(wire):
	return dns.message.from_wire(wire, one_rr_per_rrset=True)


def encode(message):
	return message.to_wire(max_size=MAX_MESSAGE)


def with_flags(wire, setting=0, clearing=0):
	flags = struct.unpack_from("!H", wire, 2)[0]
	return wire[:2] + struct.pack("!H", flags & ~clearing | setting) + wire[4:]


def records_from_text(lines):
	for line in lines:
		owner, ttl, rdclass, rdtype, data = line.split(None, 4)
		yield dns.rrset.from_text(owner, int(ttl), rdclass, rdtype, data)


# Faults: what is sent instead of the right answer. f(query, rule) where the query is enough, f(query, rule, right) for those in EDITS;
# each gives a list of messages.

def silence(query, rule):
	return []


def rcode_fault(rcode, edns=True):
	return lambda query, rule: [query.answer(rcode, edns=edns)]


def truncate(query, rule):
	return [query.answer(flags=TC)]


def garbage(query, rule):
	return [random.randbytes(rule.options.get("size", 64))]


def garbled(query, rule):
	return [query.answer(records=random.randbytes(rule.options.get("size", 64)), count=2, edns=False)]


def empty(query, rule):
	return [b""]


def loop(query, rule):
	itself = struct.pack("!H", 0xc000 | query.question_end)
	return [query.answer(records=query.record(b"\xc0\0\2\1", owner=itself), count=1)]


def big(query, rule):
	if query.transport == "udp":
		return truncate(query, rule)
	size = rule.options.get("size", MAX_MESSAGE)
	records, count = bytearray(), 0
	room = size - len(query.answer()) - 300  # the rest is filled by one TXT record of the size that is left
	while len(records) < room:
		records += query.record(big_rdata(query.type, count))
		count += 1
	left = size - len(query.answer()) - len(records) - 11
	text = b"".join(bytes([min(255, left - at - 1)]) + b"x" * min(255, left - at - 1) for at in range(0, left, 256))
	wire = bytearray(query.answer(records=bytes(records), count=count, edns=False))
	wire += struct.pack("!BHHIH", 0, 16, 1, 300, len(text)) + text + query.answer()[query.question_end:]
	struct.pack_into("!H", wire, 10, 2 if query.edns else 1)
	return [bytes(wire)]


def big_rdata(rdtype, count):
	if rdtype == dns.rdatatype.A:
		return struct.pack("!BBH", 127, 1, count)
	if rdtype == dns.rdatatype.AAAA:
		return struct.pack("!IQI", 0xfd000000, 0, count)
	if rdtype == dns.rdatatype.SRV:
		host = b"h%d" % count
		return struct.pack("!HHHB", count, 0, 5269, len(host)) + host + b"\xc0\x0c"
	if rdtype == dns.rdatatype.TLSA:
		return struct.pack("!BBBQ", 3, 1, 1, count) + bytes(24)
	text = b"%d" % count
	return bytes([len(text)]) + text


def wrong_id(query, rule, right):
	return [struct.pack("!H", query.id ^ 0x5555) + right[2:]]


def wrong_question(query, rule, right):
	if query.name == ".":
		return [right[:14] + b"\x01" + right[15:]]  # another type instead of another name
	return [right[:13] + (b"y" if right[13:14] in b"xX" else b"x") + right[14:]]


def short(query, rule, right):
	rdata = bytes.fromhex(rule.options["rdata"]) if "rdata" in rule.options else None
	size = rule.options.get("size", 2 if query.type == dns.rdatatype.TLSA else 3)
	message, done = decode(right), False
	for rrset in message.answer:
		if rrset.rdtype == query.type:
			cut = rrset[0].to_wire()[:size] if rdata is None else rdata
			rrset.clear()
			rrset.add(dns.rdata.GenericRdata(rrset.rdclass, rrset.rdtype, cut))
			done = True
	if done:
		return [encode(message)]
	return [query.answer(records=query.record(bytes(size) if rdata is None else rdata), count=1)]


def unasked(query, rule, right):
	added = rule.options.get("records") or {
		"answer": ["unasked.example. 300 IN A 192.0.2.66"],
		"authority": ["example. 300 IN NS unasked.example."],
		"additional": ["unasked.example. 300 IN A 192.0.2.66"],
	}
	message = decode(right)
	for section in ("answer", "authority", "additional"):
		getattr(message, section).extend(records_from_text(added.get(section, [])))
	return [encode(message)]


def strip(query, rule, right):
	dropped = {dns.rdatatype.from_text(t) for t in ("RRSIG", "DNSKEY", "DS", "NSEC", "NSEC3", "NSEC3PARAM")}
	message = decode(right)
	for section in (message.answer, message.authority, message.additional):
		section[:] = [rrset for rrset in section if rrset.rdtype not in dropped]
	message.want_dnssec(False)
	message.flags &= ~AD
	return [encode(message)]


def lose_large(query, rule, right):
	return [] if query.transport == "udp" and len(right) > rule.options.get("size", 512) else [right]


def duplicate(query, rule, right):
	return [right] * rule.options.get("count", 2)


def duplicate_records(query, rule, right):
	message = decode(right)
	message.answer = [rrset for rrset in message.answer for _ in range(rule.options.get("count", 2))]
	return [encode(message)]


def reorder(query, rule, right):
	message = decode(right)
	message.answer.reverse()
	return [encode(message)]


# Faults of delivery: f(channel, message) sends what the faults above made.

def other_address(channel, wire):
	address, port = channel.server.address, channel.server.port
	last = int(address.rpartition(".")[2])
	channel.send_from(wire, (address.rpartition(".")[0] + ".%d" % (last - 1 if last > 1 else 2), port))


def other_port(channel, wire):
	channel.send_from(wire, (channel.server.address, 0))


def close(channel, wire):
	channel.writer.close()


def only(channel, wire):
	channel.send(wire)
	channel.writer.close()


def reset(channel, wire):
	stall(channel, wire)
	channel.reset()


def stall(channel, wire):
	if not channel.writer.is_closing():
		channel.writer.write((struct.pack("!H", len(wire)) + wire)[:2 + len(wire) // 2])


MADE = {
	"silence": silence, "servfail": rcode_fault(SERVFAIL), "refused": rcode_fault(REFUSED), "nxdomain": rcode_fault(NXDOMAIN),
	"notimp": rcode_fault(NOTIMP, edns=False), "formerr": rcode_fault(FORMERR, edns=False),
	"truncate": truncate, "garbage": garbage, "garbled": garbled, "empty": empty, "loop": loop, "big": big,
}
EDITS = {
	"wrong_id": wrong_id, "wrong_question": wrong_question, "not_response": lambda query, rule, right: [with_flags(right, clearing=QR)],
	"ad": lambda query, rule, right: [with_flags(right, setting=AD)], "no_ad": lambda query, rule, right: [with_flags(right, clearing=AD)],
	"short": short, "unasked": unasked, "strip": strip, "lose_large": lose_large,
	"duplicate": duplicate, "duplicate_records": duplicate_records, "reorder": reorder,
}
DELIVERIES = {"other_address": other_address, "other_port": other_port, "close": close, "only": only, "reset": reset, "stall": stall}
TRANSPORTS = {"truncate": "udp", "other_address": "udp", "other_port": "udp", "close": "tcp", "only": "tcp", "reset": "tcp", "stall": "tcp"}
CONDITIONS = {"name", "type", "transport", "cd", "do_", "edns", "after", "times"}
OPTIONS = {"fault", "delay", "hold", "right_after", "size", "count", "rdata", "records"}


class Rule:
	def __init__(self, options):
		unknown = set(options) - CONDITIONS - OPTIONS
		if unknown:
			raise ValueError("unknown in a rule: " + ", ".join(sorted(unknown)))
		self.options = options
		self.faults = [options["fault"]] if isinstance(options.get("fault"), str) else options.get("fault") or []
		for fault in self.faults:
			if fault not in MADE and fault not in EDITS and fault not in DELIVERIES:
				raise ValueError("unknown fault: %s" % fault)
		self.name = canonical(options["name"]) if "name" in options else None
		self.type = dns.rdatatype.from_text(options["type"]) if "type" in options else None
		self.transport = options.get("transport") or next((TRANSPORTS[f] for f in self.faults if f in TRANSPORTS), None)
		if self.transport not in (None, "udp", "tcp"):
			raise ValueError("unknown transport: %s" % self.transport)
		self.skip, self.left = options.get("after", 0), options.get("times")
		self.held = [] if options.get("hold") else None  # what is sent once the rule is released
		# what is made from the query alone must not wait for an upstream which may itself be dead
		self.wants_right = "right_after" in options or not any(fault in MADE for fault in self.faults)

	def matches(self, query):
		options = self.options
		return (
			self.name_matches(query.name)
			and self.type in (None, query.type)
			and self.transport in (None, query.transport)
			and options.get("cd") in (None, bool(query.flags & CD))
			and options.get("do_") in (None, query.do)
			and options.get("edns") in (None, query.edns > 0)
		)

	def name_matches(self, name):
		if self.name is None or self.name == name:
			return True
		return self.name.startswith("*.") and name.endswith(self.name[1:])

	def takes(self, query):
		"""Whether this matching query is one of those that the rule is for; counts it."""
		if self.left == 0 or not self.matches(query):
			return False
		if self.skip:
			self.skip -= 1
			return False
		if self.left is not None:
			self.left -= 1
		return True

	def messages(self, query, right):
		messages = [right]
		for fault in self.faults:
			if fault in MADE:
				messages = MADE[fault](query, self)
			elif fault in EDITS:
				messages = [edited for message in messages for edited in EDITS[fault](query, self, message)]
		return messages

	def deliver(self, channel, message):
		delivery = next((DELIVERIES[fault] for fault in self.faults if fault in DELIVERIES), None)
		if delivery:
			delivery(channel, message)
		else:
			channel.send(message)


class UdpChannel:
	__slots__ = ("server", "peer")

	def __init__(self, server, peer):
		self.server, self.peer = server, peer

	def send(self, wire):
		try:
			self.server.udp.sendto(wire, self.peer)
		except (BlockingIOError, ConnectionRefusedError, PermissionError):
			pass  # UDP may lose packets

	def send_from(self, wire, address):
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
			other.bind(address)
			other.sendto(wire, self.peer)


class TcpChannel:
	def __init__(self, server, writer):
		self.server, self.writer = server, writer

	def send(self, wire):
		if not self.writer.is_closing():
			self.writer.write(struct.pack("!H", len(wire)) + wire)

	def reset(self):
		reset_connection(self.writer)


def reset_connection(writer):
	"""Ends a connection by RST, which also leaves no port behind in TIME_WAIT."""
	transport_socket = writer.get_extra_info("socket")
	if transport_socket is not None:
		try:
			transport_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		except OSError:
			pass  # closed already
	writer.transport.abort()


class Records:
	"""Static records by name and type."""

	def __init__(self):
		self.sets = {}
		self.built = {}  # answers by query, without the ID

	def set(self, name, rdtype, texts, ttl):
		key = (canonical(name), dns.rdatatype.from_text(rdtype))
		self.built.clear()
		if texts is None:
			self.sets.pop(key, None)
		else:
			self.sets[key] = (ttl, [
				dns.rdata.from_text(dns.rdataclass.IN, key[1], text, origin=dns.name.root, relativize=False) for text in texts])

	def answer(self, query, final):
		"""The answer, or None when there is no such record and it is not final (an upstream knows more)."""
		known = (query.name, query.type) in self.sets or (query.name, dns.rdatatype.CNAME) in self.sets
		if not known and not final:
			return None
		key = query.wire[2:]
		if key not in self.built:
			if len(self.built) > 10000:
				self.built.clear()
			self.built[key] = self.build(query)[2:]
		wire = query.wire[:2] + self.built[key]
		if query.transport == "udp" and len(wire) > max(512, query.edns):
			return query.answer(flags=TC)
		return wire

	def build(self, query):
		message = dns.message.make_response(decode(query.wire), recursion_available=True)
		message.flags |= query.flags & CD
		message.want_dnssec(query.do)
		name, seen = query.name, set()
		while (name, query.type) not in self.sets and (name, dns.rdatatype.CNAME) in self.sets and name not in seen:
			seen.add(name)
			name = canonical(self.add(message, name, dns.rdatatype.CNAME)[0].target.to_text())
		if (name, query.type) in self.sets:
			self.add(message, name, query.type)
		elif not any(known == name or known.endswith("." + name) for known, _ in self.sets):
			message.set_rcode(NXDOMAIN)
		if not message.answer:
			message.authority.extend(records_from_text([parent(name) + " 300 IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60"]))
		return encode(message)

	def add(self, message, name, rdtype):
		ttl, rdatas = self.sets[name, rdtype]
		for rdata in rdatas:
			message.answer.append(dns.rrset.from_rdata(dns.name.from_text(name), ttl, rdata))
		return rdatas


def parent(name):
	return name.partition(".")[2].rstrip(".") + "."


class Server:
	def __init__(self, loop, address, port, upstream):
		self.loop, self.upstream = loop, upstream
		self.rules, self.log, self.records = [], collections.deque(maxlen=100000), Records()
		self.tcp, self.writers, self.tasks = None, set(), set()
		self.forwarded, self.next_id = {}, random.randrange(65536)
		self.udp, self.tcp_listener = listen(address, port)
		self.address, self.port = self.udp.getsockname()
		if upstream:
			self.forwarder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			self.forwarder.setblocking(False)
			self.forwarder.connect(upstream)
			enlarge_buffers(self.forwarder)
			loop.add_reader(self.forwarder, self.on_upstream_udp)
		loop.add_reader(self.udp, self.on_udp)

	# Queries in

	def on_udp(self):
		for _ in range(64):
			try:
				wire, peer = self.udp.recvfrom(MAX_MESSAGE)
			except BlockingIOError:
				return
			except ConnectionRefusedError:
				continue  # an earlier answer went to a port that is closed by now
			self.on_query(wire, "udp", peer, UdpChannel(self, peer))

	async def on_connection(self, reader, writer):
		self.writers.add(writer)
		channel, peer = TcpChannel(self, writer), writer.get_extra_info("peername")
		try:
			while True:
				size = struct.unpack("!H", await reader.readexactly(2))[0]
				self.on_query(await reader.readexactly(size), "tcp", peer, channel)
		except (asyncio.IncompleteReadError, ConnectionError):
			pass  # the client closed
		finally:
			self.writers.discard(writer)
			writer.close()

	def on_query(self, wire, transport, peer, channel):
		try:
			query = Query(wire, transport, peer[1])
		except (ValueError, IndexError, struct.error):
			return  # not a query
		query.rule = next((number for number, rule in enumerate(self.rules, 1) if rule.takes(query)), None)
		self.log.append(query)
		if query.rule is None:
			self.ask(query, channel.send)
			return
		rule = self.rules[query.rule - 1]
		if rule.wants_right:
			self.ask(query, lambda right: self.misbehave(rule, query, right, channel))
		else:
			self.misbehave(rule, query, None, channel)

	# Answers out

	def ask(self, query, deliver):
		"""Gives deliver the right answer."""
		wire = self.records.answer(query, final=self.upstream is None)
		if wire is not None:
			deliver(wire)
		elif query.transport == "udp":
			self.next_id = (self.next_id + 1) % 65536
			self.forwarded[self.next_id] = query, deliver
			try:
				self.forwarder.send(struct.pack("!H", self.next_id) + query.wire[2:])
			except (BlockingIOError, ConnectionRefusedError):
				pass
		else:
			task = self.loop.create_task(self.ask_over_tcp(query, deliver))
			self.tasks.add(task)  # the loop itself lets the collector take a task that nobody holds
			task.add_done_callback(self.tasks.discard)

	def on_upstream_udp(self):
		for _ in range(64):
			try:
				wire = self.forwarder.recv(MAX_MESSAGE)
			except BlockingIOError:
				return
			except ConnectionRefusedError:
				continue
			query, deliver = self.forwarded.pop(struct.unpack_from("!H", wire)[0], (None, None))
			if query is not None:
				deliver(query.wire[:2] + wire[2:])

	async def ask_over_tcp(self, query, deliver):
		writer = None
		try:
			reader, writer = await asyncio.open_connection(*self.upstream)
			writer.write(struct.pack("!H", len(query.wire)) + query.wire)
			size = struct.unpack("!H", await reader.readexactly(2))[0]
			deliver(await reader.readexactly(size))
		except (OSError, asyncio.IncompleteReadError):
			pass  # a dead upstream is silence
		finally:
			if writer is not None:
				reset_connection(writer)

	def misbehave(self, rule, query, right, channel):
		delay = rule.options.get("delay", 0) / 1000
		for message in rule.messages(query, right):
			if rule.held is not None:
				rule.held.append((channel, message))
			else:
				self.later(delay, rule.deliver, channel, message)
		if "right_after" in rule.options:
			self.later(delay + rule.options["right_after"] / 1000, channel.send, right)

	def later(self, seconds, call, *arguments):
		if seconds > 0:
			self.loop.call_later(seconds, call, *arguments)
		else:
			call(*arguments)

	# Control

	async def open_tcp(self):
		if self.tcp is None:
			listener = self.tcp_listener or bind(socket.SOCK_STREAM, self.address, self.port)
			self.tcp_listener = None
			self.tcp = await asyncio.start_server(self.on_connection, sock=listener, backlog=1024)

	async def close_tcp(self):
		if self.tcp is not None:
			self.tcp.close()
			self.tcp = None
		for writer in list(self.writers):
			reset_connection(writer)

	async def command(self, request):
		what = request.pop("command")
		if what == "stop":
			self.stopped = True
			return True
		if what == "open_tcp":
			await self.open_tcp()
			return True
		if what == "close_tcp":
			await self.close_tcp()
			return True
		return {"rule": self.add_rule, "release": self.release, "records": self.set_records, "log": self.read_log, "tally": self.tally,
			"clear": self.clear, "clear_log": self.clear_log}[what](request)

	def add_rule(self, request):
		self.rules.append(Rule(request))
		return len(self.rules)

	def release(self, request):
		rule = self.rules[request["rule"] - 1]
		held, rule.held, rule.left = rule.held or [], None, 0
		for channel, message in held:
			rule.deliver(channel, message)

	def set_records(self, request):
		self.records.set(request["name"], request["type"], request.get("data"), request["ttl"])

	def clear(self, request):
		self.rules.clear()
		self.log.clear()

	def clear_log(self, request):
		self.log.clear()

	def read_log(self, request):
		return [query.log_entry() for query in self.logged(request)]

	def tally(self, request):
		queries = self.logged(request)
		return {
			"udp": sum(query.transport == "udp" for query in queries),
			"tcp": sum(query.transport == "tcp" for query in queries),
			"cd": sum(bool(query.flags & CD) for query in queries),
		}

	def logged(self, request):
		name = canonical(request["name"]) if "name" in request else None
		return [query for query in self.log if name in (None, query.name)]

	async def control(self, reader, writer):
		"""Returns once the spec is done with this server. Its end of the connection alone does not tell: its other children may hold it open."""
		self.stopped = False
		while not self.stopped:
			line = await reader.readline()
			if not line:
				return
			try:
				reply = {"result": await self.command(json.loads(line))}
			except Exception as problem:  # the spec gets it as its own error
				reply = {"error": str(problem) or repr(problem)}
			writer.write(json.dumps(reply).encode() + b"\n")
			await writer.drain()


def enlarge_buffers(udp):
	for option in (32, 33):  # SO_SNDBUFFORCE, SO_RCVBUFFORCE: a thousand queries at once must all get in
		try:
			udp.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
		except PermissionError:
			pass


def bind(kind, address, port):
	listener = socket.socket(socket.AF_INET, kind)
	listener.setblocking(False)
	if kind == socket.SOCK_STREAM:
		listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	else:
		enlarge_buffers(listener)
	try:
		listener.bind((address, port))
	except OSError:
		listener.close()
		raise
	return listener


def listen(address, port):
	"""A UDP and a TCP socket on one address and port; "-" and 0 are replaced by free ones."""
	for attempt in range(100):
		this_address = address if address != "-" else "127.%d.%d.%d" % (random.randint(2, 254), random.randint(0, 255), random.randint(2, 254))
		this_port = port or random.randint(10000, 32000)
		udp = None
		try:
			udp = bind(socket.SOCK_DGRAM, this_address, this_port)
			return udp, bind(socket.SOCK_STREAM, this_address, this_port)
		except OSError as problem:
			if udp:
				udp.close()
			if attempt == 99 or port and address != "-":
				print("cannot listen on %s port %d: %s" % (this_address, this_port, problem))
				sys.exit(1)


async def main(address, port, upstream_address=None, upstream_port=None):
	loop = asyncio.get_running_loop()
	upstream = (upstream_address, int(upstream_port)) if upstream_address else None
	server = Server(loop, address, int(port), upstream)
	await server.open_tcp()
	ended = loop.create_future()

	async def control(reader, writer):
		try:
			await server.control(reader, writer)
		finally:
			if not ended.done():
				ended.set_result(None)

	listener = await asyncio.start_server(control, server.address, 0, limit=1 << 24)
	print("ready", server.address, server.port, listener.sockets[0].getsockname()[1], flush=True)
	parent_process = os.getppid()
	while not ended.done() and os.getppid() == parent_process:
		await asyncio.wait([ended], timeout=1)
	listener.close()
	await server.close_tcp()


if __name__ == "__main__":
	asyncio.run(main(*sys.argv[1:]))

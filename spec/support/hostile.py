# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
"""An XMPP server of bad faith: opens streams to a server that is tested, and answers those that come back. See hostile.lua."""

import base64
import json
import socket
import ssl
import sys
import threading
import xml.etree.ElementTree as tree

STREAMS = "http://etherx.jabber.org/streams"
DIALBACK = "jabber:server:dialback"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
PATIENCE = 20  # seconds


def name_of(element):
    return element.tag.rpartition("}")[2]


def namespace_of(element):
    return element.tag.rpartition("}")[0][1:]


class Closed(Exception):
    """The other side has ended the stream: its condition and text, or nothing."""


class Stream:
    """XML over a socket, in either role."""

    def __init__(self, connection):
        self.connection = connection
        connection.settimeout(PATIENCE)
        self.skipped = []
        self.reset()

    def reset(self):
        self.parser = tree.XMLPullParser(("start", "end"))
        self.elements, self.depth = [], 0

    def send(self, text):
        try:
            self.connection.sendall(text.encode())
        except OSError:
            pass  # what is read next says why

    def open(self, sender, to, version, identity=None):
        names = {"from": sender, "to": to, "version": version, "id": identity}
        attributes = "".join(" %s='%s'" % pair for pair in names.items() if pair[1])
        self.send("<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='%s' xmlns:db='%s'%s>" % (STREAMS, DIALBACK, attributes))

    def feed(self):
        try:
            data = self.connection.recv(65536)
        except OSError as problem:
            raise Closed(str(problem)) from problem
        if not data:
            raise Closed("end of file")
        self.parser.feed(data)
        for event, element in self.parser.read_events():
            self.depth += 1 if event == "start" else -1
            if event == "start" and self.depth == 1:
                self.elements.append(element)
            elif event == "end" and self.depth == 1:
                self.elements.append(element)

    def read(self):
        """The next element: the stream's header first, then its children. A stream error raises."""
        while not self.elements:
            self.feed()
        element = self.elements.pop(0)
        if name_of(element) == "error" and namespace_of(element) == STREAMS:
            raise Closed(" ".join(text for child in element for text in (name_of(child) if name_of(child) != "text" else "", child.text or "") if text))
        return element

    def read_until(self, wanted):
        while True:
            element = self.read()
            if name_of(element) in wanted:
                return element
            self.skipped.append(element)


def starttls_client(stream, context, case):
    stream.send("<starttls xmlns='%s'/>" % TLS)
    stream.read_until(("proceed",))
    stream.connection = context.wrap_socket(stream.connection, server_hostname=case.get("servername") or case["to"])
    stream.reset()


def client_context(case):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if case.get("certificate"):
        context.load_cert_chain(case["certificate"], case["key"])
    return context


def begin(stream, case):
    """Opens the stream, again where it begins anew; the features."""
    stream.open(case.get("from"), case.get("to"), case.get("version", "1.0"))
    identity = stream.read().get("id")
    if case.get("identities"):
        with open(case["identities"], "a", encoding="utf-8") as file:
            file.write(identity + "\n")
    return stream.read_until(("features",)) if case.get("version", "1.0") == "1.0" else None


def do_external(stream, case, step):
    stream.send("<auth xmlns='%s' mechanism='EXTERNAL'>%s</auth>" % (SASL, base64.b64encode(case["from"].encode()).decode()))
    answer = name_of(stream.read_until(("success", "failure")))
    if answer == "success":
        stream.reset()
        begin(stream, case)
    return answer


def do_dialback(stream, case, step):
    stream.send("<db:result from='%s' to='%s'>a key</db:result>" % (step["from"], step["to"]))
    answer = stream.read_until(("result",))
    texts = [child.text for child in answer.iter() if name_of(child) == "text"]
    return " ".join([answer.get("type")] + [text for text in texts if text])


def do_bidi(stream, case, step):
    stream.send("<bidi xmlns='urn:xmpp:bidi'/>")
    return "sent"


def do_send(stream, case, step):
    stream.send("<message from='%s' to='%s' id='%s'><body>x</body></message>" % (step["from"], step["to"], step["id"]))
    return "sent"


def do_message(stream, case, step):
    """Says that it was taken once the server has answered what came after it."""
    do_send(stream, case, step)
    return do_barrier(stream, case, step)


def do_barrier(stream, case, step):
    stream.send("<db:verify from='%s' to='%s' id='1'>0</db:verify>" % (step.get("from", case.get("from")), step.get("to", case.get("to"))))
    stream.read_until(("verify",))
    return "taken"


def do_wait(stream, case, step):
    """For a stanza that the server sends by itself."""
    before = [element for element in stream.skipped if name_of(element) == step["element"]]
    return (before or [stream.read_until((step["element"],))])[0].get("id")


STEPS = {"external": do_external, "dialback": do_dialback, "bidi": do_bidi, "send": do_send, "message": do_message,
          "barrier": do_barrier, "wait": do_wait}


def connect(case):
    stream = Stream(socket.create_connection((case["address"], case["port"]), PATIENCE))
    stream.connection.settimeout(case.get("patience", PATIENCE))
    context = client_context(case)
    if case.get("tls") == "direct":
        stream.connection = context.wrap_socket(stream.connection, server_hostname=case.get("servername") or case["to"])
    elif case.get("tls") == "starttls":
        begin(stream, case)
        starttls_client(stream, context, case)
    return stream


def play(case, report):
    outcomes, ending = [], "open"
    try:
        stream = connect(case)
        features = begin(stream, case)
        if features is not None:
            outcomes.append("offers " + ",".join(sorted(text for element in features.iter() for text in [element.text or name_of(element)])))
        for step in case["steps"]:
            outcomes.append(step["do"] + " " + str(STEPS[step["do"]](stream, case, step)))
    except Closed as closed:
        ending = str(closed)
    except (OSError, tree.ParseError) as problem:
        ending = "%s: %s" % (type(problem).__name__, problem)
    report({"name": case["name"], "outcomes": outcomes, "ending": ending})


def write_line(result, lock=threading.Lock()):
    with lock:
        print(json.dumps(result), flush=True)


# As a server: says "valid" to every key, and takes whatever comes.

class Listener:
    def __init__(self, options):
        self.options = options
        self.contexts = {domain: self.make_context(paths) for domain, paths in options.get("certificates", {}).items()}
        self.context = self.make_context(options["default"]) if options.get("default") else None
        if self.context:
            self.context.sni_callback = self.choose_context

    def make_context(self, paths):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(paths[0], paths[1])
        return context

    def choose_context(self, connection, name, _):
        if name in self.contexts:
            connection.context = self.contexts[name]

    def features(self, stream, is_secure):
        offered = "" if is_secure or not self.context else "<starttls xmlns='%s'/>" % TLS
        if is_secure and self.options.get("bidi"):
            offered += "<bidi xmlns='urn:xmpp:features:bidi'/>"
        stream.send("<stream:features>%s<dialback xmlns='urn:xmpp:features:dialback'/></stream:features>" % offered)

    def greet(self, stream, is_secure):
        header = stream.read().attrib
        stream.open(header.get("to"), header.get("from"), self.options.get("version", "1.0"), "its-id")
        if not is_secure and self.options.get("premature"):  # an answer before anything was proven
            with open(self.options["premature"], encoding="utf-8") as file:
                for each in file.read().split():
                    stream.send("<db:verify from='%s' to='%s' id='%s' type='valid'/>" % (header.get("to"), header.get("from"), each))
        if self.options.get("version", "1.0") == "1.0":
            self.features(stream, is_secure)

    def answer(self, stream, element):
        names = (element.get("to"), element.get("from"))
        if namespace_of(element) == DIALBACK and name_of(element) == "verify":
            stream.send("<db:verify from='%s' to='%s' id='%s' type='valid'/>" % (names + (element.get("id"),)))
        elif namespace_of(element) == DIALBACK and name_of(element) == "result" and not element.get("type"):
            stream.send("<db:result from='%s' to='%s' type='valid'/>" % names)
        elif name_of(element) == "presence":
            for told in self.options.get("tells", ()):
                stream.send("<message from='%s' to='%s' id='%s'><body>x</body></message>" % (told["from"], told["to"], told["id"]))

    def serve(self, connection):
        stream, is_secure = Stream(connection), False
        try:
            self.greet(stream, is_secure)
            while True:
                element = stream.read()
                write_line({"received": name_of(element), "from": element.get("from"), "to": element.get("to"), "id": element.get("id"), "secure": is_secure})
                if namespace_of(element) == TLS:
                    stream.send("<proceed xmlns='%s'/>" % TLS)
                    stream.connection, is_secure = self.context.wrap_socket(stream.connection, server_side=True), True
                    stream.reset()
                    self.greet(stream, is_secure)
                else:
                    self.answer(stream, element)
        except (Closed, OSError, tree.ParseError) as problem:
            write_line({"ended": str(problem)})

    def run(self):
        listener = socket.create_server((self.options["address"], self.options["port"]), backlog=200)
        write_line({"listens": self.options["port"]})
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        given = json.load(file)
    if sys.argv[1] == "listen":
        return Listener(given).run()
    slots = threading.Semaphore(int(sys.argv[3]) if len(sys.argv) > 3 else 8)

    def play_in_turn(case):
        with slots:
            play(case, write_line)
    players = [threading.Thread(target=play_in_turn, args=(case,)) for case in given]
    for player in players:
        player.start()
    for player in players:
        player.join()
    return None


main()

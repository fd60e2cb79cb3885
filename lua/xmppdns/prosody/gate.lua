-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Every way into a server-to-server session: the events of Prosody at which a verdict is asked.
--
-- "s2s-authenticated" is what all ways have in common, but dialback fires it in another session's thread, where nothing can wait: so the
-- verdict is asked before, when the key comes.

local from_prosody = require "xmppdns.prosody.modules";
local async, jid, st = from_prosody "util.async", from_prosody "util.jid", from_prosody "util.stanza";
local nameprep = from_prosody "util.encodings".stringprep.nameprep;
local check_targets = require "xmppdns.prosody.identity".check_targets;
local verdict = require "xmppdns.prosody.verdict";

local FIRST = 1000000; -- no handler sees a stanza before

local STANZAS = { "message/full", "message/bare", "message/host", "presence/full", "presence/bare", "presence/host", "iq/full", "iq/bare", "iq/host" };

-- The host of ours and the remote domain of the stream's own header.
local function get_pair(session)
	if session.direction == "incoming" then return session.to_host, session.from_host; end
	return session.from_host, session.to_host;
end

-- The certificate

local function on_certificate(verdicts, event)
	local session = event.session;
	local host, remote = get_pair(session);
	if not event.host or not remote then return nil; end -- dialback will say who it is
	local found = verdicts:ask(session, host, remote);
	if session.destroyed then return false; end
	event.xmppdns_verdict = found;
end

-- Prosody 13's own DANE has no say any more: it stays silent without a certificate.
local function hide_certificate(event)
	if event.session.direction ~= "incoming" or not event.xmppdns_verdict then return; end
	event.xmppdns_cert, event.cert = event.cert, nil;
end

local function show_certificate(event)
	event.cert = event.cert or event.xmppdns_cert;
end

-- After mod_s2s_auth_certs, which knows no DANE; other modules have the last word.
local function settle_certificate(event)
	local found, session = event.xmppdns_verdict, event.session;
	if not found then return; end
	if found.state == "refused" then
		session.cert_chain_status, session.cert_identity_status = "invalid", nil;
		return;
	end
	if found.state ~= "dane" then return check_targets(event, found.targets); end
	session.log("info", "The certificate of %s matches its TLSA records", event.host);
	session.cert_chain_status, session.cert_identity_status, session.xmppdns_is_by_dane = "valid", "valid", true;
end

-- Once all others have heard of it. Where one of them has ended the event, "s2s-authenticated" comes to the same end.
local function refuse_certificate(event)
	local found, session = event.xmppdns_verdict, event.session;
	if not found or found.state ~= "refused" then return nil; end
	return verdict.refuse(session, select(2, get_pair(session)), found);
end

-- Dialback

-- XEP-0220, 2.5: what one domain may not does not concern the others of the stream.
local function answer_error(session, attr, refused)
	verdict.log_refusal(session, attr.from, refused);
	session.sends2s(st.stanza("db:result", { from = attr.to, to = attr.from, id = attr.id, type = "error" })
		:tag("error", { type = "auth" })
		:tag("not-authorized", { xmlns = "urn:ietf:params:xml:ns:xmpp-stanzas" }):up()
		:tag("text", { xmlns = "urn:ietf:params:xml:ns:xmpp-stanzas" }):text(refused.text));
end

-- Of the pairs that a key is about, the verdict that refuses, or else one of them: the strictest host counts.
local function ask_for_key(verdicts, session, to, from)
	local found = verdicts:ask(session, to, from);
	if session.destroyed or found.state == "refused" or not session.to_host or session.to_host == to then return found; end
	return verdicts:ask(session, session.to_host, from);
end

-- A peer shows a key for a domain.
local function on_key(verdicts, hosts, event)
	local session, attr = event.origin, event.stanza.attr;
	if session.direction ~= "incoming" or not attr.to or not attr.from then return nil; end
	local to, from = nameprep(attr.to), nameprep(attr.from);
	if not to or not from or not hosts[to] or hosts[from] then return nil; end -- mod_dialback refuses these
	local found = ask_for_key(verdicts, session, to, from);
	if session.destroyed then return true; end
	if found.state ~= "refused" then return nil; end
	if session.type == "s2sin" then answer_error(session, attr, found); else verdict.refuse(session, from, found); end
	return true;
end

-- Ends an outgoing session whose peer has not proven what it must: true. Before that, nothing that it says counts.
local function check_outgoing(verdicts, session)
	if session.direction ~= "outgoing" then return nil; end
	local found = verdicts:ask(session, session.from_host, session.to_host);
	if found.state ~= "refused" then return nil; end
	verdict.refuse(session, session.to_host, found);
	return true;
end

-- Authenticated

-- Prosody would send to the domain of the stream's header whatever domain was authenticated.
local function check_bidi(session, remote)
	local of_header = session.hosts[session.from_host];
	if not session.outgoing or session.from_host == remote or of_header and of_header.authed then return; end
	session.log("info", "Nothing is sent to %s over a stream that is authenticated for %s", session.from_host, remote);
	session.outgoing = nil;
end

local function on_authenticated(verdicts, event)
	local session, remote = event.session, event.host;
	if session.destroyed then return nil; end
	if session.direction == "outgoing" then return check_outgoing(verdicts, session); end
	local found = verdicts:get(session, session.to_host, remote) or verdict.NOT_KNOWN;
	if found.state == "refused" then
		verdict.refuse(session, remote, found);
		return true;
	end
	check_bidi(session, remote);
end

-- Stanzas

-- The domain that the session is authenticated for and the stanza comes from, or nil.
local function get_sender(session, stanza)
	if not session or session.type ~= "s2sin" and session.type ~= "s2sout" or session.dummy then return nil; end
	local remote = jid.host(stanza.attr.from);
	local of_remote = remote and session.hosts and session.hosts[remote];
	return of_remote and of_remote.authed and remote or nil;
end

-- A host of ours that the peer has not addressed before may want more than the others.
local function on_stanza(verdicts, event)
	local session, stanza = event.origin, event.stanza;
	local remote = get_sender(session, stanza);
	if not remote then return nil; end
	local host = jid.host(stanza.attr.to);
	local found = verdicts:get_current(session, host, remote)
		or async.ready() and verdicts:ask(session, host, remote) or verdicts:get(session, host, remote) or verdict.NOT_KNOWN;
	if session.destroyed then return true; end
	if found.state ~= "refused" then return nil; end
	verdict.refuse(session, remote, found);
	return true;
end

-- Stanzas of ours

-- Ends a stream that has not proven what is required by now: for the next stanza another one is opened.
local function judge_again(verdicts, session, host, remote)
	local found = verdicts:ask(session, host, remote);
	if not session.destroyed and found.state == "refused" then verdict.refuse(session, remote, found); end
end

local routers = setmetatable({}, { __mode = "k" }); -- by session

local function route(later)
	local event = later.event;
	if not later.session.destroyed then judge_again(later.verdicts, later.session, event.from_host, event.to_host); end
	event.xmppdns_is_judged = true;
	later.hosts[event.from_host].events.fire_event("route/remote", event);
end

-- About a peer that has opened the stream DNS is asked: its stanzas wait for that, in their order.
local function route_later(later)
	local router = routers[later.session] or async.runner(route);
	routers[later.session] = router;
	router:run(later);
	return true;
end

-- A stanza for which there is a stream already.
local function on_route(verdicts, hosts, event)
	local host, remote = event.from_host, event.to_host;
	local session = hosts[host].s2sout[remote];
	if event.xmppdns_is_judged or not session or session.type == "s2sout_unauthed" or verdicts:get_current(session, host, remote) then return nil; end
	if session.direction == "outgoing" then return judge_again(verdicts, session, host, remote); end
	return route_later({ verdicts = verdicts, hosts = hosts, session = session, event = event });
end

-- Lists of { event, priority, handler(plugin, event), is_constant }; plugin has verdicts and prosody. Constant handlers finish what an earlier one
-- has begun, even if the plugin no longer serves.

local function on_answer(plugin, event) return check_outgoing(plugin.verdicts, event.origin); end

local of_host = {
	{ "stanza/http://etherx.jabber.org/streams:features", 300, on_answer }; -- after mod_tls, before bidi, SASL and dialback
	{ "s2sout-authenticate-legacy", 150, on_answer }; -- likewise
	{ "stanza/jabber:server:dialback:verify", 1000, on_answer };
	{ "stanza/jabber:server:dialback:result", 1000, function (plugin, event) return on_key(plugin.verdicts, plugin.prosody.hosts, event); end };
	{ "s2s-authenticated", 1000, function (plugin, event) return on_authenticated(plugin.verdicts, event); end };
	{ "route/remote", -0.9, function (plugin, event) return on_route(plugin.verdicts, plugin.prosody.hosts, event); end }; -- mod_s2s is at -1
};

for _, name in ipairs(STANZAS) do
	of_host[#of_host + 1] = { name, FIRST, function (plugin, event) return on_stanza(plugin.verdicts, event); end };
end

local of_server = {
	{ "s2s-check-certificate", 900, function (plugin, event) return on_certificate(plugin.verdicts, event); end };
	{ "s2s-check-certificate", 801, function (_, event) hide_certificate(event); end }; -- Prosody 13's DANE is at 800
	{ "s2s-check-certificate", 799, function (_, event) show_certificate(event); end, true };
	{ "s2s-check-certificate", 508, function (_, event) settle_certificate(event); end, true }; -- mod_s2s_auth_certs is at 509
	{ "s2s-check-certificate", -0.9, function (_, event) return refuse_certificate(event); end, true }; -- mod_s2s's own policy is at -1
};

return { of_host = of_host, of_server = of_server };

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What a peer has proven: one verdict for each pair of a host of ours and a remote domain on each stream.
--
-- Whatever makes a session usable for a domain asks here; what cannot be decided is refused. A verdict: state "none" (nothing needs to be
-- proven: Prosody's own rules decide), "dane", "pkix" (by a trusted certificate for the name) or "refused". None at all: not known yet.
-- targets: more names for which a certificate will do (R27). Of a refusal: condition and text (for the peer), reason (for the log and
-- the senders of our stanzas), is_passing (it may be asked again on the same stream), is_outage (DNS did not answer), failure (the lookup's error
-- that it is for), is_told (it needs no line at warn). About an incoming peer also what DNS says of it: srv_secure, ends (seconds since 1970), and
-- endpoint = { host, port, tls }, the one whose TLSA records it matches.

local NOT_KNOWN = {
	state = "refused", condition = "remote-connection-failed";
	text = "What your server has proven is not known yet: please try again"; reason = "what it has proven is not known yet";
};

local verdict_methods = {};
local verdict_mt = { __index = verdict_methods };

-- What a stream has proven in the clear is not what it proves over TLS.
local function key_of(session, host, remote)
	return ("%s %s %s"):format(session.secure and "tls" or "clear", host or "", remote);
end

-- The verdict, or nil: not known yet.
function verdict_methods:get(session, host, remote)
	local known = self.known[session];
	return known and known[key_of(session, host, remote)];
end

local function is_current(self, found, trust)
	return found and found.round == self.round and found.trust == trust;
end

-- The same, but nil also for one from before renew, or by another trust.
function verdict_methods:get_current(session, host, remote)
	local found = self:get(session, host, remote);
	return is_current(self, found, self.get_trust()) and found or nil;
end

-- The verdict. In the session's thread: it may wait for DNS there.
function verdict_methods:ask(session, host, remote)
	local key, old, trust, round = key_of(session, host, remote), self:get(session, host, remote), self.get_trust(), self.round;
	if is_current(self, old, trust) then return old; end
	local found = self.judge(session, host, remote);
	if session.destroyed then return found; end
	if round ~= self.round then return self:ask(session, host, remote); end -- meanwhile the settings have changed
	if found.is_outage and old and old.state == "dane" and old.trust == trust then return old; end -- it has proven as much as can be wanted
	if found.is_passing then return found; end
	found.round, found.trust = round, trust;
	self.known[session] = self.known[session] or {};
	self.known[session][key] = found;
	return found;
end

-- The settings may want more now: who sends the next stanza is judged again.
function verdict_methods:renew()
	self.round = {};
end

-- " (xmpp.example.org port 5269)", where an outgoing session has got to.
local function describe_place(session)
	local extra = session.direction == "outgoing" and session.conn and session.conn.extra;
	local one = extra and extra.xmppdns and extra.xmppdns.endpoint;
	return one and (" (%s port %d)"):format(one.host, one.port) or "";
end

-- What has become of the remote domain, at one level: the cause may be in the log already.
local function log_refusal(session, remote, verdict)
	session.log(verdict.is_told and "debug" or "warn", "%s is refused: %s%s", remote, verdict.reason, describe_place(session));
	verdict.is_told = verdict ~= NOT_KNOWN; -- it may come once more: for each key of a dialback, for each stanza
end

-- Ends the session for a verdict that is a refusal. Gives false, as handlers of s2s-check-certificate do.
local function refuse(session, remote, verdict)
	log_refusal(session, remote, verdict);
	session.xmppdns_is_told = true; -- why it ends
	session.cert_chain_status, session.cert_identity_status = "invalid", nil;
	session:close({ condition = verdict.condition, text = verdict.text }, nil, verdict.reason);
	return false;
end

-- The refusal where a mistake in our own settings may hide what is required.
local function refuse_for(trouble)
	local text = "What is required for your domain is not known here";
	return { state = "refused", condition = "internal-server-error", text = text, reason = trouble, is_passing = true };
end

-- known: a table with weak keys, which may outlive this object; judge(session, host, remote) -> verdict; get_trust() -> the resolver's trust epoch.
local function new(known, judge, get_trust)
	return setmetatable({ known = known, judge = judge, get_trust = get_trust, round = {} }, verdict_mt);
end

return { new = new, log_refusal = log_refusal, refuse = refuse, refuse_for = refuse_for, NOT_KNOWN = NOT_KNOWN };

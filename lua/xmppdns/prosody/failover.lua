-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- An outgoing session that ends before it is established ends its endpoint only: the next session goes on with the plan and the stanzas.
--
-- Prosody gives a session's queue to session.bounce_sendq when the session dies, and has never sent anything of it before
-- "s2sout-established". In between lies everything that can go wrong after TCP: TLS, the certificate, authentication.

local lifetime = require "xmppdns.plan.lifetime";
local from_prosody = require "xmppdns.prosody.modules";
local is_error, new_error = from_prosody "util.error".is_error, from_prosody "util.error".new;
local new_stanza = from_prosody "util.stanza".stanza;

local MOST_SESSIONS = 8; -- for one queue: who publishes thousands of endpoints must not keep stanzas for ever

local failover_methods = {};
local failover_mt = { __index = failover_methods };

-- Reasons as Prosody gives them: a text, an error, or nothing.
local function describe(reason)
	if type(reason) == "table" then return tostring(reason.text or reason.condition); end
	if not reason or reason == "closed" then return "the connection was closed"; end
	return tostring(reason);
end

-- What the session had reached, as xmppdns.prosody.s2s_resolver says it, or nil.
local function get_reached(session)
	local extra = session.conn and session.conn.extra;
	return extra and extra.xmppdns;
end

-- A line of the log, which needs not be told again with the plan's end.
local function tell(session, one, text)
	if not session.xmppdns_is_told then session.log("info", "Not used for %s: %s", session.to_host, text); end
	if one.error then one.error.is_told = true; end
end

-- What has failed before TLS stood says something of the address alone; the rest is the same server's at the endpoint's other addresses.
local function end_endpoint(session, reached, reason)
	local one, address = reached.endpoint, reached.address;
	local where = one.addresses[2] and (" (%s)"):format(address) or "";
	local text = ("%s port %d%s: %s"):format(one.host, one.port, where, describe(reason));
	if session.secure then
		reached.plan:refuse(one, "tls", text);
	elseif not reached.plan:spare(one, address, text) then
		reached.plan:refuse(one, "tls", table.concat(one:list_problems(), ", "));
	end
	tell(session, one, text);
end

-- No attempt led to a connection. net.connect tells only the last cause.
local function end_attempts(session, plan, reason)
	local open = {};
	for _, one in ipairs(plan.endpoints) do
		if one.taken > 0 and not one.error then open[#open + 1] = one; end
	end
	local cause = open[2] and "no connection" or describe(reason);
	for _, one in ipairs(open) do
		local text = ("%s port %d: %s"):format(one.host, one.port, cause);
		plan:refuse(one, "unreachable", text);
		tell(session, one, text);
	end
end

-- The reason again, with what became of every endpoint.
local function explain(plan, reason)
	local err = plan.error or plan:sum_up();
	if not err then return reason; end
	if not is_error(reason) then return err.text; end
	return new_error({ type = reason.type, condition = reason.condition, text = err.text });
end

-- mod_s2s made a session that will never connect: the queue goes back.
local function abandon(move, problem)
	local abandoned = move.session;
	if not abandoned then return; end
	abandoned.sendq = nil;
	from_prosody "core.s2smanager".destroy_session(abandoned, problem);
end

local function new_event(session)
	return {
		from_host = session.from_host, to_host = session.to_host;
		stanza = new_stanza("message", { from = session.from_host, to = session.to_host, type = "error" });
	};
end

-- Opens the next session for the queue: whether it has it now. The stanza only makes mod_s2s do it: on_created puts the queue into its place.
local function open_next(self, session, plan, count)
	local outer = self.move;
	local move = { from_host = session.from_host, to_host = session.to_host, sendq = session.sendq, plan = plan, count = count + 1 };
	self.move = move;
	local ok, problem = pcall(self.route, new_event(session));
	if not ok then session.log("error", "A module has failed while %s was to be tried elsewhere: %s", session.to_host, problem); end
	if not ok and not move.session then ok = pcall(self.connect, new_event(session)); end
	self.move = outer;
	if not ok then
		abandon(move, problem);
		return false;
	end
	if move.session then session.sendq = nil; end
	return move.session ~= nil;
end

local function bounce(self, session, known, reason)
	local reached = get_reached(session);
	local plan = reached and reached.plan or known.plan;
	if not plan then return known.bounce_sendq(session, reason); end
	if not reached then
		end_attempts(session, plan, reason);
	else
		end_endpoint(session, reached, reason);
		local may_move = session.sendq and not self.is_stopped and known.count < MOST_SESSIONS;
		if may_move and plan:skip(reached.endpoint) and open_next(self, session, plan, known.count) then return; end
	end
	return known.bounce_sendq(session, explain(plan, reason));
end

-- For each new outgoing session, before anything is asked for it.
function failover_methods:on_created(session)
	local move = self.move;
	self.created = session;
	local known = { bounce_sendq = session.bounce_sendq, count = 1 };
	if move and not move.session and move.from_host == session.from_host and move.to_host == session.to_host then
		session.sendq, known.plan, known.count, move.session = move.sendq, move.plan, move.count, session;
	end
	self.sessions[session] = known;
	function session.bounce_sendq(_, reason)
		return bounce(self, session, known, reason);
	end
end

-- What a session that stands needs of the way to it, which may be for months: neither the plan nor its evidence.
local function settle(reached)
	local plan, one = reached.plan, reached.endpoint;
	reached.ends, reached.plan = lifetime.find_end(plan, one), nil;
	reached.endpoint = { host = one.host, port = one.port, tls = one.tls, srv_secure = one.srv_secure };
end

-- From now on the queue is being sent.
function failover_methods:on_established(session)
	local known, reached = self.sessions[session], get_reached(session);
	if not known then return; end
	self.sessions[session] = nil;
	session.bounce_sendq = known.bounce_sendq;
	if reached then settle(reached); end
end

-- The plan that the session goes by until it is established, or nil.
function failover_methods:get_plan_of(session)
	local known, reached = self.sessions[session], get_reached(session);
	return known and (reached and reached.plan or known.plan);
end

-- The session that mod_s2s is creating just now, or the last one.
function failover_methods:get_session()
	return self.created;
end

local function get_created(self, from_host, to_host)
	local session = self.created;
	return session and session.from_host == from_host and session.to_host == to_host and self.sessions[session] or nil;
end

-- The plan with which the session that is being created is to go on, or nil.
function failover_methods:get_plan(from_host, to_host)
	local known = get_created(self, from_host, to_host);
	return known and known.plan;
end

-- The plan that it has got.
function failover_methods:set_plan(plan, from_host, to_host)
	local known = get_created(self, from_host, to_host);
	if known then known.plan = plan; end
end

function failover_methods:start()
	self.is_stopped = false;
end

-- Sessions that die from now on bounce their stanzas.
function failover_methods:stop()
	self.is_stopped = true;
end

-- route(event): gives an event "route/remote" to whoever listens at its from_host; connect(event): to mod_s2s alone, when another has failed.
local function new(route, connect)
	return setmetatable({ route = route, connect = connect, sessions = setmetatable({}, { __mode = "k" }) }, failover_mt);
end

return { new = new, describe = describe };

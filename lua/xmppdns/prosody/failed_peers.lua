-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Why connections with other servers came to nothing: the last time for each pair of a host of ours and a remote domain, in each direction.
--
-- Strangers can make any number of remotes fail: by connections of theirs, and by those with which dialback calls back whoever they say they are. So what
-- is remembered is bounded, and pushes out nothing that our own users wanted.

local from_prosody = require "xmppdns.prosody.modules";
local describe_reason = require "xmppdns.prosody.failover".describe;
local new_cache = from_prosody "util.cache".new;
local visible = require "xmppdns.check.tree".visible;

local MOST = 200;    -- pairs that our users wanted, and as many others
local LONGEST = 400; -- bytes of a reason

local failed_methods = {};
local failed_mt = { __index = failed_methods };

local is_answer = { error = true, result = true };
local is_of_user = { message = true, presence = true, iq = true };

local function key_of(direction, host, remote)
	return ("%s %s %s"):format(direction, host, remote);
end

-- A stanza for which a connection is about to be opened.
function failed_methods:route(host, remote, stanza)
	if is_of_user[stanza.name] and not is_answer[stanza.attr.type] then self.wanted:set(key_of("outgoing", host, remote), true); end
end

-- direction: "outgoing" or "incoming"
function failed_methods:note(direction, host, remote, reason)
	local text, key = visible(tostring(reason):sub(1, LONGEST + 1)), key_of(direction, host, remote);
	if #text > LONGEST then text = text:sub(1, LONGEST - 3) .. "..."; end
	local failures, rest = self.others, self.ours;
	if self.wanted:get(key) then failures, rest = rest, failures; end
	failures:set(key, { direction = direction, host = host, remote = remote, at = os.time(), text = text });
	rest:set(key, nil);
end

-- The session is refused.
function failed_methods:refuse(session, host, remote, reason)
	self.refused[session] = true;
	self:note(session.direction, host, remote, reason);
end

-- The session ends. plan: what it went by, or nil; reason: Prosody's.
function failed_methods:finish(session, plan, reason)
	local host, remote = session.from_host, session.to_host;
	if session.direction == "incoming" then host, remote = remote, host; end
	local is_new = session.type == "s2sout_unauthed" or session.type == "s2sin_unauthed";
	if not is_new or not host or not remote then return; end
	local err = plan and (plan.error or plan:sum_up());
	if err or not self.refused[session] then self:note(session.direction, host, remote, err and err.text or describe_reason(reason)); end
end

-- { direction, host, remote, at (seconds since 1970), text }, or nil.
function failed_methods:get(direction, host, remote)
	local key = key_of(direction, host, remote);
	return self.ours:get(key) or self.others:get(key);
end

-- All of them, in a list.
function failed_methods:list()
	local list = {};
	for _, failures in ipairs({ self.ours, self.others }) do
		for _, failure in failures:items() do list[#list + 1] = failure; end
	end
	return list;
end

local function new()
	return setmetatable({
		ours = new_cache(MOST), others = new_cache(MOST), wanted = new_cache(MOST), refused = setmetatable({}, { __mode = "k" });
	}, failed_mt);
end

return { new = new };

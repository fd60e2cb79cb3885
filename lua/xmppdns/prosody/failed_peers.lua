-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Why connections with other servers came to nothing: the last time for each pair of a host of ours and a remote domain, in each direction.
--
-- Strangers can make any number of remotes fail. So what is remembered is bounded, and their connections push out nothing that is about ours.

local from_prosody = require "xmppdns.prosody.modules";
local describe_reason = require "xmppdns.prosody.failover".describe;
local new_cache = from_prosody "util.cache".new;
local visible = require "xmppdns.check.tree".visible;

local MOST = 200;    -- pairs, in each direction
local LONGEST = 400; -- bytes of a reason

local failed_methods = {};
local failed_mt = { __index = failed_methods };

local function key_of(host, remote)
	return ("%s %s"):format(host, remote);
end

-- direction: "outgoing" or "incoming"
function failed_methods:note(direction, host, remote, reason)
	local text = visible(reason);
	if #text > LONGEST then text = text:sub(1, LONGEST - 3) .. "..."; end
	self[direction]:set(key_of(host, remote), { direction = direction, host = host, remote = remote, at = os.time(), text = text });
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
	return self[direction]:get(key_of(host, remote));
end

-- All of them, in a list.
function failed_methods:list()
	local list = {};
	for _, direction in ipairs({ "outgoing", "incoming" }) do
		for _, failure in self[direction]:items() do list[#list + 1] = failure; end
	end
	return list;
end

local function new()
	return setmetatable({ outgoing = new_cache(MOST), incoming = new_cache(MOST), refused = setmetatable({}, { __mode = "k" }) }, failed_mt);
end

return { new = new };

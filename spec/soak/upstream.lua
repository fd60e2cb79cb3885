-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- An upstream that misbehaves: dnsdist, which loses, delays, cuts and refuses a share of the questions, in front of an NSD that does not.

local process = require "spec.support.process";

local upstream_methods = {};
local upstream_mt = { __index = upstream_methods };

local PORT = 53; -- resolv.conf cannot say another one
local QUESTION = "\5\6\1\0\0\1\0\0\0\0\0\0\0\0\6\0\1"; -- . SOA

local CONFIG = [[
setSecurityPollSuffix("")
setLocal("%s:%d")
newServer("%s:%d"):setUp()
addAction(ProbaRule(0.10), DropAction())
addAction(ProbaRule(0.05), RCodeAction(DNSRCode.SERVFAIL))
addAction(AndRule({ TCPRule(false), ProbaRule(0.05) }), TCAction())
addAction(ProbaRule(0.10), DelayAction(100))
addAction(ProbaRule(0.01), DelayAction(1000))
]];

local function start_process(self)
	self.process = process.start({ "dnsdist", "--supervised", "--disable-syslog", "-C", self.config });
end

-- In front of dns, which is what zones.serve gave.
local function start(name, dns)
	local self = setmetatable({ address = process.free_address() }, upstream_mt);
	self.config = process.write(process.directory() .. "/" .. name .. ".conf", CONFIG:format(self.address, PORT, dns.address, dns.port));
	start_process(self);
	assert(self:answers(10), "dnsdist does not answer:\n" .. self.process:output());
	return self;
end

-- Whether it gives an answer, of whatever kind, within so many seconds.
function upstream_methods:answers(seconds)
	return process.wait_for_udp(self.address, PORT, QUESTION, seconds) ~= nil;
end

function upstream_methods:kill()
	self.process:signal("KILL");
	self.process:stop();
end

-- Returns before it answers.
function upstream_methods:revive()
	start_process(self);
end

return { start = start };

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A second resolver for one question, beside the one that its user watches: driven by that one's timers, so that nobody needs to watch another
-- descriptor.

local core = require "xmppdns.core";

local CACHE_SIZE = 1024 * 1024; -- bytes
local MOST_SECONDS = 3; -- for the question: a server that needs more is as good as dead
local POLL_INTERVAL = 0.02; -- seconds; only while the question is under way

local function drive(resolver, witness)
	if witness.closed then return; end
	witness:process();
	if not witness.closed then
		resolver:after(POLL_INTERVAL, function () drive(resolver, witness); end);
	end
end

-- Asks the zone for its keys, with so many attempts. witness, err: what resolvers.new gave; it is closed before callback(answer, err, seconds), which
-- is not called before ask returns, and not at all when the resolver is closed before.
local function ask(resolver, witness, err, zone, attempts, callback)
	if not witness then
		return resolver:after(0, function () callback(nil, err, 0); end);
	end
	witness.on_error = resolver.on_error;
	local started = core.now();
	witness:query(zone, "DNSKEY", function (answer, failure)
		local seconds = core.now() - started;
		witness:after(0, function ()
			witness:close();
			callback(answer, failure, seconds);
		end);
	end, { attempts = attempts });
	drive(resolver, witness);
end

return { ask = ask, CACHE_SIZE = CACHE_SIZE, MOST_SECONDS = MOST_SECONDS, POLL_INTERVAL = POLL_INTERVAL };

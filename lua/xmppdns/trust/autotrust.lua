-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Keeps the file of a resolver's setting autotrust up to date (see rfc5011): asks for the keys, writes down what they mean, and has the resolver
-- begin anew when others are to be trusted. Whatever fails, the keys that are trusted stay, the file stays whole, and the operator hears of it.

local core = require "xmppdns.core";
local read_file = require "xmppdns.trust.anchors".read_file;
local resolvers = require "xmppdns.resolver";
local rfc5011 = require "xmppdns.trust.rfc5011";
local witness = require "xmppdns.trust.witness";

local START_DELAY = 1;           -- seconds: what has just started shall serve its users first
local WITNESS_CACHE = 1024 * 1024;
local ATTEMPTS = 2;              -- the second one over TCP

-- What is known of a resolver beside its file: { state = the latest, timer =, failed = text of what failed last, waiting = who hears of the end of
-- the refresh that is under way, or nil }.
local followed = setmetatable({}, { __mode = "k" });

local function known_of(resolver)
	followed[resolver] = followed[resolver] or {};
	return followed[resolver];
end

-- The file's, unless what we know is later, because it could not be written; without any, what the resolver's anchors make of it.
local function current_state(run)
	local written, known = rfc5011.read(read_file(run.path)), run.known.state;
	if written and known and known.zone == written.zone and known.succeeded > (written.succeeded or 0) then written = nil; end
	return written or known or rfc5011.begin(".", run.effective.anchors);
end

-- As resolv.conf says, where that is where the servers come from.
local function options_of(effective)
	local options = resolvers.copy(effective.options);
	if effective.use_vc then options["tcp-upstream:"] = "yes"; end
	return options;
end

-- The same servers, asked by nobody else: an answer from a cache would say what the keys were.
local function ask(run, trusted, callback)
	local effective = run.effective;
	local made, err = resolvers.new({
		forward = effective.servers, upstream = effective.recursive and "recursive" or "forward", resolvconf = false, hoststxt = false;
		stub = effective.stub, roothints = effective.roothints, tls = effective.tls, tls_ca = effective.tls_ca, options = options_of(effective);
		timeout = effective.timeout, trusted = trusted, cache_size = WITNESS_CACHE, max_lookups = 1;
	});
	witness.ask(run.resolver, made, err, run.state.zone, ATTEMPTS, callback);
end

local function read_keys(answer)
	local keys = {};
	for _, record in ipairs(answer) do
		local key, public = record.dnskey, tostring(record):match("(%S+)$");
		if key then
			keys[#keys + 1] = { flags = key.flags, protocol = key.protocol, algorithm = key.algorithm, public = public };
		end
	end
	return keys;
end

-- Of each revoked key that is trusted: whether its own signature is over the answer, which makes the revocation its owner's. done() afterwards.
local function find_signers(run, keys, place, done)
	local key = keys[place];
	if not key then return done(); end
	if not rfc5011.revokes_trust(run.state, key) then return find_signers(run, keys, place + 1, done); end
	ask(run, rfc5011.ds_line(run.state.zone, key), function (answer)
		key.signs = answer ~= nil and answer.secure;
		find_signers(run, keys, place + 1, done);
	end);
end

-- Seconds from the options by which libunbound would follow keys.
local function read_hold_down(options)
	local function seconds(name)
		local value = tonumber((options[name] or {})[1]);
		local may_be_small = (options["permit-small-holddown:"] or {})[1] == "yes";
		return value and (may_be_small or value >= rfc5011.HOLD_DOWN) and value or nil;
	end
	return { add = seconds("add-holddown:"), remove = seconds("del-holddown:") };
end

local function is_same_trust(run, state)
	local lines, count = {}, 0;
	for _, line in ipairs(run.effective.anchors) do lines[line] = true; end
	for _, line in ipairs(rfc5011.trusted(state)) do
		if not lines[line] then return false; end
		count = count + 1;
	end
	local owner = (state.zone == "." and "." or state.zone .. ".") .. " ";
	for line in pairs(lines) do
		if line:sub(1, #owner) == owner then count = count - 1; end
	end
	return count == 0;
end

local function notify(run, text)
	run.resolver.on_notice(("autotrust = \"%s\": %s"):format(run.path, text));
end

local function finish(run, ttl, problem)
	local waiting = run.known.waiting;
	run.known.waiting = nil;
	for _, done in ipairs(waiting) do done(ttl, problem); end
end

-- A failure is said once, not every hour.
local function fail(run, text)
	if run.known.failed ~= text then notify(run, text .. "; the keys from before stay trusted"); end
	run.known.failed = text;
	finish(run, nil, text);
end

local function put_into_force(run, state, changes)
	run.known.state = state;
	local written, problem, busy = core.publish_file(run.path, rfc5011.write(state));
	if busy then return finish(run, nil, problem); end -- with the same keys, by another process
	if not written then return fail(run, ("it cannot be written: %s"):format(problem)); end
	run.known.failed = nil;
	for _, change in ipairs(changes) do notify(run, change); end
	if not is_same_trust(run, state) then
		local ok, err = run.resolver:reconfigure();
		if not ok then return fail(run, err.text); end
	end
	finish(run, run.ttl);
end

local function judge(run, answer, err)
	if not answer then return fail(run, ("the keys of %s cannot be asked for: %s"):format(run.state.zone, err.text)); end
	if not answer.secure then return fail(run, ("the keys of %s are not signed by one that is trusted"):format(run.state.zone)); end
	run.ttl = answer.ttl;
	local keys = read_keys(answer);
	find_signers(run, keys, 1, function ()
		local state, changes = rfc5011.advance(run.state, keys, os.time(), read_hold_down(run.effective.options));
		if not state then return fail(run, changes); end
		put_into_force(run, state, changes);
	end);
end

-- Asks for the keys now, and goes by them: done(ttl) or done(nil, problem) later. Nothing happens where the setting is not in force.
local function refresh(resolver, done)
	local effective = resolver:settings();
	local run = { resolver = resolver, effective = effective, path = effective.autotrust, known = known_of(resolver) };
	if not run.path or effective.dnssec == "off" then return; end
	if run.known.waiting then return table.insert(run.known.waiting, done); end
	run.known.waiting = { done };
	run.state = current_state(run);
	if not run.state then return fail(run, "there is no trust anchor of the root to begin with"); end
	ask(run, effective.anchors, function (answer, err) judge(run, answer, err); end);
end

-- Begins to keep the resolver's file up to date, or begins anew after other settings. It ends with the resolver.
local function follow(resolver)
	local known = known_of(resolver);
	local function go_on(seconds)
		known.timer = resolver:after(seconds, function ()
			refresh(resolver, function (ttl) go_on(rfc5011.refresh_interval(ttl)); end);
		end);
	end
	if known.timer then resolver:cancel_timer(known.timer); end
	known.timer, known.state = nil, nil;
	if resolver:settings().autotrust then go_on(START_DELAY); end
end

return { follow = follow, refresh = refresh };

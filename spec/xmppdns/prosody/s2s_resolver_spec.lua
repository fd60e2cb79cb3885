-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What net.connect is given to dial, for plans from real zones.

require "spec.support.prosody_util" ("encodings");

local made_by_prosody = require "spec.support.prosody_resolvers";
local service = require "xmppdns.prosody.s2s_resolver";
local xmppdns = require "xmppdns";
local zones = require "spec.support.zones";

describe("xmppdns.prosody.s2s_resolver:", function ()
	local dns, resolver, ended;
	local options = {
		get_resolver = function () return resolver; end;
		on_end = function (one) ended[#ended + 1] = one; end;
		has_route = function () return true; end; -- to addresses that nobody dials here
	};

	setup(function ()
		dns = zones.serve({
			["both.example"] = { records = [[
_xmpp-server._tcp  SRV 1 0 5269 a
_xmpps-server._tcp SRV 2 0 5270 b
a A 192.0.2.1
a AAAA 2001:db8::1
b A 192.0.2.2]] };
			["pair.example"] = { records = [[
_xmpp-server._tcp SRV 0 0 5269 a
_xmpp-server._tcp SRV 0 0 5269 b
a A 192.0.2.1
b A 192.0.2.2]] };
			["direct.example"] = { records = "_xmpps-server._tcp SRV 0 0 5270 xmpp\nxmpp A 192.0.2.2" };
			["plain.example"] = { signed = false, records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1" };
			["dane.example"] = { records = [[
_xmpp-server._tcp  SRV 1 0 5269 a
_xmpps-server._tcp SRV 2 0 5270 a
_xmpp-server._tcp  SRV 3 0 5271 a
_xmpps-server._tcp SRV 4 0 5272 a
_xmpp-server._tcp  SRV 5 0 5273 b
a A 192.0.2.1
b CNAME c
c A 192.0.2.2
_5269._tcp.a TLSA 3 1 1 ]] .. ("ab"):rep(32) .. "\n_5270._tcp.a TLSA 3 1 1 " .. ("ab"):rep(32) .. "\n_5271._tcp.a TLSA 2 1 1 " .. ("ab"):rep(32)
				.. "\n_5272._tcp.a TLSA 9 9 9 00\n_5273._tcp.c TLSA 3 1 1 " .. ("cd"):rep(32) };
			["nosrv.example"] = { records = "@ A 192.0.2.3" };
			["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 192.0.2.1\n@ A 192.0.2.99", fault = "signature" };
		});
	end);

	teardown(function ()
		dns:stop();
	end);

	before_each(function ()
		resolver = assert(xmppdns.new(dns:settings({ timeout = 20, attempts = 1 })));
		ended = {};
	end);

	after_each(function ()
		resolver:close();
	end);

	-- What mod_s2s would give, in both versions.
	local function new_extras(change)
		local common = { default_port = 5269, use_ipv4 = true, use_ipv6 = true, use_dane = true };
		for key, value in pairs(change or {}) do common[key] = value; end
		local mt = { __index = common };
		return {
			["xmpp-server"] = setmetatable({}, mt);
			["xmpps-server"] = setmetatable({ default_port = false, servername = "the.domain", sslctx = "the context" }, mt);
		};
	end

	local function next_target(one)
		local target;
		one:next(function (...)
			target = { n = select("#", ...), ... };
		end);
		while not target do assert.is_true(resolver:wait(60)); end
		return target;
	end

	local function all_targets(one)
		local targets = {};
		repeat
			local target = next_target(one);
			targets[#targets + 1] = target[1] and ("%s %s %d"):format(target[1], target[2], target[3]);
		until not target[1];
		return targets;
	end

	it("the addresses of all endpoints come in order, then nil for ever", function ()
		local one = service.new("both.example", new_extras(), options);
		assert.same({ "tcp6 2001:db8::1 5269", "tcp4 192.0.2.1 5269", "tcp4 192.0.2.2 5270" }, all_targets(one));
		assert.same({ n = 1 }, next_target(one));
		assert.same({ one }, ended);
		assert.equal("both.example", one.hostname);
	end);

	it("another address is promised while there may be one", function ()
		local one = service.new("both.example", new_extras(), options);
		assert.same({ true, true, false }, { next_target(one)[5], next_target(one)[5], next_target(one)[5] });
	end);

	it("R32: each endpoint has its own extra table, with mod_s2s's behind it", function ()
		local extras = new_extras();
		local one = service.new("both.example", extras, options);
		local first, _, direct = next_target(one)[4], next_target(one), next_target(one)[4];
		assert.not_equal(first, direct);
		first.tlsa = {};
		assert.is_nil(direct.tlsa);
		assert.is_nil(rawget(extras["xmpp-server"], "tlsa"));
		assert.same({ nil, true }, { first.sslctx, first.use_ipv4 });
		assert.equal("the context", direct.sslctx);
	end);

	it("R27: a target is a reference name only when its SRV records are secure", function ()
		local secure = next_target(service.new("both.example", new_extras(), options))[4];
		assert.same({ true, "a.both.example", false }, { secure.srv_secure, secure.secure_hostname, secure.use_dane });
		local insecure = next_target(service.new("plain.example", new_extras(), options))[4];
		assert.same({ false, nil, false }, { insecure.srv_secure, insecure.secure_hostname, insecure.use_dane });
	end);

	it("R28: the domain is the name in TLS, as A-labels, direct or not", function ()
		local one = service.new("both.example", new_extras(), options);
		assert.same({ "both.example", "both.example", "both.example" },
			{ next_target(one)[4].servername, next_target(one)[4].servername, next_target(one)[4].servername });
		assert.is_false(next_target(service.new("192.0.2.9", new_extras(), options))[4].servername);
	end);

	-- What DANE makes of each target of dane.example.
	local function dane_extras(extras, more)
		for key, value in pairs(options) do more[key] = value; end
		local one, found = service.new("dane.example", extras, more), {};
		for i = 1, 5 do
			local extra = next_target(one)[4];
			found[i] = { extra.use_dane, extra.tlsa and extra.tlsa[1].use, extra.dane_hostname, extra.secure_hostname, extra.servername };
		end
		return found;
	end

	it("R21, R24, R27: each endpoint's usable TLSA records, its own base and no other name go to net.server", function ()
		assert.same({
			{ true, 3, "a.dane.example", nil, "dane.example" };
			{ true, 3, "a.dane.example", nil, "dane.example" };
			{ true, 2, "a.dane.example", nil, "dane.example" }; -- R28
			{ false, nil, nil, "a.dane.example", "dane.example" };
			{ true, 3, "c.dane.example", nil, "dane.example" };
		}, dane_extras(new_extras(), {}));
	end);

	it("R16: an address of an insecure family gets none of the endpoint's TLSA records", function ()
		resolver:close();
		resolver = assert(xmppdns.new(dns:settings({ attempts = 1, options = {
			["local-zone:"] = "a.dane.example typetransparent", ["local-data:"] = "a.dane.example AAAA 2001:db8::7";
		} })));
		local one = service.new("dane.example", new_extras(), options);
		local insecure, secure = next_target(one), next_target(one);
		assert.same({ "2001:db8::7", false, nil, nil }, { insecure[2], insecure[4].use_dane, insecure[4].tlsa, insecure[4].xmppdns.dane });
		assert.same({ "192.0.2.1", true, 3 }, { secure[2], secure[4].use_dane, secure[4].tlsa[1].use });
	end);

	it("without use_dane nothing of DANE is asked for or handed out, unless a policy says so", function ()
		local function kinds(extras, more)
			local used = {};
			for i, extra in ipairs(dane_extras(extras, more)) do used[i] = extra[1]; end
			return used;
		end
		assert.same({ false, false, false, false, false }, kinds(new_extras({ use_dane = false }), {}));
		local policy = { policy = function () return { dane = "opportunistic" }; end };
		assert.same({ true, true, true, false, true }, kinds(new_extras({ use_dane = false }), policy));
		policy = { policy = function () return { dane = "off" }; end };
		assert.same({ false, false, false, false, false }, kinds(new_extras(), policy));
	end);

	it("extra.xmppdns tells what the connection belongs to, and which TLSA records count for it", function ()
		local one = service.new("dane.example", new_extras(), options);
		local extra = next_target(one)[4];
		assert.equal(one.plan, extra.xmppdns.plan);
		assert.equal(one.plan.endpoints[1], extra.xmppdns.endpoint);
		assert.equal(one.plan.endpoints[1].dane, extra.xmppdns.dane);
		assert.equal("192.0.2.1", extra.xmppdns.address);
		next_target(one);
		next_target(one);
		assert.equal("unusable", next_target(one)[4].xmppdns.dane.verdict);
	end);

	it("a policy is asked for by both hosts, and decides about validation, DANE and the endpoint", function ()
		local asked;
		local function with(policy, domain)
			return service.new(domain, new_extras(), { get_resolver = options.get_resolver, on_end = options.on_end;
				has_route = options.has_route, policy = function (...)
				asked = { ... };
				return policy;
			end }, "our.example");
		end
		local one = with({ dnssec = "required" }, "plain.example");
		assert.same({}, all_targets(one));
		assert.same({ "our.example", "plain.example" }, asked);
		assert.equal("insecure", one.plan.error.code);
		one = with({ dane = "required" }, "both.example");
		assert.same({}, all_targets(one));
		assert.matches("^TLSA of _5269%._tcp%.a%.both%.example: required", one.last_error);
		one = with({ endpoint = { host = "b.both.example", port = 5999, tls = "direct" } }, "plain.example");
		local target = next_target(one);
		assert.same({ "tcp4", "192.0.2.2", 5999, "the context", "plain.example", "b.both.example" },
			{ target[1], target[2], target[3], target[4].sslctx, target[4].servername, target[4].secure_hostname });
		assert.same({ "tcp4 192.0.2.1 5269" }, all_targets(with(nil, "plain.example")));
	end);

	it("the switches of mod_s2s count", function ()
		assert.same({ "tcp4 192.0.2.1 5269", "tcp4 192.0.2.2 5270" },
			all_targets(service.new("both.example", new_extras({ use_ipv6 = false }), options)));
		assert.same({ "tcp4 192.0.2.3 7000" }, all_targets(service.new("nosrv.example", new_extras({ default_port = 7000 }), options)));
	end);

	it("direct TLS is left out where there is no TLS context", function ()
		local extras = new_extras();
		extras["xmpps-server"] = nil;
		local one = service.new("direct.example", extras, options);
		assert.same({}, all_targets(one));
		assert.equal("TLS to xmpp.direct.example port 5270: direct TLS is not set up here", one.last_error);
		extras = new_extras();
		extras["xmpps-server"] = nil;
		assert.same({ "tcp6 2001:db8::1 5269", "tcp4 192.0.2.1 5269" }, all_targets(service.new("both.example", extras, options)));
	end);

	it("last_error says which record is bogus, and why, and nothing is dialled", function ()
		local one = service.new("bogus.example", new_extras(), options);
		assert.same({}, all_targets(one));
		assert.matches("^SRV of _xmpp%-server%._tcp%.bogus%.example: bogus: .*validation failure", one.last_error);
		assert.equal("bogus", one.plan.error.code);
	end);

	it("a name that is none, and a resolver that is not there, end it with their reason", function ()
		local one = service.new("a..b", new_extras(), options);
		assert.same({}, all_targets(one));
		assert.matches("a..b: name: ", one.last_error);
		one = service.new("both.example", new_extras(), { on_end = options.on_end, get_resolver = function ()
			return nil, "no descriptor left";
		end });
		local given = {};
		one:next(function (...) given = { n = select("#", ...), ... }; end);
		assert.same({ n = 1 }, given);
		assert.equal("no descriptor left", one.last_error);
	end);

	it("R13: an IP address is dialled as it is", function ()
		assert.same({ "tcp4 192.0.2.9 5269" }, all_targets(service.new("192.0.2.9", new_extras(), options)));
		assert.same({ "tcp6 2001:db8::9 5269" }, all_targets(service.new("[2001:db8::9]", new_extras(), options)));
	end);

	describe("on Prosody 0.12", function ()
		local net_service, net_chain, restore, stock_service_new, stock_chain_new;

		before_each(function ()
			function stock_service_new(hostname, name, _, extra)
				local made = made_by_prosody.service(hostname, name, extra);
				made.stock = true;
				return made;
			end
			function stock_chain_new(resolvers) return { stock = true, resolvers = resolvers }; end
			net_service, net_chain = { new = stock_service_new }, { new = stock_chain_new };
			restore = service.replace_stock(net_service, net_chain, options);
		end);

		it("the two services of mod_s2s and their chain become one plan", function ()
			local extras = new_extras();
			local function chain(domain)
				local xmpp = net_service.new(domain, "xmpp-server", "tcp", extras["xmpp-server"]);
				return net_chain.new({ net_service.new(domain, "xmpps-server", "tcp", extras["xmpps-server"]), xmpp });
			end
			assert.same({ "tcp4 192.0.2.2 5270" }, all_targets(chain("direct.example")));
			assert.same({ "tcp4 192.0.2.3 5269" }, all_targets(chain("nosrv.example")));
			assert.equal(2, #ended);
		end);

		it("the host that dials is known to the policy", function ()
			restore();
			local asked, session;
			restore = service.replace_stock(net_service, net_chain, { get_resolver = options.get_resolver, on_end = options.on_end;
				has_route = options.has_route, get_session = function () return session; end, policy = function (...) asked = { ... }; end });
			session = { from_host = "our.example", to_host = "plain.example" };
			local extras = new_extras();
			local xmpp = net_service.new("plain.example", "xmpp-server", "tcp", extras["xmpp-server"]);
			next_target(net_chain.new({ net_service.new("plain.example", "xmpps-server", "tcp", extras["xmpps-server"]), xmpp }));
			assert.same({ "our.example", "plain.example" }, asked);
		end);

		it("what another module asks for, beside the session of mod_s2s, is Prosody's own", function ()
			restore();
			local session = { from_host = "our.example", to_host = "plain.example" };
			restore = service.replace_stock(net_service, net_chain, { get_resolver = options.get_resolver, on_end = options.on_end;
				get_session = function () return session; end });
			assert.is_true(net_service.new("both.example", "xmpp-server", "tcp", {}).stock);
			assert.is_nil(net_service.new("plain.example", "xmpp-server", "tcp", {}).stock);
			assert.is_true(net_service.new("plain.example", "xmpp-server", "tcp", {}).stock); -- mod_s2s has got its own
			session = nil;
			assert.is_true(net_service.new("plain.example", "xmpps-server", "tcp", {}).stock);
		end);

		it("other services, other chains, and what comes after the restoration are Prosody's own", function ()
			assert.is_true(net_service.new("both.example", "stun", "udp", {}).stock);
			assert.is_true(net_chain.new({ {}, {} }).stock);
			assert.is_true(net_chain.new({}).stock);
			local service_new, chain_new = net_service.new, net_chain.new;
			restore();
			assert.same({ stock_service_new, stock_chain_new }, { net_service.new, net_chain.new });
			assert.is_true(service_new("both.example", "xmpp-server", "tcp", {}).stock);
			assert.is_true(chain_new({ service.new("both.example", new_extras(), options) }).stock);
		end);

		it("the restoration leaves alone what another plugin put over it", function ()
			local ours = net_service.new;
			local function wrapper(...) return ours(...); end
			net_service.new = wrapper;
			restore();
			assert.equal(wrapper, net_service.new);
			assert.is_true(net_service.new("both.example", "xmpp-server", "tcp", {}).stock);
		end);
	end);

	describe("on Prosody 13", function ()
		it("what mod_s2s made is replaced, and what another plugin made is not", function ()
			local extras = new_extras();
			local xmpp = made_by_prosody.service("both.example", "xmpp-server", extras["xmpp-server"]);
			local xmpps = made_by_prosody.service("both.example", "xmpps-server", extras["xmpps-server"]);
			assert.same({ "tcp6 2001:db8::1 5269", "tcp4 192.0.2.1 5269", "tcp4 192.0.2.2 5270" },
				all_targets(service.from_stock(made_by_prosody.chain({ xmpps, xmpp }), "both.example", options)));
			assert.same({ "tcp6 2001:db8::1 5269", "tcp4 192.0.2.1 5269" }, all_targets(service.from_stock(xmpp, "both.example", options)));
			local basic = made_by_prosody.basic("192.0.2.9", 5269, extras["xmpp-server"]);
			assert.same({ "tcp4 192.0.2.9 5269" }, all_targets(service.from_stock(basic, "192.0.2.9", options)));
			for _, chosen in ipairs({
				{ targets = { { "tcp4", "192.0.2.1", 5269 } } }, made_by_prosody.service("proxy.example", "xmpp-server", extras["xmpp-server"]);
				made_by_prosody.basic("192.0.2.9", 9050, extras["xmpp-server"]), made_by_prosody.basic("both.example", 5269, extras["xmpp-server"]);
				made_by_prosody.chain({ xmpp, {} }), { hostname = "both.example", service = "xmpp-server", conn_type = "tcp", next = function () end };
				service.new("both.example", extras, options);
			}) do
				assert.is_nil(service.from_stock(chosen, "both.example", options));
			end
		end);
	end);
end);

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A peer of bad faith at every way into a real Prosody: what is required holds on all of them.

local certificates = require "spec.support.certificates";
local hostile = require "spec.support.hostile";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local socket = require "socket";
local zones = require "spec.support.zones";

local WRONG = "3 1 1 " .. ("00"):rep(32);
local LAX = "s2s_secure_auth = false\ns2s_require_encryption = false\n"; -- so that nobody but us refuses

-- The hosts of the server, each with a policy of its own.
local HOSTS = {
	["usual.near.example"] = "";
	["signed.near.example"] = [[xmppdns = { dnssec = "required" }]];
	["dane.near.example"] = [[xmppdns = { dane = "required" }]];
	["off.near.example"] = [[xmppdns = { dane = "off" }]];
};
-- And more of them, for what must not weaken a policy.
local OTHERS = {
	["misspelt.near.example"] = [[xmppdns = { dnsec = "required" }]];
	["beside.near.example"] = [[xmppdns = { timeout = 5, dane = "required" }]];
	["spelled.near.example"] = [[xmppdns_remote = { ["NONE.example."] = { dane = "required" } }]];
	["later.near.example"] = "-- later of later";
	["outgoing.near.example"] = "-- later of outgoing";
	["bidi.near.example"] = "-- later of bidi";
	["waits.near.example"] = "-- later of waits";
	["proof.near.example"] = [[xmppdns = { dane = "off" } -- later of proof]];
	["relaxed.near.example"] = "-- later of relaxed";
	["alone.near.example"] = [[xmppdns = { dnssec = "required", dane = "off" }]];
	["address.near.example"] = [[xmppdns_remote = { ["none.example"] = { dane = "required", host = "127.0.0.1", port = 1 } }]];
};

local POLICIES = { "usual", "signed", "dane", "off" };

-- What DNS says of the domain that a peer speaks for: no TLSA records; some that match its certificate, or do not; some that cannot be known.
local STATES = { "none", "match", "mismatch", "bogus", "servfail" };

-- Which of the states are let in (+), in their order, by way and policy; make matrix prints what was found. The peer has a trusted certificate of the
-- domain, except where the way says that it has none, or another.
local EXPECTED = {
	--                  usual    signed   dane     off
	["external"]    = { "++---", "++---", "-+---", "+++++" };
	["direct TLS"]  = { "++---", "++---", "-+---", "+++++" };
	["dialback"]    = { "++---", "++---", "-+---", "+++++" };
	["no from"]     = { "++---", "++---", "-+---", "+++++" };
	["clear"]       = { "+----", "+----", "-----", "+++++" };
	["legacy"]      = { "+----", "+----", "-----", "+++++" }; -- in the clear, and before XMPP 1.0
	["domain"]      = { "+----", "+----", "-----", "+++++" }; -- by dialback, on a stream that EXTERNAL made another domain's
	["host"]        = { "++---", "++---", "-+---", "+++++" }; -- a stanza to it, on a stream to the host that wants nothing
	["bidi"]        = { "++---", "++---", "-+---", "+++++" }; -- and a stanza in the other direction
};

describe("What is required holds:", function ()
	local dns, faulty, near, unable, overridden, far, places, authority, own, path;

	local function pair(file)
		return { file, (file:gsub("crt$", "key")) };
	end

	local function srv(records, change)
		local zone = change or {};
		zone.records = ("_xmpp-server._tcp SRV 0 0 %d far\nfar A %s\n%s"):format(places.PORT, places.far, records or "");
		return zone;
	end

	local function tlsa(record)
		return ("_%d._tcp.far TLSA %s\n"):format(places.PORT, record);
	end

	-- All that is left is what is to fail.
	local function mend_dns()
		faulty:clear();
		faulty:rule({ name = ("_%d._tcp.far.servfail.example"):format(places.PORT), fault = "servfail" });
	end

	-- A case of the domain against the host; change: what is different.
	local function new_case(name, domain, host, steps, change)
		local case = {
			name = name, address = near.address, port = near.s2s_ports[1], from = domain, to = host, steps = steps;
			tls = "starttls", certificate = own[domain] and own[domain][1], key = own[domain] and own[domain][2];
		};
		for key, value in pairs(change or {}) do case[key] = value or nil; end
		return case;
	end

	local function step(what, from, to, id)
		return { ["do"] = what, from = from, to = to, id = id };
	end

	local function message(from, to, id) return step("message", from, to, id); end
	local function dialback(from, to) return step("dialback", from, to); end

	local ways = {
		["external"] = function (name, from, to) return new_case(name, from, to, { step("external"), message(from, to, name) }); end;
		["direct TLS"] = function (name, from, to)
			return new_case(name, from, to, { step("external"), message(from, to, name) }, { tls = "direct", port = near.direct_tls_ports[1] });
		end;
		["dialback"] = function (name, from, to) return new_case(name, from, to, { dialback(from, to), message(from, to, name) }); end;
		["no from"] = function (name, from, to)
			return new_case(name, from, to, { dialback(from, to), message(from, to, name) }, { from = false });
		end;
		["clear"] = function (name, from, to)
			return new_case(name, from, to, { dialback(from, to), message(from, to, name) }, { tls = false });
		end;
		["legacy"] = function (name, from, to)
			return new_case(name, from, to, { dialback(from, to), message(from, to, name) }, { tls = false, version = "0.9" });
		end;
		["domain"] = function (name, from, to)
			return new_case(name, "mallory.example", to, { step("external"), dialback(from, to), message(from, to, name) });
		end;
		["host"] = function (name, from, to)
			return new_case(name, from, "off.near.example", { step("external"), message(from, to, name) });
		end;
		["bidi"] = function (name, from, to)
			return new_case(name, from, to, { step("bidi"), step("external"), message(from, to, "echo "..name), { ["do"] = "wait", element = "message" } });
		end;
	};

	local function has_arrived(id)
		return near:log():find("Arrived: "..id.."\n", 1, true) ~= nil;
	end

	local function get_ending(results, name)
		return table.concat(results[name].outcomes, "; ").."; "..results[name].ending;
	end

	local function play(...)
		local case = new_case(...);
		return get_ending(hostile.play({ case }), case.name);
	end

	-- A stanza from that server's host, and whether it has come to the other one.
	local function send(server, from, to, id)
		server:shell(([[> local st = require "util.stanza"; prosody.core_route_stanza(prosody.hosts[%q], st.presence({ from = %q, to = %q, id = %q }))]])
			:format(from, from, to, id));
	end

	local function has_come(id)
		for _, one in ipairs(far:received()) do
			if one.id == id then return true; end
		end
		return false;
	end

	setup(function ()
		places = { near = process.free_address(), far = process.free_address() };
		for _, name in ipairs({ "PORT", "TALKS", "HASTY" }) do places[name] = process.free_port(places.far); end
		authority = certificates.new_authority("trusted");
		own = {};
		local directory = process.directory("victims");
		for _, domain in ipairs({ "none.example", "match.example", "mismatch.example", "bogus.example", "servfail.example", "mallory.example",
			"slow.example", "reload.example", "root.example", "mixed.example", "lately.example", "latelydane.example", "never.example",
			"unsigned.example", "talks.example", "hasty.example", "out.example", "both.example", "meanwhile.example" }) do
			own[domain] = pair(authority:issue(domain, directory));
		end
		path = { owner = certificates.new_authority("owner") };
		local rogue = certificates.new_authority("rogue"); -- trusted
		process.write(authority.file, process.read(authority.file) .. process.read(rogue.file));
		path.middle = path.owner:new_authority("middle", process.directory("owner"));
		path.double = rogue:new_authority("middle", process.directory("rogue"), path.middle);
		path.genuine = path.middle:issue("path.example", process.directory("owner"));
		path.forged = path.double:issue("path.example", process.directory("rogue"));
		path.chain = process.write(process.directory("owner").."/chain.crt", process.read(path.genuine)..process.read(path.middle.file));
		process.write(pair(path.chain)[2], process.read(pair(path.genuine)[2]));
		path.published = path.owner:issue("published.example", directory);
		path.key = path.owner:issue("key.example", directory);
		path.other = rogue:issue("root.example", process.directory("rogue"));
		dns = zones.serve({
			["path.example"] = srv(tlsa("2 1 1 " .. certificates.digest(path.middle.file, 1)));
			["published.example"] = srv(tlsa("2 0 0 " .. certificates.data(path.owner.file, 0)));
			["key.example"] = srv(tlsa("2 1 0 " .. certificates.data(path.owner.file, 1)));
			["root.example"] = srv(tlsa("0 0 1 " .. certificates.digest(authority.file, 0)));
			["none.example"] = srv();
			["match.example"] = srv(tlsa("3 1 1 " .. certificates.digest(own["match.example"][1], 1)));
			["mismatch.example"] = srv(tlsa(WRONG));
			["bogus.example"] = srv(tlsa(WRONG), { fault = "signature", fault_at = ("_%d._tcp.far TLSA"):format(places.PORT) });
			["servfail.example"] = srv(tlsa(WRONG)); -- so that no other answer proves that there are none
			["mallory.example"] = srv();
			["slow.example"] = srv();
			["out.example"] = srv();
			["both.example"] = srv();
			["meanwhile.example"] = srv();
			["never.example"] = srv();
			["unsigned.example"] = srv("", { signed = false });
			["talks.example"] = { records = ("_xmpp-server._tcp SRV 0 0 %d far\nfar A %s"):format(places.TALKS, places.far) };
			-- The second host is nowhere: it is there so that a certificate which matches nothing gets as far as dialback.
			["hasty.example"] = { records = ("_xmpp-server._tcp SRV 0 0 %d far\nfar A %s\n_%d._tcp.far TLSA %s\n_xmpp-server._tcp SRV 1 0 1 far")
				:format(places.HASTY, places.far, places.HASTY, WRONG) };
			["lately.example"] = srv("", { ttl = 1 });
			["latelydane.example"] = srv(tlsa("3 1 1 " .. certificates.digest(own["latelydane.example"][1], 1)), { ttl = 1 });
			["mixed.example"] = srv(("_xmpp-server._tcp SRV 1 0 %d other\nother A %s\n"):format(places.PORT, places.far)
				.. tlsa("3 1 1 " .. certificates.digest(own["match.example"][1], 1)));
			["reload.example"] = srv();
		});
		faulty = misdns.start({ upstream = dns.forward });
		mend_dns();
		local hosts, host_config = {}, {};
		for _, group in ipairs({ HOSTS, OTHERS }) do
			for host, config in pairs(group) do hosts[host], host_config[host] = host, config; end
		end
		near = prosody.start({
			name = "near", address = places.near, authority = authority, hosts = hosts, host_config = host_config;
			direct_tls_ports = { process.free_port(places.near) }, modules = { "xmppdns", "arrivals", "s2s_bidi" };
			config = LAX .. ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false }"):format(faulty.forward, dns.anchors);
		});
		local resolver = LAX .. ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false }\n"):format(faulty.forward, dns.anchors);
		unable = prosody.start({
			name = "unable", authority = authority, modules = { "xmppdns" };
			hosts = { ["lax.unable.example"] = "lax.unable.example", ["strict.unable.example"] = "strict.unable.example" };
			host_config = { ["strict.unable.example"] = HOSTS["dane.near.example"] };
			config = resolver .. [[if true then require "ssl".config.capabilities.dane = nil end]];
		});
		overridden = prosody.start({
			name = "overridden", authority = authority, modules = { "xmppdns" }, hosts = { ["strict.off.example"] = "strict.off.example" };
			host_config = { ["strict.off.example"] = HOSTS["dane.near.example"] }, config = resolver .. "use_dane = false";
		});
		far = hostile.listen({ address = places.far, port = places.PORT, default = own["none.example"], certificates = own });
	end);

	teardown(function ()
		for _, server in ipairs({ near or false, unable or false, overridden or false, far or false, faulty or false, dns or false }) do
			if server then server:stop(); end
		end
	end);

	describe("every way, policy and state of DNS", function ()
		local results = {};

		local function play_way(way)
			local cases = {};
			for _, policy in ipairs(POLICIES) do
				for _, state in ipairs(STATES) do
					cases[#cases + 1] = ways[way](("%s, %s, %s"):format(way, policy, state), state..".example", policy..".near.example");
				end
			end
			for name, result in pairs(hostile.play(cases)) do results[name] = result; end
		end

		setup(function ()
			play_way("bidi"); -- before there are other connections to these domains
			for way in pairs(ways) do
				if way ~= "bidi" then play_way(way); end
			end
		end);

		-- "+" when the message has arrived, and what was to come back has come, "-" when neither, else what happened.
		local function read_cell(way, policy, state)
			local name = ("%s, %s, %s"):format(way, policy, state);
			local is_in = has_arrived(way == "bidi" and "echo "..name or name);
			local is_answered = not results[name].ending:find("close") and results[name].ending == "open";
			if is_in == is_answered then return is_in and "+" or "-"; end
			return "?";
		end

		local function describe_way(way)
			local lines = {};
			for name in pairs(results) do
				if name:find(way, 1, true) == 1 then lines[#lines + 1] = name..": "..get_ending(results, name); end
			end
			table.sort(lines);
			return table.concat(lines, "\n");
		end

		local function read_way(way)
			local found = {};
			for i, policy in ipairs(POLICIES) do
				found[i] = "";
				for _, state in ipairs(STATES) do found[i] = found[i]..read_cell(way, policy, state); end
			end
			return found;
		end

		-- For make matrix: a line for each way.
		local function write_matrix()
			local lines = {};
			for way in pairs(EXPECTED) do lines[#lines + 1] = ("%-12s%s"):format(way, table.concat(read_way(way), "   ")); end
			table.sort(lines);
			table.insert(lines, 1, ("%-12s%-8s%-8s%-8s%-8s"):format("way in", table.unpack(POLICIES)));
			lines[#lines + 1] = ("Each: %s. + let in, - refused\n"):format(table.concat(STATES, ", "));
			process.write("build/matrix", table.concat(lines, "\n"));
		end

		teardown(write_matrix);

		for way, expected in pairs(EXPECTED) do
			it(("has its answer: %s"):format(way), function () assert.are.same(expected, read_way(way), describe_way(way)); end);
		end
	end);

	describe("on a stream of several domains,", function ()
		it("what one may not does not end the others", function ()
			local ending = play("several", "mallory.example", "usual.near.example", {
				step("external"), dialback("mismatch.example", "usual.near.example"), message("mallory.example", "usual.near.example", "of several");
			});
			assert.matches("dialback error Your server's certificate does not match your TLSA records; message taken; open$", ending);
			assert.is_true(has_arrived("of several"));
		end);

		it("nothing is sent to one that its header names, but that another proved", function ()
			hostile.begin(new_case("bidi of another", "mallory.example", "usual.near.example", {
				step("bidi"), dialback("mallory.example", "usual.near.example"), step("message", "mallory.example", "usual.near.example", "echo to mallory");
				{ ["do"] = "wait", element = "presence" };
			}, { from = "none.example" }));
			assert.is_truthy(process.wait_until(function () return has_arrived("echo to mallory"); end));
			send(near, "usual.near.example", "none.example", "secret");
			assert.is_truthy(process.wait_until(function () return has_come("secret"); end));
		end);
	end);

	it("the host of the stream's header counts beside that of the key", function ()
		local steps = { dialback("none.example", "off.near.example"), message("none.example", "off.near.example", "key for another host") };
		assert.matches("not%-authorized DANE is required here$", play("other host", "none.example", "dane.near.example", steps, { from = false }));
		assert.is_false(has_arrived("key for another host"));
	end);

	it("dnssec = \"required\" refuses who speaks for an unsigned domain, with DANE or without", function ()
		for _, host in ipairs({ "signed.near.example", "alone.near.example" }) do
			local function speak(domain, id)
				return play(id.." to "..host, domain, host, { step("external"), message(domain, host, id) });
			end
			assert.matches("remote%-connection%-failed", speak("unsigned.example", "unsigned"));
			assert.matches("message taken; open$", speak("none.example", "signed"));
		end
		assert.is_false(has_arrived("unsigned"));
	end);

	it("what our own connection brings back is judged for each host of ours too", function ()
		local told = {
			{ from = "talks.example", to = "usual.near.example", id = "told usual" };
			{ from = "talks.example", to = "dane.near.example", id = "told dane" };
		};
		local talking = hostile.listen({ address = places.far, port = places.TALKS, default = own["talks.example"], bidi = true, tells = told });
		send(near, "usual.near.example", "talks.example", "begin");
		assert.is_truthy(process.wait_until(function () return has_arrived("told usual"); end));
		assert.is_truthy(process.wait_until(function () return near:log():find("talks.example is refused: dane is", 1, true); end));
		assert.is_false(has_arrived("told dane"));
		talking:stop();
	end);

	it("nobody confirms a key before TLS, where TLSA records promise it", function ()
		local identities = process.write(process.directory("hostile") .. "/identities", "");
		local hasty = hostile.listen({ address = places.far, port = places.HASTY, default = own["none.example"], premature = identities });
		local ending = play("hasty", "hasty.example", "usual.near.example", { dialback("hasty.example", "usual.near.example"),
			message("hasty.example", "usual.near.example", "hasty") }, { identities = identities, patience = 3 });
		assert.is_truthy(process.wait_until(function ()
			return near:log():find("hasty.example is refused: TLS is required by its TLSA records", 1, true);
		end));
		hasty:stop();
		assert.not_matches("dialback valid", ending);
		assert.is_false(has_arrived("hasty"));
	end);

	describe("an authority that TLSA records name", function ()
		-- Connects as the domain with the certificate, and those of the others in its handshake.
		local function connect(name, domain, certificate, others)
			local text = process.read(certificate);
			for _, other in ipairs(others or {}) do text = text .. process.read(other.file); end
			local chain = process.write(("%s/%s.chain"):format(process.directory("victims"), name), text);
			return play(name, domain, "usual.near.example", { step("external"), message(domain, "usual.near.example", name) },
				{ certificate = chain, key = pair(certificate)[2] });
		end

		it("matches where signatures lead from it to the certificate, whatever is above it", function ()
			assert.matches("message taken; open$", connect("below", "path.example", path.genuine, { path.middle }));
			assert.matches("message taken; open$", connect("below two", "path.example", path.genuine, { path.middle, path.owner }));
		end);

		it("does not match beside one of its name, which a trusted authority of bad faith has made", function ()
			for i, others in ipairs({ { path.double, path.middle }, { path.middle, path.double }, { path.double, path.middle, path.owner }, { path.middle } }) do
				assert.matches("does not match your TLSA records$", connect("forged "..i, "path.example", path.forged, others));
			end
		end);

		it("may be in DNS alone, or only its key", function ()
			assert.matches("message taken; open$", connect("2 0 0", "published.example", path.published));
			assert.matches("message taken; open$", connect("2 1 0", "key.example", path.key));
			assert.matches("does not match your TLSA records$", connect("2 1 0, forged", "key.example", own["mallory.example"][1]));
		end);

		it("need not be presented where it is trusted, but no other will do then (usage 0)", function ()
			assert.matches("message taken; open$", connect("0 0 1", "root.example", own["root.example"][1]));
			assert.matches("does not match your TLSA records$", connect("0 0 1, forged", "root.example", path.other));
		end);
	end);

	describe("\"required\" never becomes \"off\":", function ()
		local from = "none.example";

		-- The text of the error that comes back for a ping to the domain.
		local function ping(host, domain)
			local _, output = pcall(near.shell, near, ([[xmpp:ping(%q, %q)]]):format(host, domain));
			return output:match("Server%-to%-server connection failed: ([^\n]*)>") or output;
		end

		local function connect(name, host, domain)
			return play(name, domain or from, host, { step("external"), message(domain or from, host, name) });
		end

		it("a host whose strict key is misspelt refuses connections, in both directions", function ()
			assert.matches("internal%-server%-error What is required for your domain is not known here", connect("misspelt", "misspelt.near.example"));
			assert.matches("unknown setting \"dnsec\": did you mean \"dnssec\"", ping("misspelt.near.example", from));
		end);

		it("a mistake beside a strict value leaves it in force", function ()
			assert.matches("DANE is required here$", connect("beside", "beside.near.example"));
			assert.matches("The option \"xmppdns\" of a host: unknown setting \"timeout\"; it does not count", near:log());
		end);

		it("a domain under another spelling is the same", function ()
			assert.matches("DANE is required here$", connect("spelled", "spelled.near.example"));
			assert.matches("TLSA of .*: required", ping("spelled.near.example", from));
		end);

		it("a LuaSec that cannot compare TLSA records refuses, where they are required, and leaves them alone elsewhere", function ()
			local function ping_from(host, domain)
				local _, output = pcall(unable.shell, unable, ([[xmpp:ping(%q, %q)]]):format(host, domain));
				return output:match("Server%-to%-server connection failed: ([^\n]*)>") or output;
			end
			assert.matches("OpenSSL cannot compare it with the TLSA records", ping_from("strict.unable.example", "match.example"));
			assert.matches("TLSA of .*: required", ping_from("strict.unable.example", "none.example"));
			send(unable, "lax.unable.example", "mismatch.example", "without DANE");
			assert.is_truthy(process.wait_until(function () return has_come("without DANE"); end));
			assert.matches("LuaSec cannot compare TLSA records: DANE is off, and where it is \"required\", connections to other servers are refused", unable:log());
		end);

		it("use_dane = false overrides all of it", function ()
			assert.matches("message taken; open$", get_ending(hostile.play({ new_case("override", "mismatch.example", "strict.off.example", {
				step("external"), message("mismatch.example", "strict.off.example", "override");
			}, { port = overridden.s2s_ports[1], address = overridden.address }) }), "override"));
			assert.matches("use_dane = false: DANE is off, whatever other options say", overridden:log());
		end);

		it("an IP address proves nothing", function ()
			for _, host in ipairs({ "dane", "signed" }) do
				assert.matches("required\", but nothing is proven about the IP address", ping(host..".near.example", places.far));
			end
			assert.matches("required\", but nothing is proven about the IP address", ping("address.near.example", from));
			assert.matches("What is required here cannot be proven for your domain", connect("address", "address.near.example"));
		end);
	end);

	describe("a domain with one DANE host and one without TLSA records", function ()
		local function connect(name, steps, change)
			return play(name, "mixed.example", "usual.near.example", steps or { step("external"), message("mixed.example", "usual.near.example", name) }, change);
		end

		it("is let in from both, as we would dial both", function ()
			assert.matches("message taken; open$", connect("mixed, by DANE", nil, { certificate = own["match.example"][1], key = own["match.example"][2],
				steps = { dialback("mixed.example", "usual.near.example"), message("mixed.example", "usual.near.example", "mixed, by DANE") } }));
			assert.matches("external success; message taken; open$", connect("mixed, by PKIX"));
			assert.is_true(has_arrived("mixed, by PKIX"));
		end);

		it("is not let in in the clear", function ()
			assert.matches("policy%-violation TLS is required, because you publish TLSA records$",
				connect("mixed, clear", { dialback("mixed.example", "usual.near.example") }, { tls = false }));
		end);
	end);

	describe("while our own DNS is down,", function ()
		local function connect(name, domain, host, steps, change)
			return play(name, domain, host, steps or { step("external"), message(domain, host, name) }, change);
		end

		it("who lately had no TLSA records is let in by a good certificate, and nobody else", function ()
			assert.matches("message taken; open$", connect("before", "lately.example", "usual.near.example"));
			assert.matches("message taken; open$", connect("before, TLSA", "latelydane.example", "usual.near.example"));
			finally(mend_dns);
			socket.sleep(3); -- until the answers' TTLs are over
			faulty:rule({ fault = "servfail" });
			assert.matches("external success; message taken; open$", connect("down", "lately.example", "usual.near.example"));
			local unknown = "remote%-connection%-failed Your domain cannot be looked up from here just now: please try again later$";
			assert.matches(unknown, connect("down, TLSA", "latelydane.example", "usual.near.example"));
			assert.matches(unknown, connect("down, unknown", "never.example", "usual.near.example"));
			assert.matches(unknown, connect("down, required", "lately.example", "signed.near.example"));
			assert.matches(unknown, connect("down, other certificate", "lately.example", "usual.near.example",
				{ dialback("lately.example", "usual.near.example") }, { certificate = own["mallory.example"][1], key = own["mallory.example"][2] }));
		end);

		it("15.4: who had none under another trust is not let in by it", function ()
			local config = process.read(near.config);
			finally(function ()
				mend_dns();
				process.write(near.config, config);
				near:shell("config:reload()");
			end);
			assert.matches("message taken; open$", connect("before another trust", "lately.example", "usual.near.example"));
			faulty:rule({ fault = "servfail" });
			process.write(near.config, (config:gsub("xmppdns = { forward", 'xmppdns = { insecure = "elsewhere.example", forward', 1)));
			near:shell("config:reload()");
			assert.matches("remote%-connection%-failed Your domain cannot be looked up from here just now: please try again later$",
				connect("another trust", "lately.example", "usual.near.example"));
		end);
	end);

	it("18.7: while what we ask strips DNSSEC, nobody is told that his records were at fault", function ()
		finally(function ()
			mend_dns();
			near:shell("xmppdns:flush()");
		end);
		near:shell("xmppdns:flush()");
		faulty:rule({ fault = "strip" });
		assert.matches("remote%-connection%-failed Your domain cannot be looked up from here just now: please try again later$",
			play("stripped", "never.example", "usual.near.example", { step("external"), message("never.example", "usual.near.example", "stripped") }));
	end);

	-- Puts other settings into force for a host.
	local function change_later(name, level)
		process.write(near.config, (process.read(near.config):gsub("%-%- later of "..name, ("xmppdns = { dane = %q }"):format(level))));
		near:shell("config:reload()");
	end

	-- A presence over the stream that the host has got, whatever it is for.
	local function send_back(host, domain)
		near:shell(([[> local st = require "util.stanza"; for session in pairs(prosody.incoming_s2s) do if session.to_host == %q then ]]
			.. [[session.sends2s(st.presence({ from = %q, to = %q })) end end]]):format(host, host, domain));
	end

	it("a stream that is there already is judged again when the settings want more", function ()
		local result = hostile.begin(new_case("settings", "none.example", "later.near.example", {
			step("external"), message("none.example", "later.near.example", "before the settings"), { ["do"] = "wait", element = "presence" };
			message("none.example", "later.near.example", "after the settings");
		}));
		assert.is_truthy(process.wait_until(function () return has_arrived("before the settings"); end));
		change_later("later", "required");
		send_back("later.near.example", "none.example");
		assert.matches("not%-authorized DANE is required here$", get_ending({ settings = result() }, "settings"));
		assert.is_false(has_arrived("after the settings"));
	end);

	it("nothing goes out over one of ours that has not proven what is required by now", function ()
		send(near, "outgoing.near.example", "out.example", "out, before the settings");
		assert.is_truthy(process.wait_until(function () return has_come("out, before the settings"); end));
		change_later("outgoing", "required");
		send(near, "outgoing.near.example", "out.example", "out, after the settings");
		assert.is_truthy(process.wait_until(function () return near:log():find("out.example is refused: dane is", 1, true); end));
		assert.is_truthy(process.wait_until(function () return near:log():find("Sending error replies for 1 queued stanzas because of failed "
			.."outgoing connection to out.example", 1, true); end));
		assert.is_false(has_come("out, after the settings"));
	end);

	it("nor over one that the peer has opened in both directions; a good one is kept, and its stanzas in order", function ()
		local function begin(domain)
			local name = "both ways of "..domain;
			return hostile.begin(new_case(name, domain, "bidi.near.example", { step("bidi"), step("external");
				message(domain, "bidi.near.example", "echo to "..name), { ["do"] = "wait", element = "message" };
				{ ["do"] = "wait", element = "presence" }, { ["do"] = "barrier", from = domain, to = "bidi.near.example" };
			})), function () return has_arrived("echo to "..name); end;
		end
		local result_of_good, has_good_begun = begin("match.example");
		local result_of_bad, has_bad_begun = begin("both.example");
		assert.is_truthy(process.wait_until(function () return has_good_begun() and has_bad_begun(); end));
		change_later("bidi", "required");
		for _, id in ipairs({ "both ways, first", "both ways, second" }) do
			send(near, "bidi.near.example", "match.example", id);
			send(near, "bidi.near.example", "both.example", id);
		end
		assert.matches("wait answer to echo to both ways of match.example; wait both ways, first; barrier taken; open$",
			get_ending({ good = result_of_good() }, "good"));
		assert.matches("wait answer to echo to both ways of both.example; not%-authorized DANE is required here$", get_ending({ bad = result_of_bad() }, "bad"));
	end);

	describe("what s2s:show says of a stream", function ()
		-- A stream of the domain to the host, before and after a stanza that is judged by the host's settings of then.
		local function show_around(domain, host, level, certificate)
			local steps = { step("external"), message(domain, host, "first to "..host), { ["do"] = "wait", element = "presence" } };
			for _, more in ipairs({ message(domain, host, "second to "..host), { ["do"] = "wait", element = "iq" } }) do steps[#steps + 1] = more; end
			hostile.begin(new_case(host, domain, host, steps, { certificate = certificate, key = certificate and pair(certificate)[2] }));
			local function show()
				return near:shell(("s2s:show(%q, \"remote proven\")"):format(host)):match(domain:gsub("%.", "%%.").." *| (%u+)");
			end
			assert.is_truthy(process.wait_until(function () return has_arrived("first to "..host); end));
			local before = show();
			change_later(host:match("^%l+"), level);
			send_back(host, domain);
			assert.is_truthy(process.wait_until(function () return has_arrived("second to "..host); end));
			return before, show();
		end

		it("follows its verdict", function ()
			assert.same({ "PKIX", "DANE" }, { show_around("match.example", "proof.near.example", "required") });
		end);

		it("is how it began where nothing needs to be proven any more", function ()
			assert.same({ "DANE", "DANE" }, { show_around("path.example", "relaxed.near.example", "off", path.chain) });
		end);
	end);

	describe("while DNS is silent,", function ()
		local function make_silent(domain)
			finally(mend_dns);
			faulty:rule({ name = "_xmpp-server._tcp."..domain, fault = "silence" });
		end

		local function has_been_asked(domain)
			return process.wait_until(function () return faulty:log("_xmpp-server._tcp."..domain)[1]; end);
		end

		it("no stanza overtakes the verdict about a further host", function ()
			make_silent("slow.example");
			local result = hostile.begin(new_case("slow", "slow.example", "off.near.example", {
				step("external"), { ["do"] = "send", from = "slow.example", to = "usual.near.example", id = "slow, first" };
				message("slow.example", "off.near.example", "slow, second");
			}));
			assert.is_truthy(has_been_asked("slow.example"));
			assert.same({ false, false }, { has_arrived("slow, first"), has_arrived("slow, second") });
			mend_dns();
			assert.matches("message taken; open", get_ending({ slow = result() }, "slow"));
			assert.is_truthy(near:log():find("Arrived: slow, first\n.*Arrived: slow, second\n"));
		end);

		it("settings that have changed meanwhile count", function ()
			make_silent("meanwhile.example");
			local result = hostile.begin(new_case("meanwhile", "meanwhile.example", "waits.near.example", {
				step("external"), message("meanwhile.example", "waits.near.example", "meanwhile");
			}));
			assert.is_truthy(has_been_asked("meanwhile.example"));
			change_later("waits", "required");
			mend_dns();
			assert.matches("^not%-authorized DANE is required here$", result().ending);
			assert.is_false(has_arrived("meanwhile"));
		end);

		it("the plugin may be loaded anew, and who waits is let in all the same", function ()
			make_silent("reload.example");
			local result = hostile.begin(new_case("reload", "reload.example", "usual.near.example", {
				step("external"), message("reload.example", "usual.near.example", "after the reload");
			}));
			assert.is_truthy(has_been_asked("reload.example"));
			near:shell([[module:reload("xmppdns")]]);
			mend_dns();
			assert.matches("external success; message taken; open", get_ending({ reload = result() }, "reload"));
			assert.is_true(has_arrived("after the reload"));
		end);
	end);
end);

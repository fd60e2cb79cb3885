-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Sessions between real Prosody servers, by what DNS says: which endpoint serves, what its certificate must prove, and what becomes of the stanzas.

local certificates = require "spec.support.certificates";
local misdns = require "spec.support.misdns";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local WRONG = "3 1 1 " .. ("00"):rep(32);
local NO_CERTIFICATE = "3 0 0 300730003000030100"; -- has the outer shape of one
local LAX = "s2s_secure_auth = false\ns2s_require_encryption = false";

-- Accepts connections, and lets each of them down at once; or when TLS is to begin.
local DISAPPOINTING = [[
import socket, sys, threading
def serve(conn, late):
    if late:
        conn.recv(4096)
        conn.sendall(b"<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='1' version='1.0'>"
            b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
        conn.recv(4096)
        conn.sendall(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        conn.recv(4096)
        conn.sendall(b"this is no TLS")
    conn.close()
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    conn, _ = listener.accept()
    threading.Thread(target=serve, args=(conn, sys.argv[3] == "late"), daemon=True).start()
]];

describe("A session from one Prosody to another", function ()
	local dns, faulty, near, lax, places, servers, authorities, disappointing;

	local function start(name, hosts, config, host_config)
		servers[name] = prosody.start({
			name = name, address = places[name], modules = { "xmppdns" }, authority = authorities[name] or authorities.near, hosts = hosts;
			s2s_ports = { places.PORT }, direct_tls_ports = { places.DIRECT }, host_config = host_config;
			config = ("xmppdns = { forward = %q, trustfile = %q, resolvconf = false, timeout = 5 }\n%s"):format(
				name == "near" and faulty.forward or dns.forward, dns.anchors, config or "");
		});
		return servers[name];
	end

	-- The path of the domain's certificate at that server, made by issue or issue_chain.
	local function certificate(server, domain, how)
		return authorities[server][how or "issue"](authorities[server], domain, process.directory(server .. "/certificates"));
	end

	-- The domain's zone has the address of every server under the server's name.
	local function zone(records, change)
		local made = { records = records };
		for name, address in pairs(places) do
			if name:upper() ~= name then made.records = ("%s\n%s A %s"):format(made.records, name, address); end
		end
		for key, value in pairs(change or {}) do made[key] = value; end
		return made;
	end

	local function srv(priority, target)
		return ("_xmpp-server._tcp SRV %d 0 %d %s\n"):format(priority, places.PORT, target);
	end

	local function direct_srv(priority, target)
		return ("_xmpps-server._tcp SRV %d 0 %d %s\n"):format(priority, places.DIRECT, target);
	end

	local function tlsa(target, record, port)
		return ("_%d._tcp.%s TLSA %s\n"):format(port or places.PORT, target, record);
	end

	local function digest(usage, selector, file)
		return ("%d %d 1 %s"):format(usage, selector, certificates.digest(file, selector));
	end

	-- Whether the ping is answered, or the text of the error that comes back.
	local function ping(from, to, server)
		local ok, output = pcall(server.shell, server, ([[xmpp:ping(%q, %q)]]):format(from, to));
		return ok or output:match("Server%-to%-server connection failed: ([^\n]*)>") or output;
	end

	local function refuses(pattern, domain)
		assert.matches(pattern, ping("near.example", domain, near));
	end

	local function answers(domain)
		assert.is_true(ping("near.example", domain, near));
	end

	-- Sends five messages at once.
	local function send_messages(domain)
		near:shell(([[> local st = require "util.stanza"; for i = 1, 5 do ]]
			.. [[prosody.core_route_stanza(prosody.hosts["near.example"], st.message({ from = "near.example/x", to = %q, id = "message-"..i })) end]])
			:format(domain));
	end

	-- How often each of them came to that server.
	local function count_messages(server)
		local counts = {};
		for i = 1, 5 do
			counts[i] = select(2, server:log():gsub(("Received%%[s2sin%%]: <message[^>]*id='message%%-%d'"):format(i), ""));
		end
		return counts;
	end

	local function own_certificate(path)
		return ("ssl = { certificate = %q, key = %q }"):format(path, (path:gsub("crt$", "key")));
	end

	setup(function ()
		servers, disappointing = {}, {};
		places = {};
		for _, name in ipairs({ "good", "other", "clear", "near", "lax", "early", "late" }) do places[name] = process.free_address(); end
		places.PORT, places.DIRECT = process.free_port(places.near), process.free_port(places.near);
		local trusted, unknown = certificates.new_authority("trusted"), certificates.new_authority("unknown");
		authorities = { good = trusted, other = unknown, near = trusted };
		local target = certificate("good", "good.target.example");
		local base = certificate("other", "other.ta.example", "issue_chain");
		local misnamed = certificate("other", "nobody.example", "issue_chain");
		local all = {
			["near.example"] = zone(srv(0, "near"));
			["lax.example"] = zone(srv(0, "lax"));
			["moves.example"] = zone(srv(0, "other") .. srv(1, "good"));
			["sameprio.example"] = zone(srv(0, "other") .. srv(0, "early") .. srv(0, "late") .. srv(0, "good"));
			["early.example"] = zone(srv(0, "early") .. srv(1, "good"));
			["late.example"] = zone(srv(0, "late") .. srv(1, "good"));
			["addresses.example"] = zone(("_xmpp-server._tcp SRV 0 0 %d several\nseveral A %s\nseveral A %s\nseveral A %s"):format(
				places.PORT, places.early, places.late, places.good));
			["direct.example"] = zone(direct_srv(0, "good") .. srv(1, "other") .. tlsa("good", WRONG, places.DIRECT)
				.. tlsa("other", digest(3, 1, certificate("other", "direct.example"))));
			["mismatch.example"] = zone(srv(0, "good") .. srv(1, "other") .. tlsa("good", WRONG)
				.. tlsa("other", digest(3, 1, certificate("other", "mismatch.example"))));
			["queued.example"] = zone(srv(0, "good") .. srv(1, "other") .. tlsa("good", WRONG)
				.. tlsa("other", digest(3, 1, certificate("other", "queued.example"))));
			["hopeless.example"] = zone(srv(0, "good") .. srv(1, "other") .. srv(2, "early") .. tlsa("good", WRONG) .. tlsa("other", WRONG));
			["told.example"] = zone(srv(0, "good") .. "_xmpp-server._tcp SRV 1 0 1 good\n" .. tlsa("good", WRONG));
			["ee.example"] = zone(srv(0, "other") .. tlsa("other", digest(3, 0, certificate("other", "ee.example"))));
			["pkix.example"] = zone(srv(0, "good") .. tlsa("good", digest(1, 1, certificate("good", "pkix.example"))));
			["badpkix.example"] = zone(srv(0, "other") .. tlsa("other", digest(1, 1, certificate("other", "badpkix.example"))));
			["ta.example"] = zone(srv(0, "other") .. tlsa("other", digest(2, 1, unknown.file)));
			["misnamed.example"] = zone(srv(0, "other") .. tlsa("other", digest(2, 1, unknown.file)));
			["garbage.example"] = zone(srv(0, "good") .. tlsa("good", NO_CERTIFICATE));
			["target.example"] = zone(srv(0, "good"));
			["plaintarget.example"] = zone("_xmpp-server._tcp SRV 0 0 " .. places.PORT .. " good.target.example.", { signed = false });
			["cleartext.example"] = zone(srv(0, "clear") .. tlsa("clear", WRONG));
			["unusable.example"] = zone(srv(0, "clear") .. tlsa("clear", "9 9 9 00"));
			["clearplain.example"] = zone(srv(0, "clear"));
			["required.example"] = zone(srv(0, "good"));
			["hostrequired.example"] = zone(srv(0, "good"));
			["off.example"] = zone(srv(0, "good") .. tlsa("good", WRONG));
			["override.example"] = zone(srv(0, "early"));
			["slow.example"] = zone(srv(0, "good"));
			["gone.example"] = zone(srv(0, "good"));
			["bogustlsa.example"] = zone(srv(0, "good") .. tlsa("good", WRONG), { fault = "signature", fault_at = ("_%d._tcp.good TLSA"):format(places.PORT) });
		};
		local hosts = {};
		for domain in pairs(all) do
			if domain ~= "near.example" and domain ~= "lax.example" then hosts[domain] = domain; end
		end
		dns = zones.serve(all);
		faulty = misdns.start({ upstream = dns.forward });
		local script = process.write(process.directory() .. "/disappointing.py", DISAPPOINTING);
		for _, name in ipairs({ "early", "late" }) do
			disappointing[#disappointing + 1] = process.start({ "python3", script, places[name], tostring(places.PORT), name });
		end
		start("good", hosts, nil, { ["target.example"] = own_certificate(target), ["plaintarget.example"] = own_certificate(target) });
		start("other", hosts, [[s2s_insecure_domains = { "near.example", "lax.example" }]],
			{ ["ta.example"] = own_certificate(base), ["misnamed.example"] = own_certificate(misnamed) });
		start("clear", { ["cleartext.example"] = "cleartext.example", ["unusable.example"] = "unusable.example", ["clearplain.example"] = "clearplain.example" },
			LAX, { ["cleartext.example"] = [[modules_disabled = { "tls" }]], ["unusable.example"] = [[modules_disabled = { "tls" }]],
				["clearplain.example"] = [[modules_disabled = { "tls" }]] });
		lax = start("lax", { ["lax.example"] = "lax.example" }, LAX .. "\nuse_dane = true");
		near = start("near", { ["near.example"] = "near.example", ["strict.near.example"] = "strict.near.example" }, ([[
xmppdns_remote = {
	["required.example"] = { dane = "required" };
	["off.example"] = { dane = "off" };
	["override.example"] = { host = "good.moves.example", port = %d };
}]]):format(places.PORT), { ["strict.near.example"] = [[xmppdns_remote = { ["hostrequired.example"] = { dane = "required" } }]] });
	end);

	teardown(function ()
		for _, server in pairs(servers) do server:stop(); end
		for _, server in ipairs(disappointing) do server:stop(); end
		faulty:stop();
		dns:stop();
	end);

	describe("moves on to the next endpoint", function ()
		it("when the certificate is not trusted (R33)", function () answers("moves.example"); end);
		it("when the connection is closed before TLS", function () answers("early.example"); end);
		it("when the TLS handshake fails", function () answers("late.example"); end);
		it("when the certificate does not match its TLSA records, though it is trusted (R21)", function () answers("mismatch.example"); end);
		it("but first tries the endpoint's other addresses, when one does not get as far as TLS", function () answers("addresses.example"); end);
		it("when that happens with direct TLS", function () answers("direct.example"); end);
		it("until one serves, inside one priority", function () answers("sameprio.example"); end);

		it("with all stanzas, and sends none of them twice", function ()
			send_messages("queued.example");
			process.wait_until(function () return count_messages(servers.other)[5] > 0; end);
			assert.same({ { 1, 1, 1, 1, 1 }, { 0, 0, 0, 0, 0 } }, { count_messages(servers.other), count_messages(servers.good) });
		end);

		it("and names every endpoint, and its cause, when there is none left", function ()
			refuses("^good%.hopeless%.example port %d+: Remote server's certificate does not match its TLSA records: no matching DANE TLSA records; "
				.. "other%.hopeless%.example port %d+: Remote server's certificate does not match its TLSA records: [^;]*; "
				.. "early%.hopeless%.example port %d+: the connection was closed$", "hopeless.example");
		end);

		it("18.7: and has each cause in the log once", function ()
			refuses("^good%.told%.example port %d+: Remote server's certificate does not match", "told.example");
			local causes = {};
			for level, port in near:log():gmatch("\t(%l+)\t[^\n\t]*good%.told%.example port (%d+)[^\n]*") do
				local name = level .. " " .. port;
				if level ~= "debug" then causes[name] = (causes[name] or 0) + 1; end
			end
			assert.same({ ["warn " .. places.PORT] = 1, ["info 1"] = 1 }, causes);
		end);
	end);

	describe("is made", function ()
		it("to a certificate that nobody trusts, when it matches DANE-EE (R25)", function () answers("ee.example"); end);
		it("to an authority that nobody trusts, when it matches DANE-TA, and the name is the TLSA base (R26)", function () answers("ta.example"); end);
		it("to a trusted certificate that matches PKIX-EE", function () answers("pkix.example"); end);
		it("to a certificate for the SRV target, when secure SRV records name it (R27)", function () answers("target.example"); end);
		it("past a mismatch, when dane is \"off\" for the domain", function () answers("off.example"); end);
		it("to the endpoint that the operator has set for the domain", function () answers("override.example"); end);
		it("in the clear, where the operator allows that and there are no TLSA records (R22)", function ()
			assert.is_true(ping("lax.example", "clearplain.example", lax));
		end);
	end);

	describe("is not made", function ()
		it("to a certificate with a matching DANE-TA but another name (R26)", function () refuses("hostname mismatch$", "misnamed.example"); end);
		it("to a certificate that matches PKIX-EE but is not trusted", function () refuses("certificate in certificate chain$", "badpkix.example"); end);
		it("to a certificate for the SRV target, when the SRV records are not secure (R27)", function ()
			refuses("certificate is not valid for this name$", "plaintarget.example");
		end);
		it("when OpenSSL takes no TLSA record", function () refuses("cannot compare", "garbage.example"); end);
		it("without TLSA records where dane is \"required\"", function () refuses("TLSA of .*: required, but there is no", "required.example"); end);
		it("without TLSA records where dane is \"required\" for that host alone", function ()
			assert.matches("TLSA of .*: required", ping("strict.near.example", "hostrequired.example", near));
			assert.is_true(ping("near.example", "hostrequired.example", near));
		end);
		it("in the clear to a domain with secure TLSA records, whatever the operator allows (R21)", function ()
			assert.matches("TLS is required by its TLSA records", ping("lax.example", "cleartext.example", lax));
		end);
		it("in the clear to a domain with secure TLSA records of which none is usable (R24)", function ()
			assert.matches("TLS is required by its TLSA records", ping("lax.example", "unusable.example", lax));
		end);
	end);

	describe("from elsewhere (R29)", function ()
		it("is accepted with a certificate that matches a TLSA record of the domain's endpoints, though nobody trusts it", function ()
			assert.is_true(ping("ee.example", "near.example", servers.other));
			assert.is_true(ping("ta.example", "near.example", servers.other));
		end);

		it("is refused with a trusted certificate that matches none of them", function ()
			assert.matches("does not match your TLSA records", ping("ee.example", "near.example", servers.good));
		end);

		it("is refused then even where dialback would do, and where Prosody does DANE itself", function ()
			assert.matches("does not match your TLSA records", ping("ee.example", "lax.example", servers.good));
			assert.is_true(ping("ee.example", "lax.example", servers.other));
		end);

		it("is refused with another name below a matching authority", function ()
			assert.matches("does not match your TLSA records", ping("misnamed.example", "near.example", servers.other));
		end);

		it("is refused when the TLSA records are bogus, though its certificate is trusted", function ()
			assert.matches("Your DNS records fail validation, as seen from here", ping("bogustlsa.example", "near.example", servers.good));
		end);

		it("is refused without TLSA records where dane is \"required\"", function ()
			assert.matches("DANE is required here", ping("required.example", "near.example", servers.good));
		end);

		it("is accepted as Prosody accepts it, where there are none", function ()
			assert.is_true(ping("moves.example", "near.example", servers.good));
		end);

		it("waits for DNS without holding up anybody else", function ()
			faulty:rule({ name = "_xmpp-server._tcp.slow.example", fault = "silence" });
			local waiting = process.start(servers.good:shell_argv([[xmpp:ping("slow.example", "near.example")]]));
			assert.is_truthy(process.wait_until(function () return faulty:log("_xmpp-server._tcp.slow.example")[1]; end));
			answers("ee.example");
			assert.is_true(waiting:alive());
			faulty:clear();
			process.wait_until(function () return not waiting:alive(); end);
			assert.matches("pong from near%.example", waiting:output());
		end);

		it("may end while it waits for DNS", function ()
			faulty:rule({ name = "_xmpp-server._tcp.gone.example", fault = "silence" });
			local waiting = process.start(servers.good:shell_argv([[xmpp:ping("gone.example", "near.example")]]));
			assert.is_truthy(process.wait_until(function () return faulty:log("_xmpp-server._tcp.gone.example")[1]; end));
			servers.good:shell([[s2s:close("gone.example", "near.example")]]);
			waiting:stop();
			faulty:clear();
			assert.is_truthy(process.wait_until(function () return near:log():find("gone.example", 1, true); end));
			answers("moves.example");
			assert.not_matches("\terror\t", near:log());
			assert.not_matches("[Tt]raceback", near:log());
		end);
	end);

	it("follows the settings of a configuration that is read again", function ()
		refuses("required", "required.example");
		process.write(near.config, (process.read(near.config):gsub([=[%["required%.example"%]]=], [=[["moves.example"]]=])));
		near:shell("config:reload()");
		answers("required.example");
	end);
end);

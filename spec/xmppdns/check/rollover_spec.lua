-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- prosodyctl mod_xmppdns check --tlsa: a whole change of keys at a real Prosody, each step of which is the one that was told.

local certificates = require "spec.support.certificates";
local dkjson = require "dkjson";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";
local zones = require "spec.support.zones";

local DOMAIN = "keys.example";

local authority, dns, server, port, old_file, new_file;

local function quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'"; end

-- Its output, without what Prosody says about our configuration file, and its exit status.
local function check(...)
	local words = { "COLUMNS=160 LC_ALL=C.UTF-8 prosodyctl --config", quote(server.config), "mod_xmppdns check" };
	for _, word in ipairs({ ... }) do words[#words + 1] = quote(word); end
	local pipe = io.popen("exec 2>&1 </dev/null; " .. table.concat(words, " ") .. "; echo \" $?\"");
	local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
	pipe:close();
	return ("\n" .. output):gsub("\nstartup [^\n]*", ""):sub(2), tonumber(status);
end

-- What comes next, and the exit status.
local function next_step(...)
	local output, status = check("--tlsa", ...);
	return { (output:match("; next: ([^\n]*)"):gsub("%d+%-%d+%-%d+ %d+:%d+:%d+ UTC", "TIME")), status };
end

-- The records that are to be published, as they were printed.
local function take_records(...)
	local records = {};
	for record in check("--tlsa", ...):gmatch("\n(_[^;]-%))") do records[#records + 1] = record; end
	return table.concat(records, "\n");
end

local function publish(...)
	dns:update(DOMAIN, table.concat({ ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(port, server.address), ... }, "\n"));
end

local function serve(file)
	for _, kind in ipairs({ "crt", "key" }) do
		process.write(("%s/certificates/%s.%s"):format(server.directory, DOMAIN, kind), process.read((file:gsub("crt$", kind))));
	end
	local before = #server:log();
	server.process:signal("HUP");
	process.wait_until(function () return server:log():find("Certificates reloaded", before + 1, true); end);
end

setup(function ()
	authority = certificates.new_authority("authority of rollover");
	local address = process.free_address();
	port = process.free_port(address);
	old_file, new_file = authority:issue(DOMAIN, process.directory("old")), authority:issue_chain(DOMAIN, process.directory("new"));
	dns = zones.serve({ [DOMAIN] = {}, ["plain.example"] = { signed = false } });
	local directory = process.directory("rollover/certificates");
	for _, kind in ipairs({ "crt", "key" }) do process.write(("%s/%s.%s"):format(directory, DOMAIN, kind), process.read((old_file:gsub("crt$", kind)))); end
	server = prosody.start({
		name = "rollover", address = address, s2s_ports = { port }, authority = authority, modules = { "xmppdns" }, hosts = { [DOMAIN] = DOMAIN };
		config = ("xmppdns = { forward = %q, trustfile = %q }"):format(dns.forward, dns.anchors);
	});
end);
teardown(function ()
	server:stop();
	dns:stop();
end);

describe("prosodyctl mod_xmppdns check --tlsa", function ()
	it("prints the record to publish as a zone file has it, for the certificate of Prosody's configuration", function ()
		publish();
		local output = check("--tlsa", DOMAIN);
		assert.matches(("; %s, certificate from %s/certificates/%s.crt\n"):format(DOMAIN, server.directory, DOMAIN), output, 1, true);
		assert.matches(("\n_%d._tcp.xmpp.%s. IN TLSA 3 1 1 (\n\t%s )\n"):format(port, DOMAIN, certificates.digest(old_file, 1)), output, 1, true);
		assert.matches("other servers judge the certificate that it shows them", output, 1, true);
	end);

	it("prints other kinds of records with --usage, of the certificate and of its authority", function ()
		publish();
		local output = check("--tlsa", "--certificate", new_file, "--usage", "3 0 1", "--usage", "2 0 1", DOMAIN);
		local kinds = {};
		for kind, data in output:gmatch("TLSA (%d %d %d) %(\n\t(%x+) %)") do kinds[#kinds + 1] = kind .. " " .. data; end
		assert.same({
			"3 1 1 " .. certificates.digest(new_file, 1), "3 0 1 " .. certificates.digest(new_file, 0), "2 0 1 " .. certificates.digest(authority.file, 0);
		}, kinds);
	end);

	it("takes the certificate that the server shows where neither a file nor Prosody's configuration has it", function ()
		publish();
		local root = process.run({ "pwd" }):gsub("\n", "");
		local command = ("LUA_PATH='%s/lua/?.lua;;' LUA_CPATH='%s/build/5.4/?.so;;' lua5.4 mod_xmppdns/xmppdns-check \"$@\""):format(root, root);
		local output = process.run({ "sh", "-c", command, "sh", "--tlsa", "--forward", dns.forward, "--trustfile", dns.anchors, "--cafile", authority.file, DOMAIN });
		assert.matches("certificate from the server itself\n", output, 1, true);
		assert.matches(certificates.digest(old_file, 1), output, 1, true);
	end);

	it("tells each step of a change of keys, and what it prints is what makes the next one come", function ()
		publish();
		assert.same({ "publish the new record: nothing is published yet", 0 }, next_step(DOMAIN));
		local old = take_records(DOMAIN);
		publish(old);
		assert.same({ "nothing to do: what is published is what is served", 0 }, next_step(DOMAIN));
		assert.same({ "publish the new record beside the old one, which is still served", 0 }, next_step("--certificate", new_file, DOMAIN));
		local new = take_records("--certificate", new_file, DOMAIN);
		publish(old, new);
		assert.same({ "wait until TIME, when the old answer's TTL is over (unless the new record has been there for longer), then switch the certificate", 0 },
			next_step("--certificate", new_file, DOMAIN));
		serve(new_file);
		assert.same({ "remove the old record: the new key is served", 0 }, next_step(DOMAIN));
		publish(new);
		assert.same({ "nothing to do: what is published is what is served", 0 }, next_step(DOMAIN));
	end);

	it("says that what is served matches nothing that is published, with both fingerprints; status 1", function ()
		publish(("_%d._tcp.xmpp TLSA 3 1 1 %s"):format(port, certificates.digest(old_file, 1)));
		assert.same({ "publish the new record at once, or serve the old key again: what is served matches nothing that is published", 1 }, next_step(DOMAIN));
		assert.same({ "switch to the new certificate at once: what is served matches nothing that is published", 1 },
			next_step("--certificate", old_file, DOMAIN));
		local output = check("--connect", DOMAIN);
		assert.matches("published: 3 1 1 " .. certificates.digest(old_file, 1), output, 1, true);
		assert.matches("served:    3 1 1 " .. certificates.digest(new_file, 1), output, 1, true);
	end);

	it("says the same in JSON, in which no field is unexplained", function ()
		local result = assert(dkjson.decode((check("--tlsa", "--json", DOMAIN))));
		assert.equal("broken", result.domains[1].tlsa[1].stage);
		local explained, unexplained = {}, {};
		for word in check("--help", "json"):gmatch("[%w_]+") do explained[word] = true; end
		local function visit(value)
			for name, inner in pairs(value) do
				if type(name) == "string" and not explained[name] then unexplained[name] = true; end
				if type(inner) == "table" then visit(inner); end
			end
		end
		visit(result);
		assert.same({}, unexplained);
	end);

	it("says that records would not count where the way there is not signed; status 1", function ()
		dns:update("plain.example", ("_xmpp-server._tcp SRV 0 0 %d xmpp\nxmpp A %s"):format(port, server.address));
		local step = next_step("plain.example");
		assert.matches("^DNSSEC does not secure the way there %(.*%): TLSA records would not count, sign the zones first$", step[1]);
		assert.equal(1, step[2]);
	end);
end);

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which TLSA records can be used, with a real certificate's bytes.

local tlsa = require "xmppdns.plan.tlsa";
local process = require "spec.support.process";

local SHA256, SHA512 = ("a"):rep(32), ("b"):rep(64);

local function record(use, select, match, data)
	return { use = use, select = select, match = match, data = data };
end

-- "use select match" of each
local function kinds(records)
	local list = {};
	for i, one in ipairs(records) do list[i] = ("%d %d %d"):format(one.use, one.select, one.match); end
	return list;
end

local function verdict_of(...)
	local verdict = tlsa.judge({ record(...) });
	return verdict;
end

describe("xmppdns.plan.tlsa:", function ()
	local certificate, public_key;

	setup(function ()
		local directory = process.directory("dane");
		local base = directory .. "/one";
		process.run({ "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=one",
			"-keyout", base .. ".key", "-outform", "DER", "-out", base .. ".der" });
		process.run({ "openssl", "pkey", "-in", base .. ".key", "-pubout", "-outform", "DER", "-out", base .. ".pub" });
		certificate, public_key = process.read(base .. ".der"), process.read(base .. ".pub");
	end);

	it("R18: the records for a host and port lie below that host", function ()
		assert.equal("_5270._tcp.xmpp.example", tlsa.owner_name("xmpp.example", 5270));
	end);

	it("R23: every known usage, selector and matching type is usable", function ()
		for use = 0, 3 do
			for select = 0, 1 do
				assert.equal("usable", verdict_of(use, select, 0, select == 0 and certificate or public_key));
				assert.equal("usable", verdict_of(use, select, 1, SHA256));
				assert.equal("usable", verdict_of(use, select, 2, SHA512));
			end
		end
	end);

	it("R23: an unknown usage, selector or matching type is not", function ()
		for _, one in ipairs({ record(4, 1, 1, SHA256), record(255, 1, 1, SHA256), record(3, 2, 1, SHA256), record(3, 1, 3, SHA256) }) do
			local verdict, usable = tlsa.judge({ one });
			assert.same({ "unusable", {} }, { verdict, usable });
			assert.matches("^unknown ", tlsa.list_reasons({ one }, true)[1]);
		end
	end);

	it("R23: a digest of another length is not usable, and neither is an empty one", function ()
		for _, size in ipairs({ 1, 31, 33, 64 }) do assert.equal("unusable", verdict_of(3, 1, 1, ("a"):rep(size))); end
		for _, size in ipairs({ 1, 32, 63, 65 }) do assert.equal("unusable", verdict_of(3, 1, 2, ("a"):rep(size))); end
		for match = 0, 2 do assert.equal("no data", tlsa.list_reasons({ record(3, 1, match, "") }, true)[1]); end
	end);

	it("R23: a certificate or key in full counts when it is whole, and is what the selector says", function ()
		assert.equal("unusable", verdict_of(3, 1, 0, certificate));
		assert.equal("unusable", verdict_of(3, 0, 0, public_key));
		assert.equal("unusable", verdict_of(3, 0, 0, certificate .. "\0"));
		for size = 1, #certificate - 1 do
			assert.equal("unusable", verdict_of(3, 0, 0, certificate:sub(1, size)));
		end
		for size = 1, #public_key - 1 do
			assert.equal("unusable", verdict_of(3, 1, 0, public_key:sub(1, size)));
		end
		for _, data in ipairs({ "\48\128", "\48\132\0\0\0\0", "\48\0", "\48\130\255", ("\48"):rep(40) }) do
			assert.equal("unusable", verdict_of(3, 0, 0, data));
			assert.equal("unusable", verdict_of(3, 1, 0, data));
		end
	end);

	it("R23: of one usage and selector only the strongest digest counts, beside the records in full", function ()
		local _, usable = tlsa.judge({
			record(3, 1, 1, SHA256), record(3, 1, 2, SHA512), record(3, 1, 0, public_key), record(3, 1, 2, ("c"):rep(64));
			record(3, 0, 1, SHA256), record(2, 1, 1, SHA256);
		});
		assert.same({ "3 1 2", "3 1 0", "3 1 2", "3 0 1", "2 1 1" }, kinds(usable));
	end);

	it("R23: what is not usable weakens no other record", function ()
		local _, usable = tlsa.judge({ record(3, 1, 1, SHA256), record(3, 1, 2, "short"), record(3, 1, 3, SHA512) });
		assert.same({ "3 1 1" }, kinds(usable));
	end);

	it("R22, R23: each record that does not count has its reason: in an answer that was not validated, all of them", function ()
		local records = { record(3, 1, 1, SHA256), record(3, 1, 2, SHA512), record(9, 1, 1, SHA256), record(3, 1, 0, public_key) };
		local function list(is_secure)
			local reasons, words = tlsa.list_reasons(records, is_secure), {};
			for i = 1, #records do words[i] = reasons[i] or "counts"; end
			return words;
		end
		assert.same({ "there is a stronger digest", "counts", "unknown usage", "counts" }, list(true));
		assert.same({ "there is a stronger digest", "not secured by DNSSEC", "unknown usage", "not secured by DNSSEC" }, list(false));
	end);

	it("R24: no record at all is something else than none that is usable", function ()
		assert.equal("none", (tlsa.judge({})));
		assert.equal("unusable", verdict_of(9, 9, 9, "x"));
	end);
end);

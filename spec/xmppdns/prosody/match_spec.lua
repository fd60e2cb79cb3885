-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Certificates from openssl against TLSA records.

local prosody_util = require "spec.support.prosody_util";
prosody_util "encodings";
local hashes, x509 = prosody_util "hashes", prosody_util "x509";

local match = require "xmppdns.prosody.match";
local process = require "spec.support.process";
local ssl = require "ssl";

describe("xmppdns.prosody.match:", function ()
	local directory, root, inter, other, leaf, stranger, twin, rogue, double, forged;

	-- A certificate below an issuer, or one that signed itself.
	local function issue(name, issuer, is_authority, subject, more)
		local path = directory .. "/" .. name;
		local argv = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
			"-subj", "/CN=" .. (subject or name),
			"-addext", "basicConstraints=critical,CA:" .. (is_authority and "TRUE" or "FALSE"), "-out", path .. ".crt", "-keyout", path .. ".key" };
		for _, word in ipairs(issuer and { "-CA", directory .. "/" .. issuer .. ".crt", "-CAkey", directory .. "/" .. issuer .. ".key" } or {}) do
			argv[#argv + 1] = word;
		end
		for _, word in ipairs(more and { "-addext", more } or {}) do argv[#argv + 1] = word; end
		process.run(argv);
		return assert(ssl.loadcertificate(process.read(path .. ".crt")));
	end

	setup(function ()
		directory = process.directory("match");
		root, inter, leaf = issue("root", nil, true), issue("inter", "root", true, nil, "subjectKeyIdentifier=01020304"), issue("leaf", "inter");
		other = issue("other", "root", true);
		stranger, twin = issue("stranger", nil, true), issue("twin", nil, true, "inter");
		rogue, double = issue("rogue", nil, true), issue("double", "rogue", true, "inter", "subjectKeyIdentifier=01020304");
		forged = issue("forged", "double", false, "leaf");
	end);

	local function record(usage, selector, matching, certificate)
		local data = x509.pem2der(selector == 0 and certificate:pem() or (certificate:pubkey()));
		local digest = { [0] = function (all) return all; end, hashes.sha256, hashes.sha512 };
		return { use = usage, select = selector, match = matching, data = digest[matching](data) };
	end

	-- What usages 0 to 3 say about one certificate.
	local function verdicts(certificate, chain, is_trusted, is_named)
		local peer = { chain = chain, is_trusted = is_trusted, is_named = function () return is_named; end };
		local found = {};
		for usage = 0, 3 do found[usage + 1] = match.matches(peer, { record(usage, 1, 1, certificate) }) and usage or false; end
		return found;
	end

	it("each usage wants its own of the trust store, the name and the path", function ()
		local chain = { leaf, inter, root };
		assert.same({ false, 1, false, 3 }, verdicts(leaf, chain, true, true));
		assert.same({ false, false, false, 3 }, verdicts(leaf, chain, false, true));
		assert.same({ false, false, false, 3 }, verdicts(leaf, chain, true, false));
		assert.same({ 0, false, 2, false }, verdicts(inter, chain, true, true));
		assert.same({ false, false, 2, false }, verdicts(root, chain, false, true));
		assert.same({ false, false, false, false }, verdicts(root, chain, true, false));
	end);

	it("an authority that is in the chain but did not sign the certificate proves nothing", function ()
		assert.same({ false, false, false, false }, verdicts(stranger, { leaf, inter, root, stranger }, true, true));
		assert.same({ false, false, false, false }, verdicts(stranger, { leaf, stranger }, true, true));
		assert.same({ false, false, false, false }, verdicts(stranger, { leaf, inter, stranger, root }, true, true));
		assert.same({ false, false, false, false }, verdicts(other, { leaf, inter, other, root }, true, true));
		assert.same({ false, false, false, false }, verdicts(twin, { leaf, twin, root }, true, true));
	end);

	it("the genuine authority beside a twin of the same name, below a trusted one of bad faith, proves nothing", function ()
		for _, chain in ipairs({ { forged, double, inter, root }, { forged, inter, double }, { forged, double, inter, rogue }, { forged, inter } }) do
			assert.same({ false, false, false, false }, verdicts(inter, chain, true, true));
		end
		assert.same({ 0, false, 2, false }, verdicts(double, { forged, inter, double }, true, true));
	end);

	it("an authority below one that was not presented is enough for usage 2; 0 wants the trust store too", function ()
		assert.same({ 0, false, 2, false }, verdicts(inter, { leaf, inter }, true, true));
		assert.same({ false, false, 2, false }, verdicts(inter, { leaf, inter }, false, true));
	end);

	it("an authority that is in DNS alone, or only its key, needs no place in the chain (RFC 6698, 2.1.1)", function ()
		local function is_match(chain, certificate, selector, matching)
			local peer = { chain = chain, is_trusted = false, is_named = function () return true; end };
			return match.matches(peer, { record(2, selector, matching, certificate) });
		end
		for selector = 0, 1 do
			assert.is_true(is_match({ leaf }, inter, selector, 0));
			assert.is_true(is_match({ leaf, inter }, root, selector, 0));
			assert.is_false(is_match({ leaf }, root, selector, 0));
			assert.is_false(is_match({ leaf }, double, selector, 0));
			assert.is_false(is_match({ forged, double }, inter, selector, 0));
			assert.is_false(is_match({ leaf }, inter, selector, 1));
		end
	end);

	it("whoever publishes or presents hundreds makes us follow a bounded number of paths", function ()
		local records, chain = {}, { leaf };
		for i = 1, 200 do records[i], chain[i + 1] = record(2, 1, 0, stranger), stranger; end
		local peer = { chain = chain, is_trusted = false, is_named = function () return true; end };
		local started = os.clock();
		assert.is_false(match.matches(peer, records));
		assert.is_true(os.clock() - started < 1);
	end);

	it("selectors and matching types are compared as RFC 6698 has them", function ()
		local peer = { chain = { leaf }, is_trusted = false, is_named = function () return false; end };
		for selector = 0, 1 do
			for matching = 0, 2 do
				assert.is_true(match.matches(peer, { record(3, selector, matching, stranger), record(3, selector, matching, leaf) }));
				assert.is_false(match.matches(peer, { record(3, selector, matching, inter) }));
			end
		end
	end);

	it("a trusted authority need not be presented, but one of the trust store must match (usage 0)", function ()
		local function is_match(usage, is_trusted, trusted)
			local peer = { chain = { leaf, inter }, is_trusted = is_trusted, is_named = function () return true; end, list_trusted = function () return trusted; end };
			return match.matches(peer, { record(usage, 0, 1, root) });
		end
		assert.is_true(is_match(0, true, { stranger, root }));
		assert.same({ false, false, false, false }, {
			is_match(0, true, { stranger }), is_match(0, false, { root }), is_match(1, true, { root }), is_match(2, true, { root }),
		});
	end);
end);

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Certificates from openssl against TLSA records.

local prosody_util = require "spec.support.prosody_util";
local hashes, x509 = prosody_util "hashes", prosody_util "x509";

local match = require "xmppdns.prosody.match";
local process = require "spec.support.process";
local ssl = require "ssl";

describe("xmppdns.prosody.match:", function ()
	local directory, root, inter, other, leaf, stranger, twin;

	-- A certificate below an issuer, or one that signed itself.
	local function issue(name, issuer, is_authority, subject)
		local path = directory .. "/" .. name;
		local argv = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
			"-subj", "/CN=" .. (subject or name),
			"-addext", "basicConstraints=critical,CA:" .. (is_authority and "TRUE" or "FALSE"), "-out", path .. ".crt", "-keyout", path .. ".key" };
		for _, word in ipairs(issuer and { "-CA", directory .. "/" .. issuer .. ".crt", "-CAkey", directory .. "/" .. issuer .. ".key" } or {}) do
			argv[#argv + 1] = word;
		end
		process.run(argv);
		return assert(ssl.loadcertificate(process.read(path .. ".crt")));
	end

	setup(function ()
		directory = process.directory("match");
		root, inter, leaf = issue("root", nil, true), issue("inter", "root", true), issue("leaf", "inter");
		other = issue("other", "root", true);
		stranger, twin = issue("stranger", nil, true), issue("twin", nil, true, "inter");
	end);

	local function record(usage, selector, matching, certificate)
		local data = x509.pem2der(selector == 0 and certificate:pem() or (certificate:pubkey()));
		local digest = { [0] = function (all) return all; end, hashes.sha256, hashes.sha512 };
		return { use = usage, select = selector, match = matching, data = digest[matching](data) };
	end

	-- What usages 0 to 3 say about one certificate.
	local function verdicts(certificate, chain, is_trusted, is_named)
		local peer = { leaf = chain[1], chain = chain, is_trusted = is_trusted, is_named = function () return is_named; end };
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

	it("an authority below one that was not presented needs the trust store to vouch for the chain", function ()
		assert.same({ 0, false, 2, false }, verdicts(inter, { leaf, inter }, true, true));
		assert.same({ false, false, false, false }, verdicts(inter, { leaf, inter }, false, true));
	end);

	it("selectors and matching types are compared as RFC 6698 has them", function ()
		local peer = { leaf = leaf, chain = { leaf }, is_trusted = false, is_named = function () return false; end };
		for selector = 0, 1 do
			for matching = 0, 2 do
				assert.is_true(match.matches(peer, { record(3, selector, matching, stranger), record(3, selector, matching, leaf) }));
				assert.is_false(match.matches(peer, { record(3, selector, matching, inter) }));
			end
		end
	end);

	it("a trusted authority need not be presented", function ()
		local function may_be_unseen(usage, is_trusted)
			return match.may_be_unseen({ is_trusted = is_trusted, is_named = function () return true; end }, { record(usage, 0, 1, root) });
		end
		assert.same({ true, false, false, false }, { may_be_unseen(0, true), may_be_unseen(0, false), may_be_unseen(1, true), may_be_unseen(2, true) });
	end);
end);

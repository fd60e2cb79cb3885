-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local certificate = require "xmppdns.check.certificate";
local certificates = require "spec.support.certificates";
local process = require "spec.support.process";

describe("xmppdns.check.certificate", function ()
	local authority, chain, path;

	setup(function ()
		authority = certificates.new_authority("authority of certificate");
		path = authority:issue_chain("a.example", process.directory("chain"), { "a.example", "*.B.example" });
		chain = certificate.load_chain(path);
	end);

	it("reads all certificates of a file, the server's first", function ()
		assert.equal(2, #chain);
		assert.equal(process.read(authority.file), chain[2]:pem());
	end);

	it("says why a file gives none", function ()
		assert.equal("/nowhere: No such file or directory", (select(2, certificate.load_chain("/nowhere"))));
		local _, problem = certificate.load_chain(authority.key);
		assert.equal(authority.key .. ": no certificate in it", problem);
	end);

	it("lists its names in lower case", function ()
		local names = {};
		for i, name in ipairs(certificate.list_names(chain[1])) do names[i] = name.kind .. " " .. name.name; end
		assert.same({ "DNS a.example", "DNS *.b.example" }, names);
	end);

	it("knows when it ends", function ()
		local text = process.run({ "openssl", "x509", "-in", path, "-noout", "-enddate" }):match("=(.*)\n");
		assert.equal(tonumber(process.run({ "date", "+%s", "-d", text })), certificate.read_end(chain[1]));
		local leap = { notafter = function () return "Feb 29 23:59:59 2028 GMT"; end };
		assert.equal(1835481599, certificate.read_end(leap));
	end);

	it("gives the data of TLSA records as openssl does", function ()
		for select = 0, 1 do assert.equal(certificates.digest(path, select), certificate.association(chain[1], select, 1)); end
		local whole = process.run({ "sh", "-c", "openssl x509 -in \"$0\" -outform DER | od -An -v -tx1", path }):gsub("%s", "");
		assert.equal(whole, certificate.association(chain[1], 0, 0));
		assert.is_nil(certificate.association(chain[1], 1, 2));
	end);
end);

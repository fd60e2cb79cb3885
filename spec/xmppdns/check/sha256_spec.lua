-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local digest = require "xmppdns.check.sha256".digest;
local process = require "spec.support.process";

describe("xmppdns.check.sha256", function ()
	it("gives what the standard's examples give", function ()
		assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", digest(""));
		assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", digest("abc"));
		assert.equal("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"));
	end);

	it("agrees with sha256sum at every length around a block's end, for every byte", function ()
		local bytes = {};
		for i = 0, 255 do bytes[i + 1] = string.char(i); end
		local all = table.concat(bytes);
		for _, size in ipairs({ 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 256 }) do
			local file = process.write(process.directory("sha256") .. "/bytes", all:sub(1, size));
			assert.equal(process.run({ "sha256sum", file }):match("^%x+"), digest(all:sub(1, size)));
		end
	end);
end);

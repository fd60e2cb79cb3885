-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- A file that is published is whole at any moment, whatever fails.

local core = require "xmppdns.core";
local process = require "spec.support.process";

local LUA = arg and arg[-1] or "lua5.4";
local SIZE = 20000; -- more than a page

-- Publishes texts of one letter each for ever.
local WRITER = ([[
	local core = require "xmppdns.core";
	io.stdout:write("ready\n"); io.stdout:flush();
	while true do
		for letter in ("abcdefgh"):gmatch(".") do core.publish_file(arg[1], letter:rep(%d) .. "\n"); end
	end
]]):format(SIZE);

local function is_whole(text)
	return text == (text or ""):sub(1, 1):rep(SIZE) .. "\n";
end

describe("xmppdns.core: a published file", function ()
	local folder, path;
	before_each(function ()
		folder = process.directory("file");
		path = folder .. "/published";
		process.run({ "rm", "-rf", path, path .. ".new" });
	end);

	local function start_writer()
		local program = process.write(folder .. "/writer.lua", WRITER);
		local writer = process.start({ LUA, program, path }, { env = { LUA_CPATH = package.cpath }, cwd = process.run({ "pwd" }):gsub("\n", "") });
		assert(process.wait_until(function () return writer:output():find("ready", 1, true); end, 60));
		return writer;
	end

	it("has the text, and takes the place of another one", function ()
		assert.is_true(core.publish_file(path, "one"));
		assert.is_true(core.publish_file(path, ""));
		assert.is_true(core.publish_file(path, "a\0b\n"));
		assert.equal("a\0b\n", process.read(path));
		assert.is_nil(process.read(path .. ".new"));
	end);

	it("is whole whenever its writer is killed, and what that leaves behind does not grow or hinder", function ()
		assert(core.publish_file(path, ("x"):rep(SIZE) .. "\n"));
		for _ = 1, 30 do
			local writer = start_writer();
			local before = process.read(path);
			process.wait_until(function () return process.read(path) ~= before; end, 60);
			writer:signal("KILL");
			process.wait_until(function () return not writer:alive(); end, 60);
			assert.is_true(is_whole(process.read(path)));
			assert.is_true(tonumber((process.run({ "sh", "-c", "ls " .. folder .. " | wc -l" }))) <= 3);
		end
		assert.is_true(core.publish_file(path, "after"));
		assert.equal("after", process.read(path));
	end);

	it("is whole while two processes write it", function ()
		assert(core.publish_file(path, ("x"):rep(SIZE) .. "\n"));
		local one, other, seen, changes = start_writer(), start_writer(), nil, 0;
		process.wait_until(function ()
			for _ = 1, 50 do
				local text = process.read(path);
				assert.is_true(is_whole(text));
				changes = changes + (text ~= seen and 1 or 0);
				seen = text;
			end
			return changes > 200;
		end, 60);
		one:stop();
		other:stop();
		assert.is_true(changes > 200);
	end);

	it("stays when another one is being written", function ()
		assert(core.publish_file(path, "before"));
		local lock = process.start({ "flock", path .. ".new", "sh", "-c", "echo ready; sleep 60" });
		assert(process.wait_until(function () return lock:output():find("ready", 1, true); end, 60));
		assert.same({ nil, "Resource temporarily unavailable", "busy" }, { core.publish_file(path, "after") });
		lock:stop();
		assert.equal("before", process.read(path));
	end);

	-- In a mount namespace of its own: a file system of 64 KB.
	local function in_small_file_system(script)
		local program = process.write(folder .. "/program.lua", [[
			local core = require "xmppdns.core";
			print(core.publish_file(arg[1] .. "/f", (arg[2]):rep(20000)));
			local text = io.open(arg[1] .. "/f"):read("*a");
			print(text == text:sub(1, 1):rep(20000) and text:sub(1, 1) or "damaged");
		]]);
		local mount = process.directory("file-mount");
		return process.run_with_own_mounts(("mount -t tmpfs -o size=64k none %s\npublish() { %s %s %s \"$1\"; }\n%s"):format(
			mount, LUA, program, mount, script:gsub("MOUNT", mount)), { env = { LUA_CPATH = package.cpath } });
	end

	it("stays when the disk is full, and can be written when it is not any more", function ()
		assert.equal("true\na\nnil\tNo space left on device\na\ntrue\nc\n",
			in_small_file_system("publish a; head -c 30000 /dev/zero >MOUNT/ballast; publish b; rm MOUNT/ballast; publish c"));
	end);

	it("stays when the file system has become read-only", function ()
		assert.equal("true\na\nnil\tRead-only file system\na\n", in_small_file_system("publish a; mount -o remount,ro MOUNT; publish b"));
	end);

	it("is not made where its folder is gone", function ()
		assert.same({ nil, "No such file or directory" }, { core.publish_file(folder .. "/gone/file", "text") });
	end);

	it("15.3: is never made of a file of somebody else's, who could go on writing it", function ()
		assert(core.publish_file(path, "before"));
		process.write(path .. ".new", "theirs");
		process.run({ "chown", "65534", path .. ".new" });
		assert.same({ nil, "Operation not permitted" }, { core.publish_file(path, "after") });
		assert.same({ "before", "theirs" }, { process.read(path), process.read(path .. ".new") });
		process.run({ "sh", "-c", "rm $1.new; touch $1.other; ln $1.other $1.new", "sh", path });
		assert.same({ nil, "Operation not permitted" }, { core.publish_file(path, "after") });
		process.run({ "rm", path .. ".new" });
	end);

	it("is never written through a link that somebody put beside it", function ()
		local victim = process.write(folder .. "/victim", "untouched");
		process.run({ "ln", "-s", victim, path .. ".new" });
		assert.is_nil((core.publish_file(path, "text")));
		assert.equal("untouched", process.read(victim));
	end);
end);

describe("xmppdns.core: sha256", function ()
	it("is what sha256sum says, at every length around a block's", function ()
		local texts, files = {}, {};
		for size = 0, 130 do
			texts[size] = ("x"):rep(size);
			files[#files + 1] = process.write(process.directory("sha256") .. ("/%03d"):format(size), texts[size]);
		end
		local size = 0;
		for digest in process.run({ "sh", "-c", "sha256sum " .. process.directory("sha256") .. "/*" }):gmatch("(%x+)  ") do
			assert.equal(digest, (core.sha256(texts[size]):gsub(".", function (byte) return ("%02x"):format(byte:byte()); end)));
			size = size + 1;
		end
		assert.equal(131, size);
	end);
end);

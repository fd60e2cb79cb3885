-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Releases of libunbound with which we cannot work, refused when they are loaded and when they are built with. A library that is not installed anywhere
-- is played by one that has its name, and its functions, but does nothing.

local child = require "spec.support.child";
local process = require "spec.support.process";

local core = child.module_path("xmppdns.core");

local function functions_used()
	local names = {};
	for name in process.run({ "nm", "--dynamic", "--undefined-only", "--format=posix", core }):gmatch("(ub_[%w_]+)") do names[#names + 1] = name; end
	return names;
end

-- A library of that version without the function that is lacking, if one is: its directory.
local function play_library(version, lacking)
	local directory = process.directory(("libunbound-%s-%s"):format(version, lacking or "whole"));
	local lines = { ("const char *ub_version(void) { return %q; }"):format(version) };
	for _, name in ipairs(functions_used()) do
		if name ~= "ub_version" and name ~= lacking then lines[#lines + 1] = ("int %s(void) { return 0; }"):format(name); end
	end
	process.write(directory .. "/played.c", table.concat(lines, "\n") .. "\n");
	process.run({ "cc", "-shared", "-fPIC", "-Wl,-soname,libunbound.so.8", "-o", "libunbound.so", "played.c" }, { cwd = directory });
	process.run({ "ln", "-sf", "libunbound.so", directory .. "/libunbound.so.8" });
	return directory;
end

describe("19.2: libunbound's release, when it is loaded:", function ()
	local function load_with(version, lacking)
		return child.run(([[
			assert(package.loadlib(%q, "*")); -- what has its name is not looked for again
			local loaded, problem = pcall(require, "xmppdns.core");
			io.write(tostring(loaded and "loaded" or problem));
		]]):format(play_library(version, lacking) .. "/libunbound.so.8"));
	end

	it("one that is too old is refused, with the version found and the one needed", function ()
		for _, version in ipairs({ "1.13.1", "1.4.22", "0.99.0", "unknown" }) do
			assert.equal(("mod_xmppdns needs libunbound 1.14 or newer, and found %s"):format(version), load_with(version));
		end
	end);

	it("one without a function of its event API is refused, with that function", function ()
		for _, name in ipairs({ "ub_ctx_create_ub_event", "ub_resolve_event" }) do
			assert.equal(("mod_xmppdns needs libunbound 1.14 or newer with its event API, and found 1.17.1 without %s"):format(name), load_with("1.17.1", name));
		end
	end);

	it("the oldest one that will do, and later ones, are taken", function ()
		for _, version in ipairs({ "1.14.0", "1.14.0rc1", "1.26.2", "1.100.0", "2.0.0" }) do assert.equal("loaded", load_with(version)); end
	end);

	it("xmppdns-check says so on one line", function ()
		local said = process.run({ "sh", "-c", "\"$0\" mod_xmppdns/xmppdns-check --version; echo \"status $?\"", child.interpreter() },
			{ env = { LUA_PATH = package.path, LUA_CPATH = package.cpath, LD_LIBRARY_PATH = play_library("1.13.1") } });
		assert.equal("xmppdns-check: mod_xmppdns needs libunbound 1.14 or newer, and found 1.13.1\nstatus 1\n", said);
	end);
end);

describe("19.2: libunbound's release, when it is built with:", function ()
	-- What a build with these variables of make's says, and whether it compiled anything.
	local function build(variables)
		local target = process.directory("built");
		return process.run({ "sh", "-c", "unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES; rm -rf \"$0\"; LC_ALL=C make --no-print-directory "
			.. "PACKAGES=no BUILD=\"$0\" \"$@\" all; [ ! -e \"$0/base\" ] || echo compiled; [ ! -e \"$0/xmppdns/core.so\" ] || echo linked", target, variables });
	end

	it("one that is too old is refused on one line before anything is compiled", function ()
		local headers = process.directory("headers");
		process.write(headers .. "/unbound.h", "#define UNBOUND_VERSION_MAJOR 1\n#define UNBOUND_VERSION_MINOR 13\n#define UNBOUND_VERSION_MICRO 2\n");
		local said = build("CPPFLAGS=-I" .. headers);
		assert.matches("^mod_xmppdns needs libunbound 1%.14 or newer, and found 1%.13%.2\nmake: %*%*%* [^\n]*\n$", said);
	end);

	it("one without a function of its event API is refused on one line, too", function ()
		local said = build("LDFLAGS=-L" .. play_library("1.17.1", "ub_resolve_event"));
		assert.matches("^mod_xmppdns needs libunbound 1%.14 or newer with its event API, and found [%d.]+ without ub_resolve_event\nmake: %*%*%* [^\n]*\n$", said);
	end);

	it("a compiler that finds no libunbound says that itself", function ()
		local said = build("CC=cc -nostdinc");
		assert.matches("unbound%.h: No such file", said);
		assert.is_nil(said:match("compiled"));
	end);
end);

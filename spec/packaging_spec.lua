-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What is installed, by make and by LuaRocks, is all that the sources are, and works from there.

local certificates = require "spec.support.certificates";
local process = require "spec.support.process";
local prosody = require "spec.support.prosody";

local lua_version = _VERSION:match("%d%.%d");
local make_version = rawget(_G, "jit") and "jit" or lua_version;
local lua = rawget(_G, "jit") and "luajit" or "lua" .. lua_version;
local rockspec_file = "rockspec/mod_xmppdns-scm-1.rockspec";

local function lines_of(command)
	local lines = {};
	local output = assert(io.popen(command));
	for line in output:lines() do
		table.insert(lines, line);
	end
	output:close();
	return lines;
end

-- Runs command in a shell of its own, without what the make that runs this spec left in the environment.
local function run(command)
	local lines = lines_of("exec 2>&1; unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES; (" .. command .. "); echo $?");
	local status = table.remove(lines);
	assert(status == "0", command .. ":\n" .. table.concat(lines, "\n"));
	return lines;
end

local function sorted(list)
	table.sort(list);
	return list;
end

local function read_rockspec()
	local rockspec = {};
	local file = assert(io.open(rockspec_file));
	local text = file:read("*a");
	file:close();
	local setfenv = rawget(_G, "setfenv");
	local chunk = assert(setfenv and loadstring(text) or load(text, rockspec_file, "t", rockspec)); -- luacheck: ignore 113/loadstring
	if setfenv then
		setfenv(chunk, rockspec);
	end
	chunk();
	return rockspec;
end

local use_from = "LUA_PATH='%s/share/lua/%s/?.lua;%s/share/lua/%s/?/init.lua' LUA_CPATH='%s/lib/lua/%s/?.so' "
	.. lua .. " -e 'print(require \"xmppdns\"._VERSION, package.searchpath and package.searchpath(\"xmppdns.core\", package.cpath))'";

local function version_seen_from(prefix)
	return lines_of("cd / && " .. use_from:format(prefix, lua_version, prefix, lua_version, prefix, lua_version))[1];
end

local function start_prosody(name, config)
	return prosody.start({
		name = name, authority = certificates.new_authority(), modules = { "xmppdns" }, hosts = { ["packed.example"] = "packed.example" };
		config = config .. "\nxmppdns = { forward = \"127.0.0.1@1\", resolvconf = false, dnssec = \"off\" }\n";
	});
end

local TOLD = [[
plugin_paths = { %q }
package.path = "%s/share/lua/5.4/?.lua;" .. package.path;
package.cpath = "%s/lib/lua/5.4/?.so;" .. package.cpath;
]];

-- Whether a real Prosody runs the plugin with the C module from that prefix, of which it is told, with its plugin_paths, unless config does that.
local function works_in_prosody(name, prefix, plugins, config)
	local server = start_prosody(name, config or TOLD:format(plugins, prefix, prefix));
	local has_started = process.wait_until(function () return server:log():find("DNS through libunbound", 1, true); end);
	local id = process.read(server.directory .. "/prosody.pid"):match("%d+");
	local maps = table.concat(lines_of("cat /proc/" .. id .. "/maps"), "\n");
	server:stop();
	assert(has_started, server:log());
	return maps:find(prefix .. "/lib/lua/5.4/xmppdns/core.so", 1, true) ~= nil;
end

describe("packaging", function ()
	local scratch;

	setup(function ()
		scratch = lines_of("mktemp -d")[1];
	end);

	teardown(function ()
		run("rm -rf '" .. scratch .. "'");
	end);

	describe("make install", function ()
		local prefix;

		setup(function ()
			prefix = scratch .. "/root/opt/prosody";
			run(("make install LUA_VERSION=%s DESTDIR='%s/root' PREFIX=/opt/prosody"):format(make_version, scratch));
		end);

		it("puts each file where the README says, and nothing else", function ()
			local expected = { "./bin/xmppdns-check", "./lib/lua/" .. lua_version .. "/xmppdns/core.so", "./lib/prosody/modules/mod_xmppdns.lua",
				"./share/bash-completion/completions/xmppdns-check", "./share/man/man1/xmppdns-check.1" };
			for _, file in ipairs(lines_of("find lua -name '*.lua'")) do
				table.insert(expected, "./share/lua/" .. lua_version .. file:sub(#"lua" + 1));
			end
			assert.same(sorted(expected), sorted(lines_of("cd '" .. prefix .. "' && find . -type f")));
		end);

		it("gives a library that loads from there", function ()
			local version = require "xmppdns"._VERSION;
			assert.equal(version, version_seen_from(prefix):match("^%S+"));
		end);

		it("gives a plugin that a real Prosody runs from there", function ()
			assert.is_true(works_in_prosody("installed", prefix, prefix .. "/lib/prosody/modules"));
		end);

		it("leaves nothing when it is undone", function ()
			run(("make install LUA_VERSION=%s DESTDIR='%s/undone' PREFIX=/opt/prosody"):format(make_version, scratch));
			run(("make uninstall LUA_VERSION=%s DESTDIR='%s/undone' PREFIX=/opt/prosody"):format(make_version, scratch));
			assert.same({}, lines_of("find '" .. scratch .. "/undone' -type f"));
		end);

		it("gives the command xmppdns-check, which finds its library by itself", function ()
			local version = require "xmppdns"._VERSION;
			assert.equal("xmppdns-check " .. version, lines_of("cd / && '" .. prefix .. "/bin/xmppdns-check' --version")[1]:match("^[^,]+"));
		end);
	end);

	describe("the manual page", function ()
		it("pleases mandoc", function ()
			assert.same({}, lines_of("mandoc -T lint -W warning mod_xmppdns/xmppdns-check.1"));
		end);

		it("explains the options that the command has", function ()
			local text, help, explained = "", {}, {};
			require "xmppdns.check.command".main({ "--help" }, { out = { write = function (_, more) text = text .. more; end } });
			for option in text:gmatch("%-%-%l+") do help[option] = true; end
			for _, line in ipairs(lines_of("cat mod_xmppdns/xmppdns-check.1")) do
				local option = line:match("^%.It Fl (%-%l+)");
				if option then explained["-" .. option] = true; end
			end
			assert.same(help, explained);
		end);
	end);

	describe("make doc", function ()
		it("makes a page for the library, without a warning", function ()
			assert.same({ "build/doc/index.html" }, run("make --no-print-directory doc"));
			local page = table.concat(lines_of("cat build/doc/modules/xmppdns.html"), "\n");
			for name, value in pairs(require "xmppdns") do
				if type(value) == "function" then assert.matches("\"#" .. name .. "\"", page, 1, true); end
			end
		end);
	end);

	describe("make dist", function ()
		it("makes a tarball that builds, the same each time", function ()
			local first, second = scratch .. "/first.tar.gz", scratch .. "/second.tar.gz";
			run(("sh .ci/dist '%s' sources; sh .ci/dist '%s' sources; cmp '%s' '%s'"):format(first, second, first, second));
			run(("tar -xzf '%s' -C '%s' && make -C '%s/sources' PACKAGES=no LUA_VERSION=%s"):format(first, scratch, scratch, make_version));
			assert.same({ "core.so" }, lines_of(("ls '%s'/sources/build/*/xmppdns"):format(scratch)));
		end);

		it("has a version that sorts before the release until that has its tag", function ()
			local version = lines_of("sh .ci/version")[1];
			local release = require "xmppdns"._VERSION;
			if version ~= release then run(("dpkg --compare-versions '%s' lt '%s'"):format(version, release)); end
			assert.equal(release, version:match("^[^~]+"));
		end);

		it("has such a version, too, where git cannot say which commit that is", function ()
			run(("mkdir -p '%s/unknown/lua' && cp -R .ci '%s/unknown' && cp lua/xmppdns.lua '%s/unknown/lua'"):format(scratch, scratch, scratch));
			process.write(scratch .. "/unknown/.git", "");
			assert.same({ require "xmppdns"._VERSION .. "~git" }, lines_of(("sh '%s/unknown/.ci/version'"):format(scratch)));
		end);
	end);

	describe("make deb", function ()
		local package, doc = nil, "usr/share/doc/prosody-mod-xmppdns/";

		setup(function ()
			run("sh .ci/deb '" .. scratch .. "/deb'");
			package = lines_of(("ls '%s'/deb/prosody-mod-xmppdns_*.deb"):format(scratch))[1];
		end);

		it("makes a package with the installed files where Debian's Prosody and Lua look for them", function ()
			local listed = {};
			for _, line in ipairs(lines_of("dpkg-deb --contents '" .. package .. "'")) do
				local file = line:match("^%-.* %./(%S+)$");
				if file then table.insert(listed, (file:gsub("/lib/[^/]+/lua/", "/lib/ARCHITECTURE/lua/"):gsub("%.gz$", ""))); end
			end
			local expected = {
				"usr/bin/xmppdns-check", "usr/lib/ARCHITECTURE/lua/5.4/xmppdns/core.so", "usr/lib/prosody/modules/mod_xmppdns.lua";
				"usr/share/bash-completion/completions/xmppdns-check";
				"usr/share/man/man1/xmppdns-check.1", "usr/share/lintian/overrides/prosody-mod-xmppdns", doc .. "README.md", doc .. "alerts.yml";
				doc .. "copyright", doc .. "dashboard.json", doc .. "changelog", doc .. "changelog.Debian";
			};
			for _, file in ipairs(lines_of("find lua -name '*.lua'")) do
				table.insert(expected, "usr/share/lua/5.4" .. file:sub(#"lua" + 1));
			end
			assert.same(sorted(expected), sorted(listed));
		end);

		it("names what it needs, and what it is good with", function ()
			local fields = table.concat(lines_of("dpkg-deb --field '" .. package .. "'"), "\n");
			assert.matches("\nDepends: lua5%.4, .*libidn2%-0.*libunbound8", fields);
			assert.matches("\nRecommends: ca%-certificates, dns%-root%-data, prosody %(>= 0%.12%) | prosody%-13%.0 | prosody%-trunk\n", fields);
			assert.matches("\nMulti%-Arch: same\n", fields);
		end);

		it("makes its source package too", function ()
			assert.equal(1, #lines_of(("ls '%s'/deb/*.dsc"):format(scratch)));
			run(("cd '%s/deb' && dpkg-source --extract *.dsc extracted && test -x extracted/debian/rules"):format(scratch));
		end);
	end);

	describe("the rockspec", function ()
		local rockspec = read_rockspec();
		local tree, packed;

		local function luarocks(command)
			return run(("cd '%s/copy' && LUAROCKS_CONFIG='%s/luarocks.lua' luarocks --lua-version=%s %s"):format(scratch, scratch, lua_version, command));
		end

		local function files_of(directory)
			return sorted(lines_of(("cd '%s' && find . -type f -not -path './lib/luarocks/*'"):format(directory)));
		end

		setup(function ()
			tree, packed = scratch .. "/rocks", scratch .. "/packed";
			run(("mkdir '%s/copy' && tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C '%s/copy'"):format(scratch, scratch));
			process.write(scratch .. "/luarocks.lua", "-- nothing of this machine's\n");
			luarocks(("make --tree '%s' %s"):format(tree, rockspec_file));
		end);

		it("of the release is that of the checkout, but for version and tag", function ()
			local version = require "xmppdns"._VERSION;
			local release = ("rockspec/mod_xmppdns-%s-1.rockspec"):format(version);
			local committed = process.read(release);
			run("sh .ci/rockspec");
			assert.equal(process.read(release), committed);
			assert.matches(("tag = \"v%s\""):format(version), committed, 1, true);
		end);

		it("needs nothing but Lua: what --json needs is told by --json", function ()
			assert.same({ "lua >= 5.1, < 5.5" }, rockspec.dependencies);
		end);

		it("installs every file, the plugin where Prosody looks for it below a plugin path", function ()
			local expected = { "./bin/xmppdns-check", ("./lib/lua/%s/xmppdns/core.so"):format(lua_version),
				("./share/lua/%s/mod_xmppdns/mod_xmppdns.lua"):format(lua_version) };
			for _, file in ipairs(lines_of("find lua -name '*.lua'")) do
				table.insert(expected, "./share/lua/" .. lua_version .. file:sub(#"lua" + 1));
			end
			assert.same(sorted(expected), files_of(tree));
		end);

		it("builds a C module that is hardened, is never unloaded, and exports one symbol", function ()
			local path = ("%s/lib/lua/%s/xmppdns/core.so"):format(tree, lua_version);
			local headers = table.concat(lines_of("readelf --wide --dynamic --program-headers --dyn-syms '" .. path .. "'"), "\n");
			for _, wanted in ipairs({ "GNU_RELRO", "BIND_NOW", "NODELETE", "__stack_chk_fail" }) do assert.matches(wanted, headers, 1, true); end
			assert.matches("^luaopen_xmppdns_core ", table.concat(lines_of("nm --dynamic --defined-only --format=posix '" .. path .. "'"), "\n"));
			assert.equal(1, #lines_of("nm --dynamic --defined-only --format=posix '" .. path .. "'"));
		end);

		it("makes a tree from which the library, the plugin and the command work", function ()
			local version = require "xmppdns"._VERSION;
			assert.equal(version, version_seen_from(tree):match("^%S+"));
			assert.is_true(works_in_prosody("rocks", tree, tree));
			assert.equal("xmppdns-check " .. version, lines_of("'" .. tree .. "/bin/xmppdns-check' --version")[1]:match("^[^,]+"));
		end);

		it("packs a rock that installs the same into an empty tree", function ()
			luarocks(("--tree '%s' pack mod_xmppdns"):format(tree));
			local rock = lines_of(("ls '%s'/copy/*.rock"):format(scratch))[1];
			luarocks(("--tree '%s' install --deps-mode none '%s'"):format(packed, rock));
			assert.same(files_of(tree), files_of(packed));
			assert.equal(require "xmppdns"._VERSION, version_seen_from(packed):match("^%S+"));
		end);

		it("is enough for Prosody's plugin installer: the plugin runs from there with nothing but its name enabled", function ()
			local served, installed, config = scratch .. "/served", scratch .. "/installed", scratch .. "/installer.cfg.lua";
			run(("mkdir '%s' '%s' && cp '%s'/copy/*.rock '%s'"):format(served, installed, scratch, served));
			run(("luarocks-admin --lua-version=%s make-manifest '%s'"):format(lua_version, served));
			process.write(config, ("run_as_root = true\ndata_path = %q\ninstaller_plugin_path = %q\n"):format(scratch, installed));
			run(("prosodyctl --config '%s' install --server='%s' mod_xmppdns"):format(config, served));
			prosody.is_installed = true;
			local works = works_in_prosody("installer", installed, nil, ("installer_plugin_path = %q"):format(installed));
			prosody.is_installed = false;
			assert.is_true(works);
		end);

		it("without its C module says so on one readable line, and prosodyctl where it was looked for", function ()
			local config = ("installer_plugin_path = %q"):format(scratch .. "/installed");
			run(("mv '%s/installed/lib' '%s/installed/away'"):format(scratch, scratch));
			prosody.is_installed = true;
			local server = start_prosody("without", config);
			prosody.is_installed = false;
			local line = process.wait_until(function () return server:log():match("Cannot load the xmppdns library:[^\n]*"); end);
			local said = process.run({ "sh", "-c", "prosodyctl --config \"$0\" mod_xmppdns check; echo status $?", server.directory .. "/prosody.cfg.lua" });
			server:stop();
			assert.equal("Cannot load the xmppdns library: module 'xmppdns.core' not found (prosodyctl mod_xmppdns check says more);"
				.. " Prosody goes on with its own resolver", line);
			assert.matches("Cannot load the xmppdns library: module 'xmppdns.core' not found\n", said, 1, true);
			assert.matches(("  not in %s/installed/lib/lua/5.4/xmppdns/core.so\n"):format(scratch), said, 1, true);
			assert.matches("status 1\n$", said);
		end);
	end);
end);

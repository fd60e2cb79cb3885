-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The README's examples print what it says, and its table of settings is the code's.
require "spec.support.prosody_util" ("encodings");

local autotrust = require "xmppdns.prosody.autotrust";
local policy = require "xmppdns.prosody.policy";
local process = require "spec.support.process";
local zones = require "spec.support.zones";
local xmppdns = require "xmppdns";

local function read_file(path)
	local file = assert(io.open(path));
	local text = file:read("*a");
	file:close();
	return text;
end

local readme = read_file("README.md");

-- A chunk that sees globals, on every Lua.
local function load_with(globals, text)
	local setfenv = rawget(_G, "setfenv");
	if not setfenv then return assert(load(text, "README.md", "t", globals)); end
	return setfenv(assert(loadstring(text, "README.md")), globals); -- luacheck: ignore 113/loadstring
end

-- The examples: { heading = what stands above it, code =, output = its lines "--> ..." }.
local function read_examples()
	local examples = {};
	for before, code in readme:gmatch("([^\n]*)\n\n```lua\n(.-)```") do
		local output = {};
		for line in code:gmatch("%-%-> ([^\n]*)") do
			table.insert(output, line);
		end
		table.insert(examples, { heading = before:match("%*%*(.-)%*%*") or before, code = code, output = output });
	end
	return examples;
end

local function is_configuration(example)
	return example.code:find("^%-%- prosody.cfg.lua") ~= nil;
end

-- The row of each setting: its default as a Lua value, or nil where the README says it in words.
local function read_settings_table()
	local defaults, keys = {}, {};
	local section = readme:match("\n## Settings\n(.-)\n## ");
	for key, default in section:gmatch("\n| `([%w_]+)` | ([^|]-) |") do
		table.insert(keys, key);
		local literal = default:match("^`(.-)`$");
		if literal then
			defaults[key] = load_with({}, "return " .. literal)();
		end
	end
	table.sort(keys);
	return keys, defaults;
end

local function settings_of_the_code()
	local keys = {};
	for key in read_file("mod_xmppdns/src/settings/settings.c"):gmatch("{ %.key = \"([%w_]+)\"") do
		table.insert(keys, key);
	end
	table.insert(keys, "keep_answers"); -- the plugin's own
	table.sort(keys);
	return keys;
end

describe("README.md", function ()
	describe("its example", function ()
		local dns;

		setup(function ()
			dns = zones.serve({
				["example.org"] = { records = table.concat({
					"_xmpps-server._tcp SRV 10 0 5270 xmpp",
					"_xmpp-server._tcp SRV 20 0 5269 xmpp",
					"_xmpp-client._tcp SRV 0 0 5222 xmpp",
					"xmpp A 127.1.2.3",
					"_5269._tcp.xmpp TLSA 3 1 1 " .. ("ab"):rep(32),
				}, "\n") };
				["bogus.example"] = { records = "_xmpp-server._tcp SRV 0 0 5269 xmpp\nxmpp A 127.1.2.3", fault = "signature" };
				["unsigned.example"] = { records = "@ A 127.1.2.4", signed = false };
			});
		end);

		teardown(function ()
			dns:stop();
		end);

		before_each(function ()
			assert(xmppdns.configure(dns:settings()));
			assert(xmppdns.reconfigure_resolver());
		end);

		after_each(function ()
			xmppdns.get_resolver():close();
			assert(xmppdns.reconfigure_resolver());
		end);

		for _, example in ipairs(read_examples()) do
			if not is_configuration(example) then
				it("\"" .. example.heading .. "\" prints what it says", function ()
					local printed = {};
					local globals = setmetatable({ xmppdns = xmppdns }, { __index = _G });
					function globals.print(...)
						local words = {};
						for i = 1, select("#", ...) do
							words[i] = tostring((select(i, ...)));
						end
						table.insert(printed, table.concat(words, " "));
					end
					load_with(globals, example.code)();
					for _ = 1, 100 do
						if #printed >= #example.output then break; end
						xmppdns.get_resolver():wait(0.1);
					end
					assert.same(example.output, printed);
				end);
			end
		end
	end);

	it("has configurations that Prosody's reader and ours accept", function ()
		local seen = {};
		for _, example in ipairs(read_examples()) do
			if is_configuration(example) then
				local globals = {};
				load_with(globals, example.code)();
				for option in pairs(globals) do seen[option] = true; end
				local policies = policy.new(function (_, name) return globals[name]; end);
				assert.is_nil(policies:check());
				if globals.xmppdns then
					globals.xmppdns.forward = "127.0.0.1";
					local settings = assert(autotrust.place(globals.xmppdns, process.directory("readme")));
					assert(xmppdns.new(settings)):close();
				end
			end
		end
		assert.same({ modules_enabled = true, plugin_paths = true, xmppdns = true, xmppdns_remote = true }, seen);
	end);

	it("explains every error code", function ()
		local explained, known = {}, {};
		for code in readme:match("\n## When it does not work\n(.-)\n## "):gmatch("\n| `(%l+)` |") do explained[code] = true; end
		for code in read_file("mod_xmppdns/src/dns/answer.c"):gmatch("%[OUTCOME_%u+%] = \"(%l+)\"") do known[code] = true; end
		known.answered = nil;
		for _, code in ipairs({ "config", "tls", "unavailable", "unreachable" }) do known[code] = true; end -- Lua's own
		assert.same(known, explained);
	end);

	it("lists the settings that the code knows, each once", function ()
		assert.same(settings_of_the_code(), (read_settings_table()));
	end);

	it("gives the defaults that the code has", function ()
		local _, documented = read_settings_table();
		local resolver = assert(xmppdns.new({ forward = "127.0.0.1" }));
		local settings, actual = resolver:settings(), {};
		resolver:close();
		for key in pairs(documented) do
			actual[key] = settings[key];
		end
		assert.same(documented, actual);
	end);
end);

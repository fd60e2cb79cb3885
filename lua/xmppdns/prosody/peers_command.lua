-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- prosodyctl mod_xmppdns peers: the servers that the running Prosody is connected with, or lately failed to be.

local from_prosody = require "xmppdns.prosody.modules";
local ask = require "xmppdns.prosody.running".ask_for;
local json = from_prosody "util.json";
local screens = require "xmppdns.check.screen";
local shown_peers = require "xmppdns.check.peers";
local visible = require "xmppdns.check.tree".visible;

local QUESTION = "xmppdns-peers";

local HELP = [[
Usage: prosodyctl mod_xmppdns peers [--json] [PATTERN]

Shows with which servers the running Prosody is connected, or lately failed to
be: in which direction, with which TLS, whether DNSSEC secures their SRV
records, what has proven who they are (DANE, PKIX or dialback), where they are,
for how many seconds that holds (TTL), and why a connection failed last.
PATTERN: only domains that have this in them, or match it as a Lua pattern.

  --json    the same for programs: an object with peers, a list of
            { remote, host: of ours, direction: "outgoing", "incoming" or
            "both", state: "connected", "connecting" or "failed", tls, proven:
            "DANE", "PKIX" or "dialback", srv_secure, endpoint: { host, port,
            tls: "direct" or "starttls" }, address, ttl: seconds, failure:
            { at: seconds since 1970, text } }; what does not apply is left out
  --help

Exit status: 0, 1 when the server cannot be asked, 2 wrong options.
]];

-- { pattern, json, help }, or nil and what is wrong.
local function read_arguments(arguments)
	local wanted = {};
	for _, argument in ipairs(arguments) do
		if argument == "--json" or argument == "--help" then
			wanted[argument:sub(3)] = true;
		elseif argument:sub(1, 1) == "-" then
			return nil, "unknown option " .. argument;
		elseif wanted.pattern then
			return nil, "one PATTERN is enough";
		else
			wanted.pattern = argument;
		end
	end
	if not pcall(string.find, "", wanted.pattern or "") then return nil, "this is no Lua pattern: " .. wanted.pattern; end
	return wanted;
end

local function write_json(selected)
	io.stdout:write(json.encode_ordered({ peers = from_prosody "util.array"(selected) }), "\n");
end

local function write_trees(selected)
	local screen = screens.open({});
	screen:write(shown_peers.draw(selected, screen.style, screen.unicode, screen.width, os.time()));
	screen:write(shown_peers.describe(selected) .. "\n");
end

-- arguments: those after "peers"; paths: of prosody.paths. Gives the exit status.
local function run(arguments, paths)
	local wanted, problem = read_arguments(arguments);
	if not wanted then
		io.stderr:write(("prosodyctl mod_xmppdns peers: %s; --help says more\n"):format(visible(problem)));
		return 2;
	elseif wanted.help then
		io.stdout:write(HELP);
		return 0;
	end
	local answer, _, text, advice = ask(QUESTION, paths.data);
	if not answer then
		io.stderr:write(("%s: %s\n"):format(visible(text), advice));
		return 1;
	end
	local selected = shown_peers.select(answer.peers, wanted.pattern);
	if wanted.json then write_json(selected); else write_trees(selected); end
	return 0;
end

return { run = run };

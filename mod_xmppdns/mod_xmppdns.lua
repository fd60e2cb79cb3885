-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody's plugin: lets the library serve this server, or refuses what is "required" while it cannot.

module:set_global();

-- As xmppdns.prosody.modules, without the library: that may be what is missing.
local function from_prosody(name)
	local found, its_module = pcall(require, "prosody."..name);
	return found and its_module or require(name);
end

local rawget_option = from_prosody "core.configmanager".rawget;

-- Prosody adds the tree of its plugin installer to the path of Lua's files alone; C modules lie beside them.
for prefix, version in package.path:gmatch("([^;]+)/share/lua/([%d.]+)/%?%.lua") do
	local place = prefix.."/lib/lua/"..version.."/?.so";
	if not (";"..package.cpath..";"):find(";"..place..";", 1, true) then package.cpath = package.cpath..";"..place; end
end

local function one_line(text)
	return (tostring(text):gsub("%s*\n%s*", "; "));
end

-- Why a library cannot be loaded, on one line, and the places where it was looked for.
local function describe_load_failure(problem)
	local text, places = tostring(problem), {};
	for place in text:gmatch("no file '([^'\n]+)'") do places[#places + 1] = place; end
	return places[1] and text:match("module '[^']+' not found") or one_line(text), places;
end

local COMMANDS = { check = "xmppdns.prosody.command", peers = "xmppdns.prosody.peers_command" };

-- prosodyctl mod_xmppdns check, prosodyctl mod_xmppdns peers
function module.command(arg)
	local name = COMMANDS[table.remove(arg, 1)];
	if not name then
		print("Usage: prosodyctl mod_xmppdns check [OPTION...] [DOMAIN...]\n       prosodyctl mod_xmppdns peers [--json] [PATTERN]");
		return 2;
	end
	local found, command = pcall(require, name);
	if not found then
		local text, places = describe_load_failure(command);
		print("Cannot load the xmppdns library: "..text);
		for _, place in ipairs(places) do print("  not in "..place); end
		return 1;
	end
	return command.run(arg, prosody.paths);
end

if prosody.process_type == "prosodyctl" then return; end -- its log is its standard output, and files are the server's to make

local encodings, jid, new_error_reply = from_prosody "util.encodings", from_prosody "util.jid", from_prosody "util.stanza".error_reply;

local RETRY_INTERVAL = 5; -- seconds

local state = module:shared("state"); -- outlives a reload
state.unproven = state.unproven or setmetatable({}, { __mode = "k" }); -- sessions that came while nothing could be validated
local is_active = module:metric("gauge", "active", "", "1 while lookups go through the validating resolver, 0 while Prosody's own has to do"):with_labels();

local plugin;  -- the library's part, once it could be loaded
local problem; -- why it does not serve, or nil
local since;   -- when that began, or ended
local refused; -- why a reload's options did not come into force, or nil
local retries = false;

-- What is "required", for as long as nothing can be validated. Whoever misspelt a level wanted one.

local LAX = { off = true, opportunistic = true };

local function is_strict(level)
	return level ~= nil and not LAX[level];
end

-- The domain in one spelling, or nil.
local function canonical(domain)
	local prepared = type(domain) == "string" and encodings.stringprep.nameprep((domain:gsub("%.$", "")));
	local ascii = prepared and encodings.idna.to_ascii(prepared);
	return ascii and ascii:lower();
end

-- Adds the levels of one entry of xmppdns_remote to those found: of several for one domain the strict one counts.
local function add_levels(found, given, is_certain)
	if type(given) ~= "table" then given = { dane = given }; end
	for key, level in pairs(given) do
		local is_wanted = is_strict(level) and (key == "dnssec" or key == "dane" or level == "required");
		if is_wanted or is_certain and found[key] == nil then found[key] = level; end
	end
end

-- What the option xmppdns_remote has for the domain. A key that is no domain may be a misspelt one: it can only make things stricter.
local function find_remote(remotes, domain)
	local found = {};
	for key, given in pairs(type(remotes) == "table" and remotes or {}) do
		local name = canonical(key);
		if name == nil or name == domain then add_levels(found, given, name ~= nil); end
	end
	return found;
end

local function get_table(host, option)
	local given = rawget_option(host, option);
	return type(given) == "table" and given or given ~= nil and { dane = given } or nil;
end

-- Whether a value is "required" under a key that nobody knows, which then is a misspelt one.
local function has_misspelt(given)
	for key, value in pairs(given) do
		if value == "required" and key ~= "dnssec" and key ~= "dane" then return true; end
	end
	return false;
end

local function is_required(host, remote)
	local domain = canonical(remote);
	local levels = { -- the first one that says something counts
		find_remote(rawget_option(host, "xmppdns_remote"), domain), find_remote(rawget_option("*", "xmppdns_remote"), domain);
		get_table(host, "xmppdns") or {}, get_table("*", "xmppdns") or get_table("*", "unbound") or {};
	};
	local dnssec, dane;
	for _, given in ipairs(levels) do
		if has_misspelt(given) then return true; end
		if dnssec == nil then dnssec = given.dnssec; end
		if dane == nil then dane = given.dane; end
	end
	return is_strict(dnssec) or is_strict(dane);
end

-- Refusing it

local function describe_refusal()
	return "what is required for this domain cannot be checked: "..problem;
end

local function refuse_stanza(host, stanza)
	if stanza.attr.xmlns or stanza.attr.type == "error" or stanza.attr.type == "result" then return; end
	module:context(host):send(new_error_reply(stanza, "wait", "remote-server-timeout", "Server-to-server connection failed: "..describe_refusal()));
end

local function refuse_session(session, remote)
	session.log("warn", "%s is refused: %s", remote, describe_refusal());
	session:close({ condition = "internal-server-error", text = "What is required for your domain cannot be checked here" }, nil, describe_refusal());
end

-- A stanza for which a connection would be opened.
local function guard_route(event)
	if not problem or not is_required(event.from_host, event.to_host) then return; end
	refuse_stanza(event.from_host, event.stanza);
	return true;
end

-- A session that has proven to be a domain's, by whatever way: true once it is refused.
local function guard_session(event)
	local session = event.session;
	local host, remote = session.to_host, event.host or session.from_host;
	if session.direction == "outgoing" then host, remote = session.from_host, session.to_host; end
	if not problem then return; end
	state.unproven[session] = true;
	if not is_required(host, remote) then return; end
	refuse_session(session, remote);
	return true;
end

-- A peer shows a key for a domain: what would ask that domain is refused too, so nobody would tell it why.
local function guard_key(event)
	local session, attr = event.origin, event.stanza.attr;
	if not problem or session.direction ~= "incoming" or not attr.to or not attr.from then return; end
	local host, remote = jid.host(attr.to), jid.host(attr.from);
	if not host or not remote or not is_required(host, remote) then return; end
	refuse_session(session, remote);
	return true;
end

-- A peer that was let in towards one host may send to others.
local function guard_stanza(event)
	local session, stanza = event.origin, event.stanza;
	if not problem or not session or not state.unproven[session] then return; end
	local host, remote = jid.host(stanza.attr.to), jid.host(stanza.attr.from);
	if not is_required(host, remote) then return; end
	refuse_session(session, remote);
	return true;
end

-- Before that, where the peer still understands why: false once it is refused.
local function guard_certificate(event)
	if event.session.direction == "incoming" and guard_session(event) then return false; end
end

local guarded = {};

local function guard_host(host)
	if guarded[host] then return; end
	guarded[host] = true;
	local context = module:context(host);
	context:hook("route/remote", guard_route, -5); -- mod_s2s takes a session that there is at -1, and opens one at -10
	context:hook("stanza/jabber:server:dialback:result", guard_key, 1100);
	context:hook("s2s-authenticated", guard_session, 1100);
	for _, name in ipairs({ "message", "presence", "iq" }) do
		for _, kind in ipairs({ "full", "bare", "host" }) do context:hook(name.."/"..kind, guard_stanza, 1000100); end
	end
end

-- Serving

-- Lua 5.1 remembers by a userdata what could not be loaded.
local function forget_failures()
	for name, loaded in pairs(package.loaded) do
		if type(loaded) == "userdata" and name:find("^xmppdns") then package.loaded[name] = nil; end
	end
end

local function load_plugin()
	local found, library = pcall(require, "xmppdns.prosody.plugin");
	if not found then
		forget_failures();
		return nil, ("Cannot load the xmppdns library: %s (prosodyctl mod_xmppdns check says more)"):format((describe_load_failure(library)));
	end
	plugin = library.new(module, prosody, state);
	return true;
end

-- true | nil, problem. Before the server has started, only options are read: Prosody may still fork.
local function start_plugin()
	if not plugin then
		local loaded, trouble = load_plugin();
		if not loaded then return nil, trouble; end
	end
	local started, trouble = plugin:start();
	if not started or not prosody.start_time then return started, trouble; end
	return plugin:run();
end

local retry_later;

-- Puts the problem, or nil, into force.
local function set_problem(text)
	if text and text ~= problem then module:log("error", "%s; Prosody goes on with its own resolver", text); end
	if not since or (text == nil) ~= (problem == nil) then since = os.time(); end
	problem, refused = text, nil;
	is_active:set(text and 0 or 1);
	if not text then return; end
	if state.watch then
		state.watch:retire();
		state.watch = nil;
	end
	retry_later();
end

-- f(plugin) -> true | nil, problem
local function try(f)
	local ran, result, trouble = pcall(f, plugin);
	if not ran then trouble = one_line(result); end
	set_problem(trouble);
end

-- A file may have come in the meantime.
function retry_later()
	if retries then return; end
	retries = true;
	module:add_timer(RETRY_INTERVAL, function ()
		if problem then try(start_plugin); end
		if problem then return RETRY_INTERVAL; end
		retries = false;
	end);
end

local function reload()
	if problem then return try(start_plugin); end
	local applied, trouble = plugin:reload();
	refused = not applied and trouble or nil;
	if not applied then module:log("error", "%s; the settings from before stay in force", trouble); end
end

-- The truth for prosodyctl mod_xmppdns check, which asks for it through the admin socket.
local function tell_status(event)
	local status = { prosody = prosody.version, active = not problem, problem = problem, since = since, refused = refused };
	if plugin then pcall(plugin.describe, plugin, status); end
	event.origin.send(from_prosody "util.stanza".stanza("xmppdns-status"):text(from_prosody "util.json".encode(status)));
	return true;
end

for host in pairs(prosody.hosts) do guard_host(host); end
module:hook("host-activated", guard_host);
module:hook("host-deactivated", function (host) guarded[host] = nil; end);
module:hook("s2s-check-certificate", guard_certificate, 1100);
module:hook("config-reloaded", reload);
module:hook("admin/xmppdns-status", tell_status);
module:hook("server-started", function ()
	if not problem then try(plugin.run); end
end, -1000); -- after mod_posix, which forks then

function module.unload()
	if plugin then plugin:stop(module.reloading); end
end

try(start_plugin);

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- make demo: real servers ping each other under every domain of rows.lua, and each row says how that ended.
-- Environment: KEEP=1 leaves the servers running; LUA_VERSION is the Lua whose build Prosody loads; STOCK=1 shows what
-- Prosody makes of the same domains without mod_xmppdns.

package.path = "./?.lua;" .. package.path;

local federation = require "spec.federation.federation";
local process = require "spec.support.process";
local groups = federation.for_demo(require "spec.federation.rows");
local socket = require "socket";

local STATE_COLOURS = { secure = 32, insecure = 33, bogus = 31, failed = 31 };
local WIDTHS = { 25, 34, 9, 32, 8 };

local keep = (os.getenv("KEEP") or "") ~= "" and os.getenv("KEEP") ~= "0";
local stock = (os.getenv("STOCK") or "") ~= "";
local colours = os.execute("test -t 1");
colours = colours == true or colours == 0;

local function paint(text, colour)
	return colours and colour and ("\27[%dm%s\27[0m"):format(colour, text) or text;
end

-- Pads to a width in characters, not in bytes.
local function pad(text, width)
	local _, characters = text:gsub("[^\128-\191]", "");
	return text .. (" "):rep(width - characters);
end

local function progress(text)
	io.stderr:write(text, " ...\n");
end

local function print_row(cells, paints)
	for i, width in ipairs(WIDTHS) do
		io.write(paint(pad(cells[i], width), paints[i]), " ");
	end
	print(paint(cells[#WIDTHS + 1], paints[#WIDTHS + 1]));
end

local function print_head(group)
	print("");
	print_row({ group.title, group.about, "DNSSEC", "endpoint reached", "time", "verdict" }, { 1, 1, 1, 1, 1, 1 });
end

local function describe_endpoint(place, result)
	if not result.endpoint then return "none"; end
	local kind = place:endpoint_name(result):find("direct", 1, true) and "direct TLS" or "STARTTLS";
	return ("%s:%d %s"):format(result.endpoint.address, result.endpoint.port, kind);
end

local function describe_verdict(result, difference)
	local ending = result.pong and "pong" or "refused";
	return difference and ("✗ %s, but %s"):format(ending, difference) or ("✓ %s, as it should"):format(ending);
end

local function show(place, row, result)
	local difference = place:difference(row, result);
	local time = result.seconds and ("%d ms"):format(math.floor(result.seconds * 1000 + 0.5)) or "";
	print_row({ row.domain, row.about, result.dnssec or "?", describe_endpoint(place, result), time, describe_verdict(result, difference) },
		{ [3] = STATE_COLOURS[result.dnssec], [6] = difference and 31 or 32 });
	if result.reason then
		print(paint("    " .. result.reason:gsub("%s*\n%s*", " "), 2));
	end
	return not difference;
end

local function shell_line(argv)
	local words = {};
	for i, word in ipairs(argv) do
		words[i] = word:find("[^%w%./%-_]") and '"' .. word .. '"' or word;
	end
	return table.concat(words, " ");
end

local function explain_keeping(place)
	local dns = place.dns;
	print("\nThe servers stay. Ask them:");
	print(("    dig @%s -p %d +dnssec _xmpp-server._tcp.secure.example SRV"):format(dns.address, dns.port));
	print("    " .. shell_line(place.near:shell_argv("xmpp:ping('near.example', 'secure.example')")));
	print("    " .. shell_line(place.near:shell_argv("s2s:show()")));
	print(("Configuration and log of the near and the far server:\n    %s\n    %s\n    %s\n    %s"):format(
		place.near.config, place.near.log_file, place.far.config, place.far.log_file));
	print(("Trust anchor of the root:\n    %s"):format(dns.anchors));
	print(("Stop them and remove everything:\n    sh %s"):format(process.keep()));
end

local function show_group(place, group)
	print_head(group);
	local good = 0;
	for _, row in ipairs(group.rows) do
		if show(place, row, place:ping(row)) then good = good + 1; end
	end
	return good;
end

local started = socket.gettime();
local place = federation.start(groups, { stock = stock, progress = progress });
local good = 0;
for _, group in ipairs(groups) do
	good = good + show_group(place, group);
end
print(("\n%d of %d pings ended as they should, after %.1f s."):format(good, #place.rows, socket.gettime() - started));
if keep then explain_keeping(place); end
process.stop_all();
os.exit(good == #place.rows and 0 or 1);

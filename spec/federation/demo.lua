-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- make demo: pings every domain of rows.lua from one real Prosody to another and prints how each of them ended.
-- Environment: KEEP=1 leaves the servers running; LUA_VERSION is the Lua whose build Prosody loads; STOCK=1 shows what
-- Prosody makes of the same domains without mod_xmppdns.

package.path = "./?.lua;" .. package.path;

local federation = require "spec.federation.federation";
local process = require "spec.support.process";
local rows = require "spec.federation.rows";
local socket = require "socket";

local KINDS = { starttls = "STARTTLS", direct = "direct TLS", ["5269"] = "STARTTLS" };
local STATE_COLOURS = { secure = 32, insecure = 33, bogus = 31, failed = 31 };
local WIDTHS = { 16, 31, 10, 34, 8 };

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

local function print_head()
	print("");
	print_row({ "domain", "its DNS", "DNSSEC", "endpoint reached", "time", "verdict" }, { 1, 1, 1, 1, 1, 1 });
end

local function describe_endpoint(place, result)
	if not result.endpoint then return "none"; end
	return ("%s:%d %s"):format(result.endpoint.address, result.endpoint.port, KINDS[place:endpoint_name(result)] or "?");
end

-- What is not as the row expects it, as text; nil when all is well.
local function find_difference(outcome, expect)
	if outcome.pong ~= expect.pong then return expect.pong and "it must answer" or "it must be refused"; end
	for _, field in ipairs({ "dnssec", "endpoint", "reason" }) do
		if outcome[field] ~= expect[field] then return ("%s must be: %s"):format(field, expect[field] or "none"); end
	end
	return nil;
end

local function describe_verdict(result, difference)
	local ending = result.pong and "pong" or "refused";
	return difference and ("✗ %s, but %s"):format(ending, difference) or ("✓ %s, as it should"):format(ending);
end

local function show(place, row, result)
	local difference = find_difference(place:outcome(row, result), row.expect);
	local time = result.seconds and ("%d ms"):format(math.floor(result.seconds * 1000 + 0.5)) or "";
	print_row({ row.domain, row.about, result.dnssec or "?", describe_endpoint(place, result), time, describe_verdict(result, difference) },
		{ [3] = STATE_COLOURS[result.dnssec], [6] = difference and 31 or 32 });
	if result.reason then
		print(paint("    " .. result.reason, 2));
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

local started = socket.gettime();
local place = federation.start(rows, { stock = stock, progress = progress });
progress("pinging");
print_head();
local good = 0;
for number, row in ipairs(rows) do
	if show(place, row, place:result(number)) then good = good + 1; end
end
print(("\n%d of %d domains ended as they should, after %.1f s."):format(good, #rows, socket.gettime() - started));
if keep then explain_keeping(place); end
process.stop_all();
os.exit(good == #rows and 0 or 1);

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Seeds for the fuzz targets: record data as a real server sends it, and texts in the form that each target reads. lua seeds.lua directory

local process = require "spec.support.process";
local zones = require "spec.support.zones";

local base = arg[1];
local written = 0;

local function seed(target, bytes)
	written = written + 1;
	local directory = base .. "/" .. target;
	process.run({ "mkdir", "-p", directory });
	process.write(("%s/seed-%d"):format(directory, written), bytes);
end

local RECORDS = [[
a A 192.0.2.1
a AAAA 2001:db8::1
ns2 NS ns
alias CNAME a
ptr PTR a
mx MX 10 a
txt TXT "one" "two \" \\ \200" ""
_xmpp-server._tcp SRV 5 10 5269 a
_xmpp-server._tcp SRV 5 0 5270 b
_xmpp-server._tcp SRV 5 20 5271 weird\.label\000\032x
_5269._tcp.a TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_5269._tcp.a TLSA 2 0 0 00
caa CAA 0 issue "ca.example; policy=ev"
ssh SSHFP 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
svcb SVCB 1 . alpn=h2,h3 no-default-alpn port=443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 key65000=x
https HTTPS 0 a
loc LOC 51 30 12.748 N 0 7 39.612 W 0.00m
raw TYPE65280 \# 3 010203
]];
local ASKED_TOO = "@ SOA\n@ DNSKEY\n@ NS\nalias A\nnobody A\na TXT\n";

-- Asks for each name and type that it reads. A line for each answer: type, its message in hexadecimal, name; and one for each of its records: type,
-- record data and owner name in hexadecimal.
local ASK = [[
import sys, dns.flags, dns.message, dns.query
for line in sys.stdin:
	name, rdtype = line.split()[:2]
	query = dns.message.make_query("records.example." if name == "@" else name + ".records.example.", rdtype, want_dnssec=True)
	answer = dns.query.tcp(query, sys.argv[1], port=int(sys.argv[2]), timeout=5)
	print("packet", int(query.question[0].rdtype), answer.to_wire().hex(), query.question[0].name.to_text(omit_final_dot=True))
	for rrset in answer.answer + answer.authority:
		for rdata in rrset:
			print(int(rrset.rdtype), rdata.to_wire().hex(), rrset.name.to_wire().hex())
]];

local function unhex(text)
	return (text:gsub("..", function (digits) return string.char(tonumber(digits, 16)); end));
end

local dns = zones.serve({ ["records.example"] = { records = RECORDS } });
local questions = process.write(process.directory() .. "/questions", RECORDS .. ASKED_TOO);
local script = process.write(process.directory() .. "/ask.py", ASK);
local listing = process.run({ "sh", "-c", ("/usr/bin/python3 %s %s %d <%s"):format(script, dns.address, dns.port, questions) });
for rdtype, packet, name in listing:gmatch("packet (%d+) (%x+) (%S+)\n") do
	seed("packet", string.char(math.floor(rdtype / 256), rdtype % 256, #name) .. name:lower() .. unhex(packet));
end
-- The same record twice, which no server sends: once with its name in capitals.
local function srv(target)
	local rdata = "\0\5\0\10\20\149" .. target;
	return "\192\12\0\33\0\1\0\0\0\60\0" .. string.char(#rdata) .. rdata;
end
seed("packet", "\0\33\1s\0\0\129\128\0\1\0\3\0\0\0\0\1s\0\0\33\0\1" .. srv("\1a\0") .. srv("\1A\0") .. srv("\1b\0"));
local types = 0;
for rdtype, rdata, name in ("\n" .. listing):gmatch("%f[^\n](%d+) (%x*) (%x+)\n") do
	local record = string.char(math.floor(rdtype / 256), rdtype % 256) .. unhex(rdata);
	seed("rdata", record);
	seed("records", record);
	seed("name", unhex(name));
	types = types + 1;
end
assert(types > 20, "the answers are not complete:\n" .. listing);
dns:stop();

for _, name in ipairs({ "example.org", "_xmpp-server._tcp.Example.ORG.", ".", "bücher.example", "xn--bcher-kva.example", "faß.example", "a\\.b.c\\032d",
	"☃.example", "xn--fa-hia.example", "例え.テスト", "a..b", "-a.b-", ("x"):rep(64), ("abcdefg."):rep(32), "xn--a", "ab--c", "a\\999", "\\", "" }) do
	seed("name", name);
end

for _, draws in ipairs({ "", ("\0\1\2\3"):rep(20), ("\255"):rep(80) }) do
	seed("srv", "\5" .. "\0\5\0\10" .. "\0\5\0\0" .. "\0\5\0\20" .. "\0\10\0\0" .. "\0\10\0\0" .. draws);
	seed("srv", "\20" .. ("\0\5\0\0"):rep(20) .. draws);
end

local SETTINGS = {
	"dnssec\t\tsrequired\ndane\t\tsoff\nupstream\t\tsforward\nforward\t\ts127.0.0.1@53\n",
	"forward\t\ts::1#dns.example\ntls\t\tt\ntls_ca\t\ts/etc/hosts\nresolvconf\t\tf\n",
	"stub\texample\ts127.0.0.1@5353\nstub\t.\ts::1%lo\nresolvconf\t\ts/etc/resolv.conf\nhoststxt\t\tt\n",
	"options\tdo-ip6\tf\noptions\tedns-buffer-size:\tn1232\noptions\ttarget-fetch-policy:\ts3 2 1 0 -1\n",
	"options\tmodule-config:\tsiterator\ndnssec\t\tsrequired\n", "options\tmodule-config:\tsdns64 validator iterator\ndane\t\tsrequired\n",
	"options\tval-permissive-mode\tt\ndnssec\t\tsrequired\n",
	"forward_zones\tLan\ts10.0.0.1@53\nforward_zones\tlan\ts::1#a.example\nstub\tlan\ts::1\nforward_zones\t.\tsx\n",
	"insecure\t\tslan\ninsecure\t\ts*.Corp.example.\ninsecure\t\ts\"a\" b\n",
	"options\tdisable-edns-do\tsyes\ndnssec\t\tsrequired\n", "options\tunwanted-reply-threshold:\tn1\n", "options\tmsg-buffer-size:\tn4096\n",
	"options\toutgoing-range:\tn100\noptions\toutgoing-num-tcp:\tn10\n", "options\tx y\tn1\noptions\tdo-ip4\to\noptions\tdo-ip4\tnnan\noptions\t\tt\n",
	"trusted\t\ts. IN DS 20326 8 2 E06D44B8 ; comment\ntrusted\t\ts. IN\n", "trustfile\t\ts/usr/share/dns/root.key\nautotrust\t\ts/nonexistent\n",
	"autotrust\t\ts/etc/hosts\n", "attempts\t\tn3\ntimeout\t\tn0.5\nplan_timeout\t\tn30\nreconfigure_interval\t\tn10\n",
	"cache_file\t\ts/nonexistent/kept\ncache_size\t\tn1048576\nmin_ttl\t\tn60\nmax_ttl\t\tn30\nstale_ttl\t\tn0\nmax_lookups\t\tn10\nthreads\t\tn2\n",
	"cache_size\t\tn0.5\nattempts\t\tn-1\n",
	"async\t\tt\nfoward\t\ts127.0.0.1\nxyzzyxyzzy\t\tt\ntimeout\t\tt\nstub\t\tt\nstub\ta..b\tt\nstub\ta\tt\nroothints\t\ts\nroothints\t\ts/etc/hosts\n",
	"upstream\t\tsrecursive\nresolvconf\t\tt\n", "upstream\t\tsforward\nresolvconf\t\tf\n", "tls\t\tt\n", "tls_ca\t\ts/etc/hosts\nforward\t\ts127.0.0.1\n",
	"forward\t\ts127.0.0.1#a.example\n", "dane\t\tsrequired\ndnssec\t\tsoff\n", "dnssec\t\tsmaybe\nresolvconf\t\to\nforward\t\ts1.2.3.4@99999\n",
	"trustfile\t\ts/proc/self/maps\n", "resolvconf\t\ts/nonexistent\nhoststxt\t\ts/nonexistent\n", "tls\t\tt\nforward\t\ts127.0.0.1\nresolvconf\t\tf\n",
};
for _, text in ipairs(SETTINGS) do seed("settings", text); end

local FILES = {
	"nameserver 127.0.0.1\n# comment\nnameserver ::1%lo ; x\nnameserver\nnameserver 1.2.3.4@5\nnameserver fe80::1%nosuch0\noptions timeout:3 attempts:99 x\n",
	"nameserver 0.0.0.0\nnameserver ::\noptions use-vc\n",
	"127.0.0.1 localhost\n::1\tip6-localhost bad_name! a..b .\nfoo bar\n192.0.2.1 " .. ("x"):rep(300) .. "\n" .. ("bad\n"):rep(30),
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n", "; nothing\n", "", ("nameserver 127.0.0.1\n"):rep(400),
};
for _, text in ipairs(FILES) do
	for _, how in ipairs({ 0, 1, 3, 4, 8, 12, 16, 48, 64, 132 }) do seed("files", "\0" .. string.char(how) .. text); end
	seed("files", "\1\0" .. text);
	seed("files", "\2\0" .. text);
end

local KEY = "257 3 13 " .. ("A"):rep(86) .. "==";
local ANCHORS = {
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n", ".\t172800\tIN\tDNSKEY\t" .. KEY .. " ;{id = 1}\n",
	". IN DNSKEY ( 257 3 13 ; (\n\t" .. ("A"):rep(40) .. "\n " .. ("A"):rep(46) .. "==)\n\t3600 DS 1 13 1 " .. ("ab"):rep(20) .. "\n",
	"; autotrust trust anchor file\n;;id: . 1\n;;last_queried: 1790000000 ;;Mon\n. 0 IN DNSKEY " .. KEY .. " ;;state=2 [  VALID  ] ;;count=0\n. 0 IN DNSKEY "
		.. KEY:gsub("A", "B") .. " ;;state=3 [ MISSING ]\n. 0 IN DNSKEY 385" .. KEY:sub(4):gsub("A", "C") .. " ;;state=4 [ REVOKED ]\n",
	"$TTL 5\nExample.ORG. 1h30m IN DS 4711 14 4 " .. ("AB"):rep(48) .. "\nexample.org. CH DS 1\n. IN SOA a b 1 2 3 4 5\nrubbish\n", ". IN DS 1 2 2 XY\n",
	". IN DNSKEY 257 3 13 AAA\n", "a..b DS 1 13 2 " .. ("AB"):rep(32), ". DNSKEY 257 3 13 " .. ("A"):rep(5000) .. "\n", ". DNSKEY ( 257", "";
	". DNSKEY 257 3 13 " .. ("A"):rep(4076);
};
for _, text in ipairs(ANCHORS) do
	seed("anchors", text);
	for _, how in ipairs({ 16, 31, 48, 55, 112, 129, 192 }) do seed("files", "\0" .. string.char(how) .. text); end
end
seed("files", "\0\11-----BEGIN CERTIFICATE-----\nAAAA\n");
for _, how in ipairs({ 128, 129, 192 }) do seed("files", "\0" .. string.char(how) .. ". 5 NS a.\na. 5 A 127.0.0.1\na. AAAA ::1 ; x\na. A x\n"); end

local state = 1;
local function random_byte() -- the same in every run, and on every Lua
	state = (state * 16807) % 2147483647;
	return string.char(math.floor(state / 256) % 256);
end
for size = 100, 2000, 100 do
	local program = {};
	for i = 1, size do program[i] = random_byte(); end
	seed("cache", "\0\0\255\60\5" .. table.concat(program));
	seed("cache", "\3\32\0\0\255\60\5" .. table.concat(program));
end
seed("cache", "\0\0\200\200\3\15\0\0\16\4\10\0\0\0\1\1\2\0\0\11\0\0\5"); -- one answer, 13 seconds, found stale; then shorter lives

local function number(value, size)
	local bytes = "";
	for _ = 1, size do bytes, value = string.char(value % 256) .. bytes, math.floor(value / 256); end
	return bytes;
end
local function kept(rdtype, flags, qname, canonname, ...)
	local records = { ... };
	for i, record in ipairs(records) do records[i] = number(#record, 2) .. record; end
	return number(300000, 4) .. number(rdtype, 2) .. string.char(flags) .. number(flags > 1 and 3 or 0, 2) .. number(1, 2) .. number(#qname, 2) .. qname
		.. number(#canonname, 2) .. canonname .. number(#records, 2) .. table.concat(records);
end
local KEPT = {
	kept(1, 1, "a.example", "", "\127\0\0\1", "\127\0\0\2"), kept(28, 2, "b.example", ""),
	kept(33, 0, "_xmpp-server._tcp.a.example", "c.example", "\0\0\0\0\20\149\1a\7example\0"),
	kept(52, 1, "_5269._tcp.a.example", "", "\3\1\1" .. ("x"):rep(32)), kept(65280, 0, ".", "", ""),
	kept(1, 3, "a.example", "", "\127\0\0\1"), kept(1, 1, "A.example", ""), kept(255, 1, "a", ""), kept(1, 9, "a", ""), kept(1, 1, "a", "", "x"), "",
};
KEPT[#KEPT + 1] = table.concat(KEPT, "", 1, 5);
KEPT[#KEPT + 1] = KEPT[#KEPT]:rep(40);
for _, text in ipairs(KEPT) do
	for how = 0, 2 do seed("kept", string.char(how) .. text); end
	seed("kept", "\1xmppdns answers\0\1" .. ("x"):rep(84) .. text);
	seed("kept", "\1xmppdns answers\0\2" .. ("x"):rep(84) .. text);
end
seed("kept", "\1" .. ("x"):rep(200));

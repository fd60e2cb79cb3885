-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders

local tree = require "xmppdns.check.tree";

local plain = tree.new_style(false);

local function empty(fields)
	local result = { given = "a.example", domain = "a.example", status = "good", srv = {}, targets = {}, endpoints = {}, left_out = 0, problems = {} };
	for name, value in pairs(fields) do result[name] = value; end
	return result;
end

describe("xmppdns.check.tree: a domain's tree", function ()
	it("shows nothing from the network but printable ASCII", function ()
		local evil = "\27[31mA\r\n\t\0\127\155\226\128\174é\\";
		local text = tree.draw_domain(empty({
			given = evil, domain = evil, status = "unreachable", error = { code = "bogus", text = evil };
			targets = { { host = evil, addresses = { { type = "A", dnssec = "secure", ttl = 1, alias = evil, addresses = { evil } } }, tlsa = {
				{ port = 1, dnssec = "secure", ttl = 1, records = { { usage = 3, selector = 1, matching = 1, data = "00", usable = false, reason = evil } } },
			} } };
			endpoints = { { host = evil, port = 1, tls = "direct", addresses = { evil }, connections = {
				{ address = evil, protocol = evil, alpn = evil, name = evil, match = "name", problem = evil },
			} } };
		}), plain, false);
		assert.is_nil(text:find("[^ -~\n]"));
		assert.equal(9, select(2, text:gsub("\n", "")));
		assert.equal("\\027[31mA\\013\\010\\009\\000\\127\\155\\226\\128\\174\\195\\169\\: unreachable", text:match("^[^\n]*"));
	end);

	it("shows the domain as it was typed, and its A-labels where they differ", function ()
		assert.equal("bücher.example (xn--bcher-kva.example): good\n",
			tree.draw_domain(empty({ given = "bücher.example", domain = "xn--bcher-kva.example" }), plain, true));
		assert.equal("A.example: good\n", tree.draw_domain(empty({ given = "A.example" }), plain, true));
	end);

	it("shows no character beyond ASCII where the locale has none, whoever typed it", function ()
		assert.equal("b\\195\\188cher.example: good\n", tree.draw_domain(empty({ given = "bücher.example", domain = "bücher.example" }), plain, false));
	end);

	it("says of a domain that does not exist that it does not, and nothing of servers", function ()
		local report = empty({ exists = false, status = "unreachable", error = { code = "unavailable", text = "A, AAAA of a.example: no addresses" } });
		assert.equal("a.example: does not exist\n", tree.draw_domain(report, plain, true));
	end);

	it("names a record once: below it stands the reason alone, and where it is skipped that it is", function ()
		local text = "A of xmpp.a.example: bogus: validation failure <xmpp.a.example. A IN>: signature expired (2 attempts)";
		assert.equal([[
a.example: unreachable
|- xmpp.a.example
|  `- A: bogus
|     `- signature expired (2 attempts)
`- dialled in this order
   `- 1. xmpp.a.example port 1, STARTTLS, skipped: its A is bogus
]], tree.draw_domain(empty({
			status = "unreachable";
			targets = { { host = "xmpp.a.example", tlsa = {}, addresses = { { type = "A", dnssec = "bogus", addresses = {}, error = { text = text } } } } };
			endpoints = { { host = "xmpp.a.example", port = 1, tls = "starttls", addresses = {}, connections = {}, error = { code = "bogus", text = text } } };
		}), plain, false));
	end);

	it("escapes typed controls, in UTF-8 too, and marks that turn the text around", function ()
		for _, name in ipairs({ "a\155b", "a\194\155b", "a\226\128\174b", "a\27b" }) do
			assert.is_nil(tree.draw_domain(empty({ given = name }), plain, true):find("[^ -~\n]"));
		end
	end);

	it("is coloured by what is good and what is not, when it may be", function ()
		local style = tree.new_style(true);
		assert.equal("\27[1ma.example\27[0m: \27[31munreachable\27[0m\n", tree.draw_domain(empty({ status = "unreachable" }), style, true));
	end);
end);

describe("xmppdns.check.tree: the resolver's tree", function ()
	it("shows each finding, and below it what to do", function ()
		assert.equal([[
resolver: sick
|- good: fine
|- problem: broken\010
|  `- mend it
`- done
]], tree.draw_health({
			ok = false, { level = "good", text = "fine" }, { level = "problem", text = "broken\n", advice = "mend it" };
		}, { recovered = true, text = "done" }, plain, false));
	end);
end);

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Which known word somebody meant who has typed another one.

local FURTHEST = 2; -- letters put in, left out or changed: more is no typing error

-- How many letters turn a into b (Levenshtein), row by row.
local function distance(a, b)
	local row = {};
	for j = 0, #b do row[j] = j; end
	for i = 1, #a do
		local diagonal = row[0];
		row[0] = i;
		for j = 1, #b do
			local above = row[j];
			row[j] = math.min(diagonal + (a:byte(i) == b:byte(j) and 0 or 1), above + 1, row[j - 1] + 1);
			diagonal = above;
		end
	end
	return row[#b];
end

-- The key of known that is closest to the word, or nil.
local function closest(word, known)
	local best, least = nil, FURTHEST + 1;
	for candidate in pairs(known) do
		local is_near = math.abs(#word - #candidate) <= FURTHEST; -- a server reads many options, and counting letters takes its time
		local far = is_near and distance(word:lower(), candidate) or FURTHEST + 1;
		if far < least or far == least and best and candidate < best then best, least = candidate, far; end
	end
	return best;
end

-- "unknown setting "dnsec": did you mean "dnssec"?"; kind: "setting" or the like, known: what there is, as keys.
local function describe_unknown(kind, word, known)
	local text, meant = ("unknown %s \"%s\""):format(kind, tostring(word)), type(word) == "string" and closest(word, known);
	return meant and ("%s: did you mean \"%s\"?"):format(text, meant) or text;
end

return { closest = closest, describe_unknown = describe_unknown };

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Folds a line at spaces, so that no part is wider than the screen; colours go on in the next part.

local RESET = "\27[0m";
local LEAST = 16; -- columns for text, however deep a branch lies

-- How many columns it takes: colours none, each character of UTF-8 one.
local function measure(text)
	return #text:gsub("\27%[[%d;]*m", ""):gsub("[\128-\191]", "");
end

-- The colour that is on at the end of the text.
local function last_colour(text)
	local colour = "";
	for code in text:gmatch("\27%[[%d;]*m") do colour = code ~= RESET and code or ""; end
	return colour;
end

-- The word in pieces of that width. A word with colours is left whole.
local function cut(word, width)
	if measure(word) <= width or word:find("[\27\128-\255]") then return { word }; end
	local pieces = {};
	for place = 1, #word, width do pieces[#pieces + 1] = word:sub(place, place + width - 1); end
	return pieces;
end

local function list_words(text, width)
	local words = {};
	for word in text:gmatch("[^ ]+") do
		for _, piece in ipairs(cut(word, width)) do words[#words + 1] = piece; end
	end
	return words;
end

-- A list of lines, the first of them of that many columns at most, the others too. width: nil for no folding.
local function fold(text, width)
	width = width and math.max(width, LEAST);
	if not width or measure(text) <= width then return { text }; end
	local lines, line = {}, "";
	for _, word in ipairs(list_words(text, width)) do
		if line == "" then
			line = word;
		elseif measure(line) + 1 + measure(word) <= width then
			line = line .. " " .. word;
		else
			local colour = last_colour(line);
			lines[#lines + 1] = colour == "" and line or line .. RESET;
			line = colour .. word;
		end
	end
	lines[#lines + 1] = line;
	return lines;
end

return { fold = fold, measure = measure };

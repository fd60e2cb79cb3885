-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Writes JSON: ASCII only, names in order, so that equal values give equal text.

local array_mt = { __name = "xmppdns.json_array" };

-- Marks the table as an array, which matters when it is empty.
local function array(list)
	return setmetatable(list, array_mt);
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n" };

local function escape(byte)
	return ESCAPES[byte] or ("\\u%04x"):format(byte:byte());
end

-- Bytes beyond ASCII come out as if they were Latin-1 unless they are well-formed UTF-8 of at most three bytes.
local function quote(text)
	text = text:gsub("[%c\"\\\127]", escape);
	text = text:gsub("([\194-\223])([\128-\191])", function (a, b)
		return ("\\u%04x"):format((a:byte() - 192) * 64 + b:byte() - 128);
	end);
	text = text:gsub("([\224-\239])([\128-\191])([\128-\191])", function (a, b, c)
		if (a == "\224" and b < "\160") or (a == "\237" and b > "\159") then return nil; end
		return ("\\u%04x"):format((a:byte() - 224) * 4096 + (b:byte() - 128) * 64 + c:byte() - 128);
	end);
	return '"' .. text:gsub("[\128-\255]", escape) .. '"';
end

local write;

local function write_array(list, indent)
	local parts, inner = {}, indent .. "\t";
	for i, value in ipairs(list) do parts[i] = inner .. write(value, inner); end
	return #parts == 0 and "[]" or ("[\n%s\n%s]"):format(table.concat(parts, ",\n"), indent);
end

local function write_object(object, indent)
	local names, parts, inner = {}, {}, indent .. "\t";
	for name in pairs(object) do names[#names + 1] = name; end
	table.sort(names);
	for i, name in ipairs(names) do parts[i] = ("%s%s: %s"):format(inner, quote(name), write(object[name], inner)); end
	return #parts == 0 and "{}" or ("{\n%s\n%s}"):format(table.concat(parts, ",\n"), indent);
end

function write(value, indent)
	if type(value) == "table" then
		local is_array = getmetatable(value) == array_mt or value[1] ~= nil;
		return (is_array and write_array or write_object)(value, indent);
	elseif type(value) == "string" then
		return quote(value);
	elseif type(value) == "number" then
		return value % 1 == 0 and ("%d"):format(value) or ("%.6g"):format(value);
	end
	return tostring(value);
end

-- value: texts, finite numbers, booleans, arrays and tables with texts as keys, nested.
local function encode(value)
	return write(value, "") .. "\n";
end

return { encode = encode, array = array };

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What one answer means to a connection plan (R2). Nothing that failed may end up as a denial.

local core = require "xmppdns.core";

local error_mt = { __name = "xmppdns.error", __tostring = function (err) return err.text; end };

-- As the lookups' errors, but the text says which record it is about.
local function new_error(code, text)
	return setmetatable({ code = code, text = text, attempts = 0 }, error_mt);
end

local function describe(err)
	return setmetatable({
		code = err.code, text = tostring(err), qname = err.qname, qtype = err.qtype, type = err.type, attempts = err.attempts;
	}, error_mt);
end

local function fail(answer, code, text)
	return { error = describe(core.new_error(code, text, answer.qname, answer.qtype)) };
end

-- { records, secure, canonname (where an alias led, or nil) } with data, { records = {}, secure } for a denial, or { error }.
local function read(answer, err, rdtype)
	if not answer then return { error = describe(err) }; end
	if answer.bogus then return fail(answer, "bogus", tostring(answer.bogus)); end
	if answer.rcode ~= 0 and answer.rcode ~= 3 then return fail(answer, "servfail", tostring(answer.status)); end
	local field, records = rdtype:lower(), {};
	for _, record in ipairs(answer) do
		records[#records + 1] = record[field];
	end
	if answer[1] and not records[1] then return fail(answer, "servfail", "no record of the answer can be read"); end
	return { records = records, secure = answer.secure == true, canonname = answer.canonname };
end

return { read = read, new_error = new_error };

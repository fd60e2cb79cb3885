-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- An outcome: how one question of a plan ended (R2). Nothing that failed may end up as a denial. It is also the plan's evidence:
--
-- name, rdtype   what was asked, as text
-- asked          when, in seconds since 1970
-- dnssec         "secure", "insecure", "bogus" or "failed"; secure: whether it is the first
-- records        each as its type's field in the answer; none for a denial, and where error is given
-- ttl            in seconds, when the answer came
-- canonname      where an alias led, or nil
-- nxdomain       true where there is no such name, else nil
-- error          for "bogus" and "failed" alone
--
-- pairs does not show what all outcomes of one class have in common.

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

local none = {}; -- never written

local function new_class(dnssec)
	return { __name = "xmppdns.plan.outcome", __index = { dnssec = dnssec, secure = dnssec == "secure", records = none } };
end

local secure_mt, insecure_mt = new_class("secure"), new_class("insecure");
local bogus_mt, failed_mt = new_class("bogus"), new_class("failed");

local function fail(question, err)
	local found = { name = question.name, rdtype = question.rdtype, asked = question.asked, error = describe(err) };
	return setmetatable(found, err.code == "bogus" and bogus_mt or failed_mt);
end

local function fail_answer(question, answer, code, text)
	return fail(question, core.new_error(code, text, answer.qname, answer.qtype));
end

-- Of question = { name, rdtype, asked }, which got the answer, or nil and err.
local function read(answer, err, question)
	if not answer then return fail(question, err); end
	if answer.bogus then return fail_answer(question, answer, "bogus", tostring(answer.bogus)); end
	if answer.rcode ~= 0 and answer.rcode ~= 3 then return fail_answer(question, answer, "servfail", tostring(answer.status)); end
	local field, records = question.rdtype:lower(), {};
	for _, record in ipairs(answer) do
		records[#records + 1] = record[field];
	end
	if answer[1] and not records[1] then return fail_answer(question, answer, "servfail", "no record of the answer can be read"); end
	return setmetatable({
		name = question.name, rdtype = question.rdtype, asked = question.asked, records = records, ttl = answer.ttl, canonname = answer.canonname;
		nxdomain = answer.nxdomain or nil;
	}, answer.secure == true and secure_mt or insecure_mt);
end

return { read = read, new_error = new_error };

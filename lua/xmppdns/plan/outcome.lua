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

local copy = require "xmppdns.resolver".copy;
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

local function ignore() end -- what a canceled lookup calls, whose question has its outcome already

local function new_class(dnssec)
	return { __name = "xmppdns.plan.outcome", __index = { dnssec = dnssec, secure = dnssec == "secure", records = none }, __call = ignore };
end

local secure_mt, insecure_mt = new_class("secure"), new_class("insecure");
local bogus_mt, failed_mt = new_class("bogus"), new_class("failed");

-- Each of these turns question = { name, rdtype, asked } into its outcome: thousands of plans are asked for, and one table tells both.

local function fail(question, err)
	question.error = describe(err);
	setmetatable(question, err.code == "bogus" and bogus_mt or failed_mt);
end

-- answer: bare (xmppdns.resolver), and used up; or nil, and err.
local function finish(question, answer, err)
	if not answer then return fail(question, err); end
	if answer.rcode ~= 0 and answer.rcode ~= 3 then
		return fail(question, core.new_error("servfail", answer.status, question.name, core.type_number(question.rdtype)));
	end
	question.ttl, question.canonname, question.nxdomain = answer.ttl, answer.canonname, answer.nxdomain or nil;
	question.records, answer.ttl, answer.canonname = answer, nil, nil;
	setmetatable(question, answer.secure and secure_mt or insecure_mt);
end

-- callback(outcome), of a question that belongs to no plan. options: as for resolver:query.
local function ask(resolver, name, rdtype, options, callback)
	local question, bare = { name = name, rdtype = rdtype, asked = os.time() }, copy(options);
	bare.bare = true;
	resolver:query(name, rdtype, function (answer, err)
		finish(question, answer, err);
		callback(question);
	end, bare);
end

return { finish = finish, ask = ask, new_error = new_error };

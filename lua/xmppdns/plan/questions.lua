-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The questions of a plan: each belongs to an owner, the plan or one endpoint, which gets its outcome exactly once unless it is dropped.

local core = require "xmppdns.core";
local outcome = require "xmppdns.plan.outcome";

local FAILURES = 16; -- after which no more are asked: libunbound may need a hundred questions to find that one is bogus

-- A question is itself the callback of its lookup: a function for each would be several things more for Lua's collector to go through.
-- asked: seconds since 1970. answers, key: for the owner, whose method receive(question, outcome) is called.
local question_mt = { __name = "xmppdns.question" };

-- Before the plan's first question.
local function prepare(plan)
	plan.questions = {};
end

local function fail(plan, question)
	local err = core.new_error(plan.abandoned.code, plan.abandoned.text, question.name, core.type_number(question.rdtype));
	question.owner:receive(question, outcome.read(nil, err, question));
end

-- TLSA need not be secure where the rest must be: an insecure denial is an answer (R22).
local function choose_query_options(plan, rdtype)
	return rdtype ~= "TLSA" and plan.secure_query_options or plan.query_options;
end

-- Cancels those that are open, and gives them: they are not answered.
local function drop_all(plan)
	local open = plan.questions;
	plan.questions = {};
	for question in pairs(open) do
		question.lookup:cancel();
	end
	return open;
end

-- Ends every question with code and text, and each that is asked from now on: what has its answers stays usable.
local function abandon(plan, code, text)
	plan.abandoned = { code = code, text = text };
	for question in pairs(drop_all(plan)) do
		fail(plan, question);
	end
end

local function count_failure(plan)
	plan.failed = plan.failed + 1;
	if plan.failed == FAILURES then abandon(plan, "servfail", "too many lookups for this domain have failed"); end
end

function question_mt.__call(question, answer, err)
	local plan = question.plan;
	if not plan.questions[question] then return; end
	plan.questions[question] = nil;
	local found = outcome.read(answer, err, question);
	if found.error then count_failure(plan); end
	question.owner:receive(question, found);
end

-- The owner may get the outcome before this returns.
local function ask(plan, owner, name, rdtype, answers, key)
	local question = setmetatable({
		plan = plan, owner = owner, name = name, rdtype = rdtype, asked = os.time(), answers = answers, key = key, lookup = false;
	}, question_mt);
	if plan.abandoned then return fail(plan, question); end
	plan.questions[question] = true;
	question.lookup = plan.resolver:query(name, rdtype, question, choose_query_options(plan, rdtype));
end

-- They are not answered.
local function drop(plan, owner)
	for question in pairs(plan.questions) do
		if question.owner == owner then
			question.lookup:cancel();
			plan.questions[question] = nil;
		end
	end
end

return { prepare = prepare, ask = ask, drop = drop, drop_all = drop_all, abandon = abandon };

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The questions of a plan: each belongs to an owner, the plan or one endpoint, which gets its outcome exactly once unless it is dropped.

local copy = require "xmppdns.resolver".copy;
local core = require "xmppdns.core";
local outcome = require "xmppdns.plan.outcome";

local FAILURES = 16; -- after which no more are asked: libunbound may need a hundred questions to find that one is bogus

-- A question is itself the callback of its lookup, and becomes its outcome: a function and a table for each would be several things more for Lua's
-- collector to go through. asked: seconds since 1970. Until it is answered it is open: it has a plan, and an owner, whose method
-- receive(outcome, plan) is called, unless it was dropped.
local question_mt = { __name = "xmppdns.question" };

local function is_open(question)
	return question.plan ~= nil;
end

-- It is open no longer. Gives its owner, who is to be told.
local function finish(question, answer, err)
	local owner = question.owner;
	question.plan, question.owner = nil, nil;
	if question.lookup then question.lookup = nil; end
	outcome.finish(question, answer, err);
	return owner;
end

local function fail(plan, question)
	local err = core.new_error(plan.abandoned.code, plan.abandoned.text, question.name, core.type_number(question.rdtype));
	finish(question, nil, err):receive(question, plan);
end

-- TLSA need not be secure where the rest must be: an insecure denial is an answer (R22).
local function choose_query_options(plan, rdtype)
	return rdtype ~= "TLSA" and plan.secure_query_options or plan.query_options;
end

local NO_OPTIONS = {};
local pressing = setmetatable({}, { __mode = "k" }); -- by shard what press has made of most plans' options, which are the same

-- The options for a plan's questions, for whose answers a connection waits, made of what its maker gave, or nil. shard: of its domain.
local function press(given, shard)
	given = given or NO_OPTIONS;
	local made = pressing[given] or {};
	pressing[given] = made;
	local options = made[shard or 0];
	if options then return options; end
	options = copy(given);
	options.pressing, options.bare, options.glimpse, options.shard = true, true, true, shard;
	made[shard or 0] = options;
	return options;
end

local function cancel_all(plan)
	local open = plan.questions;
	plan.questions = nil;
	for question in pairs(open) do question.lookup:cancel(); end
	return open;
end

-- Those that are open are not answered.
local function drop_all(plan)
	for question in pairs(cancel_all(plan)) do question.owner = nil; end
end

-- Ends every question with code and text, and each that is asked from now on: what has its answers stays usable.
local function abandon(plan, code, text)
	plan.abandoned = { code = code, text = text };
	for question in pairs(cancel_all(plan)) do fail(plan, question); end
end

local function count_failure(plan)
	plan.failed = plan.failed + 1;
	if plan.failed == FAILURES then abandon(plan, "servfail", "too many lookups for this domain have failed"); end
end

function question_mt.__call(question, answer, err)
	local plan = question.plan;
	if not question.owner then return; end
	plan.questions[question] = nil;
	local owner = finish(question, answer, err);
	if question.error then count_failure(plan); end
	owner:receive(question, plan);
end

-- It lies in outcomes[key] from now on, if they are given. The owner may be told of the outcome before this returns.
local function ask(plan, owner, name, rdtype, outcomes, key)
	local question = setmetatable({ plan = plan, owner = owner, name = name, rdtype = rdtype, asked = os.time() }, question_mt);
	if outcomes then outcomes[key] = question; end
	if plan.abandoned then return fail(plan, question); end
	local lookup = plan.resolver:query(name, rdtype, question, choose_query_options(plan, rdtype));
	if not is_open(question) then return; end
	question.lookup = lookup;
	if not rawget(plan, "questions") then plan.questions = {}; end
	plan.questions[question] = true;
end

-- They are not answered.
local function drop(plan, owner)
	for question in pairs(plan.questions) do
		if question.owner == owner then
			question.owner = nil;
			question.lookup:cancel();
			plan.questions[question] = nil;
		end
	end
end

return { press = press, ask = ask, is_open = is_open, drop = drop, drop_all = drop_all, abandon = abandon };

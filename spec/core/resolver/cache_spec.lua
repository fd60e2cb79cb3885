-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- The answer cache, by rule, and against a simple model under random operations.

local testcore = require "xmppdns.testcore";

local A, TXT, AAAA, SRV, TLSA = 1, 16, 28, 33, 52;

local function source(fields)
	local answer = {
		outcome = "answered", qtype = SRV, qclass = 1, rcode = 0, attempts = 1, secure = false, nxdomain = false, ttl = 60,
		qname = "a.example", "record",
	};
	for field, value in pairs(fields or {}) do answer[field] = value; end
	return answer;
end

local function denial(fields)
	local answer = source(fields);
	answer[1] = nil;
	return answer;
end

local function failure(fields)
	local answer = denial(fields);
	answer.outcome, answer.reason = fields and fields.outcome or "timeout", "why";
	return answer;
end

local function size_of(answer)
	local _, size = testcore.copy_answer(answer);
	return size;
end

-- What find gives, as one list: the record or the outcome, and the seconds left.
local function found(cache, now, qname, qtype)
	local answer, ttl = cache:find(qname or "a.example", qtype or SRV, now);
	return { answer and (answer[1] or answer.outcome), ttl };
end

describe("cache: an answer", function ()
	it("is found whole, by name and type, until its TTL ends", function ()
		local cache = testcore.new_cache {};
		local answer = source { secure = true, canonname = "b.example", "one", "two" };
		cache:put(answer, 1000);
		assert.same(answer, (cache:find("a.example", SRV, 1000)));
		assert.same({ "one", 60 }, found(cache, 1000));
		assert.same({ "one", 60 }, found(cache, 1001));
		assert.same({ "one", 59 }, found(cache, 2000));
		assert.same({ "one", 1 }, found(cache, 60999));
		assert.same({}, found(cache, 61000));
		assert.same({}, found(cache, 1000, "a.example", A));
		assert.same({}, found(cache, 1000, "b.example", SRV));
		assert.same({}, found(cache, 1000, "a.exampl", SRV));
	end);

	it("is replaced by the next one", function ()
		local cache = testcore.new_cache {};
		cache:put(source { "old" }, 0);
		cache:put(source { "new", ttl = 5 }, 10);
		assert.same({ "new", 5 }, found(cache, 10));
		assert.equal(1, cache:counters().entries);
	end);

	it("can be put again while it is there", function ()
		local cache = testcore.new_cache {};
		cache:put_twice(source(), 0);
		assert.same({ "record", 60 }, found(cache, 0));
	end);

	it("of TTL 0 is not kept, nor what was there before it", function ()
		local cache = testcore.new_cache { min_ttl = 30 };
		cache:put(source { ttl = 0 }, 0);
		assert.same({}, found(cache, 0));
		cache:put(source(), 0);
		cache:put(source { ttl = 0 }, 1);
		assert.same({}, found(cache, 1));
		assert.equal(0, cache:counters().entries);
	end);

	it("lives between the least and the most TTL", function ()
		local cache = testcore.new_cache { min_ttl = 10, max_ttl = 20 };
		local left = {};
		for i, ttl in ipairs { 1, 10, 15, 20, 21, 4294967295 } do
			cache:put(source { ttl = ttl }, 0);
			left[i] = found(cache, 0)[2];
		end
		assert.same({ 10, 10, 15, 20, 20, 20 }, left);
	end);

	it("of the longest TTL expires when it should", function ()
		local cache = testcore.new_cache { max_ttl = 4294967295 };
		cache:put(source { ttl = 4294967295 }, 0);
		assert.same({ { "record", 4294967295 }, {} }, { found(cache, 0), found(cache, 4294967295000) });
	end);

	it("that denies is kept by its TTL too, and not with TTL 0", function ()
		local cache = testcore.new_cache {};
		cache:put(denial { nxdomain = true, rcode = 3 }, 0);
		cache:put(denial { qname = "b.example", ttl = 0 }, 0);
		assert.same({ { "answered", 60 }, {} }, { found(cache, 0), found(cache, 0, "b.example") });
	end);
end);

describe("cache: a failure", function ()
	it("is remembered for its own time, whatever its TTL", function ()
		local cache = testcore.new_cache { failure_ttl = 5, min_ttl = 60 };
		for _, outcome in ipairs { "timeout", "bogus", "servfail" } do
			cache:put(failure { outcome = outcome, ttl = 0 }, 0);
			assert.same({ { outcome, 5 }, { outcome, 1 }, {} }, { found(cache, 0), found(cache, 4999), found(cache, 5000) });
		end
	end);

	it("is not remembered when that time is 0", function ()
		local cache = testcore.new_cache { failure_ttl = 0 };
		cache:put(failure(), 0);
		assert.same({}, found(cache, 0));
	end);

	it("of any other kind is not remembered", function ()
		local cache = testcore.new_cache {};
		cache:put(source { qname = "b.example" }, 0);
		for _, outcome in ipairs { "insecure", "canceled", "name", "system" } do
			cache:put(failure { outcome = outcome }, 0);
			cache:put(failure { outcome = outcome, qname = "b.example" }, 0);
		end
		assert.same({ {}, { "record", 60 } }, { found(cache, 0), found(cache, 0, "b.example") });
	end);

	it("does not hide an answer that is fresh", function ()
		local cache = testcore.new_cache { failure_ttl = 120 };
		cache:put(source(), 0);
		cache:put(failure(), 1000);
		assert.same({ { "record", 59 }, { "timeout", 61 } }, { found(cache, 1000), found(cache, 60000) });
	end);

	it("ends with the next answer", function ()
		local cache = testcore.new_cache { failure_ttl = 300 };
		cache:put(failure(), 0);
		cache:put(source(), 1000);
		assert.same({ { "record", 60 }, {} }, { found(cache, 1000), found(cache, 61000) });
	end);

	it("can be forgotten while the answers stay", function ()
		local cache = testcore.new_cache { stale_ttl = 100 };
		cache:put(failure(), 0);
		cache:put(failure { qname = "stale.example" }, 0);
		cache:put(source { qname = "b.example" }, 0);
		cache:flush_failures();
		assert.same({ {}, { "record", 60 } }, { found(cache, 0), found(cache, 0, "b.example") });
		cache:put(failure(), 1);
		assert.same({ "timeout", 5 }, found(cache, 1));
	end);
end);

describe("cache: a stale answer", function ()
	local limits = { stale_ttl = 100, failure_ttl = 5 };

	it("is given after it expired, for its own time, once for each asking", function ()
		local cache = testcore.new_cache(limits);
		cache:put(source(), 0);
		assert.is_nil(cache:find_stale("a.example", SRV, 59999));
		assert.same({}, found(cache, 60000));
		assert.same(source(), cache:find_stale("a.example", SRV, 60000));
		assert.same(source(), cache:find_stale("a.example", SRV, 159999));
		assert.is_nil(cache:find_stale("a.example", SRV, 160000));
		assert.equal(2, cache:counters().stale_hits);
	end);

	it("is given of SRV, A and AAAA only, and never when it was secure or a denial", function ()
		local cache = testcore.new_cache(limits);
		local given = {};
		for i, answer in ipairs {
			source { qtype = SRV }, source { qtype = A }, source { qtype = AAAA }, source { qtype = TLSA }, source { qtype = TXT },
			source { secure = true }, denial(), denial { nxdomain = true, rcode = 3 }, source { nxdomain = true },
		} do
			cache:put(answer, 0);
			given[i] = cache:find_stale("a.example", answer.qtype, 60000) ~= nil;
		end
		assert.same({ true, true, true, false, false, false, false, false, false }, given);
	end);

	it("is not hidden by a failure", function ()
		local cache = testcore.new_cache(limits);
		cache:put(source(), 0);
		cache:put(failure(), 60000);
		assert.same({ "timeout", 5 }, found(cache, 60000));
		assert.same(source(), cache:find_stale("a.example", SRV, 60000));
		cache:put(failure { outcome = "servfail" }, 66000);
		assert.same({ "servfail", 5 }, found(cache, 66000));
		assert.same(source(), cache:find_stale("a.example", SRV, 66000));
	end);

	it("goes with the next answer", function ()
		local cache = testcore.new_cache(limits);
		cache:put(source { "old" }, 0);
		cache:put(denial { nxdomain = true, rcode = 3, ttl = 1 }, 60000);
		assert.is_nil(cache:find_stale("a.example", SRV, 62000));
	end);

	it("that may not serve stale is freed when a failure comes, or when it is met", function ()
		local cache = testcore.new_cache(limits);
		cache:put(source { secure = true, ("x"):rep(1000) }, 0);
		local before = cache:counters().bytes;
		cache:put(failure(), 60000);
		assert.equal(before - size_of(source { secure = true, ("x"):rep(1000) }) + size_of(failure()), cache:counters().bytes);
		found(cache, 65000);
		assert.equal(0, cache:counters().entries);
	end);
end);

describe("cache: its bounds", function ()
	local function bytes_of_one(answer)
		local cache = testcore.new_cache { bytes = 1 * 1024 * 1024 };
		cache:put(answer, 0);
		return cache:counters().bytes;
	end

	local function fill(cache, count, now)
		for i = 1, count do cache:put(source { qname = ("%06d.example"):format(i), tostring(i) }, now); end
	end

	it("of 0 bytes keep nothing, and take nothing", function ()
		local cache = testcore.new_cache { bytes = 0 };
		cache:put(source(), 0);
		cache:put(failure(), 0);
		assert.same({ {}, { hits = 0, misses = 1, stale_hits = 0, evictions = 0, bytes = 0, entries = 0 } }, { found(cache, 0), cache:counters() });
	end);

	it("let in what just fits, and nothing larger by a byte", function ()
		local needed = bytes_of_one(source());
		for _, case in ipairs { { needed, 1 }, { needed - 1, 0 } } do
			local cache = testcore.new_cache { bytes = case[1] };
			cache:put(source(), 0);
			assert.equal(case[2], cache:counters().entries);
		end
	end);

	it("let an answer that is too large replace what was there by nothing, and drop nothing else", function ()
		local cache = testcore.new_cache { bytes = 8000 };
		cache:put(source(), 0);
		cache:put(source { qname = "b.example" }, 0);
		cache:put(source { ("x"):rep(9000) }, 0);
		assert.same({ {}, { "record", 60 } }, { found(cache, 0), found(cache, 0, "b.example") });
	end);

	it("drop the least recently used, where being found is a use", function ()
		local one = size_of(source { qname = "000001.example", "1" });
		local first = bytes_of_one(source { qname = "000001.example", "1" });
		local entry = (function ()
			local cache = testcore.new_cache {};
			fill(cache, 2, 0);
			return cache:counters().bytes - first;
		end)();
		local cache = testcore.new_cache { bytes = first + 3 * entry };
		fill(cache, 4, 0);
		found(cache, 0, "000001.example");
		cache:put(source { qname = "000002.example", "2" }, 0);
		cache:put(source { qname = "000005.example", "5" }, 0);
		assert.same({ "000005.example 33 answered 60", "000002.example 33 answered 60", "000001.example 33 answered 60",
			"000004.example 33 answered 60" }, cache:walk(0));
		assert.same({ hits = 1, misses = 0, stale_hits = 0, evictions = 1, bytes = first + 3 * entry, entries = 4 }, cache:counters());
		assert.is_true(entry > one);
		cache = testcore.new_cache { bytes = first + 3 * entry - 1 };
		fill(cache, 4, 0);
		assert.equal(3, cache:counters().entries);
	end);

	it("hold for any number of answers of any size", function ()
		local limit = 40000;
		local cache = testcore.new_cache { bytes = limit };
		for i = 1, 3000 do
			cache:put(source { qname = i .. ".example", ("x"):rep(i * 7919 % 5000) }, 0);
			assert.is_true(cache:counters().bytes <= limit);
		end
	end);

	it("of 64 MB hold 100,000 SRV answers of two records", function ()
		local cache = testcore.new_cache { bytes = 64 * 1000 * 1000 };
		local target = "\0\10\0\5\20\149\6server\11example-%05d\3org\0";
		for i = 1, 100000 do
			local rdata = target:format(i % 100000);
			cache:put(source { qname = ("_xmpp-server._tcp.example-%d.org"):format(i), rdata, rdata }, 0);
		end
		local counters = cache:counters();
		assert.same({ 100000, 0 }, { counters.entries, counters.evictions });
	end);

	it("let the table grow with everything still in its place", function ()
		local cache = testcore.new_cache { bytes = 16 * 1024 * 1024 };
		for _, count in ipairs { 255, 256, 257, 511, 512, 513, 1024, 1300, 5000 } do
			fill(cache, count, 0);
			for i = 1, count do
				assert.same({ tostring(i), 60 }, found(cache, 0, ("%06d.example"):format(i)));
			end
		end
		for i = 1, 5000, 2 do cache:flush(("%06d.example"):format(i)); end
		for i = 1, 5000 do
			assert.same(i % 2 == 0 and { tostring(i), 60 } or {}, found(cache, 0, ("%06d.example"):format(i)));
		end
		assert.equal(2500, cache:counters().entries);
	end);
end);

describe("cache: flushing and looking", function ()
	it("flushes every type of one name, and no other name", function ()
		local cache = testcore.new_cache {};
		for _, qtype in ipairs { A, AAAA, SRV, TLSA } do
			cache:put(source { qtype = qtype }, 0);
			cache:put(source { qtype = qtype, qname = "b.a.example" }, 0);
		end
		cache:put(failure { qtype = TXT }, 0);
		cache:flush("a.example");
		cache:flush("c.example");
		assert.same({ "b.a.example 52 answered 60", "b.a.example 33 answered 60", "b.a.example 28 answered 60", "b.a.example 1 answered 60" },
			cache:walk(0));
		assert.equal(4, cache:counters().entries);
	end);

	it("flushes everything, keeps counting, and goes on", function ()
		local cache = testcore.new_cache {};
		cache:flush("a.example");
		for i = 1, 1000 do cache:put(source { qname = i .. ".example" }, 0); end
		found(cache, 0, "1.example");
		cache:flush();
		assert.same({ hits = 1, misses = 0, stale_hits = 0, evictions = 0, bytes = 0, entries = 0 }, cache:counters());
		cache:put(source(), 0);
		assert.same({ "record", 60 }, found(cache, 0));
	end);

	it("walks over what is fresh, the most recently used first, until told to stop", function ()
		local cache = testcore.new_cache { failure_ttl = 5, stale_ttl = 100 };
		cache:put(source { qname = "expired.example", ttl = 1 }, 0);
		cache:put(source { qname = "b.example" }, 0);
		cache:put(failure { qname = "failed.example" }, 0);
		cache:put(source { qname = "c.example" }, 0);
		found(cache, 0, "b.example");
		local fresh = { "b.example 33 answered 59", "c.example 33 answered 59", "failed.example 33 timeout 4" };
		assert.same({ fresh, { fresh[1], fresh[2] } }, { cache:walk(1000), cache:walk(1000, 2) });
	end);

	it("gives every byte back", function ()
		collectgarbage();
		local before = testcore.live_allocations();
		local cache = testcore.new_cache { stale_ttl = 100 };
		for i = 1, 2000 do
			cache:put(source { qname = i .. ".example" }, 0);
			cache:put(failure { qname = i .. ".example" }, 61000);
		end
		assert.equal(1 + 1 + 8 + 2000 * 3, testcore.live_allocations() - before); -- cache, directory, segments of 256, entries with two answers
		cache = nil; -- luacheck: ignore
		collectgarbage();
		collectgarbage();
		assert.equal(before, testcore.live_allocations());
	end);
end);

describe("cache: without memory", function ()
	it("is not made", function ()
		testcore.fail_allocation(1);
		assert.is_nil((testcore.new_cache {}));
		testcore.fail_allocation(0);
	end);

	it("forgets what it is given, whichever allocation fails, and goes on", function ()
		for failing = 2, 4 do -- 1 is the answer's own: then the directory, the first segment, the entry
			local cache = testcore.new_cache {};
			testcore.fail_allocation(failing);
			cache:put(source(), 0);
			testcore.fail_allocation(0);
			assert.same({}, found(cache, 0));
			assert.equal(0, cache:counters().entries);
			cache:put(source(), 0);
			assert.same({ "record", 60 }, found(cache, 0));
		end
	end);

	it("keeps everything when the table cannot grow, and grows later", function ()
		local cache = testcore.new_cache {};
		local function put(i) cache:put(source { qname = i .. ".example", tostring(i) }, 0); end
		for i = 1, 256 do put(i); end
		for i = 257, 300 do
			testcore.fail_allocation(3); -- the answer, the entry, the segment
			put(i);
			testcore.fail_allocation(0);
		end
		local before = cache:counters().bytes;
		put(301);
		assert.is_true(cache:counters().bytes - before > 2048);
		for i = 302, 2000 do put(i); end
		for i = 1, 2000 do assert.same({ tostring(i), 60 }, found(cache, 0, i .. ".example")); end
	end);
end);

-- The model: a list of entries, the most recently used first, with the rules of the header written down once more, as simply as can be.

local model_methods = {};
local model_mt = { __index = model_methods };

local function new_model(limits, table_bytes, entry_bytes)
	return setmetatable({ limits = limits, table_bytes = table_bytes, entry_bytes = entry_bytes, entries = {},
		hits = 0, misses = 0, stale_hits = 0, evictions = 0 }, model_mt);
end

function model_methods:index(qname, qtype)
	for i, entry in ipairs(self.entries) do
		if entry.qname == qname and entry.qtype == qtype then return i, entry; end
	end
end

function model_methods:use(i)
	table.insert(self.entries, 1, table.remove(self.entries, i));
end

function model_methods:bytes()
	local bytes = self.used and self.table_bytes or 0;
	for _, entry in ipairs(self.entries) do
		bytes = bytes + self.entry_bytes + (entry.answer and size_of(entry.answer) or 0) + (entry.failure and size_of(entry.failure) or 0);
	end
	return bytes;
end

function model_methods:can_serve_stale(entry, now)
	local answer = entry.answer;
	return answer and not answer.secure and answer[1] ~= nil and (answer.qtype == SRV or answer.qtype == A or answer.qtype == AAAA)
		and now < entry.expires + self.limits.stale_ttl * 1000;
end

function model_methods.fresh(_, entry, now)
	if entry.answer and now < entry.expires then return entry.answer, entry.expires; end
	if entry.failure and now < entry.failure_expires and not entry.failure_flushed then return entry.failure, entry.failure_expires; end
end

function model_methods:put(answer, now)
	local limits = self.limits;
	local i, entry = self:index(answer.qname, answer.qtype);
	local failed = answer.outcome ~= "answered";
	local ttl = failed and limits.failure_ttl or math.min(math.max(answer.ttl, limits.min_ttl), limits.max_ttl);
	local fits = self.table_bytes + self.entry_bytes + size_of(answer) <= limits.bytes;
	if not fits or answer.ttl == 0 and not failed then
		if i and not failed then table.remove(self.entries, i); end
		return;
	end
	if not i then
		entry = { qname = answer.qname, qtype = answer.qtype };
		table.insert(self.entries, 1, entry);
		self.used = true;
	else
		self:use(i);
	end
	if failed then
		entry.failure, entry.failure_expires, entry.failure_flushed = answer, now + ttl * 1000, false;
		if entry.answer and now >= entry.expires and not self:can_serve_stale(entry, now) then entry.answer = nil; end
	else
		entry.answer, entry.expires, entry.failure = answer, now + ttl * 1000, nil;
	end
	while self:bytes() > limits.bytes do
		table.remove(self.entries);
		self.evictions = self.evictions + 1;
	end
end

function model_methods:find(qname, qtype, now)
	local i, entry = self:index(qname, qtype);
	local answer, expires;
	if i then answer, expires = self:fresh(entry, now); end
	if answer then
		self.hits = self.hits + 1;
		self:use(i);
		return answer, math.ceil((expires - now) / 1000);
	end
	self.misses = self.misses + 1;
	if i and not self:can_serve_stale(entry, now) then table.remove(self.entries, i); end
end

function model_methods:find_stale(qname, qtype, now)
	local i, entry = self:index(qname, qtype);
	if i and entry.answer and now >= entry.expires and self:can_serve_stale(entry, now) then
		self.stale_hits = self.stale_hits + 1;
		self:use(i);
		return entry.answer;
	end
end

function model_methods:flush(qname)
	for i = #self.entries, 1, -1 do
		if qname == nil or self.entries[i].qname == qname then table.remove(self.entries, i); end
	end
	if qname == nil then self.used = false; end
end

function model_methods:flush_failures()
	for _, entry in ipairs(self.entries) do entry.failure_flushed = true; end
end

function model_methods:counters()
	return { hits = self.hits, misses = self.misses, stale_hits = self.stale_hits, evictions = self.evictions,
		bytes = self:bytes(), entries = #self.entries };
end

function model_methods:walk(now)
	local seen = {};
	for _, entry in ipairs(self.entries) do
		local answer, expires = self:fresh(entry, now);
		if answer then
			table.insert(seen, ("%s %d %s %d"):format(entry.qname, entry.qtype, answer.outcome, math.ceil((expires - now) / 1000)));
		end
	end
	return seen;
end

describe("cache: random operations", function ()
	-- The same draws in every Lua (Park and Miller's generator).
	local function new_random(seed)
		return function (most)
			seed = seed * 16807 % 2147483647;
			return seed % most + 1;
		end
	end

	local qtypes = { A, AAAA, SRV, TLSA };
	local outcomes = { "timeout", "bogus", "servfail" };

	local function random_answer(random, question)
		local kind = random(10);
		local fields = { qname = question.qname, qtype = question.qtype, secure = random(3) == 1, ttl = random(40) - 1 };
		if kind <= 3 then
			fields.outcome = outcomes[random(3)];
			return failure(fields);
		elseif kind == 4 then
			return denial(fields);
		end
		fields[1] = ("x"):rep(random(20) == 1 and random(9000) or random(200));
		return source(fields);
	end

	local operations = {
		function (it_is, random, question, now) it_is("put", random_answer(random, question), now); end,
		function (it_is, _, question, now) it_is("find", question.qname, question.qtype, now); end,
		function (it_is, _, question, now) it_is("find_stale", question.qname, question.qtype, now); end,
		function (it_is, random, question) if random(10) == 1 then it_is("flush", question.qname); end end,
		function (it_is, random) if random(20) == 1 then it_is("flush_failures"); end end,
		function (it_is, random) if random(200) == 1 then it_is("flush"); end end,
	};
	local weights = { 1, 1, 1, 2, 2, 2, 3, 4, 5, 6 };

	-- What an empty table and an entry take, read from a cache with one and two entries.
	local function read_costs()
		local cache = testcore.new_cache {};
		cache:put(source(), 0);
		local one = cache:counters().bytes;
		cache:put(source { qname = "b.example" }, 0);
		local entry = cache:counters().bytes - one - size_of(source());
		return one - entry - size_of(source()), entry;
	end

	for seed, limits in ipairs {
		{ bytes = 8000, min_ttl = 0, max_ttl = 86400, stale_ttl = 30, failure_ttl = 5 },
		{ bytes = 20000, min_ttl = 5, max_ttl = 20, stale_ttl = 60, failure_ttl = 10 },
		{ bytes = 1000000, min_ttl = 0, max_ttl = 30, stale_ttl = 0, failure_ttl = 3 },
	} do
		it(("leave the cache as they leave the model, within %d bytes"):format(limits.bytes), function ()
			local table_bytes, entry_bytes = read_costs();
			local random, cache, model, now = new_random(seed), testcore.new_cache(limits), new_model(limits, table_bytes, entry_bytes), 0;
			local function it_is(method, ...)
				local expected = { model[method](model, ...) };
				assert.same(expected, { cache[method](cache, ...) });
			end
			for step = 1, 5000 do
				now = now + random(1000);
				local question = { qname = random(10) .. ".example", qtype = qtypes[random(#qtypes)] };
				operations[weights[random(#weights)]](it_is, random, question, now);
				it_is("counters");
				if step % 20 == 0 then it_is("walk", now); end
			end
			local counters = model:counters();
			assert.is_true(counters.hits > 100 and counters.misses > 100 and (counters.stale_hits > 20 or limits.stale_ttl == 0)
				and (counters.evictions > 50 or limits.bytes == 1000000));
		end);
	end
end);

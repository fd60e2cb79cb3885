-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- One side of one case, once, in a process of its own: measure.lua CASE SIDE SETUP (JSON), prints its numbers as JSON.

package.path = "./?.lua;./lua/?.lua;" .. package.path;

local json = require "dkjson";

-- Prosody's collector, for every side; the program lua5.4 itself starts in generational mode, which goes through the whole heap at once.
collectgarbage("incremental", 105, 500);

local case = require("spec.bench.cases." .. arg[1]);
local setup = json.decode(arg[3]);
if not case.needs_forwarder then setup.forward = setup.direct or setup.forward; end
local ok, result = pcall(case.sides[arg[2]], setup);
io.write(json.encode(ok and result or { error = tostring(result) }), "\n");
io.stdout:flush();
os.exit(true, false); -- without closing: a context of libunbound that still works would be waited for

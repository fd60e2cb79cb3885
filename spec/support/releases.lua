-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- What the releases of libunbound and BIND that the specs meet do differently: Debian 12 has libunbound 1.17, Debian 13 had 1.22 and has 1.26.

local process = require "spec.support.process";

local minor = tonumber(require "xmppdns.core".version().libunbound:match("^1%.(%d+)"));

-- The most NSEC3 iterations that dnssec-signzone signs with.
local function most_iterations()
	local release = process.run({ "sh", "-c", "dnssec-signzone -V" }):match("9%.(%d+)");
	return tonumber(release) < 20 and 150 or 50;
end

return {
	-- Addresses of a wrong length are taken out of an unsigned answer, and what is left is an answer without data; 1.17 passes them on.
	takes_out_short = minor > 17;
	-- An answer of 64 KiB is refused as a whole; until 1.22 only what grows beyond that when it is written anew is.
	refuses_large = minor > 22;
	most_iterations = most_iterations;
};

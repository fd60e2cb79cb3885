-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Rows of the table: what is compared with what, and when it is good enough. ours and peer: "side.field" of the measurements, or a sum of
-- such; peer may be nil.

local goals = {};

-- ratio: how many times faster than the peer.
function goals.faster(case, ours, peer, unit, times)
	return {
		case = case, ours = ours, peer = peer, unit = unit, goal = times == 1 and "faster" or ("%g times faster"):format(times);
		more_is_better = true;
		ratio = function (a, b) return b / a; end;
		holds = function (_, ratio) return ratio >= times; end;
	};
end

-- ratio: to the peer's cost.
function goals.within(case, ours, peer, unit, times)
	return {
		case = case, ours = ours, peer = peer, unit = unit, goal = ("at most %g times"):format(times);
		ratio = function (a, b) return a / b; end;
		holds = function (_, ratio) return ratio <= times; end;
	};
end

-- A limit for ours alone; the peer is there to compare.
function goals.limit(case, ours, peer, unit, most)
	return {
		case = case, ours = ours, peer = peer, unit = unit, goal = ("at most %g %s"):format(most, unit);
		ratio = function (a, b) return a / b; end;
		holds = function (value) return value <= most; end;
	};
end

-- The longest pause, in milliseconds, of the round where it was shortest: what a host takes from a virtual machine looks like work of ours, adds up to
-- 20 ms to a pause, and takes nothing away.
function goals.pause(case, ours, peer, most)
	local row = goals.limit(case, ours, peer, "ms", most);
	row.goal, row.is_lowest = row.goal .. ", once", true;
	return row;
end

-- At most so much more than the peer.
function goals.more(case, ours, peer, unit, most)
	return {
		case = case, ours = ours, peer = peer, unit = unit, goal = ("at most %g more"):format(most);
		ratio = function (a, b) return a / b; end;
		holds = function (value, _, other) return value - other <= most; end;
	};
end

-- No goal: what a choice costs.
function goals.shown(case, ours, peer, unit)
	return {
		case = case, ours = ours, peer = peer, unit = unit, goal = "to see";
		ratio = function (a, b) return a / b; end;
		holds = function () return true; end;
	};
end

return goals;

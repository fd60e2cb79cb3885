-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- How fast a figure grows: the median of the slopes between all samples (Theil and Sen), which single peaks do not move.

local MOST = 300; -- samples: the others in between are left out

local function thin_out(samples)
	local step, kept = math.ceil(#samples / MOST), {};
	for i = 1, #samples, step do table.insert(kept, samples[i]); end
	return kept;
end

-- samples: { { x, y }, ... }, two at least, by x.
local function of(samples)
	local kept, slopes = thin_out(samples), {};
	for i = 1, #kept do
		for j = i + 1, #kept do
			table.insert(slopes, (kept[j][2] - kept[i][2]) / (kept[j][1] - kept[i][1]));
		end
	end
	table.sort(slopes);
	return slopes[math.ceil(#slopes / 2)];
end

return { of = of };

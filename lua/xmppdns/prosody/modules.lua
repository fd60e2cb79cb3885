-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Prosody's own modules by the names that both versions understand: "util.x" is its prosody.util.x, which 0.12 knows without the prefix alone.

return function (name)
	local loaded = package.loaded["prosody." .. name] or package.loaded[name];
	if loaded then return loaded; end
	local found, module = pcall(require, "prosody." .. name);
	return found and module or require(name);
end;

-- SPDX-License-Identifier: MIT
-- SPDX-FileCopyrightText: 2026 the mod_xmppdns founders
-- Real servers for specs: starts them, waits for them, and stops them at the latest when this Lua state ends, however it ends.

local socket = require "socket";

-- The guard is a shell which starts our processes, because plain Lua cannot, and which reads what to do from a pipe. Once the
-- pipe ends, be it that we are done or that we were killed, it stops what still runs and removes the directory of this run.
local GUARD = [[
directory=$1 pids= keep=
stop() {
	(sleep 3; kill -s KILL -- "-$1") >/dev/null 2>&1 &
	kill -TERM "$1" 2>/dev/null; wait "$1"; kill "$!" 2>/dev/null
	kill -s KILL -- "-$1" 2>/dev/null
}
while IFS= read -r line; do eval "$line"; done
[ -z "$keep" ] || exit 0
for pid in $pids; do kill -TERM "$pid" 2>/dev/null; done
for pid in $pids; do stop "$pid"; done
rm -rf -- "$directory"
]];

local process = {};
local proc_methods = {};
local proc_mt = { __index = proc_methods };
local guard, directory;
local started = {};
local serial = 0;

local function quote(word)
	return "'" .. tostring(word):gsub("'", "'\\''") .. "'";
end

local function quote_all(words)
	local quoted = {};
	for i, word in ipairs(words) do
		quoted[i] = quote(word);
	end
	return table.concat(quoted, " ");
end

local function quote_command(argv, options)
	local words = { "env" };
	for name, value in pairs(options.env or {}) do
		table.insert(words, name .. "=" .. value);
	end
	for _, word in ipairs(argv) do
		table.insert(words, word);
	end
	return quote_all(words);
end

local function cd(options)
	return options.cwd and "cd " .. quote(options.cwd) .. " && " or "";
end

function process.read(path)
	local file = io.open(path, "rb");
	if not file then return nil; end
	local content = file:read("*a");
	file:close();
	return content;
end

function process.write(path, content)
	local file = assert(io.open(path, "wb"));
	file:write(content);
	file:close();
	return path;
end

-- Calls f until it gives something true, and returns that; nil when the time is over. The minute that it is by default only says that something
-- is broken: on a busy machine all takes longer.
function process.wait_until(f, seconds)
	local deadline = socket.gettime() + (seconds or 60);
	repeat
		local result = f();
		if result then return result; end
		socket.sleep(0.005);
	until socket.gettime() > deadline;
	return nil;
end

-- Runs a command to its end. options: cwd, env. Returns its output; raises with the output when the command fails.
function process.run(argv, options)
	options = options or {};
	local pipe = io.popen(("{ %s%s; } 2>&1 </dev/null; echo \" $?\""):format(cd(options), quote_command(argv, options)));
	local output, status = pipe:read("*a"):match("^(.*) (%d+)\n$");
	pipe:close();
	if status ~= "0" then
		error(("%s failed with status %s:\n%s"):format(table.concat(argv, " "), status, output), 2);
	end
	return output;
end

-- Runs a shell script whose mounts nobody else sees; see run. (In a tree whose root is no mount the mounts are nobody else's already.)
function process.run_with_own_mounts(script, options)
	script = "set -e; mount --make-rprivate / 2>/dev/null || true\n" .. script;
	return process.run({ "unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script }, options);
end

local function start_guard()
	directory = process.run({ "mktemp", "-d", "-t", "xmppdns-XXXXXX" }):gsub("\n", "");
	-- Its own session: an interrupt from the terminal reaches us, and the guard by the end of the pipe.
	guard = io.popen(("exec setsid sh -c %s guard %s >/dev/null 2>&1"):format(quote(GUARD), quote(directory)), "w");
end

local function tell_guard(line)
	guard:write(line, "\n");
	guard:flush();
end

-- The directory of this run, or the one of that name inside it: made at first use, removed at the end.
function process.directory(name)
	if not guard then start_guard(); end
	if not name then return directory; end
	local path = directory .. "/" .. name;
	process.run({ "mkdir", "-p", path });
	return path;
end

-- Starts a command in the background. options: cwd (default: the directory of this run), env, stdout (a file that gets
-- standard output and error; default: one in the directory of this run).
function process.start(argv, options)
	options = options or {};
	serial = serial + 1;
	local base = process.directory() .. "/" .. serial;
	local stdout = options.stdout or base .. ".out";
	tell_guard(("(cd %s && exec setsid %s </dev/null >>%s 2>&1) & pids=\"$pids $!\"; echo $! >%s.new; mv %s.new %s.pid"):format(
		quote(options.cwd or directory), quote_command(argv, options), quote(stdout), base, base, base));
	local pid = process.wait_until(function ()
		return tonumber(process.read(base .. ".pid"));
	end);
	assert(pid, "the guard of this run does not answer");
	local proc = setmetatable({ pid = pid, argv = argv, stdout = stdout }, proc_mt);
	started[proc] = true;
	return proc;
end

function proc_methods:alive()
	local stat = process.read("/proc/" .. self.pid .. "/stat");
	return started[self] ~= nil and stat ~= nil and stat:match("%) (%a)") ~= "Z";
end

-- What the process has written to standard output and error.
function proc_methods:output()
	return process.read(self.stdout) or "";
end

-- Seconds of processor time that its first thread has used.
function proc_methods:cpu()
	local stat = process.read(("/proc/%d/task/%d/stat"):format(self.pid, self.pid));
	local user, system = stat:match("%) %S+" .. (" %S+"):rep(10) .. " (%d+) (%d+)");
	return (user + system) / 100;
end

function proc_methods:signal(name)
	process.run({ "kill", "-" .. name, self.pid });
end

-- Ends the process and its children: TERM, after three seconds KILL. Returns once it is gone; may be called twice.
function proc_methods:stop()
	if not started[self] then return; end
	started[self] = nil;
	local done = process.directory() .. "/" .. self.pid .. ".stopped";
	tell_guard(("stop %d; pids=$(echo \" $pids \" | sed 's/ %d / /'); : >%s"):format(self.pid, self.pid, quote(done)));
	assert(process.wait_until(function ()
		return process.read(done);
	end), "a process does not end: " .. table.concat(self.argv, " "));
	os.remove(done);
end

-- Ends every process and removes the directory. Not needed for cleaning up: that happens by itself.
function process.stop_all()
	if not guard then return; end
	guard:close(); -- waits for it
	guard, directory, started = nil, nil, {};
end

-- Leaves everything running when this Lua state ends, and returns the path of a shell script that stops and removes it all.
-- The script looks at each process's working directory first, because a process number may have found a new owner by then.
function process.keep()
	local pids = {};
	for proc in pairs(started) do
		table.insert(pids, ("%d"):format(proc.pid));
	end
	tell_guard("keep=1");
	return process.write(process.directory() .. "/stop", ([[
#!/bin/sh
for pid in %s; do
	case "$(readlink "/proc/$pid/cwd")" in
		%s*) kill -TERM "$pid"; ours="$ours $pid" ;;
	esac
done
tries=0
while [ $tries -lt 30 ] && [ -n "$ours" ] && kill -0 $ours 2>/dev/null; do sleep 0.1; tries=$((tries + 1)); done
rm -rf %s
]]):format(table.concat(pids, " "), directory, quote(directory)));
end

local function random_byte()
	local file = assert(io.open("/dev/urandom", "rb")); -- not math.random: it repeats itself in every run of Lua 5.1 to 5.3
	local byte = file:read(1):byte();
	file:close();
	return byte;
end

-- An unusual address of the loopback interface, so that two runs do not meet.
function process.free_address()
	return ("127.%d.%d.%d"):format(1 + random_byte() % 250, 1 + random_byte() % 250, 2 + random_byte() % 250);
end

local function is_free(address, port)
	local tcp = socket.bind(address, port);
	if not tcp then return false; end
	tcp:close();
	local udp = socket.udp();
	local free = udp:setsockname(address, port);
	udp:close();
	return free ~= nil;
end

-- A port that is free on the address, and on the other if one is given, for TCP and UDP.
function process.free_port(address, other)
	for _ = 1, 20 do
		local tcp = assert(socket.bind(address, 0));
		local _, port = tcp:getsockname();
		tcp:close();
		if is_free(address, port) and (not other or is_free(other, port)) then return tonumber(port); end
	end
	error("no free port on " .. address);
end

-- Waits until something accepts connections there: true, or nil when the time is over.
function process.wait_for_tcp(address, port, seconds)
	return process.wait_until(function ()
		local tcp = socket.tcp();
		tcp:settimeout(1);
		local connected = tcp:connect(address, port);
		tcp:close();
		return connected and true;
	end, seconds);
end

-- Sends the datagram again and again until it is answered: the answer, or nil when the time is over.
function process.wait_for_udp(address, port, datagram, seconds)
	local udp = socket.udp();
	udp:setpeername(address, port);
	udp:settimeout(0.05);
	local answer = process.wait_until(function ()
		udp:send(datagram);
		return (udp:receive());
	end, seconds);
	udp:close();
	return answer;
end

return process;

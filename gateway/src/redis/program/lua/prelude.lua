-- What surrounds a script inside the interpreter. Called once per Lua state with the native
-- functions; returns `enter(script, keys, argv)`, which runs a compiled script.
--
-- Nothing a script can write to outlives its run: its globals and each library it sees are empty
-- tables that read through to the real ones and refuse writes. Everything here is
-- held in locals, so replacing a library function inside a script cannot reach it.

local native = ...
local rawpcall, rawxpcall, rawresume, rawloadstring = pcall, xpcall, coroutine.resume, loadstring
local setmetatable, setfenv, next, type, error = setmetatable, setfenv, next, type, error
local select, concat, byte = select, table.concat, string.byte

-- The globals of the running script, for the chunks that it compiles.
local environment

-- After a caught error: what Redis's scripts see of it. Raises again if the script was ended.
local function caught(unwrap, ok, ...)
  if ok then return true, ... end
  return false, native.caught(unwrap, ...)
end

local function pcall(...)
  if select('#', ...) == 0 then
    return false, "bad argument #1 to 'pcall' (value expected)"
  end
  return caught(true, rawpcall(...))
end

local function xpcall(f, handler)
  local function translated(e) return handler(native.caught(false, e)) end
  return caught(false, rawxpcall(f, translated))
end

local function compiled(chunk, why)
  if chunk then return setfenv(chunk, environment) end
  return nil, why
end

local function loadstring(text, name)
  if type(text) == 'string' and byte(text) == 27 then
    return nil, '[string "\27LuaQ"]:1: unexpected symbol near \'char(27)\''
  end
  return compiled(rawloadstring(text, name))
end

local function load(read, name)
  local parts, count = {}, 0
  while true do
    local part = read()
    if part == nil or part == '' then break end
    if type(part) ~= 'string' then error('reader function must return a string', 2) end
    count = count + 1
    parts[count] = part
  end
  return loadstring(concat(parts), name or '=(load)')
end

coroutine.resume = function(...) return caught(false, rawresume(...)) end

for name, replacement in next, native.string do string[name] = replacement end
for name, replacement in next, native.math do math[name] = replacement end
string.gfind = string.gmatch

local libraries = {
  redis = native.redis, cjson = native.cjson, bit = native.bit, struct = native.struct,
  cmsgpack = native.cmsgpack, string = string, table = table, math = math,
  coroutine = coroutine,
}
local shields = {}
for name, library in next, libraries do
  shields[name] = { __index = library, __newindex = native.readonly, __shield = true }
end

local builtins = setmetatable({
  assert = assert, collectgarbage = native.collectgarbage, error = error, gcinfo = native.gcinfo,
  getmetatable = native.getmetatable, ipairs = ipairs, load = load, loadstring = loadstring,
  next = next, pairs = pairs, pcall = pcall, rawequal = rawequal, rawget = rawget,
  rawset = native.rawset, select = select, setmetatable = native.setmetatable,
  tonumber = tonumber, tostring = tostring, type = type, unpack = unpack, xpcall = xpcall,
  _VERSION = _VERSION,
}, { __index = native.missing })
local fallback = { __index = builtins }

-- What scripts see of the libraries. A script can't write to them, but `table.insert` can; those
-- that it has changed are made anew for the next.
local seen = {}

return function(script, keys, argv)
  for name, shield in next, shields do
    local library = seen[name]
    if library == nil or next(library) ~= nil then seen[name] = setmetatable({}, shield) end
  end
  local visible = {
    KEYS = keys, ARGV = argv, redis = seen.redis, cjson = seen.cjson, bit = seen.bit,
    struct = seen.struct, cmsgpack = seen.cmsgpack, string = seen.string, table = seen.table,
    math = seen.math, coroutine = seen.coroutine,
  }
  local shield = { __index = visible, __newindex = native.readonly, __shield = true }
  environment = setmetatable({}, shield)
  visible._G = environment
  setmetatable(visible, fallback)
  return rawxpcall(setfenv(script, environment), native.failed)
end

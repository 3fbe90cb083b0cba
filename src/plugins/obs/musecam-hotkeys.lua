-- MuseCam hotkeys: makes MuseCam's actions hotkeys of OBS (Settings -> Hotkeys -> "MuseCam: ...") and tells the running
-- MuseCam of every press through OBS's own WebSocket server, as a vendor event:
--   VendorEvent { vendorName = "musecam", eventType = "hotkey", eventData = { action = "avatar.next", pressed = true } }
-- It opens no connection, reads and writes no file, and binds no key by itself.
--
-- OBS offers no vendor events to Lua, so the few functions of libobs that are needed are called through LuaJIT's FFI.

local obs = obslua

-- Must agree with hotkey-actions.ts.
local actions = {}
for number = 1, 9 do
  actions[number] = { id = "avatar." .. number, title = "avatar " .. number }
end
actions[#actions + 1] = { id = "avatar.next", title = "next avatar" }
actions[#actions + 1] = { id = "avatar.previous", title = "previous avatar" }
actions[#actions + 1] = { id = "panic", title = "panic" }
actions[#actions + 1] = { id = "mouth.rest", title = "rest mouth" }
actions[#actions + 1] = { id = "mute", title = "mute" }

local VENDOR = "musecam"
local POINTER_BYTES = 8

local hotkeys = {} -- OBS's hotkey id by the action's
local has_ffi, ffi = pcall(require, "ffi")
local lib -- libobs, once it was found
local vendor -- our registration with obs-websocket, once it was made
local is_told = {} -- complaints that were made already: a key that is held must not fill the log

local function warn_once(message)
  if is_told[message] then return end
  is_told[message] = true
  obs.script_log(obs.LOG_WARNING, message)
end

local function open_lib()
  -- assert, not error: OBS puts a function of its own in the place of error, which writes to the log and goes on.
  assert(has_ffi, "this OBS has no LuaJIT with FFI")
  ffi.cdef [[
    typedef struct { uint8_t *stack; size_t size; size_t capacity; bool fixed; } musecam_calldata;
    void *obs_get_proc_handler(void);
    bool proc_handler_call(void *handler, const char *name, musecam_calldata *params);
    bool calldata_get_data(const musecam_calldata *data, const char *name, void *out, size_t size);
    void calldata_set_data(musecam_calldata *data, const char *name, const void *value, size_t size);
    void *obs_data_create_from_json(const char *json);
    void obs_data_release(void *data);
    void bfree(void *memory);
  ]]
  assert(ffi.sizeof("void*") == POINTER_BYTES, "only OBS of 64 bits is supported")
  -- Elsewhere the functions of libobs are found among those of the program itself.
  lib = ffi.os == "Windows" and ffi.load("obs") or ffi.C
  return lib.obs_get_proc_handler() -- fails here, not at the first press, where it is not
end

local function set_text(data, name, text)
  lib.calldata_set_data(data, name, text, #text + 1)
end

local function set_pointer(data, name, pointer)
  lib.calldata_set_data(data, name, ffi.new("void*[1]", pointer), POINTER_BYTES)
end

-- Calls a procedure of OBS. `fill` writes its arguments; returns the pointer it leaves under `result`, or nil.
local function call(handler, procedure, fill, result)
  local data = ffi.new("musecam_calldata") -- zeroed, as calldata_init does
  if fill then fill(data) end
  local out = ffi.new("void*[1]")
  local is_done = lib.proc_handler_call(handler, procedure, data)
  local is_there = is_done and result ~= nil and lib.calldata_get_data(data, result, out, POINTER_BYTES)
  lib.bfree(data.stack) -- calldata_free is inline in OBS's headers: this is all it does
  if is_there and out[0] ~= nil then return out[0] end
  return nil
end

-- obs-websocket's own procedures; nil where it is not loaded.
local function websocket()
  return call(lib.obs_get_proc_handler(), "obs_websocket_api_get_ph", nil, "ph")
end

-- Registers once. A name can be taken only once as long as OBS runs, but a script is loaded anew with every scene
-- collection: from then on it has a name of its own, which MuseCam knows by its beginning.
local function register(handler)
  local function try(name)
    return call(handler, "vendor_register", function(data) set_text(data, "name", name) end, "vendor")
  end
  return try(VENDOR) or try(string.format("%s.%d.%d", VENDOR, os.time(), math.floor(os.clock() * 1000000)))
end

local function emit(action, is_pressed)
  local handler = websocket()
  assert(handler ~= nil, "obs-websocket, a part of OBS 28 and newer, is not loaded")
  vendor = vendor or register(handler)
  assert(vendor ~= nil, "obs-websocket does not let this script register")
  -- Actions are names of this file, so nothing has to be escaped.
  local json = string.format('{"action":"%s","pressed":%s}', action, tostring(is_pressed))
  local event = lib.obs_data_create_from_json(json)
  call(handler, "vendor_event_emit", function(data)
    set_pointer(data, "vendor", vendor)
    set_text(data, "type", "hotkey")
    set_pointer(data, "data", event)
  end)
  lib.obs_data_release(event)
end

local function tell(action, is_pressed)
  if not lib then return end -- said when the script was loaded
  local is_told_of, problem = pcall(emit, action, is_pressed)
  if not is_told_of then warn_once("MuseCam is not told of hotkeys: " .. tostring(problem)) end
end

function script_description()
  return "<b>MuseCam hotkeys</b><p>Settings &rarr; Hotkeys lists MuseCam's actions as <i>MuseCam: avatar 1</i> &hellip; "
    .. "<i>9, next avatar, previous avatar, panic, rest mouth, mute</i>. Give keys to those you want; none has one by "
    .. "itself. They work whatever window is in front.</p><p>MuseCam must be running and connected: Tools &rarr; WebSocket "
    .. "Server Settings &rarr; Enable WebSocket server. See <code>musecam obs hotkeys status</code>.</p>"
end

function script_load(settings)
  local is_open, problem = pcall(open_lib)
  if not is_open then
    lib = nil
    warn_once("MuseCam hotkeys do nothing here: " .. tostring(problem)
      .. ". Use scene items instead: musecam obs hotkeys install --scene")
  end
  for _, action in ipairs(actions) do
    local name = "musecam." .. action.id
    local hotkey = obs.obs_hotkey_register_frontend(name, "MuseCam: " .. action.title, function(is_pressed)
      tell(action.id, is_pressed)
    end)
    hotkeys[action.id] = hotkey
    local keys = obs.obs_data_get_array(settings, name)
    obs.obs_hotkey_load(hotkey, keys)
    obs.obs_data_array_release(keys)
  end
end

function script_save(settings)
  for _, action in ipairs(actions) do
    local keys = obs.obs_hotkey_save(hotkeys[action.id])
    obs.obs_data_set_array(settings, "musecam." .. action.id, keys)
    obs.obs_data_array_release(keys)
  end
end

-- What follows is the same for all tables.

-- Wireshark has a MoldUDP64 of its own: names and titles must be others.
local function protocol(name, title)
  return {proto = Proto(name, title), name = name, made = {}, list = {}}
end

-- The ProtoField of a field; one of the same name and another type gets a name of its own.
local function declare(of, name, kind)
  local key = name .. "/" .. kind
  if of.made[key] then return end
  local abbreviation = of.name .. "." .. name
  if of.made[name] then abbreviation = abbreviation .. "_" .. kind end
  local make = kind == "price4" and ProtoField.uint32 or ProtoField[kind]
  of.made[name] = true
  of.made[key] = make(abbreviation, name)
  table.insert(of.list, of.made[key])
end

local function declare_all(of, fields)
  for _, field in ipairs(fields) do declare(of, field[1], field[4]) end
end

-- Adds fields to a tree. `little`: least significant byte first.
local function add(of, tree, range, fields, little)
  for _, field in ipairs(fields) do
    local name, at, width, kind = field[1], field[2], field[3], field[4]
    local part = range(at, width)
    local item = (little and kind ~= "string") and tree:add_le(of.made[name .. "/" .. kind], part)
      or tree:add(of.made[name .. "/" .. kind], part)
    if kind == "price4" then
      item:append_text(string.format(" (%d.%04d USD)", math.floor(part:uint() / 10000), part:uint() % 10000))
    end
  end
end

local itch = protocol("tgitch", "Tickgate ITCH 5.0")
declare(itch, "type", "string")
for _, message in pairs(ITCH) do declare_all(itch, message.fields) end
itch.proto.fields = itch.list

local function dissect_itch(range, tree)
  local spec = ITCH[range(0, 1):uint()]
  local letter = range(0, 1):string()
  if spec == nil or spec.length ~= range:len() then
    tree:add(itch.proto, range, "ITCH message of unknown type or length: " .. range:len() .. " bytes")
    return "?"
  end
  local branch = tree:add(itch.proto, range, "ITCH " .. letter .. ", " .. spec.name)
  branch:add(itch.made["type/string"], range(0, 1))
  add(itch, branch, range, spec.fields, false)
  return letter
end

local mold = protocol("tgmold", "Tickgate MoldUDP64")
declare_all(mold, MOLD)
declare(mold, "length", "uint16")
mold.proto.fields = mold.list

function mold.proto.dissector(buffer, pinfo, tree)
  if buffer:len() < MOLD_HEADER_BYTES then return 0 end
  pinfo.cols.protocol = "MoldUDP64"
  local branch = tree:add(mold.proto, buffer())
  add(mold, branch, buffer(), MOLD, false)
  local count, at, letters = buffer(18, 2):uint() % END_OF_SESSION, MOLD_HEADER_BYTES, ""
  for _ = 1, count do
    if at + 2 > buffer:len() then break end
    local length = buffer(at, 2):uint()
    branch:add(mold.made["length/uint16"], buffer(at, 2))
    if length == 0 or at + 2 + length > buffer:len() then break end
    letters = letters .. dissect_itch(buffer(at + 2, length), branch)
    at = at + 2 + length
  end
  pinfo.cols.info = string.format("%s messages %s", count, letters)
  return buffer:len()
end

local bridge = protocol("tgrecord", "Tickgate records")
for _, record in pairs(RECORDS) do declare_all(bridge, record.fields) end
bridge.proto.fields = bridge.list

function bridge.proto.dissector(buffer, pinfo, tree)
  pinfo.cols.protocol = "Tickgate"
  local branch, at, names = tree:add(bridge.proto, buffer()), 0, {}
  while at + RECORD_BYTES <= buffer:len() do
    local range = buffer(at, RECORD_BYTES)
    local record = RECORDS[range(0, 1):uint()]
    if record == nil then break end     -- padding
    add(bridge, branch:add(bridge.proto, range, record.name), range, record.fields, true)
    table.insert(names, record.name)
    at = at + RECORD_BYTES
  end
  pinfo.cols.info = table.concat(names, " ")
  return buffer:len()
end

for _, port in ipairs(PORTS) do DissectorTable.get("udp.port"):add(port, mold.proto) end
DissectorTable.get("ethertype"):add(HOST_ETHERTYPE, bridge.proto)

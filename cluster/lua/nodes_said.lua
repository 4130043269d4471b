-- What nodes said lately. KEYS: the hash of all nodes. ARGV: how many seconds it counts.
local now = tonumber(redis.call('TIME')[1])
local said = {}
local all = redis.call('HGETALL', KEYS[1])
for place = 1, #all, 2 do
  local at, words = string.match(all[place + 1], '^(%d+) (.*)$')
  if at and now - tonumber(at) <= tonumber(ARGV[1]) then
    said[#said + 1] = all[place]
    said[#said + 1] = words
  else
    redis.call('HDEL', KEYS[1], all[place])
  end
end
return said

-- A node says something of itself. KEYS: the hash of all nodes. ARGV: its address, what it says.
local now = redis.call('TIME')[1]
redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
redis.call('EXPIRE', KEYS[1], 172800)

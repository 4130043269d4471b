-- Removes every entry about some recordings.
-- KEYS     asr:cached:{recording}, sets of keys without their prefix
-- ARGV[1]  the prefix: whatever a set may hold, nothing but entries of the cache goes
-- Returns how many entries went.
local gone = 0
for _, recording in ipairs(KEYS) do
    if redis.call('TYPE', recording).ok == 'set' then
        for _, key in ipairs(redis.call('SMEMBERS', recording)) do
            gone = gone + redis.call('DEL', ARGV[1] .. key)
        end
    end
    redis.call('DEL', recording)
end
return gone

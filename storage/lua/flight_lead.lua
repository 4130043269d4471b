-- Takes the lead of one piece of work, or renews it for who has it. Time is the server's.
-- KEYS[1]  asr:flight:{work}, a string: the leader's token, gone when its time has run out
-- ARGV[1]  the caller's token      ARGV[2]  the lease in ms
-- Returns 1 where the caller leads now, else 0.
local leader = redis.pcall('GET', KEYS[1])
if type(leader) == 'string' and leader ~= ARGV[1] then
    -- A lead that would never end, or not in its time, is none: somebody would wait for it for ever.
    local left_ms = redis.call('PTTL', KEYS[1])
    if left_ms >= 0 and left_ms <= tonumber(ARGV[2]) then
        return 0
    end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1

-- Gives the lead back. Who lost it in the meantime must not end the lead of whoever has it now.
-- KEYS[1]  asr:flight:{work}      ARGV[1]  the caller's token
if redis.pcall('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0

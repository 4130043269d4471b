-- Writes an entry and notes it among what is known of its recording.
-- KEYS[1]  asr:cache:{key}, a string: the entry, gone when its time has run out
-- KEYS[2]  asr:cached:{recording}, a set of keys without their prefix; it never goes before the last of them
-- ARGV[1]  the entry      ARGV[2]  how long it lives in ms      ARGV[3]  its key without the prefix
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
if redis.call('TYPE', KEYS[2]).ok ~= 'set' then
    redis.call('DEL', KEYS[2])
end
redis.call('SADD', KEYS[2], ARGV[3])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then
    redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return 1

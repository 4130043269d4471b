-- One replica's part of the board: writes what is new of its own, takes slots, reads what changed since it last looked.
-- Texts are the replicas' own affair (cluster/board_records.py); here they are only kept. Time is the server's.
--
-- KEYS[1] asr:{board}:meta     hash: epoch (another one: everything was lost), version (of the last change), floor (the
--                              changes up to this version are not known one by one)
-- KEYS[2] asr:{board}:records  hash: record -> text. Records are t/{owner}/{ticket}, s/{speed} and turns
-- KEYS[3] asr:{board}:slots    hash: record of a granted ticket -> place of its node
-- KEYS[4] asr:{board}:changes  sorted set: record, also one that has gone -> version in which it last changed
-- KEYS[5] asr:{board}:owners   sorted set: owner -> when its tickets end, in ms
-- ARGV    1 owner   2 life of its tickets in ms, or 0 to say goodbye   3 epoch to begin where there is none
--         4 and 5 epoch and version that the caller knows   6 changes to keep
--         7 {"put": [[record, text, place or ""]], "drop": [record],
--            "claim": [[record, text, place, slots]], "turns": the turns after the claims,
--            "tell": message, perhaps empty, for all who listen}   8 the channel
--         9 where the reading of everything goes on, or nothing   10 records in a piece of it
-- Returns as JSON (a client reads one text faster than thousands) epoch, version, now in ms, whether the claims were
-- granted (all or none), whether everything follows from its beginning, and not only what changed; where the next piece
-- of it begins, or nothing; then for each record, text or false, place or false. Each piece brings what changed since
-- the last one, too: all together are everything as it is in the version of the last.
local meta, records, slots, changes, owners = unpack(KEYS)
local owner, life = ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local wanted = cjson.decode(ARGV[7])

local epoch = redis.call('HGET', meta, 'epoch')
if not epoch then
    epoch = ARGV[3]
    redis.call('DEL', meta, records, slots, changes, owners)
    redis.call('HSET', meta, 'epoch', epoch, 'version', 0, 'floor', 0)
    -- Whoever has tickets posts them again.
    redis.call('PUBLISH', ARGV[8], '*')
end
local version = tonumber(redis.call('HGET', meta, 'version'))
local floor = tonumber(redis.call('HGET', meta, 'floor'))
local since = ARGV[4] == epoch and tonumber(ARGV[5]) or -1
-- A primary that lost the last writes counts from lower down.
if since > version then since = -1 end

local function put(record, text, place)
    version = version + 1
    redis.call('ZADD', changes, version, record)
    if text then redis.call('HSET', records, record, text) else redis.call('HDEL', records, record) end
    if place then redis.call('HSET', slots, record, place) else redis.call('HDEL', slots, record) end
end

local function forget(gone)
    local start = 't/' .. gone .. '/'
    for _, record in ipairs(redis.call('HKEYS', records)) do
        if string.sub(record, 1, #start) == start then put(record) end
    end
    redis.call('ZREM', owners, gone)
end

-- Slots whose tickets were lost.
local function clear_slots()
    for _, record in ipairs(redis.call('HKEYS', slots)) do
        if redis.call('HEXISTS', records, record) == 0 then put(record) end
    end
end

-- A piece of all records: name, text, name, text ... Those go whose owner's lease was lost: nobody answers for them.
local function piece(cursor)
    local found = redis.call('HSCAN', records, cursor, 'COUNT', ARGV[10])
    local lives, kept = {}, {}
    for at = 1, #found[2], 2 do
        local record = found[2][at]
        local holder = string.match(record, '^t/([^/]*)/')
        if holder and lives[holder] == nil then lives[holder] = redis.call('ZSCORE', owners, holder) end
        if holder and not lives[holder] then
            put(record)
        else
            kept[#kept + 1] = record
            kept[#kept + 1] = found[2][at + 1]
        end
    end
    return found[1] ~= '0' and found[1] or '', kept
end

-- Every slot that is granted now has room, and nobody was granted anything that the caller did not know of.
local function may_claim()
    local granted_in = redis.call('ZSCORE', changes, 'turns')
    if since < floor or (granted_in and tonumber(granted_in) > since) then return false end
    local taken = {}
    for _, place in ipairs(redis.call('HVALS', slots)) do taken[place] = (taken[place] or 0) + 1 end
    for _, claim in ipairs(wanted.claim) do
        local record, place, most = claim[1], claim[3], claim[4]
        local waits = redis.call('HEXISTS', records, record) == 1 and redis.call('HEXISTS', slots, record) == 0
        taken[place] = (taken[place] or 0) + 1
        if not waits or taken[place] > most then return false end
    end
    return true
end

for _, gone in ipairs(redis.call('ZRANGEBYSCORE', owners, '-inf', now)) do forget(gone) end
if life > 0 then redis.call('ZADD', owners, now + life, owner) else forget(owner) end
for _, record in ipairs(wanted.drop) do put(record) end
for _, it in ipairs(wanted.put) do put(it[1], it[2], it[3] ~= '' and it[3]) end
local granted = false
if #wanted.claim > 0 and may_claim() then
    granted = true
    for _, claim in ipairs(wanted.claim) do put(claim[1], claim[2], claim[3]) end
    put('turns', wanted.turns)
end
if wanted.tell ~= '' then redis.call('PUBLISH', ARGV[8], wanted.tell) end

local many = redis.call('ZCARD', changes) - tonumber(ARGV[6])
if many > 0 then
    local oldest = redis.call('ZRANGE', changes, many - 1, many - 1, 'WITHSCORES')
    floor = tonumber(oldest[2])
    redis.call('ZREMRANGEBYRANK', changes, 0, many - 1)
end
local all = since < floor
local cursor, rows = ARGV[9], {}
if all then
    cursor = '0'
    clear_slots()
    -- Whoever has tickets reads all every few seconds: only a board that nobody uses goes after a day.
    for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 86400) end
end
if cursor ~= '' then cursor, rows = piece(cursor) end
redis.call('HSET', meta, 'version', version, 'floor', floor)

local answer = {epoch, version, now, granted, all, cursor}
local function add(record, text)
    answer[#answer + 1] = record
    answer[#answer + 1] = text
    answer[#answer + 1] = redis.call('HGET', slots, record)
end
if not all then
    for _, record in ipairs(redis.call('ZRANGEBYSCORE', changes, '(' .. since, '+inf')) do
        add(record, redis.call('HGET', records, record))
    end
end
for at = 1, #rows, 2 do add(rows[at], rows[at + 1]) end
return cjson.encode(answer)

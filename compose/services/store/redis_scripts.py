"""What Redis does in one step, in Lua: while a script runs, nothing else does.

None of them walks through the passages of a document: how large it is makes none of them slower.
Those that add are refused as a whole when memory is short (`#!lua` without flags), those that hide
or forget are not (`allow-oom`). All may be asked a second time where the answer was lost.
"""

from __future__ import annotations

_TIME = """
local function soon(milliseconds)
    local now = redis.call('TIME')
    return now[1] * 1000 + math.floor(now[2] / 1000) + milliseconds
end
"""
_BURY = """
local function bury(index, stored)
    local number, count = stored:match('^(%d+) (%d+) ')
    local member = index .. ':' .. number .. ':' .. count
    redis.call('SADD', 'rag:hidden:' .. index, number)
    redis.call('ZADD', 'rag:leases', 0, member)
    return member
end
"""
_INDEX = """
local function numbered(name)
    local stored = redis.call('HGET', 'rag:indexes', name)
    return stored and stored:match('^%d+')
end
"""
_MAKING = """
local function making(wanted)
    local found = redis.call('HGETALL', 'rag:making')
    for at = 1, #found, 2 do
        if found[at + 1] == wanted then return found[at] end
    end
end
local function create(index, ...)
    redis.call('FT.CREATE', 'rag:passages:' .. index, 'ON', 'HASH',
        'PREFIX', 1, 'rag:passage:' .. index .. ':', ...)
end
"""
_SHOWN = """
local function shown(index, query)
    local hidden = redis.call('SMEMBERS', 'rag:hidden:' .. index)
    if #hidden == 0 then return query end
    return query .. ' -@document:{' .. table.concat(hidden, '|') .. '}'
end
"""

BEGIN = f"""#!lua
{_TIME}{_MAKING}
local name, model, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local made = redis.call('HGET', 'rag:indexes', name)
local index = made and made:match('^%d+') or making(name .. ' ' .. model)
if made and made ~= index .. ' ' .. model then return {{made, ''}} end
if not index then
    index = redis.call('INCR', 'rag:numbers')
    redis.call('HSET', 'rag:making', index, name .. ' ' .. model)
    create(index, 'SKIPINITIALSCAN', unpack(ARGV, 5))
elseif redis.pcall('FT.INFO', 'rag:passages:' .. index).err then
    create(index, unpack(ARGV, 5))
end
local number = redis.call('INCRBY', 'rag:ids', count + 1) - count
local document = index .. ':' .. number .. ':' .. count
redis.call('SADD', 'rag:hidden:' .. index, number)
redis.call('ZADD', 'rag:leases', soon(ARGV[4]), document)
redis.call('ZADD', 'rag:ranges', number, document)
return {{index .. ' ' .. model, document}}
"""
"""index's name, model, count of passages, milliseconds, columns… → number and model of the index,
and a document that nobody sees yet; empty: the index is of another model.

An index that isn't there is made, as `rag:making`: it is there when a document of it is seen. Of
one that the Query Engine has lost, it is given the passages again.
"""

STAGE = f"""#!lua
{_TIME}
local lease = redis.call('ZSCORE', 'rag:leases', ARGV[1])
if not lease or tonumber(lease) == 0 then return 0 end
redis.call('ZADD', 'rag:leases', soon(ARGV[2]), ARGV[1])
local index, row = ARGV[1]:match('^%d+'), tonumber(ARGV[3])
for at = 4, #ARGV, row do
    local key = 'rag:passage:' .. index .. ':' .. ARGV[at]
    redis.call('HSET', key, unpack(ARGV, at + 1, at + row - 1))
end
return 1
"""
"""document, milliseconds, length of a row, rows… → 0: the lease was lost. A row: id, fields."""

COMMIT = f"""#!lua
{_INDEX}{_BURY}
local document, name = ARGV[1], ARGV[3]
local index, number = document:match('^(%d+):(%d+)')
local there, made = numbered(ARGV[2]), redis.call('HGET', 'rag:making', index)
if there ~= index and (there or not made) then return 0 end
local before = redis.call('HGET', 'rag:documents:' .. index, name)
if before == ARGV[4] then return '' end
local lease = redis.call('ZSCORE', 'rag:leases', document)
if not lease or tonumber(lease) == 0 then return 0 end
if made then
    redis.call('HSET', 'rag:indexes', ARGV[2], index .. ' ' .. made:match(' (.*)'))
    redis.call('HDEL', 'rag:making', index)
end
redis.call('HSET', 'rag:documents:' .. index, name, ARGV[4])
redis.call('SREM', 'rag:hidden:' .. index, number)
redis.call('ZREM', 'rag:leases', document)
return before and bury(index, before) or ''
"""
"""document, index's name, name, what is stored → what it replaced; 0: too late for it.

The step in which a document is seen, and the one that it replaces is not any more.
"""

DELETE = f"""#!lua flags=allow-oom
{_INDEX}{_BURY}
local index = numbered(ARGV[1])
local before = index and redis.call('HGET', 'rag:documents:' .. index, ARGV[2])
if not before then return '' end
redis.call('HDEL', 'rag:documents:' .. index, ARGV[2])
return bury(index, before)
"""
"""index's name, name → the document, seen by nobody now; empty: there was none."""

DROP = f"""#!lua flags=allow-oom
{_INDEX}{_BURY}
local index = numbered(ARGV[1])
if not index then return 0 end
redis.call('HDEL', 'rag:indexes', ARGV[1])
redis.pcall('FT.DROPINDEX', 'rag:passages:' .. index)
for _, stored in ipairs(redis.call('HVALS', 'rag:documents:' .. index)) do bury(index, stored) end
redis.call('UNLINK', 'rag:documents:' .. index)
return 1
"""
"""index's name → whether it was there; its documents are to be removed."""

CLAIM = f"""#!lua flags=allow-oom
{_TIME}
local left = redis.call('ZRANGEBYSCORE', 'rag:leases', '-inf', soon(0))
for _, document in ipairs(left) do redis.call('ZADD', 'rag:leases', 0, document) end
return left
"""
"""→ the documents to be removed: replaced, deleted, or left behind by a writer that is gone."""

GIVE_UP = """#!lua flags=allow-oom
redis.call('ZADD', 'rag:leases', 'XX', 0, ARGV[1])
return 1
"""
"""document → it is to be removed, unless it has been committed."""

FORGET = """#!lua flags=allow-oom
local index, number = ARGV[1]:match('^(%d+):(%d+)')
redis.call('SREM', 'rag:hidden:' .. index, number)
redis.call('ZREM', 'rag:leases', ARGV[1])
redis.call('ZREM', 'rag:ranges', ARGV[1])
if redis.call('EXISTS', 'rag:hidden:' .. index) == 0
    and redis.call('HDEL', 'rag:making', index) == 1 then
    redis.pcall('FT.DROPINDEX', 'rag:passages:' .. index)
end
return 1
"""
"""document, of which no passage is left; nor is its index, if nobody wrote another one yet."""

LEXICAL = f"""#!lua flags=no-writes
{_INDEX}{_SHOWN}
local index = numbered(ARGV[1])
if not index then return {{0}} end
local among, any = shown(index, ARGV[2]), {{}}
for at = 5, #ARGV, 2 do any[#any + 1] = '(@words:$' .. ARGV[at] .. ' ' .. among .. ')' end
return redis.call('FT.SEARCH', 'rag:passages:' .. index, table.concat(any, '|'),
    'WITHSCORES', 'NOCONTENT', 'VERBATIM', 'SCORER', 'BM25STD', 'LIMIT', 0, ARGV[3],
    'TIMEOUT', ARGV[4], 'DIALECT', 2, 'PARAMS', #ARGV - 4, unpack(ARGV, 5))
"""
"""index's name, query that narrows, limit, milliseconds, names and words by turns → count, key,
score, key, score…

What narrows stands with each word: around any of several, RediSearch 2.10 leaves some of them out
of the score.
"""

DENSE = f"""#!lua flags=no-writes
{_INDEX}{_SHOWN}
local index = numbered(ARGV[1])
if not index then return {{0}} end
local among = shown(index, ARGV[2])
if among == '' then among = '*' end
return redis.call('FT.SEARCH', 'rag:passages:' .. index,
    '(' .. among .. ')=>[KNN $k @vector $vector AS distance]',
    'SORTBY', 'distance', 'RETURN', 1, 'distance', 'LIMIT', 0, ARGV[3],
    'TIMEOUT', ARGV[4], 'DIALECT', 2,
    'PARAMS', 4, 'k', ARGV[3], 'vector', ARGV[5])
"""
"""index's name, query, limit, milliseconds, vector → count, key, [_, distance], key…"""

BY_MARK = f"""#!lua flags=no-writes
{_INDEX}{_SHOWN}
local index = numbered(ARGV[1])
if not index then return {{}} end
local found = redis.pcall('FT.SEARCH', 'rag:passages:' .. index, shown(index, ARGV[2]),
    'SCORER', 'DOCSCORE', 'RETURN', 1, 'mark', 'LIMIT', 0, 10000, 'TIMEOUT', ARGV[3], 'DIALECT', 2)
if found.err then
    if redis.pcall('FT.INFO', 'rag:passages:' .. index).err then return {{}} end
    return found
end
local seen, rows = {{}}, {{}}
for at = 2, #found, 2 do
    local mark = found[at + 1][2]
    if not seen[mark] then
        seen[mark] = true
        rows[#rows + 1] = redis.call('HMGET', found[at], 'key', 'vector')
    end
end
return rows
"""
"""index's name, query, milliseconds → [key, vector], one for each mark; none, where somebody has
dropped the Query Engine's index: who puts the next document makes it again.
"""

PASSAGES = """#!lua flags=no-writes
local rows = {}
for _, id in ipairs(ARGV) do
    local document = redis.call(
        'ZRANGE', 'rag:ranges', id, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1)[1]
    local index, number = (document or ''):match('^(%d+):(%d+)')
    if index and redis.call('SISMEMBER', 'rag:hidden:' .. index, number) == 0 then
        local row = redis.call('HMGET', 'rag:passage:' .. index .. ':' .. id,
            'name', 'position', 'text', 'header', 'key', 'metadata')
        if row[1] then rows[#rows + 1] = {id, unpack(row)} end
    end
end
return rows
"""
"""ids… → id and fields of those that are seen."""

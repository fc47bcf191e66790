/**
 * What the scripts have in common: the keys, and the functions that more than one of them needs.
 *
 * Each script is one step on the server, on one shard. All keys of a shard begin with its marker's name, which is what
 * a script is given as its key:
 *
 * | key | what |
 * | --- | --- |
 * | marker | `2 <shards> <state> <epoch> <until>`: whether the indexes are whole (`+`) or made again (`-`), since when, and until when they last |
 * | marker`:e:<key>` | the record of an entry |
 * | marker`:x` | `<key> NUL <owner>` by expiresAt |
 * | marker`:b` | `<key>` by createdAt |
 * | marker`:o` | `<owner> NUL <key>`, in the order of their bytes; the owner is empty if it is nobody's |
 * | marker`:n` | the number of the shard's last revocation |
 * | marker`:r:<owner>` | the owner's last revocation: its number, when it had run by the server's clock, and the server's run |
 * | marker`:d:<call>` | what this put, delete or revocation has answered, for as long as it could come again |
 * | marker`:c` | not a key: the channel on which keys of changed entries are told |
 * | marker`:g` | not a key: the channel on which heads of removed entries are told |
 *
 * The three indexes hold an empty member from the start, so that they are never empty: Redis would drop such a key, and
 * make it again without its expiry. So an index that is not there was evicted, or deleted by hand. What it would say is
 * not "nobody": the records are scanned, and the indexes made again from them.
 *
 * The owners' index is one key of the shard, not one key for each owner. The loss of one owner's key could not be told
 * from an owner who has no sessions.
 */

/** How long Redis keeps an entry past its end, in milliseconds, so that a sweep can report it first. */
export const KEPT_AFTER_END = 3_600_000;
/** How far ahead of what is needed now the marker and the indexes are made to last, at least. */
export const AHEAD = 86_400_000;

/**
 * Lua that tells those who watch removals. A message is the note, NUL, and for each entry its key, NUL and its head, which
 * ends with NUL (see `record.ts`). One that names no entry says that something went of which no head is left: Redis has
 * dropped the record by itself.
 *
 * @param note an expression, as is `entries`
 */
export const tellRemoved = (note: string, entries: string): string =>
  `call('PUBLISH', base .. ':g', ${note} .. '\\0' .. ${entries})`;

/** The parts of a record. `head` answers what comes before the value, and the owner; or twice `false`. */
export const HEAD = `
local call, sub, find, num = redis.call, string.sub, string.find, tonumber
local base = KEYS[1]
local function head(r)
  local a = find(r, '\\0', 53, true)
  local b = a and find(r, '\\0', a + 1, true)
  local c = b and find(r, '\\0', b + 1, true)
  if not c or not num(sub(r, 2, 18)) or not num(sub(r, 19, 35)) or not num(sub(r, 36, 52)) then return false, false end
  return sub(r, 1, c), sub(r, a + 1, b - 1)
end
`;

/** How many of the indexes are there. */
const STANDING = `
local function standing() return call('EXISTS', base .. ':x', base .. ':b', base .. ':o') end
`;

/** Whether everything that is on the shard can be found by its indexes. */
export const WHOLE: string = `${STANDING}
local function whole(stamp)
  local mark = call('GET', base)
  return mark and sub(mark, 1, #stamp) == stamp and standing() == 3
end
`;

/**
 * Makes the marker and the indexes last, and makes what is not there. Answers the marker.
 *
 * Nothing there at all is a server that is new or was flushed, unless it is one that evicts: then there may be records
 * that no index knows of, as when a part of the indexes is gone.
 */
export const EXTEND: string = `${STANDING}
local function mayEvict()
  local memory = call('INFO', 'memory')
  if not find(memory, 'maxmemory:0\\r', 1, true) and not find(memory, 'maxmemory_policy:noeviction', 1, true) then return true end
  return not find(call('INFO', 'stats'), 'evicted_keys:0\\r', 1, true)
end
local function extend(mark, stamp, dies)
  local t = call('TIME')
  local now = num(t[1]) * 1000
  local from = math.max(num(dies), now)
  local till = string.format('%.0f', from + math.max((from - now) / 8, ${AHEAD}))
  local count = standing()
  if not mark or count < 3 then
    local isWhole = not mark and (count == 0 or count == 3) and not mayEvict()
    mark = sub(stamp, 1, -2) .. (isWhole and '+ ' or '- ') .. t[1] .. '.' .. t[2] .. ' ' .. sub(mark or '', -17)
    call('ZADD', base .. ':x', '+inf', '')
    call('ZADD', base .. ':b', '+inf', '')
    call('ZADD', base .. ':o', 0, '')
  end
  local was = num(sub(mark, -17)) or 0
  if was > num(till) then till = string.format('%.0f', was) end
  mark = string.match(mark, '^%S+ %S+ %S+ %S+ ') .. string.format('%017.0f', till)
  call('SET', base, mark, 'PXAT', till)
  for _, index in ipairs({':x', ':b', ':o'}) do call('PEXPIREAT', base .. index, till) end
  return mark
end
`;

export const UNINDEX = `
local function unindex(key, owner)
  call('ZREM', base .. ':x', key .. '\\0' .. owner)
  call('ZREM', base .. ':b', key)
  call('ZREM', base .. ':o', owner .. '\\0' .. key)
end
`;

/**
 * An index can name what Redis has reclaimed meanwhile, and then, under the same key, what came after it. The first is told
 * nobody: that its time was up, whoever waits for it has seen.
 */
export const RECLAIM: string = `
local function reclaim(now, limit, gone)
  local told = {}
  for _, member in ipairs(call('ZRANGEBYSCORE', base .. ':x', '-inf', now, 'LIMIT', 0, limit)) do
    local cut = find(member, '\\0', 1, true)
    local key, owner = sub(member, 1, cut - 1), sub(member, cut + 1)
    local r = call('GET', base .. ':e:' .. key)
    local top, whose
    if r then top, whose = head(r) end
    if not r then unindex(key, owner)
    elseif top and whose ~= owner then
      call('ZREM', base .. ':x', member)
      call('ZREM', base .. ':o', owner .. '\\0' .. key)
    elseif top and num(sub(r, 36, 52)) > num(now) then call('ZADD', base .. ':x', sub(r, 36, 52), member)
    else
      call('DEL', base .. ':e:' .. key)
      unindex(key, owner)
      if top then
        gone[#gone + 1] = key
        gone[#gone + 1] = top
        told[#told + 1] = key .. '\\0' .. top
      end
    end
  end
  if #told > 0 then ${tellRemoved("''", "table.concat(told)")} end
  return gone
end
`;

/**
 * Where a client sends again what was not answered, a change can come after its caller has given up, and twice. An
 * argument says until when, by the server's clock, it may be made.
 */
export const LATE = `
local function late(till)
  if not till or till == '' then return false end
  local t = call('TIME')
  local now = num(t[1]) * 1000 + math.floor(num(t[2]) / 1000)
  return now > num(till) and {-2, tostring(now)}
end
`;

/** What tells the runs of a server apart: its clock may have been set while it was down. */
export const RUN = `
local function run() return string.match(call('INFO', 'server'), 'run_id:(%w+)') end
`;

export const CORRUPT = `redis.error_reply('SOJOURNCORRUPT a record cannot be read')`;
export const OTHER_SHARDS = `redis.error_reply('SOJOURNSHARDS the shards were counted differently')`;
export const NOT_WHOLE = `redis.error_reply('SOJOURNINDEX an index is not whole')`;

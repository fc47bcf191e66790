/**
 * The scripts. Each is one step on the server, on one shard. All keys of a shard begin with its marker's name, which
 * is what a script is given as its key:
 *
 * | key | what |
 * | --- | --- |
 * | marker | `1 <shards> <epoch> <until>`: until when the marker and both indexes last |
 * | marker`:e:<key>` | the record of an entry |
 * | marker`:x` | `<key> NUL <owner>` by expiresAt |
 * | marker`:i` | `k<key>` and `o<owner> NUL <key>`, in the order of their bytes |
 * | marker`:f:<owner>` | the owner's floor |
 * | marker`:d:<call>` | what this put or delete has done, for as long as it could come again |
 * | marker`:c` | not a key: the channel on which keys of changed entries are told |
 *
 * Both indexes hold an empty member from the start, so that they are never empty: Redis would drop such a key, and
 * make it again without its expiry.
 */
import { FLOOR_LIFETIME } from "../store.ts";

/** How long Redis keeps an entry past its end, in milliseconds, so that a sweep can report it first. */
export const KEPT_AFTER_END: number = FLOOR_LIFETIME;

/** How far ahead of what is needed now the marker and the indexes are made to last, at least. */
const AHEAD = 86_400_000;

const HEAD = `
local call, sub, find, num = redis.call, string.sub, string.find, tonumber
local base = KEYS[1]
local function head(r)
  local a = find(r, '\\0', 53, true)
  local b = a and find(r, '\\0', a + 1, true)
  local c = b and find(r, '\\0', b + 1, true)
  if not c or not num(sub(r, 19, 35)) or not num(sub(r, 36, 52)) then return false, false end
  return sub(r, 1, c), sub(r, a + 1, b - 1)
end
`;

/** Makes the marker and the indexes last, and the marker if there is none. Answers the marker. */
const EXTEND = `
local function extend(mark, stamp, dies)
  local t = call('TIME')
  local now = num(t[1]) * 1000
  local from = math.max(num(dies), now)
  local till = string.format('%.0f', from + math.max((from - now) / 8, ${AHEAD}))
  mark = (mark and sub(mark, 1, -18) or stamp .. t[1] .. '.' .. t[2] .. ' ') .. string.format('%017.0f', till)
  call('SET', base, mark, 'PXAT', till)
  call('ZADD', base .. ':x', '+inf', '')
  call('ZADD', base .. ':i', 0, '')
  call('PEXPIREAT', base .. ':x', till)
  call('PEXPIREAT', base .. ':i', till)
  return mark
end
`;

const UNINDEX = `
local function unindex(key, owner)
  call('ZREM', base .. ':x', key .. '\\0' .. owner)
  if owner == '' then call('ZREM', base .. ':i', 'k' .. key)
  else call('ZREM', base .. ':i', 'k' .. key, 'o' .. owner .. '\\0' .. key) end
end
`;

/** An index can name what Redis has reclaimed meanwhile, and then, under the same key, what came after it. */
const RECLAIM = `
local function reclaim(now, limit, gone)
  for _, member in ipairs(call('ZRANGEBYSCORE', base .. ':x', '-inf', now, 'LIMIT', 0, limit)) do
    local cut = find(member, '\\0', 1, true)
    local key, owner = sub(member, 1, cut - 1), sub(member, cut + 1)
    local r = call('GET', base .. ':e:' .. key)
    local top, whose
    if r then top, whose = head(r) end
    if not r then unindex(key, owner)
    elseif top and whose ~= owner then
      call('ZREM', base .. ':x', member)
      call('ZREM', base .. ':i', 'o' .. owner .. '\\0' .. key)
    elseif top and num(sub(r, 36, 52)) > num(now) then call('ZADD', base .. ':x', sub(r, 36, 52), member)
    else
      call('DEL', base .. ':e:' .. key)
      unindex(key, owner)
      if top then
        gone[#gone + 1] = key
        gone[#gone + 1] = top
      end
    end
  end
  return gone
end
`;

/**
 * Where a client sends again what was not answered, a change can come after its caller has given up, and twice. An
 * argument says until when, by the server's clock, it may be made.
 */
const LATE = `
local function late(till)
  if not till or till == '' then return false end
  local t = call('TIME')
  local now = num(t[1]) * 1000 + math.floor(num(t[2]) / 1000)
  return now > num(till) and {-2, tostring(now)}
end
`;

const CORRUPT = `redis.error_reply('SOJOURNCORRUPT a record cannot be read')`;
const OTHER_SHARDS = `redis.error_reply('SOJOURNSHARDS the shards were counted differently')`;

/** Stamp of the marker, scripts. Answers the marker, the server's time, and the names that it gives to the scripts. */
export const OPEN: string = `${HEAD}${EXTEND}
local mark = call('GET', base)
if mark and sub(mark, 1, #ARGV[1]) ~= ARGV[1] then return {mark} end
local t = call('TIME')
if not mark or num(sub(mark, -17)) < num(t[1]) * 1000 + ${AHEAD / 2} then mark = extend(mark, ARGV[1], '0') end
local answer = {mark, t[1], t[2]}
for n = 2, #ARGV do answer[n + 2] = redis.sha1hex(ARGV[n]) end
return answer
`;

/**
 * Key, record, rev, what is expected, now, owner, when Redis may drop the record, stamp, how many may be reclaimed; and
 * for what can come twice, until when it may be made, the name of the call, and for how long it is kept. What every login
 * does, an insert where nothing is, comes first, before the functions that only the rest needs.
 *
 * Answers 1, or 2 if the marker had to be made, or an array that begins so and goes on with what was removed; an array
 * that begins with 0 for a conflict, -1 for a floor, -2 if it came too late.
 */
export const PUT: string = `
local call, sub, num = redis.call, string.sub, tonumber
local base, key, rec, expected, owner = KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[6]
local dies, stamp, till = ARGV[7], ARGV[8], ARGV[10]
local at = base .. ':e:' .. key
local got
if till then
  local t = call('TIME')
  local server = num(t[1]) * 1000 + math.floor(num(t[2]) / 1000)
  if server > num(till) then return {-2, tostring(server)} end
  got = call('MGET', base, at, base .. ':f:' .. owner, base .. ':d:' .. ARGV[11])
elseif owner == '' then got = call('MGET', base, at)
else got = call('MGET', base, at, base .. ':f:' .. owner) end
local mark, there, floor = got[1], got[2], got[3]
if mark and sub(mark, 1, #stamp) ~= stamp then return ${OTHER_SHARDS} end
if got[4] then return 1 end
local function index()
  if owner == '' then call('ZADD', base .. ':i', 0, 'k' .. key)
  else call('ZADD', base .. ':i', 0, 'k' .. key, 0, 'o' .. owner .. '\\0' .. key) end
end
if mark and not there and not floor and ARGV[9] == '0' and (expected == '' or expected == '*')
    and num(dies) <= num(sub(mark, -17)) then
  call('SET', at, rec, 'PXAT', dies)
  if till then call('SET', base .. ':d:' .. ARGV[11], '', 'PX', ARGV[12]) end
  call('ZADD', base .. ':x', sub(rec, 36, 52), key .. '\\0' .. owner)
  index()
  return 1
end
${HEAD}${EXTEND}${UNINDEX}${RECLAIM}
local rev, now = ARGV[3], ARGV[5]
local top, whose
local live = false
if there then
  top, whose = head(there)
  if not top then return ${CORRUPT} end
  live = num(sub(there, 36, 52)) > num(now)
end
if live and sub(there, 53, 53 + #rev) == rev .. '\\0' then return 1 end
local over = false
if expected == '' then
  if live then return {0, there} end
elseif expected ~= '*' then
  if not live then return {0} end
  over = sub(there, 53, 52 + #expected) == expected
  if not over then return {0, there} end
end
if floor and owner ~= '' and not (over and whose == owner) and num(sub(rec, 2, 18)) <= num(floor) then
  return {-1, floor}
end
local ends = sub(rec, 36, 52)
if over then
  local touched = sub(rec, 19, 35)
  local was, old = sub(there, 19, 35), sub(there, 36, 52)
  if num(was) > num(touched) then touched = was end
  if num(old) > num(ends) then
    ends = old
    dies = string.format('%.0f', num(old) + ${KEPT_AFTER_END})
  end
  rec = sub(rec, 1, 18) .. touched .. ends .. sub(rec, 53)
end
call('SET', at, rec, 'PXAT', dies)
if till then call('SET', base .. ':d:' .. ARGV[11], '', 'PX', ARGV[12]) end
if there and whose ~= owner then unindex(key, whose) end
if not over or whose ~= owner or ends ~= sub(there, 36, 52) then
  call('ZADD', base .. ':x', ends, key .. '\\0' .. owner)
end
if not there or whose ~= owner then index() end
local stored = mark and 1 or 2
if not mark or num(dies) > num(sub(mark, -17)) then extend(mark, stamp, dies) end
if there then call('PUBLISH', base .. ':c', key) end
local gone
if there and not over then gone = {stored, key, top} end
if ARGV[9] ~= '0' then gone = reclaim(now, ARGV[9], gone or {stored}) end
return gone or stored
`;

/** Key, rev, touchedAt, expiresAt, now, when Redis may drop it, stamp. Answers 1 or 0, or 2 as a put. */
export const TOUCH: string = `${HEAD}${EXTEND}
local rev, touched, till, stamp = ARGV[2], ARGV[3], ARGV[4], ARGV[7]
local at = base .. ':e:' .. ARGV[1]
local got = call('MGET', base, at)
local mark, there = got[1], got[2]
if not there then return 0 end
local top, owner = head(there)
if not top then return ${CORRUPT} end
local was, old = sub(there, 19, 35), sub(there, 36, 52)
if num(old) <= num(ARGV[5]) or sub(there, 53, 53 + #rev) ~= rev .. '\\0' then return 0 end
local later, longer = num(touched) > num(was), num(till) > num(old)
if not later and not longer then return 1 end
call('SETRANGE', at, 18, (later and touched or was) .. (longer and till or old))
call('PUBLISH', base .. ':c', ARGV[1])
if not longer then return 1 end
call('PEXPIREAT', at, ARGV[6])
call('ZADD', base .. ':x', till, ARGV[1] .. '\\0' .. owner)
if mark and num(ARGV[6]) <= num(sub(mark, -17)) then return 1 end
extend(mark, stamp, ARGV[6])
return mark and 1 or 2
`;

/**
 * Key; for what can come twice, until when it may be made, the name of the call, and for how long it is kept. Answers the
 * head that was there, or `[-2, …]` if it came too late.
 */
export const DELETE: string = `${HEAD}${UNINDEX}${LATE}
local late = late(ARGV[2])
if late then return late end
local done = ARGV[3] and base .. ':d:' .. ARGV[3]
local before = done and call('GET', done)
if before then return before end
local r = call('GETDEL', base .. ':e:' .. ARGV[1])
if not r then return false end
local top, owner = head(r)
unindex(ARGV[1], owner or '')
call('PUBLISH', base .. ':c', ARGV[1])
if done and top then call('SET', done, top, 'PX', ARGV[4]) end
return top or ${CORRUPT}
`;

/** Owner, floor, when the floor may go, key that is spared, until when it may be made. Answers keys and heads. */
export const REVOKE: string = `${HEAD}${UNINDEX}${LATE}
local late = late(ARGV[5])
if late then return late end
local owner, floor, except = ARGV[1], ARGV[2], ARGV[4]
local at = base .. ':f:' .. owner
local there = call('GET', at)
if not there or num(there) < num(floor) then call('SET', at, floor, 'PXAT', ARGV[3]) end
local gone = {}
local from = 'o' .. owner .. '\\0'
for _, member in ipairs(call('ZRANGEBYLEX', base .. ':i', '[' .. from, '(o' .. owner .. '\\1')) do
  local key = sub(member, #from + 1)
  if key ~= except then
    local r = call('GET', base .. ':e:' .. key)
    local top, whose
    if r then top, whose = head(r) end
    if top and whose == owner then
      call('DEL', base .. ':e:' .. key)
      unindex(key, owner)
      call('PUBLISH', base .. ':c', key)
      gone[#gone + 1] = key
      gone[#gone + 1] = top
    elseif not r then unindex(key, owner)
    end
  end
end
return gone
`;

/** Now, limit. Answers keys and heads, the earliest first. */
export const SWEEP: string = `${HEAD}${UNINDEX}${RECLAIM}
return reclaim(ARGV[1], ARGV[2], {})
`;

/**
 * The least and the greatest member, how many, how many bytes stand before the key in a member, and `1` for whole
 * records. Answers keys and heads, or records; `null` for what is not there.
 */
export const LIST: string = `${HEAD}
local members = call('ZRANGEBYLEX', base .. ':i', ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
if #members == 0 then return members end
local names = {}
for n, member in ipairs(members) do
  members[n] = sub(member, ARGV[4] + 1)
  names[n] = base .. ':e:' .. members[n]
end
local answer = {}
for n, r in ipairs(call('MGET', unpack(names))) do
  answer[2 * n - 1] = members[n]
  if r and ARGV[5] == '0' then r = head(r) or r end
  answer[2 * n] = r
end
return answer
`;

/**
 * A channel, a message for it, stamp. Makes a write that changes nothing, and the marker if there is none. Answers the
 * marker, and how many listen on the channel at this very server.
 */
export const PROBE: string = `${HEAD}${EXTEND}
call('DEL', base .. ':none')
local mark = call('GET', base) or extend(false, ARGV[3], '0')
return {mark, call('PUBLISH', ARGV[1], ARGV[2])}
`;

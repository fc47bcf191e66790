/** The scripts that change one entry. */
import { REPLACED } from "../store.ts";
import {
  CORRUPT,
  EXTEND,
  HEAD,
  KEPT_AFTER_END,
  LATE,
  OTHER_SHARDS,
  RECLAIM,
  RUN,
  tellRemoved,
  UNINDEX,
} from "./script-parts.ts";

/**
 * Key, record, rev, what is expected, now, owner, when Redis may drop the record, stamp, the number of the last
 * revocation that was known when it began, how many may be reclaimed, and `1` if an insert is told, too: where the server
 * evicts, a near cache may have a copy of what was there. And for what can come twice: until when it may be made, the
 * name of the call, and for how long it is kept. What every login does, an insert where nothing is, comes first, before
 * the functions that only the rest needs.
 *
 * Answers 1, or 2 if the marker or an index had to be made, or an array that begins so and goes on with what was removed;
 * an array that begins with 0 for a conflict, with -1 for a revocation, its number, and how long ago it was in
 * milliseconds, and with -2 if it came too late. How long ago is empty if another run of the server made it. From then on
 * it counts as made now, by this run: that is later than it was, so what is answered next is at most how long ago it was.
 */
export const PUT: string = `
local call, sub, num = redis.call, string.sub, tonumber
local base, key, rec, expected, owner = KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[6]
local dies, stamp, till = ARGV[7], ARGV[8], ARGV[12]
local at, x, b, o = base .. ':e:' .. key, base .. ':x', base .. ':b', base .. ':o'
local got
if till then
  local t = call('TIME')
  local server = num(t[1]) * 1000 + math.floor(num(t[2]) / 1000)
  if server > num(till) then return {-2, tostring(server)} end
  got = call('MGET', base, base .. ':r:' .. owner, base .. ':d:' .. ARGV[13])
elseif owner == '' then got = call('MGET', base)
else got = call('MGET', base, base .. ':r:' .. owner) end
local mark, revoked = got[1], got[2]
if got[3] then return 1 end
local number = revoked and string.match(revoked, '^%d+')
if number and num(ARGV[9]) >= num(number) then number = false end
if mark and sub(mark, 1, #stamp) == stamp and not number and ARGV[10] == '0' and (expected == '' or expected == '*')
    and num(dies) <= num(sub(mark, -17)) and call('EXISTS', x, b, o) == 3 and call('SET', at, rec, 'NX', 'PXAT', dies) then
  if till then call('SET', base .. ':d:' .. ARGV[13], '', 'PX', ARGV[14]) end
  call('ZADD', x, sub(rec, 36, 52), key .. '\\0' .. owner)
  local isNew = call('ZADD', b, sub(rec, 2, 18), key)
  call('ZADD', o, 0, owner .. '\\0' .. key)
  if ARGV[11] == '1' then
    call('PUBLISH', base .. ':c', key)
    if isNew == 0 then ${tellRemoved("''", "''")} end
  end
  return 1
end
if mark and sub(mark, 1, #stamp - 1) ~= sub(stamp, 1, -2) then return ${OTHER_SHARDS} end
${HEAD}${EXTEND}${UNINDEX}${RECLAIM}${RUN}
local rev, now = ARGV[3], ARGV[5]
local there, top, whose = call('GET', at), nil, nil
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
if number and owner ~= '' and not (over and whose == owner) then
  local ran, by = string.match(revoked, ' (%d+) (%w+)')
  local t = call('TIME')
  local present, this = num(t[1]) * 1000000 + num(t[2]), run()
  if by == this then return {-1, number, string.format('%.3f', (present - num(ran)) / 1000)} end
  redis.pcall('SET', base .. ':r:' .. owner, number .. ' ' .. string.format('%.0f', present) .. ' ' .. this, 'KEEPTTL')
  return {-1, number, ''}
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
local lasts = mark and num(dies) <= num(sub(mark, -17)) and standing() == 3
local before = mark
if not lasts then mark = extend(mark, stamp, dies) end
local stored = before and sub(before, 1, -18) == sub(mark, 1, -18) and 1 or 2
call('SET', at, rec, 'PXAT', dies)
if till then call('SET', base .. ':d:' .. ARGV[13], '', 'PX', ARGV[14]) end
if there and whose ~= owner then
  call('ZREM', x, key .. '\\0' .. whose)
  call('ZREM', o, whose .. '\\0' .. key)
end
if not over or whose ~= owner or ends ~= sub(there, 36, 52) then call('ZADD', x, ends, key .. '\\0' .. owner) end
if not there or whose ~= owner then call('ZADD', o, 0, owner .. '\\0' .. key) end
if not over then call('ZADD', b, sub(rec, 2, 18), key) end
if there or ARGV[11] == '1' then call('PUBLISH', base .. ':c', key) end
local gone
if there and not over then
  gone = {stored, key, top}
  ${tellRemoved(`(live and '${REPLACED}' or '')`, "key .. '\\0' .. top")}
end
if ARGV[10] ~= '0' then gone = reclaim(now, ARGV[10], gone or {stored}) end
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
local before = mark
if not mark or num(ARGV[6]) > num(sub(mark, -17)) or standing() < 3 then mark = extend(mark, stamp, ARGV[6]) end
call('ZADD', base .. ':x', till, ARGV[1] .. '\\0' .. owner)
return before and sub(before, 1, -18) == sub(mark, 1, -18) and 1 or 2
`;

/**
 * Key, note; for what can come twice, until when it may be made, the name of the call, and for how long it is kept.
 * Answers the head that was there, or `[-2, …]` if it came too late. It is told although nothing was there: a near cache may
 * have a copy of what was evicted. Those who watch removals are told of that if an index still names it.
 */
export const DELETE: string = `${HEAD}${UNINDEX}${LATE}
local note = ARGV[2]
local late = late(ARGV[3])
if late then return late end
local done = ARGV[4] and base .. ':d:' .. ARGV[4]
local before = done and call('GET', done)
if before then return before end
local r = call('GETDEL', base .. ':e:' .. ARGV[1])
call('PUBLISH', base .. ':c', ARGV[1])
if not r then
  if call('ZREM', base .. ':b', ARGV[1]) == 1 then ${tellRemoved("note", "''")} end
  return false
end
local top, owner = head(r)
unindex(ARGV[1], owner or '')
${tellRemoved("note", "(top and ARGV[1] .. '\\0' .. top or '')")}
if done and top then call('SET', done, top, 'PX', ARGV[5]) end
return top or ${CORRUPT}
`;

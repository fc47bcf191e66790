/** The scripts that go by an index. What is not whole is an error: an index that lacks somebody says "nobody". */
import { HEAD, LATE, NOT_WHOLE, RECLAIM, RUN, tellRemoved, UNINDEX, WHOLE } from "./script-parts.ts";

/** For how long a revocation is kept, in milliseconds: a put that began longer ago is refused before it is sent. */
export const REVOCATION_LIFETIME = 3_600_000;

/**
 * Owner, key that is spared, the last member of the slice before or nothing, stamp, how many members a slice has, note; for
 * what can come twice, until when it may be made, the name of the call, and for how long its answer is kept. The first slice
 * numbers the revocation, before anything is removed, and not before the index is whole: that would be a step of its own.
 * Answers the number, the last member of this slice or nothing if it was the last one, and keys and heads.
 *
 * A key is told whether or not there is a record: a near cache may have a copy of what was evicted. Those who watch removals
 * get one message for the slice, and another one if there was something without a record, the first time.
 */
export const REVOKE: string = `${HEAD}${WHOLE}${UNINDEX}${LATE}${RUN}
local late = late(ARGV[7])
if late then return late end
local done = ARGV[8] and base .. ':d:' .. ARGV[8]
local before = done and call('GET', done)
if before then return cjson.decode(before) end
if not whole(ARGV[4]) then return ${NOT_WHOLE} end
local owner, except, after = ARGV[1], ARGV[2], ARGV[3]
local number = ''
if after == '' then
  local t = call('TIME')
  local at = num(t[1]) * 1000000 + num(t[2])
  number = string.format('%.0f', math.max(at, num(call('GET', base .. ':n') or '0') + 1))
  call('SET', base .. ':n', number, 'PX', ${24 * REVOCATION_LIFETIME})
  call('SET', base .. ':r:' .. owner, number .. ' ' .. string.format('%.0f', at) .. ' ' .. run(), 'PX', ${REVOCATION_LIFETIME})
end
local from = after == '' and '[' .. owner .. '\\0' or '(' .. after
local members = call('ZRANGEBYLEX', base .. ':o', from, '(' .. owner .. '\\1', 'LIMIT', 0, ARGV[5])
local answer = {number, #members == num(ARGV[5]) and members[#members] or ''}
local told, isDropped = {}, false
for _, member in ipairs(members) do
  local key = sub(member, #owner + 2)
  if key ~= except then
    local r = call('GET', base .. ':e:' .. key)
    local top, whose
    if r then top, whose = head(r) end
    if top and whose == owner then
      call('DEL', base .. ':e:' .. key)
      answer[#answer + 1] = key
      answer[#answer + 1] = top
      told[#told + 1] = key .. '\\0' .. top
    end
    if not r then isDropped = call('ZREM', base .. ':b', key) == 1 or isDropped end
    if not r or top and whose == owner then
      unindex(key, owner)
      call('PUBLISH', base .. ':c', key)
    elseif top then
      call('ZREM', base .. ':x', key .. '\\0' .. owner)
      call('ZREM', base .. ':o', member)
    end
  end
end
if #told > 0 then ${tellRemoved("ARGV[6]", "table.concat(told)")} end
if isDropped then ${tellRemoved("ARGV[6]", "''")} end
if done then call('SET', done, cjson.encode(answer), 'PX', ARGV[9]) end
return answer
`;

/** Now, limit, stamp. Answers keys and heads, the earliest first. */
export const SWEEP: string = `${HEAD}${WHOLE}${UNINDEX}${RECLAIM}
if not whole(ARGV[3]) then return ${NOT_WHOLE} end
return reclaim(ARGV[1], ARGV[2], {})
`;

/** Now, limit, stamp. Answers when the entries ended that a sweep would find. */
export const DUE: string = `${HEAD}${WHOLE}
if not whole(ARGV[3]) then return ${NOT_WHOLE} end
local answer = {}
for n, part in ipairs(call('ZRANGEBYSCORE', base .. ':x', '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])) do
  if n % 2 == 0 then answer[n / 2] = part end
end
return answer
`;

/** Now, stamp. Answers how many entries end later. */
export const COUNT: string = `${HEAD}${WHOLE}
if not whole(ARGV[2]) then return ${NOT_WHOLE} end
return call('ZCOUNT', base .. ':x', '(' .. ARGV[1], '(+inf')
`;

/**
 * The least and the greatest member of the owners' index, how many, how many bytes stand before the key in a member,
 * `1` for whole records, stamp. Answers how many members have an owner, and then keys and heads, or records; `null` for what
 * is not there.
 */
export const LIST: string = `${HEAD}${WHOLE}
if not whole(ARGV[6]) then return ${NOT_WHOLE} end
local members = call('ZRANGEBYLEX', base .. ':o', ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
local answer = {call('ZLEXCOUNT', base .. ':o', '[\\1', '+')}
if #members == 0 then return answer end
local names = {}
for n, member in ipairs(members) do
  members[n] = sub(member, ARGV[4] + 1)
  names[n] = base .. ':e:' .. members[n]
end
for n, r in ipairs(call('MGET', unpack(names))) do
  answer[2 * n] = members[n]
  if r and ARGV[5] == '0' then r = head(r) or r end
  answer[2 * n + 1] = r
end
return answer
`;

/**
 * A score and a key after which to begin, or nothing; how many members to look at; what keys begin with; `1` for those
 * with an owner only; stamp. Goes by createdAt. Answers the score and the key that it came to, or nothing twice if it
 * came to the end; and then keys, scores and heads.
 *
 * Where many were created in one millisecond, the place among them is found by halves: what the cursor names may be gone.
 */
export const WALK: string = `${HEAD}${WHOLE}
if not whole(ARGV[6]) then return ${NOT_WHOLE} end
local index, score, key, prefix = base .. ':b', ARGV[1], ARGV[2], ARGV[4]
local function isAbove(a, b)
  for n = 1, math.min(#a, #b) do
    local x, y = string.byte(a, n), string.byte(b, n)
    if x ~= y then return x > y end
  end
  return #a > #b
end
local from = 0
if score ~= '' then
  from = call('ZCOUNT', index, '-inf', '(' .. score)
  local till = from + call('ZCOUNT', index, score, score)
  while from < till do
    local middle = math.floor((from + till) / 2)
    if isAbove(call('ZRANGE', index, middle, middle)[1], key) then till = middle else from = middle + 1 end
  end
end
local found = call('ZRANGE', index, from, from + ARGV[3] - 1, 'WITHSCORES')
local isEnd = #found == 0 or found[#found - 1] == ''
local answer = isEnd and {'', ''} or {found[#found], found[#found - 1]}
for n = 1, #found, 2 do
  local r = found[n] ~= '' and sub(found[n], 1, #prefix) == prefix and call('GET', base .. ':e:' .. found[n])
  if r then
    local top, owner = head(r)
    if not top or owner ~= '' or ARGV[5] ~= '1' then
      answer[#answer + 1] = found[n]
      answer[#answer + 1] = found[n + 1]
      answer[#answer + 1] = top or r
    end
  end
end
return answer
`;

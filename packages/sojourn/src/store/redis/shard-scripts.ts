/** The scripts that look after a shard: its marker, its indexes, and the link to those who watch it. */
import { AHEAD, EXTEND, HEAD, KEPT_AFTER_END, OTHER_SHARDS, RUN } from "./script-parts.ts";

/**
 * Stamp of the marker, scripts. Answers the marker, the server's time, and the names that it gives to the scripts.
 *
 * Of layout 1 the records are as they are now, and one index. The other one makes way for a text, so that a process of
 * that version which still runs cannot take it for empty; the new indexes are made as if they had been evicted.
 */
export const OPEN: string = `${HEAD}${EXTEND}
local stamp = ARGV[1]
local mark = call('GET', base)
if mark and sub(mark, 1, #stamp - 1) == '1' .. sub(stamp, 2, -2) then
  call('UNLINK', base .. ':i')
  call('ZADD', base .. ':x', '+inf', '')
  mark = extend(sub(stamp, 1, -2) .. '- ' .. sub(mark, #stamp), stamp, '0')
  call('SET', base .. ':i', 'layout 2', 'PXAT', string.format('%.0f', num(sub(mark, -17))))
end
if mark and sub(mark, 1, #stamp - 1) ~= sub(stamp, 1, -2) then return {mark} end
local t = call('TIME')
if not mark or num(sub(mark, -17)) < num(t[1]) * 1000 + ${AHEAD / 2} then mark = extend(mark, stamp, '0') end
local answer = {mark, t[1], t[2]}
for n = 2, #ARGV do answer[n + 2] = redis.sha1hex(ARGV[n]) end
return answer
`;

/**
 * Stamp, where the scan has come to, which indexes it was begun for, how many keys to look at, and a pattern for the
 * records. Makes the indexes again from the records, a slice at a time, while entries come and go. Answers where it has
 * come to, `0` for the end, and for which indexes that is. If they were lost meanwhile, or this is another server, it
 * begins once more.
 */
export const REBUILD: string = `${HEAD}${EXTEND}${RUN}
local stamp, cursor = ARGV[1], ARGV[2]
local mark = call('GET', base)
if mark and sub(mark, 1, #stamp - 1) ~= sub(stamp, 1, -2) then return ${OTHER_SHARDS} end
if not mark or standing() < 3 then mark = extend(mark, stamp, '0') end
if sub(mark, 1, #stamp) == stamp then return {'0', ''} end
local epoch = sub(mark, 1, -18) .. run()
if ARGV[3] ~= epoch then cursor = '0' end
local found = call('SCAN', cursor, 'MATCH', ARGV[5], 'COUNT', ARGV[4])
local last = 0
for _, name in ipairs(found[2]) do
  local r = redis.pcall('GET', name)
  local top, owner
  if type(r) == 'string' then top, owner = head(r) end
  if top then
    local key = sub(name, #base + 4)
    call('ZADD', base .. ':x', sub(r, 36, 52), key .. '\\0' .. owner)
    call('ZADD', base .. ':b', sub(r, 2, 18), key)
    call('ZADD', base .. ':o', 0, owner .. '\\0' .. key)
    last = math.max(last, num(sub(r, 36, 52)) + ${KEPT_AFTER_END})
  end
end
if last > num(sub(mark, -17)) then mark = extend(mark, stamp, string.format('%.0f', last)) end
if found[1] == '0' then call('SET', base, stamp .. sub(mark, #stamp + 1), 'KEEPTTL') end
return {found[1], epoch}
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

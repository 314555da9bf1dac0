/** @file Steps that no two processes may be half-way in at once, as scripts that Redis runs whole. */

/** First element of an answer of `w4sClaim`: what the caller has to do. */
export type ClaimAnswer =
  /** The reply is there. */
  | ["reply", string]
  /** Somebody else is asking, or what is in flight may use up a limit: ask again. */
  | ["busy"]
  /** A limit of the run is reached: kind, limit, used. */
  | ["spent", string, string, string]
  /** The caller makes the call. */
  | ["yours"];

/** Our commands. Each may be sent twice, as after a lost connection, and then changes nothing more. */
export interface QueueScripts {
  /**
   * Keys: calls, claims, limits, spent. Arguments: call, token of the asker, lease in ms, most tokens, most dollars.
   */
  w4sClaim(...args: (string | number)[]): Promise<ClaimAnswer>;
  /** Keys: claims. Arguments: call, token, lease in ms. Prolongs a claim that is still the asker's. */
  w4sRenew(...args: (string | number)[]): Promise<number>;
  /**
   * Keys: calls, claims, spent, outbox. Arguments: call, token, reply ("" where there is none), note for the outbox ("" where
   * nothing was paid), note where another reply came first, calls, tokens, dollars.
   * @returns the reply that counts
   */
  w4sSettle(...args: (string | number)[]): Promise<string | null>;
  /** Keys: done, outbox. Arguments: id of a job, note for the outbox. @returns 1 for the first result */
  w4sResult(...args: (string | number)[]): Promise<number>;
  /** Keys: tools, outbox. Arguments: call, outcome, note for the outbox. @returns the outcome that counts */
  w4sTool(...args: (string | number)[]): Promise<string>;
}

/** Milliseconds of the server's own clock, the only one that all ask. */
const NOW = `local time = redis.call('TIME'); local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/** A claim is "token until tokens dollars". One that has run out is taken over, with what it reserved. */
const CLAIM = `
local reply = redis.call('HGET', KEYS[1], ARGV[1])
if reply then return {'reply', reply} end
${NOW}
local claim = redis.call('HGET', KEYS[2], ARGV[1])
if claim then
  local owner, ends = string.match(claim, '^(%S+) (%S+)')
  if owner ~= ARGV[2] and tonumber(ends) > now then return {'busy'} end
end
local limits = redis.call('HGETALL', KEYS[3])
if #limits > 0 then
  local held = {calls = 0, tokens = 0, dollars = 0}
  for _, other in ipairs(redis.call('HVALS', KEYS[2])) do
    local owner, ends, tokens, dollars = string.match(other, '^(%S+) (%S+) (%S+) (%S+)')
    if tonumber(ends) > now and owner ~= ARGV[2] then
      held.calls = held.calls + 1
      held.tokens = held.tokens + tonumber(tokens)
      held.dollars = held.dollars + tonumber(dollars)
    end
  end
  local busy = false
  for i = 1, #limits, 2 do
    local used = tonumber(redis.call('HGET', KEYS[4], limits[i]) or '0')
    local limit = tonumber(limits[i + 1])
    if used >= limit then return {'spent', limits[i], limits[i + 1], tostring(used)} end
    if used + held[limits[i]] >= limit then busy = true end
  end
  if busy then return {'busy'} end
end
redis.call('HSET', KEYS[2], ARGV[1], table.concat({ARGV[2], string.format('%d', now + ARGV[3]), ARGV[4], ARGV[5]}, ' '))
return {'yours'}`;

const RENEW = `
local claim = redis.call('HGET', KEYS[1], ARGV[1])
if not claim then return 0 end
local owner, rest = string.match(claim, '^(%S+) %S+ (.*)$')
if owner ~= ARGV[2] then return 0 end
${NOW}
redis.call('HSET', KEYS[1], ARGV[1], table.concat({owner, string.format('%d', now + ARGV[3]), rest}, ' '))
return 1`;

const SETTLE = `
local kept = redis.call('HGET', KEYS[1], ARGV[1])
local claim = redis.call('HGET', KEYS[2], ARGV[1])
if claim and string.match(claim, '^(%S+)') == ARGV[2] then redis.call('HDEL', KEYS[2], ARGV[1]) end
if kept and kept == ARGV[3] then return kept end
local note = ARGV[4]
if ARGV[3] ~= '' then
  if kept then note = ARGV[5] else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]); kept = ARGV[3] end
end
if note ~= '' then
  redis.call('RPUSH', KEYS[4], note)
  redis.call('HINCRBYFLOAT', KEYS[3], 'calls', ARGV[6])
  redis.call('HINCRBYFLOAT', KEYS[3], 'tokens', ARGV[7])
  redis.call('HINCRBYFLOAT', KEYS[3], 'dollars', ARGV[8])
end
return kept or nil`;

const RESULT = `
if redis.call('SADD', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
return 1`;

const TOOL = `
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1 then redis.call('RPUSH', KEYS[2], ARGV[3]) end
return redis.call('HGET', KEYS[1], ARGV[1])`;

interface Definable {
  defineCommand(name: string, definition: { numberOfKeys: number; lua: string }): void;
}

export function defineScripts<T extends Definable>(redis: T): T & QueueScripts {
  redis.defineCommand("w4sClaim", { numberOfKeys: 4, lua: CLAIM });
  redis.defineCommand("w4sRenew", { numberOfKeys: 1, lua: RENEW });
  redis.defineCommand("w4sSettle", { numberOfKeys: 4, lua: SETTLE });
  redis.defineCommand("w4sResult", { numberOfKeys: 2, lua: RESULT });
  redis.defineCommand("w4sTool", { numberOfKeys: 2, lua: TOOL });
  return redis as T & QueueScripts;
}

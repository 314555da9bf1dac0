/** @file What a server must be for a queue: new enough, and one that forgets nothing. */
import { ConfigError, messageOf } from "../../core/errors.js";

/** The commands that are asked. */
export interface AskedServer {
  info(section: string): Promise<string>;
  config(operation: "GET", name: string): Promise<unknown>;
}

/** The oldest version whose commands are used. */
const LEAST_VERSION = [6, 2] as const;

/**
 * @param place - of the server, for messages
 * @throws {ConfigError} on an old server, and one that evicts keys when it is full
 */
export async function checkServer(
  redis: AskedServer,
  place: string,
  onWarning: (message: string) => void,
): Promise<void> {
  // Valkey names a Redis version that it is like.
  const version = /^redis_version:(\d+)\.(\d+)/m.exec(await redis.info("server"));
  const [major, minor] = [Number(version?.[1] ?? 0), Number(version?.[2] ?? 0)];
  if (major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]))
    throw new ConfigError(`the queue at ${place} is Redis ${major}.${minor}, and 6.2 or newer is needed`, {
      hint: "update it, or start Valkey",
    });
  const policy = (await settingOf(redis, "maxmemory-policy")) ?? policyIn(await redis.info("memory"));
  if (policy === undefined)
    onWarning(`the queue at ${place} does not tell its maxmemory-policy: it must be noeviction`);
  else if (policy !== "noeviction")
    throw new ConfigError(
      `the queue at ${place} forgets keys when it is full (maxmemory-policy ${policy}), so that calls could be paid twice`,
      { hint: "set maxmemory-policy noeviction there (redis-cli CONFIG SET maxmemory-policy noeviction)" },
    );
  if ((await settingOf(redis, "appendonly")) === "no")
    onWarning(
      `the queue at ${place} keeps nothing on disk (appendonly no): after its crash calls in flight may be paid again`,
    );
}

/** Undefined where hosted servers do not allow to ask. */
async function settingOf(redis: AskedServer, name: string): Promise<string | undefined> {
  try {
    const answer = await redis.config("GET", name);
    return Array.isArray(answer) && typeof answer[1] === "string" ? answer[1] : undefined;
  } catch (error) {
    if (/^(ERR unknown command|NOPERM)/i.test(messageOf(error))) return undefined;
    throw error;
  }
}

function policyIn(info: string): string | undefined {
  return /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
}

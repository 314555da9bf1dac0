/** @file The address of a queue of jobs: `redis://HOST:PORT/NUMBER`, without a password. */

/** Environment variable of the queue's password, which no address, file or flag carries. */
export const QUEUE_PASSWORD_VARIABLE = "W4S_QUEUE_PASSWORD";

/** Environment variable of the secret that a run and its workers share. */
export const QUEUE_TOKEN_VARIABLE = "W4S_QUEUE_TOKEN";

/** Why a queue's URL cannot be used, or undefined. */
export function badQueueUrl(url: string): string | undefined {
  if (/^postgres(ql)?:/i.test(url))
    return "must be a Redis or Valkey, redis://HOST:PORT: calls are claimed by scripts that PostgreSQL does not run";
  const meant = /^[\w.-]+(:\d+)?(\/\d*)?$/.test(url) ? `; did you mean redis://${url}?` : "";
  if (!URL.canParse(url)) return `must be a URL such as redis://127.0.0.1:6379${meant}`;
  const { protocol, hostname, pathname, password, search } = new URL(url);
  if (protocol !== "redis:" && protocol !== "rediss:")
    return `must be redis://HOST:PORT, or rediss: with TLS, not ${protocol}${meant}`;
  if (hostname === "") return "must name a host: redis://127.0.0.1:6379";
  if (password) return `must not carry the password; set ${QUEUE_PASSWORD_VARIABLE}`;
  if (!/^\/?\d{0,4}$/.test(pathname) || search !== "")
    return "must end with the port or the number of a database: redis://127.0.0.1:6379/0";
  return undefined;
}

/** @file Who may ask: host and origin of a request, its key, the kind and size of its body. */
import type { IncomingMessage } from "node:http";
import type { Context, MiddlewareHandler } from "hono";
import { isLoopback } from "../core/network/loopback.js";
import { ApiError } from "./api-error.js";
import type { KeyRing } from "./key-ring.js";
import type { HttpBindings } from "./node-server.js";

/** What the guards tell the routes. */
export type GuardedEnv = { Bindings: HttpBindings; Variables: { key: string | undefined } };

/**
 * Refuses pages of other sites. A browser names the site in Origin; where the server is for this machine only, a name in
 * Host that is not this machine's means that a foreign name was made to point here.
 * @param listensOn - the address of the configuration
 * @param hosts - further names under which a proxy asks
 */
export function guardOrigin(listensOn: string, hosts: readonly string[]): MiddlewareHandler<GuardedEnv> {
  const isLocal = isLoopback(listensOn === "::1" ? "[::1]" : listensOn);
  return async (context, next) => {
    const host = context.req.header("host") ?? "";
    const name = hostName(host);
    if (isLocal && !(isLoopback(name) || hosts.includes(name)))
      throw new ApiError(403, "foreign_host", "this server is not asked under that name");
    const origin = context.req.header("origin");
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
      throw new ApiError(403, "foreign_origin", "pages of other sites may not ask this server");
    await next();
  };
}

/** "[::1]:8484" → "[::1]". */
function hostName(host: string): string {
  return host.replace(/:\d+$/, "").toLowerCase();
}

/** Lets requests with a known key through: `Bearer KEY`, or Basic with the key as the password, as browsers send it. */
export function guardKey(keys: KeyRing | undefined): MiddlewareHandler<GuardedEnv> {
  return async (context, next) => {
    if (keys) {
      const name = keys.nameOf(keyOf(context.req.header("authorization") ?? ""));
      if (name === undefined) {
        context.header("www-authenticate", 'Basic realm="w4s"');
        throw new ApiError(401, "invalid_api_key", "a valid API key is needed: Authorization: Bearer KEY");
      }
      context.set("key", name);
    }
    await next();
  };
}

function keyOf(authorization: string): string {
  const [, scheme = "", value = ""] = /^(\w+) +(\S+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme.toLowerCase() !== "basic") return "";
  const text = Buffer.from(value, "base64").toString("utf8");
  return text.slice(text.indexOf(":") + 1);
}

/** Refuses what is no UTF-8 instead of reading something else into it. */
const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The JSON object of a body.
 * @param maxBytes - where a body is longer it is not read on, however it is sent
 * @throws {ApiError} 400, 413 or 415
 */
export async function readBody(
  context: Context<GuardedEnv>,
  maxBytes: number,
): Promise<Record<string, unknown>> {
  const type = context.req.header("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type))
    throw new ApiError(415, "unsupported_media_type", "the content-type must be application/json");
  const encoding = context.req.header("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    throw new ApiError(
      415,
      "unsupported_media_type",
      "bodies are read as they are, without content-encoding",
    );
  const bytes = await bytesOf(context.env.incoming, maxBytes);
  let body: unknown;
  try {
    body = JSON.parse(UTF8.decode(bytes));
  } catch (cause) {
    throw new ApiError(400, "invalid_json", "the body is no JSON", { cause });
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new ApiError(400, "invalid_json", "the body must be a JSON object");
  return body as Record<string, unknown>;
}

async function bytesOf(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = () =>
    new ApiError(413, "request_too_large", `the request is larger than ${maxBytes} bytes`);
  if (Number(incoming.headers["content-length"]) > maxBytes) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  try {
    // What is left unread must not end the connection before the refusal has gone out.
    for await (const part of incoming.iterator({ destroyOnReturn: false })) {
      size += (part as Buffer).length;
      if (size > maxBytes) break;
      parts.push(part as Buffer);
    }
  } catch (cause) {
    throw new ApiError(400, "incomplete_body", "the body did not come to its end", { cause });
  }
  if (size > maxBytes) throw tooLarge();
  return Buffer.concat(parts);
}

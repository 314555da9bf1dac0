/** @file Downloads from a Hugging Face endpoint: token to that origin only, https only, resumed by Range. */
import { existsSync, readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { ConfigError, messageOf, W4sError } from "../core/errors.js";
import { agentFor } from "../core/network/proxied-agent.js";
import { badDownload, type PartFile } from "./part-file.js";

const DEFAULT_ENDPOINT = "https://huggingface.co";
const MAX_REDIRECTS = 5;

export interface HubLimits {
  /** Until the headers of an answer are there. Default 10 000. */
  connectMs?: number | undefined;
  /** Longest pause in the body. Default 60 000. */
  idleMs?: number | undefined;
}

/** The source cannot give the file now: another one may be tried, and what has arrived is kept. */
export class SourceUnavailableError extends Error {}

export interface HubFile {
  repository: string;
  revision: string;
  file: string;
}

/**
 * Appends the rest of a file to `part`.
 * @throws {SourceUnavailableError} when the endpoint cannot be reached or does not have the file.
 * @throws {InputError} when it answers with another size or leaves https.
 */
export async function downloadFromHub(
  file: HubFile,
  part: PartFile,
  options: {
    onBytes: () => void;
    signal?: AbortSignal | undefined;
    environment?: NodeJS.ProcessEnv | undefined;
  } & HubLimits,
): Promise<void> {
  const { environment = process.env, connectMs = 10_000, idleMs = 60_000, signal, onBytes } = options;
  const endpoint = hubEndpoint(environment);
  const path = [file.repository, "resolve", file.revision, file.file].join("/");
  const url = new URL(
    path.split("/").map(encodeURIComponent).join("/"),
    `${endpoint.href.replace(/\/+$/, "")}/`,
  );
  const stop = new AbortController();
  const onAbort = () => stop.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(
    () => stop.abort(new SourceUnavailableError(`${endpoint.host}: no answer in ${connectMs} ms`)),
    connectMs,
  );
  try {
    const response = await request(url, endpoint, hubToken(environment), part, stop.signal);
    clearTimeout(timer);
    await readBody(response, part, { stop, idleMs, onBytes, host: endpoint.host });
  } catch (error) {
    signal?.throwIfAborted();
    if (stop.signal.reason instanceof SourceUnavailableError) throw stop.signal.reason;
    // What Node throws for failures of the network; those of files are errors of ours.
    if (error instanceof Error && "code" in error && !W4sError.is(error))
      throw new SourceUnavailableError(`${endpoint.host}: ${messageOf(error)}`);
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function request(
  start: URL,
  endpoint: URL,
  token: string | undefined,
  part: PartFile,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    if (token !== undefined && url.origin === endpoint.origin) headers.authorization = `Bearer ${token}`;
    if (part.length > 0) headers.range = `bytes=${part.length}-`;
    const response = await get(url, headers, signal);
    const { statusCode: status = 0, headers: answered } = response;
    const { location } = answered;
    if (status < 300 || status > 399 || location === undefined) return checkAnswer(response, part, url.host);
    response.destroy();
    url = new URL(location, url);
    // Plain http only to the endpoint the user named; a redirect must not weaken the transport.
    if (url.protocol !== "https:" && url.origin !== endpoint.origin) {
      await part.discard();
      throw badDownload(
        part.expected.name,
        `is redirected to ${url.protocol}//${url.host}, only https is followed`,
      );
    }
  }
  throw new SourceUnavailableError(`${endpoint.host}: more than ${MAX_REDIRECTS} redirects`);
}

/** Follows no redirect; goes through the proxy of its address. */
function get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    send(url, { headers, signal, agent: agentFor(url) }, resolve)
      .once("error", reject)
      .end();
  });
}

async function checkAnswer(
  response: IncomingMessage,
  part: PartFile,
  host: string,
): Promise<IncomingMessage> {
  const { statusCode: status = 0, headers } = response;
  if (status === 416 && part.length === part.expected.bytes) return response;
  if (status !== 200 && status !== 206) {
    response.destroy();
    throw new SourceUnavailableError(`${host}: answers ${status} for ${part.expected.name}`);
  }
  const start = status === 206 ? Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1]) : 0;
  if (start !== part.length) {
    if (status === 206)
      throw new SourceUnavailableError(`${host}: answers with another range than asked for`);
    await part.restart();
  }
  const length = headers["content-length"];
  if (length !== undefined && start + Number(length) !== part.expected.bytes) {
    response.destroy();
    await part.discard();
    const found = start + Number(length);
    throw badDownload(part.expected.name, `has ${found} bytes at ${host}, expected ${part.expected.bytes}`);
  }
  return response;
}

async function readBody(
  response: IncomingMessage,
  part: PartFile,
  options: { stop: AbortController; idleMs: number; onBytes: () => void; host: string },
): Promise<void> {
  const { stop, idleMs, onBytes, host } = options;
  if (part.length === part.expected.bytes) {
    response.destroy();
    return;
  }
  const idle = setTimeout(
    () => stop.abort(new SourceUnavailableError(`${host}: silent for ${idleMs} ms`)),
    idleMs,
  );
  try {
    for await (const chunk of response) {
      idle.refresh();
      await part.append(chunk as Uint8Array);
      onBytes();
    }
  } finally {
    clearTimeout(idle);
  }
  if (part.length < part.expected.bytes) throw new SourceUnavailableError(`${host}: the answer ended early`);
}

function hubEndpoint(environment: NodeJS.ProcessEnv): URL {
  const text = environment.HF_ENDPOINT || DEFAULT_ENDPOINT;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:") || url.username || url.password) {
    throw new ConfigError("HF_ENDPOINT is not an http(s) address without user and password");
  }
  return url;
}

/** HF_TOKEN, else the file that the hub's own tools keep it in. */
function hubToken(environment: NodeJS.ProcessEnv): string | undefined {
  if (environment.HF_TOKEN) return environment.HF_TOKEN;
  const home =
    environment.HF_HOME || join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  const path = environment.HF_TOKEN_PATH || join(home, "token");
  try {
    return existsSync(path) ? readFileSync(path, "utf8").trim() || undefined : undefined;
  } catch {
    return undefined;
  }
}

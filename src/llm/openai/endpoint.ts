/** @file The address of an OpenAI-compatible server: checked once, so that a key reaches one origin only. */
import { ConfigError } from "../../core/errors.js";
import { isLoopback } from "../../core/network/loopback.js";
import { proxyOf } from "../../core/network/proxied-agent.js";
import { escapeText } from "../escape-text.js";

export interface EndpointOptions {
  /** http(s) address that ends before `/chat/completions`; only `api-version` may stand in its query. */
  baseUrl: string;
  /** Sent to the origin of `baseUrl` only. Default: none. */
  apiKey?: string | undefined;
  /** Azure's version (also read from the query): the key then goes into `api-key`. */
  apiVersion?: string | undefined;
  /** Extra headers, such as those of a gateway. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** What to do where the server refuses the key, or that none came. */
  keyHint?: string | undefined;
}

export interface Endpoint {
  /** Base URL without trailing slash, query or credentials; safe to print. */
  baseUrl: string;
  origin: string;
  /** "host:port" for messages. */
  host: string;
  query: Record<string, string>;
  /** Headers of every request beside the content type: the key and extra ones, lower-case names. */
  headers: Record<string, string>;
  /** Values that must never be printed. */
  secrets: string[];
  warnings: string[];
  keyHint: string | undefined;
}

/** @throws {ConfigError} for any address a key should not be sent to, and for keys no header can carry. */
export function parseEndpoint(options: EndpointOptions): Endpoint {
  const url = parseBaseUrl(options.baseUrl);
  const apiVersion = options.apiVersion ?? url.searchParams.get("api-version") ?? undefined;
  const key = options.apiKey?.trim() || undefined;
  const headers: Record<string, string> = {};
  const secrets: string[] = [];
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || !isHeaderValue(value)) {
      throw new ConfigError(`header "${escapeText(name, 60)}" has characters that HTTP does not allow`);
    }
    headers[name.toLowerCase()] = value;
    secrets.push(value);
  }
  if (key !== undefined) {
    if (!isHeaderValue(key)) {
      throw new ConfigError("the API key holds spaces, line breaks or characters outside ASCII", {
        hint: "copy the key again, without quotes",
      });
    }
    // Azure's servers take `api-key`; every other server takes the bearer scheme.
    if (apiVersion === undefined) headers.authorization = `Bearer ${key}`;
    else headers["api-key"] = key;
    secrets.push(key);
  }
  const proxy = proxyOf(url);
  // A token may stand as the user of a proxy as well as its password.
  for (const part of [proxy?.username, proxy?.password])
    if (part) secrets.push(part, decodeURIComponent(part));
  const warnings =
    key !== undefined && url.protocol === "http:" && !isLoopback(url.hostname)
      ? [`the API key goes to ${url.host} without encryption; use https`]
      : [];
  return {
    baseUrl: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    origin: url.origin,
    host: `${url.hostname}:${url.port || (url.protocol === "https:" ? "443" : "80")}`,
    query: apiVersion === undefined ? {} : { "api-version": apiVersion },
    headers,
    secrets,
    warnings,
    keyHint: options.keyHint,
  };
}

function parseBaseUrl(text: string): URL {
  // The address may hold a password: it is shown only where it surely holds none.
  const shown = text.includes("@") ? "the base URL" : `base URL "${escapeText(text, 120)}"`;
  const hint = "give it as http://127.0.0.1:8080/v1 or https://api.openai.com/v1";
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    throw new ConfigError(`${shown} is not a URL`, { hint });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new ConfigError(`${shown} must begin with http:// or https://`, { hint });
  }
  if (url.username || url.password) {
    throw new ConfigError("the base URL must not hold a user name or password", {
      hint: "pass the key as the API key, not inside the address",
    });
  }
  const extra = [...url.searchParams.keys()].filter((name) => name !== "api-version");
  if (extra.length > 0 || url.hash) {
    throw new ConfigError(`the base URL of ${url.host} has a query or fragment besides api-version`, {
      hint: "base URLs are printed and stored; pass secrets as the API key or as headers",
    });
  }
  return url;
}

/** Visible ASCII without spaces at the ends. */
function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value);
}

/** @file Agents whose requests go through the proxy that the environment names for an address. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { createRequire } from "node:module";
import { isIPv4 } from "node:net";
import { getProxyForUrl } from "proxy-from-env";
import { ConfigError } from "../errors.js";
import { isLoopback } from "./loopback.js";

/** Few have a proxy, and every command would wait for its packages. */
const require = createRequire(import.meta.url);

/**
 * Proxy for an address by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in either case; a host in NO_PROXY stands for its
 * subdomains too. Undefined for a direct connection, which addresses of this machine always have.
 * @throws {ConfigError} for a proxy that is no http(s) address; its user and password are not shown
 */
export function proxyOf(url: URL): URL | undefined {
  if (isLoopback(url.hostname)) return undefined;
  const labels = isIPv4(url.hostname) ? [url.hostname] : url.hostname.split(".");
  const port = url.port === "" ? "" : `:${url.port}`;
  const found = labels.map((_, index) =>
    getProxyForUrl(`${url.protocol}//${labels.slice(index).join(".")}${port}`),
  );
  const [text] = found;
  if (!text || found.includes("")) return undefined;
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (proxy?.protocol === "http:" || proxy?.protocol === "https:") return proxy;
  throw new ConfigError(`the proxy for ${url.host} is no http(s) address`, {
    hint: "set HTTPS_PROXY or HTTP_PROXY to http://HOST:PORT, or name the host in NO_PROXY",
  });
}

/** Agent for requests to the origin of `url`, direct or through its proxy. */
export function agentFor(url: URL, options: { keepAlive?: boolean } = {}): HttpAgent {
  const proxy = proxyOf(url);
  if (proxy === undefined)
    return url.protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options);
  if (url.protocol === "https:") {
    const { HttpsProxyAgent } = require("https-proxy-agent") as typeof import("https-proxy-agent");
    return new HttpsProxyAgent(proxy, options);
  }
  const { HttpProxyAgent } = require("http-proxy-agent") as typeof import("http-proxy-agent");
  return new HttpProxyAgent(proxy, options);
}

/** @file Which environment variable holds the key for an address: a key goes only where it belongs. */
import { isLoopback } from "../core/network/loopback.js";
import type { RunConfig } from "./run-config.js";

/** Variable of OpenAI's key, which other hosts get only where `apiKeyEnv` names it. */
export const DEFAULT_KEY_VARIABLE = "OPENAI_API_KEY";

/** Settings that name addresses and keys. */
type Keyed = Pick<RunConfig, "executor" | "executors" | "apiKeyEnv">;
type WithServers = Keyed & Pick<RunConfig, "tools">;

/**
 * Variable that holds the key for a base URL: the one its entry names, the one the configuration names where the executor has
 * the same origin, OPENAI_API_KEY for OpenAI's hosts and this machine; undefined for all others.
 */
export function keyVariable(config: Keyed, url: string, named?: string | undefined): string | undefined {
  const { origin, hostname } = new URL(url);
  const main = config.executor.startsWith("openai:") ? config.executor.slice("openai:".length) : undefined;
  if (named !== undefined) return named;
  if (config.apiKeyEnv !== undefined && main !== undefined && new URL(main).origin === origin)
    return config.apiKeyEnv;
  const isOwn = isLoopback(hostname) || hostname === "api.openai.com" || hostname.endsWith(".api.openai.com");
  return isOwn ? DEFAULT_KEY_VARIABLE : undefined;
}

/** Servers of a configuration, the executor's first, those of tools last, each with the variable of its key. */
export function keyedServers(config: WithServers): { url: string; variable: string | undefined }[] {
  const urls = Object.values(config.executors).map(({ url, apiKeyEnv }) => ({
    url,
    variable: keyVariable(config, url, apiKeyEnv),
  }));
  const { tools } = config;
  for (const { url, apiKeyEnv } of typeof tools === "object" ? tools.mcp : [])
    if (url !== undefined) urls.push({ url, variable: apiKeyEnv });
  if (!config.executor.startsWith("openai:")) return urls;
  const url = config.executor.slice("openai:".length);
  return [{ url, variable: keyVariable(config, url) }, ...urls];
}

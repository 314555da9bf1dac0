/** @file Where models and caches live: `$W4S_HOME`, else `$XDG_CACHE_HOME/w4s`, else `~/.cache/w4s`. */
import { homedir } from "node:os";
import { join } from "node:path";

export function w4sHome(environment: NodeJS.ProcessEnv = process.env): string {
  const home = environment.W4S_HOME;
  // In quotes no shell has read the tilde.
  if (home && /^~([\\/]|$)/.test(home)) return join(homedir(), home.slice(1));
  if (home) return home;
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "w4s");
}

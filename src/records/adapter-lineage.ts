/** @file Where an adapter comes from: its own record, then those of the adapters it was trained on from. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { adapterHash } from "../lora/adapter-hash.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import type { AdapterOrigin } from "../lora/lora-adapter.js";
import { roundName, roundNumbers } from "./run-files.js";

export interface Ancestor {
  path: string;
  hash: string;
  origin: AdapterOrigin;
}

/** A line longer than this is a circle. */
const MAX_ANCESTORS = 1000;

/**
 * Parents are looked for by content hash beside the adapter and in the other rounds of its run, for a member of a team
 * in its own folders there.
 * @returns the adapter itself first; the line ends where it was trained from the base, or where a parent's file is
 *   not found (its hash is then the last one's `origin.parentHash`)
 */
export function adapterLineage(path: string): Ancestor[] {
  const line: Ancestor[] = [read(path)];
  const nearby = adaptersNear(path);
  for (let step = 0; step < MAX_ANCESTORS; step++) {
    const { parentHash } = (line.at(-1) as Ancestor).origin;
    if (parentHash === undefined) return line;
    const parent = nearby.map(read).find(({ hash }) => hash === parentHash);
    if (parent === undefined) return line;
    line.push(parent);
  }
  return line;
}

function read(path: string): Ancestor {
  const adapter = readGgufAdapter(path);
  return { path, hash: adapterHash(adapter), origin: adapter.origin };
}

function adaptersNear(path: string): string[] {
  const folder = dirname(resolve(path));
  const isRound = (name: string) => /^\d+$/.test(basename(name));
  const round = [folder, dirname(folder)].find(isRound);
  // rounds/02/one → rounds/*/one
  const others =
    round === undefined
      ? []
      : roundNumbers(dirname(dirname(round))).map((number) =>
          join(dirname(round), roundName(number), relative(round, folder)),
        );
  return [...new Set([folder, ...others])].flatMap((one) =>
    existsSync(one)
      ? readdirSync(one, { withFileTypes: true })
          .filter((entry) => entry.isFile() && /^adapter-.*\.gguf$/.test(entry.name))
          .map((entry) => join(one, entry.name))
      : [],
  );
}

/** @file Rules under which no design runs programs: a start of Python takes longer than all else that a small search does. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Words that give the rules to a command; the file lies in `folder`. */
export function withoutPrograms(folder: string): string[] {
  const path = join(folder, "no-programs.yaml");
  writeFileSync(path, "forbid: { calls: [runPython] }\n");
  return ["--rules", path];
}

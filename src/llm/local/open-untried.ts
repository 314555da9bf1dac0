/** @file Opens llama.cpp on the processor without the trial process of its bindings. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

/** Member of the pinned package that is not in its public types. */
export interface LlamaMaker<Llama> {
  _create?(options: Record<string, unknown>): Promise<Llama>;
}

/** What llama.cpp leaves free of memory, as getLlama() has it on Linux: bytes, and a share of all. */
const PADDING_BYTES = 1024 ** 3;
const PADDING_SHARE = 0.25;

/**
 * llama.cpp on the processor without what getLlama() does first on Linux: it starts one more process, half a second of
 * computing, to see whether the binary crashes. The caller's process is there for that.
 * @param maker - class Llama of the package, which has one door only
 * @param options - of getLlama(), those that concern what is opened
 * @returns undefined where this way is not open: another system, a build of the user's own; getLlama() knows more
 */
export async function openUntried<Llama>(
  maker: LlamaMaker<Llama>,
  options: Record<string, unknown>,
): Promise<Llama | undefined> {
  if (process.platform !== "linux") return undefined;
  try {
    const door = import.meta.resolve("node-llama-cpp");
    // What the user has compiled comes first.
    if (existsSync(new URL("../llama/localBuilds", door))) return undefined;
    const require = createRequire(door);
    const name = `linux-${process.arch}`;
    const bins = join(dirname(require.resolve(`@node-llama-cpp/${name}`)), "..", "bins", name);
    const bindingPath = join(bins, "llama-addon.node");
    return await maker._create?.({
      ...options,
      bindings: require(bindingPath),
      bindingPath,
      buildType: "prebuilt",
      buildMetadata: JSON.parse(readFileSync(join(bins, "_nlcBuildMetadata.json"), "utf8")),
      vramPadding: 0,
      ramPadding: Math.min(totalmem() * PADDING_SHARE, PADDING_BYTES),
      tempDir: false,
    });
  } catch {
    return undefined;
  }
}

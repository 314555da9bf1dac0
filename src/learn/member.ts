/** @file A member of the team that learns: its model file, and the adapter it has at the moment. */
import { resolve } from "node:path";
import type { MemberPlan } from "../design/team-members.js";
import type { ResolveModelFile } from "../evaluate/local-models.js";
import { readLoadableModel } from "../formats/gguf/gguf-loadable.js";
import { stringValue } from "../formats/gguf/gguf-metadata.js";
import { modelFileHash } from "../llm/local/local-model.js";
import { adapterHash } from "../lora/adapter-hash.js";
import { checkAdapterSizes } from "../lora/check-adapter-sizes.js";
import { readGgufAdapter } from "../lora/gguf-adapter.js";
import { readModel } from "../transformer/read-model.js";

/** An adapter file with its content hash. */
export interface StartAdapter {
  path: string;
  hash: string;
}

/** Adapters by member; a member that is not in it plays as the bare model. */
export type Adapters = ReadonlyMap<string, StartAdapter>;

export interface Member extends MemberPlan {
  /** Absolute. */
  modelPath: string;
  modelHash: string;
  /** As the file names itself. */
  baseName: string | undefined;
  parameterCount: number;
  /** Longest sequence in tokens; 0 where the file does not say. */
  contextLength: number;
  /** The adapter it starts the run with. */
  start: StartAdapter | undefined;
}

/**
 * Reads a member's files without loading the model, so that what cannot be trained is refused before anything is paid.
 * @throws {InputError | FormatError | UnsupportedModelError} on files that cannot be used
 */
export async function openMember(plan: MemberPlan, resolveFile: ResolveModelFile): Promise<Member> {
  const modelPath = await resolveFile(plan.model);
  const header = readLoadableModel(modelPath);
  const { config } = readModel(header);
  const { adapter } = plan;
  const initial = adapter === undefined ? undefined : readGgufAdapter(adapter);
  if (initial !== undefined) checkAdapterSizes(adapter ?? "", initial, config);
  return {
    ...plan,
    modelPath: resolve(modelPath),
    modelHash: await modelFileHash(header.parts),
    baseName: stringValue(header.metadata, "general.name"),
    contextLength: config.contextLength,
    parameterCount: header.tensors.reduce((sum, tensor) => sum + tensor.elementCount, 0),
    start:
      adapter === undefined || initial === undefined
        ? undefined
        : { path: adapter, hash: adapterHash(initial) },
  };
}

/** Adapters that members start with; `onlyFixed` leaves out those that are trained, which then play as bare models. */
export function startAdapters(members: readonly Member[], { onlyFixed = false } = {}): Adapters {
  return new Map(
    members.flatMap(({ name, start, train }) =>
      start === undefined || (onlyFixed && train) ? [] : [[name, start] as const],
    ),
  );
}

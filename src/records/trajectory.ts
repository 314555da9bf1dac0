/** @file The record of a run on disk: trajectories.jsonl, a portable dataset and the truth that resume reads. */

import { dirname, relative } from "node:path";
import { z } from "zod";
import { InputError } from "../core/errors.js";
import { JsonlLog } from "../core/jsonl-log.js";
import { mean } from "../core/statistics.js";
import { checkRecord } from "./record-file.js";
import { intervalSchema } from "./result-row.js";

/** Raised when a reader of an older version could misread a line. */
export const TRAJECTORY_VERSION = 1;

/** Checked in one go: a schema for each of a run's many thousand tokens would take most of the reading time. */
const tokenIds = z.custom<number[]>((value) => Array.isArray(value) && value.every(Number.isInteger), {
  error: "must be a list of token ids",
});
const logProbs = z.custom<number[]>((value) => Array.isArray(value) && value.every(Number.isFinite), {
  error: "must be a list of numbers",
});
const messages = z.array(z.object({ role: z.string(), content: z.string() }));

const policyInfo = z.object({
  id: z.string(),
  modelHash: z.string(),
  tokenizerHash: z.string(),
  templateHash: z.string(),
  adapterHash: z.string().nullable(),
  device: z.string(),
  /** Policies that work together, in the order of their roles; what stands above is then the first one's. */
  members: z
    .array(
      z.object({
        name: z.string(),
        modelHash: z.string(),
        tokenizerHash: z.string(),
        adapterHash: z.string().nullable(),
      }),
    )
    .optional(),
});

const header = z.object({
  kind: z.literal("header"),
  version: z.number().int(),
  task: z.object({ name: z.string(), hash: z.string() }),
  executor: z.string(),
  isSimulated: z.boolean(),
  policy: policyInfo,
  seed: z.number().int(),
  /** What the rewards are, and the weights of a composite one, where they were computed anew. */
  reward: z.object({ name: z.string(), weights: z.record(z.string(), z.number()).optional() }).optional(),
});

const helper = z.object({
  policy: z.string(),
  kind: z.enum(["draft", "review", "strategy"]),
  promptTokens: tokenIds,
  text: z.string(),
  tokens: tokenIds,
});

const action = z.object({
  /** Number of the candidate within its turn; repairs are numbered on. */
  index: z.number().int(),
  /** Candidate this one repairs, and how many repairs came before. */
  repairOf: z.number().int().nullable(),
  attempt: z.number().int(),
  seed: z.number().int(),
  temperature: z.number(),
  /** Techniques the grammar forced; not empty = drawn off-policy. */
  forced: z.array(z.string()),
  text: z.string(),
  tokens: tokenIds,
  /** Natural-log probability of each token where it was asked for. */
  logProbs: logProbs.optional(),
  finishReason: z.string(),
  /** The member that wrote it, where several policies work together. */
  policy: z.string().optional(),
  /** Its own prompt, where it is another than the record's. */
  promptTokens: tokenIds.optional(),
  /** That prompt as text, where it is another conversation than the record's. */
  messages: messages.optional(),
  /** Replies of other members, or earlier drafts, that led to the action. */
  helpers: z.array(helper).optional(),
});

const actions = z.object({
  kind: z.literal("actions"),
  episode: z.number().int(),
  turn: z.number().int(),
  /** Distinguishes the turn's own prompt ("turn") from each repair prompt ("repair-<index>"). */
  prompt: z.string(),
  promptTokens: tokenIds,
  messages,
  seconds: z.number(),
  actions: z.array(action),
});

const efficiencyFigure = z
  .object({ perSample: z.number(), reference: z.number(), value: z.number() })
  .nullable();

const components = z.object({
  accuracy: z.number(),
  efficiency: z.object({
    calls: efficiencyFigure,
    tokens: efficiencyFigure,
    steps: efficiencyFigure,
    latency: efficiencyFigure,
  }),
  coherence: z.number().nullable(),
  relevance: z.number().nullable(),
});

const candidate = z.object({
  index: z.number().int(),
  repairOf: z.number().int().nullable(),
  forced: z.array(z.string()),
  techniques: z.array(z.string()),
  workflowHash: z.string().nullable(),
  source: z.string().nullable(),
  /**
   * "scored" on the whole validation set, "screened-out" after the small one (in a race: later blocks, and the first), "invalid"
   * by the quick check, "lost" where the executor lost so many samples that nothing can be said.
   */
  outcome: z.enum(["scored", "screened-out", "invalid", "lost"]),
  /** Status of the quick check or of the extraction. */
  status: z.string(),
  message: z.string().optional(),
  accuracy: z.number().nullable(),
  screenAccuracy: z.number().nullable(),
  /**
   * Accuracy that is rewarded, where samples were lost: on those that all workflows of the turn have, plus what the
   * plainest baseline shows these to be harder than all of them. In a race: the shrunk mean over all items it was run on. Absent
   * where it is the plain accuracy.
   */
  commonAccuracy: z.number().optional(),
  interval: intervalSchema.nullable(),
  /** Samples behind its accuracy, or that of the screening; version 0.1 wrote 0 for those that were screened out. */
  n: z.number().int(),
  /** Samples that the executor lost, of the set it was last run on; absent where none. */
  lost: z.number().int().optional(),
  calls: z.number(),
  tokens: z.number(),
  dollars: z.number().nullable(),
  /** Parts of a composite reward, on the whole validation set or the screening set; not for invalid ones. */
  components: components.optional(),
  reward: z.number(),
});

const turn = z.object({
  kind: z.literal("turn"),
  episode: z.number().int(),
  turn: z.number().int(),
  history: z.object({ best: z.number(), previous: z.number(), sampleCount: z.number() }),
  parentHash: z.string().nullable(),
  candidates: z.array(candidate),
  /** The candidate that becomes the next state; null when none was valid. */
  kept: z.number().int().nullable(),
  /** In a race, by workflow hash: items asked of each workflow of the episode when the turn ended. */
  race: z.record(z.string(), z.number().int()).optional(),
});

const record = z.discriminatedUnion("kind", [header, actions, turn]);

export type TrajectoryHeader = z.infer<typeof header>;
export type ActionRecord = z.infer<typeof action>;
export type ActionsRecord = z.infer<typeof actions>;
export type CandidateRecord = z.infer<typeof candidate>;
export type TurnRecord = z.infer<typeof turn>;
export type TrajectoryRecord = z.infer<typeof record>;
export type TrajectoryPolicy = z.infer<typeof policyInfo>;

/** Accuracy at which candidates of all turns can be compared; null where it was not scored on the whole validation set. */
export function levelOf({
  outcome,
  accuracy,
  commonAccuracy,
}: Pick<CandidateRecord, "outcome" | "accuracy" | "commonAccuracy">): number | null {
  return outcome === "scored" ? (commonAccuracy ?? accuracy) : null;
}

/** Best level of an episode after a turn, the workflows it was shown included. */
export function bestLevel({ history, candidates }: Pick<TurnRecord, "history" | "candidates">): number {
  return Math.max(history.best, ...candidates.map((candidate) => levelOf(candidate) ?? 0));
}

/**
 * Records by episode and turn, the replies of a turn in the order of its candidates: episodes that were played at the same
 * time lie mixed in a file, in an order that says nothing.
 */
export function inOrder<T extends TrajectoryRecord>(records: readonly T[]): T[] {
  const placeOf = (one: TrajectoryRecord): number[] =>
    one.kind === "header"
      ? [-1]
      : [
          one.episode,
          one.turn,
          one.kind === "turn" ? Number.POSITIVE_INFINITY : (one.actions[0]?.index ?? 0),
        ];
  const places = new Map(records.map((one) => [one, placeOf(one)]));
  return [...records].sort((a, b) => {
    const [left, right] = [places.get(a)!, places.get(b)!];
    const at = left.findIndex((value, i) => value !== right[i]);
    return at < 0 ? 0 : (left[at] as number) - (right[at] as number);
  });
}

/**
 * Reads the records of a trajectory file, as `inOrder` has them.
 * @throws {InputError} on a newer version or a record that does not fit; {StorageError} on damage.
 */
export function readTrajectory(path: string): TrajectoryRecord[] {
  return inOrder(JsonlLog.read(path).records.map((value, index) => parseTrajectory(value, path, index + 1)));
}

/**
 * One line of a trajectory file.
 * @throws {InputError} on a newer version or fields that do not fit
 */
export function parseTrajectory(value: unknown, path: string, line: number): TrajectoryRecord {
  const version = (value as { version?: unknown }).version;
  if (typeof version === "number" && version > TRAJECTORY_VERSION) {
    throw new InputError(`${path}: written by a newer w4s (trajectory version ${version})`, {
      hint: `this one reads up to version ${TRAJECTORY_VERSION}; update w4s`,
    });
  }
  return checkRecord(value, record, `${path}: line ${line}`);
}

/** Appends to a trajectory and answers from what earlier sessions of the same run wrote. */
export class TrajectoryLog {
  readonly isTorn: boolean;
  /** Path inside the run directory, with / between folders. */
  readonly file: string;
  readonly #log: JsonlLog;
  readonly #actions = new Map<string, ActionsRecord>();
  readonly #turns = new Map<string, TurnRecord>();
  #header: TrajectoryHeader | undefined;

  /** @param directory - of the run; default: the log lies right in it */
  constructor(path: string, directory: string = dirname(path)) {
    this.file = relative(directory, path).replaceAll("\\", "/");
    const { log, records, isTorn } = JsonlLog.open(path);
    this.#log = log;
    this.isTorn = isTorn;
    for (const [index, value] of records.entries()) this.#remember(parseTrajectory(value, path, index + 1));
  }

  get header(): TrajectoryHeader | undefined {
    return this.#header;
  }

  actions(episode: number, turn: number, prompt: string): ActionsRecord | undefined {
    return this.#actions.get(`${episode}/${turn}/${prompt}`);
  }

  turn(episode: number, turn: number): TurnRecord | undefined {
    return this.#turns.get(`${episode}/${turn}`);
  }

  /** By episode and turn. */
  turns(): TurnRecord[] {
    return inOrder([...this.#turns.values()]);
  }

  /** On the disk when this returns: what was generated is never generated again. */
  append(value: TrajectoryRecord): void {
    this.#log.append(value, true);
    this.#remember(value);
  }

  close(): void {
    this.#log.close();
  }

  #remember(value: TrajectoryRecord): void {
    if (value.kind === "header") this.#header = value;
    else if (value.kind === "actions")
      this.#actions.set(`${value.episode}/${value.turn}/${value.prompt}`, value);
    else this.#turns.set(`${value.episode}/${value.turn}`, value);
  }
}

/** Share of candidates that passed the quick check, 0–1. */
export function validShare(candidates: readonly Pick<CandidateRecord, "outcome">[]): number {
  return mean(candidates.map(({ outcome }) => (outcome === "invalid" ? 0 : 1)));
}

/** Different workflows over all that could be read, 0–1. */
export function distinctShare(candidates: readonly { workflowHash: string | null }[]): number {
  const hashes = candidates.flatMap(({ workflowHash }) => workflowHash ?? []);
  return hashes.length === 0 ? 0 : new Set(hashes).size / hashes.length;
}

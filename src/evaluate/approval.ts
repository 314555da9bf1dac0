/** @file Approval: a person says whether a newly designed workflow may run against a paid executor; what they said is logged. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import PQueue from "p-queue";
import { ConfigError, messageOf } from "../core/errors.js";
import { writeAtomic } from "../core/write-atomic.js";
import type { OnRunEvent } from "../records/run-event.js";
import { type CardContext, cardMarkdown, type WorkflowCard, workflowCard } from "./workflow-card.js";

/** "always" lets all further workflows of the run through; "quit" ends the run, which can go on later. */
export type ApprovalAnswer = "yes" | "no" | "always" | "quit";

type Workflow = Pick<ApprovalRequest, "hash" | "source">;

export interface ApprovalRequest {
  hash: string;
  source: string;
  card: WorkflowCard;
}

/** Asks whoever is there. */
export type AskApproval = (request: ApprovalRequest) => Promise<ApprovalAnswer>;

/** Status of a candidate that a person did not let run. */
export const NOT_APPROVED = "not-approved";

/** Nobody is there to ask: what waits for a decision lies in the run, which goes on once it is decided. */
export class ApprovalNeededError extends ConfigError {
  constructor(hashes: readonly string[], folder: string) {
    const list = hashes.map((hash) => hash.slice(0, 16)).join(", ");
    super(
      `${hashes.length} newly designed workflows wait for approval (${list}); their sources and cards lie in ${folder}`,
      {
        code: "approval",
        hint: "read them, add the hashes of those that may run to --approve-file (and “no HASH” for those that may not), and run the same command again; or run it in a terminal",
      },
    );
  }
}

export interface ApprovalGateOptions {
  /** False: nothing is asked, but what was refused before stays refused. */
  isAsking: boolean;
  /** Logged by earlier sessions. */
  earlier: readonly { workflow: string; decision: "yes" | "no" | "always" }[];
  /** Lines `HASH`, `yes HASH`, `no HASH`; a hash may be cut to 12 digits or more. */
  file?: string | undefined;
  ask?: AskApproval | undefined;
  context: CardContext;
  emit: OnRunEvent;
  /** Run directory: what waits is written to its folder `approvals`. */
  directory: string;
}

export class ApprovalGate {
  readonly #options: ApprovalGateOptions;
  readonly #decided = new Map<string, boolean>();
  readonly #listed: [prefix: string, isAllowed: boolean][];
  /** Episodes that are played at the same time wait for each other: a person is asked one thing at a time. */
  readonly #asking = new PQueue({ concurrency: 1 });
  #isAlways = false;
  #hasQuit = false;

  /** @throws {ConfigError} when the file of approvals cannot be read */
  constructor(options: ApprovalGateOptions) {
    this.#options = options;
    for (const { workflow, decision } of options.earlier) {
      if (decision === "always") this.#isAlways = true;
      this.#decided.set(workflow, decision !== "no");
    }
    this.#listed = options.file === undefined ? [] : readApprovals(options.file);
  }

  /**
   * @param workflows - about to run for the first time
   * @returns hashes of those that must not run
   * @throws {ApprovalNeededError} when nobody is there to ask; a DOMException AbortError when the answer is to quit
   */
  refused(workflows: readonly Workflow[]): Promise<Set<string>> {
    return this.#asking.add(() => this.#refused(workflows));
  }

  async #refused(workflows: readonly Workflow[]): Promise<Set<string>> {
    const { ask, directory } = this.#options;
    const waiting: Workflow[] = [];
    for (const workflow of new Map(workflows.map((one) => [one.hash, one])).values()) {
      if (this.#isKnown(workflow.hash)) continue;
      if (ask === undefined) waiting.push(workflow);
      else await this.#ask(workflow, ask);
    }
    if (waiting.length > 0) {
      const folder = join(directory, "approvals");
      for (const workflow of waiting) await this.#write(folder, workflow);
      throw new ApprovalNeededError(
        waiting.map(({ hash }) => hash),
        folder,
      );
    }
    return new Set(workflows.map(({ hash }) => hash).filter((hash) => this.#decided.get(hash) === false));
  }

  #isKnown(hash: string): boolean {
    if (this.#decided.has(hash)) return true;
    const listed = this.#listed.find(([prefix]) => hash.startsWith(prefix));
    if (listed !== undefined) {
      this.#decide(hash, listed[1] ? "yes" : "no", "file");
      return true;
    }
    return !this.#options.isAsking || this.#isAlways;
  }

  async #ask(workflow: Workflow, ask: AskApproval): Promise<void> {
    const { hash, source } = workflow;
    const answer = this.#hasQuit
      ? "quit"
      : await ask({ hash, source, card: workflowCard(source, this.#options.context) });
    this.#hasQuit = answer === "quit";
    if (answer === "quit") throw new DOMException("stopped before a workflow was run", "AbortError");
    if (answer === "always") this.#isAlways = true;
    this.#decide(hash, answer, "terminal");
  }

  #decide(hash: string, decision: "yes" | "no" | "always", by: "terminal" | "file"): void {
    this.#decided.set(hash, decision !== "no");
    this.#options.emit({ type: "approval", workflow: hash, decision, by });
  }

  async #write(folder: string, { hash, source }: Workflow): Promise<void> {
    const card = workflowCard(source, this.#options.context);
    await writeAtomic(join(folder, `${hash}.js`), source);
    await writeAtomic(join(folder, `${hash}.md`), cardMarkdown(card, `Workflow ${hash.slice(0, 12)}`));
  }
}

function readApprovals(path: string): [string, boolean][] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`cannot read the approvals ${path}: ${messageOf(error)}`, {
      hint: "write one hash of a workflow a line",
      cause: error,
    });
  }
  return text.split(/\r?\n/).flatMap((line, index): [string, boolean][] => {
    const entry = line.replace(/#.*/, "").trim().toLowerCase();
    if (entry === "") return [];
    const match = /^(?:(yes|no)\s+)?([0-9a-f]{12,64})$/.exec(entry);
    if (match) return [[match[2] as string, match[1] !== "no"]];
    throw new ConfigError(`${path}: line ${index + 1} is no approval`, {
      hint: "write HASH, yes HASH or no HASH, with at least 12 digits of the hash",
    });
  });
}

/**
 * Whether calls can cost money or leave this machine: the executor is neither simulated, local nor replayed, or there are
 * aliases, which are always servers.
 * @param executor - as the configuration names it
 */
export function isPaid(executor: string, aliases: readonly string[]): boolean {
  return aliases.length > 0 || !/^(simulated$|local:|replay:)/.test(executor);
}

/**
 * Whether newly designed workflows are asked about: it is wished for, and the executor is paid.
 * @param executor - as the configuration names it
 * @param hasPerson - somebody can be asked
 * @throws {ConfigError} when they are, and there is neither a person nor a file
 */
export function isApprovalNeeded(
  config: { approve: boolean; approveFile?: string | undefined; executors: object },
  executor: string,
  hasPerson: boolean,
): boolean {
  const isWished = config.approve || config.approveFile !== undefined;
  if (!isWished || !isPaid(executor, Object.keys(config.executors))) return false;
  if (hasPerson || config.approveFile !== undefined) return true;
  throw new ConfigError("--approve asks at a terminal, and there is none", {
    code: "approval",
    hint: "run it in a terminal, or name a file of approved hashes with --approve-file",
  });
}

/** @file The data that the page's script works with: candidates in full, drawn by seed where there are too many. */
import { Random } from "../../core/random.js";
import type { StoredCandidate, StoredTurn } from "../../records/read-turns.js";
import type { ChartData } from "../chart-data.js";
import { shown } from "../html.js";
import type { RunReport } from "../run-report.js";
import type { PageCandidate, PageData } from "./page-types.js";

/** Bytes of the details of candidates as JSON; with all else this keeps a page below 15 MB. */
const MAX_DETAIL_BYTES = 7 * 2 ** 20;
/** A list of more is no longer looked through. */
const MAX_CANDIDATES = 4000;
/** Characters of one text. */
const MAX_TEXT = 20_000;

export interface PageDataOptions {
  /** Seed of the draw. */
  seed: number;
  maxBytes?: number | undefined;
  maxCandidates?: number | undefined;
}

/**
 * Kept candidates come first, then all others in the order of a seeded draw, until the bytes are used up; what is
 * chosen stands in the order of the run.
 */
export function pageData(
  report: RunReport,
  charts: readonly ChartData[],
  options: PageDataOptions,
): PageData {
  const { seed, maxBytes = MAX_DETAIL_BYTES, maxCandidates = MAX_CANDIDATES } = options;
  const all = report.turns.flatMap((turn) => turn.candidates.map((candidate) => ({ turn, candidate })));
  const random = new Random(seed).derive("report-details");
  const order = random.shuffle(all);
  const isKept = ({ turn, candidate }: Pair) => turn.kept === candidate.index;
  const ranked = [...order.filter(isKept), ...order.filter((pair) => !isKept(pair))];
  const texts = new TextTable();
  const sources = sourcesByHash(report);
  const chosen = new Map<string, PageCandidate>();
  let bytes = 0;
  for (const { turn, candidate } of ranked) {
    if (chosen.size === maxCandidates) break;
    const before = texts.bytes;
    const entry = pageCandidate(turn, candidate, texts, sources);
    bytes += Buffer.byteLength(JSON.stringify(entry)) + texts.bytes - before;
    if (bytes > maxBytes && chosen.size > 0) break;
    chosen.set(candidate.id, entry);
  }
  return {
    charts: [...charts],
    texts: texts.list,
    total: all.length,
    candidates: all.flatMap(({ candidate }) => chosen.get(candidate.id) ?? []),
  };
}

interface Pair {
  turn: StoredTurn;
  candidate: StoredCandidate;
}

/** Sources and prompts recur: each is kept once. */
class TextTable {
  readonly list: string[] = [];
  /** Size as JSON inside a script element. */
  bytes = 0;
  readonly #numbers = new Map<string, number>();

  /** @returns its number, or -1 for no text */
  add(text: string | null | undefined): number {
    if (text === null || text === undefined || text === "") return -1;
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.list.length;
    const safe = shown(text);
    const cut =
      safe.length > MAX_TEXT ? `${safe.slice(0, MAX_TEXT)}\n… ${safe.length} characters in all` : safe;
    this.list.push(cut);
    // `<`, `>` and `&` take six bytes there.
    this.bytes += Buffer.byteLength(JSON.stringify(cut)) + 5 * (cut.match(/[<>&]/g)?.length ?? 0);
    this.#numbers.set(text, number);
    return number;
  }
}

function sourcesByHash(report: RunReport): Map<string, { title: string; source: string }> {
  const sources = new Map(Object.entries(report.baselines));
  for (const { candidates } of report.turns) {
    for (const { workflowHash, source, id } of candidates) {
      if (workflowHash !== null && source !== null && !sources.has(workflowHash))
        sources.set(workflowHash, { title: id, source });
    }
  }
  return sources;
}

function pageCandidate(
  turn: StoredTurn,
  candidate: StoredCandidate,
  texts: TextTable,
  sources: Map<string, { title: string; source: string }>,
): PageCandidate {
  const parent = turn.parentHash === null ? undefined : sources.get(turn.parentHash);
  const prompt = turn.prompts.find(({ name }) => name === candidate.prompt);
  const { source, reply } = candidate;
  const { id, outcome, accuracy, screenAccuracy, n, reward, calls, tokens, dollars } = candidate;
  const { written, temperature, meanLogProb } = candidate;
  const whole = reply.trim();
  return {
    ...{ id, outcome, accuracy, screenAccuracy, n, reward, calls, tokens, dollars },
    ...{ written, temperature, meanLogProb },
    task: shown(turn.source.task),
    isKept: turn.kept === candidate.index,
    repairOf: candidate.repairOf === null ? "" : candidate.id.replace(/c\d+$/, `c${candidate.repairOf + 1}`),
    status: shown(candidate.status),
    message: texts.add(candidate.message),
    low: candidate.interval?.low ?? null,
    high: candidate.interval?.high ?? null,
    lost: candidate.lost ?? 0,
    forced: candidate.forced.map(shown),
    techniques: candidate.techniques.map(shown),
    hash: candidate.workflowHash ?? "",
    source: texts.add(source),
    parent: texts.add(parent?.source),
    parentTitle: shown(parent?.title ?? ""),
    before: turn.history.previous,
    // A reply under the grammar is mostly its source; only what was written around it is of interest then.
    reply: texts.add(source !== null && whole === source.trim() ? "" : whole),
    prompt: texts.add(prompt?.messages.map(({ role, content }) => `[${role}]\n${content}`).join("\n\n")),
    finishReason: shown(candidate.finishReason),
  };
}

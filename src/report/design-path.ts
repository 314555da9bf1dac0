/** @file The way from a baseline to the best workflow: each change that was kept, and the reward it brought. */
import { formatPercent as percent } from "../core/figure-format.js";
import type { StoredCandidate, StoredTurn } from "../records/read-turns.js";
import { diffLines } from "./diff-lines.js";
import { decimal, points, shortHash } from "./figure-format.js";
import { html, type Markup } from "./html.js";
import type { ReportTable } from "./report-table.js";
import type { RunReport } from "./run-report.js";
import { tableHtml } from "./table-html.js";

interface Workflow {
  title: string;
  source: string;
}

export interface DesignStep extends Workflow {
  /** Candidate that first wrote the workflow. */
  candidate: StoredCandidate;
  /** Accuracy of the workflow it changed, as known then. */
  before: number;
  parent: { title: string; source: string | null };
}

export interface DesignPath {
  steps: DesignStep[];
  /** Where the way begins; null where its source is not stored. */
  first: Workflow | null;
  last: Workflow;
}

/** @returns null where the best workflow is a baseline, or nobody in the run wrote it */
export function designPath({ best, turns, baselines }: RunReport): DesignPath | null {
  if (best === null || best.isBaseline) return null;
  const written = new Map<string, { candidate: StoredCandidate; turn: StoredTurn }>();
  for (const turn of turns)
    for (const candidate of turn.candidates) {
      const { workflowHash: hash, source, outcome } = candidate;
      if (hash === null || source === null) continue;
      // One that was scored on all items tells more than an equal one that was not.
      const known = written.get(hash);
      if (known === undefined || (known.candidate.outcome !== "scored" && outcome === "scored"))
        written.set(hash, { candidate, turn });
    }
  const steps: DesignStep[] = [];
  let hash: string | null = best.hash;
  while (hash !== null) {
    const found: { candidate: StoredCandidate; turn: StoredTurn } | undefined = written.get(hash);
    if (found === undefined) break;
    const { candidate, turn } = found;
    // A workflow that was written again by one of its own descendants ends the way.
    written.delete(hash);
    const { parentHash } = turn;
    const own =
      parentHash === null ? undefined : (baselines[parentHash] ?? written.get(parentHash)?.candidate);
    const parentTitle =
      parentHash === null
        ? "nothing"
        : own === undefined
          ? shortHash(parentHash)
          : "id" in own
            ? own.id
            : own.title;
    steps.unshift({
      title: candidate.id,
      source: candidate.source ?? "",
      candidate,
      before: turn.history.previous,
      parent: { title: parentTitle, source: own?.source ?? null },
    });
    hash = parentHash !== null && baselines[parentHash] === undefined ? parentHash : null;
  }
  const [start] = steps;
  if (start === undefined) return null;
  const { title, source } = start.parent;
  return { steps, first: source === null ? null : { title, source }, last: best };
}

/** A row for each change. */
export function pathTable(report: RunReport): ReportTable | null {
  const path = designPath(report);
  if (path === null) return null;
  return {
    id: "path-table",
    title: "From the first workflow to the best",
    note: "Each change on the way, as it was scored when it was made. What a technique brings on average is told by the table of techniques, under Outcomes.",
    head: [
      "candidate",
      "changed from",
      "accuracy before",
      "accuracy",
      "change",
      "reward",
      "techniques",
      "lines",
    ],
    rows: path.steps.map(({ candidate, before, parent, source }) => {
      const lines = diffLines(parent.source ?? "", source);
      const number = (mark: string) => lines.filter((line) => line.mark === mark).length;
      const { accuracy } = candidate;
      return [
        { text: candidate.id, candidate: candidate.id },
        parent.title,
        percent(before),
        accuracy === null ? "not scored" : percent(accuracy),
        accuracy === null ? "–" : points(accuracy - before),
        decimal(candidate.reward),
        candidate.techniques.join(", ") || "none",
        parent.source === null ? "–" : `+${number("+")} −${number("-")}`,
      ];
    }),
  };
}

/**
 * The table, and the difference between both ends.
 * @param linked - ids of candidates that the page has
 */
export function pathSection(report: RunReport, linked: ReadonlySet<string>): Markup | null {
  const path = designPath(report);
  const table = pathTable(report);
  if (path === null || table === null) return null;
  const rows = table.rows.map(([name = "", ...rest]) => {
    const id = typeof name === "object" ? name.text : String(name);
    return [linked.has(id) ? name : id, ...rest];
  });
  const { first, last, steps } = path;
  return html`${tableHtml({ ...table, rows })}${
    first === null
      ? null
      : html`<h3 id="path-difference">The whole difference</h3>
<p class="note">From ${first.title} to ${last.title}, ${steps.length} change${steps.length === 1 ? "" : "s"}.</p>${diffHtml(first.source, last.source)}`
  }`;
}

function diffHtml(before: string, after: string): Markup {
  const kinds = { "+": "added", "-": "removed", " ": "same" };
  return html`<pre class="code diff" tabindex="0">${diffLines(before, after).map(
    ({ mark, text }) => html`<span class="${kinds[mark]}">${mark} ${text}
</span>`,
  )}</pre>`;
}

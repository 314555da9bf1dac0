/** @file Episodes, turns and candidates as nested lists that open and close. */

import { formatPercent as percent } from "../core/figure-format.js";
import { Random } from "../core/random.js";
import { groupBy } from "../core/statistics.js";
import type { StoredCandidate, StoredTurn } from "../records/read-turns.js";
import { decimal, shortHash } from "./figure-format.js";
import { html, type Markup } from "./html.js";
import { bestOf, episodeKey } from "./report-figures.js";
import type { RunReport } from "./run-report.js";

/** Candidates shown; of longer runs whole episodes are drawn by seed. */
const MAX_CANDIDATES = 3000;

/**
 * @param linked - ids of candidates that the explorer has
 * @returns undefined where the run has no episodes
 */
export function episodeTree(
  report: RunReport,
  linked: ReadonlySet<string>,
  seed: number,
): Markup | undefined {
  const episodes = groupBy(report.turns, episodeKey);
  if (episodes.size === 0) return undefined;
  const chosen = drawEpisodes(episodes, seed);
  const titles = new Map(Object.entries(report.baselines).map(([hash, { title }]) => [hash, title]));
  for (const { candidates } of report.turns) {
    for (const { workflowHash, id } of candidates)
      if (workflowHash !== null && !titles.has(workflowHash)) titles.set(workflowHash, id);
  }
  const said =
    chosen.size === episodes.size
      ? ""
      : ` ${chosen.size} of ${episodes.size} episodes are shown, drawn with seed ${seed}.`;
  const lists = [...episodes]
    .filter(([key]) => chosen.has(key))
    .map(([, turns], index) => episodeHtml(turns, linked, titles, chosen.size <= 6 || index === 0));
  return html`<p class="note">Each turn starts from a workflow, its candidates are scored, one is kept.${said}</p>
<ul class="tree">${lists}</ul>`;
}

function drawEpisodes(episodes: ReadonlyMap<string, StoredTurn[]>, seed: number): Set<string> {
  const chosen = new Set<string>();
  let number = 0;
  for (const key of new Random(seed).derive("report-episodes").shuffle([...episodes.keys()])) {
    number += (episodes.get(key) ?? []).reduce((sum, turn) => sum + turn.candidates.length, 0);
    if (number > MAX_CANDIDATES && chosen.size > 0) break;
    chosen.add(key);
  }
  return chosen;
}

function episodeHtml(
  turns: readonly StoredTurn[],
  linked: ReadonlySet<string>,
  titles: ReadonlyMap<string, string>,
  isOpen: boolean,
): Markup {
  const [first] = turns;
  if (!first) return html``;
  const { round, task } = first.source;
  const place = `${round === null ? "" : `round ${round}, ${task}, `}episode ${first.episode + 1}`;
  const name = place.charAt(0).toUpperCase() + place.slice(1);
  const inner = html`<summary>${name}: ${turns.length} turn${turns.length === 1 ? "" : "s"}, best ${percent(bestOf(turns))}</summary>
<ul>${turns.map((turn) => turnHtml(turn, linked, titles))}</ul>`;
  return isOpen
    ? html`<li><details open>${inner}</details></li>`
    : html`<li><details>${inner}</details></li>`;
}

function turnHtml(
  turn: StoredTurn,
  linked: ReadonlySet<string>,
  titles: ReadonlyMap<string, string>,
): Markup {
  const { parentHash, history } = turn;
  const parent = parentHash === null ? "nothing" : (titles.get(parentHash) ?? shortHash(parentHash));
  const kept = turn.kept === null ? "none was kept" : `kept candidate ${turn.kept + 1}`;
  return html`<li>Turn ${turn.turn + 1}: from ${parent} (${percent(history.previous)}), best before ${percent(history.best)}; ${kept}
<span class="chips">${turn.candidates.map((candidate) => chip(candidate, turn.kept === candidate.index, linked.has(candidate.id)))}</span></li>
`;
}

function chip(candidate: StoredCandidate, isKept: boolean, isLinked: boolean): Markup {
  const { accuracy, screenAccuracy, outcome, status, lost } = candidate;
  const score =
    outcome === "invalid"
      ? status
      : outcome === "lost"
        ? `${lost} samples lost`
        : accuracy !== null
          ? percent(accuracy)
          : `screened out${screenAccuracy === null ? "" : ` at ${percent(screenAccuracy)}`}`;
  const text = `${candidate.index + 1}: ${score}, reward ${decimal(candidate.reward)}${isKept ? ", kept" : ""}`;
  const name = `chip${isKept ? " kept" : ""}${outcome === "invalid" ? " invalid" : ""}`;
  return isLinked
    ? html`<a class="${name}" href="#${encodeURIComponent(candidate.id)}">${text}</a>`
    : html`<span class="${name}">${text}</span>`;
}

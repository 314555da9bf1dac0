/** @file A run as one HTML page that needs nothing else: no request, no script but its own, light, dark and print. */

import { type ChartData, chartData, OVERLAYS } from "./chart-data.js";
import { type ComparedRun, compareTables, compareWarnings } from "./compare-tables.js";
import { pathSection } from "./design-path.js";
import { episodeTree } from "./episode-tree.js";
import { count } from "./figure-format.js";
import { html, Markup, scriptJson, shown } from "./html.js";
import { keyFigures } from "./key-figures.js";
import { pageData } from "./page/page-data.js";
import { pageHead } from "./page/page-head.js";
import { DATA_ID, pageParts } from "./page/page-script.js";
import type { PageData } from "./page/page-types.js";
import { paretoChart } from "./pareto-chart.js";
import { replayFigures } from "./replay-figures.js";
import { type ReportFigures, reportFigures } from "./report-figures.js";
import { reportPareto } from "./report-pareto.js";
import { reportTables } from "./report-tables.js";
import type { RunReport } from "./run-report.js";
import { tableHtml } from "./table-html.js";

export interface HtmlReportOptions {
  /** Other runs to show beside the first. */
  compare?: readonly RunReport[] | undefined;
  /** Draws the details of runs that have too many; 0 by default. */
  seed?: number | undefined;
  /** Bytes of candidate details; 7 MiB by default, which keeps a page below 15 MB. */
  maxDetailBytes?: number | undefined;
}

interface Section {
  id: string;
  title: string;
  body: Markup | null;
}

/** Renders a run. The same run and options give the same bytes. */
export function htmlReport(report: RunReport, options: HtmlReportOptions = {}): string {
  const { seed = 0, compare = [], maxDetailBytes } = options;
  const figures = reportFigures(report, seed);
  const others = compare.map((one) => ({ report: one, figures: reportFigures(one, seed) }));
  const charts = chartData(report, figures, others);
  const data = pageData(report, charts, {
    seed,
    maxBytes: maxDetailBytes,
  });
  const tables = reportTables(report, figures);
  const list = (id: keyof typeof tables) =>
    tables[id].length > 0 ? html`${tables[id].map((table) => tableHtml(table))}` : null;
  const linked = new Set(data.candidates.map(({ id }) => id));
  const sections: Section[] = [
    {
      id: "comparison",
      title: "Comparison",
      body: others.length > 0 ? comparison({ report, figures }, others) : null,
    },
    { id: "results", title: "Results", body: results(report, list("results")) },
    { id: "path", title: "What changed", body: pathSection(report, linked) },
    {
      id: "progress",
      title: "Progress",
      body: progress(
        charts,
        tables.progress.map((table) => tableHtml(table)),
      ),
    },
    { id: "replays", title: "Replays", body: replayFigures(report.replays) },
    { id: "rounds", title: "Rounds", body: list("rounds") },
    { id: "outcomes", title: "Outcomes", body: list("outcomes") },
    { id: "candidates", title: "Candidates", body: explorer(data, figures, seed) },
    { id: "episodes", title: "Episodes", body: episodeTree(report, linked, seed) ?? null },
    { id: "cost", title: "Cost", body: cost(report, list("cost")) },
    { id: "lineage", title: "Lineage", body: list("lineage") },
    { id: "settings", title: "Settings", body: settings(report) },
  ];
  return page(report, figures, sections, data);
}

function page(
  report: RunReport,
  figures: ReportFigures,
  sections: readonly Section[],
  data: PageData,
): string {
  const parts = pageParts();
  const filled = sections.filter(({ body }) => body !== null);
  const title = `${report.command} on ${report.task}`;
  const state =
    report.isComplete === null
      ? html`<span class="badge warn">not finished</span>`
      : report.isComplete
        ? html`<span class="badge good">finished</span>`
        : html`<span class="badge warn">ended early${report.stoppedBy ? `: ${report.stoppedBy}` : ""}</span>`;
  const body = html`${pageHead(title, parts)}
<a class="skip" href="#main">To the content</a>
<header class="top"><div class="wrap">
<div class="title-row"><div>
<h1>${title}</h1>
<p class="subtitle">${[report.name, report.policy ? `weak model ${report.policy}` : "", `executor ${report.executor}`, day(report)].filter(Boolean).join(" · ")}</p>
<p class="badges">${state} ${report.isSimulated ? html`<span class="badge warn">simulated executor</span>` : null}</p>
</div>
<div class="themes no-print" role="group" aria-label="Colours">
<button type="button" data-set-theme="auto" aria-pressed="true">Auto</button>
<button type="button" data-set-theme="light" aria-pressed="false">Light</button>
<button type="button" data-set-theme="dark" aria-pressed="false">Dark</button>
</div></div>
<nav aria-label="Sections"><ul>${filled.map(({ id, title: name }) => html`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
</div></header>
<main id="main" class="wrap">
${notices(report)}
<noscript><p class="banner">Charts and the candidates explorer need JavaScript; all tables are here without it.</p></noscript>
<dl class="cards" aria-label="Summary">${keyFigures(report, figures).map(
    ({
      label,
      value,
      detail,
    }) => html`<div class="card"><dt>${label}</dt><dd class="value">${value}</dd><dd class="detail">${detail}</dd></div>
`,
  )}</dl>
${filled.map(
  ({
    id,
    title: name,
    body: content,
  }) => html`<section id="${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${name}</h2>${content}</section>
`,
)}
</main>
<footer class="wrap"><p>Written by w4s report from ${report.name}. One file: it loads nothing and sends nothing.</p></footer>
<script type="application/json" id="${DATA_ID}">${new Markup(scriptJson(data))}</script>
${parts.scripts.map((script) => html`<script>${new Markup(script)}</script>`)}
</body>
</html>
`;
  return body.text;
}

function day({ events }: RunReport): string {
  return events.startedAt?.slice(0, 16).replace("T", " ").concat(" UTC") ?? "";
}

function notices(report: RunReport): Markup {
  const simulated = report.isSimulated
    ? "What was simulated: the executor. Its replies were drawn by a program, so all accuracies, rewards, calls and tokens of it are simulated and say nothing about any real model."
    : null;
  const told = report.warnings.filter((warning) => !warning.includes("simulated"));
  if (simulated === null && told.length === 0) return html``;
  return html`<div class="banner" role="note">${simulated ? html`<p>${simulated}</p>` : null}${
    told.length > 0 ? html`<ul>${told.map((warning) => html`<li>${warning}</li>`)}</ul>` : null
  }</div>`;
}

function results(report: RunReport, tables: Markup | null): Markup | null {
  const { best } = report;
  if (!best) return tables;
  const lead = best.isBaseline
    ? `No designed workflow beat the baseline ${best.title}, which is shown here.`
    : `Chosen on validation: ${best.title}.`;
  return html`${tables}<h3 id="best-workflow">Best workflow</h3><p class="note">${lead}</p>
<pre class="code" data-code="" tabindex="0">${best.source}</pre>${card(report)}`;
}

function cost(report: RunReport, tables: Markup | null): Markup | null {
  const drawn = reportPareto(report).map(paretoChart);
  return drawn.length === 0 ? tables : html`${drawn}${tables}`;
}

/** Section on what the best workflow does, in words. */
function card({ card: found }: RunReport): Markup | null {
  if (found === null) return null;
  return html`<h3 id="workflow-card">What it does, in words</h3>
<dl class="workflow-card">${found.sections.map(
    ({ title, lines }) => html`<dt>${title}</dt>${lines.map((line) => html`<dd>${line}</dd>`)}
`,
  )}</dl>`;
}

function progress(charts: readonly ChartData[], tables: readonly Markup[]): Markup | null {
  if (charts.length === 0 && tables.length === 0) return null;
  return html`<div class="charts">${charts.map(
    (chart) => html`<figure aria-labelledby="${chart.id}-title">
<figcaption id="${chart.id}-title">${chart.title}</figcaption>
<ul class="legend">${chart.lines.map(
      (line) =>
        html`<li><svg viewBox="0 0 26 8" aria-hidden="true"><line class="line-${line.colour}${line.isDashed ? " dashed" : ""}" x1="0" x2="26" y1="4" y2="4"></line></svg>${line.label}</li>`,
    )}</ul>
<div class="chart" id="${chart.id}" role="img" aria-label="${chart.summary}"></div>
<p class="readout" id="${chart.id}-readout"></p>
</figure>
`,
  )}</div>
${tables.length > 0 ? html`<details open><summary>The numbers as a table</summary>${tables}</details>` : null}`;
}

function comparison(one: ComparedRun, others: readonly ComparedRun[]): Markup {
  const warnings = compareWarnings(one, others);
  const names = others.map(({ report }) => report.name);
  const drawn = names.length > OVERLAYS ? `, those of ${names.slice(0, OVERLAYS).join(" and ")}` : "";
  return html`<p class="note">This page is about ${one.report.name}; ${names.join(", ")} ${names.length > 1 ? "stand" : "stands"} beside it here and in the charts (dashed${drawn}).</p>
${warnings.length > 0 ? html`<ul>${warnings.map((warning) => html`<li class="bad-text">${warning}</li>`)}</ul>` : null}
${compareTables(one, others).map((table) => tableHtml(table))}`;
}

function explorer(data: PageData, figures: ReportFigures, seed: number): Markup | null {
  if (data.total === 0) return null;
  const states = new Set([...Object.keys(figures.outcomes.counts), ...figures.outcomes.statuses]);
  const sampled =
    data.candidates.length < data.total
      ? `The page holds ${count(data.candidates.length)} of ${count(data.total)} candidates: those that were kept first, then others drawn with seed ${seed}. All tables and charts count every candidate.`
      : `All ${count(data.total)} candidates.`;
  return html`<p class="note">${sampled} In the list, the arrow keys go from one to the next.</p>
<div class="filters" role="search" aria-label="Candidates">
<label>Words in name, code or message<input id="filter-words" type="search" autocomplete="off" spellcheck="false"></label>
<label>Outcome or status<select id="filter-outcome"><option value="">all</option>${[...states].map((state) => html`<option value="${shown(state)}">${state}</option>`)}</select></label>
<label>Kind<select id="filter-group"><option value="">all</option><option value="kept">kept</option><option value="free">free</option><option value="forced">techniques forced</option><option value="repairs">repairs</option></select></label>
<label>Order<select id="filter-order"><option value="run">as in the run</option><option value="accuracy">accuracy</option><option value="reward">reward</option><option value="tokens">tokens</option></select></label>
<button type="button" id="filter-clear">Clear</button>
</div>
<div class="explorer"><div>
<div class="rows" role="group" aria-label="List of candidates"><table>
<thead><tr><th scope="col">candidate</th><th scope="col" class="number">accuracy</th><th scope="col" class="number">reward</th><th scope="col">status</th><th scope="col" class="wide">techniques</th></tr></thead>
<tbody id="candidate-rows"></tbody></table></div>
<div class="pager"><button type="button" id="candidates-previous">Previous</button><button type="button" id="candidates-next">Next</button><span id="candidate-status" role="status"></span></div>
</div>
<article id="candidate-detail" class="detail" aria-label="Chosen candidate"></article></div>`;
}

/** Nested settings as dotted names. */
function settings({ config, identity }: RunReport): Markup | null {
  const rows: [string, string][] = [];
  const add = (name: string, value: unknown): void => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) add(name ? `${name}.${key}` : key, inner);
    } else rows.push([name, typeof value === "string" ? value : (JSON.stringify(value) ?? "")]);
  };
  add("", config);
  for (const [name, value] of Object.entries(identity)) if (/Hash|Hashes$/.test(name)) add(name, value);
  if (rows.length === 0) return null;
  const table = {
    id: "settings-table",
    title: "Resolved settings and hashes of the inputs",
    head: ["setting", "value"],
    rows,
  };
  return html`<details><summary>${rows.length} settings</summary>${tableHtml(table, 4)}</details>`;
}

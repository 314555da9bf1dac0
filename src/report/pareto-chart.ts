/** @file Accuracy against cost as a drawing that needs no script, and as a table. */
import { formatDollars as dollars, formatPercent as percent } from "../core/figure-format.js";
import { rangeOf } from "../core/range-of.js";
import { count } from "./figure-format.js";
import { html, type Markup } from "./html.js";
import type { TaskPareto } from "./report-pareto.js";
import type { ReportTable } from "./report-table.js";

const WIDTH = 640;
const HEIGHT = 300;
const MARGIN = { left: 56, right: 16, top: 12, bottom: 40 };
/** More marks than this say no more to the eye; the front is always drawn. */
const MAX_MARKS = 2000;

function amount(value: number, unit: TaskPareto["unit"]): string {
  return unit === "dollars" ? dollars(value) : count(Math.round(value));
}

/** The workflows on the front, cheapest first. */
export function paretoTable(view: TaskPareto, isSimulated: boolean): ReportTable {
  const { task, unit, points } = view;
  const front = points.filter(({ isOnFront }) => isOnFront);
  return {
    id: `pareto-${task.replace(/[^A-Za-z0-9]+/g, "-")}`,
    title: `Accuracy against cost, ${task}`,
    note: `${front.length} of ${points.length} workflows are on the front: none of the others is cheaper without being less accurate${isSimulated ? " (simulated executor)" : ""}. Means over validation samples; what leads here by chance may not lead elsewhere.`,
    head: ["on the front", "accuracy", `${unit} a sample`],
    rows: front.map(({ title, accuracy, cost, hash }) => [
      /^e\d+\.t\d+\.c\d+/.test(title) ? { text: title, candidate: title } : title || hash.slice(0, 12),
      percent(accuracy),
      amount(cost, unit),
    ]),
  };
}

/** A scatter with the front as steps; its numbers stand in the table beside it. */
export function paretoChart(view: TaskPareto): Markup {
  const { task, unit, points } = view;
  const most = rangeOf(points.map(({ cost }) => cost)).highest || 1;
  const x = (cost: number) =>
    Math.round((MARGIN.left + (cost / most) * (WIDTH - MARGIN.left - MARGIN.right)) * 10) / 10;
  const y = (accuracy: number) =>
    Math.round((HEIGHT - MARGIN.bottom - accuracy * (HEIGHT - MARGIN.top - MARGIN.bottom)) * 10) / 10;
  const front = points.filter(({ isOnFront }) => isOnFront);
  const others = points.filter(({ isOnFront }) => !isOnFront).slice(0, MAX_MARKS);
  const steps = front
    .map(
      ({ cost, accuracy }, index) =>
        `${index === 0 ? "M" : "H"}${x(cost)}${index === 0 ? "," : " V"}${y(accuracy)}`,
    )
    .join(" ");
  const [cheapest, dearest] = [front[0], front.at(-1)];
  const summary =
    cheapest === undefined || dearest === undefined
      ? ""
      : `${task}: ${points.length} workflows by ${unit} a sample and accuracy. The front goes from ${percent(cheapest.accuracy)} at ${amount(cheapest.cost, unit)} to ${percent(dearest.accuracy)} at ${amount(dearest.cost, unit)}.`;
  const mark = (one: TaskPareto["points"][number]) =>
    html`<circle class="${one.isOnFront ? "on-front" : "off-front"}" cx="${x(one.cost)}" cy="${y(one.accuracy)}" r="${one.isOnFront ? 5 : 3.5}"><title>${one.title}: ${percent(one.accuracy)}, ${amount(one.cost, unit)} ${unit}</title></circle>`;
  return html`<figure class="pareto"><figcaption>Accuracy against ${unit} a sample, ${task}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${summary}">
${[0, 0.25, 0.5, 0.75, 1].map(
  (share) =>
    html`<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(share)}" y2="${y(share)}"></line><text x="${MARGIN.left - 8}" y="${y(share) + 4}" text-anchor="end">${percent(share)}</text>`,
)}
${[0, 0.5, 1].map(
  (share) =>
    html`<text x="${x(share * most)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${amount(share * most, unit)}</text>`,
)}
<path class="front" d="${steps}"></path>
${others.map(mark)}${front.map(mark)}
</svg></figure>`;
}

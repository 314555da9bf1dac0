/** @file A report's table as HTML, with drawn bars and links to candidates. */
import { html, type Markup } from "./html.js";
import { type Cell, type CellBar, cellText, type ReportTable } from "./report-table.js";

/** Texts longer than this get room. */
const LONG = 24;
const NUMERIC = /^[+−$]?[\d,.]+( %)?( simulated)?$/;

export function tableHtml(table: ReportTable, level: 3 | 4 = 3): Markup {
  const title = level === 3 ? html`<h3 id="${table.id}">${table.title}</h3>` : null;
  const isNumeric = table.head.map(
    (_, column) =>
      column > 0 &&
      table.rows.every((row) => NUMERIC.test(cellText(row[column] ?? "")) || row[column] === "none"),
  );
  return html`${title}${table.note ? html`<p class="note">${table.note}</p>` : null}
<div class="scroll" tabindex="0" role="group" aria-label="${table.title}"><table>
<thead><tr>${table.head.map((name, column) => html`<th scope="col" class="${isNumeric[column] ? "number" : ""}">${name}</th>`)}</tr></thead>
<tbody>${table.rows.map(
    (row) => html`<tr>${row.map((cell, column) => cellHtml(cell, column, isNumeric[column] ?? false))}</tr>
`,
  )}</tbody></table></div>`;
}

function cellHtml(cell: Cell, column: number, isNumeric: boolean): Markup {
  const text = cellText(cell);
  const rich = typeof cell === "object" ? cell : undefined;
  const inner = rich?.candidate
    ? html`<a href="#${encodeURIComponent(rich.candidate)}">${text}</a>`
    : rich?.tone
      ? html`<span class="${rich.tone === "good" ? "good-text" : "bad-text"}">${text}</span>`
      : text;
  if (column === 0)
    return html`<th scope="row" class="${text.length > LONG / 2 ? "long" : ""}">${inner}</th>`;
  const name = isNumeric ? "number" : text.length > LONG ? "long" : "near";
  return html`<td class="${name}">${inner}${rich?.bar ? barHtml(rich.bar) : null}</td>`;
}

/** The text beside it says the same, so it is hidden from screen readers. */
function barHtml({ value, low, high }: CellBar): Markup {
  const x = (share: number) => Math.round(Math.min(1, Math.max(0, share)) * 1160) / 10 + 2;
  const mark =
    low === undefined || high === undefined
      ? html`<rect class="fill" x="2" y="4" width="${x(value) - 2}" height="4"></rect>`
      : html`<line class="range" x1="${x(low)}" x2="${x(high)}" y1="6" y2="6"></line><circle class="fill" cx="${x(value)}" cy="6" r="4"></circle>`;
  return html`<svg class="bar" viewBox="0 0 120 12" aria-hidden="true"><rect class="track" x="2" y="5" width="116" height="2"></rect>${mark}</svg>`;
}

/** @file The log of a server as one HTML page: no request, no script. */
import { html } from "../html.js";
import { pageHead } from "../page/page-head.js";
import { pageParts } from "../page/page-script.js";
import { tableHtml } from "../table-html.js";
import { type ServeLog, serveLogTables } from "./serve-log.js";

/** The same log gives the same bytes. */
export function serveLogPage(log: ServeLog): string {
  const parts = pageParts();
  const title = `Requests in ${log.name}`;
  const [first, last] = [log.requests[0], log.requests.at(-1)].map((one) => one?.time.slice(0, 10) ?? "");
  const unreadable = log.unreadable > 0 ? `; ${log.unreadable} lines are cut or changed, and left out` : "";
  const body = html`${pageHead(title, parts)}
<header class="top"><div class="wrap"><h1>${title}</h1>
<p class="subtitle">${log.requests.length} requests, ${first} to ${last}${unreadable}</p>
</div></header>
<main id="main" class="wrap">
${serveLogTables(log).map(
  (table) => html`<section>${tableHtml(table)}</section>
`,
)}
</main>
<footer class="wrap"><p>Written by w4s report from ${log.name}. One file: it loads nothing and sends nothing.</p></footer>
</body>
</html>
`;
  return body.text;
}

/** @file A page to try a server by hand: a question, its answer, what was called and what it cost. Loads nothing else. */
import { createHash } from "node:crypto";

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff }
label { display: block; margin: .8rem 0 .2rem; font-weight: 600 }
textarea, select, button { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; border: 1px solid #8b949e; border-radius: 4px; background: inherit; color: inherit }
button { margin-top: 1rem; background: #0b5cad; border-color: #0b5cad; color: #fff; cursor: pointer }
button:disabled { opacity: .6; cursor: default }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .8rem; border: 1px solid #d0d7de; border-radius: 4px; min-height: 1.5rem }
pre.failed { border-color: #b42318 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #d0d7de }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } th, td, pre { border-color: #30363d } }
`;

const SCRIPT = `
const at = (id) => document.getElementById(id);
const cell = (row, text) => { row.insertCell().textContent = text; };
const money = (dollars) => dollars === null ? "unknown" : "$" + Number(dollars.toPrecision(3));
async function models() {
  const { data } = await (await fetch("v1/models")).json();
  for (const { id } of data) at("model").add(new Option(id));
}
async function ask() {
  const messages = [{ role: "user", content: at("question").value }];
  if (at("context").value.trim() !== "") messages.unshift({ role: "system", content: at("context").value });
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: at("model").value, messages }),
  });
  const body = await response.json();
  if (body.error) throw new Error(body.error.message);
  at("answer").textContent = body.choices[0].message.content;
  const { usage, w4s } = body;
  const rows = at("used").tBodies[0];
  for (const [role, used] of Object.entries(w4s.models)) {
    const row = rows.insertRow();
    for (const text of [role, used.calls, used.promptTokens, used.completionTokens, money(used.dollars)]) cell(row, text);
  }
  for (const { tool, error, milliseconds } of w4s.tools) {
    const row = rows.insertRow();
    for (const text of ["tool " + tool, 1, "", "", error || milliseconds + " ms"]) cell(row, text);
  }
  const calls = Object.entries(w4s.calls).map(([name, count]) => count + " × agent." + name).join(", ");
  at("summary").textContent = (calls || "no calls") + "; " + usage.total_tokens + " tokens, " + money(usage.dollars)
    + ", " + w4s.wall_ms + " ms; workflow " + w4s.workflow.slice(0, 12);
}
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("ask").disabled = true;
  at("answer").textContent = "…";
  at("answer").className = at("summary").textContent = at("used").tBodies[0].textContent = "";
  try {
    await ask();
  } catch (error) {
    at("answer").className = "failed";
    at("answer").textContent = error.message;
  } finally {
    at("ask").disabled = false;
  }
});
models().catch((error) => { at("answer").textContent = error.message; });
`;

const sourceOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Content-Security-Policy: the page's own style and script, requests to this server, nothing else. */
export const TRY_PAGE_POLICY =
  `default-src 'none'; img-src data:; style-src ${sourceOf(STYLE)}; script-src ${sourceOf(SCRIPT)}; connect-src 'self'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const TRY_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>w4s serve</title>
<style>${STYLE}</style>
<h1>Ask a workflow</h1>
<form id="form">
<label for="model">Workflow</label><select id="model"></select>
<label for="question">Question</label><textarea id="question" rows="4" required></textarea>
<label for="context">Context (optional)</label><textarea id="context" rows="2"></textarea>
<button id="ask">Ask</button>
</form>
<h2>Answer</h2>
<pre id="answer" aria-live="polite"></pre>
<h2>What it took</h2>
<p id="summary"></p>
<table id="used"><thead><tr><th>asked</th><th>calls</th><th>prompt tokens</th><th>reply tokens</th><th>cost</th></tr></thead><tbody></tbody></table>
<script>${SCRIPT}</script>
</html>
`;

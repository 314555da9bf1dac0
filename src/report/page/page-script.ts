/** @file The scripts and styles that are written into the page, each with the hash its policy allows. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { InternalError } from "../../core/errors.js";
import { diffLines } from "../diff-lines.js";
import { tokenizeCode } from "../tokenize-code.js";
import { candidateDetail } from "./page-candidate.js";
import { drawCharts } from "./page-charts.js";
import { exploreCandidates } from "./page-explorer.js";
import { PAGE_STYLE } from "./page-style.js";

/** Id of the element that holds the page's data. */
export const DATA_ID = "report-data";

export interface PageParts {
  styles: string[];
  scripts: string[];
  /** Content of the Content-Security-Policy element: nothing is loaded, and nothing runs but these parts. */
  policy: string;
}

export function pageParts(): PageParts {
  const require = createRequire(import.meta.url);
  const styles = [readFileSync(require.resolve("uplot/dist/uPlot.min.css"), "utf8"), PAGE_STYLE];
  const scripts = [readFileSync(require.resolve("uplot/dist/uPlot.iife.min.js"), "utf8"), pageScript()];
  for (const script of scripts) {
    if (/<\/script|<!--/i.test(script)) throw new InternalError("a page script ends its own element");
  }
  const list = (parts: readonly string[]) => parts.map((part) => `'sha256-${sha256Base64(part)}'`).join(" ");
  const policy = [
    "default-src 'none'",
    `script-src ${list(scripts)}`,
    `style-src ${list(styles)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
  return { styles, scripts, policy };
}

/** Functions of ours as their own text: they are type-checked and tested like all others, and need no bundler. */
function pageScript(): string {
  return `(() => {
"use strict";
const data = JSON.parse(document.getElementById("${DATA_ID}").textContent);
const tokenizeCode = ${tokenizeCode};
const diffLines = ${diffLines};
const drawCharts = ${drawCharts};
const candidateDetail = ${candidateDetail};
const exploreCandidates = ${exploreCandidates};
exploreCandidates(window, data, candidateDetail(window, data, tokenizeCode, diffLines));
drawCharts(window, data.charts);
})();`;
}

function sha256Base64(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

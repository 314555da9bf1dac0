/** @file The style of the page: light, dark and print, narrow and wide, without anything from elsewhere. */

const LIGHT = `
  --paper: #f7f7f5; --surface: #ffffff; --ink: #1b222a; --muted: #56616c; --edge: #d9dee3; --grid: #e6eaed;
  --accent: #0a5fb4; --soft: #e8f0f9; --good: #1a7038; --good-soft: #e2f3e7; --bad: #a8261b; --bad-soft: #fbe9e7;
  --warn-soft: #fdf3d8; --warn-edge: #d9a93a;
  --line-0: #0a5fb4; --line-1: #b1530a; --line-2: #1a7038; --line-3: #86359b;
  --keyword: #86359b; --string: #1a7038; --comment: #65707b; --number: #b1530a; --call: #0a5fb4;
  color-scheme: light;`;

const DARK = `
  --paper: #10151a; --surface: #182027; --ink: #e4eaef; --muted: #a0adb9; --edge: #2d3842; --grid: #27313a;
  --accent: #7bb8f5; --soft: #1d2f42; --good: #67cf8b; --good-soft: #17352a; --bad: #ff9388; --bad-soft: #41201f;
  --warn-soft: #38301a; --warn-edge: #a58332;
  --line-0: #7bb8f5; --line-1: #f2a65e; --line-2: #67cf8b; --line-3: #d79ae8;
  --keyword: #d79ae8; --string: #8fdcab; --comment: #93a1ad; --number: #f2a65e; --call: #7bb8f5;
  color-scheme: dark;`;

export const PAGE_STYLE = `
:root {${LIGHT}
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) {${DARK}
  }
}
:root[data-theme="dark"] {${DARK}
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -9999px; }
.skip:focus { left: 12px; top: 8px; background: var(--surface); padding: 6px 12px; z-index: 2; }
.wrap { max-width: 1160px; margin: 0 auto; padding: 0 20px; }
header.top { background: var(--surface); border-bottom: 1px solid var(--edge); padding: 22px 0 0; }
.title-row { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: flex-start; justify-content: space-between; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 0 0 12px; }
h3 { font-size: 15.5px; margin: 22px 0 6px; overflow-wrap: anywhere; }
.subtitle { margin: 0; color: var(--muted); overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: 2px 20px; list-style: none; margin: 14px 0 0; padding: 0; }
nav a { display: inline-block; padding: 6px 0 8px; color: var(--muted); text-decoration: none; border-bottom: 2px solid transparent; }
nav a:hover { color: var(--accent); border-color: var(--accent); }
main section { background: var(--surface); border: 1px solid var(--edge); border-radius: 8px; padding: 20px 22px; margin: 18px 0; scroll-margin-top: 10px; }
.banner { background: var(--warn-soft); border: 1px solid var(--warn-edge); border-radius: 8px; padding: 11px 18px; margin: 18px 0 0; }
.banner p, .banner ul { margin: 0; }
.banner ul { padding-left: 20px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(225px, 1fr)); gap: 12px; margin: 18px 0 0; padding: 0; }
.card { background: var(--surface); border: 1px solid var(--edge); border-radius: 8px; padding: 13px 16px; }
.card dt { color: var(--muted); font-size: 13.5px; }
.card dd { margin: 0; }
.card .value { font-size: 23px; font-weight: 650; line-height: 1.35; font-variant-numeric: tabular-nums; }
.card .detail { color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
.note { color: var(--muted); font-size: 13.5px; margin: 0 0 8px; max-width: 92ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: auto; min-width: min(100%, 540px); font-size: 13.5px; }
.rows table { width: 100%; min-width: 0; }
th, td { text-align: left; padding: 5px 20px 5px 0; border-bottom: 1px solid var(--edge); vertical-align: top; overflow-wrap: break-word; }
thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; white-space: nowrap; }
tbody th { font-weight: 500; }
tbody th.long { min-width: 190px; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.long { min-width: 150px; overflow-wrap: anywhere; }
.good-text { color: var(--good); font-weight: 600; }
.bad-text { color: var(--bad); font-weight: 600; }
svg.bar { display: inline-block; width: 120px; height: 12px; margin-left: 12px; vertical-align: -1px; }
.near { white-space: nowrap; }
.pareto svg { display: block; width: 100%; max-width: 640px; height: auto; }
.pareto text { fill: currentColor; font-size: 12px; }
.pareto .grid { stroke: var(--grid); }
.pareto .front { fill: none; stroke: var(--accent); stroke-width: 2; }
.pareto .on-front { fill: var(--accent); }
.pareto .off-front { fill: none; stroke: currentColor; opacity: 0.55; }
svg.bar .track { fill: var(--grid); }
svg.bar .range { stroke: var(--accent); stroke-width: 2; }
svg.bar .fill { fill: var(--accent); }
.badge { display: inline-block; padding: 0 8px; border-radius: 10px; font-size: 12.5px; background: var(--soft); color: var(--ink); overflow-wrap: anywhere; }
.badge.good { background: var(--good-soft); color: var(--good); }
.badge.bad { background: var(--bad-soft); color: var(--bad); }
.badge.warn { background: var(--warn-soft); border: 1px solid var(--warn-edge); }
.badges { margin: 4px 0 8px; }
button, select, input { font: inherit; font-size: 13.5px; color: inherit; background: var(--surface); border: 1px solid var(--edge); border-radius: 6px; padding: 4px 10px; }
button { cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { opacity: 0.45; cursor: default; }
button[aria-pressed="true"] { background: var(--soft); border-color: var(--accent); }
.themes, .views { display: flex; gap: 4px; }
.views { margin: 14px 0 8px; flex-wrap: wrap; }
pre { margin: 0; padding: 12px 14px; background: var(--paper); border: 1px solid var(--edge); border-radius: 6px; overflow: auto; max-height: 560px; font: 12.5px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; tab-size: 2; }
pre.code, pre.text { white-space: pre-wrap; overflow-wrap: anywhere; }
pre.message { border-left: 3px solid var(--bad); max-height: 160px; }
pre code { font: inherit; }
.c-keyword { color: var(--keyword); } .c-string { color: var(--string); } .c-comment { color: var(--comment); font-style: italic; }
.c-number { color: var(--number); } .c-call { color: var(--call); }
pre.diff { padding: 8px 0; }
pre.diff span { display: block; padding: 0 14px; }
.added { background: var(--good-soft); } .removed { background: var(--bad-soft); }
figure { margin: 0; min-width: 0; }
figcaption { font-weight: 600; margin-bottom: 2px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(430px, 100%), 1fr)); gap: 26px 30px; }
.chart { min-height: 260px; width: 100%; overflow: hidden; }
.replays { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr)); gap: 20px 30px; }
.replays figcaption { overflow-wrap: anywhere; }
svg.replay { display: block; width: 100%; max-width: 460px; border: 1px solid var(--edge); background: var(--surface); }
.replay .wall { fill: var(--muted); } .replay .crate { fill: var(--line-1); opacity: 0.55; }
.replay .way { fill: none; stroke: var(--line-0); stroke-width: 3; stroke-linejoin: round; opacity: 0.8; }
.replay .station { fill: var(--line-0); } .replay .stop { fill: none; stroke: var(--bad); stroke-width: 2.5; }
.replay text { font-size: 14px; font-weight: 650; } .replay .start { fill: var(--ink); } .replay .goal { fill: var(--good); }
.readout { min-height: 1.6em; margin: 0; font-size: 13px; color: var(--muted); font-variant-numeric: tabular-nums; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; padding: 0; margin: 0 0 4px; font-size: 13px; color: var(--muted); }
.legend svg { width: 26px; height: 8px; margin-right: 6px; vertical-align: middle; }
.line-0 { stroke: var(--line-0); } .line-1 { stroke: var(--line-1); } .line-2 { stroke: var(--line-2); } .line-3 { stroke: var(--line-3); }
.legend line { stroke-width: 3; } .dashed { stroke-dasharray: 6 4; }
details { margin: 8px 0; }
summary { cursor: pointer; color: var(--accent); }
summary:hover { text-decoration: underline; }
.filters { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: end; margin-bottom: 8px; }
.filters label { display: flex; flex-direction: column; font-size: 12.5px; color: var(--muted); }
.filters input { width: 230px; max-width: 100%; }
.explorer { display: grid; grid-template-columns: minmax(0, 11fr) minmax(0, 10fr); gap: 24px; align-items: start; }
.rows { max-height: 700px; overflow: auto; border: 1px solid var(--edge); border-radius: 6px; }
.rows table { font-size: 13px; }
.rows th, .rows td { padding: 4px 8px; }
.rows tbody th { min-width: 0; white-space: nowrap; }
.rows thead th { position: sticky; top: 0; background: var(--surface); box-shadow: 0 1px 0 var(--edge); }
.rows td { white-space: nowrap; }
.rows td.wide { width: 45%; min-width: 90px; max-width: 0; overflow: hidden; text-overflow: ellipsis; }
.rows tbody tr { cursor: pointer; }
.rows tbody tr:hover { background: var(--paper); }
.rows tbody tr.selected { background: var(--soft); box-shadow: inset 3px 0 0 var(--accent); }
.pager { display: flex; gap: 10px; align-items: center; margin-top: 8px; font-size: 13px; color: var(--muted); flex-wrap: wrap; }
.detail h3 { margin-top: 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 2px 20px; margin: 0 0 10px; font-size: 13.5px; }
.facts div { display: flex; gap: 8px; min-width: 0; }
.facts dt { color: var(--muted); flex: 0 0 auto; }
.facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.tree, .tree ul { list-style: none; margin: 0; padding: 0; }
.tree ul { padding-left: 18px; border-left: 2px solid var(--edge); margin: 4px 0 8px 6px; }
.tree li { margin: 5px 0; }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 3px; }
.chip { display: inline-block; padding: 0 8px; border: 1px solid var(--edge); border-radius: 6px; font-size: 12.5px; text-decoration: none; color: var(--ink); font-variant-numeric: tabular-nums; }
a.chip:hover { border-color: var(--accent); }
.chip.kept { border-color: var(--good); background: var(--good-soft); }
.chip.invalid { color: var(--bad); border-style: dashed; }
footer { color: var(--muted); font-size: 13px; padding: 4px 0 40px; }
@media (max-width: 820px) {
  .explorer { grid-template-columns: minmax(0, 1fr); }
  .rows { max-height: 340px; }
}
@media (max-width: 520px) {
  .wrap { padding: 0 12px; }
  main section { padding: 15px 13px; }
  .cards { grid-template-columns: 1fr; gap: 8px; }
  .rows .wide { display: none; }
  h1 { font-size: 21px; }
  tbody th.long { min-width: 130px; }
  nav ul { gap: 0 14px; }
}
@media print {
  :root, :root:not([data-theme="light"]) {${LIGHT}
    --paper: #ffffff;
  }
  body { font-size: 10.5pt; }
  .no-print, nav, .themes, .filters, .pager, .rows, .views, .readout { display: none !important; }
  .wrap { max-width: none; padding: 0; }
  main section, .card, .banner { break-inside: auto; border-color: #bbb; }
  .card, figure, tr, li { break-inside: avoid; }
  h2, h3, figcaption { break-after: avoid; }
  .charts, .explorer { display: block; }
  figure { margin-bottom: 14pt; }
  .scroll { overflow: visible; }
  pre { max-height: none; overflow: visible; }
  table { font-size: 8.5pt; min-width: 0; }
  th, td { padding-right: 8px; }
  /* Paper cannot be scrolled: wide tables break their cells, and the figures stand beside where bars would. */
  thead th, .near, .number { white-space: normal; }
  svg.bar { display: none; }
  a { color: inherit; text-decoration: none; }
}
`;

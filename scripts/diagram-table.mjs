/** @file A Mermaid flowchart as a Markdown table of its arrows, for readers without a renderer. */

const NODE = /^(\w+)\s*(?:[[({]+"([^"]*)"[\])}]+)?/;
/** An arrow, its words before or behind the head: `-- "a" -->`, `-->|"a"|`, `<--`. */
const ARROW = /^\s*(<)?-[-.]*(?:\s*"([^"]*)"\s*-[-.]*)?(>)?(?:\|"?([^"|]*)"?\|)?\s*/;

/**
 * @param code - text of a flowchart; subgraphs count as their nodes
 * @param where - file, for errors
 * @throws {Error} on a line that it cannot read, so that nothing is left out in silence
 */
export function diagramTable(code, where) {
  const labels = new Map();
  const arrows = [];
  for (const line of code.split("\n").map((text) => text.trim())) {
    if (line === "" || line === "end" || /^(flowchart|subgraph)\b/.test(line)) continue;
    let rest = line;
    const node = () => {
      const [whole, id, label] = NODE.exec(rest) ?? [];
      if (whole === undefined) throw new Error(`${where}: this line of a diagram cannot be read: ${line}`);
      rest = rest.slice(whole.length);
      if (label !== undefined) labels.set(id, label.replace(/<br>/g, " ").replace(/<\/?b>/g, ""));
      return id;
    };
    let from = node();
    while (rest !== "") {
      const [whole = "", back, before, ahead, behind] = ARROW.exec(rest) ?? [];
      if (whole === "") throw new Error(`${where}: this line of a diagram cannot be read: ${line}`);
      rest = rest.slice(whole.length);
      const to = node();
      arrows.push({ from, to, sign: `${back ? "←" : ""}${ahead ? "→" : ""}`, words: before ?? behind ?? "" });
      from = to;
    }
  }
  const cell = (text) => text.replace(/<br>/g, " ").replaceAll("|", "\\|");
  const name = (id) => cell(labels.get(id) ?? id);
  const rows = arrows.map(
    ({ from, to, sign, words }) => `| ${name(from)} | ${`${sign} ${cell(words)}`.trim()} | ${name(to)} |`,
  );
  return `| from | arrow | to |\n| --- | --- | --- |\n${rows.join("\n")}`;
}

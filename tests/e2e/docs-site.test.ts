/** @file Pages of the site: one for each command with every option described, and no link that leads nowhere. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../support/run-cli.js";
import { useTemporaryFolder } from "../support/temporary-folder.js";

const folder = useTemporaryFolder();
let pages: Map<string, string>;
let menu: { text: string; items: { text: string; link: string }[] }[];
beforeAll(() => {
  const out = join(folder(), "pages");
  execFileSync(process.execPath, [join(ROOT, "scripts/docs-pages.mjs"), out]);
  const names = readdirSync(out, { recursive: true, encoding: "utf8" });
  pages = new Map(
    names.filter((name) => name.endsWith(".md")).map((name) => [name, readFileSync(join(out, name), "utf8")]),
  );
  ({ menu } = JSON.parse(readFileSync(join(out, "menu.json"), "utf8")));
  // Pictures are files beside the pages.
  for (const name of names) if (/\.\w+$/.test(name) && !pages.has(name)) pages.set(name, "");
});

describe("the pages of the site", () => {
  it("have each page of docs/, and lead nowhere that is not there", () => {
    const docs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".md"),
    );
    expect(docs.length).toBeGreaterThan(50);
    expect(docs.filter((name) => !pages.has(name.replace("README.md", "index.md")))).toEqual([]);
    const dead = [...pages].flatMap(([page, text]) =>
      [...text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/\]\((?!https?:)([^)\s#]+)[^)]*\)/g)]
        .map(([, link = ""]) => link)
        .filter((link) => !pages.has(join(dirname(page), link)))
        .map((link) => `${page}: ${link}`),
    );
    expect(dead).toEqual([]);
  });

  it("stand in the menu, and the menu has no others", () => {
    const linked = menu.flatMap(({ items }) => items.map(({ link }) => link));
    const missing = linked.filter(
      (link) => !pages.has(`${link.slice(1)}.md`) && !pages.has(join(link.slice(1), "index.md")),
    );
    expect(missing).toEqual([]);
    for (const link of ["/tutorials/tickets", "/tutorials/node-app", "/runs", "/results/", "/decisions/"])
      expect(linked).toContain(link);
  });

  it("have one for each command, with a description of each of its options", () => {
    const sources = readdirSync(join(ROOT, "src/cli/commands")).map((name) => name.replace(".ts", ".md"));
    // Parts of a command, and subcommands that stand on their command's page.
    const own = sources.filter((name) => !/^(data-import|inspect-audit)\.md$/.test(name));
    expect(own.filter((name) => !pages.has(`commands/${name}`))).toEqual([]);
    const rows = own.flatMap((name) =>
      [...(pages.get(`commands/${name}`) ?? "").matchAll(/^\| `(.+?)` \| (.*) \|$/gm)].map(
        ([, term = "", text = ""]) => ({ term, text, name }),
      ),
    );
    expect(rows.length).toBeGreaterThan(200);
    expect(rows.filter(({ text }) => text.trim().length < 5)).toEqual([]);
    expect(pages.get("commands/data.md")).toMatch(/^## w4s data import$[\s\S]*--choices-from/m);
    expect(pages.get("commands/optimize.md")).toContain("| `--dry-run` |");
    expect(pages.get("commands/report.md")).toContain("w4s report latest");
  });

  it("tell diagrams as tables of their arrows, which need no renderer", () => {
    for (const [name, text] of pages) expect(text, name).not.toContain("```mermaid");
    const [architecture, readme] = ["architecture.md", "readme.md"].map((name) => pages.get(name) ?? "");
    expect(architecture).toContain("| learn: rounds | → | run: Run and Bench |");
    expect(architecture).toContain("| cli: the w4s command | → commands.ts | learn: rounds |");
    expect(readme).toContain(
      "| weak model on your laptop | → writes workflows | sandbox each workflow on each validation item |",
    );
    expect(readme).toMatch(/\| ←→ asks, within a budget \| strong model/);
  });

  it("hold nothing that the generator reads as code of its own", () => {
    for (const [name, text] of pages) {
      const prose = text.replace(/^```[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, "");
      expect(prose.match(/\{\{|<[a-z]/gi) ?? [], name).toEqual([]);
    }
  });
});

/**
 * @file Pages of the site: those of docs/, README.md, and one for each command, from the program itself.
 *
 * node scripts/docs-pages.mjs FOLDER
 *
 * Links that lead out of docs/ become plain words, since the site holds nothing else, and diagrams become tables of their arrows: drawing
 * them takes a browser's library of megabytes. Also writes menu.json, from the groups of docs/README.md.
 * Run after `make build`; `make docs` does the rest.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { buildProgram } from "../dist/cli/program.js";
import { diagramTable } from "./diagram-table.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("give the folder that the pages go into");

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "commands"), { recursive: true });
cpSync(join(root, "docs/images"), join(out, "images"), { recursive: true });

const sources = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => posix.join("docs", name.replaceAll("\\", "/")));
for (const source of ["README.md", ...sources]) {
  const page = pageOf(source);
  mkdirSync(join(out, dirname(page)), { recursive: true });
  writeFileSync(join(out, page), relinked(readFileSync(join(root, source), "utf8"), source));
}
writeFileSync(join(out, "decisions/index.md"), decisions());

const names = (await buildProgram([])).commands.map((command) => command.name());
for (const name of names) {
  const program = await buildProgram([name]);
  const command = program.commands.find((one) => one.name() === name);
  writeFileSync(join(out, `commands/${name}.md`), commandPage(command));
}
writeFileSync(
  join(out, "commands/index.md"),
  `# Commands\n\nWhat \`w4s COMMAND --help\` prints.\n\n${names.map((name) => `- [w4s ${name}](${name}.md)`).join("\n")}\n`,
);
writeFileSync(join(out, "menu.json"), JSON.stringify({ menu: menu() }, null, 2));

/** Page of the site for a file of the repository; undefined where the site has none. */
function pageOf(path) {
  if (path === "README.md") return "readme.md";
  if (path === "docs" || path === "docs/README.md") return "index.md";
  if (path === "docs/decisions") return "decisions/index.md";
  return sources.includes(path) ? path.slice("docs/".length).replace(/README\.md$/, "index.md") : undefined;
}

/** Links of a page as the site has them; code blocks stay as they are. */
function relinked(text, source) {
  const from = dirname(pageOf(source));
  return text
    .split(/^(```[\s\S]*?^```)$/m)
    .map((part) =>
      part.startsWith("```")
        ? part.replace(/^```mermaid\n([\s\S]*?)^```$/m, (_, code) => diagramTable(code, source))
        : part.replace(
            /(!?)\[((?:[^\]\\]|\\.)*)\]\((?!https?:)([^)\s]+)\)/g,
            (whole, isImage, words, link) => {
              const [path, anchor] = link.split("#");
              if (path === "") return whole;
              const target = posix.join(dirname(source), path).replace(/\/$/, "");
              if (isImage)
                return `![${words}](${posix.relative(from, target.replace(/^docs\//, "")) || target})`;
              const page = pageOf(target);
              if (page === undefined) return words;
              const local = posix.relative(from, page);
              return `[${words}](${local.startsWith(".") ? local : `./${local}`}${anchor === undefined ? "" : `#${anchor}`})`;
            },
          ),
    )
    .join("");
}

function decisions() {
  const lines = sources
    .filter((path) => path.startsWith("docs/decisions/"))
    .map((path) => `- [${titleOf(path)}](./${posix.basename(path)})`);
  return `# Decisions\n\nWhy things are as they are.\n\n${lines.join("\n")}\n`;
}

function titleOf(path) {
  return /^# (.+)$/m.exec(readFileSync(join(root, path), "utf8"))?.[1] ?? path;
}

/** A command and those below it: usage, arguments, options with their descriptions, and the text behind them. */
function commandPage(command, path = `w4s ${command.name()}`, level = "#") {
  const help = command.createHelp();
  let printed = "";
  command.configureOutput({ writeOut: (text) => (printed += text) }).outputHelp();
  const after = printed.slice(command.helpInformation().length).trim();
  const list = (title, rows) =>
    rows.length === 0
      ? []
      : [
          `| ${title} | meaning |\n| --- | --- |\n${rows.map(([term, text]) => `| \`${cell(term)}\` | ${prose(text)} |`).join("\n")}`,
        ];
  const children = command.commands.filter((child) => child.name() !== "help");
  return `${[
    `${level} ${path}`,
    prose(help.commandDescription(command)),
    `\`\`\`\n${help.commandUsage(command)}\n\`\`\``,
    ...list(
      "argument",
      help.visibleArguments(command).map((one) => [help.argumentTerm(one), help.argumentDescription(one)]),
    ),
    ...list(
      "option",
      help.visibleOptions(command).map((one) => [help.optionTerm(one), help.optionDescription(one)]),
    ),
    ...(after === "" ? [] : [`\`\`\`\n${after}\n\`\`\``]),
    ...children.map((child) => commandPage(child, `${path} ${child.name()}`, `${level}#`)),
  ].join("\n\n")}\n`;
}

function cell(text) {
  return text.replaceAll("|", "\\|");
}

/** Text that neither Markdown nor the generator reads anything into. */
function prose(text) {
  return cell(text).replace(/[<>{}*_[\]`]/g, (mark) => `&#${mark.codePointAt(0)};`);
}

/** Groups and pages in the order of docs/README.md, then the commands. */
function menu() {
  const groups = [
    ...readFileSync(join(root, "docs/README.md"), "utf8").matchAll(
      /^\*\*(.+)\*\*$([\s\S]*?)(?=^\*\*|$(?![\s\S]))/gm,
    ),
  ];
  const listed = groups.map(([, text, table]) => ({
    text,
    items: [...table.matchAll(/\]\(([^)]+)\) *\|$/gm)].map(([, link]) => {
      const page = pageOf(posix.join("docs", link));
      const source = statSync(join(root, "docs", link)).isDirectory() ? undefined : posix.join("docs", link);
      return {
        text: source === undefined ? "Decisions" : titleOf(source),
        link: `/${page.replace(/(index)?\.md$/, "")}`,
      };
    }),
  }));
  const commands = names.map((name) => ({ text: `w4s ${name}`, link: `/commands/${name}` }));
  return [
    { text: "w4s", items: [{ text: "What it is", link: "/readme" }] },
    ...listed,
    { text: "Commands", link: "/commands/", collapsed: true, items: commands },
  ];
}

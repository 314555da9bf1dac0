/** @file The rooms of src/ and their arrows, held by machine: no dependency but a regex over import statements. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const src = join(root, "src");

/** design §3: what each room may import besides itself. */
const NUMBERS = ["core", "formats", "graph", "transformer", "lora", "train"];
const SEARCH = ["core", "config", "llm", "tasks", "workflow", "records", "evaluate", "design", "run"];
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ["core"],
  formats: ["core"],
  graph: ["core", "formats"],
  transformer: ["core", "formats", "graph"],
  lora: ["core", "formats", "graph", "transformer"],
  train: ["core", "formats", "graph", "transformer", "lora"],
  hub: ["core", "formats"],
  llm: ["core", "formats"],
  tasks: ["core"],
  workflow: ["core", "llm"],
  records: ["core", "lora"],
  evaluate: ["core", "config", "llm", "tasks", "workflow", "records"],
  design: ["core", "config", "llm", "tasks", "workflow", "records", "evaluate"],
  run: SEARCH,
  learn: [...NUMBERS, ...SEARCH, "hub"],
  report: ["core", "records", "evaluate"],
  export: ["core", "config", "llm", "tasks", "workflow", "records", "evaluate"],
  serve: ["core", "config", "llm", "tasks", "workflow", "records", "evaluate", "run"],
  // Figures are written as everywhere, and flags made from the table of settings; all else comes through the door.
  cli: ["core", "config"],
};

/** Arrows that the moves left behind; each goes with the change that mends it, and none may be added. */
const LEFT_OVER: readonly string[] = [];

/** A folder of the search tower that holds more than this many files holds two rooms. */
const MAX_FILES = 25;

/** Where the whole configuration enters: the functions of the library, and what they open. */
const TAKES_WHOLE_CONFIG = new Set([
  "run/run.ts",
  "run/optimize.ts",
  "run/evaluate.ts",
  "run/suite/evaluate-suite.ts",
  "learn/learn.ts",
]);

/** Packages with native or wasm code, or with a door of their own: one file each. */
const ONE_DOOR =
  /^(node-llama-cpp|libsql|@jitl\/.*|quickjs-emscripten-core|openai|onnxruntime-node|@hono\/node-server|@huggingface\/transformers|pyodide|bullmq|ioredis)(\/|$)/;
const MAX_LINES = 500;

/** Source without comments and without the inside of template texts, which may hold code of workflows. */
function bare(source: string): string {
  return (
    source
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/(^|[^:"'`])\/\/.*$/gm, "$1")
      // Fences of code blocks, which no template begins with.
      .replaceAll("```", "")
      .replace(/`(?:\\.|[^`\\])*`/g, "``")
  );
}

interface SourceFile {
  path: string;
  room: string;
  code: string;
  lines: number;
  imports: string[];
}

const files: SourceFile[] = (readdirSync(src, { recursive: true }) as string[])
  .filter((name) => name.endsWith(".ts"))
  .map((name) => {
    const path = name.replaceAll("\\", "/");
    const text = readFileSync(join(src, name), "utf8");
    const code = bare(text);
    const statements = code.matchAll(
      /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+|\brequire\s*\(\s*|\brequire\.resolve\s*\(\s*)["']([^"']+)["']/gm,
    );
    const room = path.includes("/") ? (path.split("/")[0] as string) : "";
    return {
      path,
      room,
      code,
      lines: text.split("\n").length,
      imports: [...statements].map((match) => match[1] as string),
    };
  });

/** Files of ours that a file imports, relative to src/. */
function targets(file: SourceFile): string[] {
  return file.imports
    .filter((name) => name.startsWith("."))
    .map((name) =>
      relative(src, resolve(dirname(join(src, file.path)), name))
        .replaceAll("\\", "/")
        .replace(/\.js$/, ".ts"),
    );
}

const scripts = (readdirSync(join(root, "scripts"), { recursive: true }) as string[])
  .filter((name) => name.endsWith(".mjs"))
  .map((name) => join("scripts", name));

/** What a file imports from dist/, by `import { … } from` and `const { … } = await import(…)`: source file and names. */
function importsFromDist(path: string): { source: string; names: string[] }[] {
  const code = readFileSync(join(root, path), "utf8");
  const statements = code.matchAll(
    /\{([^{}]*)\}\s*(?:from\s*|=\s*await import\(\s*)"((?:\.\.\/)+dist\/[^"]+)\.js"/g,
  );
  return [...statements].map(([, names = "", target = ""]) => ({
    source: relative(root, resolve(root, dirname(path), target)).replace(/^dist/, "src"),
    names: names
      .split(",")
      .map((name) => name.trim().split(/\s+as\s+|:/)[0] as string)
      .filter((name) => name !== ""),
  }));
}

/** Names that a file exports, those that it hands on included. */
function exportsOf(source: string): Set<string> {
  const code = bare(readFileSync(join(root, `${source}.ts`), "utf8"));
  const declared = code.matchAll(/^export (?:async )?(?:abstract )?(?:function\*?|class|const|let) (\w+)/gm);
  const lists = [...code.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names = ""]) => names.split(","));
  return new Set([
    ...[...declared].map(([, name = ""]) => name),
    ...lists.map(
      (name) =>
        name
          .trim()
          .split(/\s+as\s+/)
          .at(-1) as string,
    ),
  ]);
}

it("what the scripts import from dist/ is there", () => {
  const imported = scripts.flatMap((script) => importsFromDist(script).map((one) => ({ script, ...one })));
  expect(imported.length).toBeGreaterThan(20);
  const missing = imported.flatMap(({ script, source, names }) => {
    const known = existsSync(join(root, `${source}.ts`)) ? exportsOf(source) : new Set();
    return names.filter((name) => !known.has(name)).map((name) => `${script}: ${name} of ${source}.ts`);
  });
  expect(missing).toEqual([]);
  // Every mention of a module of dist/ was read above, or is a path to start a process with.
  const unread = scripts.filter((script) => {
    const mentions =
      readFileSync(join(root, script), "utf8").match(/(?:from |import\()"(?:\.\.\/)+dist\//g) ?? [];
    return mentions.length !== importsFromDist(script).length;
  });
  expect(unread).toEqual([]);
});

describe("architecture", () => {
  it("reads the sources at all", () => {
    expect(files.length).toBeGreaterThan(20);
    expect(files.some((file) => targets(file).includes("core/errors.ts"))).toBe(true);
  });

  it("has only the rooms of the design, none called utils", () => {
    const rooms = new Set(files.map(({ room }) => room).filter((room) => room !== ""));
    expect([...rooms].filter((room) => !(room in ARROWS))).toEqual([]);
    expect(files.filter(({ path }) => /(^|\/)(utils?|helpers?|common|misc)(\.ts|\/)/.test(path))).toEqual([]);
  });

  it("has no arrow that the design does not allow", () => {
    const wrong: string[] = [];
    for (const file of files) {
      if (file.room === "") continue;
      for (const target of targets(file)) {
        const room = target.includes("/") ? (target.split("/")[0] as string) : "";
        const isAllowed =
          room === file.room ||
          (ARROWS[file.room] ?? []).includes(room) ||
          (file.room === "cli" && target === "commands.ts");
        if (!isAllowed) wrong.push(`${file.path} → ${target}`);
      }
    }
    expect(wrong.sort()).toEqual(LEFT_OVER);
  });

  it("imports nothing that does not exist", () => {
    const known = new Set(files.map(({ path }) => path));
    const missing = files.flatMap((file) =>
      targets(file)
        .filter((target) => !known.has(target) && !target.startsWith("../"))
        .map((target) => `${file.path} → ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it("has no cycle between files", () => {
    const edges = new Map(files.map((file) => [file.path, targets(file)]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      if (done.has(path) || trail.includes(path)) return;
      for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of edges.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it("opens each native, wasm or network package in one file only", () => {
    const doors = new Map<string, Set<string>>();
    for (const file of files) {
      for (const name of file.imports) {
        const found = ONE_DOOR.exec(name)?.[1];
        if (found) doors.set(found, (doors.get(found) ?? new Set()).add(file.path));
      }
    }
    expect([...doors].filter(([, paths]) => paths.size > 1).map(([name, paths]) => [name, ...paths])).toEqual(
      [],
    );
  });

  it("prints only in cli/", () => {
    const printing = /\bconsole\s*\.|\bprocess\s*\.\s*(stdout|stderr)\b/;
    expect(
      files.filter(({ room, code }) => room !== "cli" && printing.test(code)).map(({ path }) => path),
    ).toEqual([]);
  });

  it("loads the library in cli/ only inside commands, so that `w4s --help` stays quick", () => {
    const valueImport = /^import\s+(?!type\b)[^;]*?from\s*"([^"]+)"/gm;
    const eager = new Set<string>(["cli/main.ts"]);
    const packages = new Set<string>();
    for (const path of eager) {
      const file = files.find((candidate) => candidate.path === path);
      for (const [, name = ""] of file?.code.matchAll(valueImport) ?? []) {
        if (name.startsWith("."))
          eager.add(join(dirname(path), name).replaceAll("\\", "/").replace(/\.js$/, ".ts"));
        else packages.add(name);
      }
    }
    expect(eager.size).toBeGreaterThan(3);
    expect([...packages].filter((name) => !name.startsWith("node:"))).toEqual(["commander"]);
    const early = files.filter(
      ({ room, code }) => room === "cli" && /^import\s+(?!type\b)[^;]*"(\.\.\/)+commands\.js"/m.test(code),
    );
    expect(early.map(({ path }) => path)).toEqual([]);
  });

  it("offers the commands no name that none of them uses", () => {
    const names = [
      ...(files.find(({ path }) => path === "commands.ts")?.code.matchAll(/(\w+)\s*(?=[,}])/g) ?? []),
    ].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(20);
    const used = files.filter(({ room }) => room === "cli").map(({ code }) => code);
    const isUsed = (name = "") => used.some((code) => new RegExp(`\\b${name}\\b`).test(code));
    expect(names.filter((name) => !isUsed(name))).toEqual([]);
  });

  it("draws no chance and no time as a seed", () => {
    expect(files.filter(({ code }) => /\bMath\.random\s*\(/.test(code)).map(({ path }) => path)).toEqual([]);
  });

  it(`has no folder of the search tower with more than ${MAX_FILES} files`, () => {
    const counts = new Map<string, number>();
    for (const { path, room } of files) {
      if (
        SEARCH.includes(room) ||
        room === "learn" ||
        room === "cli" ||
        room === "report" ||
        room === "serve"
      ) {
        counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
      }
    }
    expect([...counts].filter(([, count]) => count > MAX_FILES)).toEqual([]);
  });

  it(`has no file over ${MAX_LINES} lines, and each says what it is`, () => {
    expect(
      files.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path}: ${lines}`),
    ).toEqual([]);
    const withHeader = /^(#!.*\n)?\/\*\*\s*(\*\s*)?@file /;
    expect(
      files
        .filter(({ path }) => !withHeader.test(readFileSync(join(src, path), "utf8")))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  it("narrows the configuration where it enters", () => {
    // `Pick<RunConfig, …>` and `RunConfig["seed"]` are parts; every other mention takes the whole or nearly so.
    const whole = /(?<!\bPick<\s*)\bRunConfig\b(?!\s*\[)/;
    const doors = /\b(?:import|export)\b[^;]*\bfrom\b[^;]*;/g;
    const found = files
      .filter(({ room, path }) => room !== "config" && room !== "cli" && !TAKES_WHOLE_CONFIG.has(path))
      .filter(({ code }) => whole.test(code.replace(doors, "")));
    expect(found.map(({ path }) => path)).toEqual([]);
  });

  it("doors hold re-exports, nothing else", () => {
    // workflow.ts is made of types that authors of workflows see, written from the API table.
    const doors = files.filter(({ room, path }) => room === "" && path !== "workflow.ts");
    expect(doors.map(({ path }) => path)).toContain("commands.ts");
    for (const file of doors) {
      const rest = file.code.replace(/export\s+(type\s+)?(\{[^}]*\}|\*)\s*from\s*"[^"]+";/g, "").trim();
      expect(rest, file.path).toBe("");
    }
  });
});

describe("docs/architecture.md", () => {
  const page = readFileSync(join(root, "docs", "architecture.md"), "utf8");
  const parts = page.split(/^## /m);

  it("draws the rooms and no arrow that is not allowed; arrows in a row lead wherever one is", () => {
    const drawn = [...page.matchAll(/^\s*(\w+?)_?(?:\[[^\]]*\])? --> (\w+?)_?(?:\[[^\]]*\])?$/gm)].map(
      ([, from = "", to = ""]) => [from, to] as const,
    );
    expect(drawn.filter(([from, to]) => !ARROWS[from]?.includes(to))).toEqual([]);
    const reached = (from: string): string[] =>
      drawn.flatMap(([start, to]) => (start === from ? [to, ...reached(to)] : []));
    const lost = Object.entries(ARROWS).flatMap(([from, targets]) =>
      targets.filter((to) => to !== from && !reached(from).includes(to)).map((to) => `${from} → ${to}`),
    );
    expect(lost).toEqual([]);
  });

  it("lists what each room may import", () => {
    const listed = Object.fromEntries(
      [...page.matchAll(/^\| `(\w+)` +\| ([^|;]+)/gm)].map(([, room = "", text = ""]) => [
        room,
        text.startsWith("all but")
          ? Object.keys(ARROWS).filter((name) => name !== room && !text.includes(name))
          : text
              .trim()
              .split(", ")
              .filter((name) => name !== "nothing"),
      ]),
    );
    const sorted = (rooms: Readonly<Record<string, readonly string[]>>) =>
      Object.fromEntries(
        Object.entries(rooms).map(([room, targets]) => [
          room,
          [...new Set(targets)].filter((name) => name !== room).sort(),
        ]),
      );
    expect(sorted(listed)).toEqual(sorted(ARROWS));
  });

  /** Imports, and modules started as processes. */
  const edges = new Map(
    files.map((file) => {
      const started = file.code.matchAll(/childModule\("([^"]+)\.js"/g);
      return [file.path, [...targets(file), ...[...started].map(([, name]) => `${name}.ts`)]];
    }),
  );
  const nextTo = (path: string) => edges.get(path) ?? [];
  const isNear = (from: string, to: string) =>
    nextTo(from).some((path) => path === to || nextTo(path).includes(to));

  it.each([
    ["From `w4s optimize` to the reward", "cli/main.ts", "design/reward.ts"],
    ["From the reward to the next round's adapter", "records/trajectory.ts", "learn/acceptance.ts"],
  ])(
    "%s: files that are there, at most 25, none twice, each next to an earlier one",
    (title, first, last) => {
      const part = parts.find((text) => text.startsWith(`${title}\n`)) ?? "";
      const walk = [...part.matchAll(/^\d+\. \[`([^`]+)`\]\(\.\.\/src\/([^)]+)\): \S/gm)].map(
        ([, name = "", link]) => {
          expect(link).toBe(name);
          return name;
        },
      );
      expect([walk.at(0), walk.at(-1)]).toEqual([first, last]);
      expect(walk.length).toBe([...part.matchAll(/^\d+\. /gm)].length);
      expect(walk.length).toBeLessThanOrEqual(25);
      expect(new Set(walk).size).toBe(walk.length);
      expect(walk.filter((path) => !edges.has(path))).toEqual([]);
      const lost = walk.filter(
        (path, index) =>
          index > 0 &&
          !walk.slice(0, index).some((earlier) => isNear(earlier, path) || isNear(path, earlier)),
      );
      expect(lost).toEqual([]);
    },
  );
});

describe("tracked files", () => {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const texts = listed
    .split("\n")
    .filter((path) =>
      /\.(ts|mts|js|mjs|json|jsonl|md|ya?ml|sh|py|txt)$|(^|\/)(Makefile|run|\.npmrc|\.gitignore)$/.test(path),
    );

  it("name no path of one machine and no package registry", () => {
    // Put together here, so that this file does not hold what it looks for.
    const places = ["work", "root", "home/[a-z]+", "Users/[A-Za-z]+"].join("|");
    const machinePath = new RegExp(`(^|[\\s"'\`(=:])/(${places})/[\\w.-]`, "m");
    const registries = [
      "registry\\.npmjs\\.org",
      "registry\\.yarnpkg\\.com",
      "npmmirror\\.com",
      "files\\.pythonhosted\\.org",
      "pypi\\.org/simple",
    ];
    const registryHost = new RegExp(registries.join("|"));
    const wrong: string[] = [];
    for (const path of texts) {
      const text = readFileSync(join(root, path), "utf8");
      const found = machinePath.exec(text)?.[0] ?? registryHost.exec(text)?.[0];
      if (found !== undefined) wrong.push(`${path}: ${found.trim()}`);
    }
    expect(wrong).toEqual([]);
  });
});

/** @file The doors of the package and the pages that describe them: every name stands in docs/library.md, every block of code compiles, and what can run is run; every page begins with its question, and links lead somewhere. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";
import { useTemporaryFolder } from "./support/temporary-folder.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");

const MAX_FRONT_DOOR = 40;

/** Import specifier to the declarations that a user's compiler reads, from what package.json exports: a tenth of the source's work. */
const doors = new Map(
  Object.keys(JSON.parse(read("package.json")).exports)
    .filter((key) => key !== "./package.json")
    .map((key) => [
      key.replace(/^\./, "w4s"),
      join(root, "dist", key === "." ? "index.d.ts" : `${key.slice(2)}.d.ts`),
    ]),
);

interface Block {
  /** Page and line, to find it by. */
  name: string;
  code: string;
  isRun: boolean;
}

/** The TypeScript blocks of a page; ```ts run marks one that needs neither key nor network. */
function blocksOf(page: string): Block[] {
  const text = read(page);
  return [...text.matchAll(/^```ts( run)?\n([\s\S]*?)^```$/gm)].map((match) => ({
    name: `${page}:${text.slice(0, match.index).split("\n").length}`,
    code: match[2] ?? "",
    isRun: match[1] !== undefined,
  }));
}

const pages = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith(".md"),
);
const blocks = pages.flatMap(blocksOf);

function listMarkdown(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): Set<string> {
  const headings = [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) => text);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** A module each, so that names of one block are unknown to the next. */
const fileOf = (index: number) => join(root, `block-${index}.mts`);

function programOfBlocks(): ts.Program {
  const config = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, root);
  const texts = new Map(blocks.map(({ code }, index) => [fileOf(index), `${code}\nexport {};\n`]));
  const paths = Object.fromEntries([...doors].map(([door, path]) => [door, [path]]));
  const given = { ...options, paths, noUnusedLocals: false };
  const host = ts.createCompilerHost(given);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const text = texts.get(path);
    return text === undefined
      ? getSourceFile(path, languageVersion, ...rest)
      : ts.createSourceFile(path, text, languageVersion, true);
  };
  return ts.createProgram([...doors.values(), ...texts.keys()], given, host);
}

/** Names that a source imports from one of the doors. */
function importsOf(code: string, door: string): string[] {
  return ts.createSourceFile("code.ts", code, ts.ScriptTarget.Latest).statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement)) return [];
    if ((statement.moduleSpecifier as ts.StringLiteral).text !== door) return [];
    const named = statement.importClause?.namedBindings;
    return named && ts.isNamedImports(named) ? named.elements.map(({ name }) => name.text) : [];
  });
}

let program: ts.Program;
beforeAll(() => {
  program = programOfBlocks();
});

function exportsOf(door: string): ts.Symbol[] {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(doors.get(door) ?? "");
  const symbol = source && checker.getSymbolAtLocation(source);
  return symbol ? checker.getExportsOfModule(symbol) : [];
}
const namesOf = (door: string) => exportsOf(door).map(({ name }) => name);

/** Part of docs/library.md under the heading of a door: the names that its tables describe. */
function describedNames(door: string): string[] {
  const section =
    read("docs/library.md")
      .split(/^## /m)
      .find((text) => text.startsWith(`${door}\n`)) ?? "";
  return [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name ?? "");
}

describe("the doors of the package", () => {
  it(`opens at most ${MAX_FRONT_DOOR} names at the front`, () => {
    expect(namesOf("w4s").length).toBeGreaterThan(20);
    expect(namesOf("w4s").length).toBeLessThanOrEqual(MAX_FRONT_DOOR);
  });

  it.each([...doors.keys()])("describes each name of %s in docs/library.md, and no other", (door) => {
    expect(namesOf(door).length).toBeGreaterThan(3);
    expect(describedNames(door).sort()).toEqual(namesOf(door).sort());
  });

  it("has a doc comment at each name", () => {
    const checker = program.getTypeChecker();
    // workflow.ts is written from a table, by the test of which it is held.
    const symbols = [...doors.keys()].filter((door) => door !== "w4s/workflow").flatMap(exportsOf);
    expect(symbols.length).toBeGreaterThan(80);
    const bare = symbols.filter((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      return target.getDocumentationComment(checker).length === 0;
    });
    expect(bare.map(({ name }) => name)).toEqual([]);
  });

  it("uses each name of the front door in an example that is checked, and each other door in one", () => {
    const examples = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => read(join("examples", path)));
    const codes = [...blocks.map(({ code }) => code), ...examples];
    const used = (door: string) => new Set(codes.flatMap((code) => importsOf(code, door)));
    expect(namesOf("w4s").filter((name) => !used("w4s").has(name))).toEqual([]);
    expect([...doors.keys()].filter((door) => used(door).size === 0)).toEqual([]);
  });

  it("needs no package for its types but those that come with w4s and compile", () => {
    // Those of @huggingface/transformers do not, where a program sets skipLibCheck to false.
    const allowed = ["onnxruntime-node", "zod"];
    expect(Object.keys(JSON.parse(read("package.json")).dependencies)).toEqual(
      expect.arrayContaining(allowed),
    );
    const found = new Set<string>();
    const seen = new Set<string>();
    const visit = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      for (const [, name = ""] of readFileSync(path, "utf8").matchAll(/(?:from|import\()\s*"([^"]+)"/g)) {
        if (name.startsWith(".")) visit(join(path, "..", name.replace(/\.js$/, ".d.ts")));
        else found.add(name);
      }
    };
    for (const door of doors.values()) visit(door);
    expect(seen.size).toBeGreaterThan(50);
    expect([...found].filter((name) => !name.startsWith("node:")).sort()).toEqual(allowed);
  });
});

describe("the pages of docs/", () => {
  const overview = read("docs/README.md");

  it.each(pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md"))(
    "%s begins with its question, under which docs/README.md lists it",
    (page) => {
      const question = /^# .+\n\n_(.+\?)_ Read first: /.exec(read(page))?.[1] ?? "no question";
      expect(overview).toMatch(
        new RegExp(
          `^\\| ${question.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")} +\\| \\[.+\\]\\(${page.slice(5)}\\)`,
          "m",
        ),
      );
    },
  );

  it.each(["README.md", ...["docs", "examples", "models", "tests"].flatMap(listMarkdown)])(
    "%s links to nothing that is not there",
    (page) => {
      const links = [...read(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
      const broken = links.filter((link) => {
        const [path = "", anchor] = link.split("#");
        const target = path === "" ? page : join(page, "..", path);
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && !anchorsOf(target).has(anchor);
      });
      expect(broken).toEqual([]);
    },
  );
});

describe("code in the pages", () => {
  it("compiles", () => {
    expect(blocks.length).toBeGreaterThan(10);
    const problems = blocks.flatMap(({ name }, index) => {
      const source = program.getSourceFile(fileOf(index));
      return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
        ({ messageText, start = 0 }) => {
          const { line } = source?.getLineAndCharacterOfPosition(start) ?? { line: 0 };
          return `${name} line ${line + 1}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
        },
      );
    });
    expect(problems).toEqual([]);
  });

  it("is run where it needs neither key nor network", () => {
    const isOffline = ({ code }: Block) =>
      /new (Mock|Simulated)ChatModel|makeTinyGguf|executor: "simulated"/.test(code) &&
      !/OpenAIChatModel\(/.test(code);
    expect(blocks.filter((block) => isOffline(block) && !block.isRun).map(({ name }) => name)).toEqual([]);
  });
});

describe("programs in the pages", () => {
  const newFolder = useTemporaryFolder();

  it.each(blocks.filter(({ isRun }) => isRun).map((block) => [block.name, block] as const))(
    "%s",
    async (_, { code }) => {
      const cwd = newFolder();
      mkdirSync(join(cwd, "node_modules"));
      // The built package under its own name: what package.json exports is what these programs find.
      symlinkSync(root, join(cwd, "node_modules", "w4s"));
      const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
      writeFileSync(join(cwd, "program.mjs"), ts.transpileModule(code, { compilerOptions }).outputText);
      const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };
      const { stdout } = await promisify(execFile)(process.execPath, ["program.mjs"], {
        cwd,
        env,
        timeout: 120_000,
      });
      const promised = [...code.matchAll(/\/\/ → (.+)$/gm)].map(([, text = ""]) => text);
      expect(promised.length).toBeGreaterThan(0);
      // In this order, whatever line breaks there are between them.
      let rest = stdout.replace(/\s+/g, " ");
      for (const text of promised) {
        expect(rest).toContain(text);
        rest = rest.slice(rest.indexOf(text) + text.length);
      }
    },
  );
});

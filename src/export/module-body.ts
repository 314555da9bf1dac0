/** @file The source of a workflow as the inside of a function: without exports, and with `isCut(reply)` for `reply.isCut`. */
import type { AnyNode, Program } from "acorn";
import { InputError } from "../core/errors.js";
import { parseModule } from "../workflow/reading/parse-module.js";
import { SyntaxTree } from "../workflow/reading/syntax-tree.js";

/** The workflow's function is called so afterwards. */
export const WORKFLOW_NAME = "$workflow";

/** @throws {InputError} that names line and construct of what cannot stand outside the sandbox */
export function parseWorkflow(source: string): Program {
  try {
    return parseModule(source);
  } catch (error) {
    const { message, loc } = error as Error & { loc?: { line: number } | undefined };
    throw new InputError(`the workflow cannot be parsed${loc ? ` (line ${loc.line})` : ""}: ${message}`, {
      hint: "correct its source: w4s run says whether it runs",
    });
  }
}

/** The error for a construct that an export cannot hold. */
export function refusal(node: AnyNode, what: string, hint: string): InputError {
  return new InputError(`line ${node.loc?.start.line ?? 0}: ${what} cannot be exported`, { hint });
}

/** @throws as parseWorkflow() */
export function moduleBody(source: string): string {
  const tree = new SyntaxTree(parseWorkflow(source));
  refuseSeeded(tree);
  const edits: { from: number; to: number; text: string }[] = [];
  const replace = (from: number, to: number, text: string) => edits.push({ from, to, text });
  let name = "workflow";
  for (const node of tree.program.body) {
    if (node.type === "ExportDefaultDeclaration") {
      const { declaration } = node;
      const isNamed = /^(Function|Class)Declaration$/.test(declaration.type) && "id" in declaration;
      const id = isNamed ? declaration.id?.name : undefined;
      name = id ?? WORKFLOW_NAME;
      replace(node.start, declaration.start, id === undefined ? `const ${WORKFLOW_NAME} = ` : "");
      if (id === undefined) replace(node.end, node.end, ";");
    } else if (node.type === "ExportNamedDeclaration") {
      const chosen = node.specifiers.find(
        ({ exported }) => exported.type === "Identifier" && exported.name === "default",
      );
      if (chosen?.local.type === "Identifier") name = chosen.local.name;
      replace(node.start, node.declaration?.start ?? node.end, "");
    }
  }
  for (const node of tree.nodes) {
    if (node.type !== "MemberExpression" || node.computed) continue;
    if (node.property.type !== "Identifier" || node.property.name !== "isCut") continue;
    replace(node.start, node.start, "isCut(");
    replace(node.object.end, node.end, ")");
  }
  edits.sort((one, other) => other.from - one.from || other.to - one.to);
  let body = source;
  for (const { from, to, text } of edits) body = body.slice(0, from) + text + body.slice(to);
  return name === WORKFLOW_NAME ? body : `${body.trimEnd()}\nconst ${WORKFLOW_NAME} = ${name};\n`;
}

const WITHIN_SANDBOX =
  "the sandbox gives it by the seed of a run: take it out of the workflow, or use w4s serve";

/** @throws {InputError} on what gives other values outside the sandbox, or reaches out of it */
export function refuseSeeded(tree: SyntaxTree): void {
  for (const node of tree.nodes) {
    if (/^(Import|ExportAll)/.test(node.type) || (node.type === "ExportNamedDeclaration" && node.source))
      throw refusal(node, "an import", "workflows import nothing");
    if (node.type === "Identifier" && node.name === "Date" && tree.uses("Date").includes(node))
      throw refusal(node, "Date", WITHIN_SANDBOX);
    const isDice =
      node.type === "MemberExpression" &&
      isNamed(node.object, "Math") &&
      (node.computed || isNamed(node.property, "random"));
    if (isDice) throw refusal(node, "Math.random", WITHIN_SANDBOX);
    const isPattern = node.type === "Property" && tree.parent(node).type === "ObjectPattern";
    if ((isPattern && isNamed(node.key, "isCut")) || (node.type === "Literal" && node.value === "isCut"))
      throw refusal(node, "isCut taken out of a reply", "write reply.isCut");
  }
}

function isNamed(node: AnyNode, name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

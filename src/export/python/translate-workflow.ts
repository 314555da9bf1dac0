/** @file A workflow in Python: statement by statement, refused with its line where a construct has no equal. */
import type { AnyNode, ForStatement, Pattern, Program } from "acorn";
import { SyntaxTree } from "../../workflow/reading/syntax-tree.js";
import { parseWorkflow, refuseSeeded } from "../module-body.js";
import { CALLING } from "./javascript-methods.js";
import { PythonAssignments } from "./python-assignments.js";
import { constructName, HELPERS, isNamed } from "./python-expressions.js";
import { PythonScope } from "./python-scope.js";

type FunctionNode = Extract<AnyNode, { params: Pattern[] }>;

/**
 * Python source of `async def _load(…)`, which gives the workflow as a function of (agent, task).
 * @throws {InputError} naming line and construct of what cannot be translated
 */
export function translateWorkflow(source: string): string {
  const tree = new SyntaxTree(parseWorkflow(source));
  refuseSeeded(tree);
  return new Translator(tree).module();
}

class Translator extends PythonAssignments {
  readonly #tree: SyntaxTree;
  /** What `continue` has to do first in each loop around the statement at hand; undefined = it cannot be. */
  #steps: (readonly AnyNode[] | undefined)[] = [];

  constructor(tree: SyntaxTree) {
    super();
    this.#tree = tree;
  }

  module(): string {
    const { program } = this.#tree;
    const parameters = HELPERS.map((name) => {
      const python = this.names.give(name);
      this.scope.bind(name, python);
      return python;
    });
    this.line(`async def _load(${parameters.join(", ")}):`);
    this.depth++;
    const workflow = this.#withScope(false, () => {
      this.#bindBlock(program.body);
      const name = this.#exported(program);
      this.#block(program.body);
      return typeof name === "string" ? this.expression(identifier(name, program)) : this.#defaultValue(name);
    });
    this.line(`return ${workflow}`);
    return this.lines.join("\n");
  }

  /** Name of the workflow, or the expression that is exported. */
  #exported(program: Program): string | AnyNode {
    for (const node of program.body) {
      if (node.type === "ExportDefaultDeclaration") {
        const { declaration } = node;
        if (declaration.type === "Identifier") return declaration.name;
        const id = declaration.type === "FunctionDeclaration" ? declaration.id?.name : undefined;
        return id ?? declaration;
      }
      if (node.type !== "ExportNamedDeclaration") continue;
      const chosen = node.specifiers.find(({ exported }) => isNamed(exported, "default"));
      if (chosen?.local.type === "Identifier") return chosen.local.name;
    }
    return "workflow";
  }

  #defaultValue(node: AnyNode): string {
    return "params" in node ? this.#definition(node as FunctionNode, true) : this.expression(node);
  }

  #withScope<T>(isFunction: boolean, work: () => T): T {
    const outer = this.scope;
    this.scope = new PythonScope(outer, isFunction);
    try {
      return work();
    } finally {
      this.scope = outer;
    }
  }

  /** Gives names to what a block binds, so that functions see what is bound below them. */
  #bindBlock(statements: readonly AnyNode[]): void {
    for (const statement of statements) {
      const node =
        /^Export/.test(statement.type) && "declaration" in statement && statement.declaration
          ? (statement.declaration as AnyNode)
          : statement;
      if (node.type === "FunctionDeclaration" && node.id) this.bind(node.id.name);
      if (node.type === "VariableDeclaration") for (const { id } of node.declarations) this.bindPattern(id);
    }
  }

  #block(statements: readonly AnyNode[]): void {
    const declared = (node: AnyNode): AnyNode =>
      (/^Export/.test(node.type) && "declaration" in node && (node.declaration as AnyNode)) || node;
    const isFunction = (node: AnyNode) => declared(node).type === "FunctionDeclaration";
    for (const node of [...statements].sort((a, b) => Number(isFunction(b)) - Number(isFunction(a)))) {
      const inner = declared(node);
      if (node.type === "ExportNamedDeclaration" && !node.declaration) continue;
      if (node.type === "ExportDefaultDeclaration" && !("id" in inner && inner.id)) continue;
      this.#statement(inner);
    }
  }

  /** Statements one step deeper; an empty body is `pass`. */
  #body(node: AnyNode | readonly AnyNode[]): void {
    const statements = "type" in node ? (node.type === "BlockStatement" ? node.body : [node]) : node;
    this.depth++;
    const before = this.lines.length;
    this.#withScope(false, () => {
      this.#bindBlock(statements);
      this.#block(statements);
    });
    if (this.lines.length === before) this.line("pass");
    this.depth--;
  }

  #statement(node: AnyNode): void {
    switch (node.type) {
      case "EmptyStatement":
        return;
      case "BlockStatement":
        this.#withScope(false, () => {
          this.#bindBlock(node.body);
          this.#block(node.body);
        });
        return;
      case "VariableDeclaration":
        if (node.kind === "var") this.refuse(node, "var", "declare it with let or const");
        for (const { id, init } of node.declarations)
          this.assign(id, init ? this.expression(init) : "None", true);
        return;
      case "FunctionDeclaration":
        this.#refuseCapture(node);
        this.#definition(node, false);
        return;
      case "ExpressionStatement":
        this.effect(node.expression);
        return;
      case "ReturnStatement":
        this.line(node.argument ? `return ${this.expression(node.argument)}` : "return None");
        return;
      case "ThrowStatement":
        this.line(`raise _thrown(${this.expression(node.argument)})`);
        return;
      case "IfStatement":
        this.line(`if ${this.test(node.test)}:`);
        this.#body(node.consequent);
        if (node.alternate) {
          this.line("else:");
          this.#body(node.alternate);
        }
        return;
      case "ForStatement":
        this.#for(node);
        return;
      case "WhileStatement":
        this.#while(this.test(node.test), node.body, []);
        return;
      case "DoWhileStatement": {
        this.line("while True:");
        this.#loop(node.body, undefined);
        this.depth++;
        this.line(`if ${negated(this.test(node.test))}:`);
        this.line("    break");
        this.depth--;
        return;
      }
      case "ForOfStatement":
        this.#forOf(node);
        return;
      case "BreakStatement":
        if (node.label) this.refuse(node, "a label");
        this.line("break");
        return;
      case "ContinueStatement": {
        const steps = this.#steps.at(-1);
        if (node.label || steps === undefined) this.refuse(node, "this continue");
        for (const step of steps) this.effect(step);
        this.line("continue");
        return;
      }
      case "TryStatement":
        this.#try(node);
        return;
      default:
        this.refuse(node, constructName(node));
        return;
    }
  }

  #for({ init, test, update, body }: ForStatement): void {
    this.#withScope(false, () => {
      if (init?.type === "VariableDeclaration") {
        this.#bindBlock([init]);
        this.#statement(init);
      } else if (init) this.effect(init);
      this.#while(test ? this.test(test) : "True", body, update ? [update] : []);
    });
  }

  #while(test: string, body: AnyNode, steps: readonly AnyNode[]): void {
    this.line(`while ${test}:`);
    this.#loop(body, steps);
    this.depth++;
    for (const step of steps) this.effect(step);
    this.depth--;
  }

  #loop(body: AnyNode, steps: readonly AnyNode[] | undefined): void {
    this.#steps.push(steps);
    this.#body(body);
    this.#steps.pop();
  }

  #forOf(node: Extract<AnyNode, { type: "ForOfStatement" }>): void {
    if (node.await) this.refuse(node, "for await");
    const item = this.temporary();
    this.line(`for ${item} in _items(${this.expression(node.right)}):`);
    this.#withScope(false, () => {
      const { left } = node;
      this.depth++;
      if (left.type === "VariableDeclaration") {
        this.#bindBlock([left]);
        this.assign(left.declarations[0]!.id, item, true);
      } else this.assign(left as Pattern, item, false);
      this.depth--;
      this.#loop(node.body, []);
    });
  }

  #try({ block, handler, finalizer }: Extract<AnyNode, { type: "TryStatement" }>): void {
    this.line("try:");
    this.#body(block);
    if (handler) {
      const caught = this.temporary();
      this.line(`except Exception as ${caught}:`);
      this.#withScope(false, () => {
        if (handler.param) {
          this.bindPattern(handler.param);
          this.depth++;
          this.assign(handler.param, caught, true);
          this.depth--;
        }
        this.#body(handler.body);
      });
    }
    if (finalizer) {
      this.line("finally:");
      this.#body(finalizer);
    }
  }

  protected functionOf(node: AnyNode): string {
    const made = node as FunctionNode;
    this.#refuseCapture(node);
    if (!isPlain(made)) return this.#definition(made, false);
    return this.#withScope(true, () => {
      const parameters = made.params.map((one) => {
        this.bindPattern(one);
        return `${this.expression(one)}=None`;
      });
      return `(lambda ${parameters.join(", ")}: ${this.expression(made.body)})`;
    });
  }

  /** Writes a function as `def`. @param isWorkflow - its parameters are the agent and the task. @returns its name */
  #definition(node: FunctionNode, isExported: boolean): string {
    const { id, generator: isGenerator, async: isAsync, params, body } = node;
    if (isGenerator) return this.refuse(node, "a generator");
    const declared = id && this.scope.find(id.name);
    const name = declared?.python ?? this.names.give(id?.name ?? (isExported ? "workflow" : "step"));
    const isWorkflow = isExported || (declared !== undefined && id?.name === this.#workflowName());
    const outer = { lines: this.lines, steps: this.#steps };
    this.lines = [];
    this.#steps = [];
    this.depth++;
    const { head, nonlocals } = this.#withScope(true, () => {
      if (id && declared === undefined) this.scope.bind(id.name, name);
      const given = params.map((one) => this.#parameter(one));
      if (isWorkflow) this.#noteParameters(params, given);
      for (const [index, one] of params.entries()) this.#takeParameter(one, given[index] as string);
      if (body.type === "BlockStatement") {
        this.#bindBlock(body.body);
        this.#block(body.body);
      } else this.line(`return ${this.expression(body)}`);
      const head = given.map((one) => (one.startsWith("*") ? one : `${one}=None`)).join(", ");
      return { head, nonlocals: [...this.scope.nonlocals] };
    });
    const lines = this.lines;
    this.depth--;
    this.lines = outer.lines;
    this.#steps = outer.steps;
    if (isAsync) this.line("@_eager");
    this.line(`${isAsync ? "async " : ""}def ${name}(${head}):`);
    const inner = "    ".repeat(this.depth + 1);
    if (nonlocals.length > 0) this.lines.push(`${inner}nonlocal ${nonlocals.join(", ")}`);
    if (lines.length === 0) this.lines.push(`${inner}pass`);
    this.lines.push(...lines);
    return name;
  }

  #workflowName(): string | undefined {
    const name = this.#exported(this.#tree.program);
    return typeof name === "string" ? name : undefined;
  }

  #parameter(pattern: Pattern): string {
    if (pattern.type === "Identifier") {
      this.bind(pattern.name);
      return this.scope.find(pattern.name)!.python;
    }
    if (pattern.type === "RestElement") return `*${this.temporary()}`;
    if (pattern.type === "AssignmentPattern" && pattern.left.type === "Identifier")
      return this.#parameter(pattern.left);
    return this.temporary();
  }

  #takeParameter(pattern: Pattern, given: string): void {
    if (pattern.type === "Identifier") return;
    if (pattern.type === "RestElement") {
      this.bindPattern(pattern.argument);
      this.assign(pattern.argument, `list(${given.slice(1)})`, true);
      return;
    }
    this.bindPattern(pattern);
    if (pattern.type !== "AssignmentPattern") {
      this.assign(pattern, given, true);
      return;
    }
    this.line(`if ${given} is None:`);
    this.line(`    ${given} = ${this.expression(pattern.right)}`);
    if (pattern.left.type !== "Identifier") this.assign(pattern.left, given, true);
  }

  /** Agent and task can be named plainly where nothing gives their names another value. */
  #noteParameters(params: readonly Pattern[], given: readonly string[]): void {
    const isKept = (one: Pattern | undefined) =>
      one?.type === "Identifier" && this.#tree.uses(one.name).every((use) => !this.#tree.isTarget(use));
    this.agent = isKept(params[0]) ? given[0] : undefined;
    this.task = isKept(params[1]) ? given[1] : undefined;
  }

  /** A function that outlives its round of a loop sees the last round's variables in Python, its own ones in JavaScript. */
  #refuseCapture(node: AnyNode): void {
    const parent = this.#tree.parent(node);
    const callee = parent.type === "CallExpression" && parent.callee;
    const isCalledAtOnce =
      callee &&
      callee !== node &&
      callee.type === "MemberExpression" &&
      callee.property.type === "Identifier" &&
      CALLING.has(callee.property.name);
    let isAwaited = !("async" in node && node.async);
    for (let one = node; one !== this.#tree.program; one = this.#tree.parent(one)) {
      if (one.type === "AwaitExpression") isAwaited = true;
      const isLoop = /^(For|While|DoWhile)/.test(one.type);
      if (isLoop && !(isCalledAtOnce && isAwaited))
        this.refuse(node, "a function that is made in a loop", "define it before the loop");
      if (one !== node && "params" in one) return;
    }
  }
}

/** Whether an arrow function is one expression that a lambda can hold. */
function isPlain(node: FunctionNode): boolean {
  if (node.type !== "ArrowFunctionExpression" || node.async || node.body.type === "BlockStatement")
    return false;
  if (node.params.some(({ type }) => type !== "Identifier")) return false;
  const open: unknown[] = [node.body];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (Array.isArray(one)) open.push(...one);
    else if (typeof one === "object" && one !== null && "type" in one) {
      const { type } = one as AnyNode;
      if (/^(Await|Assignment|Update|Yield)Expression$|^Function/.test(type)) return false;
      if (type === "ArrowFunctionExpression" && !isPlain(one as FunctionNode)) return false;
      open.push(...Object.values(one));
    }
  }
  return true;
}

function negated(test: string): string {
  return `not (${test})`;
}

function identifier(name: string, at: AnyNode): AnyNode {
  return { type: "Identifier", name, start: at.start, end: at.start, loc: at.loc } as AnyNode;
}

/** @file The syntax tree of a workflow: what is around each node, where names are used and written, values of constants. */
import type { AnyNode, Identifier, Program } from "acorn";

export class SyntaxTree {
  readonly program: Program;
  /** All nodes in the order of the source. */
  readonly nodes: AnyNode[] = [];
  readonly #parents = new Map<AnyNode, AnyNode>();
  readonly #uses = new Map<string, Identifier[]>();
  readonly #writes = new Map<string, Identifier[]>();

  constructor(program: Program) {
    this.program = program;
    const open: AnyNode[] = [this.program];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      this.nodes.push(node);
      for (const child of Object.values(node).flat() as unknown[]) {
        if (!isNode(child) || this.#parents.has(child)) continue;
        this.#parents.set(child, node);
        open.push(child);
      }
    }
    this.nodes.sort((one, other) => one.start - other.start);
    for (const node of this.nodes) {
      if (node.type !== "Identifier" || !this.#isVariable(node)) continue;
      append(this.#uses, node);
      if (this.isTarget(node) || this.#isBinding(node)) append(this.#writes, node);
    }
  }

  parent(node: AnyNode): AnyNode {
    return this.#parents.get(node) ?? this.program;
  }

  /** Places of a name as a variable, in any scope, in the order of the source. */
  uses(name: string): readonly Identifier[] {
    return this.#uses.get(name) ?? [];
  }

  /** Places that bind or change a variable of that name, in any scope. */
  writes(name: string): readonly Identifier[] {
    return this.#writes.get(name) ?? [];
  }

  /** Value of `const name =`, where that is the only place that binds or changes the name. */
  constant(name: string): AnyNode | null {
    const [write, ...others] = this.writes(name);
    if (write === undefined || others.length > 0) return null;
    const declarator = this.parent(write);
    const declaration = this.parent(declarator);
    const isConst = declaration.type === "VariableDeclaration" && declaration.kind === "const";
    return isConst && declarator.type === "VariableDeclarator" && declarator.id === write
      ? (declarator.init ?? null)
      : null;
  }

  /** Value of a whole number below 10⁹ without a sign, or of a constant that is one. */
  wholeNumber(node: AnyNode | null | undefined): number | null {
    const value = node?.type === "Identifier" ? this.constant(node.name) : node;
    return value?.type === "Literal" && /^\d{1,9}$/.test(value.raw ?? "") ? Number(value.raw) : null;
  }

  /** Whether something is assigned to this variable or member. */
  isTarget(node: AnyNode): boolean {
    const parent = this.parent(node);
    switch (parent.type) {
      case "AssignmentExpression":
      case "AssignmentPattern":
      case "ForOfStatement":
      case "ForInStatement":
        return parent.left === node;
      case "Property":
        return parent.value === node && this.parent(parent).type === "ObjectPattern";
      case "UpdateExpression":
      case "ArrayPattern":
      case "RestElement":
        return true;
      default:
        return false;
    }
  }

  #isBinding(node: Identifier): boolean {
    const parent = this.parent(node);
    switch (parent.type) {
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
        return parent.body !== node;
      case "VariableDeclarator":
      case "ClassDeclaration":
      case "ClassExpression":
        return parent.id === node;
      case "CatchClause":
      case "ImportSpecifier":
      case "ImportDefaultSpecifier":
      case "ImportNamespaceSpecifier":
        return true;
      default:
        return false;
    }
  }

  #isVariable(node: Identifier): boolean {
    const parent = this.parent(node);
    switch (parent.type) {
      case "MemberExpression":
        return parent.computed || parent.object === node;
      case "Property":
      case "MethodDefinition":
      case "PropertyDefinition":
        return parent.computed || parent.key !== node;
      case "ExportSpecifier":
      case "ImportSpecifier":
        return parent.local === node;
      case "LabeledStatement":
      case "BreakStatement":
      case "ContinueStatement":
      case "MetaProperty":
        return false;
      default:
        return true;
    }
  }
}

function append(lists: Map<string, Identifier[]>, node: Identifier): void {
  const list = lists.get(node.name);
  if (list) list.push(node);
  else lists.set(node.name, [node]);
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && "start" in value;
}

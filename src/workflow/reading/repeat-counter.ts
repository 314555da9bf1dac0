/**
 * @file How often a place in a workflow is reached at most, read from the loops and functions around it. Only forms whose
 * bound can be seen are counted; for all others the answer is null, and the quota is what bounds them.
 */
import type { AnyNode, ArrowFunctionExpression, ForStatement } from "acorn";
import type { SyntaxTree } from "./syntax-tree.js";

/** Methods of lists that call their function at most once for each element. */
const ONCE_EACH = new Set("map forEach filter flatMap some every find findIndex reduce".split(" "));
/** Members of a list that do not make it longer. */
const READING = new Set([
  ...ONCE_EACH,
  ..."findLast join length slice at includes indexOf entries".split(" "),
]);
const READERS = new Set(["vote", "number", "String", "choice"]);

/** @param lengthOfCall - number of replies of a call of the agent; null = not known */
export class RepeatCounter {
  readonly #tree: SyntaxTree;
  readonly #own: AnyNode;
  readonly #lengthOfCall: (call: AnyNode) => number | null;
  readonly #constantLengths = new Map<string, number | null>();

  /** @param own - the workflow function, which is run once */
  constructor(tree: SyntaxTree, own: AnyNode, lengthOfCall: (call: AnyNode) => number | null) {
    this.#tree = tree;
    this.#own = own;
    this.#lengthOfCall = lengthOfCall;
  }

  /** Times a place is reached in one run of the workflow, at most; null = no bound can be seen. */
  times(place: AnyNode): number | null {
    let product = 1;
    for (let node = place; node !== this.#own && node !== this.#tree.program; ) {
      const parent = this.#tree.parent(node);
      const factor = parent === this.#own ? 1 : this.#timesIn(parent, node);
      if (factor === null) return null;
      product *= factor;
      node = parent;
    }
    return product;
  }

  #timesIn(parent: AnyNode, child: AnyNode): number | null {
    switch (parent.type) {
      case "ForStatement":
        return child === parent.init ? 1 : child === parent.body ? this.#loopTimes(parent) : null;
      case "ForOfStatement":
        if (child === parent.right) return 1;
        return child === parent.body && !parent.await ? this.#length(parent.right) : null;
      case "ForInStatement":
        return child === parent.right ? 1 : null;
      case "ArrowFunctionExpression":
        return child === parent.body ? this.#callbackTimes(parent) : null;
      case "WhileStatement":
      case "DoWhileStatement":
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ClassBody":
        return null;
      default:
        return 1;
    }
  }

  /** An arrow function handed to a method of a list, or to Array.from, is called once for each element. */
  #callbackTimes(arrow: ArrowFunctionExpression): number | null {
    const call = this.#tree.parent(arrow);
    if (call.type !== "CallExpression" || call.callee.type !== "MemberExpression") return null;
    if (call.arguments[1] === arrow) return this.#lengthOfFrom(call);
    const { object, property, computed } = call.callee;
    const isOnceEach = property.type === "Identifier" && !computed && ONCE_EACH.has(property.name);
    return isOnceEach && call.arguments[0] === arrow ? this.#length(object) : null;
  }

  /** Length of a list: of a literal, of replies, of `Array.from({ length })` or of a constant that is only ever read. */
  #length(list: AnyNode): number | null {
    switch (list.type) {
      case "AwaitExpression":
        return this.#length(list.argument);
      case "ArrayExpression":
        return list.elements.some((one) => one?.type === "SpreadElement") ? null : list.elements.length;
      case "CallExpression":
        return this.#lengthOfCall(list) ?? this.#lengthOfFrom(list);
      case "Identifier": {
        const known = this.#constantLengths.get(list.name);
        if (known !== undefined) return known;
        const value = this.#tree.constant(list.name);
        const isRead = this.#tree.uses(list.name).every((use) => this.#isReading(use));
        const length = value !== null && isRead ? this.#length(value) : null;
        this.#constantLengths.set(list.name, length);
        return length;
      }
      default:
        return null;
    }
  }

  /** `Array.from({ length: 3 }, …)` */
  #lengthOfFrom(call: AnyNode): number | null {
    if (call.type !== "CallExpression" || call.callee.type !== "MemberExpression") return null;
    const { object, property, computed } = call.callee;
    const isFrom = object.type === "Identifier" && object.name === "Array" && !computed;
    const [source] = call.arguments;
    if (!isFrom || property.type !== "Identifier" || property.name !== "from") return null;
    const [length, ...others] = source?.type === "ObjectExpression" ? source.properties : [];
    if (length?.type !== "Property" || length.computed || others.length > 0) return null;
    const isLength = length.key.type === "Identifier" && length.key.name === "length";
    return isLength ? this.#tree.wholeNumber(length.value) : null;
  }

  /** Whether a use of a list leaves its length as it is. */
  #isReading(list: AnyNode): boolean {
    const tree = this.#tree;
    const parent = tree.parent(list);
    switch (parent.type) {
      case "VariableDeclarator":
        return parent.id === list;
      case "SpreadElement":
        return true;
      case "ForOfStatement":
        return parent.right === list;
      case "CallExpression": {
        const { callee } = parent;
        return callee.type === "Identifier" && READERS.has(callee.name) && parent.arguments.length === 1;
      }
      case "MemberExpression": {
        if (parent.object !== list || tree.isTarget(parent)) return false;
        if (!parent.computed)
          return parent.property.type === "Identifier" && READING.has(parent.property.name);
        // What `list[key]` is called with, or a member of it, may be a method of the list.
        const user = tree.parent(parent);
        return (
          user.type !== "MemberExpression" &&
          user.type !== "TaggedTemplateExpression" &&
          user.type !== "ChainExpression" &&
          !(user.type === "CallExpression" && user.callee === parent)
        );
      }
      default:
        return false;
    }
  }

  /** `for (let i = 0; i < 3; i++)` whose variable the body leaves alone. */
  #loopTimes({ init, test, update, start, end }: ForStatement): number | null {
    const tree = this.#tree;
    if (init?.type !== "VariableDeclaration" || init.kind !== "let" || init.declarations.length !== 1)
      return null;
    const [{ id, init: first }] = init.declarations as [(typeof init.declarations)[0]];
    if (id.type !== "Identifier") return null;
    const from = tree.wholeNumber(first);
    const bound = this.#bound(test, id.name);
    const step = this.#step(update, id.name);
    if (from === null || bound === null || !step) return null;
    // The declaration and the step; any other place may change the variable.
    const writes = tree.writes(id.name).filter((write) => write.start > start && write.end < end);
    return writes.length === 2 ? Math.max(0, Math.ceil((bound - from) / step)) : null;
  }

  /** `i < 3` or `i <= 3`, further conditions after `&&` allowed; the first value that ends the loop. */
  #bound(test: AnyNode | null | undefined, name: string): number | null {
    if (test?.type === "LogicalExpression" && test.operator === "&&") return this.#bound(test.left, name);
    if (test?.type !== "BinaryExpression" || !isNamed(test.left, name)) return null;
    const value = this.#tree.wholeNumber(test.right);
    if (value === null) return null;
    return test.operator === "<" ? value : test.operator === "<=" ? value + 1 : null;
  }

  /** `i++`, `++i` or `i += 2`. */
  #step(update: AnyNode | null | undefined, name: string): number | null {
    if (update?.type === "UpdateExpression")
      return update.operator === "++" && isNamed(update.argument, name) ? 1 : null;
    return update?.type === "AssignmentExpression" && update.operator === "+=" && isNamed(update.left, name)
      ? this.#tree.wholeNumber(update.right)
      : null;
  }
}

function isNamed(node: AnyNode, name: string): boolean {
  return node.type === "Identifier" && node.name === name;
}

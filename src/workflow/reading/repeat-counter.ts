/**
 * @file How often a place in a workflow is reached at most, read from the loops and functions around it. Only forms whose
 * bound can be seen are counted; for all others the answer is null, and the quota is what bounds them.
 */
import type { TokenTree } from "../token-tree.js";

/** The function that is run: where its parameters, its body and its keyword or arrow stand. */
export interface WorkflowFunction {
  parameters: number;
  /** The brace of its body, or its arrow where the body is an expression. */
  body: number;
  /** `function` or `=>`. */
  keyword: number;
}

/** Methods of lists that call their function at most once for each element. */
const ONCE_EACH = new Set("map forEach filter flatMap some every find findIndex reduce".split(" "));
/** What may be done with a list without making it longer. */
const READING =
  /^(map|forEach|filter|flatMap|some|every|find|findIndex|findLast|reduce|join|length|slice|at|includes|indexOf|entries)$/;
const READERS = new Set(["vote", "number", "String", "choice"]);

/** @param lengthOfCall - replies of the call whose name begins at a place; null = not known */
export class RepeatCounter {
  readonly #tree: TokenTree;
  readonly #own: WorkflowFunction;
  readonly #lengthOfCall: (index: number) => { length: number; end: number } | null;

  constructor(
    tree: TokenTree,
    own: WorkflowFunction,
    lengthOfCall: (index: number) => { length: number; end: number } | null,
  ) {
    this.#tree = tree;
    this.#own = own;
    this.#lengthOfCall = lengthOfCall;
  }

  /** Times a place is reached in one run of the workflow, at most; null = no bound can be seen. */
  times(place: number): number | null {
    const tree = this.#tree;
    let product: number | null = 1;
    let position = place;
    for (;;) {
      const open = tree.parent(position);
      const found = this.#before(position, open);
      product = product === null || found.times === null ? null : product * found.times;
      if (found.isOwn || product === null || open < 0) return product;
      if (open === this.#own.body || open === this.#own.parameters) return product;
      if (tree.text(open) === "(") {
        // What stands in the parameters of another function is reached as often as that is called.
        if (tree.isParameters(open)) return null;
        const head = tree.text(open - 1);
        if (head === "while") return null;
        if (head === "for") {
          if (!this.#isOnce(position, open)) return null;
          position = open - 1;
          continue;
        }
      } else if (this.#isMethodBody(open)) return null;
      position = open;
    }
  }

  /** Loops and functions that begin before a place, in the same bracket and the same statement. */
  #before(place: number, open: number): { times: number | null; isOwn: boolean } {
    const tree = this.#tree;
    const isBlock = open < 0 || tree.text(open) === "{";
    let times: number | null = 1;
    const multiply = (factor: number | null) => {
      times = times === null || factor === null ? null : times * factor;
    };
    let isContinued = false;
    for (let index = place - 1; index > open; index--) {
      const text = tree.text(index);
      const match = tree.match(index);
      if (match >= 0 && match < index) {
        if (isBlock && text === "}" && !isContinued && this.#isStatement(match)) break;
        isContinued = false;
        index = match;
      } else if (text === ";" || (text === "," && !isBlock)) break;
      else if (text === "=>" || text === "function" || text === "class") {
        if (index === this.#own.keyword) return { times, isOwn: true };
        multiply(text === "=>" ? this.#callbackTimes(index) : null);
      } else if (tree.text(index - 1) === "." || tree.text(index - 1) === "?.") continue;
      else if (text === "for") multiply(this.#loopTimes(index));
      else if (text === "while" || text === "do") multiply(null);
      else if (text === "else" || text === "catch" || text === "finally") isContinued = true;
    }
    return { times, isOwn: false };
  }

  /** In the head of a loop: in what is evaluated once, the list of `of` or the part before the first semicolon. */
  #isOnce(place: number, open: number): boolean {
    const tree = this.#tree;
    for (let index = open + 1; index < place; index++) {
      if (tree.parent(index) !== open) continue;
      if (tree.isName(index, "of")) return true;
      if (tree.text(index) === ";") return false;
    }
    return tree.parts(open, ";").length > 1;
  }

  /** A block that ends a statement: of if, for, while and their like, or of a declared function. */
  #isStatement(open: number): boolean {
    const tree = this.#tree;
    const before = tree.text(open - 1);
    if (/^(else|try|finally|do)$/.test(before)) return true;
    if (before !== ")") return false;
    const head = tree.match(open - 1) - 1;
    if (/^(if|for|while|switch|catch)$/.test(tree.text(head))) return true;
    if (!tree.isName(head) || tree.text(head - 1) !== "function") return false;
    const start = tree.text(head - 2) === "async" ? head - 3 : head - 2;
    return /^([;{}]|)$/.test(tree.text(start));
  }

  /** The body of a method, which has neither arrow nor `function`. */
  #isMethodBody(open: number): boolean {
    const tree = this.#tree;
    if (tree.text(open) !== "{" || tree.text(open - 1) !== ")") return false;
    const head = tree.match(open - 1) - 1;
    if (/^(if|for|while|switch|catch|with|function)$/.test(tree.text(head))) return false;
    return tree.text(head) === "await" ? false : tree.text(head - 1) !== "function";
  }

  /** An arrow function handed to a method of a list, or to Array.from, is called once for each element. */
  #callbackTimes(arrow: number): number | null {
    const tree = this.#tree;
    const last = arrow - 1;
    const first = tree.text(last) === ")" ? tree.match(last) : last;
    const start = tree.text(first - 1) === "async" ? first - 1 : first;
    const call = tree.parent(start);
    if (tree.text(call) !== "(" || tree.text(call - 2) !== ".") return null;
    const method = tree.text(call - 1);
    const [argument] = tree.parts(call);
    if (argument === undefined) return null;
    if (ONCE_EACH.has(method)) return argument[0] === start ? this.#lengthBefore(call - 2) : null;
    const isSecond = tree.text(start - 1) === "," && argument[1] === start - 1;
    if (method !== "from" || tree.text(call - 3) !== "Array" || !isSecond) return null;
    return this.#lengthObject(argument[0], argument[1]);
  }

  /** Length of the list whose expression ends before a place. */
  #lengthBefore(end: number): number | null {
    const tree = this.#tree;
    const last = end - 1;
    if (tree.isName(last)) return tree.text(last - 1) === "." ? null : this.#lengthOfName(tree.text(last));
    const open = tree.match(last);
    if (tree.text(last) === "]") return this.#lengthOfLiteral(open);
    const isFrom = tree.text(open - 1) === "from" && tree.text(open - 3) === "Array";
    const [argument, ...others] = open < 0 ? [] : tree.parts(open);
    return isFrom && argument !== undefined && others.length === 0
      ? this.#lengthObject(argument[0], argument[1])
      : null;
  }

  /** `{ length: 3 }` */
  #lengthObject(from: number, end: number): number | null {
    const tree = this.#tree;
    const isPlain =
      tree.text(from) === "{" && tree.match(from) === end - 1 && tree.text(from + 1) === "length";
    if (!isPlain || tree.text(from + 2) !== ":") return null;
    return tree.wholeNumber(from + 3, end - 1) ?? null;
  }

  #lengthOfLiteral(open: number): number | null {
    const tree = this.#tree;
    const before = tree.tokens[open - 1];
    const isIndex =
      before !== undefined &&
      (before.kind === "string" ||
        /^[)\]}]$/.test(before.text) ||
        (before.kind === "name" && !/^(of|return|await|in)$/.test(before.text)));
    const parts = open < 0 || isIndex ? undefined : tree.parts(open);
    return parts === undefined || parts.some(([from]) => tree.text(from) === "...") ? null : parts.length;
  }

  /** Length of a constant list that is only ever read. */
  #lengthOfName(name: string): number | null {
    const tree = this.#tree;
    const value = tree.constant(name);
    if (value === undefined) return null;
    const isRead = tree.uses(name).every((index) => index === value - 2 || this.#isReading(index));
    if (!isRead) return null;
    const start = tree.text(value) === "await" ? value + 1 : value;
    const call = this.#lengthOfCall(start);
    if (call !== null) return tree.isEnd(call.end + 1) ? call.length : null;
    return tree.text(start) === "[" && tree.isEnd(tree.match(start) + 1)
      ? this.#lengthOfLiteral(start)
      : null;
  }

  #isReading(index: number): boolean {
    const tree = this.#tree;
    const [before, after] = [tree.text(index - 1), tree.text(index + 1)];
    if (before === "of" || before === "...") return true;
    if (after === ".")
      return READING.test(tree.text(index + 2)) && !/^(=|\+=|-=|\+\+|--)$/.test(tree.text(index + 3));
    if (after === "[") {
      const next = tree.text(tree.match(index + 1) + 1);
      return !/^([-+*/%&|^?]*=|\+\+|--|\(|\.)$/.test(next) || /^[=!]==?$/.test(next);
    }
    return before === "(" && after === ")" && READERS.has(tree.text(index - 2));
  }

  /** `for (const x of list)`, and `for (let i = 0; i < 3; i++)` whose variable the body leaves alone. */
  #loopTimes(keyword: number): number | null {
    const tree = this.#tree;
    const open = keyword + 1;
    if (tree.text(open) !== "(") return null;
    const close = tree.match(open);
    for (let index = open + 1; index < close; index++) {
      if (tree.parent(index) !== open || !tree.isName(index, "of")) continue;
      const [first, end] = [index + 1, close];
      if (end - first === 1 && tree.isName(first)) return this.#lengthOfName(tree.text(first));
      return tree.text(first) === "[" && tree.match(first) === end - 1 ? this.#lengthOfLiteral(first) : null;
    }
    const [start, condition, step, ...others] = tree.parts(open, ";");
    if (start === undefined || condition === undefined || step === undefined || others.length > 0)
      return null;
    const name = tree.text(start[0] + 1);
    if (tree.text(start[0]) !== "let" || tree.text(start[0] + 2) !== "=") return null;
    const from = tree.wholeNumber(start[0] + 3, start[1]);
    const bound = this.#bound(condition, name);
    const width = this.#step(step, name);
    if (from === undefined || bound === undefined || width === undefined) return null;
    const bodyEnd = tree.text(close + 1) === "{" ? tree.match(close + 1) : this.#statementEnd(close + 1);
    const isChanged = tree
      .uses(name)
      .some(
        (index) =>
          index > condition[0] &&
          index < bodyEnd &&
          !(index >= step[0] && index < step[1]) &&
          tree.isWritten(index),
      );
    return isChanged ? null : Math.max(0, Math.ceil((bound - from) / width));
  }

  /** `i < 3` or `i <= 3`, further conditions after `&&` allowed; the first value that ends the loop. */
  #bound([from, end]: [number, number], name: string): number | undefined {
    const tree = this.#tree;
    const relation = tree.text(from + 1);
    if (tree.text(from) !== name || !/^<=?$/.test(relation)) return undefined;
    for (let index = from + 3; index < end; index++)
      if (tree.text(index) !== "&&" && index === from + 3) return undefined;
    for (let index = from; index < end; index++)
      if (/^(\|\||\?\??|,|=>)$/.test(tree.text(index))) return undefined;
    const value = tree.wholeNumber(from + 2, from + 3);
    return value === undefined ? undefined : value + (relation === "<=" ? 1 : 0);
  }

  /** `i++`, `++i` or `i += 2`. */
  #step([from, end]: [number, number], name: string): number | undefined {
    const tree = this.#tree;
    const texts = Array.from({ length: end - from }, (_, offset) => tree.text(from + offset)).join(" ");
    if (texts === `${name} ++` || texts === `++ ${name}`) return 1;
    if (!texts.startsWith(`${name} += `)) return undefined;
    return tree.wholeNumber(from + 2, end) || undefined;
  }

  #statementEnd(from: number): number {
    const tree = this.#tree;
    const around = tree.parent(from);
    for (let index = from; index < tree.tokens.length; index++)
      if (tree.text(index) === ";" && tree.parent(index) === around) return index;
    return tree.tokens.length;
  }
}

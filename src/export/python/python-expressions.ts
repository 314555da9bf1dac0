/** @file Expressions of JavaScript as expressions of Python that give the same values. */
import type { AnyNode, CallExpression, Expression, MemberExpression, TemplateLiteral } from "acorn";
import { GLOBALS } from "../../workflow/workflow-api.js";
import { refusal } from "../module-body.js";
import { FUNCTIONS, isForeignMethod } from "./javascript-methods.js";
import { PythonNames, PythonScope } from "./python-scope.js";

export const HINT = "write it in the ways that docs/export.md lists, or export it with --to ts";

const COMPARISONS: Readonly<Record<string, (one: string, other: string) => string>> = {
  "===": (one, other) => `_same(${one}, ${other})`,
  "!==": (one, other) => `not _same(${one}, ${other})`,
  "==": (one, other) => `_alike(${one}, ${other})`,
  "!=": (one, other) => `not _alike(${one}, ${other})`,
  "<": (one, other) => `_less(${one}, ${other})`,
  ">": (one, other) => `_less(${other}, ${one})`,
  "<=": (one, other) => `_less_equal(${one}, ${other})`,
  ">=": (one, other) => `_less_equal(${other}, ${one})`,
};

export const OPERATORS: Readonly<Record<string, string>> = {
  "+": "_add",
  "-": "_subtract",
  "*": "_multiply",
  "/": "_divide",
  "%": "_remainder",
  "**": "_power",
};

const VALUES: Readonly<Record<string, string>> = {
  undefined: "None",
  NaN: 'float("nan")',
  Infinity: 'float("inf")',
};

export abstract class PythonExpressions {
  protected readonly names = new PythonNames();
  protected scope = new PythonScope();
  /** Names of the agent and of the task in Python, where the workflow takes them as they are. */
  protected agent: string | undefined;
  protected task: string | undefined;
  #temporaries = 0;

  /** A function as an expression; what it needs is written before the statement at hand. */
  protected abstract functionOf(node: AnyNode): string;

  protected refuse(node: AnyNode, what: string, hint = HINT): never {
    throw refusal(node, `${what} (to Python)`, hint);
  }

  protected expression(node: AnyNode): string {
    switch (node.type) {
      case "Literal":
        if ("regex" in node && node.regex) return this.#regex(node, node.regex.pattern, node.regex.flags);
        if (node.value === null) return "None";
        if (typeof node.value === "bigint") return this.refuse(node, "a BigInt");
        if (typeof node.value === "boolean") return node.value ? "True" : "False";
        return JSON.stringify(node.value);
      case "TemplateLiteral":
        return this.#template(node);
      case "Identifier":
        return this.#name(node, node.name);
      case "ParenthesizedExpression":
        return this.expression(node.expression);
      case "ArrayExpression":
        return `[${this.#list(node, node.elements)}]`;
      case "ObjectExpression":
        return this.#object(node);
      case "MemberExpression":
        return this.#member(node);
      case "CallExpression":
        return this.#call(node);
      case "ChainExpression":
        return this.expression(node.expression);
      case "AwaitExpression":
        return this.#await(node.argument);
      case "ConditionalExpression":
        return `(${this.expression(node.consequent)} if ${this.test(node.test)} else ${this.expression(node.alternate)})`;
      case "LogicalExpression":
        return this.#logical(node);
      case "BinaryExpression":
        return this.#binary(node);
      case "UnaryExpression":
        return this.#unary(node);
      case "ArrowFunctionExpression":
      case "FunctionExpression":
        return this.functionOf(node);
      case "NewExpression":
        if (isNamed(node.callee, "Error")) return `WorkflowError(${this.#given(node.arguments) || '""'})`;
        return this.refuse(node, `new ${isIdentifier(node.callee) ? node.callee.name : "…"}`);
      case "AssignmentExpression":
        return this.#assigned(node.left, node.operator, this.expression(node.right));
      case "UpdateExpression": {
        const step = node.operator === "++" ? "1" : "-1";
        const value = `_number_of(${this.expression(node.argument)}) + ${step}`;
        const changed = this.#assigned(node.argument, "=", value);
        return node.prefix ? changed : `(${changed} - ${step})`;
      }
      default:
        return this.refuse(node, constructName(node));
    }
  }

  /** An assignment whose value is used. */
  #assigned(left: AnyNode, operator: string, value: string): string {
    const work = operator === "=" ? undefined : OPERATORS[operator.slice(0, -1)];
    if (operator !== "=" && work === undefined)
      return this.refuse(left, `${operator} inside an expression`, "give the assignment a line of its own");
    const result = work === undefined ? value : `${work}(${this.expression(left)}, ${value})`;
    if (isIdentifier(left)) return `(${this.changed(left)} := ${result})`;
    if (left.type === "MemberExpression") return this.memberSet(left, result);
    return this.refuse(left, "a pattern inside an expression", "give the assignment a line of its own");
  }

  /** The name of a variable that gets another value. */
  protected changed(node: Extract<AnyNode, { type: "Identifier" }>): string {
    const found = this.scope.find(node.name);
    if (found === undefined) return this.refuse(node, node.name);
    if (found.owner !== this.scope.owner) this.scope.owner.nonlocals.add(found.python);
    return found.python;
  }

  /** Gives a member of an object or a list a value, which is the value of the expression. */
  protected memberSet(node: MemberExpression, value: string): string {
    const { object, property, computed } = node;
    if (object.type === "Super" || property.type === "PrivateIdentifier") return this.refuse(node, "a class");
    const key = computed
      ? this.expression(property)
      : JSON.stringify(isIdentifier(property) && property.name);
    return `_set(${this.expression(object)}, ${key}, ${value})`;
  }

  /** A condition, as JavaScript takes values for true. */
  protected test(node: AnyNode): string {
    if (node.type === "LogicalExpression" && node.operator !== "??")
      return `(${this.test(node.left)} ${node.operator === "&&" ? "and" : "or"} ${this.test(node.right)})`;
    if (node.type === "UnaryExpression" && node.operator === "!") return `not ${this.#tested(node.argument)}`;
    return isBoolean(node) ? this.expression(node) : `_truthy(${this.expression(node)})`;
  }

  #tested(node: AnyNode): string {
    const text = this.test(node);
    return text.startsWith("not ") ? `(${text})` : text;
  }

  /** What a binding is called in Python; refused where nothing binds it. */
  #name(node: AnyNode, name: string): string {
    const found = this.scope.find(name);
    if (found) return found.python;
    const known = VALUES[name] ?? (Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined);
    return known ?? this.refuse(node, name);
  }

  temporary(): string {
    return `_t${++this.#temporaries}`;
  }

  #template({ quasis, expressions }: TemplateLiteral): string {
    const parts = quasis.flatMap(({ value }, index) => [
      ...(value.cooked ? [JSON.stringify(value.cooked)] : []),
      ...(expressions[index] ? [this.expression(expressions[index])] : []),
    ]);
    if (expressions.length === 0) return parts[0] ?? '""';
    return `_t(${parts.join(", ")})`;
  }

  #list(node: AnyNode, elements: readonly (AnyNode | null)[]): string {
    return elements
      .map((element) => {
        if (element === null) return this.refuse(node, "a hole in a list");
        if (element.type !== "SpreadElement") return this.expression(element);
        return `*_items(${this.#distinct(element.argument) ?? this.expression(element.argument)})`;
      })
      .join(", ");
  }

  /** `new Set(list)`, where it is made a list again at once. */
  #distinct(node: AnyNode): string | undefined {
    if (node.type !== "NewExpression" || !isNamed(node.callee, "Set") || node.arguments.length !== 1)
      return undefined;
    return `_distinct(${this.expression(node.arguments[0] as Expression)})`;
  }

  #given(given: readonly AnyNode[]): string {
    return given.length === 0 ? "" : this.#list(given[0] as AnyNode, given);
  }

  #object(node: Extract<AnyNode, { type: "ObjectExpression" }>): string {
    const members = node.properties.map((property) => {
      if (property.type === "SpreadElement") return `**${this.expression(property.argument)}`;
      if (property.kind !== "init" || property.method) return this.refuse(property, "a method in an object");
      return `${this.key(property)}: ${this.expression(property.value)}`;
    });
    return `{${members.join(", ")}}`;
  }

  /** Key of a member of an object or of a pattern. */
  protected key(property: { key: AnyNode; computed: boolean }): string {
    const { key, computed } = property;
    if (computed) return `_text(${this.expression(key)})`;
    if (key.type === "Identifier") return JSON.stringify(key.name);
    return key.type === "Literal" ? JSON.stringify(String(key.value)) : this.refuse(key, "this key");
  }

  #member(node: MemberExpression): string {
    const { object, property, computed } = node;
    if (object.type === "Super" || property.type === "PrivateIdentifier") return this.refuse(node, "a class");
    if (!computed && isNamed(property, "size")) {
      const distinct = this.#distinct(object);
      if (distinct) return `_length(${distinct})`;
    }
    const read = (own: string): string => {
      if (computed) return `_get(${own}, ${this.expression(property)})`;
      const name = isIdentifier(property) ? property.name : "";
      if (name === "length") return `_length(${own})`;
      if (name === "isCut") return `${this.#name(node, "isCut")}(${own})`;
      if (/^(groups|lastIndex|prototype|constructor|__proto__)$/.test(name))
        return this.refuse(node, `.${name}`);
      if (own === this.task) return `${own}.get(${JSON.stringify(name)})`;
      return `_get(${own}, ${JSON.stringify(name)})`;
    };
    return this.#maybe(node, object, read);
  }

  /** `object?.…` is undefined where the object is; so is what follows in the chain. */
  #maybe(node: { optional: boolean }, object: AnyNode, use: (own: string) => string): string {
    if (!node.optional && !isInChain(object)) return use(this.expression(object));
    const own = this.temporary();
    return `(${use(own)} if (${own} := ${this.expression(object)}) is not None else None)`;
  }

  #call(node: CallExpression): string {
    const { callee, arguments: given } = node;
    if (callee.type === "Identifier") {
      if (this.scope.find(callee.name) === undefined && !Object.hasOwn(FUNCTIONS, callee.name))
        return this.refuse(node, `${callee.name}()`);
      return `${this.#name(callee, callee.name)}(${this.#given(given)})`;
    }
    if (callee.type !== "MemberExpression") return `${this.expression(callee)}(${this.#given(given)})`;
    const { object, property, computed } = callee;
    if (object.type === "Super" || computed || !isIdentifier(property))
      return this.refuse(node, "a call of a member that is computed");
    const { name } = property;
    if (isIdentifier(object) && this.scope.find(object.name) === undefined) {
      const path = `${object.name}.${name}`;
      if (path === "Promise.all") return `_all(${this.#given(given)})`;
      if (object.name === "console") return `_ignored(${this.#given(given)})`;
      if (path === "Array.from" && given[0]) {
        const distinct = this.#distinct(given[0]);
        if (distinct) return distinct;
      }
      if (Object.hasOwn(FUNCTIONS, path)) return `${FUNCTIONS[path]}(${this.#given(given)})`;
      return this.refuse(node, `${path}()`);
    }
    const agent = this.#agentOf(object);
    if (agent !== undefined) return `${agent}.${name}(${this.#given(given)})`;
    if (isForeignMethod(name)) return this.refuse(node, `.${name}()`);
    const more = given.length > 0 ? `, ${this.#given(given)}` : "";
    return this.#maybe(callee, object, (own) => `_call(${own}, ${JSON.stringify(name)}${more})`);
  }

  /** The agent, or its weak twin, as Python names it. */
  #agentOf(node: AnyNode): string | undefined {
    if (isIdentifier(node) && this.agent !== undefined)
      return this.scope.find(node.name)?.python === this.agent ? this.agent : undefined;
    if (node.type !== "MemberExpression" || node.computed || !isNamed(node.property, "weak"))
      return undefined;
    const agent = this.#agentOf(node.object);
    return agent === undefined ? undefined : `${agent}.weak`;
  }

  #await(node: AnyNode): string {
    const isPromise =
      node.type === "CallExpression" &&
      node.callee.type === "MemberExpression" &&
      (isNamed(node.callee.object, "Promise") || this.#agentOf(node.callee.object) !== undefined) &&
      !isNamed(node.callee.property, "log");
    return isPromise ? `await ${this.expression(node)}` : `await _wait(${this.expression(node)})`;
  }

  #logical(node: Extract<AnyNode, { type: "LogicalExpression" }>): string {
    if (isBoolean(node)) return this.test(node);
    const left = this.temporary();
    const first = `(${left} := ${this.expression(node.left)})`;
    const right = this.expression(node.right);
    if (node.operator === "??") return `(${left} if ${first} is not None else ${right})`;
    if (node.operator === "||") return `(${left} if _truthy(${first}) else ${right})`;
    return `(${right} if _truthy(${first}) else ${left})`;
  }

  #binary(node: Extract<AnyNode, { type: "BinaryExpression" }>): string {
    const { operator, left, right } = node;
    if (left.type === "PrivateIdentifier") return this.refuse(node, "a class");
    const isStrict = operator === "===" || operator === "!==";
    const isNull = (side: AnyNode) => side.type === "Literal" && side.value === null && !("regex" in side);
    // Python has one value for both: only what does not tell them apart is the same.
    if (isStrict && (isNull(left) || isNull(right)))
      return this.refuse(node, `${operator} null`, "compare with == null or != null");
    const compare = COMPARISONS[operator];
    if (compare) return compare(this.expression(left), this.expression(right));
    const work = OPERATORS[operator];
    if (work) return `${work}(${this.expression(left)}, ${this.expression(right)})`;
    return this.refuse(node, `the operator ${operator}`);
  }

  #unary(node: Extract<AnyNode, { type: "UnaryExpression" }>): string {
    const { operator, argument } = node;
    switch (operator) {
      case "!":
        return `(${this.test(node)})`;
      case "-":
        return argument.type === "Literal" && typeof argument.value === "number"
          ? `-${argument.value}`
          : `_multiply(-1, ${this.expression(argument)})`;
      case "+":
        return `_number_of(${this.expression(argument)})`;
      case "typeof":
        return `_type_of(${this.expression(argument)})`;
      default:
        return this.refuse(node, `the operator ${operator}`);
    }
  }

  #regex(node: AnyNode, pattern: string, flags: string): string {
    const strange = /[^gimsu]/.exec(flags)?.[0];
    if (strange) return this.refuse(node, `the flag ${strange} of a regular expression`);
    const behind = [...pattern.matchAll(/\(\?<[=!]((?:[^()\\]|\\.)*)/g)];
    if (behind.some(([, inside = ""]) => /[*+?|{]/.test(inside.replace(/\\.|\[(?:[^\]\\]|\\.)*\]/g, "x"))))
      return this.refuse(node, "a lookbehind of several lengths");
    const category = [...pattern.matchAll(/\\[pP]\{([^}]*)\}/g)].find(
      ([, name = ""]) => !/^(?:[LMNPSZC][a-z]?|Letter|Script=Cyrillic)$/.test(name),
    );
    if (category) return this.refuse(node, `${category[0]} in a regular expression`);
    return `_Regex(${JSON.stringify(pattern)}, ${JSON.stringify(flags)})`;
  }
}

/** Functions of workflows as parameters of the translated module. */
export const HELPERS: readonly string[] = [...GLOBALS.map(({ name }) => name), "isCut"];

function isIdentifier(node: AnyNode): node is Extract<AnyNode, { type: "Identifier" }> {
  return node.type === "Identifier";
}

export function isNamed(node: AnyNode, name: string): boolean {
  return isIdentifier(node) && node.name === name;
}

/** Whether the chain that ends in this object has `?.` somewhere. */
function isInChain(node: AnyNode): boolean {
  if (node.type === "MemberExpression") return node.optional || isInChain(node.object);
  if (node.type === "CallExpression") return node.optional || isInChain(node.callee);
  return false;
}

function isBoolean(node: AnyNode): boolean {
  if (node.type === "BinaryExpression") return Object.hasOwn(COMPARISONS, node.operator);
  if (node.type === "LogicalExpression")
    return node.operator !== "??" && isBoolean(node.left) && isBoolean(node.right);
  if (node.type === "UnaryExpression") return node.operator === "!";
  return node.type === "Literal" && typeof node.value === "boolean";
}

/** "ForInStatement" as "for in statement". */
export function constructName({ type }: AnyNode): string {
  return `a ${type.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase()}`;
}

/** @file What gives variables of a workflow their values: declarations, assignments and patterns, as lines of Python. */
import type { AnyNode, Pattern } from "acorn";
import { constructName, OPERATORS, PythonExpressions } from "./python-expressions.js";

export abstract class PythonAssignments extends PythonExpressions {
  /** Lines of the function at hand, and how deep the next one stands. */
  protected lines: string[] = [];
  protected depth = 0;

  protected line(text: string): void {
    this.lines.push(text === "" ? "" : "    ".repeat(this.depth) + text);
  }

  protected bind(name: string): void {
    if (!this.scope.has(name)) this.scope.bind(name, this.names.give(name));
  }

  protected bindPattern(pattern: Pattern): void {
    switch (pattern.type) {
      case "Identifier":
        this.bind(pattern.name);
        return;
      case "ArrayPattern":
        for (const element of pattern.elements) if (element) this.bindPattern(element);
        return;
      case "ObjectPattern":
        for (const one of pattern.properties)
          this.bindPattern(one.type === "Property" ? one.value : one.argument);
        return;
      case "AssignmentPattern":
        this.bindPattern(pattern.left);
        return;
      case "RestElement":
        this.bindPattern(pattern.argument);
        return;
      default:
        this.refuse(pattern, constructName(pattern));
        return;
    }
  }

  /** An expression whose value nobody takes. */
  protected effect(node: AnyNode): void {
    if (node.type === "AssignmentExpression") {
      const { operator, left, right } = node;
      if (operator === "=") {
        this.assign(left as Pattern, this.expression(right), false);
        return;
      }
      const old = this.expression(left as AnyNode);
      if (/^(\|\||&&|\?\?)=$/.test(operator)) {
        const isNeeded = { "||=": `not _truthy(${old})`, "&&=": `_truthy(${old})`, "??=": `${old} is None` };
        this.line(`if ${isNeeded[operator as keyof typeof isNeeded]}:`);
        this.depth++;
        this.assign(left as Pattern, this.expression(right), false);
        this.depth--;
        return;
      }
      const work = OPERATORS[operator.slice(0, -1)];
      if (work === undefined) this.refuse(node, `the operator ${operator}`);
      this.assign(left as Pattern, `${work}(${old}, ${this.expression(right)})`, false);
      return;
    }
    if (node.type === "UpdateExpression") {
      const step = node.operator === "++" ? "1" : "-1";
      this.assign(node.argument as Pattern, `_number_of(${this.expression(node.argument)}) + ${step}`, false);
      return;
    }
    if (node.type === "SequenceExpression") {
      for (const one of node.expressions) this.effect(one);
      return;
    }
    this.line(this.expression(node));
  }

  /** Gives a pattern a value. @param isNew - it is being declared */
  protected assign(pattern: Pattern, value: string, isNew: boolean): void {
    switch (pattern.type) {
      case "Identifier": {
        const name = isNew ? this.scope.find(pattern.name)?.python : this.changed(pattern);
        this.line(`${name} = ${value}`);
        return;
      }
      case "MemberExpression":
        this.line(this.memberSet(pattern, value));
        return;
      case "AssignmentPattern": {
        const given = this.temporary();
        const chosen = `(${given} if (${given} := ${value}) is not None else ${this.expression(pattern.right)})`;
        this.assign(pattern.left, chosen, isNew);
        return;
      }
      case "ArrayPattern": {
        const [only] = pattern.elements;
        if (pattern.elements.length === 1 && only && only.type !== "RestElement") {
          this.assign(only, `_at(${value}, 0)`, isNew);
          return;
        }
        const whole = this.temporary();
        this.line(`${whole} = _items(${value})`);
        for (const [index, element] of pattern.elements.entries()) {
          if (element === null) continue;
          if (element.type === "RestElement")
            this.assign(element.argument, `list(${whole}[${index}:])`, isNew);
          else this.assign(element, `_at(${whole}, ${index})`, isNew);
        }
        return;
      }
      case "ObjectPattern": {
        const whole = this.temporary();
        this.line(`${whole} = ${value}`);
        const keys: string[] = [];
        for (const one of pattern.properties) {
          if (one.type === "RestElement") {
            const rest = `{key: item for key, item in ${whole}.items() if key not in [${keys.join(", ")}]}`;
            this.assign(one.argument, rest, isNew);
            continue;
          }
          const key = this.key(one);
          keys.push(key);
          this.assign(one.value, `_get(${whole}, ${key})`, isNew);
        }
        return;
      }
      default:
        this.refuse(pattern, constructName(pattern));
        return;
    }
  }
}

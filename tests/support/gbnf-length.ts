/** @file Characters of the longest sentence of a grammar. */
import type { Gbnf, GbnfExpression } from "../../src/workflow/gbnf.js";

export function longestSentence({ rules }: Gbnf): number {
  const length = (expression: GbnfExpression): number => {
    switch (expression.type) {
      case "text":
        return expression.text.length;
      case "class":
        return 1;
      case "rule":
        return length(rules.get(expression.name)!);
      case "sequence":
        return expression.parts.reduce((sum, part) => sum + length(part), 0);
      case "choice":
        return Math.max(...expression.options.map(length));
      case "repeat":
        return expression.max * length(expression.part);
    }
  };
  return length({ type: "rule", name: "root" });
}

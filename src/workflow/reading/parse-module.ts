/** @file Parses the source of a workflow as the sandbox does: as a module. */
import { Parser, type Program } from "acorn";

/**
 * Calls of the methods below that may be open at once: about 150 brackets in each other. V8 ends the process when one of
 * acorn's regular expressions is compiled with the stack nearly full, so that a source must never come near that.
 */
const MAX_DEPTH = 600;
/** Methods of acorn that all its recursion passes through. */
const RECURSIVE =
  "parseStatement parseMaybeAssign parseMaybeUnary parseExprOp parseExprAtom parseBindingAtom regexp_disjunction".split(
    " ",
  );

type Method = (...given: unknown[]) => unknown;

class LimitedParser extends Parser {
  constructor(source: string) {
    super({ ecmaVersion: "latest", sourceType: "module", locations: true }, source);
    const methods = this as unknown as Record<string, Method>;
    let depth = 0;
    for (const name of RECURSIVE) {
      const method = methods[name] as Method;
      methods[name] = (...given) => {
        if (++depth > MAX_DEPTH) throw new RangeError("nested too deeply");
        const result = method.apply(this, given);
        depth--;
        return result;
      };
    }
  }
}

/**
 * @throws {SyntaxError} with the place in `loc`, when the source is no JavaScript
 * @throws {RangeError} when it is nested too deeply
 */
export function parseModule(source: string): Program {
  return new LimitedParser(source).parse();
}

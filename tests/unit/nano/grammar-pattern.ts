/** @file A GBNF grammar without recursion as one regular expression: tells whether a text is a sentence of it. */

const TOKEN = /"((?:[^"\\]|\\.)*)"|(\[(?:[^\]\\]|\\.)*\])|(\{\d+,\d+\})|([()|?])|([a-zA-Z][\w-]*)|\s+/gy;

/** @throws {SyntaxError} on anything outside that dialect, and on unknown rules */
export function grammarPattern(grammar: string): RegExp {
  const rules = new Map(
    grammar
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => {
        const cut = line.indexOf("::=");
        return [line.slice(0, cut).trim(), line.slice(cut + 3)] as const;
      }),
  );
  const patterns = new Map<string, string>();
  const patternOf = (name: string): string => {
    const known = patterns.get(name);
    if (known !== undefined) return known;
    const body = rules.get(name);
    if (body === undefined) throw new SyntaxError(`rule ${name} is not defined`);
    const pattern = `(?:${translate(body, patternOf)})`;
    patterns.set(name, pattern);
    return pattern;
  };
  return new RegExp(`^${patternOf("root")}$`, "u");
}

function translate(body: string, patternOf: (name: string) => string): string {
  let out = "";
  let end = 0;
  for (const match of body.matchAll(TOKEN)) {
    if (match.index !== end) break;
    end += match[0].length;
    const [, text, characters, count, mark, rule] = match;
    if (text !== undefined) out += `(?:${quote(plainText(text))})`;
    else if (rule !== undefined) out += patternOf(rule);
    else if (mark === "(") out += "(?:";
    else out += characters ?? count ?? mark ?? "";
  }
  if (end !== body.length) throw new SyntaxError(`cannot read on at ${end}: ${body.slice(end, end + 30)}`);
  return out;
}

function plainText(text: string): string {
  return text.replace(/\\(.)/g, (_, mark: string) => (mark === "n" ? "\n" : mark));
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

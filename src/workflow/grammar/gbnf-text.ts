/** @file Pieces of GBNF as text: literals, alternatives, lists, and template literals of JavaScript inside them. */

/** A literal of GBNF. */
export function literal(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;
}

export function anyOf(texts: readonly string[]): string {
  return texts.length === 1 ? literal(texts[0]!) : `(${texts.map(literal).join(" | ")})`;
}

/** Rules of which one is written. */
export function oneOf(rules: readonly string[]): string {
  return rules.length === 1 ? rules[0]! : `(${rules.join(" | ")})`;
}

/** Member of an object that a sentence may hold, or must. */
export interface Member {
  rule: string;
  isForced: boolean;
}

/** At least one of the members, in their order, with commas between them; forced ones always. */
export function membersOf(members: readonly Member[]): string {
  const firstForced = members.findIndex(({ isForced }) => isForced);
  const starts = firstForced < 0 ? members : members.slice(0, firstForced + 1);
  return oneOf(starts.map(({ rule }, index) => `${rule}${furtherMembers(members.slice(index + 1))}`));
}

/** Any of the members in their order, each behind a comma; forced ones always. */
export function furtherMembers(members: readonly Member[]): string {
  return members.map(({ rule, isForced }) => ` ${isForced ? `", " ${rule}` : `(", " ${rule})?`}`).join("");
}

/** Members as the last argument of a call: `, { a, b }`, or nothing where none is forced. */
export function optionsOf(members: readonly Member[]): string {
  if (members.length === 0) return literal("");
  const object = `${literal(", { ")} ${membersOf(members)} ${literal(" }")}`;
  return members.some(({ isForced }) => isForced) ? object : `(${object})?`;
}

/** Text as the inside of a template literal of JavaScript, whatever it holds. */
export function templateText(text: string): string {
  return text.replace(/[\\`]|\$(?=\{)/g, "\\$&").replace(/\n/g, "\\n");
}

/** A template literal of JavaScript; pieces are rules, or texts made by `inside`. */
export function template(...pieces: readonly string[]): string {
  return `"\`" ${pieces.filter((piece) => piece !== "").join(" ")} "\`"`;
}

/** Text of a template literal that may hold `${…}`; line breaks are written as escapes. */
export function inside(text: string): string {
  return literal(text.replace(/\n/g, "\\n"));
}

/** Rules as the text of a grammar, without those that `root` does not reach. */
export function grammarText(rules: Readonly<Record<string, string>>): string {
  const reached = new Set(["root"]);
  // A set is walked in the order of its growth, to its end.
  for (const name of reached) {
    const names = rules[name]!.replace(/"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]/g, " ").match(
      /[a-zA-Z][\w-]*/g,
    );
    for (const mentioned of names ?? []) reached.add(mentioned);
  }
  return `${Object.entries(rules)
    .filter(([name]) => reached.has(name))
    .map(([name, rule]) => `${name} ::= ${rule}`)
    .join("\n")}\n`;
}

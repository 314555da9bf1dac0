/** @file JSON text of a value that must be plain JSON, within a size; what is not says where it stands. */

/** Deeper values are refused; a cycle is one of them. */
const MAX_DEPTH = 64;

/**
 * Strict where JSON.stringify is lenient: functions, symbols, big integers, NaN and objects with a class of their own are
 * refused instead of dropped or rewritten. Members that are undefined are left out.
 * @param maxBytes - of the text as UTF-8
 * @throws {TypeError} naming what is no JSON and where; {RangeError} when it is longer
 */
export function plainJson(value: unknown, maxBytes: number): string {
  let size = 0;
  const spend = (characters: number): void => {
    size += characters;
    if (size > maxBytes) throw new RangeError(`longer than ${maxBytes} bytes`);
  };
  const visit = (item: unknown, path: string, depth: number): void => {
    const why = whyNoJson(item, depth);
    if (why !== undefined) throw new TypeError(`${why}${path === "" ? "" : ` at ${path.slice(0, 200)}`}`);
    if (typeof item === "string") spend(item.length + 2);
    else if (typeof item !== "object" || item === null) spend(1);
    else if (Array.isArray(item)) {
      spend(item.length + 1);
      // By index: a hole is undefined and refused, where forEach would skip it.
      for (let i = 0; i < item.length; i++) visit(item[i], `${path}[${i}]`, depth + 1);
    } else {
      spend(2);
      for (const [key, member] of Object.entries(item)) {
        if (member === undefined) continue;
        spend(key.length + 4);
        visit(member, path === "" ? key : `${path}.${key}`, depth + 1);
      }
    }
  };
  visit(value, "", 0);
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > maxBytes) throw new RangeError(`longer than ${maxBytes} bytes`);
  return text;
}

/** Reason why a value, looked at without its members, is no plain JSON. */
function whyNoJson(item: unknown, depth: number): string | undefined {
  if (item === null || typeof item === "boolean" || typeof item === "string") return undefined;
  if (typeof item === "number") return Number.isFinite(item) ? undefined : `the number ${item}`;
  if (typeof item === "undefined") return "undefined";
  if (typeof item !== "object") return `a ${typeof item}`;
  if (depth >= MAX_DEPTH) return `a value nested deeper than ${MAX_DEPTH} or cyclic`;
  const prototype: unknown = Object.getPrototypeOf(item);
  const isPlain = Array.isArray(item) || prototype === Object.prototype || prototype === null;
  return isPlain ? undefined : "an object that is no plain object";
}

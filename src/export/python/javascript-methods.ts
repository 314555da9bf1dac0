/** @file Functions and methods of JavaScript that `runtime/workflow.py` has too. */

/** Functions by the path they are called under, with their name in Python. */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  "Array.from": "_list_from",
  "Array.isArray": "_is_list",
  Boolean: "_truthy",
  "JSON.parse": "_parse",
  "JSON.stringify": "_stringify",
  Number: "_number_of",
  "Number.isFinite": "_is_finite",
  "Number.isInteger": "_is_whole",
  "Number.isNaN": "_is_nan",
  "Number.parseFloat": "_parse_float",
  "Number.parseInt": "_parse_int",
  "Object.entries": "_entries",
  "Object.keys": "_keys",
  "Object.values": "_values",
  "Object.fromEntries": "_from_entries",
  String: "_text",
  "String.fromCharCode": "_letters",
  isNaN: "_is_no_number",
  parseFloat: "_parse_float",
  parseInt: "_parse_int",
  ...Object.fromEntries(
    "max min floor ceil trunc round abs sqrt pow"
      .split(" ")
      .map((name) => [`Math.${name}`, `_math[${JSON.stringify(name)}]`]),
  ),
};

/** Methods of lists, texts, numbers and regular expressions. */
const METHODS = new Set(
  (
    "map filter forEach flatMap some every find findIndex findLast findLastIndex reduce join slice concat includes indexOf push pop " +
    "shift unshift splice reverse toReversed sort toSorted flat entries keys values at fill trim trimStart trimEnd split substring " +
    "startsWith endsWith lastIndexOf toLowerCase toUpperCase replace replaceAll match matchAll search padStart padEnd repeat charAt " +
    "charCodeAt normalize toFixed toString test exec"
  ).split(" "),
);

/** Methods, and `Array.from`, that call their function before they return. */
export const CALLING = new Set(
  "from map filter forEach flatMap some every find findIndex findLast findLastIndex reduce sort toSorted replace replaceAll".split(
    " ",
  ),
);

const BUILT_IN = new Set(
  [Array, String, Number, RegExp, Promise, Object, Function, Map, Set, Date].flatMap((kind) =>
    Object.getOwnPropertyNames(kind.prototype),
  ),
);

/** Whether a method is one of JavaScript's own that Python lacks; members of objects of one's own are none of these. */
export function isForeignMethod(name: string): boolean {
  return BUILT_IN.has(name) && !METHODS.has(name);
}

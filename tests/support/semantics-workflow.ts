/** @file A workflow that asks no model and does what JavaScript does otherwise than Python: its answer shows every difference. */

export const SEMANTICS = `
const twice = (text, { mark = "-", times = 2 } = {}) => Array.from({ length: times }, () => text).join(mark);
function count(list) {
  let total = 0;
  list.forEach((one) => { total += one; });
  return total;
}
async function later(value) {
  await agentless();
  return value * 2;
}
async function agentless() {}

export default async function workflow(agent, task) {
  const found = [];
  const add = (name, value) => found.push([name, value]);
  add("text", [\`\${1 / 2} \${10 / 5} \${1e21} \${1e-7} \${0.1 + 0.2} \${true} \${undefined} \${[1, [2, 3]]} \${{}}\`]);
  add("sums", ["1" + 2, 1 + 2, "3" * "4", 7 % 3, -7 % 3, 2 ** 10, "5" - 2, [] + 1, true + 1, 5 / 0 > 1e308]);
  add("truth", [[], {}, "", "0", 0, -1, NaN, undefined].map((one) => (one ? "yes" : "no")));
  add("or", ["" || "a", 0 ?? "b", undefined ?? "c", "d" && "e", "" && "f", [] || "g"]);
  add("equal", [1 === 1.0, "1" === 1, "1" == 1, true === 1, undefined == null, [] === [], "a" < "b", "B" < "a", "10" < "9", 10 < "9"]);
  add("types", [typeof 1, typeof "", typeof {}, typeof [], typeof true, typeof undefined, typeof twice]);
  add("numbers", [Number("12"), Number(" 1.50 "), Number(""), Number("1e3"), isNaN(Number("x")), parseInt("12px"), parseFloat("3.5kg"), Number.isInteger(2.0), Number.isFinite(1 / 0)]);
  add("rounding", [Math.round(2.5), Math.round(-2.5), Math.floor(-1.5), Math.ceil(1.2), Math.trunc(-1.7), Math.max(1, "3", 2), Math.min(...[4, 2]), Math.abs("-3"), (1.25).toFixed(1), (2).toFixed(2)]);
  add("lengths", ["😀a".length, "abc".length, [1, 2].length, "😀a".slice(0, 2).length, "ab😀".slice(-2), "😀b".indexOf("b")]);
  add("slices", ["hello".slice(1, -1), "hello".slice(-3), [1, 2, 3].slice(-2), "hello".substring(3, 1), "abc".at(-1), [1, 2].at(-1), "abc"[1], [1][5] === undefined]);
  add("texts", ["a,b,,c".split(","), "abc".split(""), "a b".split(" ", 1), " x ".trim() + "|", "x".padStart(3, "-"), "ab".repeat(2), "Ab".toUpperCase(), "a-b-c".replace("-", "+"), "a-b-c".replaceAll("-", "+"), "x".charCodeAt(0), String.fromCharCode(65, 66)]);
  add("regex", ["a1b22".replace(/\\d+/g, (digits) => \`<\${digits}>\`), "John Smith".replace(/(\\w+) (\\w+)/, "$2 $1"), "a1b2".match(/\\d/g), "a1".match(/([a-z])(\\d)/)[2], /^x$/m.test("y\\nx"), "a, b;c".split(/[,;]\\s*/), [..."k=v w=x".matchAll(/(\\w)=(\\w)/g)].map(([, key, value]) => key + value), "é1".replace(/\\p{L}/u, "L"), /\\bcat\\b/i.test("a Cat!"), "x".match(/y/) == null]);
  add("lists", [[3, 10, 2].sort(), [3, 10, 2].sort((a, b) => a - b), [1, 2, 3].reverse(), [1, [2, [3]]].flat(), [1, 2].concat([3], 4), [1, 2, 3].includes(2), ["a", "b"].indexOf("b"), [1, 2, 3, 4].filter((one) => one % 2), [1, 2, 3].reduce((sum, one) => sum + one, 0), [...["a", "b"].entries()], [...new Set([1, 2, 1])], new Set("aab").size]);
  add("find", [[5, 6].find((one) => one > 5), [5, 6].findIndex((one) => one > 9), [5, 6].some((one) => one > 5), [5, 6].every((one) => one > 5), ["x", "y"].map((one, index) => one + index), ["1", "2"].map(Number), ["", "a"].filter(Boolean), [1, 2].map(String)]);
  add("objects", [Object.entries({ b: 1, 10: 2, "2": 3, "01": 4 }), JSON.stringify({ b: 1, 5: 2 }), Object.keys({ a: 1, b: 2 }), Object.values({ a: 1 }), Object.entries({ a: 1 }), { ...{ a: 1, b: 2 }, b: 3 }, Object.fromEntries([["a", 1]]), JSON.stringify({ a: [1, "é", 0.5] }), JSON.parse('{"a": [1.0, true]}')]);
  const { a, ...rest } = { a: 1, b: 2, c: 3 };
  const [first, , third = "none", ...others] = ["x", "y"];
  add("patterns", [a, rest, first, third, others, twice("z"), twice("z", { times: 3 }), count([1, 2, 3])]);
  const missing = task.missing;
  add("chains", [missing?.deep.er === undefined, task?.question.length > 0, missing?.trim() ?? "none", [undefined]?.[0] === undefined]);
  let text = "";
  for (let i = 0; i < 5; i++) {
    if (i === 1) continue;
    if (i === 4) break;
    text += i;
  }
  for (const letter of "ab") text += letter;
  for (const [index, one] of ["p", "q"].entries()) { text += index + one; }
  let left = 3;
  while (left > 0) left -= 2;
  do { left++; } while (left < 2);
  let [rounds, high] = [0, 0];
  while (rounds++ < 3) high = Math.max(high, rounds);
  const bump = () => ++high;
  const words = /[a-z]+/g;
  const read = [];
  let match;
  while ((match = words.exec("ab cd 1")) != null) read.push(match[0]);
  add("loops", [text, left, rounds, high, bump(), high--, high, (left = rounds + 1), read, words.test("x"), words.test("x")]);
  try {
    task.missing.deep;
  } catch (error) {
    add("caught", typeof error.message);
  }
  return found;
}
`;

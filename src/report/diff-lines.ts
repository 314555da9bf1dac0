/** @file Line differences of two short texts. Goes into the page as its own text, so it refers to nothing outside. */

export interface DiffLine {
  /** "-" only in the first text, "+" only in the second, " " in both. */
  mark: " " | "-" | "+";
  text: string;
}

/**
 * A shortest list of changes that makes `after` of `before`, by longest common subsequence; removals stand first.
 * Texts of more than 600 changed lines are given as all removed, all added: nobody reads such a difference.
 */
export function diffLines(before: string, after: string): DiffLine[] {
  const limit = 600;
  const a = before.replace(/\n$/, "").split("\n");
  const b = after.replace(/\n$/, "").split("\n");
  const line = (mark: DiffLine["mark"]) => (text: string) => ({ mark, text });
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let tail = 0;
  while (
    tail < a.length - start &&
    tail < b.length - start &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  )
    tail++;
  const x = a.slice(start, a.length - tail);
  const y = b.slice(start, b.length - tail);
  const middle: DiffLine[] = [];
  if (x.length > limit || y.length > limit) {
    middle.push(...x.map(line("-")), ...y.map(line("+")));
  } else {
    // common[i][j] = length of the longest common subsequence of x from i and y from j
    const common = Array.from({ length: x.length + 1 }, () => new Array<number>(y.length + 1).fill(0));
    const at = (i: number, j: number) => common[i]?.[j] ?? 0;
    for (let i = x.length - 1; i >= 0; i--) {
      const row = common[i] as number[];
      for (let j = y.length - 1; j >= 0; j--)
        row[j] = x[i] === y[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
    let i = 0;
    let j = 0;
    while (i < x.length || j < y.length) {
      if (i < x.length && j < y.length && x[i] === y[j]) {
        middle.push({ mark: " ", text: x[i] as string });
        i++;
        j++;
      } else if (i < x.length && (j >= y.length || at(i + 1, j) >= at(i, j + 1))) {
        middle.push({ mark: "-", text: x[i] as string });
        i++;
      } else {
        middle.push({ mark: "+", text: y[j] as string });
        j++;
      }
    }
  }
  return [...a.slice(0, start).map(line(" ")), ...middle, ...a.slice(a.length - tail).map(line(" "))];
}

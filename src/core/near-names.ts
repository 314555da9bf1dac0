/** @file Names close to a misspelt one, for hints in error messages. */

/** Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let best = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforePrevious[j - 2]! + 1);
      }
      row.push(best);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** At most three known names, nearest first, that a user may have meant. */
export function nearNames(name: string, known: Iterable<string>): string[] {
  const wanted = name.slice(0, 100).toLowerCase();
  const limit = Math.max(1, Math.ceil(wanted.length / 3));
  return [...new Set(known)]
    .map((candidate) => {
      const lower = candidate.toLowerCase();
      const isPart = wanted.length >= 3 && (lower.includes(wanted) || wanted.includes(lower));
      return { candidate, distance: isPart ? 1 : editDistance(wanted, lower.slice(0, 100)) };
    })
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
}

/** The hint at a misspelt name: the nearest of the known ones, else `otherwise`. Default: all that are known. */
export function nearHint(name: string, known: Iterable<string>, otherwise?: string): string {
  const names = [...known];
  const [near] = nearNames(name, names);
  return near === undefined ? (otherwise ?? `known: ${names.join(", ")}`) : `did you mean ${near}?`;
}

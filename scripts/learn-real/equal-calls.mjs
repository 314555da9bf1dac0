/** @file Searches at equal cost: candidates in the order they were drawn, as far as a number of executor calls goes. */

/**
 * Calls of a search; what a workflow was asked about an item counts once, however many candidates wrote that workflow.
 * @param own - candidates with their evaluations
 */
export const searchCalls = (own) => sumOf(countCalls(own, new Set()));

/** @returns the longest beginning of the candidates that took at most so many calls, and the first one in any case */
export function upTo(own, most) {
  const costs = countCalls(own, new Set());
  const end = costs.findIndex((_, at) => sumOf(costs.slice(0, at + 1)) > most);
  return own.slice(0, end < 0 ? own.length : Math.max(1, end));
}

/** What each candidate adds. */
function countCalls(own, seen) {
  return own.map(({ hash, evaluation: { results } }) =>
    sumOf(
      results.map(({ sampleId, usage }) => {
        const key = `${hash} ${sampleId}`;
        if (seen.has(key)) return 0;
        seen.add(key);
        return sumOf(Object.values(usage).map(({ calls }) => calls));
      }),
    ),
  );
}

const sumOf = (numbers) => numbers.reduce((sum, one) => sum + one, 0);

/** @file A* beside a breadth-first search written here, on random grids: lengths, turns, and where there is no way. */
import { expect, test } from "vitest";
import { Random } from "../../../../src/core/random.js";
import { pathLength, shortestPath } from "../../../../src/tasks/families/robot/shortest-path.js";

type Grid = boolean[][];
const MOVES = { north: [0, -1], east: [1, 0], south: [0, 1], west: [-1, 0] } as const;
const NAMES = Object.keys(MOVES) as (keyof typeof MOVES)[];

/** Least cells by flooding, and the fewest turns of ways of that length by trying all of them layer by layer. */
function bruteForce(grid: Grid, start: [number, number], goal: [number, number]) {
  const isGoal = ([x, y]: readonly number[]) => x === goal[0] && y === goal[1];
  if (isGoal(start)) return { cells: 0, turns: 0 };
  let layer = new Map<string, number>([[`${start},`, 0]]);
  for (let cells = 1; cells <= grid.length * grid[0]!.length; cells++) {
    const next = new Map<string, number>();
    for (const [key, turns] of layer) {
      const [x, y, heading] = key.split(",");
      for (const name of NAMES) {
        const [nx, ny] = [Number(x) + MOVES[name][0], Number(y) + MOVES[name][1]];
        if (!grid[ny]?.[nx]) continue;
        const found = turns + (heading === "" || heading === name ? 0 : 1);
        const to = `${nx},${ny},${name}`;
        next.set(to, Math.min(found, next.get(to) ?? Number.POSITIVE_INFINITY));
      }
    }
    const ends = [...next].filter(([key]) => isGoal(key.split(",").slice(0, 2).map(Number)));
    if (ends.length > 0) return { cells, turns: Math.min(...ends.map(([, turns]) => turns)) };
    layer = next;
  }
  return undefined;
}

test("as long as the shortest way, with as few turns as any of them, and none where there is none", () => {
  let [blocked, found] = [0, 0];
  for (let seed = 0; seed < 250; seed++) {
    const random = new Random(seed);
    const [width, height] = [random.integer(1, 7), random.integer(1, 7)];
    const grid: Grid = Array.from({ length: height }, () =>
      Array.from({ length: width }, () => random.chance(0.7)),
    );
    const place = (): [number, number] => [random.integer(0, width - 1), random.integer(0, height - 1)];
    const [start, goal] = [place(), place()];
    grid[start[1]]![start[0]] = true;
    const expected = bruteForce(grid, start, goal);
    const legs = shortestPath(
      { x: start[0], y: start[1] },
      { x: goal[0], y: goal[1] },
      ({ x, y }) => grid[y]?.[x] ?? false,
    );
    if (!expected) {
      expect(legs, `seed ${seed}`).toBeUndefined();
      blocked++;
      continue;
    }
    found++;
    expect(pathLength(legs!), `seed ${seed}`).toBe(expected.cells);
    expect(Math.max(0, legs!.length - 1), `turns, seed ${seed}`).toBe(expected.turns);
    let [x, y] = start;
    for (const { direction, cells } of legs!) {
      for (let done = 0; done < cells; done++) {
        [x, y] = [x + MOVES[direction][0], y + MOVES[direction][1]];
        expect(grid[y]?.[x], `seed ${seed}`).toBe(true);
      }
    }
    expect([x, y]).toEqual(goal);
  }
  expect(blocked).toBeGreaterThan(20);
  expect(found).toBeGreaterThan(150);
});

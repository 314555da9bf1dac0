/** @file A* on the grid: the shortest way, and of equally short ones one with the fewest turns. */
import { type Cell, cellKey, DIRECTIONS, type Direction, isSame, moved } from "./world.js";

/** A straight piece of a way. */
export interface Leg {
  direction: Direction;
  /** Number of cells, at least 1. */
  cells: number;
}

/** A cell costs more than all turns of the longest way together, so turns only break ties. */
const CELL_COST = 1 << 13;

interface Node {
  cell: Cell;
  /** Direction of the last move; none at the start. */
  heading: Direction | undefined;
  cost: number;
  /** Cost and the least that is still to come. */
  total: number;
  from: Node | undefined;
}

/**
 * @param isFree - whether the robot may stand in a cell; must be false outside of a bounded map
 * @returns the legs from start to goal, [] when they are one cell, undefined when there is no way
 */
export function shortestPath(start: Cell, goal: Cell, isFree: (cell: Cell) => boolean): Leg[] | undefined {
  const open: Node[] = [];
  const best = new Map<string, number>();
  const push = (node: Node) => {
    const key = `${cellKey(node.cell)},${node.heading ?? ""}`;
    if ((best.get(key) ?? Number.POSITIVE_INFINITY) <= node.cost) return;
    best.set(key, node.cost);
    siftUp(open, node);
  };
  const atLeast = ({ x, y }: Cell) => (Math.abs(x - goal.x) + Math.abs(y - goal.y)) * CELL_COST;
  push({ cell: start, heading: undefined, cost: 0, total: atLeast(start), from: undefined });
  for (let node = siftDown(open); node; node = siftDown(open)) {
    if (isSame(node.cell, goal)) return legsOf(node);
    for (const direction of DIRECTIONS) {
      const cell = moved(node.cell, direction);
      if (!isFree(cell)) continue;
      const turn = node.heading === undefined || node.heading === direction ? 0 : 1;
      const cost = node.cost + CELL_COST + turn;
      push({ cell, heading: direction, cost, total: cost + atLeast(cell), from: node });
    }
  }
  return undefined;
}

export function pathLength(legs: readonly Leg[]): number {
  return legs.reduce((sum, { cells }) => sum + cells, 0);
}

function legsOf(end: Node): Leg[] {
  const legs: Leg[] = [];
  for (let node: Node | undefined = end; node?.heading; node = node.from) {
    const first = legs[0];
    if (first?.direction === node.heading) first.cells++;
    else legs.unshift({ direction: node.heading, cells: 1 });
  }
  return legs;
}

/** A binary heap: the least total is at the front. */
function siftUp(heap: Node[], node: Node): void {
  let index = heap.length;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    if (heap[parent]!.total <= node.total) break;
    heap[index] = heap[parent]!;
    index = parent;
  }
  heap[index] = node;
}

function siftDown(heap: Node[]): Node | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (!first || !last || heap.length === 0) return first;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.total < heap[child]!.total) child++;
    if (heap[child]!.total >= last.total) break;
    heap[index] = heap[child]!;
    index = child;
  }
  heap[index] = last;
  return first;
}

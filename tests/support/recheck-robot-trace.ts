/** @file Goes through a recorded robot run once more, with nothing of the program but the letters of the map. */

interface RecordedRun {
  map: readonly string[];
  battery: number;
  reserve: number;
  trace: readonly {
    moves: string;
    stopped?: { direction: string; danger: string } | undefined;
    refused?: string | undefined;
  }[];
}

export interface Recheck {
  /** Moves that were carried out although they led off the map, into something, or below the reserve. */
  unsafe: number;
  /** Stops without a danger: the rule layer was too careful or told the wrong reason. */
  needlessStops: number;
  moves: number;
  stops: number;
  isAtGoal: boolean;
}

const BY_LETTER: Record<string, readonly [number, number]> = {
  n: [0, -1],
  s: [0, 1],
  e: [1, 0],
  w: [-1, 0],
};

export function recheckRobotTrace({ map, battery, reserve, trace }: RecordedRun): Recheck {
  const all = map.join("\n");
  const width = (map[0] as string).length + 1;
  const start = all.indexOf("S");
  let [x, y] = [start % width, Math.floor(start / width)];
  let charge = battery;
  const count: Recheck = { unsafe: 0, needlessStops: 0, moves: 0, stops: 0, isAtGoal: false };
  const danger = (letter: string): string | undefined => {
    const [dx, dy] = BY_LETTER[letter] as readonly [number, number];
    const mark = y + dy < 0 || x + dx < 0 ? undefined : map[y + dy]?.charAt(x + dx);
    if (mark === undefined || mark === "") return "off the map";
    if (mark === "#") return "into a wall";
    if (mark === "o") return "into a crate";
    return charge <= reserve ? "below the battery reserve" : undefined;
  };
  for (const { moves, stopped, refused } of trace) {
    if (refused !== undefined && moves !== "") count.unsafe++;
    for (const letter of moves) {
      count.moves++;
      if (danger(letter) !== undefined) count.unsafe++;
      const [dx, dy] = BY_LETTER[letter] as readonly [number, number];
      [x, y] = [x + dx, y + dy];
      charge--;
      if (charge < reserve) count.unsafe++;
    }
    if (stopped) {
      count.stops++;
      if (danger(stopped.direction.charAt(0)) !== stopped.danger) count.needlessStops++;
    }
  }
  count.isAtGoal = map[y]?.charAt(x) === "G";
  return count;
}

/** @file A robot run as a drawing: map, way, where the rule layer stopped it. Inline SVG, styled by classes only. */
import type { Replay } from "../records/replay-record.js";
import { html, type Markup } from "./html.js";

/** Side of a cell in units of the drawing. */
const SIDE = 20;
const STEP: Readonly<Record<string, readonly [number, number]>> = {
  n: [0, -1],
  e: [1, 0],
  s: [0, 1],
  w: [-1, 0],
};

interface Drawing {
  way: [number, number][];
  /** Points at which control steps began. */
  stations: [number, number][];
  stops: { from: [number, number]; to: [number, number] }[];
}

/** Figures of all replays, those of one item beside each other; null where there are none. */
export function replayFigures(replays: readonly Replay[]): Markup | null {
  if (replays.length === 0) return null;
  const items = [...new Set(replays.map(({ sampleId }) => sampleId))];
  return html`<p class="note">The first items of the split, drawn by the run's seed and not by what came out. Line: the way, from S to where the robot ended; dots: where the workflow was called; crosses: commands that the rule layer stopped; squares: crates, which were not on the robot's map.</p>
<div class="replays">${items.flatMap((id) => replays.filter(({ sampleId }) => sampleId === id).map(replayFigure))}</div>`;
}

function replayFigure(replay: Replay): Markup {
  const { map, sampleId, workflow, split, score, summary } = replay;
  const { way, stations, stops } = drawingOf(replay);
  const [width, height] = [(map[0]?.length ?? 0) * SIDE, map.length * SIDE];
  const cells = map.flatMap((row, y) =>
    [...row].map((mark, x) =>
      mark === "#" || mark === "o"
        ? html`<rect class="${mark === "#" ? "wall" : "crate"}" x="${x * SIDE + (mark === "o" ? 3 : 0)}" y="${y * SIDE + (mark === "o" ? 3 : 0)}" width="${mark === "o" ? SIDE - 6 : SIDE}" height="${mark === "o" ? SIDE - 6 : SIDE}"></rect>`
        : mark === "S" || mark === "G"
          ? html`<text class="${mark === "G" ? "goal" : "start"}" x="${middle(x)}" y="${middle(y) + 5}" text-anchor="middle">${mark}</text>`
          : null,
    ),
  );
  return html`<figure><figcaption>${sampleId}: ${workflow}</figcaption>
<svg class="replay" viewBox="0 0 ${width} ${height}" role="img" aria-label="${`Map of ${sampleId} with the way of the robot: ${summary}`}">${cells}
<polyline class="way" points="${way.map(([x, y]) => `${middle(x)},${middle(y)}`).join(" ")}"></polyline>
${stations.map(([x, y]) => html`<circle class="station" cx="${middle(x)}" cy="${middle(y)}" r="3"></circle>`)}
${stops.map(({ from, to }) => cross((middle(from[0]) + middle(to[0])) / 2, (middle(from[1]) + middle(to[1])) / 2))}</svg>
<p class="readout">${split}, score ${score.toFixed(3)}: ${summary}</p></figure>
`;
}

function middle(cell: number): number {
  return cell * SIDE + SIDE / 2;
}

function cross(x: number, y: number): Markup {
  return html`<path class="stop" d="M${x - 4} ${y - 4}l8 8m0 -8l-8 8"></path>`;
}

function drawingOf({ map, trace }: Replay): Drawing {
  const row = Math.max(
    0,
    map.findIndex((line) => line.includes("S")),
  );
  let at: [number, number] = [Math.max(0, map[row]?.indexOf("S") ?? 0), row];
  const drawing: Drawing = { way: [at], stations: [], stops: [] };
  const beside = (letter: string | undefined): [number, number] => {
    const [dx, dy] = STEP[letter ?? ""] ?? [0, 0];
    return [at[0] + dx, at[1] + dy];
  };
  for (const { moves, stopped } of trace) {
    drawing.stations.push(at);
    for (const letter of moves) {
      at = beside(letter);
      drawing.way.push(at);
    }
    if (stopped) drawing.stops.push({ from: at, to: beside(stopped.direction[0]) });
  }
  return drawing;
}

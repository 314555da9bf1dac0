/** @file One run of the robot: every answer goes through the rule layer, and everything that happened is recorded. */

import { type Danger, dangerOf } from "./danger-of.js";
import { parseCommands } from "./parse-commands.js";
import { trueRange } from "./read-sensors.js";
import {
  at,
  type Cell,
  cellKey,
  DIRECTIONS,
  type Direction,
  findMark,
  isSame,
  moved,
  type World,
} from "./world.js";

/** Outcome of one answer. */
export interface RobotStep {
  /** Cells really moved, a letter each (n, e, s, w). */
  moves: string;
  /** Danger at which the rule layer stopped the rest of the answer. */
  stopped?: { direction: Direction; danger: Danger } | undefined;
  /** Reason why no command could be read; nothing moved then. */
  refused?: string | undefined;
}

export type RobotEnd = "goal" | "battery" | "steps";

export class RobotRun {
  readonly world: World;
  readonly goal: Cell;
  readonly trace: RobotStep[] = [];
  cell: Cell;
  charge: number;
  /** Crates the robot knows of: felt beside its way, or in sight of a sensor where an earlier control step began. */
  readonly knownCrates = new Map<string, Cell>();

  constructor(world: World) {
    this.world = world;
    this.cell = findMark(world, "S");
    this.goal = findMark(world, "G");
    this.charge = world.battery;
    this.#feel();
  }

  /** End of the run; undefined while it goes on. */
  get end(): RobotEnd | undefined {
    if (isSame(this.cell, this.goal)) return "goal";
    if (this.charge <= this.world.reserve) return "battery";
    return this.trace.length >= this.world.steps ? "steps" : undefined;
  }

  get travelled(): number {
    return this.world.battery - this.charge;
  }

  /** One control step. Whatever `answer` is, only safe single cells are moved; after the end nothing happens. */
  act(answer: unknown): void {
    if (this.end !== undefined) return;
    const parsed = parseCommands(answer);
    this.#rememberRays();
    if ("refused" in parsed) {
      this.trace.push({ moves: "", refused: parsed.refused });
      return;
    }
    let moves = "";
    for (const { direction, cells } of parsed.commands) {
      for (let done = 0; done < cells; done++) {
        const danger = dangerOf(this.world, this, direction);
        if (danger !== undefined) {
          this.trace.push({ moves, stopped: { direction, danger } });
          return;
        }
        this.cell = moved(this.cell, direction);
        this.charge--;
        this.#feel();
        moves += direction[0];
        if (isSame(this.cell, this.goal)) {
          this.trace.push({ moves });
          return;
        }
      }
    }
    this.trace.push({ moves });
  }

  /** The crates that end the four rays, as the slow and exact scan sees them. */
  cratesInSight(): Cell[] {
    return DIRECTIONS.map((direction) =>
      moved(this.cell, direction, trueRange(this.world, this.cell, direction) + 1),
    ).filter((cell) => at(this.world, cell) === "crate");
  }

  #rememberRays(): void {
    for (const cell of this.cratesInSight()) this.knownCrates.set(cellKey(cell), cell);
  }

  /** The bumper: what stands right beside the robot is felt without any noise. */
  #feel(): void {
    for (const direction of DIRECTIONS) {
      const cell = moved(this.cell, direction);
      if (at(this.world, cell) === "crate") this.knownCrates.set(cellKey(cell), cell);
    }
  }
}

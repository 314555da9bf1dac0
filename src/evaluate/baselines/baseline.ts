/** @file The type of baselines. */

/** Baseline: a workflow that comes with the toolkit; designs may start from it, and every result is compared with some. */
export interface Baseline {
  /** Name by which `--baselines` and suites ask for it. */
  name: string;
  /** Name that earlier versions knew it by. */
  formerName?: string | undefined;
  title: string;
  source: string;
}

/** Whether a baseline is meant by this name, today's or an earlier version's. */
export function isCalled({ name, formerName }: Baseline, asked: string): boolean {
  return asked === name || asked === formerName;
}

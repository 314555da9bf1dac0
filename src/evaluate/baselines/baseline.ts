/** @file The type of baselines. */

/** Baseline: a workflow that comes with the toolkit; designs may start from it, and every result is compared with some. */
export interface Baseline {
  /** Name by which `--baselines` and suites ask for it. */
  name: string;
  title: string;
  source: string;
}

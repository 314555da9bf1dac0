/** @file Progress of a model's download. */
import type { PullProgress } from "../../commands.js";
import { formatBytes, formatDuration, formatPercent } from "../../core/figure-format.js";
import { isInteractive, writeErr, writeStatus } from "./output.js";

/** Every ten seconds a line, on a terminal every half second the same line. */
export function pullProgress(): (progress: PullProgress) => void {
  const isLive = isInteractive();
  let phase = "";
  let startedAt = 0;
  let startedBytes = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  return ({ file, source, doneBytes, totalBytes, part, parts, note }) => {
    if (note !== undefined) writeErr(`the Hub gave no file: ${note}`);
    const now = performance.now();
    if (phase !== `${file} ${source}`) {
      phase = `${file} ${source}`;
      startedAt = now;
      startedBytes = doneBytes;
      lastAt = Number.NEGATIVE_INFINITY;
    }
    const isDone = doneBytes >= totalBytes;
    if (!isDone && now - lastAt < (isLive ? 500 : 10_000)) return;
    lastAt = now;
    const rate = (doneBytes - startedBytes) / ((now - startedAt) / 1000);
    const left =
      rate > 0
        ? `, ${formatBytes(Math.round(rate))}/s, ${formatDuration(((totalBytes - doneBytes) / rate) * 1000)} left`
        : "";
    const which = part === undefined ? "" : ` (part ${part} of ${parts ?? "?"})`;
    const line = `${file} from the ${source}${which}: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}, ${formatPercent(doneBytes / totalBytes)}${left}`;
    if (isLive) writeStatus(line, isDone);
    else writeErr(line);
  };
}

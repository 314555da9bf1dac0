/** @file What commands that play runs do around them: warnings, progress on stderr, approval at the terminal. */
import type { RunConfig } from "../commands.js";
import type { ActionContext } from "./action.js";
import { approvalHook } from "./ask-approval.js";

type Api = typeof import("../commands.js");

/** Printer of a run's events, stopped before its results are printed. */
interface Printer<Event> {
  onEvent: (event: Event) => void;
  line(text: string): void;
  stop(): void;
}

type Hooks<Event> = Pick<Printer<Event>, "onEvent"> &
  Pick<ActionContext["watch"], "signal" | "stopSignal"> &
  ReturnType<typeof approvalHook> & { resolveModelFile: Api["resolveModel"] };

/** Plays a run with its progress on stderr; what is odd about its configuration comes first. */
export async function withProgress<Event, T>(
  api: Pick<Api, "configWarnings" | "cardText" | "resolveModel">,
  config: RunConfig,
  watch: ActionContext["watch"],
  printer: Printer<Event>,
  play: (hooks: Hooks<Event>) => Promise<T>,
): Promise<T> {
  for (const message of api.configWarnings(config, process.env)) printer.line(`warning: ${message}`);
  try {
    return await play({
      ...approvalHook(config, api.cardText, () => printer.stop()),
      onEvent: printer.onEvent,
      signal: watch.signal,
      stopSignal: watch.stopSignal,
      resolveModelFile: api.resolveModel,
    });
  } finally {
    printer.stop();
  }
}

/** Reason why a run ended early, for its JSON output: an error object has none of its own. */
export function stoppedByJson(
  { stoppedBy }: { stoppedBy?: unknown },
  { W4sError, messageOf }: Pick<Api, "W4sError" | "messageOf">,
): { stoppedBy?: object } {
  if (stoppedBy === undefined) return {};
  if (W4sError.is(stoppedBy)) return { stoppedBy: stoppedBy.toJson() };
  return { stoppedBy: { code: "interrupted", message: messageOf(stoppedBy) } };
}

/** @file Ctrl-C and its relatives: finish what is in flight, then leave a run that can go on. */
import { EXIT } from "./exit-code.js";
import { writeErr } from "./print/output.js";

/** From the first Ctrl-C to the hard stop, so that the whole takes at most ten seconds. */
const GRACE_MS = 9000;
/** From the hard stop to the forced end: time to close children, store and lock. */
const CLOSING_MS = 700;

export interface SignalWatch {
  /** Nothing new starts. */
  stopSignal: AbortSignal;
  /** Hard stop: what is in flight is given up. */
  signal: AbortSignal;
  /** Exit code of the signal that was received, or undefined. */
  exitCode(): number | undefined;
  /** SIGHUP asks a service to read its files again. */
  onHangup?: (() => void) | undefined;
  dispose(): void;
}

/** Listens until disposed. */
export function watchSignals(
  target: NodeJS.EventEmitter = process,
  exit = (code: number) => process.exit(code),
): SignalWatch {
  const stop = new AbortController();
  const hard = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let code: number | undefined;
  const stopNow = (exitCode: number) => {
    code = exitCode;
    stop.abort();
    hard.abort();
    timers.push(setTimeout(() => exit(exitCode), CLOSING_MS).unref());
  };
  const onInterrupt = () => {
    if (stop.signal.aborted) {
      stopNow(EXIT.interrupted);
      return;
    }
    code = EXIT.interrupted;
    writeErr("finishing what is in flight, at most 10 s; again to stop now");
    stop.abort();
    timers.push(setTimeout(() => stopNow(EXIT.interrupted), GRACE_MS).unref());
  };
  const listeners = Object.entries({
    SIGINT: onInterrupt,
    SIGTERM: () => stopNow(EXIT.terminated),
    SIGHUP: () => stopNow(EXIT.hangup),
  });
  for (const [signal, listener] of listeners) target.on(signal, listener);
  return {
    stopSignal: stop.signal,
    signal: hard.signal,
    exitCode: () => code,
    dispose() {
      for (const timer of timers) clearTimeout(timer);
      for (const [signal, listener] of listeners) target.off(signal, listener);
    },
  };
}

/**
 * Signals of a service, which ends well when it is asked to: the first SIGTERM or SIGINT lets it finish what runs, a second
 * one stops it now, SIGHUP asks it to read its files again.
 */
export function watchService(
  target: NodeJS.EventEmitter = process,
  exit = (code: number) => process.exit(code),
  graceMs = GRACE_MS,
): SignalWatch {
  const stop = new AbortController();
  const hard = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const giveUp = () => {
    hard.abort();
    timers.push(setTimeout(() => exit(EXIT.done), CLOSING_MS).unref());
  };
  const onStop = () => {
    if (stop.signal.aborted) {
      giveUp();
      return;
    }
    const most = graceMs === Number.POSITIVE_INFINITY ? "" : ", at most 10 s";
    writeErr(`finishing what runs${most}; again to stop now`);
    stop.abort();
    if (most !== "") timers.push(setTimeout(giveUp, graceMs).unref());
  };
  const onHangup = () => watch.onHangup?.();
  const listeners = Object.entries({ SIGINT: onStop, SIGTERM: onStop, SIGHUP: onHangup });
  for (const [signal, listener] of listeners) target.on(signal, listener);
  const watch: SignalWatch = {
    stopSignal: stop.signal,
    signal: hard.signal,
    exitCode: () => (stop.signal.aborted ? EXIT.done : undefined),
    dispose() {
      for (const timer of timers) clearTimeout(timer);
      for (const [signal, listener] of listeners) target.off(signal, listener);
    },
  };
  return watch;
}

/** As of a service, but what runs may take its time: whoever starts workers says how long they may go on. */
export function watchWorker(): SignalWatch {
  return watchService(process, undefined, Number.POSITIVE_INFINITY);
}

/** @file Keeps one model child without a model for the next one: starting it is most of what a small model costs. */
import type { ManagedChild } from "../../core/managed-child.js";
import type { LoadOrder } from "./local-protocol.js";

/** A spare holds some 100 MB: long enough for models that follow one another, not while something else works. */
const KEEP_MS = 10_000;

let spare: { child: ManagedChild; kind: string; timer: NodeJS.Timeout } | undefined;

/** What cannot be changed in a child that has opened llama.cpp. */
const kindOf = ({ gpu, threads }: LoadOrder) => `${gpu} ${threads}`;

/** Takes over a living child that has unloaded its model; the one kept before it is ended. */
export async function keepSpare(child: ManagedChild, order: LoadOrder): Promise<void> {
  const before = spare;
  child.ref(false);
  const timer = setTimeout(() => {
    if (spare?.child === child) spare = undefined;
    void child.kill();
  }, KEEP_MS).unref();
  spare = { child, kind: kindOf(order), timer };
  clearTimeout(before?.timer);
  await before?.child.kill();
}

/** The kept child, which is the caller's from now on; undefined where there is none of this kind. */
export function takeSpare(order: LoadOrder): ManagedChild | undefined {
  if (spare?.kind !== kindOf(order)) return undefined;
  const { child, timer } = spare;
  spare = undefined;
  clearTimeout(timer);
  return child.isAlive ? child : undefined;
}

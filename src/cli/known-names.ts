/** @file Names of datasets, models and runs that are here, for the completion of command lines. */
import type { NameKind } from "./complete-words.js";

/** What cannot be listed has no names: a line that is being typed is no place for errors. */
export async function knownNames(kind: NameKind): Promise<string[]> {
  const api = await import("../commands.js");
  try {
    if (kind === "models") return api.listModels().map(({ name }) => name);
    if (kind === "datasets") return (await api.listDatasets()).map(({ name }) => name);
    const { runsRoot } = api.loadRunConfig({ defaults: { task: "none", executor: "simulated" } });
    return (await api.listRuns(runsRoot)).map(({ name }) => name);
  } catch {
    return [];
  }
}

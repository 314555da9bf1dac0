/** @file What a server was asked, by its log: requests, failures, time and cost by day, workflow and key. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { InputError, messageOf } from "../../core/errors.js";
import { cut, formatCount, formatDollars, formatPercent } from "../../core/figure-format.js";
import { decodeLine } from "../../core/jsonl-log.js";
import { groupBy } from "../../core/statistics.js";
import { shortHash } from "../figure-format.js";
import type { ReportTable } from "../report-table.js";

const requestSchema = z.object({
  question: z.string(),
  key: z.string().optional(),
  model: z.string(),
  workflow: z.string(),
  answer: z.string().optional(),
  error: z.string().optional(),
  spent: z.object({
    calls: z.number().default(0),
    tokens: z.number().default(0),
    dollars: z.number().default(0),
  }),
  milliseconds: z.number(),
  time: z.string(),
});

type Request = z.infer<typeof requestSchema>;

/** Requests that a server has logged, the earliest first. */
export interface ServeLog {
  /** Name of the folder. */
  name: string;
  requests: Request[];
  /** Lines that are cut or changed. */
  unreadable: number;
}

const FILE = /^(?:answers|failures)-\d{4}-\d\d-\d\d\.jsonl$/;
/** A log writes 0 for free models, and where no price is known. */
const NO_DOLLARS = "none counted";
/** Requests that are shown by themselves. */
const SHOWN = 10;
const MAX_QUESTION = 100;

/** Files of a server's log in a folder; none where it is no such folder. */
export function serveLogFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => FILE.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** @throws {InputError} on a folder without a log, and on files that cannot be read */
export function readServeLog(folder: string): ServeLog {
  const log: ServeLog = { name: basename(resolve(folder)), requests: [], unreadable: 0 };
  for (const name of serveLogFiles(folder)) {
    let text: string;
    try {
      text = readFileSync(join(folder, name), "utf8");
    } catch (error) {
      throw new InputError(`cannot read ${join(folder, name)}: ${messageOf(error)}`, { cause: error });
    }
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const { success, data } = requestSchema.safeParse(decodeLine(line));
      if (success) log.requests.push(data);
      else log.unreadable++;
    }
  }
  if (log.requests.length === 0)
    throw new InputError(`${folder} holds no requests of w4s serve`, {
      hint: "name the folder that was given as --log DIR",
    });
  log.requests.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return log;
}

/** The figures as tables; the slowest requests and the latest failures are quoted as the log has them. */
export function serveLogTables({ requests }: ServeLog): ReportTable[] {
  const failed = requests.filter(({ error }) => error !== undefined);
  const hasKeys = requests.some(({ key }) => key !== undefined);
  const by = (id: string, title: string, name: string, keyOf: (one: Request) => string): ReportTable => ({
    ...{
      id,
      title,
      head: [name, "requests", "failed", "median time", "slowest twentieth", "calls", "tokens", "dollars"],
    },
    rows: [...groupBy(requests, keyOf)].map(([key, own]) => [key, ...figures(own)]),
  });
  const quoted = (id: string, title: string, note: string, own: readonly Request[]): ReportTable => ({
    ...{ id, title, note, head: ["time", "workflow", "took", "outcome", "question"] },
    rows: own.map((one) => [
      one.time.slice(0, 19).replace("T", " "),
      one.model,
      seconds(one.milliseconds),
      one.error ?? "answered",
      cut(one.question, MAX_QUESTION),
    ]),
  });
  const slowest = requests.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, SHOWN);
  const codes: ReportTable = {
    ...{ id: "failures", title: "Failures", head: ["code", "requests", "share of all"] },
    rows: [...groupBy(failed, ({ error = "" }) => error)]
      .sort(([, a], [, b]) => b.length - a.length)
      .map(([code, own]) => [code, own.length, formatPercent(own.length / requests.length)]),
  };
  return [
    by("days", "By day", "day (UTC)", ({ time }) => time.slice(0, 10)),
    by("workflows", "By workflow", "workflow", ({ model, workflow }) => `${model} (${shortHash(workflow)})`),
    ...(hasKeys ? [by("keys", "By key", "key", ({ key }) => key ?? "none")] : []),
    ...(failed.length > 0 ? [codes] : []),
    quoted("slowest", "Slowest requests", "Questions are cut, and stand here as the log has them.", slowest),
    ...(failed.length > 0
      ? [quoted("latest-failures", "Latest failures", "The newest first.", failed.slice(-SHOWN).reverse())]
      : []),
  ];
}

function figures(own: readonly Request[]): (string | number)[] {
  const times = own.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  const sum = (part: keyof Request["spent"]) => own.reduce((total, { spent }) => total + spent[part], 0);
  const failures = own.filter(({ error }) => error !== undefined).length;
  return [
    ...[own.length, failures === 0 ? "0" : `${failures} (${formatPercent(failures / own.length)})`],
    ...[seconds(at(0.5)), seconds(at(0.95))],
    ...[
      sum("calls"),
      formatCount(sum("tokens")),
      sum("dollars") === 0 ? NO_DOLLARS : formatDollars(sum("dollars")),
    ],
  ];
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

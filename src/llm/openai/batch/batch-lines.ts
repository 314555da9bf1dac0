/** @file Reads what a batch left: the lines of its output and error files, by the id of the request. */

/** Answer to one request of a batch, as it would have come over HTTP. */
export interface BatchLine {
  status: number;
  /** JSON. */
  body: string;
}

export interface BatchLines {
  lines: Map<string, BatchLine>;
  /** Lines that say nothing: cut, no JSON, of a request that was never made, or a second answer to one. */
  oddCount: number;
}

/** Errors of a request that never ran, and the status they would have had. */
const STATUS_OF: Readonly<Record<string, number>> = { batch_expired: 408, batch_cancelled: 409 };

/**
 * @param files - texts of the output and the error file
 * @param ids - of the requests that were made
 * @returns the first usable answer to each request, else its first error
 */
export function readBatchLines(files: readonly string[], ids: ReadonlySet<string>): BatchLines {
  const lines = new Map<string, BatchLine>();
  let oddCount = 0;
  for (const text of files.flatMap((file) => file.split("\n"))) {
    if (text.trim() === "") continue;
    const read = readLine(text);
    const known = read && lines.get(read.id);
    if (!read || !ids.has(read.id) || (known && (isAnswer(known) || !isAnswer(read.line)))) oddCount++;
    else lines.set(read.id, read.line);
  }
  return { lines, oddCount };
}

export function isAnswer({ status }: BatchLine): boolean {
  return status >= 200 && status < 300;
}

function readLine(text: string): { id: string; line: BatchLine } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { custom_id: id, response, error } = record(value);
  if (typeof id !== "string") return undefined;
  const { status_code: status, body } = record(response);
  if (typeof status === "number" && body !== undefined && body !== null) {
    return { id, line: { status, body: typeof body === "string" ? body : JSON.stringify(body) } };
  }
  const { code, message } = record(error);
  if (code === undefined && message === undefined) return undefined;
  return { id, line: { status: STATUS_OF[String(code)] ?? 500, body: JSON.stringify({ error }) } };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

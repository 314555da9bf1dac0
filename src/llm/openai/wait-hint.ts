/** @file How long a server asks to wait, from the headers, fields and sentences in use among OpenAI-compatible servers. */

export interface WaitHint {
  /** Milliseconds, ≥ 0. */
  waitMs: number;
  /** False for a window that merely resets then (x-ratelimit-reset): waiting less is no offence. */
  isDemand: boolean;
}

/**
 * Reads `retry-after-ms`, else `retry-after` (seconds or a date), and what the body says ("retryDelay": "17s", "try again in
 * 1.2s"); the longer one counts. Only where neither is there, `x-ratelimit-reset*` ("1m30s", seconds, or a moment since 1970).
 * Negative values and garbage give undefined: the caller then backs off by itself.
 * @param wallNow - our own clock, used where the server sends no Date of its own
 * @param body - text of a reply that refuses for now; "" for others
 */
export function waitHint(headers: Headers, wallNow: number, body = ""): WaitHint | undefined {
  const told = [headerWait(headers, wallNow), bodyWait(body)].filter((waitMs) => waitMs !== undefined);
  if (told.length > 0) return { waitMs: Math.max(...told), isDemand: true };

  const resets = ["", "-requests", "-tokens"].flatMap((suffix) => {
    const waitMs = resetWait(headers.get(`x-ratelimit-reset${suffix}`), wallNow);
    if (waitMs === undefined) return [];
    return [{ waitMs, isExhausted: headers.get(`x-ratelimit-remaining${suffix}`)?.trim() === "0" }];
  });
  if (resets.length === 0) return undefined;
  // The window that is used up is the one to wait for; where none says so, the shortest.
  const exhausted = resets.filter((reset) => reset.isExhausted).map((reset) => reset.waitMs);
  const waitMs = exhausted.length > 0 ? Math.max(...exhausted) : Math.min(...resets.map((r) => r.waitMs));
  return { waitMs, isDemand: false };
}

function headerWait(headers: Headers, wallNow: number): number | undefined {
  const milliseconds = decimal(headers.get("retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds;
  const after = headers.get("retry-after");
  const seconds = decimal(after);
  if (seconds !== undefined) return seconds * 1000;
  // A date is compared with the server's own Date, so that a wrong clock on either side does not matter.
  const until = httpDate(after);
  const waitMs = until === undefined ? -1 : until - (httpDate(headers.get("date")) ?? wallNow);
  return waitMs >= 0 ? waitMs : undefined;
}

/** A field such as retryDelay or retry_after, or a sentence: "try again in 6m0s", "retry after 20 seconds". */
function bodyWait(body: string): number | undefined {
  const told = [
    ...body
      .slice(0, 20_000)
      .matchAll(/"retry_?(?:delay|after)(_ms)?"\s*:\s*"?(\d{1,9}(?:\.\d{1,9})?)(s|ms)?\b/gi),
  ].map(([, inMs, amount, unit]) => Number(amount) * (inMs || unit === "ms" ? 1 : 1000));
  const sentence =
    /\b(?:try again|retry|retrying|wait)(?: again)?(?: in| after| for)?(?: about| approximately)? ((?:\d{1,9}(?:\.\d{1,9})? ?[a-z]+[ ,]*)+)/gi;
  for (const [, text = ""] of body.slice(0, 20_000).matchAll(sentence)) {
    const waitMs = duration(text);
    if (waitMs > 0) told.push(waitMs);
  }
  return told.length > 0 ? Math.max(...told) : undefined;
}

/** Milliseconds of "1m30s", "8.64s", "1 minute, 5 seconds"; reading ends at the first word that is no unit of time. */
function duration(text: string): number {
  let total = 0;
  for (const [, amount, word = ""] of text.matchAll(/(\d+(?:\.\d+)?) ?([a-z]+)/gi)) {
    const unit = /^(ms|msecs?|milliseconds?)$/i.test(word)
      ? "ms"
      : /^(s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)$/i.exec(word)?.[0]?.[0];
    if (unit === undefined) break;
    total += Number(amount) * (UNIT_MS[unit.toLowerCase()] as number);
  }
  return total;
}

/** A plain non-negative decimal; anything else (signs, hex, exponents, words) is undefined. */
function decimal(text: string | null): number | undefined {
  const trimmed = text?.trim() ?? "";
  if (!/^\d{1,15}(\.\d{1,9})?$/.test(trimmed)) return undefined;
  return Number(trimmed);
}

/** Date.parse accepts nearly anything ("1", "-5"); only text with a weekday or an ISO date counts here. */
function httpDate(text: string | null): number | undefined {
  const trimmed = text?.trim() ?? "";
  if (!/^(mon|tue|wed|thu|fri|sat|sun|\d{4}-\d\d-\d\d)/i.test(trimmed)) return undefined;
  const time = Date.parse(trimmed);
  return Number.isFinite(time) ? time : undefined;
}

const UNIT_MS: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** "1m30s", "6m0s", "20ms", "8.64s"; or a number: seconds from now, or a moment in (milli)seconds since 1970. */
function resetWait(text: string | null, wallNow: number): number | undefined {
  const trimmed = text?.trim() ?? "";
  const number = decimal(trimmed);
  if (number !== undefined) {
    if (number < 1e8) return number * 1000;
    return Math.max(0, (number < 1e11 ? number * 1000 : number) - wallNow);
  }
  if (!/^(\d{1,15}(\.\d{1,9})?(ms|[dhms]))+$/.test(trimmed)) return undefined;
  return duration(trimmed);
}

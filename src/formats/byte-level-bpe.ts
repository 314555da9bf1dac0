/** @file Byte-level BPE in miniature: the printable alphabet of bytes, and merges learnt from a text. */

/**
 * The character that stands for a byte in GPT-2 style vocabularies: printable Latin-1 bytes stand for
 * themselves, the others are moved behind U+0100 in order.
 */
export function symbolOfByte(byte: number): string {
  return String.fromCodePoint(CODE_OF_BYTE[byte] as number);
}

const CODE_OF_BYTE: readonly number[] = (() => {
  const codes: number[] = [];
  let moved = 0;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    codes.push(isPrintable ? byte : 256 + moved++);
  }
  return codes;
})();

/**
 * Merges of the most frequent neighbours, ties by order of appearance. Words are cut before spaces, so that
 * no token spans two words.
 * @returns at most `count` pairs; fewer when no pair is left.
 */
export function learnMerges(text: string, count: number): [string, string][] {
  const times = new Map<string, number>();
  for (const word of text.match(/ ?[A-Za-z]+|\s|[^\sA-Za-z]/g) ?? [])
    times.set(word, (times.get(word) ?? 0) + 1);
  const words = [...times].map(([word, count]) => ({
    parts: [...Buffer.from(word, "utf8")].map(symbolOfByte),
    count,
  }));
  const merges: [string, string][] = [];
  const made = new Set<string>();
  while (merges.length < count) {
    const frequencies = new Map<string, { pair: [string, string]; count: number }>();
    for (const { parts, count: copies } of words) {
      for (let i = 0; i + 1 < parts.length; i++) {
        const pair: [string, string] = [parts[i] as string, parts[i + 1] as string];
        const entry = frequencies.get(pair.join(" ")) ?? { pair, count: 0 };
        entry.count += copies;
        frequencies.set(pair.join(" "), entry);
      }
    }
    let best: { pair: [string, string]; count: number } | undefined;
    for (const entry of frequencies.values()) {
      // Two different pairs may spell the same token, which may exist only once.
      if (made.has(entry.pair.join(""))) continue;
      if (!best || entry.count > best.count) best = entry;
    }
    if (!best) break;
    const [left, right] = best.pair;
    merges.push(best.pair);
    made.add(left + right);
    for (const { parts } of words) {
      for (let i = 0; i + 1 < parts.length; i++) {
        if (parts[i] === left && parts[i + 1] === right) parts.splice(i, 2, left + right);
      }
    }
  }
  return merges;
}

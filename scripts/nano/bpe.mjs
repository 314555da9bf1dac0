/**
 * @file Byte-level BPE in two stages: first inside words, then across them, as SuperBPE does (arXiv 2503.13423), so that
 * the fixed parts of prompts and programs become few tokens. llama.cpp splits such a vocabulary at digits only
 * (`tokenizer.ggml.pre` "superbpe"); no merge here has a digit in it, so that the split changes nothing.
 */
import { symbolOfByte } from "../../dist/formats/byte-level-bpe.js";

/** Words with the space before them, single marks, line breaks; digits stand alone. */
const WORDS = / ?[A-Za-z]+|\p{N}|\s|[^\sA-Za-z\p{N}]/gu;
/** Lines with their break; digits stand alone. */
const LINES = /[^\n\p{N}]*\n|\p{N}|[^\n\p{N}]+/gu;

const SYMBOLS = Array.from({ length: 256 }, (_, byte) => symbolOfByte(byte));
const toSymbols = (text) => Array.from(Buffer.from(text, "utf8"), (byte) => SYMBOLS[byte]);

/**
 * @param texts - what to learn from
 * @param options.words - merges inside words
 * @param options.spans - merges across words after them
 * @param options.maxLength - characters of the longest token
 * @param options.minCount - pairs rarer than this are not merged
 * @returns pairs in order of rank
 */
export function learnMerges(texts, { words, spans, maxLength = 48, minCount = 8 }) {
  const merges = [];
  const made = new Set();
  const learn = (pieces, limit) => {
    const counts = new PairCounts(pieces);
    while (merges.length < limit) {
      const pair = counts.best((joined) => !made.has(joined) && joined.length <= maxLength, minCount);
      if (pair === undefined) return;
      merges.push(pair);
      made.add(pair.join(""));
      counts.merge(pair);
    }
  };
  learn(countPieces(texts, WORDS, toSymbols), words);
  const ranks = rankMerges(merges);
  learn(
    countPieces(texts, LINES, (line) => mergeSymbols(toSymbols(line), ranks)),
    words + spans,
  );
  return merges;
}

function countPieces(texts, pattern, split) {
  const counts = new Map();
  for (const text of texts)
    for (const [piece] of text.matchAll(pattern)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return [...counts].map(([piece, count]) => ({ symbols: split(piece), count }));
}

/** How often each pair of neighbours occurs, kept up to date while pairs are merged. */
class PairCounts {
  #counts = new Map();
  /** Pieces a pair was seen in; some may have lost it since. */
  #places = new Map();

  constructor(pieces) {
    for (const piece of pieces) this.#add(piece, piece.count);
  }

  /** The most frequent admissible pair, the first in the order of its symbols among equals. */
  best(isAdmissible, minCount) {
    let bestKey;
    let bestCount = minCount - 1;
    for (const [key, count] of this.#counts) {
      if (count < bestCount || (count === bestCount && !(bestKey !== undefined && key < bestKey))) continue;
      if (!isAdmissible(key.replace(" ", ""))) continue;
      bestKey = key;
      bestCount = count;
    }
    return bestKey?.split(" ");
  }

  merge([left, right]) {
    const key = `${left} ${right}`;
    for (const piece of this.#places.get(key) ?? []) {
      this.#add(piece, -piece.count);
      piece.symbols = joinPair(piece.symbols, left, right);
      this.#add(piece, piece.count);
    }
    this.#counts.delete(key);
    this.#places.delete(key);
  }

  #add(piece, count) {
    const { symbols } = piece;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const key = `${symbols[i]} ${symbols[i + 1]}`;
      const sum = (this.#counts.get(key) ?? 0) + count;
      if (sum > 0) this.#counts.set(key, sum);
      else this.#counts.delete(key);
      if (count < 0) continue;
      const places = this.#places.get(key);
      if (places) places.add(piece);
      else this.#places.set(key, new Set([piece]));
    }
  }
}

function joinPair(symbols, left, right) {
  const out = [];
  for (let i = 0; i < symbols.length; i++) {
    const isPair = symbols[i] === left && symbols[i + 1] === right;
    out.push(isPair ? left + right : symbols[i]);
    if (isPair) i++;
  }
  return out;
}

function rankMerges(merges) {
  return new Map(merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
}

/** Applies merges in the order of their ranks, the leftmost of equals first. */
function mergeSymbols(symbols, ranks) {
  let current = symbols;
  for (;;) {
    let best;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < current.length; i++) {
      const rank = ranks.get(`${current[i]} ${current[i + 1]}`);
      if (rank !== undefined && rank < bestRank) {
        bestRank = rank;
        best = i;
      }
    }
    if (best === undefined) return current;
    current = joinPair(current, current[best], current[best + 1]);
  }
}

/** Splits text into token ids as llama.cpp does with the same merges. */
export class Tokenizer {
  #ids;
  #ranks;
  #cache = new Map();

  constructor(tokens, merges) {
    this.#ids = new Map(tokens.map((token, id) => [token, id]));
    this.#ranks = rankMerges(merges);
  }

  /**
   * Ids of a text without special tokens. No token goes on behind a line break, and none has a digit next to other
   * characters, so that lines and digits can be split on their own.
   */
  encode(text) {
    return Array.from(text.matchAll(LINES), ([piece]) => this.#encodePiece(piece)).flat();
  }

  #encodePiece(piece) {
    const known = this.#cache.get(piece);
    if (known) return known;
    const ids = mergeSymbols(toSymbols(piece), this.#ranks).map((symbol) => this.#ids.get(symbol));
    this.#cache.set(piece, ids);
    return ids;
  }
}

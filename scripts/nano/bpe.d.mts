export declare function learnMerges(
  texts: readonly string[],
  options: { words: number; spans: number; maxLength?: number; minCount?: number },
): [string, string][];

export declare class Tokenizer {
  constructor(tokens: readonly string[], merges: readonly (readonly [string, string])[]);
  encode(text: string): number[];
}

interface Candidate {
  hash: string;
  evaluation: { results: { sampleId: string; usage: Record<string, { calls: number }> }[] };
}

export declare function searchCalls(own: readonly Candidate[]): number;
export declare function upTo<T extends Candidate>(own: readonly T[], most: number): T[];

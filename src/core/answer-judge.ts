/** @file What metric judge needs of a model that grades answers; evaluate/model-judge.ts is one. */

/** One point of a rubric. */
export interface Criterion {
  /** Letters, digits and dashes: `fits-the-request`. */
  name: string;
  /** Meaning of full marks, one sentence. */
  meaning: string;
}

export interface Grade {
  /** 0–1: the mean over the criteria, 1 mark = 0, 5 marks = 1. */
  value: number;
  /** Marks by criterion, 1–5. */
  marks: Record<string, number>;
  /** The judge's own words, cut. */
  reason: string;
}

/** A model as a scorer. Its grades are opinions: compare them with checks or with a second judge before believing them. */
export interface AnswerJudge {
  /** Name of the model and hash of the rubric, part of what a score was made with. */
  readonly id: string;
  /** @throws {W4sError} when the model gives no grade that can be read: the sample is lost, not worth 0 */
  grade(question: string, answer: string, options?: { signal?: AbortSignal | undefined }): Promise<Grade>;
}

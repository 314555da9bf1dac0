/** @file What workers say to a plan: taken, or refused with the reason. */
import { z } from "zod";

const answerSchema = z.object({
  plan: z.string(),
  worker: z.string(),
  /** Null where it was taken. */
  refusal: z.string().nullable(),
});
export type WorkerAnswer = z.infer<typeof answerSchema>;

/** @param fields - of the run's hash of answers */
export function readAnswers(fields: Readonly<Record<string, string>>): WorkerAnswer[] {
  return Object.values(fields).flatMap((text) => {
    try {
      return answerSchema.safeParse(JSON.parse(text)).data ?? [];
    } catch {
      return [];
    }
  });
}

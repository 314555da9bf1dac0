import { describe, expect, it } from "vitest";
import { MockChatModel } from "w4s/testing";
import { AnswerService } from "../../examples/library/answer-service.js";

describe("examples/library", () => {
  it("answers with a found workflow and reports what it used", async () => {
    const executor = new MockChatModel((request) =>
      Array.from({ length: request.n ?? 1 }, (_, i) => (i === 1 ? "4 + 3 = 8. 8" : "4 + 3 = 7. #### 7")),
    );
    const service = new AnswerService(
      new URL("../../examples/library/best-workflow.js", import.meta.url),
      executor,
    );
    const { answer, calls, tokens } = await service.answer("How much is 4 + 3?");
    expect(answer).toBe(7);
    expect(calls).toBe(1);
    expect(tokens).toBeGreaterThan(0);
    expect(executor.requests[0]).toMatchObject({ n: 3, temperature: 0.7 });
    await service.close();
  });
});

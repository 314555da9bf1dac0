/** Two drafts of the small model, a critique of both, one text by the strong model. */
export default async function workflow(agent, task) {
  const format = "Give the finished text and nothing else.";
  const drafts = await agent.weak.text(`${task.question}\n\n${format}`, { n: 2, temperature: 0.8 });
  const shown = drafts.map((draft, i) => `Draft ${i + 1}:\n${draft}`).join("\n\n");
  const [critique] = await agent.text(
    `Request:\n${task.question}\n\n${shown}\n\nGo through the request point by point and name, in a short list, what each draft breaks.`,
    { role: "a strict editor" },
  );
  const [text] = await agent.text(
    `Request:\n${task.question}\n\n${shown}\n\nCritique:\n${critique}\n\nWrite one text that keeps every point of the request. ${format}`,
  );
  return text.trim();
}

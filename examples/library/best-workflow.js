export default async function workflow(agent, task) {
  const replies = await agent.text(
    `${task.question}\n\nThink step by step. End with the final answer as a number.`,
    {
      n: 3,
      temperature: 0.7,
    },
  );
  return vote(replies.map((reply) => number(reply)));
}

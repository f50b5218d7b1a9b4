// Reads the API.

// The JSON at the path; throws an Error with fanin's message.
export async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).message ?? `${answer.status}`);
  return answer.json();
}

// The API.

// What stands at that path; an Error with what fanin says, where it says no.
export async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).message ?? `${answer.status}`);
  return answer.json();
}

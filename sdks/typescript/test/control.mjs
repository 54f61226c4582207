// The fault server's control, for programs and pages.

let count = 0;

export const control = (origin) => ({
  origin,
  /** Says what to answer; gives the base URL of the case and what came to it. */
  async tell(responses) {
    const name = `c${++count}`;
    await fetch(`${origin}/control/${name}`, { method: "PUT", body: JSON.stringify(responses) });
    const came = async () => (await fetch(`${origin}/control/${name}`)).json();
    return { url: `${origin}/s/${name}`, came };
  },
});

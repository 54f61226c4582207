// The fault server's control, for programs and pages.

let count = 0;

export const control = (origin) => ({
  origin,
  /** Says what to answer; gives the base URL of the case and what came to it. */
  async tell(responses) {
    const name = `c${++count}`;
    await fetch(`${origin}/control/${name}`, { method: "PUT", body: JSON.stringify(responses) });
    const came = async () => (await fetch(`${origin}/control/${name}`)).json();
    /** Lets the server describe itself (RFC 8414). */
    const describe = (body) =>
      fetch(`${origin}/control/${name}.metadata`, { method: "PUT", body: JSON.stringify([{ status: 200, body }]) });
    return { url: `${origin}/s/${name}`, came, describe };
  },
});

// The files that `python -m book.lab` wrote beside this page.

/** One of them, as a Uint8Array; throws a sentence if it cannot be had. */
export async function fetched(name) {
  const answer = await fetch(new URL(`networks/${name}`, import.meta.url)).catch(() => {
    throw new Error(`${name} could not be fetched: the connection broke`);
  });
  if (!answer.ok) throw new Error(`${name} is not part of this copy of the book (${answer.status})`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** How an error begins that a content security policy caused. */
export const POLICY = "Forbidden by the site's content security policy";

/** The page's own code on the audio thread. */

/** A part of this page is not where it was: the server has a newer page, or none. */
export class PageOutdated extends Error {}

/** @throws PageOutdated where it cannot be loaded. */
export async function loadWorklet(context: AudioContext, url: string): Promise<void> {
  const loading = context.audioWorklet.addModule(url);
  await loading.catch((cause: unknown) => {
    throw new PageOutdated("a part of this page could not be loaded", { cause });
  });
}

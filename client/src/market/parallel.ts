/**
 * Works on many things, a few at a time. The first error ends it: no new one is begun.
 * @param parallel how many at the same time.
 * @param done called after each with how many are done.
 * @returns the results in the order of the things.
 */
export async function mapParallel<T, R>(
    things: readonly T[],
    parallel: number,
    work: (thing: T) => Promise<R>,
    done: (count: number) => void = () => undefined,
): Promise<R[]> {
    const results = new Array<R>(things.length);
    let next = 0;
    let finished = 0;
    let failed = false;
    const line = async () => {
        while (next < things.length && !failed) {
            const index = next;
            next += 1;
            try {
                results[index] = await work(things[index]);
            } catch (error) {
                failed = true;
                throw error;
            }
            finished += 1;
            done(finished);
        }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, things.length) }, line));
    return results;
}

/**
 * Works on several items at once and hands the results out in the items' order: what keeps inference busy while the
 * decoder, the tracker and other frames of the same stream have their turn.
 */

/** @param depth items in work at a time, at least 1. Ends with the source; the first failure ends it. */
export async function* ahead<T, R>(source: AsyncGenerator<T>, depth: number, work: (item: T) => Promise<R>): AsyncGenerator<R> {
  // An async generator queues the calls of `next`: each is answered in turn, however many are waiting.
  const one = async (): Promise<IteratorResult<R>> => {
    const item = await source.next();
    return item.done === true ? item : { done: false, value: await work(item.value) };
  };
  const inWork: Promise<IteratorResult<R>>[] = [];
  const begin = () => {
    const promise = one();
    // Whoever stops listening early must not leave an unhandled rejection behind.
    promise.catch(() => undefined);
    inWork.push(promise);
  };
  while (inWork.length < depth) begin();
  for (;;) {
    const result = await inWork.shift()!;
    if (result.done === true) return;
    begin();
    yield result.value;
  }
}

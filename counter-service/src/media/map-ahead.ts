/**
 * Maps several items at once and yields the results in the order of the items. Inference stays busy while the decoder,
 * the tracker and other frames of the same stream have their turn.
 */

/** @param depth items in work at a time, at least 1. Ends with the source; the first failure ends it. */
export async function* mapAhead<T, R>(source: AsyncGenerator<T>, depth: number, work: (item: T) => Promise<R>): AsyncGenerator<R> {
  // An async generator queues calls of `next` and answers them in turn, so several may be pending.
  const workOnNext = async (): Promise<IteratorResult<R>> => {
    const item = await source.next();
    return item.done === true ? item : { done: false, value: await work(item.value) };
  };
  const inWork: Promise<IteratorResult<R>>[] = [];
  const begin = () => {
    const promise = workOnNext();
    // A reader that leaves the loop early awaits no further results: their rejections must not be unhandled.
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

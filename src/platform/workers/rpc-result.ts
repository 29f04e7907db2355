// What a call to another Worker gave. The runtime keeps something for every result until it is told that it may go, and
// complains in the log when it is not told.

/** Tells the runtime that nothing of a result is needed but its data, which stay. */
export async function plainResult<T>(result: Promise<T>): Promise<T> {
  const value = await result;
  const dispose = (value as { readonly [Symbol.dispose]?: () => void } | undefined | null)?.[Symbol.dispose];
  dispose?.call(value);
  return value;
}

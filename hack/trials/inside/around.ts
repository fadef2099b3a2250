/** Replaces a method of a class, for all its objects. `method` is the original one, bound to the object. */
export function around<T extends object, K extends MethodsOf<T>>(
  prototype: T,
  name: K,
  instead: (method: Of<T, K>, ...given: Parameters<Of<T, K>>) => ReturnType<Of<T, K>>,
): void {
  const before = prototype[name] as Method;
  const method = function goesThrough(this: T, ...given: Parameters<Of<T, K>>) {
    return instead(before.bind(this) as Of<T, K>, ...given);
  };
  prototype[name] = method as T[K];
}

type Method = (...given: never[]) => unknown;
type MethodsOf<T> = { [K in keyof T]: T[K] extends Method ? K : never }[keyof T];
type Of<T, K extends keyof T> = Extract<T[K], Method>;

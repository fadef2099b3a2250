/** Whether an object on the server has all desired fields with their values; fields that the server filled in do not matter. */
export function covers(observed: unknown, desired: unknown): boolean {
  if (desired === undefined) return true;
  if (Array.isArray(desired)) return Array.isArray(observed) && coversList(observed, desired);
  if (typeof desired === 'object' && desired !== null) {
    if (typeof observed !== 'object' || observed === null) return Object.keys(desired).length === 0;
    return Object.entries(desired).every(([key, value]) => covers((observed as Record<string, unknown>)[key], value));
  }
  return observed === desired || sameQuantity(observed, desired);
}

/** The fields that identify items in lists of Kubernetes. */
const KEYS = ['uid', 'mountPath', 'containerPort', 'port', 'topologyKey', 'name'];

/** Other clients may add items to a list whose items are identified by a key. */
function coversList(observed: readonly unknown[], desired: readonly unknown[]): boolean {
  const key = KEYS.find((candidate) => desired.length > 0 && desired.every((item) => fieldOf(item, candidate) !== undefined));
  if (key === undefined) return observed.length === desired.length && desired.every((item, index) => covers(observed[index], item));
  return desired.every((item) =>
    covers(
      observed.find((other) => fieldOf(other, key) === fieldOf(item, key)),
      item,
    ),
  );
}

function fieldOf(item: unknown, field: string): unknown {
  return typeof item === 'object' && item !== null ? (item as Record<string, unknown>)[field] : undefined;
}

/** The server normalizes quantities: 0.5 comes back as 500m, 1024Mi as 1Gi. */
function sameQuantity(one: unknown, other: unknown): boolean {
  return typeof one === 'string' && typeof other === 'string' && quantity(one) === quantity(other);
}

const SCALE: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** NaN, which equals nothing, for text that is not a quantity. */
function quantity(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]*)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(text);
  return match === null ? NaN : Number(match[1]) * SCALE[match[2] ?? '']!;
}

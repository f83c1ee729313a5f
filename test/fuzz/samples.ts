/** A valid value of any type of the wire, made from its declaration: what is declared tomorrow is fuzzed tomorrow. */
import type { Struct, Type, Union } from '../../src/protocol/schema.ts';

type AnyType = Type<unknown>;

/** No number of a device: a mutation that exchanges the two would make an intruder log itself out for good. */
const CALL_ID = 1001;

/** Of each kind that fields have; the first that a type takes is its sample. */
const CANDIDATES: readonly unknown[] = [
  77,
  0,
  true,
  '@victim',
  '#team',
  'n1',
  '0'.repeat(32),
  'some-id',
  null,
];

function isTaken(type: AnyType, raw: unknown): boolean {
  try {
    type.parse(raw);
    return true;
  } catch {
    return false;
  }
}

/** The shortest byte string that the label of a type names. */
function bytesOf({ label }: AnyType): Uint8Array {
  const least = Number(/^bytes (\d+)/.exec(label)?.[1] ?? 0);
  return new Uint8Array(Math.max(1, least)).fill(7);
}

/** As msgpack decodes it: lists hold one item, nothing optional is missing. */
export function sampleOf(type: AnyType): unknown {
  const { fields } = type as Partial<Struct<never>>;
  if (fields !== undefined) return fields.map(([, field]) => sampleOf(field));
  const { variants } = type as Partial<Union<never>>;
  const [variant] = variants ?? [];
  if (variant !== undefined) return [variant.tag, ...(sampleOf(variant.body) as unknown[])];
  if (type.inner !== undefined)
    return type.label.startsWith('[') ? [sampleOf(type.inner)] : sampleOf(type.inner);
  const raw = [...CANDIDATES, bytesOf(type)].find((candidate) => isTaken(type, candidate));
  if (raw === undefined) throw new Error(`no sample of ${type.label}`);
  return raw;
}

/** `[tag, id, ...fields]` of every call of a table. */
export function sampleCalls(
  calls: Readonly<Record<string, { readonly tag: number; readonly request: AnyType }>>,
): ReadonlyArray<readonly unknown[]> {
  return Object.values(calls).map(({ tag, request }) => [
    tag,
    CALL_ID,
    ...(sampleOf(request) as unknown[]),
  ]);
}

/** `[tag, ...fields]` of every variant of a union. */
export function sampleVariants({
  variants,
}: Pick<Union<unknown>, 'variants'>): ReadonlyArray<readonly unknown[]> {
  return variants.map(({ tag, body }) => [tag, ...(sampleOf(body) as unknown[])]);
}

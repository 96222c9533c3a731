import { Gauge, type Registry } from 'prom-client';

/** Gauges that belong together: one series each for whatever the labels name, as many as Git declares. */
export type Family<Field extends string, Label extends string> = Record<Field, Gauge<Label>>;

/** Name after `steward_`, and help, of each field. */
export type FamilyTable<Field extends string> = Record<Field, readonly [name: string, help: string]>;

export function familyOf<Field extends string, Label extends string>(
  registry: Registry,
  table: FamilyTable<Field>,
  labelNames: Label[],
): Family<Field, Label> {
  const made = Object.entries<FamilyTable<Field>[Field]>(table).map(([field, [name, help]]) => [
    field,
    new Gauge<Label>({ name: `steward_${name}`, help, labelNames, registers: [registry] }),
  ]);
  return Object.fromEntries(made) as Family<Field, Label>;
}

/** What is gone goes away; what is not known (null) is absent rather than nothing. */
export function recordFamily<Field extends string, Label extends string>(
  family: Family<Field, Label>,
  rows: { labels: Record<Label, string>; values: Record<Field, number | boolean | null> }[],
): void {
  for (const gauge of Object.values<Gauge<Label>>(family)) gauge.reset();
  for (const { labels, values } of rows)
    for (const [field, value] of Object.entries(values) as [Field, number | boolean | null][])
      if (value !== null) family[field].set(labels, inSeconds(field, value));
}

/** Times are kept in milliseconds, and told in seconds. */
function inSeconds(field: string, value: number | boolean): number {
  return /At$|Ms$/.test(field) ? Number(value) / 1000 : Number(value);
}

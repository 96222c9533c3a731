import { mergeValues } from './merge.ts';
import { Complaint, isModel, type Model, type Value } from './model.ts';

/** `extends` within one file. Returns services that extend one of another file: those are left to compose. */
export function applyExtends(model: Model): string[] {
  const services = model.services;
  if (services !== undefined && services !== null && !isModel(services)) {
    throw new Complaint('services must be a mapping');
  }
  const left: string[] = [];
  if (!isModel(services)) return left;
  for (const name of Object.keys(services)) extend(services, name, [], left);
  return left;
}

function extend(services: Model, name: string, above: string[], left: string[]): Value {
  const service = services[name] ?? null;
  if (service === null) return null;
  if (!isModel(service)) throw new Complaint(`services.${name} must be a mapping`);
  const { extends: target } = service;
  if (target === undefined) return service;
  const reference = isModel(target) ? target.service : target;
  if (isModel(target) && target.file !== undefined) {
    left.push(name);
    return service;
  }
  if (typeof reference !== 'string' || services[reference] === undefined) {
    throw new Complaint(`cannot extend service "${name}": service "${String(reference)}" not found`);
  }
  if (above.includes(name)) throw new Complaint(`Circular reference in services.${name}.extends`);
  const base = extend(services, reference, [...above, name], left);
  if (!isModel(base)) return service;
  const merged = mergeValues(structuredClone(base), service, ['services', name]) as Model;
  delete merged.extends;
  services[name] = merged;
  return merged;
}

import { Cron } from 'croner';
import ipaddr from 'ipaddr.js';
import { durationSeconds } from './units.ts';
import { text } from './words.ts';

/** A folder name that serves as compose project name, ZFS dataset component and DNS-safe text alike. */
export const serviceNamePattern = /^(?!steward-drill-)[a-z0-9][a-z0-9_-]{0,62}$/;

/** Projects and datasets of restore drills are called so, and are thrown away with all that is in them. */
export const drillPrefix = 'steward-drill-';

export const serviceName = (description: string) =>
  text({
    expected: 'the name of a service: lower-case letters, digits, _ and -, at most 63',
    example: 'photo',
    pattern: serviceNamePattern,
    description,
  });

export const dnsName = (description: string) =>
  text({
    expected: 'a domain name such as homelab.lan',
    example: 'homelab.lan',
    pattern: /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    description,
  });

export const ipAddress = (description: string) =>
  text({
    expected: 'an IP address such as 192.168.1.100',
    example: '192.168.1.100',
    test: (value) => ipaddr.IPv4.isValidFourPartDecimal(value) || ipaddr.IPv6.isValid(value),
    description,
  });

export const absolutePath = (
  description: string,
  example: string,
  narrower: { expected?: string; test?: (file: string) => boolean } = {},
) =>
  text({
    expected: `an absolute path such as ${example}`,
    example,
    pattern: /^\/(?!.*(^|\/)\.\.?(\/|$))(?!.*\/\/)\S*[^/\s]$/,
    description,
    ...narrower,
  });

/** Below a dataset: nothing that climbs out of it. `.` is the dataset's own directory. */
export const relativePath = (description: string) =>
  text({
    expected: 'a path below the dataset, without leading `/` and without `..`',
    example: 'database',
    pattern: /^(\.|(?!\/)(?!(.*\/)?\.\.?(\/|$))(?!.*\/\/)[^\0\n]*[^/\0\n])$/,
    description,
  });

const component = '[a-zA-Z0-9][a-zA-Z0-9_.:-]*';

export const datasetName = (description: string) =>
  text({
    expected: 'the name of a ZFS dataset such as datapool/services',
    example: 'datapool/services',
    pattern: new RegExp(`^[a-zA-Z][a-zA-Z0-9_.:-]*(/${component})*$`),
    test: (value) => value.length < 200,
    description,
  });

export const duration = (description: string) =>
  text({
    expected: 'a duration such as 180s or 5m',
    example: '180s',
    pattern: /^(\d+[smhd])+$/,
    test: (value) => inRange(durationSeconds(value)),
    description,
  });

function inRange(seconds: number | undefined): boolean {
  return seconds !== undefined && seconds > 0 && seconds <= 7 * 86_400;
}

export const cron = (description: string) =>
  text({
    expected: 'a cron expression of five fields such as "30 3 * * *"',
    example: '"30 3 * * *"',
    test: isCron,
    description,
  });

function isCron(expression: string): boolean {
  try {
    // A paused job only parses. The next run proves that the expression ever comes due (31 February does not).
    return new Cron(expression, { paused: true, mode: '5-part' }).nextRun() !== null;
  } catch {
    return false;
  }
}

export const timezone = (description: string) =>
  text({
    expected: 'a time zone of the IANA list such as Europe/Rome',
    example: 'Europe/Rome',
    test: isTimezone,
    description,
  });

function isTimezone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).format(0) !== '' && !/^[+-]/.test(zone);
  } catch {
    return false;
  }
}

/** Quoted, because YAML reads 0700 as the number seven hundred. */
export const mode = (description: string) =>
  text({
    expected: 'a mode as quoted octal digits such as "2770"',
    example: '"2770"',
    pattern: /^[0-7]{3,4}$/,
    description,
  });

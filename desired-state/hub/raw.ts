import { type ServiceContext, yamlOrigin } from '../context.ts';
import { errorAt } from '../problems.ts';
import { upstreamOf } from '../reached.ts';
import { dialled } from '../routes.ts';
import type { Origin, Problem } from '../types.ts';
import { type Judged, judgeDirectives } from './directives.ts';

/** The directives of one route, judged; null where it has none. */
export function directivesOf(context: ServiceContext, index: number): Judged | null {
  const text = context.config.routes[index]?.caddy;
  if (text === undefined) return null;
  return judgeDirectives(text, {
    permitted: context.lab.hub?.directives ?? [],
    dialled: (to) => {
      const upstream = upstreamOf(context, to);
      return upstream && dialled(to, upstream);
    },
  });
}

/** What is wrong with the directives of a service's routes, at the lines of service.yaml. */
export function directiveProblems(context: ServiceContext): Problem[] {
  return context.config.routes.flatMap((_route, index) => {
    const at = lineOf(context, index);
    const { flaws } = directivesOf(context, index) ?? { flaws: [] };
    return flaws.map(({ line, message, fix }) => errorAt(at(line), message, fix));
  });
}

/** A text below `|` has the lines of the file; of another one nobody knows where its lines are. */
function lineOf(context: ServiceContext, index: number): (line: number) => Origin {
  const path = ['routes', index, 'caddy'];
  const origin = yamlOrigin(context, path);
  const isBlock = context.serviceYaml?.textAt(path)?.startsWith('|') === true;
  return (line) => (isBlock ? { ...origin, line: origin.line + 1 + line, column: 1 } : origin);
}

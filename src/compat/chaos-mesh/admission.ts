import { formatPath } from '../../spec/problem.ts';
import type { ChaosDocument } from './document.ts';
import { type Finding, listOf, mapOf, type Raw } from './say.ts';

/** Findings as the text that a webhook refuses with: one a line, the path in the document first. */
export const refusalText = (findings: readonly Finding[]): string =>
  findings.map(({ path, message }) => [formatPath(path), message].filter(Boolean).join(': ')).join('\n');

/**
 * Every namespace in which a document may hit a pod, at either end and in whatever is inside it: whoever applies it must
 * be allowed to make chaos in each of them. Sorted.
 */
export function affectedNamespaces(document: ChaosDocument): readonly string[] {
  const found = new Set<string>();
  const walk = (map: Raw): void => {
    const selector = mapOf(map.selector);
    const pods = Object.keys(mapOf(selector?.pods) ?? {});
    for (const name of pods.length > 0 ? pods : listOf(selector?.namespaces)) found.add(String(name));
    for (const [key, part] of Object.entries(map)) {
      const inner = key === 'selector' ? undefined : mapOf(part);
      if (inner) walk(inner);
      for (const item of listOf(part)) walk(mapOf(item) ?? {});
    }
  };
  walk(document.spec as Raw);
  return [...found].sort();
}

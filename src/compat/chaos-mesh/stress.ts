import type { JsonObject } from '../../core/model.ts';
import type { StressChaos } from './document.ts';
import { splitWords } from './words.ts';

type Spec = StressChaos['spec'];
type Stressors = NonNullable<Spec['stressors']>;

const usualSize = '256MB';
/** Up to here our own faults go. */
const most = { cpu: 1024, memory: 256 };

/** Fault and parameters of a StressChaos. CPU and memory together are one fault, so that the same pods get both. */
export function stressAction(spec: Spec): { readonly fault: string; readonly params: JsonObject } {
  const { stressngStressors } = spec;
  if (stressngStressors) return { fault: 'stress', params: { arguments: splitWords(stressngStressors) ?? [] } };
  const { cpu, memory } = spec.stressors ?? {};
  if (cpu && !memory && !cpu.options?.length && cpu.workers <= most.cpu) {
    return { fault: 'cpu-stress', params: { workers: cpu.workers, load: cpu.load ?? 100 } };
  }
  const share = memory?.size?.includes('%');
  if (memory && !cpu && !memory.options?.length && memory.workers <= most.memory && !share) {
    return { fault: 'memory-stress', params: { size: memory.size ?? usualSize, workers: memory.workers } };
  }
  return { fault: 'stress', params: { arguments: [...cpuArguments(cpu), ...memoryArguments(memory)] } };
}

/** One entry may hold an option with its value, as in `--cpu-method sqrt`. */
const words = (options: readonly string[] = []): readonly string[] =>
  options.flatMap((option) => option.split(/\s+/).filter((word) => word !== ''));

function cpuArguments(cpu: Stressors['cpu']): readonly string[] {
  if (!cpu) return [];
  return ['--cpu', String(cpu.workers), '--cpu-load', String(cpu.load ?? 100), ...words(cpu.options)];
}

function memoryArguments(memory: Stressors['memory']): readonly string[] {
  if (!memory) return [];
  return [
    '--vm',
    String(memory.workers),
    '--vm-bytes',
    sizeOf(memory.size ?? usualSize),
    '--vm-keep',
    ...words(memory.options),
  ];
}

const factors: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

/** For stress-ng, whose own units are powers of 1024: bytes, or the share as it is. */
function sizeOf(size: string): string {
  if (size.includes('%')) return size.replace(/\s/g, '');
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?$/i.exec(size) ?? [];
  return String(Math.round(Number(amount) * (factors[unit.toLowerCase()] ?? 1)));
}

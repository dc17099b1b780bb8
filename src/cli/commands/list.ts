/** Name, one-line summary and group of every command: all that `zashiki --help` needs. */
export interface CommandLine {
  readonly name: string;
  readonly summary: string;
  readonly group: 'Experiments' | 'Safety' | 'Looking around' | 'Continuous chaos' | 'Kubernetes' | 'Shell';
}

export const commandList: readonly CommandLine[] = [
  { name: 'init', group: 'Experiments', summary: 'write a first experiment for what runs here' },
  { name: 'validate', group: 'Experiments', summary: 'check files; every mistake with its place and the fix' },
  { name: 'plan', group: 'Experiments', summary: 'show exactly who would be hit, by what, and how it is undone' },
  { name: 'run', group: 'Experiments', summary: 'plan, ask, inject, observe, recover, judge' },
  { name: 'apply', group: 'Experiments', summary: 'carry out a saved plan: exactly these targets, or none' },
  { name: 'stop', group: 'Safety', summary: 'recover everything in flight now and refuse new runs' },
  { name: 'recover', group: 'Safety', summary: 'undo what runs that are gone have left behind' },
  { name: 'runs', group: 'Looking around', summary: 'list past runs, or show one' },
  { name: 'report', group: 'Looking around', summary: 'write a report of a run: html, markdown, junit, json, svg' },
  { name: 'diff', group: 'Looking around', summary: 'what changed between two runs, and is it significant' },
  { name: 'targets', group: 'Looking around', summary: 'what a selector finds here, and what is protected' },
  { name: 'faults', group: 'Looking around', summary: 'the catalogue of faults' },
  { name: 'probes', group: 'Looking around', summary: 'the ways to read steady state' },
  { name: 'serve', group: 'Continuous chaos', summary: 'daemon: schedules, HTTP API, triggers; dry until --execute' },
  { name: 'agent', group: 'Continuous chaos', summary: 'carry out faults on this machine for controllers elsewhere' },
  { name: 'monkey', group: 'Continuous chaos', summary: 'random picks inside office hours; dry until --execute' },
  { name: 'nightmare-monkey', group: 'Continuous chaos', summary: "Nightmare Monkey's command line, unchanged" },
  { name: 'pumba', group: 'Continuous chaos', summary: "Pumba's command line, unchanged: chaos for containers" },
  {
    name: 'proxy',
    group: 'Continuous chaos',
    summary: "fault proxy for TCP, UDP and Unix sockets; speaks Toxiproxy's API",
  },
  { name: 'install', group: 'Kubernetes', summary: 'put operator and agents into a Kubernetes cluster' },
  {
    name: 'uninstall',
    group: 'Kubernetes',
    summary: 'recover everything, then take operator and agents out of a cluster',
  },
  { name: 'operator', group: 'Kubernetes', summary: 'controller of a Kubernetes cluster: faults by kubectl apply' },
  { name: 'completion', group: 'Shell', summary: 'print the completion script of bash, zsh or fish' },
];

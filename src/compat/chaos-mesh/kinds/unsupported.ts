/** Kinds of Chaos Mesh that Zashiki knows by name only, and why. */
export const unsupportedKinds: Readonly<Record<string, string>> = {
  KernelChaos: 'it needs a kernel with BPF_KPROBE_OVERRIDE and a sidecar that loads programs into it',
  JVMChaos: 'it loads an agent into the JVM, which cannot be taken out again for certain',
  BlockChaos: 'it needs a kernel module of its own on every node, whose I/O scheduler is not put back',
  PhysicalMachineChaos:
    'it speaks to chaosd on a machine; run zashiki on that machine, with target { host: … } in an Experiment of zashiki.dev/v1',
  PhysicalMachine: 'it is an address of chaosd; run zashiki on that machine instead',
  AWSChaos: 'it needs keys of a cloud account in the cluster',
  GCPChaos: 'it needs keys of a cloud account in the cluster',
  AzureChaos: 'it needs keys of a cloud account in the cluster',
  RemoteCluster: 'it installs software in another cluster; run zashiki there, or use a context of your kubeconfig',
  WorkflowNode: 'it is made from a Workflow by the controller, and not by hand',
  PodNetworkChaos: 'it is a note of the controller to itself; apply a NetworkChaos',
  PodIOChaos: 'it is a note of the controller to itself; apply an IOChaos',
  PodHttpChaos: 'it is a note of the controller to itself; apply an HTTPChaos',
};

// What is used of the client library. It is loaded when a cluster is first talked to, and only this of it is bundled.
export { Exec, KubeConfig, PortForward, Watch } from '@kubernetes/client-node';
